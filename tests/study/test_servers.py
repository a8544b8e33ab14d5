"""Tests of configurations whose server greenreport did not write: names, fingerprints, and problems with their lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greenreport.errors import SpecError
from greenreport.plan import Reason, current, make_plan, pending
from greenreport.record import IndexRow, Outcome
from greenreport.study import Configuration, Study, load_study
from greenreport.study.check_servers import TEXTS
from greenreport.study.servers import slug
from greenreport.workloads.prompts import SHIPPED, shipped_file
from tests.conftest import minimal_study
from tests.study.test_load import problems_of

HEAD = "study: s\ntitle: t\nmodels: [{id: m}]\nconfigurations:\n"


def problems(lines: str, tmp_path: Path, rest: str = "") -> list[str]:
    """Return the problems of a study with these configurations, which begin on line 5."""
    return problems_of(HEAD + lines + rest, tmp_path)


def test_three_lines_are_enough(tmp_path: Path) -> None:
    """Engine, name and address: the model needs neither hub nor architecture, and the configuration has a readable id."""
    file = tmp_path / "s.yaml"
    file.write_text(
        HEAD
        + "  - engine: endpoint\n    name: llama.cpp (Q8)\n    server: {url: 'http://127.0.0.1:8000/v1/', model: my-model}\n",
        encoding="utf-8",
    )
    [configuration] = load_study(file).study.configurations
    assert configuration.id == "endpoint-llama.cpp-q8"
    assert configuration.server is not None
    assert configuration.server.url == "http://127.0.0.1:8000"
    assert not configuration.measured_here


def test_names_become_short_names() -> None:
    """An id of one's own, the label, the program, or a plain word; the provider where it is not the CPU."""
    url = {"url": "http://h:1"}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"engine": "endpoint", "server": url}, "endpoint-server"),
        ({"engine": "endpoint", "server": url | {"id": "mine"}, "name": "vLLM"}, "endpoint-mine"),
        ({"engine": "endpoint", "server": url, "name": "vLLM", "provider": "cuda"}, "endpoint-vllm-cuda"),
        ({"engine": "endpoint", "server": url, "name": "../../Ü"}, "endpoint-server"),
        ({"engine": "command", "server": {"command": ["/opt/bin/llama-server"]}, "replicas": 2}, "command-llama-server-r2"),
    ]
    for data, wanted in cases:
        assert Configuration.model_validate(data).id == wanted
    assert slug("A" * 99) == "a" * 40


def test_arguments_are_taken_as_they_are_meant() -> None:
    """Numbers keep their text, an unquoted {port} is the placeholder, blanks and braces of an argument stay."""
    line = ["p", 8, 0.9, {"port": None}, " a ", '{"a": {"b": 1}}', "{{x}}", ""]
    configuration = Configuration.model_validate({"engine": "command", "server": {"command": line}})
    assert configuration.server is not None
    assert configuration.server.command == ("p", "8", "0.9", "{port}", " a ", '{"a": {"b": 1}}', "{{x}}", "")


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("  - engine: endpoint\n", "5: engine 'endpoint' needs `server: {url: \"http://127.0.0.1:8000\"}`"),
        ("  - engine: command\n", "5: engine 'command' needs `server: {command: [program, …]}`"),
        ("  - engine: endpoint\n    server: {model: x}\n", "6: engine 'endpoint' needs `url:`"),
        ("  - engine: endpoint\n    server:\n      url: ftp://h\n", "7: url: write an address such as http://127.0.0.1:8000"),
        ("  - engine: endpoint\n    server:\n      url: http://me:pw@h\n", "7: url: an address holds no key"),
        ("  - engine: endpoint\n    server:\n      url: http://h:99999\n", "7: url: Port out of range 0-65535"),
        ("  - engine: endpoint\n    server:\n      url: http://h:{port}\n", "7: a placeholder belongs to `engine: command`"),
        ("  - engine: endpoint\n    server:\n      url: http://h\n      ulr: x\n", "8: unknown key 'ulr', did you mean 'url'?"),
        ("  - engine: endpoint\n    server:\n      url: http://h\n      command: [a]\n", "8: `command` belongs to `engine: command`"),
        ("  - engine: endpoint\n    server:\n      url: http://h\n      api_key_env: sk-12\n", "8: api_key_env: name an environment"),
        ("  - engine: command\n    server: {command: [a]}\n", "6: greenreport chooses a free port: put '{port}' into the command"),
        ("  - engine: command\n    server: {command: [a, '{port}'], local: true}\n", "6: `local` belongs to `engine: endpoint`"),
        ("  - engine: command\n    server:\n      command: [a, '{prot}']\n", "7: command: unknown placeholder {prot}. Allowed: {port}"),
        ("  - engine: torch\n    server: {url: 'http://h'}\n", "6: `server` belongs to `endpoint` and `command`; Torch is loaded by"),
        ("  - engine: endpoint\n    replicas: 2\n    server: {url: 'http://h'}\n", "6: `replicas` has no effect here: an endpoint is one"),
        ("  - engine: endpoint\n    threads: 2\n    server: {url: 'http://h'}\n", "6: `threads` has no effect here: a server that is already running"),
        ("  - engine: command\n    threads: 2\n    server: {command: [a, '{port}']}\n", "6: `threads` has no effect here: put '{threads}'"),
        ("  - engine: endpoint\n    kv_cache: false\n    server: {url: 'http://h'}\n", "6: `kv_cache` has no effect here"),
        ("  - engine: endpoint\n    max_batch: 4\n    server: {url: 'http://h'}\n", "6: `max_batch` has no effect here"),
        ("  - engine: command\n    max_batch: 4\n    server: {command: [a, '{port}']}\n", "6: `max_batch` has no effect here: put '{max_batch}'"),
        ("  - engine: endpoint\n    options: {stream: true}\n    server: {url: 'http://h'}\n", "6: 'stream' is decided by the workload"),
    ],
)  # fmt: skip
def test_problems_have_lines_and_say_what_to_do(lines: str, wanted: str, tmp_path: Path) -> None:
    """Whatever is missing, misplaced or without effect is told with its line before anything runs."""
    found = problems(lines, tmp_path)
    assert any(problem.startswith(wanted) for problem in found), found


def test_sweeps_and_several_models(tmp_path: Path) -> None:
    """A swept factor the server cannot follow, and one server name for two models, are problems; fixing the factor mends the first."""
    lines = "  - engine: endpoint\n    server: {url: 'http://h'}\n"
    swept = "sweep: {replicas: [1, 2]}\n"
    assert any(p.startswith("5: `replicas` has no effect here") for p in problems(lines, tmp_path, swept))
    mended = tmp_path / "mended.yaml"
    mended.write_text(HEAD + lines.replace("server", "replicas: 1\n    server") + swept, encoding="utf-8")
    assert len(load_study(mended).study.configurations) == 1
    two = (HEAD + "  - engine: endpoint\n    server: {url: 'http://h', model: x}\n").replace("[{id: m}]", "[{id: m}, {id: n}]")
    assert any(p.startswith("6: one name for 2 models") for p in problems_of(two, tmp_path))


def test_a_command_that_takes_its_largest_batch_can_be_swept(tmp_path: Path) -> None:
    """With '{max_batch}' in the command the factor has an effect, and each level is a configuration."""
    lines = "  - engine: command\n    server: {id: s, command: [a, '{port}', --max-num-seqs, '{max_batch}']}\n"
    file = tmp_path / "batched.yaml"
    file.write_text(HEAD + lines + "sweep: {max_batch: [1, 4, 16]}\n", encoding="utf-8")
    assert [c.id for c in load_study(file).study.configurations] == ["command-s", "command-s-m4", "command-s-m16"]
    without = lines.replace(", --max-num-seqs, '{max_batch}'", "")
    assert any("`max_batch` has no effect here: put" in p for p in problems(without, tmp_path, "sweep: {max_batch: [1, 4]}\n"))


def test_a_model_that_is_loaded_here_still_needs_its_weights(write_study: Callable[..., Path]) -> None:
    """Beside an engine of greenreport the same model needs hub, path or architecture."""
    both = [{"engine": "fake"}, {"engine": "endpoint", "server": {"url": "http://h"}}]
    with pytest.raises(SpecError, match="'one' has untrained weights but no `architecture:`"):
        load_study(write_study(models=[{"id": "one"}], configurations=both))
    load_study(write_study(models=[{"id": "one"}], configurations=both[1:]))


def test_the_server_is_part_of_the_fingerprint_and_its_names_are_not() -> None:
    """Another address, model, command or name of a running server is another measurement; the name of a variable or of a command is not."""

    def fingerprint(name: str | None = None, engine: str = "endpoint", **server: Any) -> str:
        data = {"engine": engine, "name": name, "server": {"url": "http://h:1", **server}}
        study = Study.model_validate(minimal_study(models=[{"id": "one"}], configurations=[data]))
        return make_plan(study, "prompts").cells[0].fingerprint

    base = fingerprint()
    assert fingerprint(api_key_env="A_KEY") == base
    others = {fingerprint(url="http://h:2"), fingerprint(model="x"), fingerprint(local=True), fingerprint(command=["a"])}
    assert len(others | {base}) == 5
    assert fingerprint("My server") == fingerprint("my server!") == fingerprint(id="my-server") != base
    started = [fingerprint(name, engine="command", command=["a"], id=short) for name, short in (("x", None), (None, "y"))]
    assert started[0] == started[1]


def test_a_server_started_anew_under_another_name_is_to_be_measured() -> None:
    """The address is the same, the flags are not: the runs of the first stay its own, and the second has none."""
    servers = [{"engine": "endpoint", "name": name, "server": {"url": "http://h:1"}} for name in ("eager", "compiled")]
    plans = [
        make_plan(Study.model_validate(minimal_study(models=[{"id": "one"}], configurations=servers[:number])), "prompts")
        for number in (1, 2)
    ]
    rows = [
        IndexRow(
            f"run-{run.repetition}", "tiny", run.cell.key, run.cell.fingerprint, run.repetition, "here", Outcome.OK, 1.0, ""
        )
        for run in plans[0].runs
    ]
    assert pending(plans[0], rows, "here") == ()
    todo = pending(plans[1], rows, "here")
    assert {(item.run.cell.key, item.reason) for item in todo} == {("one/endpoint-compiled", Reason.NEW)}
    assert {key for key, _ in current(plans[1], rows)["here"]} == {"one/endpoint-eager"}


def test_studies_without_servers_keep_their_fingerprints() -> None:
    """Nothing of a server is in the content of a cell that has none, so finished studies stay finished."""
    study = Study.model_validate(minimal_study())
    assert all("server" not in cell.content for cell in make_plan(study, "prompts").cells)


@pytest.mark.parametrize(
    ("workload", "warned"),
    [
        ("requests: 61", True),
        ("requests: 60", False),
        ("requests: 9, prompts: {count: 8}", True),
        ("requests: 165, prompts: {source: humaneval}", True),
        ("prompts: {count: 8}", False),
    ],
)
def test_repeated_prompts_are_told_where_a_cache_may_answer_them(workload: str, warned: bool, tmp_path: Path) -> None:
    """The window then measures the server's prompt cache; our own server has none."""
    for engine, expected in (("endpoint\n    server: {url: 'http://h'}", warned), ("fake", False)):
        file = tmp_path / "repeated.yaml"
        text = HEAD.replace("{id: m}", "{id: m, architecture: {type: gpt2}, weights: untrained}")
        file.write_text(f"{text}  - engine: {engine}\nworkload: {{{workload}}}\n", encoding="utf-8")
        assert any("repeat" in problem.message for problem in load_study(file).warnings) == expected
    for source in SHIPPED:
        assert TEXTS[source] == len(shipped_file(source).read_bytes().splitlines())


def warnings(lines: str, tmp_path: Path, rest: str = "") -> list[str]:
    """Return the remarks that do not make a study with these configurations invalid."""
    file = tmp_path / "warned.yaml"
    file.write_text(HEAD + lines + rest, encoding="utf-8")
    return [f"{problem.line}: {problem.message}" for problem in load_study(file).warnings]


def test_one_command_with_two_names_is_an_error(tmp_path: Path) -> None:
    """It is one measurement, and its runs could stand under one of the names alone; so are levels that a sweep makes equal."""
    lines = "  - engine: command\n    name: a\n    server: {command: [p, '{port}', '{max_batch}']}\n"
    other = lines.replace("name: a", "name: b")
    wanted = "8: 'command-a' and 'command-b' start the same command with the same settings"
    assert any(problem.startswith(wanted) for problem in problems(lines + other, tmp_path))
    level = other.replace("    server", "    max_batch: 4\n    server")
    found = problems(lines + level, tmp_path, "sweep: {max_batch: [1, 4]}\n")
    assert any("'command-a-m4' and 'command-b-m4' start the same command" in problem for problem in found)
    warnings(lines + other.replace("command: [p", "command: [q"), tmp_path)  # it loads


def test_two_names_for_one_address_are_warned_of(tmp_path: Path) -> None:
    """Which of them answers is not seen; another model behind the same address is told apart by its answers."""
    lines = "  - engine: endpoint\n    name: a\n    server: {url: 'http://h:1', model: x}\n"
    other = lines.replace("name: a", "name: b")
    wanted = "8: 'endpoint-a' and 'endpoint-b' ask one address for the same"
    [found] = [message for message in warnings(lines + other, tmp_path) if "one address" in message]
    assert found.startswith(wanted)
    assert "--only configuration=endpoint-b" in found
    assert not any("one address" in message for message in warnings(lines + other.replace("model: x", "model: y"), tmp_path))


@pytest.mark.parametrize(
    ("configuration", "repetitions", "warned"),
    [
        ("engine: endpoint, server: {url: 'http://h'}", 1, None),
        ("engine: endpoint, server: {url: 'http://h'}", 3, "3 runs send the same prompts"),
        ("engine: endpoint, server: {url: 'http://h'}, options: {cache_prompt: false}", 3, None),
        ("engine: command, server: {command: [p, '{port}']}", 3, None),
    ],
)
def test_a_prompt_cache_that_outlives_a_run_is_warned_of(
    configuration: str, repetitions: int, warned: str | None, tmp_path: Path
) -> None:
    """All but the first run of a server that goes on running would measure its cache; a command starts anew."""
    found = warnings(f"  - {{{configuration}}}\n", tmp_path, f"protocol: {{repetitions: {repetitions}}}\n")
    told = [message for message in found if "prompt cache" in message]
    if warned is None:
        assert told == []
    else:
        [message] = told
        assert warned in message
        assert "--no-enable-prefix-caching" in message


@pytest.mark.parametrize(
    ("provider", "meters", "warned"), [("", "[nvml]", True), (", provider: cpu", "[nvml]", False), ("", "[rapl]", False)]
)
def test_a_provider_that_nobody_named_is_warned_of_beside_a_gpu_meter(
    provider: str, meters: str, warned: bool, tmp_path: Path
) -> None:
    """The default would label a server on a GPU as CPU; whoever says it means it."""
    found = warnings(f"  - {{engine: endpoint, server: {{url: 'http://h'}}{provider}}}\n", tmp_path, f"meters: {meters}\n")
    assert any("`provider: cuda`" in message for message in found) == warned


def test_servers_with_different_models_are_one_study(tmp_path: Path) -> None:
    """`exclude` names a configuration by its name, which all points of a sweep share, or by its id, which is one of them."""
    text = """study: s
title: t
models: [{id: a}, {id: b}]
configurations:
  - {engine: endpoint, name: One, server: {url: 'http://h:1', model: A}}
  - {engine: endpoint, name: Two, server: {url: 'http://h:2', model: B}}
exclude:
  - {configuration: One, model: b, reason: it has A alone}
  - {configuration: Two, model: a, reason: it has B alone}
sweep: {concurrency: [1, 2]}
"""
    file = tmp_path / "s.yaml"
    file.write_text(text, encoding="utf-8")
    plan = make_plan(load_study(file).study, "prompts")
    assert [cell.key for cell in plan.cells] == [
        "a/endpoint-one", "a/endpoint-one-c2", "b/endpoint-two", "b/endpoint-two-c2",
    ]  # fmt: skip
    by_id = problems_of(text.replace("configuration: One", "configuration: endpoint-one"), tmp_path)
    assert any(problem.startswith("5: one name for 2 models (a, b, …)") for problem in by_id)
    unknown = problems_of(text.replace("configuration: One", "configuration: Onne"), tmp_path)
    assert any(problem.startswith("8: unknown configuration 'Onne'") for problem in unknown)
