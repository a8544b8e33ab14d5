"""Tests of how a study loads its servers, in words: the words follow from the factors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from greenreport.analysis.analyse import analyse
from greenreport.record import Facts
from greenreport.report.context import study_context
from greenreport.report.exports.paper import methods_paragraph
from greenreport.report.load_description import load_of, output_words, sent_words, server_words, transport_words, window_words
from greenreport.report.pages import study_pages
from greenreport.report.pages.methods_page import MethodsContent
from greenreport.report.pages.study_design import levels
from greenreport.study import Configuration, Protocol, Study, Sweep, Workload, swept
from tests.datasets import around, dataset

PLAIN = {"engine": "torch", "provider": "cpu"}
ENDPOINT = {"engine": "endpoint", "provider": "cpu", "server": {"id": "vllm", "url": "http://127.0.0.1:8000"}}
COMMAND = {
    "engine": "command",
    "provider": "cpu",
    "server": {"id": "llama.cpp", "command": ["llama-server", "--port", "{port}"]},
}


def configurations(*items: dict[str, Any]) -> tuple[Configuration, ...]:
    """Return configurations of these values."""
    return tuple(Configuration.model_validate(item) for item in items)


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({}, "one request after the other"),
        ({"batch_size": [8]}, "static batches of 8 prompts, one after the other"),
        ({"batch_size": [1, 8]}, "static batches of 1 and 8 prompts, one after the other"),
        (
            {"replicas": [1, 2], "batch_size": [1, 2, 64, 128]},
            "static batches of 1 to 128 prompts, one after the other, on one and two replicas with a client each",
        ),
        ({"request_rate": [2, 4, 8]}, "an open loop of 2 to 8 requests/s (Poisson)"),
        ({"request_rate": [0.5], "replicas": [2]}, "an open loop of 0.5 requests/s (Poisson), on two replicas"),
        ({"request_rate": [2], "batch_size": [4]}, "an open loop of 2 requests/s (Poisson), each a static batch of 4 prompts"),
        (
            {"concurrency": [1, 4, 16], "max_batch": [16], "max_wait_ms": [5]},
            (
                "a closed loop of 1 to 16 clients, each sending its next request when its last is answered, put into dynamic batches of up to 16 requests, "
                "which wait 5 ms to fill"
            ),
        ),
        ({"replicas": [12]}, "one request after the other, on 12 replicas with a client each"),
    ],
)
def test_a_load_is_told_as_it_is(sweep: dict[str, Any], words: str) -> None:
    """Loops, batches, rates and replicas, with the range of a sweep."""
    points = swept(configurations(PLAIN, {"engine": "onnx", "provider": "cpu"}), Sweep.model_validate(sweep))
    assert load_of(points, Workload()).replace("\u202f", " ") == words


def test_arrivals_requests_and_ramps_are_those_of_the_workload() -> None:
    """Evenly spaced arrivals are not called Poisson, and a ramp moves both ends of the window."""
    workload = Workload.model_validate({"requests": 128, "ramp_s": 5, "arrivals": {"process": "constant"}})
    rate = configurations(PLAIN | {"request_rate": 3})
    assert load_of(rate, workload) == "an open loop of 3 requests/s (evenly spaced)"
    assert (
        sent_words(workload).replace("\u202f", " ")
        == "128 prompts per run; the first 5.00 s of the load are a ramp and do not count"
    )
    assert sent_words(Workload()) == "each prompt once"
    assert (
        window_words(workload)
        .replace("\u202f", " ")
        .startswith("the steady part of the load: from 5.00 s after the first request")
    )
    assert window_words(Workload()).startswith("from the first request sent to the last answer complete, ")


def test_different_kinds_of_load_are_told_one_by_one() -> None:
    """One configuration at a time is not the range of another; kinds that read the same are said once."""
    mixed = configurations(PLAIN, PLAIN | {"batch_size": 8}, {"engine": "onnx", "provider": "cpu"})
    assert load_of(mixed, Workload()) == "one request after the other; static batches of 8 prompts, one after the other"
    assert load_of(configurations(PLAIN, PLAIN | {"batch_size": 1}), Workload()) == "one request after the other"


def test_output_lengths_are_those_of_the_configurations() -> None:
    """A study that varies the output length says so; else the workload's."""
    workload = Workload.model_validate({"generation": {"output_tokens": 32, "exact": True}})
    assert output_words(configurations(PLAIN), workload) == "exactly 32 output tokens"
    varied = swept(configurations(PLAIN), Sweep.model_validate({"output_tokens": [16, 64, 256]}))
    assert output_words(varied, workload) == "exactly 16 to 256 output tokens"
    assert output_words((*configurations(PLAIN), *varied[:1]), workload) == "exactly 32 and exactly 16 output tokens"


def test_servers_are_told_by_who_starts_them() -> None:
    """A server that runs already is no process of the run, and a command is no interpreter."""
    fresh, forked = Protocol(), Protocol.model_validate({"worker": "preloaded"})
    assert server_words(configurations(PLAIN), fresh) == "a new interpreter for each run"
    assert server_words(configurations(PLAIN), forked).startswith("forked for each run")
    assert server_words(configurations(ENDPOINT), fresh) == "none for a run: the server runs before, during and after the study"
    assert server_words(configurations(COMMAND), fresh) == "started with the declared command for each run"
    both = server_words(configurations(PLAIN, ENDPOINT), fresh)
    assert both == (
        "greenreport's own: a new interpreter for each run; an endpoint: none for a run: the server runs before, during and after the study"
    )
    assert transport_words(configurations(ENDPOINT), Workload()).startswith("HTTP to a server that runs already")
    assert transport_words(configurations(PLAIN), Workload(stream=True)).endswith("processes of their own, streamed")


def test_replicas_share_the_cores_and_strangers_are_not_verified() -> None:
    """The table of levels: what was asked for, and the load of each."""
    data = dataset({"a": {"torch": around(100), "onnx": around(60)}})
    asked = configurations(PLAIN | {"replicas": 2, "batch_size": 8}, PLAIN | {"threads": 1, "replicas": 2}, ENDPOINT, COMMAND | {"dtype": "bfloat16", "threads": 4})  # fmt: skip
    cells = tuple(replace(data.cells[0], configuration=configuration) for configuration in asked)
    spec = data.study.model_copy(update={"configurations": asked})
    shared, single, endpoint, command = levels(replace(data, study=spec, cells=cells))
    assert shared.asked == "float32, an equal share of the physical cores each, KV cache"
    assert shared.load == "static batches of 8 prompts, one after the other, on two replicas with a client each"
    assert single.asked == "float32, 1 thread each, KV cache"
    assert (endpoint.asked, endpoint.load) == ("type not known, threads not known", "one request after the other")
    assert command.asked == "bfloat16, not verified, 4 threads, not verified"
    silent = replace(cells[2].runs[0], facts=Facts(None, None, None, None))
    [told] = levels(replace(data, study=spec, cells=(replace(cells[2], runs=(silent,)),)))
    assert told.reported == "not reported by the server"


def content(spec: Study | None = None, **changes: Any) -> MethodsContent:
    """Return what the methods page of a small dataset shows."""
    data = dataset({"a": {"torch": around(100), "onnx": around(60)}})
    data = replace(data, study=spec or data.study, **changes)
    pages = list(study_pages(study_context("tiny", analyse(data)), ""))
    found = next(page.content for page in pages if page.section == "methods")
    assert isinstance(found, MethodsContent)
    return found


def test_of_an_imported_table_nothing_is_asserted() -> None:
    """Order, prompts, generation, load, window and machine were not seen, and no default stands for them."""
    found = content(imported=True, environment=None)
    assert found.workload == (("Order, prompts, generation, load", "not known"),)
    assert found.window == "not known"
    assert found.protocol == ()
    assert "blocks" not in found.independence
    assert {(level.asked, level.load, level.reported) for level in found.levels} == {("not known", "not known", "–")}
    threats = " ".join(item for _, items in found.threats for item in items)
    for default in ("one request after the other", "One machine", "measured window", "as imported", "disks"):
        assert default not in threats
    assert "The machine is not known." in threats
    measured = " ".join(item for _, items in content().threats for item in items)
    assert "One machine." in measured and "The load was one request after the other;" in measured


def test_a_fixed_order_has_no_blocks() -> None:
    """Independence is claimed of blocks only where there are blocks."""
    spec = dataset({"a": {"torch": around(100), "onnx": around(60)}}).study
    order = spec.protocol.order.model_copy(update={"design": "fixed"})
    fixed = spec.model_copy(update={"protocol": spec.protocol.model_copy(update={"order": order})})
    assert content().independence.startswith("Blocks")
    assert "blocks" not in content(fixed).independence
    assert dict(content(fixed).workload)["Order"] == "fixed, as listed"


def test_the_paragraph_of_a_paper_says_the_load() -> None:
    """The same words in LaTeX; a published table is not called our measurement."""
    data = dataset({"a": {"torch": around(100), "onnx": around(60)}})
    text = methods_paragraph(analyse(data))
    assert (
        "each with a server process of its own; in each, the prompts of the study were sent over HTTP (one request after the other)"
        in text
    )
    elsewhere = methods_paragraph(analyse(replace(data, imported=True, environment=None)))
    assert "We analysed published values of 1 model in 2 serving configurations" in elsewhere
    for default in ("We measured", "server process", "cool-down", "Energy was measured"):
        assert default not in elsewhere
