"""Tests of the Prometheus meter against a real HTTP server that scrapes seldom, errs and answers rubbish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from greenreport.errors import MeterUnavailable
from greenreport.meters.prometheus import TOKEN_VARIABLE, Prometheus
from greenreport.study import meter_use
from greenreport.study.hardware_options import PROMETHEUS_URL
from tests.meters.http_device import Answer, Device, running

CPU = {"query": 'sum(kepler_node_package_joules_total{instance="a"})', "unit": "kJ", "domain": "cpu", "estimated": True}
GPU = {"query": "DCGM_FI_DEV_POWER_USAGE", "unit": "mW", "domain": "gpu-0"}


def vector(*values: str) -> dict[str, Any]:
    """Return an answer with these series."""
    result = [{"metric": {"n": str(n)}, "value": [1_700_000_000.5, value]} for n, value in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.fixture
def server() -> Iterator[Device]:
    """Return a server that has one series with the value 7."""
    with running() as device:
        device.answer = device.json(vector("7"))
        yield device


def meter(server: Device, *channels: dict[str, Any]) -> Prometheus:
    """Return an open meter."""
    found = Prometheus(meter_use("prometheus", url=server.url, channels=channels))
    found.open()
    return found


def test_counters_are_recorded_when_they_move_and_gauges_at_each_poll(server: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two scrapes a counter has no samples that would make it flat; units are made SI; the query arrives as it is."""
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    found = meter(server, CPU, GPU)
    assert [(c.domain, c.quantity, c.kind, c.method) for c in found.channels] == [
        ("cpu", "energy", "counter", "estimated"), ("gpu-0", "power", "gauge", "measured"),
    ]  # fmt: skip
    assert [(s.channel, s.value) for s in found.sample()] == [(0, 7000.0), (1, 0.007)]
    assert [(s.channel, s.value) for s in found.sample(edge=True)] == [(1, 0.007)]
    server.answer = server.json(vector("8"))
    assert [(s.channel, s.value) for s in found.sample()] == [(0, 8000.0), (1, 0.008)]
    assert parse_qs(urlsplit(server.paths[-2]).query) == {"query": [CPU["query"]]}
    assert server.authorisation == "Bearer secret"
    server.answer = server.json({"status": "success", "data": {"resultType": "scalar", "result": [1.5, "9"]}})
    assert found.read() == [9000, pytest.approx(0.009)]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda handler: handler.server.json(vector("NaN"))(handler), "has no number at 0.value.1"),
        (lambda handler: handler.server.json(vector("1e999"))(handler), "has no number at 0.value.1"),
        (lambda handler: handler.server.json(vector("1", "2"))(handler), "has 2 series instead of one"),
        (lambda handler: handler.server.json(vector())(handler), "has 0 series instead of one"),
        (lambda handler: handler.server.json({"data": {"result": [[]], "resultType": "matrix"}})(handler), "has no 0.value.1"),
        (lambda handler: handler.server.json([1])(handler), "answers as no Prometheus server does"),
        (lambda handler: handler.send(b"<html>"), "answered with something that is no JSON"),
        (lambda handler: handler.send(b'{"status": "error"}', 422), "answered with HTTP status 422"),
        (lambda handler: handler.send(b" " * 2_000_000), "sent more than 1 MB"),
        (lambda handler: handler.server.drip(handler), "did not answer within 1 s"),
    ],
)
def test_a_bad_answer_is_a_gap_and_no_start(server: Device, answer: Answer, why: str) -> None:
    """Whatever the server answers, that poll has no value and says why; a meter that begins so is unavailable."""
    found = meter(server, GPU)
    server.answer = answer
    assert found.sample() == []
    assert found.notes()[0][0].startswith(f"a poll failed: for gpu-0 the Prometheus server {why}")
    with pytest.raises(MeterUnavailable, match="for gpu-0 the Prometheus server"):
        meter(server, GPU)


def test_what_is_not_declared(server: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Server and query must be named; an address may come from the environment, but not with a password in it."""
    with pytest.raises(MeterUnavailable, match="no server or no query"):
        meter(server)
    monkeypatch.setenv(PROMETHEUS_URL, server.url)
    assert len(Prometheus(meter_use("prometheus", channels=[GPU])).open()) == 1
    with pytest.raises(ValidationError, match="cpu and package-0 hold the same component"):
        meter_use("prometheus", channels=[CPU, GPU, {**GPU, "domain": "package-0"}])
    with pytest.raises(ValidationError, match="url"):
        meter_use("prometheus", url="http://user:secret@server")
