"""greenreport: how to serve a small language model, and what it costs in energy, time and memory.

From a study file to published answers::

    study.yaml ─load→ Study ─expand→ Plan ─minus what the Store holds→ pending Runs
       └→ for each Run: server, client and sampling processes ─→ RunRecord ─append→ Store
    Store ─records→ Observations ─test→ Findings ─answer→ Answers, Guidelines ─pages→ site/

``greenreport --help`` lists the commands.
"""

__version__ = "0.1.0"
