"""The house rules a machine can check, from the order of imports to the length of files."""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from greenreport import catalog, errors
from greenreport.models.tokenizer import TOKENIZER_FILE, TOKENIZER_SHA256
from greenreport.report.pages import cell_page

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "greenreport"

FLOORS = {
    "errors": 0, "units": 0, "regular_files": 0, "between_processes": 0, "catalog": 1, "record": 1, "study": 2, "traces": 2, "pooling": 2, "models": 3, "plan": 3, "validity": 3,
    "engines": 4, "repetitions": 4, "meters": 4, "workloads": 4, "store": 4, "imports": 4, "execute": 5, "analysis": 5, "quality": 5, "audit": 5, "workspace": 5, "results": 6, "cluster": 6, "report": 7, "cli": 8, "__main__": 9, "__init__": 9,
}  # fmt: skip

#: Which modules may import a library; everything else goes through them.
DOORS = {
    "yaml": {"study", "report"},  # CITATION.cff
    "pydantic": {"study", "execute", "workloads", "store", "report", "imports", "cluster"},  # answers of servers, and records and what a build remembers when read
    "torch": {"engines", "models"}, "transformers": {"engines", "models"}, "optimum": {"engines"}, "onnxruntime": {"engines"}, "openvino": {"engines"},
    "huggingface_hub": {"models", "workloads"},  # weights; the HumanEval data set
    "tokenizers": {"models"},
    "duckdb": {"store", "workloads", "imports"},  # the hub's HumanEval is a Parquet file
    "psutil": {"meters", "execute", "between_processes"}, "pynvml": {"meters"}, "amdsmi": {"meters"}, "zeus_apple_silicon": {"meters"}, "httpx": {"workloads", "meters"},
    "starlette": {"execute"}, "uvicorn": {"execute"},
    "numpy": {"analysis", "traces", "validity", "imports", "audit", "report", "execute"}, "scipy": {"analysis", "audit"}, "scikit_posthocs": {"analysis"},
    "altair": {"report"}, "jinja2": {"report"}, "vl_convert": {"report"}, "oxipng": {"report"}, "markupsafe": {"report"},
    "typer": {"cli"}, "rich": {"cli"},
}  # fmt: skip


#: Every package, by its path in the whole one.
PACKAGES = sorted(file.parent.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("__init__.py"))


#: Errors that say our own code is wrong; a handler that names one of them is broad, however long its list is.
FAULTS = {"AttributeError", "TypeError", "NameError", "AssertionError", "Exception", "BaseException", ""}
#: Broad handlers, each with its reason.
BROAD = {
    "engines/chat_template.py": "a template is a program of somebody else, and may raise anything",
    "execute/process_entry.py": "a process of a run sends what happened to its parent",
    "execute/runner.py": "the run ends as a record, with the traceback",
    "report/build.py": "a study that cannot be drawn stops no other, and the build says which",
    "meters/amd.py": "a library that lacks a function raises this while its package is imported",
    "meters/replay.py": "a recording of somebody else may hold anything",
    "meters/json_over_http.py": "a device may answer anything",
    "quality/program_process.py": "a program that a model wrote may raise anything",
    "quality/tests_process.py": "whatever a judged program or its tests raise is a verdict",
}
#: Texts that are compared or cut apart, since somebody else writes them; everything of ours is a type, an enum or a field.
FOREIGN_TEXTS = {
    "engines/memory_errors.py": {"static TLS"},  # the dynamic linker
    "execute/host.py": {" hypervisor"},  # a flag in /proc/cpuinfo
    "meters/energibridge.py": {"PACAKGE_ENERGY (J)", "_ENERGY (J)", " "},  # columns of its file, misspelt by its authors
    "report/site_writer.py": {"  "},  # between digest and name in a file of sha256sum
    "report/exports/card.py": {" "}, "report/exports/latex.py": {" "},  # between words
    "report/figure.py": {" "}, "report/drawing/svg_text.py": {" "}, "execute/processes.py": {" "},
    "imports/formats/energibridge.py": {"_ENERGY (J)"}, "imports/formats/nvidia_smi.py": {"not supported", " "},  # columns and cells of their files
    "store/codec.py": {"not steady", ": "},  # records written by earlier versions
    "study/sweep.py": {"Value error, "},  # pydantic
}  # fmt: skip
MOST_LINES = 300
CUTTING = {
    "startswith", "endswith", "split", "rsplit", "partition", "rpartition", "removeprefix",
    "removesuffix", "find", "index", "count",
}  # fmt: skip


@cache
def tree(file: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(file.read_text(encoding="utf-8"))


def modules() -> Iterator[tuple[str, Path]]:
    """Yield (top-level name inside the package, file)."""
    for file in sorted(PACKAGE.rglob("*.py")):
        yield file.relative_to(PACKAGE).parts[0].removesuffix(".py"), file


def path(file: Path) -> str:
    """Return the path of a file inside the package."""
    return file.relative_to(PACKAGE).as_posix()


def imports(file: Path) -> Iterator[str]:
    """Yield every module a file imports, inside functions too."""
    for node in ast.walk(tree(file)):
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
    for node in ast.walk(tree(file)):
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


@pytest.mark.parametrize("package", PACKAGES)
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
        ("import greenreport.report.build", ("torch", "transformers", "starlette", "onnxruntime")),
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
    targets = [e.target for e in catalog.ENGINES.values()] + [m.target for m in catalog.METERS.values()]
    for target in targets:
        module, _, attribute = target.partition(":")
        file = ROOT / (module.replace(".", "/") + ".py")
        defined = {node.name for node in tree(file).body if isinstance(node, ast.ClassDef)}
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


def test_files_are_read_in_one_sitting() -> None:
    """No file has more than 300 lines."""
    long = {path(file) for _, file in modules() if len(file.read_text(encoding="utf-8").splitlines()) > MOST_LINES}
    assert long == set()


def test_no_class_name_means_two_things() -> None:
    """A class can be searched for by its name."""
    names = Counter(node.name for _, file in modules() for node in ast.walk(tree(file)) if isinstance(node, ast.ClassDef))
    assert {name for name, count in names.items() if count > 1} == set()


def test_broad_handlers_are_few() -> None:
    """Nobody else catches everything, nor lists so many errors that faults of our own are among them."""
    broad = set()
    for _, file in modules():
        for node in ast.walk(tree(file)):
            match node:
                case ast.ExceptHandler(type=ast.Tuple(elts=caught)):
                    pass
                case ast.ExceptHandler(type=kind):
                    caught = [kind]
                case ast.Call(func=ast.Name("suppress") | ast.Attribute(attr="suppress"), args=caught):
                    pass
                case _:
                    continue
            if FAULTS & {"" if kind is None else ast.unparse(kind) for kind in caught}:
                broad.add(path(file))
    assert broad == set(BROAD)


#: What loads or converts a model, and may run the code that comes with it.
LOADERS = {"from_pretrained", "from_config", "main_export"}


def test_no_code_that_comes_with_a_model_is_executed() -> None:
    """Every call that could do so says that it does not; `LOCAL` says it for those that read a local model."""
    calls = [
        node
        for _, file in modules()
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in LOADERS
    ]
    refused = {"trust_remote_code=False", "**LOCAL"}
    assert [ast.unparse(call) for call in calls if not refused & {ast.unparse(keyword) for keyword in call.keywords}] == []
    assert len(calls) >= len(LOADERS)
    local = next(
        node for node in ast.walk(tree(PACKAGE / "engines" / "tokenized.py")) if ast.unparse(node).startswith("LOCAL = ")
    )
    assert isinstance(local, ast.Assign)
    assert ast.literal_eval(local.value)["trust_remote_code"] is False


def test_no_outcome_depends_on_wording() -> None:
    """Texts with a space in them are compared, searched and cut apart only where somebody else wrote them."""
    compared: dict[str, set[str]] = {}
    for _, file in modules():
        for node in ast.walk(tree(file)):
            texts = set(compared_texts(node)) - FOREIGN_TEXTS.get(path(file), set())
            if texts:
                compared.setdefault(path(file), set()).update(texts)
    assert compared == {}


def compared_texts(node: ast.AST) -> Iterator[str]:
    """Yield the texts with a space in them that a node compares with something or cuts something at."""
    match node:
        case ast.Compare():
            operands = [node.left, *node.comparators]
        case ast.Call(func=ast.Attribute(attr=name)) if name in CUTTING:
            operands = list(node.args)
        case ast.MatchValue():
            operands = [node.value]
        case _:
            return
    for operand in operands:
        for leaf in operand.elts if isinstance(operand, ast.Tuple | ast.List | ast.Set) else [operand]:
            if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str) and " " in leaf.value:
                yield leaf.value


def test_every_fixture_and_mark_of_the_tests_is_used() -> None:
    """What no test asks for is deleted."""
    fixtures, wanted, marks = set(), set(), set()
    for file in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.FunctionDef):
                wanted |= {argument.arg for argument in node.args.args}
                decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
                if any(text.startswith("pytest.fixture") and "autouse" not in text for text in decorators):
                    fixtures.add(node.name)
            elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pytest.mark":
                marks.add(node.attr)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.usefixtures":
                wanted |= {ast.literal_eval(argument) for argument in node.args}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]["markers"]
    assert fixtures <= wanted
    assert {mark.partition(":")[0] for mark in declared} <= marks


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
