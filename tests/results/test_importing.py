"""Tests of taking results of other tools into the store, and of what studies they become."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from greenreport.analysis.analyse import Analysis, analyse
from greenreport.analysis.measure.configuration_labels import label_of
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.imported_dataset import imported_dataset
from greenreport.errors import ImportFileError, StoreError, UsageError
from greenreport.results.importing import import_results
from greenreport.store import Store
from greenreport.store.observations import observed_studies
from greenreport.study import load_study
from tests.imports.real_files import real

HEAD = "model,engine,provider,repetition,metric,value,unit"


def imported(folder: Path, text: str) -> Dataset:
    """Import a table into a new store and return its dataset."""
    file, store = folder / "t.csv", Store(folder / "cache" / "greenreport.duckdb")
    file.write_text(text, encoding="utf-8")
    import_results(store, [file], "there", replace=True)
    return imported_dataset("there", *observed_studies(store)["there"])


def energies(values: dict[str, float], column: str = "engine", **others: str) -> str:
    """Return a tidy table with three runs for each text in a column, spread a little around a value."""
    names = [*HEAD.split(","), *(name for name in others if name not in HEAD), *([] if column in HEAD else [column])]
    fixed = {"model": "m", "engine": "e", "provider": "cpu", "metric": "energy_j", "unit": "J"} | others
    lines = [
        ",".join({**fixed, column: f'"{text}"', "repetition": str(r), "value": str(value + r / 10)}[name] for name in names)
        for text, value in values.items()
        for r in (1, 2, 3, 4)
    ]
    return "\n".join([",".join(names), *lines]) + "\n"


@pytest.mark.parametrize(
    "texts",
    [
        ("vLLM", "vllm", "torch"), ("推理", "引擎", "x"), ("llama.cpp (Q4_K_M)", "llama.cpp [Q4_K_M]", "llama.cpp"), ("C", "C++", "c"), ("x" * 61, "x" * 60 + "y", "y"),
        ("con", "nul", "a."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", ["engine", "model", "quantisation", "task"])
def test_texts_that_differ_never_share_a_name(tmp_path: Path, texts: tuple[str, ...], column: str) -> None:
    """Each is a configuration or a model of its own, with its own runs; names differ on file systems that ignore case, and Windows takes them."""
    values = dict(zip(texts, (100.0, 80.0, 90.0), strict=True))
    data = imported(tmp_path, energies(values, column))
    assert len(data.cells) == 3
    slugs = [cell.slug for cell in data.cells]
    assert len({slug.lower() for slug in slugs}) == 3
    assert all(not slug.startswith(("con.", "nul.")) and not slug.endswith(".") for slug in slugs)
    assert sorted(min(cell.values("energy_j")) for cell in data.cells) == [80.1, 90.1, 100.1]
    again = imported(tmp_path, energies(dict(reversed(values.items())), column))
    assert {c.slug: c.values("energy_j") for c in again.cells} == {c.slug: c.values("energy_j") for c in data.cells}


def test_parts_that_join_to_one_name_are_told_apart(tmp_path: Path) -> None:
    """An engine `a-b` on `c` is not `a` on `b-c`."""
    rows = [
        f"m,{engine},{provider},{r},energy_j,{v + r},J"
        for engine, provider, v in (("a-b", "c", 10), ("a", "b-c", 20))
        for r in (1, 2)
    ]
    data = imported(tmp_path, "\n".join([HEAD, *rows]) + "\n")
    assert len({configuration.id for configuration in data.configurations}) == 2
    assert sorted(len(cell.values("energy_j")) for cell in data.cells) == [2, 2]


def lead(data: Dataset) -> str:
    """Return the headline of a dataset in plain words."""
    from greenreport.analysis.findings_json.plain_values import plain_text
    from greenreport.analysis.hypotheses.claim_text import plain

    analysis: Analysis = analyse(data)
    return plain_text(plain(analysis.headline))


def test_different_work_is_not_a_rival(tmp_path: Path) -> None:
    """With three output lengths, engines are compared at each of them, and the ratio holds over all; the shortest does not win."""
    rows = [
        f"m,{engine},cpu,{r},energy_j,{factor * tokens * (1 + r / 1000)},J,{tokens}"
        for engine, factor in (("slow", 1.25), ("fast", 1.0))
        for tokens in (10, 100, 250)
        for r in range(1, 6)
    ]
    data = imported(tmp_path, "\n".join([f"{HEAD},output_tokens", *rows]) + "\n")
    assert [label_of(c) for c in data.configurations] == [
        "slow · cpu".replace(" ", "\u00a0"),
        "fast · cpu".replace(" ", "\u00a0"),
    ]
    assert lead(data) == "fast · cpu uses the least energy on all 3 output lengths: 20 % less than slow · cpu."


def test_machines_are_not_contrasted_in_joules(tmp_path: Path) -> None:
    """Each machine is a block of its own, over which ratios are aggregated; --host takes one of them."""
    rows = [
        f"m,{engine},cpu,{r},energy_j,{value * scale * (1 + r / 1000)},J,{host}"
        for host, scale, engines in (("big", 10.0, ("a", "b")), ("small", 1.0, ("a", "b", "c")))
        for engine, value in zip(engines, (100.0, 80.0, 70.0), strict=False)
        for r in range(1, 6)
    ]
    data = imported(tmp_path, "\n".join([f"{HEAD},host", *rows]) + "\n")
    assert sorted(model.label.replace("\u00a0", " ") for model in data.models) == ["m · big", "m · small"]
    claims = [claim for answer in analyse(data).answers for claim in answer.claims]
    assert {
        round(claim.value, 6) for claim in claims if claim.numerator.startswith("b") and claim.denominator.startswith("a")
    } <= {0.8}
    store = Store(tmp_path / "cache" / "greenreport.duckdb")
    import_results(store, [tmp_path / "t.csv"], "small", host="small")
    assert {row.host for row in observed_studies(store)["small"][1]} == {"small"}
    with pytest.raises(ImportFileError, match="no row is of the machine 'none'; there are big, small"):
        import_results(store, [tmp_path / "t.csv"], "none", host="none")


def test_what_nothing_can_measure_is_an_invalid_observation(tmp_path: Path) -> None:
    """Zero and negative energies, times and rates count nowhere and say why; headline and medians name the same winner."""
    rows = [
        f"m,{engine},cpu,{r},energy_j,{v},J"
        for engine, values in (("a", (10, 11, 0, 12)), ("b", (-5, 20, 21, 22)))
        for r, v in enumerate(values, 1)
    ]
    data = imported(tmp_path, "\n".join([HEAD, *rows, "m,a,cpu,1,cpu_usage_pct,0,%"]) + "\n")
    cells = {cell.configuration.engine: cell for cell in data.cells}
    assert cells["a"].values("energy_j") == (10.0, 11.0, 12.0)
    assert cells["b"].values("energy_j") == (20.0, 21.0, 22.0)
    assert cells["a"].values("cpu_usage_pct") == (0.0,)
    reasons = {
        observation.reason
        for cell in data.cells
        for run in cell.runs
        if (observation := run.observations["energy_j"]).value is None
    }
    assert reasons == {
        "invalid: 0 J, and energy that is measured is never zero",
        "invalid: −5.00 J, and energy that is measured is never negative",
    }
    assert any("2 of 8 values of energy" in rule.found for rule in analyse(data).badge.rules)


def test_an_import_replaces_nothing_without_being_asked(tmp_path: Path) -> None:
    """A second one is refused and named; so is the name of a declared study, and what is no name."""
    store, file = Store(tmp_path / "s.duckdb"), tmp_path / "t.csv"
    file.write_text(energies({"a": 1.0, "b": 2.0}), encoding="utf-8")
    assert import_results(store, [file], "there").values == 8
    with pytest.raises(StoreError, match=r"has imported results of there already, from t\.csv sha256:.*--replace"):
        import_results(store, [file], "there")
    assert import_results(store, [file], "there", replace=True).values == 8
    for name in ("", "../x", "a/b", "A", "x" * 81, "con", "aux.txt", "a."):
        with pytest.raises(UsageError, match="--study"):
            import_results(store, [file], name)
    assert set(observed_studies(store)) == {"there"}


def test_the_name_of_a_declared_study_is_refused(tmp_path: Path, write_study: Callable[..., Path]) -> None:
    """Its own runs would hide the data."""
    declared = load_study(written := write_study()).study.study
    file = tmp_path / "t.csv"
    file.write_text(energies({"a": 1.0, "b": 2.0}), encoding="utf-8")
    with pytest.raises(UsageError, match=f"declares a study {declared} already"):
        import_results(Store(tmp_path / "s.duckdb"), [file], declared, studies=written.parent)


def test_a_store_that_could_not_be_made_leaves_no_file(tmp_path: Path) -> None:
    """On a full disk the cause is named, and the next command starts anew."""
    program = (
        "import resource, signal\nfrom pathlib import Path\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\nfrom greenreport.results.importing import import_results\nfrom greenreport.store import Store\n"
        f"import_results(Store(Path({str(tmp_path / 'cache' / 's.duckdb')!r})), [Path({str(tmp_path / 't.csv')!r})], 'there')\n"
    )
    (tmp_path / "t.csv").write_text(energies({"a": 1.0, "b": 2.0}), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode != -signal.SIGXFSZ
    assert "cannot be used: IO Error: Could not write file" in done.stderr
    assert list((tmp_path / "cache").iterdir()) == []
    assert import_results(Store(tmp_path / "cache" / "s.duckdb"), [tmp_path / "t.csv"], "there").values == 8


def test_a_published_comparison_is_answered_within_equal_lengths(tmp_path: Path) -> None:
    """On device against remote: 7 models at 3 lengths, whose ratio is that of the geometric means of the file."""
    import csv
    import math

    file, store = real("cain-2025_run_table.csv"), Store(tmp_path / "s.duckdb")
    import_results(store, [file], "cain")
    data = imported_dataset("cain", *observed_studies(store)["cain"])
    assert (len(data.models), len(data.configurations)) == (21, 2)
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    logs: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        logs.setdefault((row["model"], row["length"], row["method"]), []).append(math.log(float(row["energy_usage_J"])))
    means = {key: sum(values) / len(values) for key, values in logs.items()}
    blocks = {key[:2] for key in means}
    expected = math.exp(sum(means[*block, "remote"] - means[*block, "on_device"] for block in blocks) / len(blocks))
    place = analyse(data).answers[0].answers[0].standing
    assert place is not None and place.claim is not None
    claim = place.claim
    assert claim.value == pytest.approx(expected, rel=1e-9)


def test_a_study_file_asks_about_imported_results(
    tmp_path: Path, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """`new-study` writes one that is valid and answered like any other; it has no runs, and says where its results come from."""
    (tmp_path / "t.csv").write_text(energies({"a": 100.0, "b": 80.0}), encoding="utf-8")
    told = command("import", "t.csv", "--study", "there").stdout
    assert "engine: engine" in told and "imported 8 observations of study there" in told
    command("new-study", "there")
    assert "valid; asks about the imported results there" in command("validate", "studies/there.yaml").stdout
    assert "b · cpu uses the least energy" in command("analyse", "studies/there.yaml").stdout.replace("\u00a0", " ")
    assert "b · cpu uses the least energy" in command("analyse", "there").stdout.replace("\u00a0", " ")
    assert "have no runs of their own" in command("plan", "studies/there.yaml", check=2).stderr
    assert command("import", "t.csv", "--study", "there", "--replace").returncode == 0
    assert "already" in command("new-study", "there", check=2).stderr
    wrong = (tmp_path / "studies" / "there.yaml").read_text(encoding="utf-8") + "meters: [rapl]\n"
    (tmp_path / "studies" / "there.yaml").write_text(wrong, encoding="utf-8")
    assert "meters does not go with `imported`" in command("validate", "studies/there.yaml", check=2).stderr


def test_a_mapping_is_suggested_that_reads_the_file(
    tmp_path: Path, command: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """What --suggest prints names every column and imports the table as no mapping does."""
    rows = "".join(
        f"{q};{t};{10 + r + len(q)};{t == 'sum'}\n" for q in ("fp16", "int-8") for t in ("sum", "chat") for r in range(3)
    )
    (tmp_path / "t.csv").write_text("quantisation;task;energy (Wh);note: yes\n" + rows, encoding="utf-8")
    mapping = command("import", "t.csv", "--suggest").stdout
    assert "task: {column: task, compare: within}" in mapping and "energy_j: {column: energy (Wh), unit: Wh}" in mapping
    (tmp_path / "map.yaml").write_text(mapping, encoding="utf-8")
    mapped = command("import", "t.csv", "--map", "map.yaml", "--study", "mapped").stdout
    plain = command("import", "t.csv", "--study", "plain").stdout
    assert mapped.replace("mapped", "plain") == plain
