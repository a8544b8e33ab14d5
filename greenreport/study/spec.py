"""What a study asks for: frozen types, one per section of the file.

Every field has a description; ``greenreport schema`` prints them as JSON Schema, so that editors explain and complete a study
file while it is written. Checks that look at one field live here; checks across fields live in `check`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from greenreport.units import parse_count

IDENTIFIER = r"^[a-z0-9][a-z0-9._-]{0,79}$"

Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
QuestionId = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,19}$")]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Label = Annotated[str, Field(min_length=1, max_length=300)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[
    int,
    BeforeValidator(lambda value: parse_count(value) if isinstance(value, str) else value),
    Field(ge=1),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^[0-9.]+\s*[kKMBG]?$"}]}),
]
Scalar = str | bool | int | float


class Spec(BaseModel):
    """Base of every section: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Weights(StrEnum):
    """Where the weights of a model come from."""

    HUB = "hub"
    UNTRAINED = "untrained"
    PATH = "path"


class Architecture(Spec):
    """Shape of a model, in the words of its transformers configuration class."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", description="transformers model type: gpt2, llama, gpt_neox, …")]

    @model_validator(mode="after")
    def _only_scalars(self) -> Architecture:
        for name, value in (self.model_extra or {}).items():
            if not isinstance(value, bool | int | float | str):
                raise ValueError(f"architecture value {name!r} must be a number, a truth value or a text")
        return self

    @property
    def shape(self) -> dict[str, Scalar]:
        """The configuration values besides the type."""
        return dict(self.model_extra or {})


class Model(Spec):
    """A model under study."""

    id: Identifier = Field(description="short stable name; used in addresses and results")
    name: Label | None = Field(None, description="label on the site; the id when absent")
    hub: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = Field(None, description="hub repository, owner/name")
    revision: Annotated[str, Field(pattern=r"^[\w./-]{1,80}$")] | None = Field(
        None, description="commit (best), tag or branch of the hub repository; fill it in to pin the weights"
    )
    path: Label | None = Field(None, description="local directory in transformers format, relative to the study file")
    weights: Weights | None = Field(None, description="overrides the study's `weights` for this model")
    architecture: Architecture | None = Field(None, description="true shape of the model, for `weights: untrained`")
    seed: int = Field(0, description="seed of untrained weights")
    parameters: Count | None = Field(None, description="number of parameters as published: 110M, 1.1B")
    size_category: Label | int | None = Field(None, description="group for aggregated results")
    release: Label | None = Field(None, description="release date as published")
    affiliation: Label | None = None
    published: dict[Identifier, float] = Field(
        default_factory=dict, description="published scores, e.g. humaneval_pass_at_1: 0.038"
    )

    @property
    def label(self) -> str:
        """Name to print."""
        return self.name or self.id


class Configuration(Spec):
    """A serving configuration: runtime engine, execution provider, and what must be equal to compare engines fairly."""

    engine: str = Field(description="runtime engine")
    provider: str = Field("cpu", description="execution provider")
    dtype: str = Field("float32", description="type of weights and computation, verified after load")
    threads: Positive | None = Field(None, description="compute threads; all physical cores when absent; verified after load")
    kv_cache: bool = Field(True, description="keep keys and values between tokens; verified after load")
    options: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*$")], Scalar] = Field(
        default_factory=dict, description="options of the engine, passed to it as they are"
    )
    name: Label | None = Field(None, description="label on the site")

    @property
    def id(self) -> str:
        """Stable name: ``torch-cpu``, ``onnx-cpu-int8-t4-nocache``; options add their values."""
        parts = [self.engine.replace("_", "-"), self.provider]
        if self.dtype != "float32":
            parts.append(self.dtype)
        if self.threads is not None:
            parts.append(f"t{self.threads}")
        if not self.kv_cache:
            parts.append("nocache")
        parts += [f"{name}.{value}".lower() for name, value in sorted(self.options.items())]
        return "-".join(parts)


class Exclusion(Spec):
    """Cells left out by design; the reason is published with the results."""

    engine: str | None = None
    provider: str | None = None
    model: str | None = None
    dtype: str | None = None
    reason: Text = Field(description="why; shown on the site")

    def covers(self, model: Model, configuration: Configuration) -> bool:
        """Whether every key of the exclusion agrees with the cell."""
        wanted = (self.engine, self.provider, self.model, self.dtype)
        actual = (configuration.engine, configuration.provider, model.id, configuration.dtype)
        return all(want is None or want == have for want, have in zip(wanted, actual, strict=True))


def _ordered_pair(value: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= value[0] <= value[1]:
        raise ValueError("give the smallest and the largest length, smallest first: [10, 15]")
    return value


class Prompts(Spec):
    """The prompts every cell answers; the resulting list has a sha256 that is stored and shown."""

    source: Literal["builtin", "humaneval", "file"] = Field("builtin", description="where the texts come from")
    path: Label | None = Field(
        None, description="JSON Lines (.jsonl, .jsonl.gz) with a `prompt` key, or plain text with one prompt a line"
    )
    count: Annotated[int, Field(ge=1, le=100_000)] | None = Field(None, description="how many prompts; all when absent")
    slice_tokens: Annotated[tuple[int, int], AfterValidator(_ordered_pair)] | None = Field(
        None, description="use a random run of this many tokens of each text, [smallest, largest]"
    )
    seed: int = Field(0, description="seed of the choice and of the slices")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="expected digest of the prompt list"
    )


class Generation(Spec):
    """How outputs are generated: always greedy, so that engines can be compared token by token."""

    output_tokens: Annotated[int, Field(ge=1, le=100_000)] = Field(64, description="output tokens a request")
    exact: bool = Field(True, description="generate exactly that many tokens, ignoring end-of-sequence")


class Workload(Spec):
    """What every cell is asked to do."""

    prompts: Prompts = Field(default_factory=Prompts)
    generation: Generation = Field(default_factory=Generation)
    transport: Literal["http"] = Field(
        "http", description="client and server are separate processes that speak HTTP on loopback"
    )
    stream: bool = Field(False, description="stream tokens to the client; gives the client's time to first token")


class Order(Spec):
    """Order of the runs."""

    design: Literal["randomized_complete_blocks", "fixed"] = Field(
        "randomized_complete_blocks",
        description="each repetition is a block with every cell once, in random order; or as listed",
    )
    seed: int = 0


class Cooldown(Spec):
    """Pause before a run."""

    until: Literal["steady", "elapsed", "none"] = Field(
        "steady", description="until power, temperature and load are steady; a fixed time; or no cool-down"
    )
    max_s: Seconds = Field(300, description="longest wait for a steady state, or the fixed time of `elapsed`")
    window_s: Annotated[float, Field(ge=0.5, le=600)] = Field(10, description="trailing window that must be steady")


class Protocol(Spec):
    """How each run is performed. Every value but `repetitions` and the time limits is part of the fingerprint."""

    repetitions: Annotated[int, Field(ge=1, le=10_000)] = Field(10, description="runs of each cell")
    order: Order = Field(default_factory=Order)
    worker: Literal["fresh", "preloaded"] = Field(
        "fresh",
        description="fresh: a new interpreter for each run; preloaded: forked from a process that has torch imported, "
        "which saves seconds a run and makes start-up times and memory less exact",
    )
    warmup_requests: Annotated[int, Field(ge=0, le=1000)] = Field(2, description="requests that are answered and discarded")
    idle_baseline_s: Seconds = Field(10, description="idle time with the server up, before and after the window")
    cooldown: Cooldown = Field(default_factory=Cooldown)
    sampling_interval_ms: Annotated[int, Field(ge=5, le=10_000)] = Field(
        97, description="time between samples; odd, so that it does not fall into step with periodic work"
    )
    load_timeout_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        1800, description="limit of start, load and compile together"
    )
    window_timeout_s: Annotated[float, Field(gt=0, le=604_800)] = Field(14_400, description="limit of warm-up and window each")
    give_up_after: Positive = Field(2, description="failures of a cell after which its other runs are not tried in this call")


def _meter_shorthand(value: Any) -> Any:
    """Turn ``rapl``, ``{estimate: fallback}`` and ``{nvml: {required: true}}`` into the long form."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and len(value) == 1 and "name" not in value:
        ((name, rest),) = value.items()
        if rest is None:
            return {"name": name}
        if isinstance(rest, str):
            return {"name": name, "use": rest}
        if isinstance(rest, dict):
            return {"name": name, **rest}
    return value


class MeterUse(Spec):
    """A meter of the study and how it is used."""

    name: str = Field(description="instrument")
    required: bool = Field(
        False, description="without this meter a cell is `unsupported` instead of running without its metrics"
    )
    use: Literal["always", "fallback"] = Field("always", description="fallback: only when no measured CPU energy is available")
    idle_w: Annotated[float, Field(ge=0, le=10_000)] | None = Field(None, description="estimate: power of the idle CPU")
    max_w: Annotated[float, Field(ge=0, le=10_000)] | None = Field(None, description="estimate: power of the fully loaded CPU")
    interval_ms: Annotated[int, Field(ge=5, le=10_000)] | None = Field(
        None, description="time between samples of this meter; the protocol's or the meter's own when absent"
    )
    path: Label | None = Field(None, description="energibridge: the program; replay: the recording; relative to the study file")
    kind: Literal["netio", "json"] | None = Field(None, description="wattmeter: NETIO, or any that answers in JSON")
    url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)] | None = Field(
        None, description="wattmeter: address of the JSON answer; GREENREPORT_WATTMETER_URL when absent"
    )
    output: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="wattmeter netio: number of the output")
    power: Label | None = Field(None, description="wattmeter json: where the power is in the answer, e.g. `meters.0.power`")
    power_unit: Literal["mW", "W", "kW"] = Field("W", description="wattmeter json: unit of the power")
    energy: Label | None = Field(None, description="wattmeter json: where the energy register is in the answer")
    energy_unit: Literal["J", "kJ", "mWh", "Wh", "kWh"] = Field("Wh", description="wattmeter json: unit of the energy register")
    scale: Annotated[float, Field(gt=0, le=1e6)] = Field(
        1.0, description="wattmeter json: factor of every value, for devices behind a current transformer"
    )


Meter = Annotated[
    MeterUse,
    BeforeValidator(_meter_shorthand),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["rapl", "nvml", "utilisation", "energibridge", "wattmeter", "replay", "estimate"]},
                {"type": "object", "minProperties": 1, "maxProperties": 1},
            ],
            "description": "a meter: rapl, nvml, utilisation, {estimate: fallback}, {nvml: {required: true, interval_ms: 20}}",
        }
    ),
]


class Reference(Spec):
    """The configuration outputs are compared with."""

    engine: str = "torch"
    provider: str = "cpu"


class Fidelity(Spec):
    """When a cell counts as doing the same work as the reference configuration of the same model."""

    reference: Reference | None = Field(None, description="the first configuration when absent")
    min_exact_match: Annotated[float, Field(ge=0, le=1)] = Field(
        0.95, description="smallest share of prompts whose output equals the reference token for token"
    )
    max_token_count_drift: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="largest relative difference of output token counts"
    )


class Hypothesis(Spec):
    """A null hypothesis: the groups of `factor` do not differ in `metric`."""

    id: QuestionId
    question: QuestionId = Field(description="research question it belongs to")
    metric: str = Field(description="dependent variable")
    statement: Text | None = Field(None, description="the null hypothesis in words; generated when absent")
    factor: Literal["configuration"] = "configuration"
    per: Literal["model"] = Field("model", description="a test for each model, with configurations as groups")
    test: Literal["auto", "welch", "kruskal"] = Field(
        "auto", description="auto: Welch's ANOVA when every group passes Shapiro-Wilk, Kruskal-Wallis otherwise"
    )
    alpha: Fraction = 0.05
    correction: Literal["holm"] = Field("holm", description="adjustment of p values within the family")
    smallest_effect: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="relative difference of medians below which a difference is of no practical interest"
    )
    providers: tuple[str, ...] | None = Field(None, description="only configurations with these execution providers")


class Author(Spec):
    """An author of the study."""

    name: Label
    affiliation: Label | None = None
    orcid: Annotated[str, Field(pattern=r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$")] | None = None


class Study(Spec):
    """A study: models × serving configurations × repetitions, questions and hypotheses."""

    study: Identifier = Field(description="short stable name of the study; used in addresses and results")
    title: Label
    description: Text | None = None
    authors: tuple[Author, ...] = ()
    license: Label = Field("CC-BY-4.0", description="licence of the published results")
    cites: tuple[Text, ...] = Field((), description="publications the study builds on, as citations")
    questions: dict[QuestionId, Text] = Field(default_factory=dict, description="research questions")
    weights: Literal[Weights.HUB, Weights.UNTRAINED] = Field(
        Weights.HUB, description="hub: download; untrained: the true architecture with seeded random weights"
    )
    models: Annotated[tuple[Model, ...], Field(min_length=1, max_length=1000)]
    configurations: Annotated[tuple[Configuration, ...], Field(min_length=1, max_length=1000)]
    exclude: tuple[Exclusion, ...] = ()
    workload: Workload = Field(default_factory=Workload)
    protocol: Protocol = Field(default_factory=Protocol)
    meters: tuple[Meter, ...] = Field((), description="instruments to read")
    fidelity: Fidelity = Field(default_factory=Fidelity)
    hypotheses: tuple[Hypothesis, ...] = ()

    def weights_of(self, model: Model) -> Weights:
        """Where this model's weights come from: its own setting, its path, or the study's setting."""
        if model.weights is not None:
            return model.weights
        return Weights.PATH if model.path else Weights(self.weights)

    def configuration(self, identifier: str) -> Configuration:
        """Return the configuration with this id."""
        return next(c for c in self.configurations if c.id == identifier)

    def model(self, identifier: str) -> Model:
        """Return the model with this id."""
        return next(m for m in self.models if m.id == identifier)
