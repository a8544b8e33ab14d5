"""What the simulation of the statistics found, as data for the package and as a page of the documentation.

Both are written from the same values: ``greenreport/report/simulation.json`` is what the methods page of every study shows, and
docs/statistics-simulation.md is made of it, so that no number is copied by hand.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "greenreport" / "report" / "simulation.json"
PAGE = ROOT / "docs" / "statistics-simulation.md"
AIM = 0.06  # type-I error at α = .05
LOWEST = 0.93  # coverage of 95 % intervals
NOT_CHOSEN = "not chosen"

Cell = str | int | float


@dataclass(slots=True)
class SimulatedTable:
    """One table: shares as floats, everything else as text or whole numbers; `samples` behind each share."""

    id: str
    title: str
    columns: tuple[str, ...]
    samples: int
    rows: list[tuple[Cell, ...]] = field(default_factory=list)


def read(text: str) -> tuple[int, list[SimulatedTable]]:
    """Return samples and tables of a data file."""
    data = json.loads(text)
    tables = [
        SimulatedTable(**(t | {"columns": tuple(t["columns"]), "rows": [*map(tuple, t["rows"])]})) for t in data["tables"]
    ]
    return data["samples"], tables


def page(samples: int, tables: list[SimulatedTable]) -> str:
    """Return the page of the documentation."""
    introduction = (
        "Type-I error of whole comparisons and coverage of every interval, on populations with known truth.\n"
        "`python -m benchmarks.statistics_simulation SAMPLES --write` makes this page and the table on the methods page of every study, seeded: the same number of samples\n"
        "gives the same figures. No figure here is copied by hand.\n\n"
        f"This run has {samples:,} samples, so a share of 5 % has a standard error of {100 * error(0.05, samples):.1f} % where a table says nothing else. The aim is at most "
        f"{100 * AIM:.0f} %\ntype-I error at α = .05 and {100 * LOWEST:.0f} to 97 % coverage. Columns that say “{NOT_CHOSEN}” show what a common alternative would have done on "
        "the same samples."
    )
    parts = ["# Simulation of the statistics", "", introduction, "", "## What stands out", "", *_outstanding(tables), ""]
    parts += _why(tables)
    for table in tables:
        more = f" ({table.samples:,} samples)" if table.samples != samples else ""
        parts += ["", f"### {table.title}{more}", "", f"| {' | '.join(table.columns)} |", f"|{'---|' * len(table.columns)}"]
        parts += [f"| {' | '.join(shown(cell) for cell in row)} |" for row in table.rows]
    return "\n".join(parts) + "\n"


def _why(tables: list[SimulatedTable]) -> list[str]:
    """Return why few small groups are above the aim, with the figures of the tests alone."""
    alone = next(table for table in tables if table.id == "alone")
    few = [place for place, column in enumerate(alone.columns) if column in ("n=3", "n=4", "n=5")]
    ten = shown(max(float(row[alone.columns.index("n=10")]) for row in alone.rows if row[0] == "welch"))
    ranges = {}
    for test in ("welch", "kruskal"):
        rates = [float(row[place]) for row in alone.rows if row[0] == test and row[1] != "normal" for place in few]
        ranges[test] = f"{shown(min(rates))} to {shown(max(rates))} %"
    text = (
        "Welch's F allows for the error of sample variances by its degrees of freedom. With five groups of three to five runs that is not enough: alone, without any choice before it, the\n"
        f"test rejects in {ranges['welch']} of samples where spreads differ or tails are light (table “alone” below), Kruskal–Wallis in {ranges['kruskal']}. It is a known property of the\n"
        "test and no fault of the choice: a check of normality on so few runs hardly tells such populations from normal ones, so most of these samples go to Welch. `gated` keeps\n"
        f"Welch there all the same: five groups of five runs that do not overlap at all are told apart by Games–Howell, and neighbours among them never by Dunn's test. With ten runs at most {ten} % remain.\n"
        "Above two groups and below ten runs the reason of a test therefore says that its level is kept only approximately; with many small groups, where the excess is worse, `gated` takes\n"
        "Kruskal–Wallis."
    )
    return ["## Why a few small groups are above the aim", "", text]


def shown(cell: Cell) -> str:
    """Print a cell: shares as percentages without a sign."""
    return f"{100 * cell:.1f}" if isinstance(cell, float) else str(cell)


def error(share: float, samples: int) -> float:
    """Return the standard error of a share."""
    return math.sqrt(share * (1 - share) / samples)


def _outstanding(tables: list[SimulatedTable]) -> list[str]:
    """Return a list of the cells beyond the aims by more than two standard errors."""
    errors, holes = [], []
    for table in tables:
        for row in table.rows:
            name = ", ".join(str(cell) for cell in row if not isinstance(cell, float))
            for column, cell in zip(table.columns, row, strict=True):
                if not isinstance(cell, float) or column.startswith(NOT_CHOSEN):
                    continue
                if "error" in table.title and cell - 2 * error(cell, table.samples) > AIM:
                    errors.append(f"{name}, {column}: {shown(cell)}")
                if "Coverage" in table.title and cell + 2 * error(cell, table.samples) < LOWEST:
                    holes.append(f"{name}, {column}: {shown(cell)}")
    return [
        f"Type-I error above {100 * AIM:.0f} % by more than two standard errors: {'; '.join(errors) or 'none'}.",
        "",
        f"Coverage below {100 * LOWEST:.0f} % by more than two standard errors: {'; '.join(holes) or 'none'}.",
    ]


#: The tables in the order of the page.
ORDER = (
    "type-one", "studies", "studies-coverage", "sequential", "sequential-coverage", "orders", "type-one-gated", "type-one-many", "type-one-forced", "alone", "one-sample", "two-samples", "blocks",
    "omnibus", "models",
)  # fmt: skip


def write(samples: int, tables: list[SimulatedTable]) -> None:
    """Write data and page; tables that are not given stay as they are."""
    kept = {table.id: table for table in read(DATA.read_text(encoding="utf-8"))[1]} if DATA.is_file() else {}
    both = kept | {table.id: table for table in tables}
    data = {"samples": samples, "tables": [asdict(both[name]) for name in ORDER if name in both]}
    text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
    DATA.write_text(text, encoding="utf-8")
    PAGE.write_text(page(*read(text)), encoding="utf-8")
