"""The cluster file: which hosts measure, how a process is started on each, and where its files lie there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from greenreport.errors import Problem, SpecError
from greenreport.study.field_types import Entries, Label, Share, Spec
from greenreport.study.load import load_sections
from greenreport.study.protocol import TAGS
from greenreport.study.servers import KEPT_SECRET
from greenreport.study.yaml_document import read_document

#: A name that no program takes for an option.
HOST = r"^[A-Za-z0-9_\[][A-Za-z0-9@._:%\[\]-]{0,254}$"
#: What stands for the name of a host in a start command.
PLACEHOLDER = "{host}"


def _host_name(value: str) -> str:
    if not re.fullmatch(HOST, value):
        raise ValueError(f"{value[:60]!r} cannot be the name of a host; write it as `ssh` takes it, for example user@gpu01")
    return value


def _option(value: str) -> str:
    if not value.startswith("-") or not value.isprintable():
        raise ValueError(f"{value[:60]!r} is no option of salloc; write it with its dashes, for example --gres=gpu:1")
    return value


def _walltime(value: str) -> str:
    if not re.fullmatch(r"(?:\d+-)?\d{1,3}(?::[0-5]?\d){0,2}", value):
        raise ValueError(f'{value[:60]!r} is no time limit of Slurm; write hours, minutes and seconds in quotes: "08:00:00"')
    return value


HostName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_host_name)]


def _not_secret(values: dict[str, str]) -> dict[str, str]:
    for name in values:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"{name!r} cannot be the name of a variable")
        if KEPT_SECRET.search(name.upper()):
            raise ValueError(
                f"{name} looks like a secret, and everybody on a host sees the commands that run there; set it on the host itself"
            )
    return values


Variables = Annotated[dict[str, Label], Field(max_length=100), AfterValidator(_not_secret)]


class HostSettings(Spec):
    """What every way of starting needs to know about a host."""

    python: Label = Field("python3", description="Python that has greenreport, on the host")
    folder: Label = Field(
        "greenreport", description="working folder on the host: its cache lies in it, and relative paths of a study start there"
    )
    environment: Variables = Field(default_factory=dict, description="variables of the process on the host; no secrets")


class SshHost(HostSettings):
    """A host reached by ssh; what it does not say, its section says."""

    host: HostName = Field(description="name as `ssh` takes it, also an alias of ~/.ssh/config")


# The kind is chosen before anything is checked, so that a mistake is explained once.
_NamedOrSet = Annotated[
    Annotated[HostName, Tag(TAGS[0])] | Annotated[SshHost, Tag(TAGS[1])],
    Discriminator(lambda value: TAGS[isinstance(value, (dict, Spec))]),
]


class Ssh(HostSettings):
    """Hosts reached by OpenSSH, with the keys and settings of whoever runs the study."""

    hosts: Annotated[Entries[_NamedOrSet], Field(min_length=1)] = Field(
        description="the hosts, by name or with settings of their own"
    )
    config: Label | None = Field(None, description="file of ssh settings, instead of ~/.ssh/config")

    def each(self) -> tuple[SshHost, ...]:
        """Return every host with all its settings."""
        common = {name: getattr(self, name) for name in HostSettings.model_fields}
        given = (SshHost(host=item) if isinstance(item, str) else item for item in self.hosts)
        return tuple(
            host.model_copy(
                update={
                    **{name: value for name, value in common.items() if name not in host.model_fields_set},
                    "environment": {**self.environment, **host.environment},
                }
            )
            for host in given
        )


class Slurm(HostSettings):
    """Whole nodes of a Slurm cluster, each a job of its own."""

    hosts: Annotated[int, Field(ge=1, le=300)] = Field(description="number of nodes")
    partition: Label | None = Field(None, description="partition; the cluster's default when absent")
    walltime: Annotated[Label, AfterValidator(_walltime)] | None = Field(
        None, description="time limit of each job, as Slurm writes it; it must hold more than one block"
    )
    directives: Entries[Annotated[Label, AfterValidator(_option)]] = Field(
        (), description="further options of `salloc`, such as --gres=gpu:1"
    )
    prologue: Entries[Label] = Field((), description="lines of shell that come before Python, such as `module load cuda`")


class StartCommand(HostSettings):
    """Hosts that any other program reaches: it starts a process and connects its standard input and output."""

    hosts: Annotated[Entries[HostName], Field(min_length=1)] = Field(description="names of the hosts")
    start: Annotated[Entries[Label], Field(min_length=1)] = Field(
        description=f"the command to which Python and its arguments are added; {PLACEHOLDER} stands for the name of the host"
    )


class Cluster(Spec):
    """The hosts of a study."""

    ssh: Ssh | None = Field(None, description="hosts reached by ssh")
    slurm: Slurm | None = Field(None, description="nodes of a Slurm cluster")
    command: StartCommand | None = Field(None, description="hosts that another program reaches (kubectl, podman, PBS, LSF)")
    control_drift: Share | None = Field(
        0.2,
        description="by how much the control, a fixed piece of work before each block, may differ from what it took on the same host before; "
        "a host that drifts further takes no more runs. null: no control",
    )

    @model_validator(mode="after")
    def _some_hosts_each_once(self) -> Cluster:
        if self.ssh is None and self.slurm is None and self.command is None:
            raise ValueError("no host is named; add `ssh:`, `slurm:` or `command:` (docs/cluster.md)")
        names = [host.host for host in self.ssh.each()] if self.ssh else []
        names += self.command.hosts if self.command else ()
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{twice[0]} is named twice; a host performs one run at a time")
        return self


def load_cluster(path: Path) -> Cluster:
    """Read a cluster file.

    Raises:
        SpecError: with every problem, each with file and line.
    """
    if not path.exists():
        raise SpecError((Problem(str(path), 1, "no such file; docs/cluster.md shows what it says"),))
    return load_sections(path, Cluster)


def is_cluster_file(path: Path) -> bool:
    """Return whether a file names hosts, and no study.

    Raises:
        SpecError: it cannot be read as YAML.
    """
    data = read_document(path).data
    return isinstance(data, dict) and "study" not in data and bool(data.keys() & Cluster.model_fields.keys())


def cluster_schema() -> dict[str, Any]:
    """Return the JSON Schema of cluster files, for editors."""
    schema = Cluster.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "greenreport cluster"
    return schema
