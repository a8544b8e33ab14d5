"""Tests of the wall meter against a real HTTP server that stalls, errs, answers rubbish and drifts."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from greenreport.errors import MeterUnavailable
from greenreport.meters.wattmeter import AUTH_VARIABLE, REMEDY_ANSWER, REMEDY_URL, URL_VARIABLE, Wattmeter
from greenreport.study import MeterUse, meter_use
from greenreport.traces import energy
from tests.meters.http_device import Answer, Device, Handler, running


def netio(load: float = 93, energy_wh: float = 94268) -> dict[str, Any]:
    """Return the answer of a device with two outputs."""
    return {
        "Agent": {"Model": "PowerBOX 4KF", "Time": "2024-05-29T19:00:19+01:00"},
        "GlobalMeasure": {"TotalLoad": load + 7, "TotalEnergy": energy_wh + 1000},
        "Outputs": [
            {"ID": 1, "Name": "Power output 1", "State": 1, "Current": 550, "Energy": energy_wh, "Load": load},
            {"ID": 2, "Name": "Power output 2", "State": 1, "Current": 30, "Energy": 1000, "Load": 7},
        ],
    }


@pytest.fixture
def device() -> Iterator[Device]:
    """Return a running NETIO device."""
    with running() as server:
        server.answer = server.json(netio())
        server.url += "/netio.json"
        yield server


def use(device: Device, **options: Any) -> MeterUse:
    """Return the use of a device, by default as NETIO with its first output."""
    return meter_use(name="wattmeter", url=device.url, **({"kind": "netio", "output": 1} | options))


def opened(device: Device, **options: Any) -> tuple[Wattmeter, dict[str, float]]:
    """Return an open meter and its first values by quantity."""
    meter = Wattmeter(use(device, **options))
    channels = meter.open()
    assert {c.domain for c in channels} == {"machine"}
    return meter, {channels[sample.channel].quantity: sample.value for sample in meter.sample()}


def test_netio_outputs(device: Device) -> None:
    """Power in W and the register in J come from the chosen output, not from the whole device."""
    assert opened(device)[1] == {"power": 93, "energy_register": 94268 * 3600}
    assert opened(device, output=2)[1] == {"power": 7, "energy_register": 1000 * 3600}


def test_json_devices(device: Device) -> None:
    """Paths lead through objects and lists; units and a factor make the values SI; numbers may be texts."""
    device.answer = device.json({"meters": [{}, {"power": "0.25", "total": 2}], "switch:0": {"apower": 12}})
    paths = {"kind": "json", "output": None, "power": "meters.1.power", "power_unit": "kW"}
    assert opened(device, **paths, energy="meters.1.total", energy_unit="kWh", scale=2)[1] == {
        "power": 500,
        "energy_register": 14.4e6,
    }
    assert opened(device, kind="json", output=None, power="switch:0.apower")[1] == {"power": 12}
    assert opened(device, kind="json", output=None, energy="meters.1.total")[1] == {"energy": 7200}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda handler: handler.send(b"{}", 500), "answered with HTTP status 500"),
        (lambda handler: handler.send(b"<html>"), "answered with something that is no JSON"),
        (lambda handler: handler.send(b"\xff\xfe"), "answered with something that is no JSON"),
        (lambda handler: handler.send(b"[" * 100_000), "answered with something that is no JSON"),
        (lambda handler: handler.send(b"{}"), "has no Outputs.0.Load in its answer"),
        (lambda handler: handler.send(b'{"Outputs": [{"Load": true}]}'), "has no number at Outputs.0.Load"),
        (lambda handler: handler.send(b'{"Outputs": [{"Load": NaN}]}'), "has no number at Outputs.0.Load"),
        (lambda handler: handler.send(b'{"Outputs": [{"Load": []}]}'), "has no number at Outputs.0.Load"),
        (lambda handler: handler.send(b" " * 2_000_000), "sent more than 1 MB"),
        (lambda handler: handler.wfile.write(b"no http\n\n"), "cannot be reached (BadStatusLine)"),
        (lambda handler: handler.server.stall(handler), "did not answer within 1 s"),
        (lambda handler: handler.server.drip(handler), "did not answer within 1 s"),
        (lambda handler: handler.server.drip_headers(handler), "did not answer within 1 s"),
    ],
)
def test_a_poll_that_fails_is_a_gap(device: Device, answer: Answer, why: str) -> None:
    """Whatever the device does, that poll has no value, is counted, and the next one is as good as ever."""
    meter, _ = opened(device)
    good, device.answer = device.answer, answer
    assert list(meter.sample()) == []
    device.answer = good
    assert [sample.value for sample in meter.sample()] == [93, 94268 * 3600]
    assert meter.notes() == ((f"a poll failed: the wall meter {why}", REMEDY_ANSWER),)


def test_times_are_those_of_this_machine(device: Device) -> None:
    """A device whose clock runs away and whose answers get slower and slower still gives values at the right times."""
    delay = 0.0

    def drift(handler: Handler) -> None:
        nonlocal delay
        delay += 0.01
        time.sleep(delay)
        handler.send(json.dumps(netio() | {"Agent": {"Time": f"20{delay * 1000:.0f}-01-01"}}).encode())

    meter, _ = opened(device)
    device.answer = drift
    samples, brackets = [], []
    for _ in range(12):
        before = time.monotonic_ns()
        samples.append(meter.sample()[0])
        brackets.append((before, time.monotonic_ns()))
    assert all(before < sample.t_ns < after for (before, after), sample in zip(brackets, samples, strict=True))


@pytest.mark.alone
def test_a_device_that_stalls_delays_no_other_meter(device: Device, sampling: Callable[..., Any]) -> None:
    """While the device does not answer, the other meters of the run are sampled; the failed polls are reported."""
    good, stalled = device.answer, threading.Event()

    def twice(handler: Handler) -> None:
        if device.polls > 5:
            stalled.set()
            device.stall(handler)
        good(handler)

    device.answer = twice
    with sampling(use(device, interval_ms=100).model_dump(), {"name": "estimate"}, interval_s=0.02) as sampler:
        assert stalled.wait(60)
        at = time.monotonic_ns()
        time.sleep(0.7)
        recorded = sampler.stop()
    by_quantity = {trace.quantity: trace for trace in recorded.traces}
    assert sum(t > at for t in by_quantity["energy"].t_ns) > 8  # of 35 on an idle machine
    assert sum(t > at for t in by_quantity["power"].t_ns) == 0
    power = by_quantity["power"]
    assert energy(power, power.t_ns[0], power.t_ns[-1]) == pytest.approx(93 * (power.t_ns[-1] - power.t_ns[0]) / 1e9)
    assert recorded.events[0].cause.endswith("failed: the wall meter did not answer within 1 s")


def test_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy is the line of the study file."""
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    with pytest.raises(MeterUnavailable) as caught:
        Wattmeter(meter_use(name="wattmeter")).open()
    assert caught.value.cause == "no url is configured"
    assert caught.value.remedy == REMEDY_URL
    assert '`- wattmeter: {kind: netio, url: "http://ADDRESS/netio.json", output: 1}`' in REMEDY_URL
    monkeypatch.setenv(URL_VARIABLE, "file:///etc/passwd")
    with pytest.raises(MeterUnavailable, match="does not begin with http"):
        Wattmeter(meter_use(name="wattmeter")).open()


def test_address_and_password_may_come_from_the_environment(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither has to be in a file that is published."""
    monkeypatch.setenv(URL_VARIABLE, device.url)
    monkeypatch.setenv(AUTH_VARIABLE, "reader:secret")
    Wattmeter(meter_use(name="wattmeter", output=2)).open()
    assert device.authorisation == f"Basic {base64.b64encode(b'reader:secret').decode()}"


def test_a_redirect_is_not_followed(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password goes to the address it was given for, and nowhere else."""

    def elsewhere(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", device.url)
        handler.end_headers()

    monkeypatch.setenv(AUTH_VARIABLE, "reader:secret")
    device.answer = elsewhere
    with pytest.raises(MeterUnavailable, match="the wall meter answered with HTTP status 302"):
        opened(device)
    assert device.polls == 1


def test_what_cannot_be_opened(device: Device) -> None:
    """A device that is not there, another kind of device, and an output that must be chosen are told apart."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with pytest.raises(MeterUnavailable, match=r"the wall meter cannot be reached \(Connection refused\)"):
            Wattmeter(meter_use(name="wattmeter", url=url)).open()
    with pytest.raises(MeterUnavailable) as caught:
        opened(device, output=None)
    assert (caught.value.cause, caught.value.remedy) == (
        "the wall meter has the outputs 1, 2, and none is chosen",
        "add `output: 1`",
    )
    with pytest.raises(MeterUnavailable, match=r"the wall meter has no output 9 \(it has: 1, 2\)"):
        opened(device, output=9)
    device.answer = device.json({"StatusSNS": {}})
    with pytest.raises(MeterUnavailable, match="is no NETIO device"):
        opened(device)
