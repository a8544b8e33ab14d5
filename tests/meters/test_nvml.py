"""Tests of the NVML meter on a stand-in for NVIDIA's library, loaded by nvidia-ml-py through its real path."""

from __future__ import annotations

import json
import subprocess
import sys
from array import array
from itertools import pairwise
from statistics import median
from textwrap import indent
from typing import Any

import pytest

from greenreport.meters.nvidia_gpus import REMEDY_LIBRARY, REMEDY_PERMISSION, several
from greenreport.meters.nvml import REMEDY_VISIBLE
from greenreport.record import Method, Trace, TraceKind
from greenreport.traces import counter_growth, gauge_integral
from tests.meters.conftest import WAIT_S, FakeGpus

#: Opens the meter and prints what it reads, or why it cannot.
LOOK = """
import json
from greenreport.errors import MeterUnavailable
from greenreport.meters.nvml import Nvml
from greenreport.study import meter_use
meter = Nvml(meter_use(name="nvml"))
try:
    channels = meter.open()
    values = {f"{c.domain} {c.quantity}": value for c, value in zip(channels, meter.read(), strict=True)}
    print(json.dumps({"values": values, "notes": meter.notes()}))
except MeterUnavailable as error:
    print(json.dumps({"cause": error.cause, "remedy": error.remedy}))
"""

#: Samples for a while with an edge now and then, stops where a line arrives, goes on, and prints the traces.
RECORD = """
import json, sys, time
from greenreport.meters.nvml import Nvml
from greenreport.meters.meter_thread import Recorder
from greenreport.study import meter_use
meter = Nvml(meter_use(name="nvml"))
recorder = Recorder("nvml", meter, meter.open(), 0.097)
recorder.start()
edges = []
for _ in range(9):
    recorder.edge().wait()
    edges.append(time.monotonic_ns())
    time.sleep(0.31)
print("half", flush=True)
sys.stdin.readline()
time.sleep(0.5)
recorder.stop()
recorder.join()
traces = {f"{t.domain} {t.quantity}": [t.kind, list(t.t_ns), list(t.value)] for t in recorder.traces()}
print(json.dumps({"traces": traces, "edges": edges, "events": [[e.meter, e.cause] for e in recorder.events()]}))
"""


def recorded(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Let a recording script end and return what it prints."""
    output, _ = process.communicate("\n", timeout=WAIT_S)
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(output.splitlines()[-1])
    return result


def trace(found: dict[str, Any], name: str) -> Trace:
    """Return a printed trace."""
    kind, times, values = found["traces"][name]
    domain, quantity = name.split()
    return Trace("nvml", domain, quantity, TraceKind(kind), "", Method.MEASURED, array("q", times), array("d", values))


def test_every_sensor_of_every_gpu(gpus: FakeGpus) -> None:
    """Each GPU has counter, power, memory, load, temperature, clock and throttle reasons, in SI units."""
    gpus.set(gpus=2, power_w_1=350, memory_used=4_000_000_000, load=77, temperature_1=61, throttle_0=0x1 | 0x4 | 0x80)
    values = gpus.run(LOOK)["values"]
    assert len(values) == 22
    assert values["gpu-0 power"] == 100
    assert values["gpu-1 power"] == 350
    assert values["gpu-1 energy"] / values["gpu-0 energy"] == pytest.approx(3.5, rel=0.01)
    assert (values["gpu-0 memory"], values["gpu-0 memory_total"]) == (4e9, 80e9)
    assert (values["gpu-0 load"], values["gpu-0 memory_load"]) == (77, 10)
    assert (values["gpu-0 temperature"], values["gpu-1 temperature"]) == (40, 61)
    assert values["gpu-0 clock"] == 1.5e9
    assert (values["gpu-0 throttle"], values["gpu-1 throttle"]) == (0x84, 0)  # idle clocks (0x1) are no throttling
    assert (values["gpu-0 processes"], values["gpu-0 own_processes"]) == (0, 0)


#: Reads twice, before and after it is told that this process is the server; the control file names it as computing.
LIST = """
import json, os, sys
from greenreport.meters.nvml import Nvml
from greenreport.study import meter_use
from tests.fake_nvml import write_control
from pathlib import Path
write_control(Path(os.environ["FAKE_NVML"]), gpus=2, processes_0=f"{os.getpid()} 4194305", processes_1="")
meter = Nvml(meter_use(name="nvml"))
channels = meter.open()
names = [f"{c.domain} {c.quantity}" for c in channels]
found = []
for step in ("first", "at once", "edge", "watch"):
    if step == "watch":
        meter.watch((os.getpid(),))
    samples = meter.sample(edge=step == "edge")
    found.append({names[s.channel]: s.value for s in samples if "processes" in names[s.channel]})
print(json.dumps(found))
"""


def test_processes_on_a_gpu_are_told_apart(gpus: FakeGpus) -> None:
    """Listed once a second and at edges; those of the server are counted once the meter knows it."""
    first, at_once, edge, watched = gpus.run(LIST)
    nobody = {"gpu-0 processes": 2, "gpu-0 own_processes": 0, "gpu-1 processes": 0, "gpu-1 own_processes": 0}
    assert first == edge == nobody
    assert at_once == {}
    assert watched == nobody | {"gpu-0 own_processes": 1}


#: A process that the kernel names like NVIDIA's multi-process service stands beside this one on the GPU, which is its client.
SHARED = """
import json, os, subprocess, sys
from pathlib import Path
from greenreport.meters.nvml import Nvml
from greenreport.study import meter_use
from tests.fake_nvml import write_control
named = "open('/proc/self/comm', 'w').write('nvidia-cuda-mps-server'); print(flush=True); input()"
service = subprocess.Popen([sys.executable, "-c", named], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
service.stdout.readline()
found = []
for settings in ({}, {"no_mps": 1}, {"processes": f"{service.pid} 4194305"}):
    told = {"gpus": 1, "processes": service.pid, "mps_processes": os.getpid()} | settings
    write_control(Path(os.environ["FAKE_NVML"]), **told)
    meter = Nvml(meter_use(name="nvml"))
    channels = meter.open()
    meter.watch((os.getpid(),))
    found.append([value for channel, value in zip(channels, meter.read()) if "processes" in channel.quantity])
service.communicate(b"\\n")
print(json.dumps(found))
"""


def test_clients_of_the_multi_process_service_compute_and_the_service_does_not(gpus: FakeGpus) -> None:
    """The service holds the GPU for its clients: they are listed apart, and it is nobody's program. A real stranger stays one."""
    assert gpus.run(SHARED) == [[1, 1], [0, 0], [2, 1]]


def test_several_visible_gpus_are_said(gpus: FakeGpus) -> None:
    """Engines use one and energy is that of all; with one visible nothing is said."""
    gpus.set(gpus=2)
    assert gpus.run(LOOK)["notes"] == [list(several(2))]
    assert gpus.run(LOOK, CUDA_VISIBLE_DEVICES=UUIDS[1])["notes"] == []


def test_sensors_a_gpu_lacks_have_no_channel(gpus: FakeGpus) -> None:
    """An old GPU has no counter: no channel, not zeros. Averaged power is a quantity of its own."""
    gpus.set(no_energy=1, no_throttle=1, no_instant=1, arch=6)
    assert {"gpu-0 power", "gpu-0 energy", "gpu-0 throttle"} & set(gpus.run(LOOK)["values"]) == {"gpu-0 power"}
    gpus.set(no_instant=1, arch=9)
    assert "gpu-0 power_average" in gpus.run(LOOK)["values"]
    gpus.set(no_instant=1, arch=7, name="NVIDIA A100-SXM4-40GB")
    assert "gpu-0 power" in gpus.run(LOOK)["values"]


@pytest.mark.alone
def test_the_edges_of_a_window_are_exact(gpus: FakeGpus) -> None:
    """With a counter that moves every 80 ms, windows of 0.3 s are right to a few milliseconds; so is integrated power."""
    gpus.set(power_w=200, refresh_ms=80)
    with gpus.start(RECORD) as process:
        found = recorded(process)
    counter, power, edges = trace(found, "gpu-0 energy"), trace(found, "gpu-0 power"), found["edges"]
    errors = []
    for start, end in pairwise(edges):
        growth, truth = counter_growth(counter, start, end), 200 * (end - start) / 1e9
        assert growth is not None
        errors.append(abs(growth / truth - 1))
        assert gauge_integral(power, start, end) == pytest.approx(truth)
    assert median(errors) < 0.02
    growth = counter_growth(counter, edges[0], edges[-1])
    assert growth == pytest.approx(200 * (edges[-1] - edges[0]) / 1e9, rel=0.01)


@pytest.mark.alone
def test_a_gpu_that_is_lost_is_a_gap(gpus: FakeGpus) -> None:
    """The other GPU is sampled on; the lost one ends early and is named."""
    gpus.set(gpus=2)
    with gpus.start(RECORD) as process:
        assert process.stdout is not None
        process.stdout.readline()
        gpus.set(gpus=2, lost_1=1)
        found = recorded(process)
    kept, lost = trace(found, "gpu-0 energy"), trace(found, "gpu-1 energy")
    assert lost.t_ns[-1] < kept.t_ns[-1] - 200_000_000
    assert counter_growth(lost, found["edges"][0], kept.t_ns[-1]) is None
    assert counter_growth(kept, found["edges"][0], kept.t_ns[-1]) is not None
    assert found["events"] == [["nvml", several(2)[0]], ["nvml", "gpu-1 stopped answering: GPU is lost"]]


UUIDS = [f"GPU-abc0000{index}-0000-4000-8000-00000000fa0{index}" for index in range(3)]


VISIBLE: list[tuple[str, list[int]]] = [
    ("1", [1]),
    ("2,0", [0, 2]),
    ("0,0", [0]),
    (UUIDS[1], [1]),
    ("GPU-abc00002", [2]),
    ("0,7,1", [0]),
    ("0,-1,1", [0]),
    (f" {UUIDS[0]} , 2", [0, 2]),
    ("GPU-abc0,1", []),
    ("", []),
    ("-1", []),
    ("rubbish", []),
]
#: Looks again and again, each time with other visible GPUs.
EACH = f"import json, os\nfor listed in json.loads(os.environ['LISTED']):\n    os.environ['CUDA_VISIBLE_DEVICES'] = listed\n{indent(LOOK, '    ')}"


def test_visible_gpus_are_those_of_cuda(gpus: FakeGpus) -> None:
    """Indices, UUIDs and their unambiguous beginnings count; everything after an entry that names no GPU is invisible."""
    gpus.set(gpus=3)
    with gpus.start(EACH, LISTED=json.dumps([listed for listed, _ in VISIBLE])) as process:
        output, _ = process.communicate(timeout=WAIT_S)
    for (listed, indices), line in zip(VISIBLE, output.splitlines(), strict=True):
        found = json.loads(line)
        assert sorted({int(name[4]) for name in found.get("values", {})}) == indices, listed
        if not indices:
            assert found["cause"] == f"CUDA_VISIBLE_DEVICES={listed!r} hides every GPU"


def test_numbers_of_different_gpus_are_doubtful(gpus: FakeGpus) -> None:
    """CUDA and NVML count GPUs of several kinds differently, unless CUDA is told not to."""
    gpus.set(gpus=2, name_1="Another GPU")
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in gpus.run(LOOK, CUDA_VISIBLE_DEVICES="1")["notes"][0][1]
    assert gpus.run(LOOK, CUDA_VISIBLE_DEVICES="1", CUDA_DEVICE_ORDER="PCI_BUS_ID")["notes"] == []
    assert gpus.run(LOOK, CUDA_VISIBLE_DEVICES=UUIDS[1])["notes"] == []


def test_no_energy_for_a_slice(gpus: FakeGpus) -> None:
    """A GPU split into MIG slices is left out and said, also when a slice of it is asked for."""
    gpus.set(gpus=2, mig_1=1)
    cause = "gpu-1 is split into MIG slices, and NVML has no energy for a slice"
    remedy = "`sudo nvidia-smi -i 1 -mig 0` makes it one GPU again"
    found = gpus.run(LOOK)
    assert {name[:5] for name in found["values"]} == {"gpu-0"}
    assert found["notes"] == [[cause, remedy]]
    assert gpus.run(LOOK, CUDA_VISIBLE_DEVICES="MIG-1-0") == {"cause": cause, "remedy": remedy}


@pytest.mark.parametrize(
    ("settings", "cause", "remedy"),
    [
        ({"init_error": 4}, "NVML cannot be used: Insufficient Permissions", REMEDY_PERMISSION),
        ({"init_error": 9}, "NVML cannot be used: Driver Not Loaded", REMEDY_LIBRARY),
        ({"gpus": 0}, "NVML shows no GPU", REMEDY_VISIBLE),
    ],
)
def test_why_there_is_no_gpu(gpus: FakeGpus, settings: dict[str, int], cause: str, remedy: str) -> None:
    """Each obstacle has its remedy."""
    gpus.set(**settings)
    assert gpus.run(LOOK) == {"cause": cause, "remedy": remedy}


def test_without_the_library() -> None:
    """On a machine without a driver the meter says so; nothing is raised into the run."""
    found = json.loads(subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True).stdout)
    if "values" in found:
        pytest.skip("this machine has an NVIDIA driver")
    assert found["remedy"]
