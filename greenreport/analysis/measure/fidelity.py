"""Do the configurations do the same work? Outputs are compared, prompt by prompt, with the reference configuration.

A cell whose outputs differ more than the study allows is `unfaithful`: its numbers are shown, greyed, and never ranked.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from greenreport.analysis.measure.cell_view import CellView
from greenreport.analysis.measure.dataset import Dataset
from greenreport.record import Output
from greenreport.study import Study
from greenreport.units import counted

#: (model, configuration) → reason of the cells that are not ranked.
NotRanked = Mapping[tuple[str, str], str]


class FidelityVerdict(StrEnum):
    """Whether a cell may be ranked."""

    REFERENCE = "reference"
    FAITHFUL = "faithful"
    UNFAITHFUL = "unfaithful"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first prompt whose output differs, and the first differing token.

    Attributes:
        prompt: number of the prompt, from 0.
        token: index of the first differing output token; None where only texts can be compared.
    """

    prompt: int
    token: int | None
    reference: Output
    other: Output


@dataclass(frozen=True, slots=True)
class CellFidelity:
    """Comparison of one cell with the reference cell of its model.

    Attributes:
        exact_match: share of prompts with the same output, 0–1.
        token_count_drift: largest relative difference of output token counts.
        stable: whether every repetition of the cell gave the same outputs.
        loss: why the cell is not ranked although its outputs are admitted: it loses more right answers than the study allows.
    """

    model: str
    configuration: str
    verdict: FidelityVerdict
    reason: str
    prompts: int = 0
    exact_match: float | None = None
    token_count_drift: float | None = None
    stable: bool | None = None
    divergence: Divergence | None = None
    loss: str | None = None

    @property
    def exact(self) -> bool:
        """Whether a cell that is not the reference gives exactly its outputs."""
        return self.verdict is FidelityVerdict.FAITHFUL and self.exact_match == 1

    @property
    def word(self) -> str:
        """The verdict as it is printed; of other outputs within what the study allows, that they are admitted."""
        return "admitted" if self.verdict is FidelityVerdict.FAITHFUL and not self.exact else self.verdict.value


@dataclass(frozen=True, slots=True)
class Sameness:
    """How many cells give the outputs of the reference.

    Attributes:
        compared: cells whose outputs were compared; those of the reference itself are not among them.
        exact: of these, cells that give exactly its outputs; unfaithful: cells that differ more than the study allows.
        unknown: cells without outputs, or without a reference that has some.
        unstable: cells whose runs do not all give the same outputs.
    """

    compared: int
    exact: int
    unfaithful: int
    unknown: int
    unstable: int

    def headline(self, reference: str, *, imported: bool = False) -> str:
        """Return the result as a sentence without a full stop."""
        if not self.compared:
            if imported:
                return "Outputs are not part of an imported table"
            return "No outputs to compare yet" if self.unknown else "There is no other configuration to compare outputs with"
        verb = "gives" if self.exact == 1 else "give"
        parts = [f"{self.exact} of {counted(self.compared, 'cell')} {verb} exactly the outputs of {reference}"]
        if self.unfaithful:
            parts.append(f"{self.unfaithful} {'differs' if self.unfaithful == 1 else 'differ'} more than the study allows")
        if self.unknown:
            parts.append(f"{self.unknown} {'was' if self.unknown == 1 else 'were'} not compared")
        return "; ".join(parts)


def sameness(fidelity: Sequence[CellFidelity]) -> Sameness:
    """Count the verdicts."""
    verdicts = Counter(item.verdict for item in fidelity)
    return Sameness(
        verdicts[FidelityVerdict.FAITHFUL] + verdicts[FidelityVerdict.UNFAITHFUL],
        sum(item.exact for item in fidelity),
        verdicts[FidelityVerdict.UNFAITHFUL],
        verdicts[FidelityVerdict.UNKNOWN],
        sum(item.stable is False for item in fidelity),
    )


def not_ranked(fidelity: Iterable[CellFidelity]) -> NotRanked:
    """Return the cells that differ more than the study allows, and those that lose too many right answers."""
    return {**unfaithful(fidelity), **losses(fidelity)}


def unfaithful(fidelity: Iterable[CellFidelity]) -> NotRanked:
    """Return the cells whose outputs differ more than the study allows."""
    return {(f.model, f.configuration): f.reason for f in fidelity if f.verdict is FidelityVerdict.UNFAITHFUL}


def losses(fidelity: Iterable[CellFidelity]) -> NotRanked:
    """Return the cells that lose more right answers than the study allows."""
    return {(f.model, f.configuration): f.loss for f in fidelity if f.loss is not None}


def assess(dataset: Dataset) -> tuple[CellFidelity, ...]:
    """Compare every cell with the reference configuration of its model."""
    return tuple(_assess(dataset, cell) for cell in dataset.cells)


def reference_of(dataset: Dataset) -> str | None:
    """Return the id of the reference configuration: the study's, else the first with a cell."""
    wanted = dataset.study.fidelity.reference
    named = (c.id for c in dataset.configurations if not wanted or (c.engine, c.provider) == (wanted.engine, wanted.provider))
    return next(named, None)


def gate_of(study: Study) -> tuple[float, float]:
    """Return the smallest share of equal outputs and the largest drift of token counts that a study allows.

    Where answers are judged or drawn, other outputs are admitted unless the study says otherwise: whether they are right is what counts,
    and draws part where logits differ in their last digit.
    """
    free = study.quality is not None or study.workload.generation.temperature > 0
    declared = study.fidelity.model_fields_set if free else {"min_exact_match", "max_token_count_drift"}
    gate = study.fidelity
    return (
        gate.min_exact_match if "min_exact_match" in declared else 0.0,
        gate.max_token_count_drift if "max_token_count_drift" in declared else math.inf,
    )


def _assess(dataset: Dataset, cell: CellView) -> CellFidelity:
    reference_id = reference_of(dataset)
    reference = _alike(dataset, cell, dataset.cell(cell.model.id, reference_id)) if reference_id else None

    def unknown(reason: str) -> CellFidelity:
        return CellFidelity(cell.model.id, cell.configuration.id, FidelityVerdict.UNKNOWN, reason)

    if dataset.imported:
        return unknown("outputs are not part of the imported table")
    own = _answers(cell)
    if not own:
        return unknown("no run with outputs")
    stable = len(own) == 1
    if reference is None or not _answers(reference):
        return unknown("the reference configuration has no outputs to compare with")
    if cell.key == reference.key:
        place, reason = (cell.model.id, cell.configuration.id), "the other configurations are compared with this one"
        return CellFidelity(*place, FidelityVerdict.REFERENCE, reason, len(own[0]), 1.0, 0.0, stable)
    return _compare(dataset, cell, _answers(reference)[0], own[0], stable)


def _alike(dataset: Dataset, cell: CellView, reference: CellView | None) -> CellView | None:
    """Return the reference, or its like with as many output tokens as the cell where a study varies their number."""
    if reference is None or reference.configuration.output_tokens == cell.configuration.output_tokens:
        return reference
    wanted = reference.configuration.model_copy(update={"output_tokens": cell.configuration.output_tokens})
    return dataset.cell(cell.model.id, wanted.id)


#: The answers to the prompts of a run, as digest and output tokens; None where a request failed.
_Answers = tuple[tuple[str, int] | None, ...]


def _answers(cell: CellView) -> list[_Answers]:
    """Return the distinct answer lists over the cell's runs; of runs with failed requests only where there are no others."""
    complete = [run for run in cell.ok if all(request.error is None for request in run.requests)]
    lists = dict.fromkeys(
        tuple(None if r.error is not None else (r.output_sha256 or "", r.output_tokens or 0) for r in run.requests)
        for run in complete or cell.ok
    )
    return [answers for answers in lists if any(answers)]


def _compare(dataset: Dataset, cell: CellView, reference: _Answers, own: _Answers, stable: bool) -> CellFidelity:
    pairs = [(a, b) for a, b in zip(reference, own, strict=False) if a is not None and b is not None]
    if not pairs:
        reason = "no prompt was answered both here and by the reference"
        return CellFidelity(cell.model.id, cell.configuration.id, FidelityVerdict.UNKNOWN, reason)
    equal = sum(_same(dataset.outputs, a[0], b[0]) for a, b in pairs)
    match = equal / len(pairs)
    drift = max(abs(b[1] - a[1]) / a[1] if a[1] else 0.0 for a, b in pairs)
    least, most = gate_of(dataset.study)
    failures = []
    if match < least:
        required = f"at least {least:.0%} are required"
        failures.append(f"{equal} of {len(pairs)} outputs equal the reference, {required}")
    if drift > most:
        failures.append(f"output token counts differ by up to {drift:.1%}")
    if len(reference) != len(own):
        failures.append(f"{len(own)} answers, the reference has {len(reference)}")
    verdict = FidelityVerdict.UNFAITHFUL if failures else FidelityVerdict.FAITHFUL
    by_tokens = all(dataset.outputs[b[0]].token_ids for _, b in pairs if b[0] in dataset.outputs)
    how = "token for token" if by_tokens else "in their text; the server tells no tokens"
    reason = "; ".join(failures) or f"{equal} of {len(pairs)} outputs equal the reference {how}"
    return CellFidelity(
        cell.model.id, cell.configuration.id, verdict, reason, len(pairs), match, drift, stable,
        _first_divergence(dataset.outputs, reference, own),
    )  # fmt: skip


def _same(outputs: Mapping[str, Output], one: str, other: str) -> bool:
    """Whether two outputs agree: in their tokens, or in their texts where a server reports no tokens."""
    if one == other:
        return True
    left, right = outputs.get(one), outputs.get(other)
    if left is None or right is None or (left.token_ids and right.token_ids):
        return False
    return left.text == right.text


def _first_divergence(outputs: Mapping[str, Output], reference: _Answers, own: _Answers) -> Divergence | None:
    for prompt, (a, b) in enumerate(zip(reference, own, strict=False)):
        if a is None or b is None:
            continue
        if not _same(outputs, a[0], b[0]) and a[0] in outputs and b[0] in outputs:
            left, right = outputs[a[0]], outputs[b[0]]
            return Divergence(prompt, _first_difference(left.token_ids, right.token_ids), left, right)
    return None


def _first_difference(left: tuple[int, ...], right: tuple[int, ...]) -> int | None:
    if not left or not right:
        return None
    differing = (index for index, (a, b) in enumerate(zip(left, right, strict=False)) if a != b)
    return next(differing, min(len(left), len(right)))
