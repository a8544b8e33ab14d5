"""Options of the meters that read boards, servers and data centres: what a channel measures is declared here, since the channel does not say."""

from __future__ import annotations

import shlex
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from greenreport.record import overlap
from greenreport.study.field_types import Label, Spec
from greenreport.study.meter_options import MeterUse

#: Environment variables with the addresses of servers, which then stand in no published file.
PROMETHEUS_URL, REDFISH_URL = "GREENREPORT_PROMETHEUS_URL", "GREENREPORT_REDFISH_URL"
#: What a declared channel measures. Domains other than these are part of no boundary.
MeasuredDomain = Annotated[
    str,
    Field(
        pattern=r"^(machine|platform|cpu|(package|dram|gpu)-\d{1,3})$",
        description="what the channel measures: machine, platform, cpu, package-0, dram-0 or gpu-0",
    ),
]


class HwmonChannel(Spec):
    """One channel of a sensor chip, or a battery."""

    chip: Label | None = Field(None, description="name of the chip, as its file `name` says: ina3221, amdgpu, xe, power_meter")
    device: Label | None = Field(
        None, description="the device that has the chip, where several chips have one name: 1-0040, 0000:03:00.0"
    )
    channel: Label | None = Field(
        None, description="label or number of the channel (VDD_IN, 1); needed where a chip has more than one"
    )
    battery: Label | None = Field(None, description="instead of a chip: a battery of /sys/class/power_supply, such as BAT0")
    domain: MeasuredDomain

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.chip is None) == (self.battery is None):
            raise ValueError("name a `chip` or a `battery`")
        if self.battery is not None and (self.device is not None or self.channel is not None):
            raise ValueError("`device` and `channel` belong to a `chip`")
        return self


class HwmonUse(MeterUse):
    """Options of sensor chips and batteries."""

    channels: Annotated[tuple[HwmonChannel, ...], Field(max_length=64)] = Field(
        (), description="the channels to read, each with what it measures"
    )

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        refuse_overlap([channel.domain for channel in self.channels])
        return self


Url = Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=2000)]


class PrometheusChannel(Spec):
    """A query whose answer is one number."""

    query: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        description="in PromQL; a counter of energy as it is, without rate()"
    )
    unit: Literal["uJ", "mJ", "J", "kJ", "Wh", "kWh", "mW", "W", "kW"] = Field(
        description="unit of the answer: of energy for a counter, of power for a gauge"
    )
    domain: MeasuredDomain
    estimated: bool = Field(False, description="the number comes from a model, as Kepler's do where it reads no RAPL")


class PrometheusUse(MeterUse):
    """Options of queries to a Prometheus server."""

    url: Url | None = Field(None, description=f"address of the server; {PROMETHEUS_URL} when absent")
    channels: Annotated[tuple[PrometheusChannel, ...], Field(max_length=16)] = Field(
        (), description="the queries, each with what it measures"
    )

    @property
    def address(self) -> str:
        return self.url or f"the address in ${PROMETHEUS_URL}"

    @model_validator(mode="after")
    def _no_domain_twice(self) -> Self:
        refuse_overlap([channel.domain for channel in self.channels])
        return self


class RedfishUse(MeterUse):
    """Options of a management controller that speaks Redfish."""

    url: Url | None = Field(None, description=f"address of the controller; {REDFISH_URL} when absent")
    chassis: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")] | None = Field(
        None, description="id of the chassis; the only one with power when absent"
    )

    @property
    def address(self) -> str:
        return self.url or f"the address in ${REDFISH_URL}"


class IpmiUse(MeterUse):
    """Options of the program ipmitool."""

    path: Label | None = Field(None, description="the program: a name on PATH, or a path relative to the study file")

    @property
    def program(self) -> str:
        return shlex.quote(self.path or "ipmitool")

    def located(self, folder: Path) -> Self:
        return self if "/" not in (self.path or "") else self.model_copy(update={"path": str(folder / str(self.path))})


def refuse_overlap(domains: list[str]) -> None:
    """Refuse declared domains that would count one component twice.

    Raises:
        ValueError: two of them hold the same component.
    """
    for one, other in combinations(domains, 2):
        if overlap(one, other):
            what = f"{one} is declared twice" if one == other else f"{one} and {other} hold the same component"
            raise ValueError(f"{what}, so its energy would count twice; keep one of the two channels")
