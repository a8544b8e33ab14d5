"""Energy per request that each cell saves against the reference configuration: the claims behind the decision aid.

There is one claim per cell, on its own model: somebody who chooses a configuration has one model in mind, not the mean over all.
"""

from __future__ import annotations

from collections.abc import Sequence

from greenreport.analysis.hypotheses.claims import Claim, compare
from greenreport.analysis.measure.dataset import Dataset
from greenreport.analysis.measure.fidelity import CellFidelity, not_ranked, reference_of

METRIC = "j_per_request"


def savings(dataset: Dataset, fidelity: Sequence[CellFidelity]) -> tuple[Claim, ...]:
    """Return the claim of every cell that can be compared with the reference on its model; none of the reference itself."""
    if (name := reference_of(dataset)) is None:
        return ()
    reference = dataset.study.configuration(name)
    unfaithful = not_ranked(fidelity)
    cells = [c for c in dataset.cells if c.configuration.id != name and (c.model.id, c.configuration.id) not in unfaithful]
    claims = (compare(dataset, METRIC, cell.configuration, reference, [cell.model]) for cell in cells)
    return tuple(claim for claim in claims if claim is not None)
