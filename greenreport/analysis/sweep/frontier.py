"""The throughput frontier: what more load, or more replicas, gains, where it ends, and what a token costs (docs/frontier.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenreport.analysis.hypotheses.claim_text import Text
from greenreport.analysis.hypotheses.claims import Claim, once
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, not_ranked
from greenreport.analysis.sweep.capacity import Fit, fits
from greenreport.analysis.sweep.directions import directions
from greenreport.analysis.sweep.frontier_sentences import ToldLoad, headline, series_words, told_load
from greenreport.analysis.sweep.series import Replicas, Series, all_series, best_gains, replica_gains, series_id


@dataclass(frozen=True, slots=True)
class FrontierAnalysis:
    """Every series of a study, with the gains of its replicas and its sentences by series id, the most important sentence first.

    Attributes:
        fits: the largest load of every direction of the sweep, even where no load has values.
        headlines: by model id: which load, how many replicas, and the energy of a token; `told`: the load each is about.
    """

    series: tuple[Series, ...]
    fits: tuple[Fit, ...]
    replicas: Mapping[str, tuple[Replicas, ...]]
    sentences: Mapping[str, tuple[Text, ...]]
    headlines: Mapping[str, Text]
    told: Mapping[str, ToldLoad]

    @property
    def headline(self) -> Text | None:
        """The headline of the study's first model that has one."""
        return next(iter(self.headlines.values()), None)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Every claim of the sentences, once."""
        texts = [*(text for group in self.sentences.values() for text in group), *self.headlines.values()]
        gains = [told.gain for told in self.told.values() if told.gain is not None]
        return once([*(part for text in texts for part in text if isinstance(part, Claim)), *gains])


def frontier(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> FrontierAnalysis | None:
    """Return the frontier of a study, or None where nothing was swept or searched, or nothing has been tried yet."""
    axes = directions(dataset)
    rows = fits(dataset, axes)
    if not any(row.tried for row in rows):
        return None
    series = all_series(dataset, axes, not_ranked(fidelity))
    gains = {series_id(s): tuple(replica_gains(dataset, s, series)) for s in series if s.base.replicas > 1}
    best = best_gains(dataset, series)
    sentences = {
        series_id(s): tuple(series_words(dataset, s, gains.get(series_id(s), ()), best.get(series_id(s)))) for s in series
    }
    by_model = {model.id: [s for s in series if s.model.id == model.id] for model in dataset.models}
    told = {name: told_load(dataset, of_model) for name, of_model in by_model.items() if of_model}
    headlines = {name: headline(dataset, by_model[name], item) for name, item in told.items()}
    return FrontierAnalysis(series, rows, gains, sentences, headlines, told)
