"""Tests of the meters that ask a management controller: Redfish on a real HTTP server, ipmitool as a program that behaves like it."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from greenreport.errors import MeterUnavailable
from greenreport.meters import redfish
from greenreport.meters.ipmi import Ipmi
from greenreport.meters.redfish import LOGIN_VARIABLE, Redfish
from greenreport.study import meter_use
from greenreport.study.hardware_options import REDFISH_URL
from tests.meters.http_device import Device, Handler, running

CHASSIS = "/redfish/v1/Chassis"
POWER = {"PowerControl": [{"PowerConsumedWatts": 344}]}


@pytest.fixture
def controller() -> Iterator[Device]:
    """Return a controller without chassis."""
    with running() as device:
        yield device


def serve(device: Device, resources: dict[str, object], *chassis: str) -> None:
    """Let the controller have these chassis and resources."""
    members = {"Members": [{"@odata.id": name} for name in chassis]}

    def answer(handler: Handler) -> None:
        content = members if handler.path == CHASSIS else resources.get(handler.path)
        device.json(content)(handler) if content is not None else handler.send(b"", 404)

    device.answer = answer


def test_a_chassis_with_power(controller: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chassis with power is found, old and new kind; its address and the password are asked of nobody else."""
    monkeypatch.setenv(REDFISH_URL, controller.url)
    monkeypatch.setenv(LOGIN_VARIABLE, "reader:secret")
    hostile = f"{controller.url}/elsewhere", "/redfish/v1/Chassis/../../admin", "//evil.example/redfish/v1/Chassis/1"
    serve(controller, {f"{CHASSIS}/Self/Power": POWER}, *hostile, f"{CHASSIS}/Encl", f"{CHASSIS}/Self")
    meter = Redfish(meter_use("redfish"))
    assert [(c.domain, c.quantity, c.unit) for c in meter.open()] == [("machine", "power", "W")]
    assert meter.read() == [344]
    assert controller.authorisation == f"Basic {base64.b64encode(b'reader:secret').decode()}"
    assert all(path.startswith(CHASSIS) and ".." not in path for path in controller.paths)
    assert meter.notes() == ()
    serve(controller, {f"{CHASSIS}/1/EnvironmentMetrics": {"PowerWatts": {"Reading": 201.5}}})
    newer = Redfish(meter_use("redfish", chassis="1"))
    newer.open()
    assert newer.read() == [201.5]
    serve(controller, {f"{CHASSIS}/1/EnvironmentMetrics": {"PowerWatts": {"Reading": None}}})
    assert newer.read() == [None]
    assert newer.notes()[0][0] == "a poll failed: the controller has no number at PowerWatts.Reading"


def test_controllers_without_one_answer(controller: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chassis with power, none, a wrong password and an endless answer are told apart; no secret is in a message."""
    monkeypatch.setenv(LOGIN_VARIABLE, "reader:secret")
    monkeypatch.setattr(redfish, "WITHIN_S", 0.5)
    use = meter_use("redfish", url=controller.url)
    serve(controller, {f"{CHASSIS}/A/Power": POWER, f"{CHASSIS}/B/Power": POWER}, f"{CHASSIS}/A", f"{CHASSIS}/B")
    causes = []
    for prepare in (
        None,
        lambda h: h.send(b'{"Members": []}'),
        lambda h: h.send(b"{}"),
        lambda h: h.send(b"", 401),
        controller.drip,
    ):
        controller.answer = prepare or controller.answer
        with pytest.raises(MeterUnavailable) as caught:
            Redfish(use).open()
        causes.append(caught.value.cause)
    assert causes == [
        "the chassis A, B have power, and none is chosen",
        "the controller shows no power of a chassis",
        "the controller has no list of chassis, so it speaks no Redfish",
        "the controller answered with HTTP status 401",
        "the controller did not answer within 0.5 s",
    ]
    controller.answer = lambda handler: handler.send(b"", 403)
    with pytest.raises(MeterUnavailable, match="shows no power of a chassis: it answered with HTTP status 403"):
        Redfish(meter_use("redfish", url=controller.url, chassis="1")).open()
    with pytest.raises(ValidationError, match="chassis"):
        meter_use("redfish", chassis="../../admin")


def ipmitool(folder: Path, script: str) -> Ipmi:
    """Return the meter with a program that runs this script."""
    program = folder / "ipmitool"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return Ipmi(meter_use("ipmi", path=str(program)))


ANSWER = """
[ "$*" = "dcmi power reading" ] || exit 1
cat <<'TEXT'

    Instantaneous power reading:                   226 Watts
    Minimum during sampling period:                 10 Watts
    Power reading state is:                   STATE
TEXT
"""


def test_ipmitool(tmp_path: Path) -> None:
    """The momentary power is read; a reading that is switched off, an error, an endless or silent program are none, within seconds."""
    meter = ipmitool(tmp_path, ANSWER.replace("STATE", "activated"))
    assert [(c.domain, c.quantity) for c in meter.open()] == [("machine", "power")]
    assert meter.read() == [226]
    begun = time.monotonic()
    for script in (
        ANSWER.replace("STATE", "deactivated"),
        "echo 'DCMI request failed' >&2; exit 1",
        "yes",
        "sleep 60 & sleep 60",
    ):
        ipmitool(tmp_path, script)
        assert meter.read() == [None]
    assert time.monotonic() - begun < 30
    assert len(meter.notes()) == 1
    with pytest.raises(MeterUnavailable, match="gave no answer"):
        ipmitool(tmp_path, "sleep 60").open()
    with pytest.raises(MeterUnavailable, match="shows no power"):
        ipmitool(tmp_path, "true").open()
    (tmp_path / "ipmitool").unlink()
    with pytest.raises(MeterUnavailable, match="`path` names no program"):
        meter.open()
