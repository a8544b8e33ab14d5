"""The house rules a machine can check: imports go down, one door per library, quick imports, errors in the drawn tree."""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from greenreport import catalog, errors
from greenreport.models.tokenizer import TOKENIZER_FILE, TOKENIZER_SHA256
from greenreport.report.pages import cell_page

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "greenreport"

FLOORS = {
    "errors": 0, "units": 0, "catalog": 1, "record": 1, "study": 2, "traces": 2, "models": 3, "plan": 3, "validity": 3, "engines": 4,
    "meters": 4, "workloads": 4, "store": 4, "execute": 5, "analysis": 5, "workspace": 5, "results": 6, "report": 7, "cli": 8, "__main__": 9, "__init__": 9,
}  # fmt: skip

#: Which modules may import a library; everything else goes through them.
DOORS = {
    "yaml": {"study", "report"},  # CITATION.cff
    "pydantic": {"study", "execute", "report"},  # the server's request model is what FastAPI needs; what a build remembers is checked when read
    "torch": {"engines", "models"}, "transformers": {"engines", "models"}, "optimum": {"engines"}, "onnxruntime": {"engines"}, "openvino": {"engines"},
    "huggingface_hub": {"models", "workloads"},  # weights; the HumanEval data set
    "tokenizers": {"models"},
    "duckdb": {"store", "workloads"},  # the hub's HumanEval is a Parquet file
    "psutil": {"meters", "execute"}, "pynvml": {"meters"}, "httpx": {"workloads", "meters"},
    "fastapi": {"execute"}, "uvicorn": {"execute"},
    "numpy": {"analysis", "traces", "validity"}, "scipy": {"analysis"}, "scikit_posthocs": {"analysis"},
    "altair": {"report"}, "jinja2": {"report"}, "vl_convert": {"report"}, "markupsafe": {"report"},
    "typer": {"cli"}, "rich": {"cli"},
}  # fmt: skip


#: Every package, by its path in the whole one.
PACKAGES = sorted(file.parent.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("__init__.py"))
CIRCULAR = {"analysis"}  # analyse ↔ findings_json ↔ footprint


def modules() -> Iterator[tuple[str, Path]]:
    """Yield (top-level name inside the package, file)."""
    for file in sorted(PACKAGE.rglob("*.py")):
        yield file.relative_to(PACKAGE).parts[0].removesuffix(".py"), file


def imports(file: Path) -> Iterator[str]:
    """Yield every module a file imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "greenreport":
                yield from (f"greenreport.{alias.name}" for alias in node.names)


def test_every_module_has_a_floor() -> None:
    """A new top-level module is given a floor on purpose."""
    assert {name for name, _ in modules()} <= set(FLOORS)


def test_imports_go_down() -> None:
    """A module imports only from lower floors; siblings on one floor never import each other."""
    wrong = []
    for name, file in modules():
        for module in imports(file):
            parts = module.split(".")
            if parts[0] != "greenreport" or len(parts) < 2 or parts[1] not in FLOORS or parts[1] == name:
                continue
            if FLOORS[parts[1]] >= FLOORS[name]:
                wrong.append(f"{file.relative_to(ROOT)} imports {module}")
    assert wrong == []


def imported_files(file: Path) -> Iterator[Path]:
    """Yield every file of the package that a file imports, also where it is imported for types alone."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [[alias.name] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [[f"{node.module}.{alias.name}", node.module] for alias in node.names]  # a module, else a name of one
        else:
            continue
        for candidates in names:
            paths = [ROOT / name.replace(".", "/") for name in candidates]
            targets = [target for path in paths for target in (path / "__init__.py", path.with_suffix(".py"))]
            yield from [target for target in targets if target.is_file()][:1]


@pytest.mark.parametrize("package", sorted({*PACKAGES} - CIRCULAR))
def test_no_import_circle_inside_a_package(package: str) -> None:
    """The files and sub-packages of a package can be put into an order in which each imports only earlier ones."""
    folder = PACKAGE / package
    imported: dict[str, set[str]] = {}
    for file in folder.rglob("*.py"):
        part = file.relative_to(folder).parts[0]
        targets = {target.relative_to(folder).parts[0] for target in imported_files(file) if folder in target.parents}
        imported.setdefault(part, set()).update(targets - {part})
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_each_library_has_one_door() -> None:
    """A third-party library is imported only by the module that adapts it."""
    wrong = []
    for name, file in modules():
        for module in imports(file):
            library = module.split(".")[0]
            if library in DOORS and name not in DOORS[library]:
                wrong.append(f"{file.relative_to(ROOT)} imports {module}")
    assert wrong == []


def test_executing_and_analysing_never_meet() -> None:
    """The two halves meet only in the store, so a site builds without torch."""
    for name, file in modules():
        other = {"execute": "greenreport.analysis", "analysis": "greenreport.execute", "report": "greenreport.execute"}.get(
            name
        )
        assert other is None or not any(module.startswith(other) for module in imports(file)), file


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import greenreport.cli", ("torch", "altair", "duckdb", "numpy", "transformers", "scipy")),
        ("import greenreport.report.build", ("torch", "transformers", "fastapi", "onnxruntime")),
        ("import greenreport.execute.runner", ("torch", "transformers", "altair", "scipy", "tokenizers")),
    ],
)
def test_heavy_libraries_are_imported_only_where_they_are_used(code: str, absent: tuple[str, ...]) -> None:
    """The command line, the builder and the runner stay light."""
    check = f"{code}\nimport sys\nprint([name for name in {absent!r} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_catalog_targets_exist() -> None:
    """Every lazy target of the catalog names a file that defines it."""
    targets = [e.target for e in catalog.known_engines().values()] + [m.target for m in catalog.METERS.values()]
    for target in targets:
        module, _, attribute = target.partition(":")
        file = ROOT / (module.replace(".", "/") + ".py")
        defined = {node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)}
        assert attribute in defined, target


def test_every_metric_is_on_the_cell_page_or_left_out_on_purpose() -> None:
    """A new metric gets a place in the table of the cell page, or a reason why it has none."""
    assert sorted([*cell_page.CELL_METRICS, *cell_page.LEFT_OUT]) == sorted(catalog.METRICS)


def test_every_error_is_in_the_drawn_tree() -> None:
    """The tree in the docstring of `errors` shows every exception, and nothing else."""
    classes = {name for name, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, Exception)}
    drawn = set(
        re.findall(
            r"[A-Z][A-Za-z]+",
            "\n".join(line[:28] for line in str(errors.__doc__).splitlines() if "─" in line or "GreenReportError" in line),
        )
    )
    drawn |= set(re.findall(r"├─ ([A-Z]\w+)|└─ ([A-Z]\w+)", str(errors.__doc__))[0][:1])
    assert classes <= drawn


def test_only_three_places_catch_everything() -> None:
    """Broad handlers: the runner (into a record), a process of a run (into a message), the builder (one study stops no other)."""
    broad = [
        f"{file.relative_to(PACKAGE)}"
        for _, file in modules()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    ]
    assert sorted(broad) == ["execute/process_entry.py", "execute/runner.py", "report/build.py"]


def test_the_reference_tokenizer_is_the_one_fingerprints_name() -> None:
    """The digest in the code is that of the file in the package."""
    assert hashlib.sha256(TOKENIZER_FILE.read_bytes()).hexdigest() == TOKENIZER_SHA256


def test_templates_print_no_bare_percentage() -> None:
    """A percentage reaches a page as a claim or through a filter, never as a literal in a template."""
    for file in (ROOT / "templates").rglob("*.html"):
        text = re.sub(r"\{[%#].*?[%#]\}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"%", text), file.name


def test_templates_reach_for_no_other_host() -> None:
    """Nothing a template loads lies on another host."""
    for file in (ROOT / "templates").rglob("*"):
        if file.suffix in (".html", ".css", ".js"):
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"""(?:src|href)=["']https?://|url\(\s*["']?https?:|@import""", text), file.name
