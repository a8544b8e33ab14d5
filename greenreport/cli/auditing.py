"""The command about tables of results: audit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greenreport.cli.exit_codes import Exit
from greenreport.cli.options import DEFAULT_CACHE, CacheOption, WeightsOption
from greenreport.units import counted, listed

if TYPE_CHECKING:
    from greenreport.audit import Audit, AuditFinding
    from greenreport.imports.results_table import ResultsTable

#: Of so many rows the place is printed; ``--json`` has all.
_SHOWN_ROWS = 8
#: Larger tables are audited when somebody asks: an import is to take no longer than reading.
_MOST_AT_IMPORT = 200_000


def audit(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="STUDY|PATH…",
            help="A study file or the name of a study, or result files of any known tool.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        str | None, typer.Option("--format", help="Format of the files; recognised when absent (docs/imports.md).")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--map", metavar="YAML", help="What the columns of a table are (docs/imports.md).")
    ] = None,
    cache: CacheOption = DEFAULT_CACHE,
    weights: WeightsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="All findings with every row, number and answer.")] = False,
) -> None:
    """Report what is wrong with a table of results: rows, evidence in numbers, and the answer with and without them.

    Looks for counter wraps, copies, values a quantity cannot have, broken arithmetic, runs cut short, loads that were never sent, and unequal work
    (docs/audit.md lists every rule and its threshold). Nothing is corrected or stored.

    Findings are of three kinds. "changes the result": a comparison gives a different result without the rows. "doubtful": the table alone cannot decide. "note": no
    number is wrong. Exits with code 1 if a finding changes the result, and with 0 otherwise.

    Examples: `greenreport audit run_table.csv`, `greenreport audit results/ --map mapping.yaml`, `greenreport audit studies/quickstart.yaml`.
    """
    from greenreport.audit import Severity
    from greenreport.audit import audit as examine

    table, named = _table(sources, kind, mapping, cache, weights)
    found = examine(table)
    if as_json:
        print(json.dumps(_document(found, named), indent=1))
    else:
        print("\n".join(map(_printable, audit_in_words(found, named))))
    if found.of(Severity.CHANGES_RESULT):
        raise typer.Exit(Exit.SOME_RUN_NOT_OK)


def _table(
    sources: list[Path], kind: str | None, mapping: Path | None, cache: Path, weights: str | None
) -> tuple[ResultsTable, Mapping[int, str] | None]:
    """Return the table of files, or of the runs of a study with the names of its rows."""
    from greenreport.audit.run_rows import row_names
    from greenreport.imports.reading import read_results
    from greenreport.results import load_dataset, runs_table

    if len(sources) == 1 and kind is None and mapping is None and _is_study(sources[0]):
        table = runs_table(load_dataset(sources[0], cache, weights))
        return table, row_names(table)
    return read_results(sources, kind, mapping), None


def _is_study(path: Path) -> bool:
    """Return whether a study is meant: a YAML file that holds no tool's results, or a name."""
    from greenreport.imports.reader import Candidate
    from greenreport.imports.reading import known_format

    if path.suffix.lower() in (".yaml", ".yml"):
        return not path.is_file() or known_format(Candidate(path)) is None
    return not path.exists() and not path.suffix


def audit_in_words(found: Audit, named: Mapping[int, str] | None = None) -> Iterator[str]:
    """Yield the lines of an audit, one paragraph for each finding.

    Args:
        named: what to call rows that are no lines of a file.
    """
    from greenreport.audit import RULES, describe

    yield _summary(found)
    for finding in found.findings:
        rule = RULES[finding.rule]
        yield from ("", f"[{finding.severity.value}] {rule.title} ({rule.id.value})", f"  {finding.sentence}")
        if finding.lines:
            yield f"  {_places(finding, named)}"
        if finding.effect is not None:
            yield f"  {describe(finding.effect)}"
        yield f"  What to do: {rule.advice}"
    if not found.applied:
        yield from (
            "",
            "No column is known as a metric, so no rule could look: `greenreport import FILE --suggest > mapping.yaml`, name them there, and give it with --map.",
        )
    elif found.idle:
        names = listed([rule.value for rule in found.idle])
        yield from (
            "",
            f"{counted(len(found.idle), 'rule')} had nothing to look at, since the table lacks what they need: {names}.",
        )


def audit_line(table: ResultsTable, study: str) -> str:
    """Return the line that an import prints of what it took in."""
    from greenreport.audit import audit as examine

    if len(table) > _MOST_AT_IMPORT:
        return f"not audited, since it is large: greenreport audit {study}"
    found = examine(table)
    return f"audit: {_counts(found)}" + (f"; see greenreport audit {study}" if found.findings else "")


def _counts(found: Audit) -> str:
    from greenreport.audit import Severity

    words = {
        Severity.CHANGES_RESULT: ("changes the result", "change the result"),
        Severity.DOUBTFUL: ("is doubtful", "are doubtful"),
        Severity.NOTE: ("is a note", "are notes"),
    }
    kinds = [f"{len(items)} {words[severity][len(items) > 1]}" for severity in Severity if (items := found.of(severity))]
    return f"{counted(len(found.findings), 'finding')}: {', '.join(kinds)}" if kinds else "no finding"


def _summary(found: Audit) -> str:
    return (
        f"{found.source}: {counted(found.rows, 'row')} in {counted(found.groups, 'group')}, looked at by {counted(len(found.applied), 'rule')}: "
        f"{_counts(found)}."
    )


def _printable(line: str) -> str:
    """Return a line with ordinary spaces, and without the characters that would steer a terminal: names come from files of others."""
    from greenreport.analysis.findings_json.plain_values import plain_text

    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in plain_text(line))


def _places(finding: AuditFinding, named: Mapping[int, str] | None) -> str:
    shown = [str(line) if named is None else named[line] for line in finding.lines[:_SHOWN_ROWS]]
    rest = len(finding.lines) - len(shown)
    more = f" and {rest:,} more" if rest else ""
    if named is None:
        return f"{'Line' if len(finding.lines) == 1 else 'Lines'} {', '.join(shown)}{more}."
    return f"{'Run' if len(finding.lines) == 1 else 'Runs'}: {'; '.join(shown)}{more}."


def _document(found: Audit, named: Mapping[int, str] | None) -> dict[str, Any]:
    from greenreport.analysis.findings_json.plain_values import plain_value
    from greenreport.audit import RULES

    document: dict[str, Any] = plain_value(found)
    for finding, written in zip(found.findings, document["findings"], strict=True):
        written |= {"title": RULES[finding.rule].title, "advice": RULES[finding.rule].advice}
        if named is not None:
            written["runs"] = [plain_value(named[line]) for line in finding.lines]
    return document


COMMANDS = (audit,)
