"""Power of a server by its management controller, over Redfish.

The boundary is the whole machine with its power supplies. Controllers show power as ``PowerControl`` under ``/Chassis/ID/Power``, newer ones
under ``/Chassis/ID/EnvironmentMetrics``. They answer slowly and refresh seldom, and say neither how often nor over what they average.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from greenreport.errors import MeterUnavailable
from greenreport.meters.base import Channel, Meter, Sample
from greenreport.meters.http_exchange import BadAnswer
from greenreport.meters.json_over_http import fetch_json, number_at
from greenreport.record import Domain, Quantity, TraceKind
from greenreport.study.hardware_options import REDFISH_URL, RedfishUse
from greenreport.study.meter_options import MeterUse

#: ``user:password``, which has no place in a study file.
LOGIN_VARIABLE = "GREENREPORT_REDFISH_AUTH"
REMEDY_URL = f'name the controller in the study: `- redfish: {{url: "https://ADDRESS"}}`, or set {REDFISH_URL}'
REMEDY_ANSWER = f"set {LOGIN_VARIABLE}=user:password of an account that may read; where the certificate is the controller's own, set SSL_CERT_FILE to it"
#: Controllers take seconds to answer.
WITHIN_S = 4.0
#: Where power stands: the resource beside the chassis, and the place in it.
PLACES = (("Power", ("PowerControl", "0", "PowerConsumedWatts")), ("EnvironmentMetrics", ("PowerWatts", "Reading")))
MOST_CHASSIS = 32


class Redfish(Meter):
    """Asks one chassis for its power."""

    use: RedfishUse

    own_interval_s = 1.009

    def __init__(self, use: MeterUse) -> None:
        super().__init__(use)
        self.url = (self.use.url or os.environ.get(REDFISH_URL, "")).rstrip("/")
        self.address = ""
        self.path: tuple[str, ...] = ()
        self.failures: Counter[str] = Counter()

    def open(self) -> tuple[Channel, ...]:
        if not self.url:
            raise MeterUnavailable("no controller is configured", REMEDY_URL)
        if not self.url.startswith(("http://", "https://")):
            raise MeterUnavailable("the address of the controller does not begin with http:// or https://", REMEDY_URL)
        try:
            chassis = [self.use.chassis] if self.use.chassis is not None else self._chassis()
            found = [place for name in chassis for place in self._places(name)]
        except BadAnswer as error:
            raise MeterUnavailable(f"the controller {error}", REMEDY_ANSWER) from None
        if not found:
            why = "".join(f": it {why}" for why in list(self.failures)[:1])
            raise MeterUnavailable(
                f"the controller shows no power of a chassis{why}", "name another one with `chassis:`, or " + REMEDY_ANSWER
            )
        if len({name for name, _, _ in found}) > 1:
            shown = ", ".join(sorted({name for name, _, _ in found}))
            raise MeterUnavailable(f"the chassis {shown} have power, and none is chosen", f"add `chassis: {found[0][0]}`")
        _, self.address, self.path = found[0]
        return (Channel(Domain.MACHINE, Quantity.POWER, TraceKind.GAUGE, "W"),)

    def _chassis(self) -> list[str]:
        """Return the ids of the chassis; what the controller names as an address elsewhere is none."""
        answer = self._asked(f"{self.url}/redfish/v1/Chassis")
        members = answer.get("Members") if isinstance(answer, dict) else None
        if not isinstance(members, list):
            raise BadAnswer("has no list of chassis, so it speaks no Redfish")
        named = [str(member.get("@odata.id", "")) for member in members[:MOST_CHASSIS] if isinstance(member, dict)]
        return [found[1] for name in named if (found := re.fullmatch(r"/redfish/v1/Chassis/([A-Za-z0-9._-]{1,80})/?", name))]

    def _places(self, name: str) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return (chassis, address, path) of the first place at which a chassis has its power, if it has any."""
        for resource, path in PLACES:
            address = f"{self.url}/redfish/v1/Chassis/{name}/{resource}"
            try:
                number_at(self._asked(address), path)
            except BadAnswer as error:
                self.failures[str(error)] += 1
                continue
            self.failures.clear()
            return [(name, address, path)]
        return []

    def _asked(self, address: str) -> Any:
        return fetch_json(address, login=os.environ.get(LOGIN_VARIABLE), within_s=WITHIN_S)

    def read(self) -> Sequence[float | None]:
        return [sample.value for sample in self.sample()] or [None]

    def sample(self, *, edge: bool = False) -> Sequence[Sample]:
        before = time.monotonic_ns()
        try:
            watts = number_at(self._asked(self.address), self.path)
        except BadAnswer as error:
            self.failures[str(error)] += 1
            return ()
        return [Sample(0, (before + time.monotonic_ns()) // 2, watts)]

    def notes(self) -> tuple[tuple[str, str], ...]:
        polls = [f"{'a poll' if n == 1 else f'{n} polls'} failed: the controller {why}" for why, n in self.failures.items()]
        return (*super().notes(), *((poll, REMEDY_ANSWER) for poll in polls))
