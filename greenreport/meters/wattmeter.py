"""Power at the wall socket, polled over HTTP: NETIO devices, and any other that answers in JSON.

The boundary is the whole machine with its power supply, so its numbers are never added to those of components. An energy register
moves in steps (NETIO: 1 Wh = 3600 J), too coarse for a window of seconds: beside power it is recorded as ``energy_register``, and as
``energy`` only where the device shows nothing else. A poll that fails or takes longer than a second is a gap.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter, Sample
from greenreport.meters.http_exchange import BadAnswer
from greenreport.meters.json_over_http import fetch_json, number_at
from greenreport.record import Domain, Quantity, TraceKind
from greenreport.study.meter_options import URL_VARIABLE, WattmeterUse

AUTH_VARIABLE = "GREENREPORT_WATTMETER_AUTH"
REMEDY_URL = (
    'name the device in the study: `- wattmeter: {kind: netio, url: "http://ADDRESS/netio.json", output: 1}`, '
    f"or set {URL_VARIABLE}, which keeps its address out of published files"
)
REMEDY_ANSWER = (
    "open the address in a browser on this machine; enable the JSON API of the device and reading without a password"
)
WATT = {"mW": 1e-3, "W": 1.0, "kW": 1e3}
JOULE = {"J": 1.0, "kJ": 1e3, "mWh": 3.6, "Wh": 3600.0, "kWh": 3.6e6}


@dataclass(frozen=True, slots=True)
class _Value:
    """Where a value is in the answer, and the factor that makes it SI."""

    channel: Channel
    path: tuple[str, ...]
    factor: float


class Wattmeter(Meter):
    """Polls one HTTP address."""

    use: WattmeterUse

    own_interval_s = 0.503  # NETIO measures about once a second; odd, so that polls do not fall into step with it

    def __init__(self, use: WattmeterUse) -> None:
        super().__init__(use)
        self.url = use.url or os.environ.get(URL_VARIABLE, "")
        self.values: tuple[_Value, ...] = ()
        self.failures: Counter[str] = Counter()

    def open(self) -> tuple[Channel, ...]:
        if not self.url:
            raise MeterUnavailable("no url is configured", REMEDY_URL)
        if not self.url.startswith(("http://", "https://")):
            raise MeterUnavailable("the url does not begin with http:// or https://", REMEDY_URL)
        try:
            answer = self._poll()
            self.values = _json_values(self.use) if self.use.kind == "json" else _netio_values(self.use, answer)
            for value in self.values:
                _number(answer, value)
        except BadAnswer as error:
            raise MeterUnavailable(f"the wall meter {error}", REMEDY_ANSWER) from None
        return tuple(value.channel for value in self.values)

    def read(self) -> Sequence[float | None]:
        return [sample.value for sample in self.sample()] or [None] * len(self.values)

    def sample(self, *, edge: bool = False) -> Sequence[Sample]:
        before = time.monotonic_ns()
        try:
            answer = self._poll()
            at = (before + time.monotonic_ns()) // 2
            return [Sample(index, at, _number(answer, value)) for index, value in enumerate(self.values)]
        except BadAnswer as error:
            self.failures[str(error)] += 1
            return ()

    def notes(self) -> tuple[tuple[str, str], ...]:
        polls = [f"{'a poll' if n == 1 else f'{n} polls'} failed: the wall meter {why}" for why, n in self.failures.items()]
        return (*super().notes(), *((poll, REMEDY_ANSWER) for poll in polls))

    def _poll(self) -> Any:
        return fetch_json(self.url, login=os.environ.get(AUTH_VARIABLE))  # which has no place in a study file


def _netio_values(use: WattmeterUse, answer: Any) -> tuple[_Value, ...]:
    """Return where the chosen output (the only one, when none is chosen) has its power and energy."""
    outputs = answer.get("Outputs") if isinstance(answer, dict) else None
    if not isinstance(outputs, list):
        raise BadAnswer("is no NETIO device: its answer has no `Outputs`")
    numbers = [output.get("ID") for output in outputs if isinstance(output, dict)]
    if use.output is None and len(numbers) > 1:
        shown = ", ".join(map(str, numbers))
        raise MeterUnavailable(f"the wall meter has the outputs {shown}, and none is chosen", f"add `output: {numbers[0]}`")
    wanted = use.output if use.output is not None else next(iter(numbers), None)
    if wanted not in numbers:
        raise BadAnswer(f"has no output {wanted} (it has: {', '.join(map(str, numbers)) or 'none'})")
    base = ("Outputs", str(numbers.index(wanted)))
    return _values((*base, "Load"), "W", (*base, "Energy"), "Wh", 1.0)


def _json_values(use: WattmeterUse) -> tuple[_Value, ...]:
    power = tuple(use.power.split(".")) if use.power else None
    energy = tuple(use.energy.split(".")) if use.energy else None
    return _values(power, use.power_unit, energy, use.energy_unit, use.scale)


def _values(
    power: tuple[str, ...] | None, power_unit: str, energy: tuple[str, ...] | None, energy_unit: str, scale: float
) -> tuple[_Value, ...]:
    values = []
    if power is not None:
        values.append(_Value(Channel(Domain.MACHINE, Quantity.POWER, TraceKind.GAUGE, "W"), power, WATT[power_unit] * scale))
    if energy is not None:
        quantity = Quantity.ENERGY if power is None else Quantity.ENERGY_REGISTER
        values.append(_Value(Channel(Domain.MACHINE, quantity, TraceKind.COUNTER, "J"), energy, JOULE[energy_unit] * scale))
    return tuple(values)


def _number(answer: Any, value: _Value) -> float:
    """Return the value at its path in SI units."""
    return number_at(answer, value.path) * value.factor
