"""Tests of studies in chat that are run: on greenreport's own server, and on servers of others."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from greenreport.execute.assignment import Assignment
from greenreport.execute.host import environment
from greenreport.execute.prepare import Preparer
from greenreport.execute.process_entry import Failure
from greenreport.execute.processes import Launcher
from greenreport.plan import make_plan
from greenreport.store import Store
from greenreport.study import Study
from greenreport.workloads.prompts import PromptList
from tests.conftest import minimal_study
from tests.execute.external_studies import Ran, endpoint, ran, starter
from tests.execute.test_run import fake

SYSTEM = "Be brief."
THOUGHTS = 3


def chatting(**workload: object) -> dict[str, object]:
    """Return a workload in chat."""
    return minimal_study()["workload"] | {"api": "chat"} | workload


@pytest.fixture(scope="module")
def chats(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Give a streamed study in chat of the fake engine and of servers of others, one of which only completes."""
    with ExitStack() as stack:
        start = starter(stack)
        configurations = [
            fake(),
            endpoint(start(script="our_server.py"), id="ours"),
            endpoint(start("--only", "chat/completions", "--think", str(THOUGHTS)), id="thinks"),
            endpoint(start("--only", "completions"), id="completes"),
        ]
        models = minimal_study()["models"]
        workload = chatting(system=SYSTEM, stream=True)
        return ran(tmp_path_factory.mktemp("chats"), configurations, models=models, workload=workload)


def test_our_own_server_tells_the_text_the_model_saw(chats: Ran) -> None:
    """Each request names its prompt and what was made of it, and the record keeps both; so does a server started by hand."""
    [inside] = (record for record in chats.records.values() if record.engine == "fake")
    outside = chats.records["endpoint-ours"]
    for record in (inside, outside):
        assert record.outcome == "ok"
        texts = {prompt.sha256: prompt.text for prompt in record.prompts}
        assert len(texts) == 2 * len(record.requests) == 8
        for request in record.requests:
            asked, rendered = texts[str(request.prompt_sha256)], texts[str(request.rendered_sha256)]
            assert rendered == f"system: {SYSTEM}\nuser: {asked}\nassistant: "
            assert request.prompt_tokens == len(rendered.encode())
            assert request.first_answer_ns == request.first_token_ns
            assert (request.output_tokens, request.reasoning_tokens, len(request.token_ns)) == (8, None, 8)
    assert [r.output_sha256 for r in inside.requests] == [r.output_sha256 for r in outside.requests]


def test_a_conversation_is_sent_with_all_that_was_said(tmp_path: Path) -> None:
    """Our own server sees the turns in their roles, and the record keeps the prompt as it was asked."""
    turns = ["Name a river.", "The Danube.", "Where does it end?"]
    (tmp_path / "p.jsonl").write_text(json.dumps({"turns": turns}) + "\n", encoding="utf-8")
    workload = chatting(prompts={"source": "file", "path": "../p.jsonl"})
    [record] = ran(tmp_path, [fake()], models=minimal_study()["models"], workload=workload).records.values()
    assert record.outcome == "ok"
    texts = {prompt.sha256: prompt.text for prompt in record.prompts}
    saw = [texts[str(request.rendered_sha256)] for request in record.requests]
    assert saw == [f"user: {turns[0]}\nassistant: ", f"user: {turns[0]}\nassistant: {turns[1]}\nuser: {turns[2]}\nassistant: "]


def test_reasoning_of_a_server_is_kept_apart_and_counted(chats: Ran) -> None:
    """All tokens count, and the answer begins after those of reasoning; what the model saw is not told."""
    record = chats.records["endpoint-thinks"]
    assert record.outcome == "ok"
    outputs = {output.sha256: output for output in record.outputs}
    for request in record.requests:
        output = outputs[str(request.output_sha256)]
        assert (len(output.text), len(output.reasoning or "")) == (8 - THOUGHTS, THOUGHTS)
        assert (request.output_tokens, request.reasoning_tokens, len(request.token_ns)) == (8, THOUGHTS, 8)
        assert request.first_answer_ns == request.token_ns[THOUGHTS]
        assert request.first_token_ns == request.token_ns[0]
        assert request.rendered_sha256 is None
    assert {prompt.sha256 for prompt in record.prompts} == {request.prompt_sha256 for request in record.requests}


def test_a_server_without_the_route_says_what_to_write(chats: Ran, tmp_path: Path) -> None:
    """A study in chat on a server that only completes, and one of completions on a server that only chats."""
    record = chats.records["endpoint-completes"]
    assert (record.outcome, "`workload: {api: completions}`" in str(record.reason)) == ("failed", True)
    with ExitStack() as stack:
        completions = ran(tmp_path, [endpoint(starter(stack)("--only", "chat/completions"))])
    [record] = completions.records.values()
    assert record.outcome == "failed"
    assert "HTTP 404" in str(record.reason)
    assert str(record.reason).endswith("a server that only chats is measured with `workload: {api: chat}`")


def test_a_model_without_a_template_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    """As soon as its weights are there: nothing is converted or loaded, and the sentence says what to do."""
    pytest.importorskip("torch", reason="torch is not installed (extra `torch`)")
    content = minimal_study(
        configurations=[{"engine": "torch"}], workload=chatting(), models=[{"id": "one", "hub": "a/b"}], weights="hub"
    )
    study = Study.model_validate(content)
    [cell] = make_plan(study, "prompts").cells
    store = Store(tmp_path / "store.duckdb")
    assignment = Assignment(study, PromptList((), "", ""), environment(), store, tmp_path, tmp_path)
    weights = tmp_path / "models" / f"one-{cell.weights[:12]}" / "weights"
    weights.mkdir(parents=True)
    job, _ = Preparer(assignment, Launcher(fork_servers=False, engines=False)).prepare(cell)
    assert isinstance(job, Failure)
    assert str(job.error).startswith("model one holds no chat template")
    assert str(job.error).endswith("; measure it with `workload: {api: completions}`")
    (weights / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    job, _ = Preparer(assignment, Launcher(fork_servers=False, engines=False)).prepare(cell)
    assert not isinstance(job, Failure)
