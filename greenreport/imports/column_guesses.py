"""What the columns of a table probably are, by their names and what they hold: a mapping to begin with."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence

from greenreport.catalog import METRICS
from greenreport.imports.declared_units import scale_of
from greenreport.imports.delimited_text import ColumnProfile
from greenreport.imports.mapping import ColumnPlace, Mapping, MetricPlace

#: Name in lower case, words joined by _ → role in a mapping.
_PLACES = {
    "model": {"model", "model_name", "model_id", "llm", "llm_model", "network"},
    "engine": {"engine", "runtime", "framework", "backend", "inference_engine", "serving_engine", "runtime_engine"},
    "provider": {"provider", "execution_provider"},
    "host": {"host", "hostname", "machine", "node", "server_name"},
    "size_category": {"size_category"},
    "repetition": {"repetition", "rep", "repeat", "trial", "iteration", "run_number", "replicate", "repetition_id"},
    "block": {"block"},
}
_LOADS = {
    "batch_size": {"batch_size", "batch", "bs"},
    "concurrency": {
        "concurrency",
        "clients",
        "num_clients",
        "concurrent_users",
        "num_users",
        "users",
        "max_concurrency",
        "conc",
    },
    "request_rate": {"request_rate", "rps", "qps"},
    "replicas": {"replicas", "num_replicas"},
    "threads": {"threads", "num_threads"},
    "output_tokens": {
        "output_tokens",
        "max_new_tokens",
        "max_tokens",
        "output_len",
        "output_length",
        "osl",
        "num_output_tokens",
    },
}
#: Factors whose levels are different work.
WORK = re.compile(
    r"(^|_)(length|len|task|dataset|topic|prompt|prompts|benchmark|context|isl|scenario|subject|workload|input|category)(_|$)"
)
#: Pattern of the name, metric, unit where the name holds none.
_METRICS = tuple(
    (re.compile(pattern), metric, unit)
    for pattern, metric, unit in (
        (r"(cpu|package|pkg|processor)_energy|energy_(consumption_)?cpu|cpu_j(oules)?\b|cpu_kwh", "cpu_energy_j", "J"),
        (r"gpu_energy|energy_(consumption_)?gpu|gpu_j(oules)?\b|gpu_kwh", "gpu_energy_j", "J"),
        (r"(dram|ram|memory)_energy|energy_(consumption_)?(dram|ram|memory)|(dram|ram)_j(oules)?\b", "dram_energy_j", "J"),
        (r"(machine|wall|system|platform)_energy", "machine_energy_j", "J"),
        (r"(j|joules?|energy)_per_(output_)?tok(en)?", "j_per_output_token", "J/token"),
        (r"(j|joules?|energy)_per_(request|prompt|query)", "j_per_request", "J/request"),
        (r"tokens_per_joule", "tokens_per_j", "1/J"),
        (r"^(total_)?energy(_j|_joules?|_kwh|_wh|_mj|_consumed|_consumption|_usage)?(_total)?(_j|_joules?|_kwh|_wh|_mj)?$|^joules$|energy_consumed$|^total_joules$", "energy_j", "J"),
        (r"(time_to_first_token|ttft)", "ttft_s", "s"),
        (r"(time_per_output_token|time_between_tokens|inter_token|tpot|tbt|itl)", "tbt_s", "s"),
        (r"^(execution|inference|run|total|elapsed|wall|generation|response)_(time|duration)|^(duration|time|runtime|exec_time)(_m?s|_sec(onds)?)?$|^duration", "duration_s", "s"),
        (r"(e2e_|request_)?latency", "latency_s", "s"),
        (r"(output_)?(tokens?_per_s(ec(ond)?)?|tok_s|tps|token_throughput)$|output_throughput", "throughput_tokens_per_s", "tokens/s"),
        (r"requests?_per_s(ec(ond)?)?$|request_throughput", "throughput_requests_per_s", "requests/s"),
        (r"(avg|mean|average)_power|power_(avg|mean|draw)|^power(_m?w|_watts)?$", "power_mean_w", "W"),
        (r"(peak|max)_power", "power_peak_w", "W"),
        (r"(gpu_mem(ory)?|vram)_(usage|util)", "gpu_memory_used_pct", "%"),
        (r"gpu_(usage|util)", "gpu_usage_pct", "%"),
        (r"cpu_(usage|util|load)", "cpu_usage_pct", "%"),
        (r"(ram|memory|mem)_(usage|util)", "ram_usage_pct", "%"),
        (r"(^|_)(accuracy|acc)$", "accuracy_pct", "1"),
    )
)  # fmt: skip
_UNIT_IN_NAME = (
    ("kWh", r"kwh"), ("mWh", r"mwh"), ("Wh", r"wh|watt_?hours?"), ("mJ", r"mj|millijoules?"), ("kJ", r"kj"), ("uJ", r"uj|microjoules?"), ("J", r"j|joules?"), ("ms", r"ms|millis(econds)?"),
    ("us", r"us|micros(econds)?"), ("ns", r"ns|nanos(econds)?"), ("min", r"minutes"), ("s", r"s|secs?|seconds?"), ("mW", r"mw|milliwatts?"), ("W", r"w|watts?"),
    ("%", r"pct|percent(age)?"), ("GB", r"gb"), ("MB", r"mb"), ("B", r"bytes"),
)  # fmt: skip
_IN_UNIT = re.compile(r"[(\[]\s*([^)\]]+?)\s*[)\]]")
MOST_LEVELS = 60
_OWN_STATISTIC = re.compile(r"mean|median|sum|min|max|std|p\d{1,2}")


def words_of(name: str) -> str:
    """Return a name in lower case, with its words joined by _: ``CPU Energy (J)`` is ``cpu_energy_j``."""
    parted = re.sub(r"(?<=[a-z0-9]{2})(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower().replace("%", " pct ")).strip("_")


def suggested(
    profiles: Sequence[ColumnProfile], rows: int, *, model: str, varying: Collection[str] = (), known: Mapping | None = None
) -> Mapping:
    """Return a mapping that names every column.

    Args:
        rows: number of rows.
        model: what the model is called where no column tells it.
        varying: columns that differ among runs of one treatment, so that they are no factors.
        known: what is declared already; it is kept.
    """
    known = known or Mapping()
    taken = {column for _, column in known.uses()}
    places: dict[str, object] = {}
    load: dict[str, ColumnPlace] = {}
    factors: dict[str, ColumnPlace] = {}
    metrics: dict[str, MetricPlace] = {}
    left_out: dict[str, str] = {}
    # Of two columns that could be one metric, the one with more different values is the finer record.
    for profile in sorted(profiles, key=lambda profile: -profile.distinct):
        name, words = profile.name, words_of(profile.name)
        if name in taken:
            continue
        place = next((place for place, names in _PLACES.items() if words in names), None)
        factor = next((factor for factor, names in _LOADS.items() if words in names), None)
        measured = name in varying and profile.numeric == profile.filled > 0
        if place in ("repetition", "block") and profile.whole < profile.filled:
            place = None
        if profile.filled == 0:
            left_out[name] = "it is empty"
        elif place is not None and place not in places and getattr(known, place) is None:
            places[place] = name if place in ("repetition", "block") else ColumnPlace(column=name)
        elif (
            factor is not None
            and factor not in load
            and factor not in known.load
            and profile.numeric == profile.filled
            and profile.least > 0
            and name not in varying
        ):
            load[factor] = ColumnPlace(column=name)
        elif profile.numeric == profile.filled and (
            measured or not _looks_like_levels(profile, words, rows, treatments=bool(varying))
        ):
            key, metric = _metric(profile, words, {*metrics, *known.metrics})
            if key is None:
                left_out[name] = "no name for a metric can be made of its name"
            else:
                metrics[key] = metric
        elif profile.numeric < profile.filled and profile.numeric > 0 and profile.numeric > profile.filled / 2:
            left_out[name] = "numbers beside text"
        elif name in varying or profile.distinct > min(MOST_LEVELS, max(2, rows // 2)):
            left_out[name] = "it differs from run to run" if name in varying else "nearly every row has a text of its own"
        else:
            key = re.sub(r"^[^a-z_]+", "", words)[:60] or f"column_{len(factors) + 1}"
            factors[key] = ColumnPlace(column=name, compare="within" if WORK.search(words) else "across")
    if "model" not in places and known.model is None:
        places["model"] = ColumnPlace(value=model)
    return known.model_copy(
        update=places
        | {"load": {**known.load, **load}, "factors": {**known.factors, **{k: v for k, v in factors.items() if k not in known.factors}},
           "metrics": {**known.metrics, **metrics}, "left_out": {**known.left_out, **left_out}}
    )  # fmt: skip


def _looks_like_levels(profile: ColumnProfile, words: str, rows: int, *, treatments: bool) -> bool:
    """Whether numbers are levels of a factor: few whole ones, each of them often, and no name of a metric.

    Args:
        treatments: whether the column is known to be equal in all runs of a treatment.
    """
    if _own_metric(words) is not None:
        return False
    if WORK.search(words):
        return profile.distinct <= MOST_LEVELS
    few = 1 < profile.distinct <= 12 and rows >= 3 * profile.distinct and (treatments or profile.whole == profile.numeric)
    return few and not any(pattern.search(words) for pattern, _, _ in _METRICS) and unit_in(profile.name) is None


def _metric(profile: ColumnProfile, words: str, taken: Collection[str]) -> tuple[str | None, MetricPlace]:
    if (own := _own_metric(words)) is not None and own[0] not in taken:
        return own[0], MetricPlace(column=profile.name, unit=METRICS[own[0]].unit, statistic=own[1])
    unit = unit_in(profile.name)
    for pattern, metric, usual in _METRICS:
        if not pattern.search(words) or metric in taken or metric not in METRICS:
            continue
        statistic = next(iter(_statistics(words)), None)
        key = f"{metric.removesuffix('_s')}_{statistic}_s" if statistic in ("p90", "p95", "p99") else metric
        declared = unit or usual
        if METRICS[metric].unit == "%" and unit is None and profile.most > 100.5:
            continue  # an amount, whose unit the name does not say
        if METRICS[metric].unit == "%":  # shares and percents have one name
            declared = "%" if unit == "%" or profile.most > 1.0 else "1"
        if key in METRICS and key not in taken and _fits(declared, key):
            return key, MetricPlace(
                column=profile.name,
                unit=declared,
                statistic="mean" if statistic == "mean" and metric.endswith("_s") and metric != "duration_s" else None,
            )
    key = re.sub(r"^[^a-z]+", "", words)[:60]
    if not key or key in taken or key in METRICS:
        key = f"column_{key}"[:60] if key else ""
    return (key or None), MetricPlace(column=profile.name, unit=unit or "?")


def _own_metric(words: str) -> tuple[str, str | None] | None:
    """Return (metric, statistic) of a column that has the name of a metric of the catalog, as greenreport writes them; else None."""
    name, _, last = words.rpartition("_")
    return (words, None) if words in METRICS else (name, last) if name in METRICS and _OWN_STATISTIC.fullmatch(last) else None


def _statistics(words: str) -> Iterator[str]:
    found = re.search(r"(^|_)(p\d\d|mean|avg|average|median)(_|$)", words)
    if found:
        yield {"avg": "mean", "average": "mean"}.get(found[2], found[2])


def _fits(unit: str, metric: str) -> bool:
    try:
        return math.isfinite(scale_of(unit, metric))
    except ValueError:
        return False


def unit_in(name: str) -> str | None:
    """Return the unit that the name of a column holds: of ``duration_ms`` ms, of ``energy (kWh)`` kWh; None where it holds none."""
    inner = _IN_UNIT.search(name)
    words = words_of(inner[1]) if inner else words_of(name)
    for unit, pattern in _UNIT_IN_NAME:
        if re.fullmatch(pattern if inner else rf".*_({pattern})|{pattern}", words):
            return unit
    if "codecarbon" in name.lower() and "energy" in name.lower():
        return "kWh"
    return None
