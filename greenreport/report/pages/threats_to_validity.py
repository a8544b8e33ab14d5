"""Threats to validity, filled from what the study declares and what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.run_order import OrderEffects
from greenreport.analysis.measure.validity_badge import PUBLICATION_FLOOR
from greenreport.catalog import Served
from greenreport.record import FlagCode, Outcome
from greenreport.report.load_description import load_of, served
from greenreport.report.order_sentences import order_sentences
from greenreport.study import Protocol
from greenreport.units import counted

#: (kind of validity, sentences).
Threats = tuple[tuple[str, tuple[str, ...]], ...]

#: Runs that a sentence names before it only counts them.
NAMED = 3


def threats_to_validity(dataset: Dataset, order: Sequence[OrderEffects]) -> Threats:
    """Return the threats by kind of validity.

    Args:
        order: what the order of the runs does to the tested metrics.
    """
    return (
        ("Construct validity: does the number mean what it says?", tuple(_construct(dataset))),
        ("Internal validity: could something else explain the differences?", tuple(_internal(dataset, order))),
        ("External validity: does it hold elsewhere?", tuple(_external(dataset))),
        ("Conclusion validity: are the inferences sound?", tuple(_conclusion(dataset))),
    )


def _construct(dataset: Dataset) -> Iterator[str]:
    if dataset.imported:
        yield "Energy, time and memory are what the table says; what energy includes, the window and the instruments are not known here."
        yield "Correctness of the outputs is not scored."
        return
    boundaries = dataset.boundaries("energy_j")
    if dataset.estimated:
        yield (
            "Energy is an estimate: a power model turns the machine's CPU load into watts. It follows CPU time closely and knows nothing of "
            "instructions, clocks or memory, so differences in energy here are differences in CPU time and in elapsed time."
        )
    elif boundaries:
        yield f"Energy includes {', '.join(boundaries)}; the rest of the machine (fans, disks, power supply) is outside the boundary."
    else:
        yield "Energy was not measured on this machine."
    yield "Energy and time are those of the measured window only. Loading, compilation and warm-up are measured separately."
    if dataset.untrained:
        yield (
            "Models have the declared shape and random weights. Output length is fixed, so the work is that of a trained model; the quality of "
            "outputs is outside this study."
        )
    yield (
        "Answers are judged; the study's tasks define what counts as right."
        if dataset.verdicts
        else "Correctness of the outputs is not scored."
    )


def _internal(dataset: Dataset, order: Sequence[OrderEffects]) -> Iterator[str]:
    protocol = dataset.study.protocol
    if dataset.imported:
        yield "The values were measured elsewhere; order, cool-down and warm-up are not known."
        return
    if protocol.order.design == "fixed":
        yield "The order of runs is fixed, so slow changes of the machine fall on the same configurations each time."
    else:
        yield f"Each repetition is a block with every cell once, in an order randomised with seed {protocol.order.seed}."
        if protocol.order.design == "williams":
            yield "Blocks follow a Williams design, so that no cell has run after another more often than by its share."
        yield from _after_their_blocks(dataset)
    yield from _found(order)
    yield _cooldown(protocol)
    running = [label_of(c) for c in dataset.configurations if served(c) is Served.RUNNING]
    if running:
        yield (
            f"{', '.join(running)}: the server ran before the study and went on running, so its memory, caches and warmth carry over from "
            "run to run; what it does not report (type, threads, cache) is not verified."
        )
    if len(running) < len(dataset.configurations):
        others = "Every other run" if running else "Every run"
        own = "server processes" if any(c.replicas > 1 for c in dataset.configurations) else "a server process"
        yield (
            f"{others} has {own} of its own, so no memory of an earlier process is left; files may still be in the cache of the operating system."
            + (
                " Servers are forked from a process that has the libraries imported; start-up times and memory are less exact than with fresh ones."
                if protocol.worker == "preloaded"
                else ""
            )
        )
    if dataset.environment is not None and dataset.environment.virtualisation:
        yield f"The machine is a {dataset.environment.virtualisation}: load of other guests can be neither observed nor ruled out."
    flagged = sum(1 for cell in dataset.cells for run in cell.ok if any(f.code is FlagCode.UNSTEADY_START for f in run.flags))
    if flagged:
        yield f"{_runs(flagged)} started before the machine was steady; each names the reading that was not."
    bad = dataset.outcomes[Outcome.INVALID]
    if bad:
        yield f"{_runs(bad)} {'was' if bad == 1 else 'were'} invalid and {'is' if bad == 1 else 'are'} excluded; the validity page says why."


def _after_their_blocks(dataset: Dataset) -> Iterator[str]:
    """Yield a sentence on runs that were made when a later block had begun: repeated ones, and those of cells that were added."""
    runs = [run for cell in dataset.cells for run in cell.ok]
    late = [
        (cell, run)
        for cell in dataset.cells
        for run in cell.ok
        if any(other.repetition > run.repetition and other.started_at < run.started_at for other in runs)
    ]
    if late:
        named = "; ".join(f"{cell.key}, repetition {run.repetition}" for cell, run in late[:NAMED])
        more = f"; {len(late) - NAMED} more" if len(late) > NAMED else ""
        yield (
            f"{counted(len(late), 'run')} of {len(runs)} {'was' if len(late) == 1 else 'were'} made after a later block had begun, as repeated runs and "
            f"added cells are ({named}{more}): what a block shared at its own time does not cancel when such a run is compared with it."
        )


def _found(order: Sequence[OrderEffects]) -> Iterator[str]:
    """Yield the effects of the order that were found; what one means is said once."""
    told = set()
    for sentence in (sentence for item in order for sentence in order_sentences(item) if sentence.found):
        yield f"{sentence.seen}." if sentence.effect in told else f"{sentence.seen}. {sentence.meaning}"
        told.add(sentence.effect)


def _cooldown(protocol: Protocol) -> str:
    rule = protocol.cooldown
    if rule.until == "none":
        return "There is no cool-down between runs; heat of one run may reach the next."
    if rule.until == "elapsed":
        return f"Each run is preceded by a cool-down of {rule.max_s:g} s."
    return f"Each run is preceded by a cool-down until the machine is steady, for at most {rule.max_s:g} s."


def _external(dataset: Dataset) -> Iterator[str]:
    machine = "The machine is not known" if dataset.imported else "One machine"
    yield f"{machine}. Absolute joules and seconds do not carry over to others; ratios and directions may."
    models, prompts = dataset.subject.counted(len(dataset.models)), dataset.prompts_count
    if dataset.imported:
        yield f"{models}; prompts and load are not known, and other lengths, batches and loads may rank differently."
        return
    sent = counted(prompts, "prompt") if prompts else "the study's prompts"
    load = load_of(dataset.configurations, dataset.study.workload) or "none"
    yield f"{models}, {sent}. The load was {load}; other lengths, batches and loads may rank differently."


def _conclusion(dataset: Dataset) -> Iterator[str]:
    fewest = dataset.fewest
    count = f"At least {counted(fewest, 'valid run')} in each cell that has any" if fewest else "There are no valid runs yet"
    yield f"{count}. The unit of analysis is the run; requests within a run are not treated as independent."
    yield (
        "Tests are chosen by declared rules. p values of pairs are adjusted over all pairs of their metric and model (Bonferroni), those of whole "
        "hypotheses over the models and hypotheses of a question (Holm). Effect sizes are always shown."
    )
    if 0 < fewest < PUBLICATION_FLOOR * 2:
        yield (
            "With so few runs per cell, checks of normality are weak, intervals are wide, and small differences are missed: the table of hypotheses says "
            "how small."
        )
    outliers = (
        "none was removed as an outlier" if dataset.study.outliers == "none" else "outliers are set aside by a declared rule"
    )
    excluded = sum(len(cell.runs) - len(cell.ok) for cell in dataset.cells)
    yield f"{_runs(excluded)} {'is' if excluded == 1 else 'are'} excluded by validity rules; {outliers}."


def _runs(number: int) -> str:
    return counted(number, "run") if number else "No runs"
