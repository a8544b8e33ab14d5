"""Sections about the analysis: the fidelity gate, validity rules, hypotheses, declared guidelines."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from greenreport.study.field_types import Fraction, Label, QuestionId, Seconds, Share, Spec, Text


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


ExcludingFlag = Literal[
    "unsteady_start", "window_too_short", "meters_disagree", "throttled", "unsettled_window", "request_outlier",
    "latency_quantised", "retried", "failed_requests", "preempted", "prompt_cached", "client_busy",
    "estimated_energy",
]  # fmt: skip
AdmittedFlag = Literal[
    "foreign_load", "foreign_gpu_process", "sampling_gap", "undersampled", "sampled_in_step", "standstill", "late_requests"
]  # fmt: skip


class Validity(Spec):
    """When a run counts as a valid measurement. Changing it changes no fingerprint: finished runs are judged anew."""

    foreign_load: Annotated[float, Field(ge=0, le=1)] = Field(
        0.1, description="largest share of all CPUs that other programs may use during idle baselines and the window"
    )
    foreign_gpu_processes: Annotated[int, Field(ge=0, le=1000)] = Field(
        0, description="largest number of processes of other programs that may compute on the GPUs of a run"
    )
    sampling_gap_s: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        1.0, description="longest silence of an energy meter in the window; at least ten of its own intervals"
    )
    shortest_window_s: Seconds = Field(0, description="shortest window, besides what the instruments need (RAPL 1 s, NVML 5 s)")
    meters_disagree: Annotated[float, Field(gt=0, le=1)] = Field(
        0.1, description="largest relative difference of two instruments on one component"
    )
    clock_step_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        0.1, description="largest movement of the wall clock during a run, for instruments that go by it"
    )
    exclude: tuple[ExcludingFlag, ...] = Field((), description="flags that exclude a run here, besides those that always do")
    admit: tuple[AdmittedFlag, ...] = Field((), description="flags that only warn here, although they exclude elsewhere")


class Hypothesis(Spec):
    """A null hypothesis: the configurations of a model do not differ in `metric`. Each model has its own test; Holm's method adjusts them over the models."""

    RETIRED: ClassVar[dict[str, str]] = {"factor": "configuration", "per": "model", "correction": "holm"}

    id: QuestionId
    question: QuestionId = Field(description="research question it belongs to")
    metric: str = Field(description="dependent variable")
    statement: Text | None = Field(None, description="the null hypothesis in words; generated when absent")
    test: Annotated[
        Literal["blocked", "gated", "welch", "kruskal", "friedman", "permutation"],
        BeforeValidator(lambda test: "gated" if test == "auto" else test),
    ] = Field(
        "blocked",
        description="what decides: the log-linear model with blocks; gated: Welch's ANOVA when every group passes Shapiro-Wilk, "
        "Kruskal-Wallis otherwise; or one of the others alone",
    )
    alpha: Fraction = 0.05
    smallest_effect: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="relative difference of medians below which a difference is of no practical interest"
    )
    providers: tuple[str, ...] | None = Field(None, description="only configurations with these execution providers")


class Objective(Spec):
    """A latency objective: a request is served well when it keeps every bound given here."""

    ttft_s: Annotated[float, Field(gt=0, le=86_400)] | None = Field(None, description="time to first token")
    tbt_s: Annotated[float, Field(gt=0, le=86_400)] | None = Field(None, description="mean time between tokens")
    latency_s: Annotated[float, Field(gt=0, le=86_400)] | None = Field(None, description="time to the complete answer")
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.95, description="share of requests that must be served well for a configuration to keep the objective"
    )

    @model_validator(mode="after")
    def _some_bound(self) -> Objective:
        if self.ttft_s is None and self.tbt_s is None and self.latency_s is None:
            raise ValueError("give at least one bound: `ttft_s`, `tbt_s` or `latency_s`")
        return self


class Frontier(Spec):
    """How a sweep of the load is read."""

    epsilon: Fraction = Field(
        0.05, description="saturation: the smallest load from which doubling it gains less throughput than this share"
    )


class Quality(Spec):
    """Judgement of the answers. Changing it changes no fingerprint: stored answers are judged anew."""

    scorer: Label | None = Field(
        None,
        description="what judges: unit_tests, exact_match, pattern, or one that another package adds; by what the prompts have when absent",
    )
    k: Annotated[tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(min_length=1, max_length=8)] = Field(
        (1,), description="for pass@k: the chance that one of k answers is right; needs at least k answers to each prompt"
    )
    largest_loss: Share = Field(
        0.05,
        description="largest fall of the share of right answers, against the reference, with which a configuration is still ranked",
    )
    time_limit_s: Annotated[float, Field(ge=0.1, le=600)] = Field(
        10, description="CPU time and time that the tests of an answer may take"
    )
    memory_limit_mb: Annotated[int, Field(ge=16, le=65_536)] = Field(
        512, description="memory that the tests of an answer may take"
    )


class Side(Spec):
    """A serving configuration in a declared guideline."""

    engine: str
    provider: str = "cpu"


class DeclaredGuideline(Spec):
    """Advice as text, with the condition under which the data support it: `uses` is better than `than` in `metric`."""

    id: QuestionId
    text: Text = Field(description="the advice; shown as it is, with the verdict of the data")
    metric: str = Field(description="in which the first configuration must be better than the second")
    uses: Side
    than: Side
    size_category: Label | int | None = Field(None, description="only models of this size category")
