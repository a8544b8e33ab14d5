"""Carbon, water and cost as plain values, for `document`."""

from __future__ import annotations

from greenreport.analysis.findings_json.tests import Json, plain_interval, plain_number
from greenreport.analysis.footprint import FootprintAnalysis


def plain_footprint(footprint: FootprintAnalysis | None) -> Json | None:
    """Return the declared factors and the derived amounts; None where the study declares no factors."""
    if footprint is None:
        return None
    return {
        "location": footprint.declared.location,
        "factors": footprint.declared.model_dump(mode="json", exclude={"location"}, exclude_none=True),
        "derived": [
            {
                "per": table.basis.words,
                "model": row.model.id,
                "configuration": row.configuration.id,
                "n": row.n,
                "energy_kwh": plain_number(row.kwh),
                "energy_kwh_ci": plain_interval(row.kwh_ci),
                "boundary": row.boundary or None,
                "estimated_energy": row.estimated,
                **{
                    impact.id: {
                        "unit": impact.unit,
                        "low": plain_number(amount.low),
                        "central": plain_number(amount.central),
                        "high": plain_number(amount.high),
                    }
                    for impact, amount in zip(footprint.impacts, row.amounts, strict=True)
                },
            }
            for table in footprint.tables
            for row in table.rows
        ],
    }
