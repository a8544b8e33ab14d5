"""The workload of a study, and the protocol of its runs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from greenreport.study.field_types import MOST_ENTRIES, Label, Positive, QuestionId, Seconds, Seed, Share, Spec, Text
from greenreport.study.run_order import Order
from greenreport.units import declared_percent

Tokens = Annotated[int, Field(ge=1, le=100_000)]


class Lengths(Spec):
    """Lengths in tokens that differ from request to request; drawn by the seed, so the same in every cell and run."""

    distribution: Literal["uniform", "lognormal"] = Field(
        description="uniform: every length from smallest to largest alike; lognormal: around `median`, with a long tail"
    )
    smallest: Tokens = Field(1, description="no request asks for fewer tokens")
    largest: Tokens = Field(description="no request asks for more tokens")
    median: Tokens | None = Field(None, description="median of the lognormal distribution, before the bounds")
    sigma: Annotated[float, Field(gt=0, le=5)] | None = Field(
        None, description="standard deviation of the logarithm of the lognormal distribution"
    )
    seed: Seed = Field(0, description="seed of the lengths")

    @model_validator(mode="after")
    def _complete(self) -> Lengths:
        if self.smallest > self.largest:
            raise ValueError(f"smallest ({self.smallest}) is above largest ({self.largest})")
        given = (self.median is not None, self.sigma is not None)
        if self.distribution == "lognormal" and not all(given):
            raise ValueError("a lognormal distribution needs `median` and `sigma`")
        if self.distribution == "uniform" and any(given):
            raise ValueError("`median` and `sigma` belong to the lognormal distribution")
        return self

    def words(self) -> str:
        """Return the lengths in words: ``16 to 128``."""
        shape = "evenly spread" if self.distribution == "uniform" else f"lognormal, median {self.median}, sigma {self.sigma:g}"
        return f"{self.smallest} to {self.largest} ({shape})"


def _ordered_pair(value: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= value[0] <= value[1]:
        raise ValueError("give the smallest and the largest length, smallest first: [10, 15]")
    return value


TAGS = ("(a plain value)", "(a section)")  # parts of the location of an error that no file has
# The kind is chosen before anything is checked, so that a mistake is explained once.
_KIND = Discriminator(lambda value: TAGS[isinstance(value, (dict, Spec))])
_Distribution = Annotated[Lengths, Tag(TAGS[1])]
OutputTokens = Annotated[Annotated[Tokens, Tag(TAGS[0])] | _Distribution, _KIND]
SliceTokens = Annotated[Annotated[tuple[int, int], AfterValidator(_ordered_pair), Tag(TAGS[0])] | _Distribution, _KIND]


class Prompts(Spec):
    """The prompts every cell answers; the sha256 of the resulting list is stored and shown."""

    source: Literal["builtin", "elementary", "humaneval", "file"] = Field(
        "builtin",
        description="where the texts come from; builtin: programming problems to complete; elementary: small functions to ask for in chat",
    )
    path: Label | None = Field(
        None,
        description="JSON Lines (.jsonl, .jsonl.gz) with a `prompt` key, or `turns` of a conversation, or plain text with one prompt per line",
    )
    count: Annotated[int, Field(ge=1, le=100_000)] | None = Field(None, description="how many prompts; all when absent")
    slice_tokens: SliceTokens | None = Field(
        None, description="use a random run of this many tokens of each text: [smallest, largest], or a distribution of lengths"
    )
    seed: Seed = Field(0, description="seed of the choice and of the slices")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="expected digest of the prompt list"
    )

    @property
    def slices(self) -> str | None:
        """How many tokens of each text are used, in words; None for whole texts."""
        asked = self.slice_tokens
        return asked.words() if isinstance(asked, Lengths) else None if asked is None else f"{asked[0]}–{asked[1]}"


class Generation(Spec):
    """Generation of outputs: greedy, so that engines can be compared token by token, or drawn at a temperature."""

    output_tokens: OutputTokens = Field(
        64, description="output tokens per request, or how they are distributed over the requests"
    )
    exact: bool = Field(True, description="generate exactly that many tokens, ignoring end-of-sequence")
    temperature: Annotated[float, Field(ge=0, le=5)] = Field(0, description="0: the likeliest token; above: tokens are drawn")
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(
        1, description="draw from the likeliest tokens whose probabilities together reach this; with a temperature"
    )
    seed: Seed = Field(0, description="seed of the draws; every request of every repetition draws from one of its own")

    @model_validator(mode="after")
    def _drawn(self) -> Generation:
        if self.temperature == 0 and (self.top_p, self.seed) != (1, 0):
            raise ValueError("`top_p` and `seed` belong to draws; give a `temperature` above 0, or leave them out")
        return self

    @property
    def decoding(self) -> str:
        """How tokens are chosen, in words: ``greedy``, ``drawn at temperature 0.8 from the likeliest 95 %``."""
        if self.temperature == 0:
            return "greedy"
        share = f" from the likeliest {declared_percent(self.top_p)}" if self.top_p < 1 else ""
        return f"drawn at temperature {self.temperature:g}{share}, seed {self.seed}"

    def words(self) -> str:
        """Return how much is generated: ``exactly 64``, ``at most 16 to 128 (evenly spread)``."""
        tokens = self.output_tokens.words() if isinstance(self.output_tokens, Lengths) else str(self.output_tokens)
        return f"{'exactly' if self.exact else 'at most'} {tokens}"


#: Largest number of requests of an open loop under way at once; later ones wait in the client, which shows as lateness.
MOST_UNDER_WAY = 512


class Arrivals(Spec):
    """When requests of an open loop (`request_rate`) are sent."""

    process: Literal["poisson", "constant"] = Field(
        "poisson", description="poisson: independent arrivals; constant: evenly spaced"
    )
    seed: Seed = Field(0, description="seed of the arrival times")


class Workload(Spec):
    """The work every cell is asked to do."""

    RETIRED: ClassVar[dict[str, str]] = {"transport": "http"}

    prompts: Prompts = Field(default_factory=Prompts)
    api: Literal["completions", "chat"] = Field(
        "completions",
        description="completions: the model continues the prompt; chat: the prompt is a message, which the server puts into the "
        "model's own chat template",
    )
    system: Text | None = Field(None, description="message before each prompt that says what is expected; for `api: chat`")
    generation: Generation = Field(default_factory=Generation)
    stream: bool = Field(False, description="stream tokens to the client; gives the client's time to first token")
    requests: Annotated[int, Field(ge=1, le=200_000)] | None = Field(
        None, description="prompts sent in the window; the list again from its start when it is shorter. Each once when absent"
    )
    arrivals: Arrivals = Field(default_factory=Arrivals)
    ramp_s: Seconds = Field(
        0,
        description="seconds of load before the measured window begins; with it the window ends when the last request is sent, "
        "so that only the steady state counts",
    )

    @model_validator(mode="after")
    def _system_in_chat(self) -> Workload:
        if self.system is not None and self.api != "chat":
            raise ValueError("`system` belongs to `api: chat`; a completion has no messages")
        return self


class Cooldown(Spec):
    """Pause before a run."""

    until: Literal["steady", "elapsed", "none"] = Field(
        "steady", description="until power, temperature and load are steady; a fixed time; or no cool-down"
    )
    max_s: Seconds = Field(300, description="longest wait for a steady state, or the fixed time of `elapsed`")
    window_s: Annotated[float, Field(ge=0.5, le=600)] = Field(10, description="trailing window that must be steady")


class Until(Spec):
    """When a contrast is known well enough, whether or not it is decided."""

    interval_width: Share = Field(
        description="largest distance between the ends of its interval, as a share of the lower end: 5 % is 0.98 to 1.029"
    )


class Sequential(Spec):
    """Repetitions that end by themselves: whole blocks until every contrast is decided or known well enough."""

    at_least: Annotated[int, Field(ge=3, le=99)] = Field(description="blocks before the contrasts are looked at first")
    at_most: Annotated[int, Field(ge=4, le=100)] = Field(description="blocks after which the study ends in any case")
    until: Until
    hypotheses: Annotated[tuple[QuestionId, ...], Field(max_length=MOST_ENTRIES)] = Field(
        (), alias="for", description="hypotheses whose pairs are the contrasts; all when absent"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Sequential:
        if self.at_least >= self.at_most:
            raise ValueError(
                f"at_least ({self.at_least}) is not below at_most ({self.at_most}); a fixed number is written `repetitions: {self.at_most}`"
            )
        return self

    def __str__(self) -> str:
        """Return the numbers in words: ``5 to 30``."""
        return f"{self.at_least} to {self.at_most}"


class Protocol(Spec):
    """Performance of each run. Every value but `repetitions`, `give_up_after` and the time limits is part of the fingerprint."""

    repetitions: Annotated[
        Annotated[int, Field(ge=1, le=10_000), Tag(TAGS[0])] | Annotated[Sequential, Tag(TAGS[1])], _KIND
    ] = Field(
        10, description="runs of each cell, one in each block; or how many at least and at most, and when to stop between"
    )
    order: Order = Field(default_factory=Order)
    worker: Literal["fresh", "preloaded"] = Field(
        "fresh",
        description="fresh: a new interpreter for each run; preloaded: forked from a process that has torch imported, "
        "which saves seconds per run and makes start-up times and memory less exact",
    )
    warmup_requests: Annotated[int, Field(ge=0, le=1000)] = Field(2, description="requests that are answered and discarded")
    idle_baseline_s: Seconds = Field(10, description="idle time with the server up, before and after the window")
    cooldown: Cooldown = Field(default_factory=Cooldown)
    sampling_interval_ms: Annotated[int, Field(ge=5, le=10_000)] = Field(
        97, description="time between samples; odd, so that it does not fall into step with periodic work"
    )
    errors: Share | None = Field(
        None,
        description="largest share of failed requests with which a run counts: 1 %; failed ones are counted and shown, and are no part "
        "of latencies. Without it, the first one ends a run",
    )
    load_timeout_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        1800, description="limit of start, load and compile together"
    )
    window_timeout_s: Annotated[float, Field(gt=0, le=604_800)] = Field(14_400, description="limit of warm-up and window each")
    give_up_after: Positive = Field(2, description="failures of a cell after which its other runs are not tried in this call")

    @property
    def sequential(self) -> Sequential | None:
        """The rule that ends the repetitions; None where their number is fixed."""
        return self.repetitions if isinstance(self.repetitions, Sequential) else None

    @property
    def fewest_repetitions(self) -> int:
        """Repetitions that are made in any case."""
        return self.repetitions.at_least if isinstance(self.repetitions, Sequential) else self.repetitions

    @property
    def most_repetitions(self) -> int:
        """Repetitions that are made at most."""
        return self.repetitions.at_most if isinstance(self.repetitions, Sequential) else self.repetitions
