"""Tests of the selection of models: criteria on the hub's metadata or a kept list, each with what it leaves and why others fall out."""

from __future__ import annotations

import csv
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from pydantic import ValidationError

from greenreport.errors import ModelUnavailable
from greenreport.models.candidates import HubModel, as_text, candidates, funnel, kept
from greenreport.study import load_study
from greenreport.study.model_selection import Selection, SelectionCriterion
from tests.commands import greenreport
from tests.conftest import ROOT, minimal_study

#: As the hub's API tells them: one to keep, one too large, one made from another, one without evaluations, one that tells nothing.
MODELS: list[dict[str, Any]] = [
    {
        "id": name, "pipeline_tag": "text-generation", "tags": ["code"], "downloads": 5, "likes": 1, "createdAt": "2023-05-04T00:00:00.000Z",
        "library_name": "transformers", "gated": False, "safetensors": {"parameters": {"F32": size}, "total": size},
        "cardData": {
            "license": "mit",
            **({"base_model": base} if base else {}),
            **({"model-index": [{"name": name, "results": [{
                "task": {"type": "text-generation"}, "dataset": {"type": "openai_humaneval", "name": "HumanEval"},
                "metrics": [{"type": "pass@1", "value": 0.1}],
            }]}]} if evaluated else {}),
        },
    }
    for name, size, base, evaluated in (
        ("z/kept", 110_000_000, None, True), ("b/large", 7_000_000_000, None, True), ("c/tuned", 10**9, "z/kept", True),
        ("d/untested", 10**9, None, False),
    )
] + [{"id": "e/silent"}]  # fmt: skip
CRITERIA = [
    {"text": "fewer than 5 billion parameters", "field": "parameters", "below": "5B", "left": 3},
    {"text": "evaluated on HumanEval", "field": "evaluations", "contains": "humaneval", "left": 9},
    {"text": "base models", "field": "base_models", "absent": True},
    {"text": "kept by us", "keep": "models"},
]


class Hub(BaseHTTPRequestHandler):
    """The part of the hub that lists models."""

    asked: list[dict[str, list[str]]]

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        self.asked.append(parse_qs(urlsplit(self.path).query))
        body = json.dumps(MODELS).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_criteria_are_applied_to_what_the_hub_tells(tmp_path: Path) -> None:
    """Each says what it leaves and why others fall out; the list is kept by its digest, and gives the same again without the hub."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed (extra `torch`)")
    Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever)
    thread.start()
    selection = {"source": "pipeline_tag=text-generation&sort=downloads", "candidates": 5, "criteria": CRITERIA}
    models = [{"id": "one", "hub": "z/kept"}, {"id": "two", "hub": "b/large"}]
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(minimal_study(models=models, selection=selection, weights="hub")), encoding="utf-8")
    try:
        env = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HUB_OFFLINE": "0"}
        done = greenreport(tmp_path, "select", "tiny.yaml", env=env)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert done.returncode == 0, done.stderr
    assert (Hub.asked[0]["pipeline_tag"], Hub.asked[0]["sort"]) == (["text-generation"], ["downloads"])
    expected = (
        "5 candidates from pipeline_tag=text-generation&sort=downloads",
        "3 left: fewer than 5 billion parameters", "    b/large: parameters: 7,000,000,000", "    e/silent: parameters not known",
        "2 left: evaluated on HumanEval (the study says 9)", "    d/untested: evaluations not known",
        "1 left: base models", "    c/tuned: base models: z/kept", "1 left: kept by us",
    )  # fmt: skip
    assert done.stdout.splitlines()[: len(expected)] == list(expected)
    assert "that the criteria reject, or that are not among the candidates: b/large" in done.stderr
    [copy] = (tmp_path / "cache" / "selections").glob("*.json")
    with copy.with_suffix(".csv").open(encoding="utf-8") as stream:
        assert [row[0] for row in csv.reader(stream)] == ["model", "b/large", "e/silent", "d/untested", "c/tuned"]
    assert as_text(kept(copy)) == copy.read_text(encoding="utf-8")
    selection |= {"source": str(copy.relative_to(tmp_path)), "sha256": copy.stem}
    file.write_text(yaml.safe_dump(minimal_study(models=models, selection=selection, weights="hub")), encoding="utf-8")
    again = greenreport(tmp_path, "select", "tiny.yaml", env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert again.stdout.splitlines()[1 : len(expected)] == list(expected[1:])
    assert "is not the list" not in again.stderr


def test_the_published_criteria_are_declared_and_can_be_applied(tmp_path: Path) -> None:
    """On a list made here: the twelve published models and four that each fail one criterion."""
    study = load_study(ROOT / "studies" / "code-slm.yaml").study
    assert study.selection is not None
    good = HubModel("x/other", 10**9, evaluations=("HumanEval",))
    own = [HubModel(str(model.hub), model.parameters, evaluations=("openai_humaneval",)) for model in study.models]
    others = [
        HubModel("x/large", 7 * 10**9, evaluations=("HumanEval",)), HubModel("x/untested", 10**9),
        HubModel("x/tuned", 10**9, base_models=("x/other",), evaluations=("HumanEval",)), good,
    ]  # fmt: skip
    (tmp_path / "list.json").write_text(as_text([*own, *others]), encoding="utf-8")
    found = candidates(study.selection.model_copy(update={"source": "list.json"}), tmp_path)
    steps = funnel(found, study.selection.criteria, [str(model.hub) for model in study.models])
    names = {str(model.hub) for model in study.models}
    assert len(names) == 12
    assert [step.left for step in steps] == [15, 14, 13, 12]
    assert [[name for name, _ in step.fallen] for step in steps] == [["x/large"], ["x/untested"], ["x/tuned"], ["x/other"]]


@pytest.mark.parametrize(
    ("criterion", "meets"),
    [
        ({"field": "license", "any_of": ["MIT", "apache-2.0"]}, True), ({"field": "license", "none_of": ["mit"]}, False),
        ({"field": "tags", "any_of": ["code"]}, True), ({"field": "tags", "contains": "COD"}, True),
        ({"field": "downloads", "at_least": 6}, False), ({"field": "created", "before": "2024-11-06"}, True),
        ({"field": "created", "before": "2023-05-04"}, False), ({"field": "gated", "absent": True}, True),
        ({"field": "library", "none_of": ["gguf"]}, True), ({"field": "likes", "at_least": 1}, False), ({"keep": ["a/b"]}, True),
    ],
)  # fmt: skip
def test_each_test_of_a_fact(criterion: dict[str, Any], meets: bool) -> None:
    """Case does not matter, days are compared as days, and what is not known meets only `absent` and `none_of`."""
    item = HubModel("a/b", tags=("code", "python"), license="mit", downloads=5, created="2023-05-04")
    [step] = funnel([item], [SelectionCriterion.model_validate({"text": "t", **criterion})], [])
    assert bool(step.left) is meets


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"source": "pipeline=x"}, "a query of the hub has no 'pipeline'"), ({"source": "limit=x"}, "whole number"),
        ({"criteria": [{"text": "t"}]}, "give either a `field:` with a test, or `keep:`"),
        ({"criteria": [{"text": "t", "field": "likes"}]}, "give one test"),
        ({"criteria": [{"text": "t", "field": "tags", "below": 5}]}, "`below` is no test of tags"),
        ({"criteria": [{"text": "t", "field": "tags", "before": "2024-01-01"}]}, "`before` is no test of tags"),
        ({"criteria": [{"text": "t", "keep": "models", "below": 5}]}, "`below` tests a `field:`"),
    ],
)  # fmt: skip
def test_criteria_that_test_nothing_are_refused(changes: dict[str, Any], said: str) -> None:
    """With what to write instead."""
    with pytest.raises(ValidationError, match=said.replace("?", r"\?")):
        Selection.model_validate({"source": "pipeline_tag=x", "criteria": CRITERIA} | changes)


@pytest.mark.parametrize("content", ["{}", "[1]", '[{"id": 1}]', '[{"id": "a", "likes": "1"}]', '[{"id": "a", "tags": [1]}]', '[{"id": "a", "x": 1}]', "[" * 10_000])  # fmt: skip
def test_what_is_no_list_of_models_is_a_sentence(content: str, tmp_path: Path) -> None:
    """A kept list may come from anybody."""
    file = tmp_path / "list.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ModelUnavailable, match="list"):
        kept(file)
