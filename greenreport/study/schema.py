"""The JSON Schema of study files, and the starter study of ``greenreport init``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from greenreport.catalog import ENGINES, METRICS, PROVIDERS
from greenreport.errors import GreenReportError
from greenreport.study.analysis_spec import Hypothesis
from greenreport.study.protocol import Workload
from greenreport.study.spec import Study

#: The studies that ``greenreport init`` writes, under the name of their file, by the model they are about.
STARTERS = {"untrained": "starter.yaml", "smollm2": "starter_smollm2.yaml"}


def study_schema() -> dict[str, Any]:
    """Return the schema, with the names of engines, providers, meters and metrics, so that editors complete them."""
    schema = Study.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "greenreport study"
    schema["required"] = [key for key in schema["required"] if key not in ("models", "configurations")]
    schema["anyOf"] = [{"required": ["models", "configurations"]}, {"required": ["imported"]}]
    definitions = schema["$defs"]
    for section, key, names in (
        ("Configuration", "engine", sorted(ENGINES)), ("Configuration", "provider", list(PROVIDERS)),
        ("Reference", "engine", sorted(ENGINES)), ("Reference", "provider", list(PROVIDERS)),
        ("Hypothesis", "metric", list(METRICS)),
    ):  # fmt: skip
        definitions[section]["properties"][key]["enum"] = names
    for kind in (Hypothesis, Workload):
        retired = {key: {"const": value, "deprecated": True} for key, value in kind.RETIRED.items()}
        definitions[kind.__name__]["properties"] |= retired
    return schema


def write_starter(file: Path, model: str = "untrained") -> None:
    """Write the starter study of one of `STARTERS`.

    Raises:
        GreenReportError: the file exists.
    """
    if file.exists():
        raise GreenReportError(f"{file} exists already; choose another name")
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in file.stem.lower()).strip("-_.")
    text = Path(__file__).with_name(STARTERS[model]).read_text(encoding="utf-8")
    file.write_text(text.replace("my-study", kept or "my-study", 1), encoding="utf-8")
