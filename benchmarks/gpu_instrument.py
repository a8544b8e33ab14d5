"""Readings of a GPU's instrument, one step per process: ``python -m benchmarks.gpu_instrument STEP SECONDS DEVICE`` prints a JSON object.

A process of its own starts without a context on the GPU, and gives up the one it made when it ends. DEVICE is ``cuda``, or ``none`` for a
rehearsal without torch, in which nothing computes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from greenreport import traces as tr
from greenreport.meters.meter_thread import Recorder
from greenreport.meters.nvidia_gpus import look
from greenreport.meters.nvml import Nvml
from greenreport.record import Quantity, Trace
from greenreport.study import meter_use

#: Sampling intervals at which integrated power is compared with the counter, in ms.
INTERVALS_MS = (20, 97, 503)
SETTLE_S = 2.0


def recorded(seconds: float, interval_s: float) -> dict[str, Trace]:
    """Return the traces of the first GPU over some seconds, by quantity."""
    meter = Nvml(meter_use("nvml"))
    recorder = Recorder("nvml", meter, meter.open(), interval_s)
    recorder.start()
    recorder.edge().wait()
    time.sleep(seconds)
    recorder.stop()
    recorder.join()
    traces = recorder.traces()
    first = min(trace.domain for trace in traces)
    return {trace.quantity: trace for trace in traces if trace.domain == first}


def energies(seconds: float, interval_s: float) -> dict[str, float]:
    """Return the energy by the counter and by integrated power over the same time, and how many samples of power there were."""
    found = recorded(seconds, interval_s)
    counter, power = found[Quantity.ENERGY], found[Quantity.POWER]
    start, end = max(counter.t_ns[0], power.t_ns[0]), min(counter.t_ns[-1], power.t_ns[-1])
    by_counter, by_power = tr.energy(counter, start, end), tr.energy(power, start, end)
    assert by_counter is not None
    assert by_power is not None
    return {
        "seconds": (end - start) / 1e9, "counter_j": by_counter, "power_j": by_power,
        "difference_pct": 100 * (by_power / by_counter - 1), "samples": len(power.t_ns),
    }  # fmt: skip


def mean_w(seconds: float) -> float:
    """Return the mean power by the counter."""
    found = energies(seconds, 0.097)
    return found["counter_j"] / found["seconds"]


def idle(seconds: float, device: str) -> dict[str, Any]:
    """Return power without a context of ours on the GPU, and with one that does nothing."""
    gpus, driver = look()
    result: dict[str, Any] = {"gpus": [gpu.name for gpu in gpus], "driver": driver, "idle_w": mean_w(seconds)}
    if device != "none":
        import torch

        held = torch.ones(1, device=device)
        torch.cuda.synchronize()
        time.sleep(SETTLE_S)
        result["context_w"] = mean_w(seconds)
        del held
    return result


def rates(seconds: float, device: str) -> dict[str, Any]:
    """Return counter against integrated power at each sampling interval, under bursts of load."""
    result = {}
    with ExitStack() as stack:
        if device != "none":
            command = [
                sys.executable,
                "-m",
                "benchmarks.gpu_instrument",
                "bursts",
                str(seconds * len(INTERVALS_MS) + 60),
                device,
            ]
            load = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(load.kill)
            assert load.stdout is not None
            load.stdout.readline()
        for interval in INTERVALS_MS:
            result[f"{interval} ms"] = energies(seconds, interval / 1e3)
    return result


def bursts(seconds: float, device: str) -> dict[str, Any]:
    """Multiply matrices in bursts of 0.3 s with pauses of 0.2 s, which no sampling interval divides."""
    import torch

    one = torch.randn(4096, 4096, device=device)
    print("ready", flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pause = time.monotonic() + 0.3
        while time.monotonic() < pause:
            one @ one
            torch.cuda.synchronize()
        time.sleep(0.2)
    return {}


def tf32(_: float, device: str) -> dict[str, Any]:
    """Return the relative error of a float32 product as greenreport's engines compute it, and with TF32 switched on."""
    import torch

    generator = torch.Generator().manual_seed(1)
    one, other = (torch.randn(2048, 2048, generator=generator, dtype=torch.float64) for _ in range(2))
    exact = one @ other

    def error(precision: str) -> float:
        torch.set_float32_matmul_precision(precision)
        found = (one.float().to(device) @ other.float().to(device)).double().cpu()
        return float(((found - exact).norm() / exact.norm()).item())

    default = torch.get_float32_matmul_precision()
    return {"default": default, "error_default": error(default), "error_tf32": error("high")}


STEPS: dict[str, Callable[[float, str], dict[str, Any]]] = {"idle": idle, "rates": rates, "bursts": bursts, "tf32": tf32}

if __name__ == "__main__":
    print(json.dumps(STEPS[sys.argv[1]](float(sys.argv[2]), sys.argv[3])))
