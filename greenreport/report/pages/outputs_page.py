"""The page of outputs: every prompt with the answers to it, their verdicts, and where they leave the reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.quality.judgement import ConfigurationQuality, ModelQuality, StudyQuality
from greenreport.record import VerdictCode
from greenreport.report.context import StudyContext
from greenreport.report.page import Page, study_page
from greenreport.units import counted
from greenreport.workloads.turns import in_words

#: Prompts on the page, over all models; the others are in the files of the study.
MOST_PROMPTS = 100
#: Characters of all answers and prompts on the page together, and of one of them at least and at most.
ROOM, LEAST, MOST = 130_000, 120, 1_200
#: Characters of a verdict's detail.
DETAIL = 160
#: Characters before the first difference that are shown again.
BEFORE = 40
VERDICTS = {
    VerdictCode.PASSED: "right", VerdictCode.WRONG: "wrong", VerdictCode.NO_ANSWER: "no answer", VerdictCode.ERROR: "error",
    VerdictCode.TIMED_OUT: "timed out", VerdictCode.OUT_OF_MEMORY: "out of memory", VerdictCode.REFUSED: "refused",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownText:
    """A text as far as there is room.

    Attributes:
        before: what it has in common with the reference, or its end; `skipped`: characters left out before that.
        mark: the first differing word; empty where nothing is marked.
        after: what follows; `left`: characters left out at the end.
    """

    before: str
    mark: str
    after: str
    skipped: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """The answers of some configurations to a prompt that are one text; the first run's.

    Attributes:
        text: None where it is the same as the reference's.
        verdict: in words; `right`: whether it is right.
        remark: where answers vary between runs.
    """

    labels: tuple[str, ...]
    verdict: str
    right: bool
    detail: str
    text: ShownText | None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class ShownPrompt:
    """A prompt with its answers.

    Attributes:
        solved: how many configurations answer it rightly; `apart`: whether that tells them apart.
    """

    anchor: str
    number: int
    text: ShownText
    solved: str
    apart: bool
    answers: tuple[ShownAnswer, ...]


@dataclass(frozen=True, slots=True)
class OutputsContent:
    """The prompts of each model with their answers; `left`: prompts that are not shown."""

    headline: str
    reference: str
    models: tuple[tuple[str, tuple[ShownPrompt, ...]], ...]
    left: int


def outputs_page(study: StudyContext, quality: StudyQuality) -> Page[OutputsContent]:
    """Return the page."""
    dataset, each = study.dataset, max(1, MOST_PROMPTS // len(quality.models))
    shown = [(item, item.problems[:each]) for item in quality.models]
    texts = sum(len(problems) + sum(_distinct(dataset, item, problem) for problem in problems) for item, problems in shown)
    room = min(MOST, max(LEAST, ROOM // max(1, texts)))
    left = sum(len(item.problems) - len(problems) for item, problems in shown)
    prompts = [
        (item, tuple(_prompt(dataset, item, number, problem, room) for number, problem in enumerate(problems)))
        for item, problems in shown
    ]
    first = quality.models[0]
    content = OutputsContent(
        _headline(first, len(quality.models)),
        dataset.labels.get(first.reference or "", "the reference"),
        tuple((item.model.label, found) for item, found in prompts),
        left,
    )
    return study_page(study, "outputs", "outputs.html", "Outputs", content, description=content.headline)


def _headline(item: ModelQuality, models: int) -> str:
    """Return on how many problems the configurations do not all do alike."""
    shares = [[row.answers.shares[index] for row in item.rows] for index in range(len(item.problems))]
    apart = sum(len(set(of_problem)) > 1 for of_problem in shares)
    everyone, nobody = sum(min(s) == 1 for s in shares), sum(max(s) == 0 for s in shares)
    where = f" on {item.model.label}" if models > 1 else ""
    begin = f"Of {counted(len(shares), 'problem')}{where}, {everyone} {'is' if everyone == 1 else 'are'} solved by every configuration and {nobody} by none"
    return f"{begin}; {'one tells' if apart == 1 else f'{apart} tell'} them apart" if apart else begin


def _text(dataset: Dataset, digest: str) -> str:
    output = dataset.outputs.get(digest)
    return "" if output is None else output.text


def _distinct(dataset: Dataset, item: ModelQuality, problem: str) -> int:
    """Return how many different texts answer a problem."""
    return len({_text(dataset, row.answers.first[row.answers.problems.index(problem)]) for row in item.rows})


def _prompt(dataset: Dataset, item: ModelQuality, number: int, problem: str, room: int) -> ShownPrompt:
    place = item.problems.index(problem)
    rows = sorted(item.rows, key=lambda row: row.configuration != item.reference)
    solved = sum(row.answers.shares[place] == 1 for row in rows)
    return ShownPrompt(
        f"{item.model.id}-{number + 1}",
        number + 1,
        ShownText("", "", *_cut(in_words(dataset.prompts.get(problem, "The text of this prompt was not kept.")), room)),
        f"{solved} of {len(rows)} right",
        len({row.answers.shares[place] for row in rows}) > 1,
        tuple(_answers(dataset, rows, place, problem, room)),
    )


def _answers(
    dataset: Dataset, rows: Sequence[ConfigurationQuality], place: int, problem: str, room: int
) -> Iterator[ShownAnswer]:
    """Yield the different answers to a problem, that of the reference first."""
    groups: dict[tuple[str, str], list[ConfigurationQuality]] = {}
    for row in rows:
        groups.setdefault((_text(dataset, row.answers.first[place]), _varying(row, place)), []).append(row)
    reference = _text(dataset, rows[0].answers.first[place])
    for number, ((text, remark), same) in enumerate(groups.items()):
        verdict = dataset.verdicts.get((problem, same[0].answers.first[place]))
        code = None if verdict is None else verdict.code
        yield ShownAnswer(
            tuple(dataset.labels[row.configuration] for row in same),
            "not judged" if code is None else VERDICTS[code],
            code is VerdictCode.PASSED,
            "" if verdict is None or verdict.detail is None else verdict.detail[:DETAIL],
            None if number and text == reference else _shown(text, reference if number else None, room),
            remark,
        )


def _varying(row: ConfigurationQuality, place: int) -> str:
    """Return how many of the answers to a problem are right where that varies."""
    right, answered = (int(part[:, place].sum()) for part in (row.answers.right, row.answers.answered))
    return "" if right in (0, answered) else f"{right} of {answered} answers are right"


def _shown(text: str, reference: str | None, room: int) -> ShownText:
    """Return a text, cut, with the first word marked in which it leaves the reference."""
    if reference is None:
        return ShownText("", "", *_cut(text, room))
    at = next((i for i, (a, b) in enumerate(zip(text, reference, strict=False)) if a != b), min(len(text), len(reference)))
    end = at + 1
    while end < len(text) and end - at < 40 and not text[end].isspace():
        end += 1
    begin = 0 if at <= 2 * BEFORE else at - BEFORE
    after, left = text[end : end + room], max(0, len(text) - end - room)
    return ShownText(text[begin:at], text[at:end] or "(end)", after, begin, left)


def _cut(text: str, room: int) -> tuple[str, int, int]:
    """Return the beginning of a text, nothing skipped before it, and how many characters are left out."""
    return text[:room], 0, max(0, len(text) - room)
