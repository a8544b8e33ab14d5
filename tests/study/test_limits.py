"""Tests of study files made to cost time and memory: limits are checked before anything is expanded."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import GreenReportError, SpecError
from greenreport.study import Overrides, load_reference, load_site, load_study, yaml_document
from greenreport.workspace import open_plan
from tests.conftest import minimal_study

Write = Callable[..., Path]
LEVELS = list(range(1, 1001))
MODELS = [{**minimal_study()["models"][0], "id": f"m{number}"} for number in range(100)]
BASE = (
    "study: x\ntitle: x\nweights: untrained\nmodels: [{id: a, architecture: {type: gpt2}}]\nconfigurations: [{engine: fake}]\n"
)


def problems(text: str, tmp_path: Path) -> list[str]:
    """Return the problems of the base study with further lines, as ``line: message``."""
    file = tmp_path / "study.yaml"
    file.write_text(BASE + text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(SpecError) as caught:
        load_study(file)
    return [f"{problem.line}: {problem.message}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sweep": {"batch_size": LEVELS, "concurrency": LEVELS}}, "the sweep makes 1,000,000 configurations; at most 1,000"),
        ({"sweep": {"options": {"a": LEVELS, "b": LEVELS, "c": LEVELS}}}, "the sweep makes 1,000,000,000 configurations"),
        ({"sweep": {"combine": "zip", "batch_size": [*LEVELS, 1001]}}, "the sweep makes 1,001 configurations"),
        (
            {"models": MODELS, "sweep": {"batch_size": LEVELS[:51]}},
            "100 models × 51 configurations are 5,100 cells; at most 5,000 are possible",
        ),
        (
            {"models": MODELS, "protocol": {"repetitions": 10_000}},
            "200 cells × 10,000 repetitions are 2,000,000 runs; at most 100,000 are possible",
        ),
    ],
)
def test_a_study_that_no_machine_finishes_is_refused_before_it_is_expanded(
    changes: dict[str, Any], message: str, write_study: Write
) -> None:
    """One sentence with the line, and none of the cells is made."""
    changes.setdefault("configurations", minimal_study()["configurations"] if "sweep" not in changes else [{"engine": "fake"}])
    file = write_study(**changes)
    with pytest.raises(SpecError) as caught:
        load_study(file)
    assert [problem.message.startswith(message) for problem in caught.value.problems] == [True], caught.value
    text = file.read_text(encoding="utf-8").splitlines()
    section = "sweep:" if "sweep" in changes else "  repetitions: 10000"
    assert caught.value.problems[0].line == text.index(section) + 1


def test_a_factor_set_by_a_configuration_multiplies_nothing(write_study: Write) -> None:
    """Configurations that set a factor themselves have one point of it, however many levels the sweep lists."""
    fixed = [{"engine": "fake", "batch_size": 1, "options": {"answer": number}} for number in range(50)]
    file = write_study(configurations=fixed, sweep={"batch_size": [1, *(2**n for n in range(1, 60) if n < 15)]})
    assert len(load_study(file).study.configurations) == 50


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("protocol: {repetitions: !!int x}\n", "6: 'x' is not a whole number"),
        ("workload: {stream: !!bool x}\n", "6: 'x' is not true or false"),
        ("workload: {ramp_s: !!float x}\n", "6: 'x' is not a number"),
        ("sweep: !!null x\n", "6: 'x' is not null"),
        ("protocol: {order: {seed: 9223372036854775808}}\n", "6: '9223372036854775808' has too many digits"),
        (f"sweep: {{batch_size: [1{'0' * 300}]}}\n", "6: '1000"),
        (f"sweep: {{batch_size: ['1{'0' * 300}']}}\n", "6: batch_size: '1000"),
        ("sweep: {batch_size: [1e308]}\n", "6: batch_size: 1e+308 is not allowed"),
        (f"protocol: {{order: {{seed: '9{'9' * 30}'}}}}\n", "6: seed: "),
        (f"x: {'9' * 5000}\n", "6: '999"),
        ('description: "\\ud800"\n', "6: the character '\\ud800' has no place in a study file"),
        ('description: "\\e[2J"\n', "6: the character '\\x1b' has no place in a study file"),
        ('"\\0": 1\n', "6: '\\x00' cannot be a key"),
        (f"? {'k' * 400}\n: 1\n", "6: 'kkkk"),
    ],
)  # fmt: skip
def test_values_no_study_needs_are_problems_with_their_line(text: str, problem: str, tmp_path: Path) -> None:
    """Numbers beyond 64 bits, tags that lie, halves of characters, endless keys."""
    found = problems(text, tmp_path)
    assert any(line.startswith(problem) for line in found), found


def test_counts_of_parameters_have_an_end(tmp_path: Path) -> None:
    """However the number is written."""
    model = "models: [{id: a, architecture: {type: gpt2}"
    for parameters in ("9" * 400, "9" * 17 + "B", 1e300):
        file = tmp_path / "study.yaml"
        file.write_text(BASE.replace(model, f"{model}, parameters: '{parameters}'"), encoding="utf-8")
        with pytest.raises(SpecError, match="parameters"):
            load_study(file)


@pytest.mark.parametrize(
    "text",
    [
        "cites: [" + "a," * 2000 + "]",
        "cites:\n" + "- a\n" * 2000,
        "cites: [" + "!!x a," * 2000 + "]",
        "".join(f"k{number}: 1\n" for number in range(2000)),
        "x: " + "[" * 100,
        "x:\n" + "- " * 100,
    ],
    ids=["flow list", "block list", "tags", "keys", "depth", "depth of blocks"],
)
def test_the_rest_of_a_large_file_is_not_read(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file ends where it has more values than any study: what follows here is not even YAML."""
    monkeypatch.setattr(yaml_document, "MAX_NODES", 1000)
    assert "expands to more values" in problems(f"{text}\n]]]}}}}\n", tmp_path)[0]


def test_an_alias_does_not_multiply_a_long_text(tmp_path: Path) -> None:
    """What aliases stand for is counted with every mention."""
    text = 'description: &a "' + "x" * 100_000 + '"\ncites: [' + "*a," * 200 + "]\n"
    assert "expands to more values" in problems(text, tmp_path)[0]


def test_only_the_first_problems_are_explained(tmp_path: Path) -> None:
    """Nobody reads ten thousand of them."""
    found = problems("cites: [" + "{}," * 290 + "]\n", tmp_path)
    assert len(found) == 101
    assert "1: … and 190 more problems" in found


@pytest.mark.parametrize("section", ["models", "protocol", "workload", "meters"])
@pytest.mark.parametrize("value", ["5", "x", "[1]", "{a: 1}", "null", "[[]]"])
def test_overrides_of_sections_that_are_none_are_problems(section: str, value: str, tmp_path: Path) -> None:
    """The command line replaces values in sections, and leaves what is no section to the checks."""
    lines = [line for line in BASE.splitlines(keepends=True) if not line.startswith(section)]
    for text in (f"{section}: {value}\n", f"{section}: {{prompts: {value}}}\n"):
        file = tmp_path / "study.yaml"
        file.write_text("".join(lines) + text, encoding="utf-8")
        with suppress(GreenReportError):
            load_study(file, Overrides("untrained", 3, tmp_path / "prompts.jsonl"))


def test_paths_to_devices_and_pipes_are_refused_everywhere(tmp_path: Path) -> None:
    """Nothing is read from them, and nothing waits for them."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (Path("/dev/zero"), pipe):
        for read in (load_study, load_reference, load_site):
            with pytest.raises(SpecError, match="not a regular file"):
                read(path)


def test_published_results_are_a_file_of_their_size(tmp_path: Path) -> None:
    """Files of the kernel say that they are empty, and would be digested without end."""
    (tmp_path / "large.yaml").write_bytes(b"#" * 2_000_001)
    for path in ("/proc/kmsg", "large.yaml"):
        assert problems(f"references: [{path}]\n", tmp_path) == [
            f"6: {path!r} is empty or larger than 2 MB; it cannot hold published results"
        ]


def test_printed_values_have_bounds(tmp_path: Path) -> None:
    """A ratio of two of them is a number, too."""
    file = tmp_path / "reference.yaml"
    value = "{table: T, engine: a, provider: cpu, size_category: all, metric: energy_j, value: 1e300}"
    text = f"reference: x\ntitle: x\ncitation: x\nmachine: x\naggregator: x\nvalues:\n  - {value}\n"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match="7: value: 1e\\+300 is not allowed"):
        load_reference(file)


def test_a_model_is_a_folder_of_one(tmp_path: Path) -> None:
    """A folder without a model is refused with its line; one of a thousand files is not digested."""
    base = BASE.replace("weights: untrained\n", "").replace("architecture: {type: gpt2}", "path: folder")
    file, folder = tmp_path / "study.yaml", tmp_path / "folder"
    file.write_text(base, encoding="utf-8")
    folder.mkdir()
    with pytest.raises(SpecError, match=r"3: 'folder' holds no config\.json with \*\.safetensors"):
        load_study(file)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    assert open_plan(file).plan.cells
    for number in range(1000):
        (folder / f"{number}.txt").touch()
    with pytest.raises(GreenReportError, match="holds more than 1,000 files; name the folder of one model"):
        open_plan(file)
