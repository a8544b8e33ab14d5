"""Commands that start the process of a host and connect its standard input and output: ssh, salloc with srun, or one the user gives."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from greenreport.cluster.cluster_file import PLACEHOLDER, Cluster, HostSettings, Slurm, Ssh, SshHost, StartCommand
from greenreport.errors import UsageError

MODULE = "greenreport.cluster.worker"
#: A host that is cut off is given up after this many seconds without an answer, three times.
ALIVE_S = 20
CONNECT_S = 20


@dataclass(frozen=True, slots=True)
class Launch:
    """How a host is started.

    Attributes:
        name: what it is called in messages; Slurm decides which node it becomes.
        command: the process whose standard input and output are those of the host's.
        folder: working folder on the host.
        queued: whether it may wait for hours before it starts.
    """

    name: str
    command: tuple[str, ...]
    folder: str
    queued: bool


def launches(cluster: Cluster, only: frozenset[str] = frozenset()) -> tuple[Launch, ...]:
    """Return how each host is started.

    Args:
        only: names of hosts; all when empty.

    Raises:
        UsageError: a name is of no host.
    """
    every: list[Launch] = []
    if cluster.ssh is not None:
        every += [_ssh(cluster.ssh, host) for host in cluster.ssh.each()]
    if cluster.slurm is not None:
        every += [_slurm(cluster.slurm, number) for number in range(1, cluster.slurm.hosts + 1)]
    if cluster.command is not None:
        every += [_command(cluster.command, host) for host in cluster.command.hosts]
    if unknown := only - {launch.name for launch in every}:
        raise UsageError(f"no host is called {min(unknown)}; the file names {', '.join(launch.name for launch in every)}")
    return tuple(launch for launch in every if not only or launch.name in only)


def _python(settings: HostSettings) -> list[str]:
    """Return the command on the host itself."""
    variables = [f"{name}={value}" for name, value in settings.environment.items()]
    return [*(["env", *variables] if variables else []), settings.python, "-m", MODULE]


def _ssh(section: Ssh, host: SshHost) -> Launch:
    options = ["-T", "-x", "-a", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_S}"]
    options += ["-o", f"ServerAliveInterval={ALIVE_S}", "-o", "ServerAliveCountMax=3"]
    options += ["-F", section.config] if section.config is not None else []
    return Launch(host.host, ("ssh", *options, "--", host.host, f"exec {shlex.join(_python(host))}"), host.folder, False)


def _slurm(section: Slurm, number: int) -> Launch:
    asked = ["--quiet", "--nodes=1", "--exclusive", "--job-name=greenreport"]
    asked += [f"--partition={section.partition}"] if section.partition is not None else []
    asked += [f"--time={section.walltime}"] if section.walltime is not None else []
    # Without these the one task would be bound to one core of its node.
    step = ["srun", "--quiet", "--nodes=1", "--ntasks=1", "--whole", "--cpu-bind=none", "--unbuffered", "--kill-on-bad-exit=1"]
    script = "\n".join([*section.prologue, f"exec {shlex.join(_python(section))}"])
    command = ("salloc", *asked, *section.directives, *step, "bash", "-c", script)
    return Launch(f"slurm-{number}", command, section.folder, True)


def _command(section: StartCommand, host: str) -> Launch:
    start = [part.replace(PLACEHOLDER, host) for part in section.start]
    return Launch(host, (*start, *_python(section)), section.folder, True)
