"""Power and energy that a Prometheus server has: of Kepler, the DCGM exporter, meters of a rack.

Each channel is a query whose answer is one number. The server holds what it scraped last, every 15 s or so: a counter is recorded only
when it has moved, so that between two scrapes its trace is interpolated and not flat. A value is dated to the middle of its poll; it is
older by up to the scrape interval, which the uncertainty holds.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter, Sample
from greenreport.meters.http_exchange import POLL_S, BadAnswer
from greenreport.meters.json_over_http import fetch_json, number_at
from greenreport.record import Method, Quantity, TraceKind
from greenreport.study.hardware_options import PROMETHEUS_URL, PrometheusUse
from greenreport.study.meter_options import MeterUse

LOGIN_VARIABLE, TOKEN_VARIABLE = "GREENREPORT_PROMETHEUS_AUTH", "GREENREPORT_PROMETHEUS_TOKEN"
REMEDY_DECLARE = (
    "name server and query in the study: `- prometheus: {url: \"http://ADDRESS:9090\", channels: [{query: 'sum(kepler_node_package_joules_total)', "
    f"unit: J, domain: cpu}}]}}`; {PROMETHEUS_URL} keeps the address out of published files"
)
REMEDY_ANSWER = "try the query in the server's own page until it gives one number, with sum(…) or a choice of labels; where it needs a login, set GREENREPORT_PROMETHEUS_AUTH=user:password or …_TOKEN"
JOULE = {"uJ": 1e-6, "mJ": 1e-3, "J": 1.0, "kJ": 1e3, "Wh": 3600.0, "kWh": 3.6e6}
WATT = {"mW": 1e-3, "W": 1.0, "kW": 1e3}


class Prometheus(Meter):
    """Asks the queries of the study."""

    use: PrometheusUse

    own_interval_s = 1.009

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.url = (self.use.url or os.environ.get(PROMETHEUS_URL, "")).rstrip("/")
        self.channels: tuple[Channel, ...] = ()
        self.last: dict[int, float] = {}  # newest value of each counter
        self.failures: Counter[str] = Counter()

    def open(self) -> tuple[Channel, ...]:
        if not self.url or not self.use.channels:
            raise MeterUnavailable("no server or no query is configured", REMEDY_DECLARE)
        if not self.url.startswith(("http://", "https://")):
            raise MeterUnavailable("the address of the server does not begin with http:// or https://", REMEDY_DECLARE)
        for declared in self.use.channels:
            try:
                _ask(self.url, declared.query, time.monotonic() + POLL_S)
            except BadAnswer as error:
                raise MeterUnavailable(f"for {declared.domain} the Prometheus server {error}", REMEDY_ANSWER) from None
        self.channels = tuple(
            Channel(
                declared.domain,
                Quantity.ENERGY if declared.unit in JOULE else Quantity.POWER,
                TraceKind.COUNTER if declared.unit in JOULE else TraceKind.GAUGE,
                "J" if declared.unit in JOULE else "W",
                Method.ESTIMATED if declared.estimated else Method.MEASURED,
            )
            for declared in self.use.channels
        )
        return self.channels

    def read(self) -> Sequence[float | None]:
        found = {sample.channel: sample.value for sample in self._asked()}
        return [found.get(index) for index in range(len(self.channels))]

    def sample(self, *, edge: bool = False) -> Sequence[Sample]:
        moved = [
            s for s in self._asked() if self.channels[s.channel].kind is TraceKind.GAUGE or self.last.get(s.channel) != s.value
        ]
        self.last |= {sample.channel: sample.value for sample in moved}
        return moved

    def _asked(self) -> list[Sample]:
        deadline = time.monotonic() + POLL_S
        samples = []
        for index, declared in enumerate(self.use.channels):
            before = time.monotonic_ns()
            try:
                value = _ask(self.url, declared.query, deadline)
            except BadAnswer as error:
                self.failures[f"for {declared.domain} the Prometheus server {error}"] += 1
                continue
            samples.append(Sample(index, (before + time.monotonic_ns()) // 2, value * (JOULE | WATT)[declared.unit]))
        return samples

    def notes(self) -> tuple[tuple[str, str], ...]:
        polls = [f"{'a poll' if n == 1 else f'{n} polls'} failed: {why}" for why, n in self.failures.items()]
        return (*super().notes(), *((poll, REMEDY_ANSWER) for poll in polls))


def _ask(url: str, query: str, deadline: float) -> float:
    """Return the one number that a query gives now.

    Raises:
        BadAnswer: no answer, or another number of series than one.
    """
    login, token = os.environ.get(LOGIN_VARIABLE), os.environ.get(TOKEN_VARIABLE)
    address = f"{url}/api/v1/query?{urlencode({'query': query})}"
    answer: Any = fetch_json(address, login=login, token=token, deadline=deadline)
    data = answer.get("data") if isinstance(answer, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(result, list):
        raise BadAnswer("answers as no Prometheus server does")
    if data.get("resultType") == "scalar":
        return number_at(result, ("1",))
    if len(result) != 1:
        raise BadAnswer(f"has {len(result)} series instead of one")
    return number_at(result, ("0", "value", "1"))
