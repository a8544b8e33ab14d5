"""greenreport: how to serve a small language model, and what it costs in energy, time and memory.

From a study file to published answers::

    study.yaml ─load→ Study ─expand→ Plan ─minus what the Store holds→ pending Runs
       └→ for each Run: server, client and sampling processes ─→ RunRecord ─append→ Store
    Store ─records→ Observations ─test→ Findings ─answer→ Answers, Guidelines ─pages→ site/

``greenreport --help`` lists the commands. In Python::

    analysis = greenreport.load("studies/quickstart.yaml")
    for finding in analysis.findings: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from greenreport.results import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import `load` when it is first used, so that the command line starts without numpy and DuckDB."""
    if name == "load":
        from greenreport.results import load

        return load
    raise AttributeError(f"module 'greenreport' has no attribute {name!r}")
