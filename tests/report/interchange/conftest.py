"""Small studies made of records, for exports in the formats of others: one measured, one with modelled energy, one imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenreport.record import Method
from greenreport.results.importing import import_results
from greenreport.store import Store
from greenreport.workspace import STORE_FILE
from tests.answer_records import judged_store, solved
from tests.sharing import made_once

ANSWERS = {"torch-cpu": (solved(12), 1.0), "onnx-cpu": (solved(4), 0.5), "openvino-cpu": (solved(12, first=1), 0.6)}
#: A title, an author and an option that would break files that do not escape them.
HOSTILE = {
    "title": 'A "title", with: <b>marks</b> | and — dashes',
    "authors": [{"name": "Ada O'Hara & Co", "affiliation": "Uni: of {X}", "orcid": "0000-0001-2345-6789"}],
    "cites": ["Doe, J. (2024). A study: of & things. https://example.org/paper"],
    "description": "First line.\nSecond line: with a colon, and \u202e a mark.",
}


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a study whose energy RAPL measured."""
    return made_once(tmp_path_factory, "interchange-measured", lambda folder: judged_store(folder, ANSWERS, **HOSTILE))


@pytest.fixture(scope="session")
def modelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the same study with energy from a power model."""

    def make(folder: Path) -> None:
        judged_store(folder, ANSWERS, method=Method.ESTIMATED, meters=[{"estimate": {"use": "fallback"}}])

    return made_once(tmp_path_factory, "interchange-modelled", make)


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of an imported study whose values are means, with a name like a formula."""

    def make(folder: Path) -> None:
        table = folder / "t.csv"
        rows = [
            f'"=1+1",{engine},cpu,DONE,{joules * 1.0625},{seconds},"4-bit, packed"'
            for engine, joules, seconds in (("A", 10, 1.5), ("A", 11, 1.25), ("B", 20, 0.5), ("B", 22, 0.75))
        ]
        table.write_text("model,engine,provider,state,energy,seconds,quantisation\n" + "\n".join(rows) + "\n", encoding="utf-8")
        mapping = folder / "map.yaml"
        mapping.write_text(
            "model: model\nengine: engine\nprovider: provider\nfactors: {quantisation: quantisation}\nleft_out: {state: a state}\n"
            "metrics:\n  energy_j: {column: energy, unit: J, statistic: mean}\n  duration_s: {column: seconds, unit: s}\n",
            encoding="utf-8",
        )
        import_results(Store(folder / "cache" / STORE_FILE), [table], "there", mapping=mapping)

    return made_once(tmp_path_factory, "interchange-elsewhere", make)
