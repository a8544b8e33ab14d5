"""Factors that turn energy into carbon, water and cost, each declared by the study with its source and date.

Factors are not measurements and have no defaults. They change no fingerprint: a better factor needs a rebuild, not a re-run.
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from greenreport.study.field_types import Label, Spec, Text

_DATE = r"^\d{4}(-\d{2}(-\d{2})?)?$"


def _calendar_date(value: str) -> str:
    """Return a date, after checking that the calendar has it."""
    year, month, day = (*map(int, value.split("-")), 1, 1)[:3] if re.fullmatch(_DATE, value) else (0, 0, 0)
    try:
        datetime.date(year, month, day)
    except ValueError:
        raise ValueError(f"{value!r} is not a date; write 2025, 2025-03 or 2025-03-31") from None
    return value


Amount = Annotated[float, Field(ge=0, le=1e6)]
Overhead = Annotated[float, Field(ge=1, le=20)]
DateText = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if type(value) is int else value),  # a year alone is a number in YAML
    AfterValidator(_calendar_date),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _DATE}, {"type": "integer", "minimum": 1900, "maximum": 9999}]}),
]


class Factor(Spec):
    """A factor as a range, with its origin."""

    low: Amount = Field(description="smallest plausible value")
    central: Amount = Field(description="most plausible value")
    high: Amount = Field(description="largest plausible value")
    source: Text = Field(description="publication or operator the values come from; printed beside them")
    date: DateText = Field(description="year, month or day the values are valid for or were published")

    @model_validator(mode="after")
    def _ordered(self) -> Factor:
        if not self.low <= self.central <= self.high:
            raise ValueError(f"low ≤ central ≤ high is needed, here {self.low:g}, {self.central:g}, {self.high:g}")
        return self


class Price(Factor):
    """A price with its currency."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="ISO 4217 code: EUR, USD, …")


class FacilityOverhead(Factor):
    """Power usage effectiveness: energy of the facility ÷ energy of its computers."""

    low: Overhead = Field(description="smallest plausible value, at least 1")
    central: Overhead = Field(description="most plausible value")
    high: Overhead = Field(description="largest plausible value")


class Footprint(Spec):
    """Factors for one place. What is not declared is not derived."""

    location: Label = Field(description="where the energy is taken to be used, as it is printed")
    carbon_g_per_kwh: Factor | None = Field(None, description="carbon intensity of electricity, gCO₂e per kWh")
    water_l_per_kwh: Factor | None = Field(
        None, description="water consumed for a kWh of electricity that the facility draws, litres"
    )
    price_per_kwh: Price | None = Field(None, description="price of a kWh of electricity that the facility draws")
    pue: FacilityOverhead | None = Field(
        None, description="power usage effectiveness of the facility; without it the facility's own energy is left out"
    )

    @model_validator(mode="after")
    def _something(self) -> Footprint:
        if self.carbon_g_per_kwh is None and self.water_l_per_kwh is None and self.price_per_kwh is None:
            raise ValueError("give at least one of carbon_g_per_kwh, water_l_per_kwh and price_per_kwh")
        return self
