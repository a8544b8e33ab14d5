"""The throughput frontier: what more load, or more replicas, gains, where it ends, and what a token costs on the way.

See `series` for what is found of each series, `frontier_words` for the sentences, docs/frontier.md for the definitions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenreport.analysis.answers import Text
from greenreport.analysis.claims import Claim
from greenreport.analysis.dataset import Dataset
from greenreport.analysis.fidelity import Fidelity, Verdict
from greenreport.analysis.frontier_words import headline, series_words
from greenreport.analysis.series import Replicas, Series, all_series, replica_gains, series_id


@dataclass(frozen=True, slots=True)
class Frontier:
    """Every series of a study with, by its id, what replicas gain and the findings in words, the most important first."""

    series: tuple[Series, ...]
    replicas: Mapping[str, tuple[Replicas, ...]]
    sentences: Mapping[str, tuple[Text, ...]]
    headline: Text | None

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim of the sentences, once."""
        texts = [text for group in self.sentences.values() for text in group]
        parts = [part for text in [*texts, self.headline or ()] for part in text if isinstance(part, Claim)]
        return tuple({claim.id: claim for claim in parts}.values())


def frontier(dataset: Dataset, fidelity: Sequence[Fidelity]) -> Frontier | None:
    """Return the frontier of a study, or None when no factor of the load has three levels with values."""
    unfaithful = {(f.model, f.configuration) for f in fidelity if f.verdict is Verdict.UNFAITHFUL}
    found = tuple(all_series(dataset, unfaithful))
    if not found:
        return None
    gains = {series_id(s): tuple(replica_gains(dataset, s, found)) for s in found if s.base.replicas > 1}
    sentences = {series_id(s): tuple(series_words(dataset, s, gains.get(series_id(s), ()))) for s in found}
    return Frontier(found, gains, sentences, headline(dataset, found))
