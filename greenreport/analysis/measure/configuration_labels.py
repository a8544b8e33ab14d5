"""Labels of configurations: engine and provider, and everything that differs from the defaults."""

from __future__ import annotations

from collections.abc import Iterator

from greenreport.catalog import PROVIDER_INFO
from greenreport.study import Configuration
from greenreport.study.cells import DEFAULTS

JOINT = "\u00a0·\u00a0"  # engine and provider never wrap apart
PROVIDER_LABELS = {name: info.label for name, info in PROVIDER_INFO.items()}


def label_of(configuration: Configuration) -> str:
    """Return the label of a configuration: ``ONNX Runtime · CPU``, with what differs from the defaults."""
    return " · ".join(label_parts(configuration))


def label_parts(configuration: Configuration) -> list[str]:
    """Return the parts of a label: name, or engine and provider, then everything that differs from the defaults."""
    if configuration.name:
        return [configuration.name, *_differences(configuration)]
    provider = PROVIDER_LABELS.get(configuration.provider, configuration.provider)
    return [f"{configuration.engine_label}{JOINT}{provider}", *_differences(configuration)]


def _differences(configuration: Configuration) -> Iterator[str]:
    """Yield the factors by which configurations differ, in words: ``batch 8``, ``4 clients``, ``no cache``.

    A load that the study names is told even at its default: beside ``batch 8`` of a sweep stands ``batch 1``.
    """
    for factor, name, level in configuration.levels():
        if level is not None and (factor.is_load or level != DEFAULTS[factor.field]):
            yield factor.label_part(level, name)
