"""The files of a study for a paper: tables (LaTeX, CSV), figures (SVG, PDF), methods, BibTeX, and an example that uses them all.

Nothing is rounded or typed by hand: tables are those of the figures, sentences are filled from the study and its runs.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import vl_convert

from greenreport import __version__
from greenreport.analysis.analyse import Analysis
from greenreport.analysis.hypotheses.claim_text import plain
from greenreport.analysis.hypotheses.preregistration import preregistration
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.fidelity import reference_of
from greenreport.catalog import Served
from greenreport.record import Outcome
from greenreport.report.context import StudyContext, study_context
from greenreport.report.drawing.style import fixed_colours
from greenreport.report.exports.citation import citation
from greenreport.report.exports.latex import bibtex, tex, tex_table
from greenreport.report.figure import Figure, csv_bytes
from greenreport.report.figures.hypothesis_pairs import pairs_figure
from greenreport.report.figures.hypothesis_ratios import forest_figure
from greenreport.report.figures.hypothesis_runs import strip_figure
from greenreport.report.figures.matrix import matrix_figure
from greenreport.report.load_description import load_of, output_words, served
from greenreport.study import Configuration, Site
from greenreport.units import counted, declared_percent, listed, safe_slug


def write_paper(analysis: Analysis, folder: Path) -> tuple[Path, ...]:
    """Write everything into a folder; return the files."""
    study = study_context(safe_slug(analysis.dataset.study.study), analysis)
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []

    def write(name: str, content: bytes) -> None:
        file = folder / name
        file.write_bytes(content)
        files.append(file)

    drawn: dict[str, Figure] = {}
    for figure in _figures(study):
        name = re.sub(r"[^A-Za-z0-9-]", "-", figure.id)
        drawn[name] = figure
        spec = fixed_colours(json.dumps(_unlinked(figure.described_spec)))
        write(f"{name}.svg", vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]).encode())
        write(f"{name}.pdf", vl_convert.vegalite_to_pdf(spec, allowed_base_urls=[]))
        write(f"{name}.csv", csv_bytes(figure.table))
        write(f"{name}.tex", tex_table(figure.table, name, figure.caption).encode())
    write("methods.tex", (methods_paragraph(analysis) + "\n").encode())
    write("answers.tex", ("\n\n".join(tex(sentence) for sentence in _answers(analysis)) + "\n").encode())
    write("references.bib", bibliography(study).encode())
    write("example.tex", _example(study.dataset.study.title, drawn).encode())
    return tuple(files)


def _unlinked(spec: Any) -> Any:
    """Return a specification without links to pages: a paper lies in no site."""
    if isinstance(spec, dict):
        return {key: _unlinked(value) for key, value in spec.items() if key != "href"}
    return [_unlinked(value) for value in spec] if isinstance(spec, list) else spec


def _figures(study: StudyContext) -> Iterator[Figure]:
    reference = reference_of(study.dataset)
    seen = set()
    for finding in study.analysis.findings:
        for figure in (forest_figure(study, finding, reference), strip_figure(study, finding), pairs_figure(study, finding)):
            if figure is not None:
                yield figure
        if finding.metric.id not in seen:
            seen.add(finding.metric.id)
            matrix = matrix_figure(study, finding.metric.id)
            if matrix is not None:
                yield matrix


#: How a study that ends by itself pays for its looks, with the sources.
SPENDING = (
    "α is spent in proportion to the blocks (Kim and DeMets 1987), by the joint distribution of Student's t over all looks, and intervals are "
    "repeated confidence intervals (Jennison and Turnbull 1989)."
)


def methods_paragraph(analysis: Analysis) -> str:
    """Return the methods as LaTeX, from the study file and from what was recorded."""
    dataset = analysis.dataset
    fewest = dataset.fewest
    scope = f"{counted(len(dataset.models), 'model')} in {counted(len(dataset.configurations), 'serving configuration')}"
    if dataset.imported:
        sentences = [
            f"We analysed published values of {scope} with greenreport {__version__}; how they were measured is not known to it."
        ]
    else:
        declared = dataset.study.protocol.sequential or counted(dataset.repetitions, "repetition")
        most = " repetitions" if analysis.stopping is not None else ""
        planned = f"{declared}{most} of each cell were planned and at least {fewest} are valid in every cell that ran"
        sentences = [f"We measured {scope} with greenreport {__version__}; {planned}.", *_protocol(analysis)]
    if dataset.environment is not None:
        host = dataset.environment
        libraries = ", ".join(f"{name} {version}" for name, version in host.libraries)
        sentences.append(
            f"The machine has {host.cpu_model} ({host.physical_cores} cores) and {host.memory_b / 2**30:.0f} GiB of memory"
            + (f", {', '.join(gpu.name for gpu in host.gpus)}" if host.gpus else "")
            + (f", and is a {host.virtualisation}" if host.virtualisation else "")
            + f"; it ran {host.os} with Python {host.python} and {libraries}."
        )
    boundaries = dataset.boundaries("energy_j")
    if boundaries and not dataset.imported:
        how = "estimated by a power model from CPU load" if dataset.estimated else "measured"
        sentences.append(f"Energy was {how}; its boundary is {'; '.join(boundaries)}, idle power included.")
    levels = sorted({f"{f.hypothesis.alpha:g}" for f in analysis.findings})
    if levels:
        sentences.append(
            "Configurations were compared on each model within blocks, by Student's t of log ratios with simultaneous intervals over all pairs "
            f"(Bonferroni, α = {', '.join(levels)}); statements about models were adjusted over the models and hypotheses of a question (Holm)."
            + _registered_tests(analysis)
        )
    if analysis.stopping is not None:
        sentences.append(f"{analysis.stopping.account()} {SPENDING}")
    registered = preregistration(dataset)
    if registered is not None:
        changes = len(registered.changes)
        sentences.append(
            f"Questions, hypotheses and exclusion rules were fixed before the first run (sha256 {registered.digest[:16]}); "
            f"{counted(changes, 'change') if changes else 'no change'} {'were' if changes > 1 else 'was'} made later."
        )
    return tex(" ".join(sentences))


def _registered_tests(analysis: Analysis) -> str:
    """Return a sentence on hypotheses whose test was not the default."""
    forced = [f"{f.hypothesis.id} by {f.hypothesis.test}" for f in analysis.findings if f.hypothesis.test != "blocked"]
    return f" The decisions on hypotheses come from the registered tests: {', '.join(forced)}." if forced else ""


def _protocol(analysis: Analysis) -> Iterator[str]:
    dataset = analysis.dataset
    study, protocol = dataset.study, dataset.study.protocol
    order = "a fixed order" if protocol.order.design == "fixed" else protocol.order.words
    prompts = study.workload.requests or dataset.prompts_count
    sent = counted(prompts, "prompt") if prompts else "the prompts of the study"
    load = load_of(dataset.configurations, study.workload)
    yield (
        f"Runs were made in {order}, {_servers(dataset.configurations)}; in each, {sent} were sent over HTTP ({load}), with "
        f"{output_words(dataset.configurations, study.workload)} a prompt ({study.workload.generation.decoding})."
    )
    rule = protocol.cooldown
    cooled = {
        "none": "no cool-down",
        "elapsed": f"a cool-down of {rule.max_s:g} s",
        "steady": f"a cool-down until the machine was steady (at most {rule.max_s:g} s)",
    }[rule.until]
    steady = f" (the steady part of the load, after a ramp of {study.workload.ramp_s:g} s)" if study.workload.ramp_s else ""
    yield (
        f"A run consists of {cooled}, loading, an idle baseline of {protocol.idle_baseline_s:g} s, {counted(protocol.warmup_requests, 'warm-up request')}, the "
        f"measured window{steady}, and another idle baseline; meters were sampled every {protocol.sampling_interval_ms} ms in a process of their own."
    )
    if protocol.errors:
        admitted = declared_percent(protocol.errors)
        yield f"Runs count in which at most {admitted} of the requests failed; failed requests are no part of latencies, and what they cost is in the energy."
    if dataset.untrained:
        yield "Models have their published architecture and seeded random weights; with exact output lengths, work does not depend on their values."
    ended = Counter(run.outcome for cell in dataset.cells for run in cell.runs)
    excluded = ended.pop(Outcome.INVALID, 0)
    others = [
        f"{number} {outcome.value.replace('_', ' ')}" for outcome, number in sorted(ended.items()) if outcome is not Outcome.OK
    ]
    outliers = {
        "none": "no run was removed as an outlier",
        "iqr": "runs beyond 1.5 interquartile ranges were set aside",
        "mad": "runs beyond 3 scaled median absolute deviations were set aside",
    }[study.outliers]
    dropped = counted(excluded, "run") if excluded else "No runs"
    rules = study.validity
    admitted = listed([flag.replace("_", " ") for flag in rules.admit])
    yield (
        f"{dropped} {'was' if excluded == 1 else 'were'} excluded by the declared validity rules"
        + (f", which admit runs with {admitted}" if admitted else "")
        + f"; other programs might use {declared_percent(rules.foreign_load)} of the CPUs; {outliers}."
        + (f" Further runs have no values: {', '.join(others)}." if others else "")
    )


def _servers(configurations: Sequence[Configuration]) -> str:
    """Return which server processes answered the requests."""
    running = [label_of(configuration) for configuration in configurations if served(configuration) is Served.RUNNING]
    if not running:
        several = any(configuration.replicas > 1 for configuration in configurations)
        return f"each with {'server processes' if several else 'a server process'} of its own"
    if len(running) == len(configurations):
        return "all answered by a server that ran before, during and after them"
    return f"each with a server process of its own but those of {', '.join(running)}, whose server ran before, during and after them"


def _answers(analysis: Analysis) -> Iterator[str]:
    for answer in analysis.answers:
        yield f"{answer.id}: {answer.question}"
        for part in answer.answers:
            yield " ".join([plain(part.lead), part.decision, *part.exceptions])


def _example(title: str, figures: Mapping[str, Figure]) -> str:
    """Return a document that uses every file, to check that all compile and to copy from."""
    parts = [
        r"\documentclass{article}",
        r"\usepackage[margin=25mm]{geometry}",
        r"\usepackage{booktabs,graphicx,longtable}",
        f"\\title{{{tex(title)}}}",
        r"\author{}",
        r"\date{}",
        r"\begin{document}",
        r"\maketitle",
        r"\section{Answers}",
        r"\input{answers}",
        r"\section{Methods}",
        r"\input{methods}",
        r"\section{Tables and figures}",
        r"\nocite{*}",
    ]
    for name, figure in figures.items():
        shown = f"\\includegraphics[width=\\linewidth,height=0.7\\textheight,keepaspectratio]{{{name}.pdf}}"
        caption = f"\\caption{{{tex(f'{figure.finding}. {figure.caption}')}}}\\label{{fig:{name}}}"
        parts += [
            r"\begin{figure}",
            r"  \centering",
            f"  {shown}",
            f"  {caption}",
            r"\end{figure}",
            f"\\input{{{name}}}",
            r"\clearpage",
        ]
    return "\n".join([*parts, r"\bibliographystyle{plain}", r"\bibliography{references}", r"\end{document}", ""])


def bibliography(study: StudyContext) -> str:
    """Return BibTeX of the study, the publications it names, and the tool."""
    entries = [citation(study, Site())[1]]
    for number, cited in enumerate(study.dataset.study.cites, start=1):
        entries.append(f"@misc{{{safe_slug(study.dataset.study.study)}-cited-{number},\n  note = {{{bibtex(cited)}}}\n}}")
    entries.append(
        f"@misc{{greenreport,\n  title   = {{{{greenreport}}}},\n  version = {{{__version__}}},\n"
        "  note    = {Serving studies of small language models: energy, time and memory}\n}"
    )
    return "\n\n".join(entries) + "\n"
