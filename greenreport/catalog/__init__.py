"""Tables of what greenreport knows: runtime engines, instruments, metrics, scorers, result files, formats of exports.

A row holds facts and a lazy target string (``"module:attribute"``); nothing heavy is imported here. Adding an engine or a
meter is one file and one row. Another package adds a row through an entry point: of the group
``greenreport.engines``, ``greenreport.meters``, ``greenreport.metrics``, ``greenreport.pages``, ``greenreport.scorers`` or
``greenreport.formats`` that names the row.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from greenreport.catalog.accuracy import Accuracy, accuracy_for
from greenreport.catalog.circumstances import CIRCUMSTANCES, Circumstance
from greenreport.catalog.engines import DTYPES, ENGINES, EngineInfo, Served
from greenreport.catalog.formats import FORMATS, FormatInfo
from greenreport.catalog.interchange import INTERCHANGE, InterchangeInfo
from greenreport.catalog.load_factors import CURVE_FACTORS, LIMITABLE, LOAD_FACTORS, FactorKind, LoadFactor, fields_of
from greenreport.catalog.meters import METERS, MeterInfo
from greenreport.catalog.metrics import METRICS, Better, MetricInfo
from greenreport.catalog.pages import ADDED_PAGES, PageInfo
from greenreport.catalog.providers import PROVIDER_INFO, PROVIDERS, ProviderInfo
from greenreport.catalog.scorers import SCORERS, ScorerInfo
from greenreport.catalog.table import GROUPS, added

__all__ = [
    "ADDED_PAGES", "CIRCUMSTANCES", "CURVE_FACTORS", "DTYPES", "ENGINES", "FORMATS", "GROUPS", "INTERCHANGE", "LIMITABLE", "LOAD_FACTORS", "METERS", "METRICS",
    "PROVIDERS", "PROVIDER_INFO", "SCORERS", "Accuracy", "Better", "Circumstance", "EngineInfo", "FactorKind", "FormatInfo", "InterchangeInfo", "LoadFactor", "MeterInfo", "MetricInfo", "PageInfo", "ProviderInfo", "ScorerInfo", "Served", "accuracy_for",
    "added", "fields_of", "load_target",
]  # fmt: skip


def load_target(target: str) -> Any:
    """Import ``"module:attribute"`` and return the attribute."""
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)
