"""The design of a study on the methods page: levels, subjects, workload, protocol and instruments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.catalog import METERS, Accuracy
from greenreport.record import Facts
from greenreport.report.load_description import asked_words, load_of, output_words, sent_words, server_words, transport_words
from greenreport.study import Protocol
from greenreport.study.meter_options import DEFAULT_IDLE_W, DEFAULT_MAX_W, EstimateUse
from greenreport.units import count, counted, declared_percent, listed, quantity

#: Where prompts come from, in words.
PROMPTS = {
    "builtin": "the small programming problems that come with greenreport",
    "elementary": "the elementary functions that come with greenreport",
    "humaneval": "HumanEval (Chen et al. 2021)",
    "file": "a file of the study",
}


@dataclass(frozen=True, slots=True)
class FactorLevel:
    """A level of the factor: what was asked for, how it is loaded, and what the engine reported after loading."""

    label: str
    asked: str
    load: str
    reported: str


def levels(dataset: Dataset) -> Iterator[FactorLevel]:
    """Yield the serving configurations; where runs reported different facts after loading, each report once."""
    for configuration in dataset.configurations:
        if dataset.imported:
            yield FactorLevel(label_of(configuration), "not known", "not known", "–")
            continue
        runs = (run for cell in dataset.cells if cell.configuration.id == configuration.id for run in cell.ok)
        reported = "; ".join(dict.fromkeys(_facts(run.facts) for run in runs if run.facts is not None)) or "–"
        load = load_of([configuration], dataset.study.workload)
        yield FactorLevel(label_of(configuration), ", ".join(asked_words(configuration)), load, reported)


def _facts(facts: Facts) -> str:
    parts = (
        " on ".join(part for part in (facts.dtype, facts.device) if part),
        counted(facts.threads, "thread") if facts.threads is not None else "",
        "" if facts.kv_cache is None else "KV cache" if facts.kv_cache else "no KV cache",
    )
    return ", ".join(part for part in parts if part) or "not reported by the server"


def subjects(dataset: Dataset) -> Iterator[tuple[str, str, str, str]]:
    """Yield label, source, parameters and weights of the models under study."""
    for model in dataset.models:
        source = model.path or (model.architecture.type if model.architecture else "–")
        if model.package:
            source = f"GGUF file of the package {model.package}, sha256 {model.sha256}"
        elif model.hub:
            source = f"{model.hub}, {'revision ' + model.revision if model.revision else 'revision not pinned'}"
        weights = "not known" if dataset.imported else dataset.study.weights_of(model).value
        yield model.label, source, count(model.parameters) if model.parameters else "–", weights


def workload_facts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield order, generation, load and servers; for imported values, a single entry that says it is not known."""
    if dataset.imported:
        yield "Order, prompts, generation, load", "not known"
        return
    study, configurations = dataset.study, dataset.configurations
    yield "Order", study.protocol.order.words
    yield "Generation", f"{output_words(configurations, study.workload)}, {study.workload.generation.decoding}"
    yield "Load", f"{load_of(configurations, study.workload)}; {sent_words(study.workload)}"
    yield "Transport", transport_words(configurations, study.workload)
    yield "Server process", server_words(configurations, study.protocol)


def protocol_facts(protocol: Protocol) -> Iterator[tuple[str, str]]:
    """Yield the phases of a run as the study declares them."""
    rule = protocol.cooldown
    cooled = {
        "none": "none",
        "elapsed": f"{quantity(rule.max_s, 's')}, fixed",
        "steady": f"until power, temperature and load are steady over {quantity(rule.window_s, 's')}, at most {quantity(rule.max_s, 's')}",
    }
    yield "Cool-down", cooled[rule.until]
    idle = quantity(protocol.idle_baseline_s, "s")
    yield "Idle baseline", f"{idle} before and after the window, with the server up" if protocol.idle_baseline_s else "none"
    requests = f"{counted(protocol.warmup_requests, 'request')}, answered and discarded"
    yield "Warm-up", requests if protocol.warmup_requests else "none"
    if protocol.errors:
        yield (
            "Failed requests",
            f"at most {declared_percent(protocol.errors)} of a run; they are counted, and are no part of latencies",
        )


@dataclass(frozen=True, slots=True)
class InstrumentErrors:
    """What is known of the errors of an instrument that was read.

    Attributes:
        channels: what it read, in words.
        accuracy: None where nothing is known, with the reason.
    """

    label: str
    channels: str
    accuracy: Accuracy | None
    reason: str = ""


def instrument_errors(dataset: Dataset) -> Iterator[InstrumentErrors]:
    """Yield the instruments that energy was read from, each with the channels that have the same errors."""
    channels: dict[tuple[str, Accuracy | None], dict[str, None]] = {}
    for item in (item for run in dataset.runs for item in run.sampling if item.of_energy):
        channels.setdefault((item.meter, item.accuracy), {})[item.channel] = None
    for (meter, accuracy), names in channels.items():
        info = METERS[meter]
        why = "modelled, not measured; its error is not known" if info.method == "estimated" else "not known"
        yield InstrumentErrors(info.label, listed(list(names)), accuracy, "" if accuracy is not None else why)


def instruments(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield the meters that were read, and of a power model its formula with the watts that were used."""
    read = dataset.meters
    for use in dataset.study.meters:
        info = METERS.get(use.name)
        if info is None or use.name not in read:
            continue
        if not isinstance(use, EstimateUse) or dataset.environment is None:
            yield info.label, info.summary
            continue
        cpus = dataset.environment.logical_cpus
        idle_w, max_w = use.powers_w(cpus)
        origin = (
            "declared in the study"
            if use.idle_w is not None
            else f"the default, {quantity(DEFAULT_IDLE_W, 'W')} idle and {quantity(DEFAULT_MAX_W, 'W')} at full load for each of {cpus} logical CPUs; "
            "not calibrated on this machine, so joules are right to an order of magnitude at best"
        )
        yield info.label, f"P = {quantity(idle_w, 'W')} + {quantity(max_w - idle_w, 'W')} · CPU load of the machine ({origin})"
