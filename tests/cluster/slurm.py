"""A Slurm of a test's own: a controller and several nodes on this machine, every file in one folder."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.cluster.ssh import free_port

PROGRAMS = ("slurmctld", "slurmd", "munged", "salloc", "srun", "squeue", "scancel", "sinfo")
MISSING = "needs a Slurm to start: apt-get install slurmd slurmctld slurm-client munge"
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def installed() -> bool:
    """Return whether every program is there, and this user may start them."""
    return os.geteuid() == 0 and all(shutil.which(program, path=PATH) for program in PROGRAMS)


@contextmanager
def slurm_cluster(folder: Path, nodes: int) -> Iterator[dict[str, str]]:
    """Run a cluster; yield the environment in which Slurm's commands find it."""
    for part in ("state", "spool", "run"):
        (folder / part).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    folder.chmod(0o755)
    host, cpus = socket.gethostname().partition(".")[0], os.cpu_count() or 1
    ports = [free_port() for _ in range(nodes + 1)]
    lines = [
        "ClusterName=greentest", f"SlurmctldHost={host}(127.0.0.1)", "SlurmUser=root", "SlurmdUser=root", "AuthType=auth/munge",
        f"AuthInfo=socket={folder}/run/munge.socket", "CryptoType=crypto/munge", f"SlurmctldPort={ports[0]}",
        f"SlurmctldPidFile={folder}/slurmctld.pid", f"SlurmdPidFile={folder}/slurmd-%n.pid", f"StateSaveLocation={folder}/state",
        f"SlurmdSpoolDir={folder}/spool/%n", f"SlurmctldLogFile={folder}/slurmctld.log", f"SlurmdLogFile={folder}/slurmd-%n.log",
        "ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "JobAcctGatherType=jobacct_gather/none",
        "AccountingStorageType=accounting_storage/none", "JobCompType=jobcomp/none", "MpiDefault=none", "SwitchType=switch/none",
        "SelectType=select/cons_tres", "SelectTypeParameters=CR_Core", "SchedulerType=sched/backfill",
        "SchedulerParameters=sched_interval=1,batch_sched_delay=0,bf_interval=2", "ReturnToService=2", "SlurmdTimeout=10",
        "InactiveLimit=0", "KillWait=5", "MinJobAge=300", "MailProg=/bin/true", "PropagateResourceLimits=NONE",
    ]  # fmt: skip
    for number in range(1, nodes + 1):
        (folder / "spool" / f"n{number}").mkdir()
        lines.append(
            f"NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[number]} CPUs={cpus} RealMemory=1000 State=UNKNOWN"
        )
    lines.append(f"PartitionName=test Nodes=n[1-{nodes}] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO")
    conf = folder / "slurm.conf"
    conf.write_text("\n".join(lines) + "\n", encoding="ascii")
    environment = {**os.environ, "SLURM_CONF": str(conf), "PATH": PATH}
    munged = ["munged", f"--key-file={key}", f"--socket={folder}/run/munge.socket", f"--pid-file={folder}/munged.pid"]
    munged += [f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed", "--force", "--num-threads=1"]
    commands = [munged, ["slurmctld", "-i", "-f", str(conf)]]
    commands += [["slurmd", "-N", f"n{number}", "-f", str(conf)] for number in range(1, nodes + 1)]
    try:
        for command in commands:
            subprocess.run(command, env=environment, check=True, capture_output=True)
        for _ in range(200):
            if _words(environment, "sinfo", "-h", "-N", "-o", "%T").count("idle") == nodes:
                break
            time.sleep(0.1)
        yield environment
    finally:
        for job in _words(environment, "squeue", "-h", "-o", "%A"):
            subprocess.run(["scancel", job], env=environment, check=False)
        for _ in range(100):
            if not _words(environment, "squeue", "-h", "-t", "R,CG", "-o", "%A"):
                break
            time.sleep(0.1)
        for file in [*folder.glob("slurmd-*.pid"), folder / "slurmctld.pid", folder / "munged.pid"]:
            _end(file)


def jobs(environment: dict[str, str], *states: str) -> list[str]:
    """Return the ids of the jobs in these states."""
    return _words(environment, "squeue", "-h", "-t", ",".join(states), "-o", "%A")


def _words(environment: dict[str, str], *command: str) -> list[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.split()


def _end(pid_file: Path) -> None:
    with suppress(OSError, ValueError):
        pid = int(pid_file.read_text(encoding="ascii"))
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
