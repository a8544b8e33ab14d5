"""Labels of configurations: engine and provider, and everything that differs from the defaults."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

from greenreport.catalog import PROVIDER_INFO
from greenreport.study import Configuration
from greenreport.study.cells import DEFAULTS

K = TypeVar("K", bound=Hashable)
DOT = " · "
JOINT = "\u00a0·\u00a0"  # engine and provider never wrap apart
PROVIDER_LABELS = {name: info.label for name, info in PROVIDER_INFO.items()}


def label_of(configuration: Configuration) -> str:
    """Return the label of a configuration: ``ONNX Runtime · CPU``, with what differs from the defaults."""
    return DOT.join(label_parts(configuration))


def label_parts(configuration: Configuration) -> list[str]:
    """Return the parts of a label: name, or engine and provider, then everything that differs from the defaults."""
    if configuration.name:
        return [configuration.name, *_differences(configuration)]
    provider = PROVIDER_LABELS.get(configuration.provider, configuration.provider)
    return [f"{configuration.engine_label}{JOINT}{provider}", *_differences(configuration)]


def short_labels(configurations: Sequence[Configuration]) -> dict[str, str]:
    """Return labels by configuration id without what all of them share: ``ONNX Runtime`` where everything runs on the CPU."""
    return distinct_labels({each.id: label_of(each).replace(JOINT, DOT).split(DOT) for each in configurations})


def distinct_labels(parts: Mapping[K, Sequence[str]]) -> dict[K, str]:
    """Return labels without the parts that all of them share; what has no other part keeps its first."""
    shared = set.intersection(*(set(own) for own in parts.values()))
    return {key: DOT.join([part for part in own if part not in shared] or own[:1]) for key, own in parts.items()}


def _differences(configuration: Configuration) -> Iterator[str]:
    """Yield the factors by which configurations differ, in words: ``batch 8``, ``4 clients``, ``no cache``.

    A load that the study names is told even at its default: beside ``batch 8`` of a sweep stands ``batch 1``.
    """
    for factor, name, level in configuration.levels():
        if level is not None and (factor.is_load or level != DEFAULTS[factor.field]):
            yield factor.label_part(level, name)
