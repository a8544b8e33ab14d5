"""Tests that everything which deals with load factors knows every row of their table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.sweep.directions import directions, load_text
from greenreport.catalog import CURVE_FACTORS, LIMITABLE, LOAD_FACTORS, FactorKind
from greenreport.imports.formats.tidy import REQUIRED
from greenreport.imports.reading import read_results
from greenreport.imports.results_table import Role
from greenreport.plan import CONDITIONS, beyond, make_plan
from greenreport.report.load_description import asked_words, load_of, output_words
from greenreport.study import Configuration, Exclusion, Study, Sweep
from greenreport.study.cells import level_types
from greenreport.study.servers import PLACEHOLDERS
from tests.conftest import ROOT, minimal_study
from tests.datasets import dataset

#: Two levels of each factor, neither the default.
LEVELS: dict[str, tuple[Any, Any]] = {
    "batch_size": (2, 4), "max_batch": (2, 4), "max_wait_ms": (5, 10), "concurrency": (2, 4), "request_rate": (2.5, 4),
    "replicas": (2, 4), "dtype": ("bfloat16", "float16"), "threads": (2, 4), "kv_cache": (False, False),
    "output_tokens": (16, 32), "environment": ("old", "new"),
    "options": ({"busy": 1}, {"busy": True}),
}  # fmt: skip


def configuration(factor: str, place: int = 0) -> Configuration:
    """Return a configuration that names one factor, and what it belongs to."""
    whole = LOAD_FACTORS[factor].part_of
    base = {} if whole is None else {whole: LEVELS[whole][0]}
    return Configuration.model_validate({"engine": "fake", **base, factor: LEVELS[factor][place]})


def test_the_levels_of_these_tests_are_of_every_factor() -> None:
    """A factor that is added is tested."""
    assert set(LEVELS) == set(LOAD_FACTORS)


@pytest.mark.parametrize("factor", LOAD_FACTORS)
def test_a_factor_tells_configurations_apart_everywhere(factor: str) -> None:
    """Two levels have two ids, labels, fingerprints and descriptions; `kv_cache` has one level besides its default."""
    row = LOAD_FACTORS[factor]
    one, two = (configuration(factor, place) for place in (0, 1))
    base = Configuration.model_validate({"engine": "fake", **({row.part_of: LEVELS[row.part_of][0]} if row.part_of else {})})
    two = base if one == two and one.id == two.id else two
    study = Study.model_validate(minimal_study(configurations=[{"engine": "fake"}]))
    study = study.model_copy(update={"configurations": (one, two)})
    plan = make_plan(study, prompts_digest="x")
    described = [(load_of([c], study.workload), *asked_words(c), output_words([c], study.workload)) for c in (one, two)]
    assert one.id != two.id
    assert label_of(one) != label_of(two)
    assert len({cell.fingerprint for cell in plan.cells}) == 2
    assert described[0] != described[1]


@pytest.mark.parametrize("factor", LOAD_FACTORS)
def test_a_factor_can_be_swept_and_excluded(factor: str) -> None:
    """Sweeps and exclusions have every factor, with the types a configuration has."""
    level = LEVELS[factor][0]
    levels = {name: [value] for name, value in level.items()} if factor == "options" else [level]
    assert list(Sweep.model_validate({factor: levels}).points(Configuration(engine="fake"))) == [{factor: level}]
    model = Study.model_validate(minimal_study()).models[0]
    exclusion = Exclusion.model_validate({factor: level, "reason": "r"})
    assert exclusion.covers(model, configuration(factor))
    assert not exclusion.covers(model, Configuration(engine="fake"))
    if factor == "options":
        assert factor not in CONDITIONS
    else:
        assert factor in level_types()
        assert factor in CONDITIONS


@pytest.mark.parametrize("factor", CURVE_FACTORS)
def test_a_factor_with_an_axis_makes_a_curve_from_a_tidy_table(factor: str, tmp_path: Path) -> None:
    """Its column is read, three levels are a direction, and a level can be said in a sentence; 1 is no plural."""
    file = tmp_path / "results.csv"
    rows = [f"one,torch,cpu,1,duration_s,{level},s,{level}" for level in (1, 2, 4)]
    file.write_text("\n".join([",".join([*REQUIRED, factor]), *rows]), encoding="utf-8")
    assert [(column.key, list(column.values)) for column in read_results([file]).of(Role.LOAD)] == [(factor, [1.0, 2.0, 4.0])]
    configurations = [Configuration.model_validate({"engine": "torch", factor: level}) for level in (1, 2, 4)]
    spec = dataset({"one": {"torch": [1.0]}})
    cells = tuple(spec.cells[0].__class__(spec.cells[0].model, c, spec.cells[0].runs) for c in configurations)
    (direction,) = directions(spec.__class__(spec.study, cells))
    assert (direction.factor, direction.levels) == (factor, {1.0, 2.0, 4.0})
    assert CURVE_FACTORS[factor].noun
    assert "4" in load_text(factor, 4)
    assert not re.search(r"\b1\W(?!requests)\w+s$", load_text(factor, 1))


@pytest.mark.parametrize("factor", LIMITABLE)
def test_more_of_a_limitable_factor_lies_beyond_less(factor: str) -> None:
    """What `greenreport limit` can look for is what a sweep stops at."""
    configurations = tuple(configuration(factor, place) for place in (0, 1))
    study = Study.model_validate(minimal_study()).model_copy(update={"configurations": configurations})
    less, more = make_plan(study, prompts_digest="x").cells
    assert beyond(more, less)
    assert not beyond(less, more)


def test_every_factor_is_documented() -> None:
    """The page of study files names each; placeholders are those a command is filled with."""
    text = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    assert [name for name in LOAD_FACTORS if f"`{name}" not in text and f"{name}:" not in text] == []
    assert set(PLACEHOLDERS) == {"port", "share", "dtype", "threads", "max_batch"}
    assert all(factor.kind in FactorKind for factor in LOAD_FACTORS.values())
