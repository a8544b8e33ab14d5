"""Tests of what servers of others tell of themselves: a real server on loopback whose numbers change, and servers that tell anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from greenreport.meters import server_metrics
from greenreport.meters.base import Sample
from greenreport.meters.sampler import Ask, Now
from greenreport.meters.server_metrics import CHANNELS, LARGEST_B, SERVERS, ServerMetrics
from greenreport.record import Trace, TraceKind
from tests.meters.http_device import Device, Handler, running

VLLM = """# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="one {two}"} %s
vllm:num_requests_running{engine="1",model_name="one"} 1.0
vllm:num_requests_waiting{engine="0",model_name="one"} 4.0
vllm:num_requests_waiting{engine="1",model_name="one"} 0.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 99.0
vllm:kv_cache_usage_perc{engine="0",model_name="one"} 5e-01
vllm:kv_cache_usage_perc{engine="1",model_name="one"} 2.5e-05 1764460000
vllm:gpu_cache_usage_perc{engine="0",model_name="one"} 0.9
vllm:num_preemptions_total{engine="0",model_name="one"} 3.0
vllm:num_preemptions_total{engine="1",model_name="one"} 2.0
vllm:num_preemptions_created{engine="1",model_name="one"} 1.76e+09
vllm:prefix_cache_hits_total{engine="0",model_name="one"} 1.2e+06
"""
LLAMA_CPP = "llamacpp:requests_processing 2\nllamacpp:requests_deferred 1\n"
SGLANG = 'sglang:num_running_reqs{model_name="one",tp_rank="0"} 6.0\nsglang:num_queue_reqs{tp_rank="0"} 5.0\nsglang:token_usage 0.28\n'
TGI = "tgi_batch_current_size 7\r\ntgi_queue_size 8\r\n"


@pytest.fixture
def device() -> Iterator[Device]:
    """Return a server on loopback."""
    with running() as server:
        yield server


def answering(*texts: str) -> Callable[[Handler], None]:
    """Return what answers with one text after the other, and then with the last one again."""
    following = chain(texts, repeat(texts[-1]))
    return lambda handler: handler.send(next(following).encode())


def named(samples: Sequence[Sample]) -> Mapping[str, float]:
    """Return values by quantity."""
    return {CHANNELS[sample.channel].quantity: sample.value for sample in samples}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (VLLM % "2.0", {
            "requests_running": 3, "requests_waiting": 4, "cache_use": (0.5 + 2.5e-05) / 2, "preemptions": 5, "cached_tokens": 1_200_000,
        }),
        ("vllm:gpu_cache_usage_perc 0.25\nvllm:num_requests_running 0\n", {"requests_running": 0, "cache_use": 0.25}),
        (LLAMA_CPP + "llamacpp:kv_cache_usage_ratio 0.63\n", {"requests_running": 2, "requests_waiting": 1, "cache_use": 0.63}),
        (SGLANG, {"requests_running": 6, "requests_waiting": 5, "cache_use": 0.28}),
        (TGI, {"requests_running": 7, "requests_waiting": 8}),
    ],
)  # fmt: skip
def test_each_server_is_read_under_its_own_names(device: Device, text: str, told: Mapping[str, float]) -> None:
    """Requests and preemptions of all engines are added, the use of caches is averaged, and no other line is taken for one."""
    device.answer = answering(text)
    assert named(ServerMetrics([device.url], {}).sample()) == told
    assert device.paths == ["/metrics"]


def test_replicas_are_added_and_every_one_must_tell(device: Device) -> None:
    """Where one of them is missing, the sum is not known."""
    device.answer = answering(LLAMA_CPP, TGI, LLAMA_CPP, "llamacpp:requests_processing 1\n")
    meter = ServerMetrics([device.url, device.url], {"Authorization": "Bearer key"})
    assert named(meter.sample()) == {"requests_running": 9, "requests_waiting": 9}
    assert named(meter.sample(edge=True)) == {"requests_running": 3}
    assert device.authorisation == "Bearer key"


def test_a_counter_of_one_replica_counts(device: Device) -> None:
    """The other had nothing to count yet; a count that cannot be is another matter."""
    counter = "sglang:num_retracted_requests_total %s\n"
    device.answer = answering(SGLANG, SGLANG + counter % 2, SGLANG + counter % "NaN", SGLANG + counter % 2)
    meter = ServerMetrics([device.url, device.url], {})
    assert named(meter.sample())["preemptions"] == 2
    assert "preemptions" not in named(meter.sample(edge=True))


@pytest.mark.parametrize(
    "text", ["", "<!doctype html>", "# HELP nothing\n", "other:num_requests_running 3\n", "vllm:num_requests_running 3"]
)
def test_a_server_without_metrics_is_asked_once(device: Device, text: str) -> None:
    """Whatever it answers instead."""
    device.answer = answering(text)
    meter = ServerMetrics([device.url, device.url], {})
    assert [meter.sample(edge=True) for _ in range(5)] == [()] * 5
    assert device.polls == 2  # both replicas, once each
    assert meter.notes() == ()


@pytest.mark.parametrize("status", [301, 401, 404, 500, 501])
def test_a_server_that_refuses_is_asked_once(device: Device, status: int) -> None:
    """One that has no such path, or not for us."""
    device.answer = lambda handler: handler.send(VLLM.encode(), status)
    meter = ServerMetrics([device.url], {})
    assert [*meter.sample(), *meter.sample(edge=True), *meter.finish()] == []
    assert device.polls == 1


@pytest.mark.parametrize("value", ["NaN", "+Inf", "1e999", "-1", "9" * 5000, "x", "0.5", "\ud800", ""])
def test_counts_that_cannot_be_are_gaps(device: Device, value: str) -> None:
    """The other quantities are kept; a sum with one such part is not known."""
    body = f"vllm:num_requests_running {value}\nvllm:num_requests_running 1\nvllm:num_requests_waiting 2\n"
    device.answer = lambda handler: handler.send(body.encode("utf-8", "surrogatepass"))
    assert named(ServerMetrics([device.url], {}).sample()).get("requests_running") in ((1.0,) if value == "" else (None,))


@pytest.mark.parametrize("value", ["NaN", "-0.1", "1.01", "85", "Infinity"])
def test_a_share_lies_between_0_and_1(device: Device, value: str) -> None:
    """Per cent, or nonsense, is no share."""
    device.answer = answering(f"vllm:kv_cache_usage_perc {value}\n{LLAMA_CPP}")
    assert named(ServerMetrics([device.url], {}).sample()) == {"requests_running": 2, "requests_waiting": 1}


def test_a_counter_that_appears_was_zero_before(device: Device) -> None:
    """SGLang shows its retractions from the first one on."""
    device.answer = answering(SGLANG, SGLANG + "sglang:num_retracted_requests_total 2.0\n")
    meter = ServerMetrics([device.url], {})
    [first, *_], later = meter.sample(), meter.sample(edge=True)
    retracted = [(s.t_ns, s.value) for s in later if CHANNELS[s.channel].kind is TraceKind.COUNTER]
    assert retracted == [(first.t_ns, 0.0), (later[-1].t_ns, 2.0)]


def failures(device: Device) -> dict[str, Callable[[Handler], None]]:
    """Return ways to give no answer."""

    def huge(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(4 * 1024**3))
        handler.end_headers()
        for part in repeat(VLLM.encode() * 100):
            handler.wfile.write(part)

    def closing(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nvllm:num_requests_running 3\n")

    return {
        "huge": huge, "dripping": device.drip, "dripping headers": device.drip_headers, "stalling": device.stall, "closing": closing,
        "no HTTP": lambda handler: [handler.wfile.write(b"\0" * 1000), None][1],
        "status": lambda handler: handler.send(b"", 503),
    }  # fmt: skip


@pytest.mark.parametrize("failure", ["huge", "dripping", "dripping headers", "stalling", "closing", "no HTTP", "status"])
def test_a_failing_answer_is_a_gap(device: Device, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a bounded time and says why once; the next answer is read again."""
    monkeypatch.setattr(server_metrics, "POLL_S", 0.3)
    device.answer = answering(LLAMA_CPP)
    meter = ServerMetrics([device.url], {})
    assert meter.sample()
    device.answer = failures(device)[failure]
    begun = time.monotonic()
    assert [meter.sample(edge=True) for _ in range(2)] == [(), ()]
    assert time.monotonic() - begun < 5
    [(cause, _)] = meter.notes()
    assert cause.startswith("samples are missing: a server ")
    device.answer = answering(LLAMA_CPP)
    assert named(meter.sample(edge=True)) == {"requests_running": 2, "requests_waiting": 1}


def test_the_largest_answer_is_read_in_time(device: Device) -> None:
    """Even one that is nothing but the names that are looked for, or made to be hard to read."""
    for line in (
        "vllm:num_requests_running 1\n",
        "vllm:num_requests_running{" + "}" * 1000 + "\n",
        "vllm:num_requests_running{" + "} " * 1000 + "\n",
    ):
        device.answer = answering(line * (LARGEST_B // len(line)))
        begun = time.process_time()
        ServerMetrics([device.url], {}).sample()
        assert time.process_time() - begun < 10


def test_slow_answers_are_asked_for_more_rarely(device: Device) -> None:
    """They may take a fiftieth of the time; when a phase begins or ends, the server is asked in any case."""

    def slow(handler: Handler) -> None:
        time.sleep(0.1)
        handler.send(LLAMA_CPP.encode())

    device.answer = slow
    meter = ServerMetrics([device.url], {})
    assert meter.sample()
    assert meter.due - time.monotonic() > 4
    assert not meter.sample()
    assert meter.sample(edge=True)
    assert device.polls == 2


@pytest.mark.alone
def test_the_sampling_process_records_what_a_server_tells(device: Device, sampling: Callable[..., Any]) -> None:
    """From the moment it is told whom to ask, beside its other meters; at once when a phase begins, and at the end."""
    device.answer = answering(*(VLLM % number for number in range(9)))
    with sampling({"name": "estimate"}, interval_s=0.01) as sampler:
        sampler.send(Ask((device.url,), {}))
        time.sleep(2.2)
        sampler.send(Now())
        recorded = sampler.stop()
    found: dict[str, Trace] = {trace.quantity: trace for trace in recorded.traces if trace.meter == "server"}
    running_now = list(found["requests_running"].value)
    assert running_now == [float(number + 1) for number in range(len(running_now))]
    assert 4 <= len(running_now) <= 8
    assert {trace.unit for trace in found.values()} == {"requests", "1", "preemptions", "tokens"}
    assert (found["preemptions"].kind, set(found["preemptions"].value)) == ("counter", {5.0})
    assert any(trace.meter == "estimate" for trace in recorded.traces)
    assert recorded.events == ()


def test_the_documentation_names_every_server() -> None:
    """And what each calls the requests that it serves."""
    text = (Path(__file__).parents[2] / "docs" / "servers.md").read_text(encoding="utf-8")
    names = [name for quantities in SERVERS.values() for group in quantities.values() for name in group[:1]]
    assert [name for name in (*SERVERS, *names) if name not in text] == []
