"""Tests of the parts of a study on many hosts that need no host: its file, its queue, its messages, its store, its lock."""

from __future__ import annotations

import io
import os
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from greenreport.cluster import messages
from greenreport.cluster.block_queue import BlockQueue
from greenreport.cluster.cluster_file import load_cluster
from greenreport.cluster.launch import launches
from greenreport.cluster.shared_study import SharedStudy
from greenreport.cluster.slurm_job import job_end_s
from greenreport.errors import SpecError, StoreLocked
from greenreport.execute.host import HOST_VARIABLE, environment
from greenreport.execute.host_lock import host_lock
from greenreport.plan import make_plan
from greenreport.pooling import key_of
from greenreport.store import Store
from greenreport.store.codec import MalformedRecord
from greenreport.study import Study
from greenreport.workloads.prompts import PromptList
from tests.commands import greenreport
from tests.conftest import minimal_study
from tests.records import record

CLUSTER = """
ssh:
  hosts: [gpu01, {host: gpu02, python: /opt/gr/bin/python, environment: {B: "2"}}]
  python: python3
  environment: {A: one two}
slurm: {hosts: 2, partition: gpu, walltime: "08:00:00", directives: ["--gres=gpu:1"], prologue: [module load cuda], folder: /scratch}
command: {hosts: [pod-0], start: [kubectl, exec, -i, "{host}", --]}
"""


def write(tmp_path: Path, text: str) -> Path:
    """Return a cluster file with a text."""
    file = tmp_path / "cluster.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_each_way_of_starting_becomes_a_command(tmp_path: Path) -> None:
    """Hosts of ssh have settings of their own, a Slurm job is a whole node without binding, and a name takes its place in a command."""
    every = {launch.name: launch for launch in launches(load_cluster(write(tmp_path, CLUSTER)))}
    assert every["gpu01"].command[-2:] == ("gpu01", "exec env 'A=one two' python3 -m greenreport.cluster.worker")
    assert every["gpu02"].command[-1] == "exec env 'A=one two' B=2 /opt/gr/bin/python -m greenreport.cluster.worker"
    assert "BatchMode=yes" in every["gpu01"].command
    assert {"--exclusive", "--partition=gpu", "--time=08:00:00", "--gres=gpu:1", "--cpu-bind=none"} <= set(
        every["slurm-2"].command
    )
    assert every["slurm-1"].command[-1] == "module load cuda\nexec python3 -m greenreport.cluster.worker"
    assert every["slurm-1"].folder == "/scratch"
    assert every["pod-0"].command[:5] == ("kubectl", "exec", "-i", "pod-0", "--")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "no host is named; add `ssh:`, `slurm:` or `command:`"),
        ("ssh:\n  hosts: [-oProxyCommand=x]", "cluster.yaml:2: hosts: '-oProxyCommand=x' cannot be the name of a host"),
        ("ssh:\n  hosts: [a, {host: a}]", "a is named twice; a host performs one run at a time"),
        (
            "ssh:\n  hosts: [a]\n  environment: {OPENAI_API_KEY: x}",
            "cluster.yaml:3: environment: OPENAI_API_KEY looks like a secret",
        ),
        ("slurm:\n  hosts: 1\n  walltime: never", "cluster.yaml:3: walltime: 'never' is no time limit of Slurm"),
        ("slurm: {hosts: 1, directives: [gres]}", "cluster.yaml:1: directives: 'gres' is no option of salloc"),
        ("ssh: {hosts: [{host: a, pyton: b}]}", "unknown key 'pyton', did you mean 'python'?"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """Nothing that a shell or ssh would take for something else is accepted."""
    with pytest.raises(SpecError) as error:
        load_cluster(write(tmp_path, text))
    assert message in str(error.value)


def test_a_begun_block_is_left_to_the_machine_that_began_it() -> None:
    """It comes back to it first; others take it only when that machine is not there, and nothing is taken twice."""
    blocks = BlockQueue({1, 2, 3}, {2: frozenset({"b"})})
    assert blocks.take("host-b", "b", {"a", "b"}) == 2
    assert blocks.take("host-a", "a", {"a", "b"}) == 1
    blocks.give_back("host-b", {2: frozenset({"b"})})
    assert blocks.take("host-c", "c", {"a", "b", "c"}) == 3
    assert blocks.take("host-d", "d", {"a", "b", "c", "d"}) is None
    assert blocks.take("host-d", "d", {"a", "c", "d"}) == 2
    blocks.finish(2)
    assert blocks.open == {1, 3}


def test_messages_arrive_whole_or_are_refused() -> None:
    """What a login shell prints is passed over; a cut message, a foreign one and an endless one are none."""
    stream = io.BytesIO()
    stream.write(b"Welcome!\nLast login: never\n")
    messages.announce(stream)
    messages.send(stream, messages.Records(name="x"), b"\0" * 1000)
    messages.send(stream, messages.BlockEnds(repetition=3))
    content = stream.getvalue()
    stream = io.BytesIO(content)
    assert messages.await_announcement(stream)
    assert messages.receive(stream) == (messages.Records(name="x"), b"\0" * 1000)
    assert messages.receive(stream) == (messages.BlockEnds(repetition=3), b"")
    assert messages.receive(stream) is None
    chance, start = random.Random(1), content.index(messages.MAGIC) + len(messages.MAGIC)
    for _ in range(200):
        damaged = bytearray(content)
        damaged[start + chance.randrange(60)] ^= 1 << chance.randrange(8)
        stream = io.BytesIO(bytes(damaged[: start + chance.randrange(1200)]))
        messages.await_announcement(stream)
        try:
            while messages.receive(stream) is not None:
                pass
        except messages.BrokenChannel:
            continue
    assert not messages.await_announcement(io.BytesIO(b"bash: greenreport: command not found\n"))


def test_records_of_a_host_are_stored_once_and_what_cannot_be_read_not_at_all(tmp_path: Path) -> None:
    """The same file may arrive again, and no broken one leaves anything behind."""
    plan = make_plan(Study.model_validate(minimal_study()), "prompts")
    store = Store(tmp_path / "cache" / "greenreport.duckdb")
    shared = SharedStudy(plan, PromptList((), "", ""), "prompts", store, tmp_path / "cache" / "incoming")
    payload = Store(tmp_path / "host" / "store.duckdb").set_aside([record(run_id="a"), record(run_id="b")]).read_bytes()
    assert [new.run_id for new in shared.absorb(payload)] == ["a", "b"]
    assert shared.absorb(payload) == ()
    for broken in (b"", payload[:5000], b"\0" * 100_000):
        try:
            assert shared.absorb(broken) == ()
        except MalformedRecord:
            continue
    assert store.ids() == {"a", "b"}
    assert list((tmp_path / "cache" / "incoming").iterdir()) == []


def test_the_lock_of_a_host_admits_one_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of the host itself go beside each other, but not beside a study on many hosts; another host is another lock."""
    monkeypatch.setenv(HOST_VARIABLE, f"lock-{os.getpid()}")
    with host_lock(shared=True), host_lock(shared=True), pytest.raises(StoreLocked), host_lock(shared=False):
        pass
    with host_lock(shared=False):
        with pytest.raises(StoreLocked), host_lock(shared=True):
            pass
        monkeypatch.setenv(HOST_VARIABLE, f"other-{os.getpid()}")
        with host_lock(shared=False):
            pass


def test_a_host_has_the_name_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of one image are told apart, and nothing else of their environment differs."""
    monkeypatch.setenv(HOST_VARIABLE, "one")
    one = environment()
    monkeypatch.setenv(HOST_VARIABLE, "two")
    two = environment()
    assert one.key != two.key
    alike = replace(one, host_sha256=two.host_sha256)
    assert key_of(alike) == two.key


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("4:59", 299),
        ("1:00:00", 3600),
        ("2-01:00:05", 176_405),
        ("UNLIMITED", None),
        ("", None),
        ("slurm_load_jobs error", None),
    ],
)
def test_the_end_of_a_job_is_asked_of_slurm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, seconds: int | None
) -> None:
    """Versions that tell it in no variable are asked; outside of a job nobody is."""
    program = tmp_path / "squeue"
    program.write_text(f"#!/bin/sh\necho '{told}'\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name in ("SLURM_JOB_ID", "SLURM_JOB_END_TIME"):
        monkeypatch.delenv(name, raising=False)
    assert job_end_s() is None
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    end = job_end_s()
    assert end is None if seconds is None else end == pytest.approx(time.time() + seconds, abs=10)
    monkeypatch.setenv("SLURM_JOB_END_TIME", "1800000000")
    assert job_end_s() == 1_800_000_000


def test_a_plan_for_hosts_asks_none_of_them(tmp_path: Path) -> None:
    """It says what is left for each kind of hosts that has measured the study; another command's option is refused."""
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(minimal_study()), encoding="utf-8")
    (tmp_path / "cluster.yaml").write_text("command: {hosts: [a, b], start: [/nowhere/program]}\n", encoding="utf-8")
    arguments = ("run", "tiny.yaml", "--cluster", "cluster.yaml")
    planned = greenreport(tmp_path, *arguments, "--dry-run")
    assert planned.returncode == 0, planned
    assert planned.stdout.splitlines() == [
        "2 cells, 2 repetitions, on a and b",
        "nothing is measured yet: 4 runs, once for each kind of hosts",
    ]
    assert greenreport(tmp_path, "run", "tiny.yaml", "-q", "--repetitions", "1").returncode == 0
    assert "1 of 2 repetitions done" in greenreport(tmp_path, *arguments, "--dry-run").stdout
    assert greenreport(tmp_path, *arguments, "--recheck").returncode == 2
