"""Tests of what is written for LaTeX: nothing in a text is a command, everything is ASCII, and it compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenreport.analysis.analyse import analyse
from greenreport.report.exports.latex import LONGEST, bibtex, tex, tex_table
from greenreport.report.exports.paper import write_paper
from greenreport.report.figure import make_table
from tests.datasets import around, dataset

HOSTILE = (
    '\\input{/etc/passwd} 50 % of a_b & $c$ #1 ^~ {[*] }<|>" -- \\end{document} 模型 é Łódź ą µ−±×≥ “q” …'
    "\u202f\u00a0\u2009\u202e\u200b\u00ad 😀 ½ «x» e\u0301\u0323"
)
#: What a text may consist of: plain characters, escaped specials, commands with empty or one-letter arguments, mathematics from the
#: table, protected brackets, ties.
PLAIN = r"[A-Za-z0-9 .,;:!?'`()/+=@-]"
TOKEN = rf"{PLAIN}|\\[&%$#_{{}},]|\\[A-Za-z]+\{{\}}|\\[`'^\"~=.]\{{[A-Za-z]\}}|\\[uvHcdbr]\{{[A-Za-z]\}}|\{{[\[\]*]\}}|\{{\}}|~|\$(?:[-^_0-9]|\\[A-Za-z]+)+\$"
TEXT = re.compile(rf"(?:{TOKEN})*")


def is_inert(text: str) -> bool:
    """Whether LaTeX can only print a text."""
    return text.isascii() and TEXT.fullmatch(text) is not None


@given(st.text())
def test_every_text_is_inert(text: str) -> None:
    """Whatever a label holds, no command, no special character and nothing but ASCII is left."""
    assert is_inert(tex(text)), tex(text)
    assert "\n" not in tex(text)


@given(st.text())
def test_braces_in_a_bibliography_are_balanced(text: str) -> None:
    """BibTeX counts braces, the escaped ones too."""
    depth = 0
    for character in bibtex(text):
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    assert "\\{" not in bibtex(text)


def test_characters_keep_their_meaning() -> None:
    """Accents, typography, mathematics, units; what has no name is printed as its code point, and only the invisible is dropped."""
    assert tex("Müller, Łódź, Grønn") == r"M\"{u}ller, \L{}\'{o}d\'{z}, Gr\o{}nn"
    assert tex("−5 ± 2 %, p ≤ 0.05, ω², α") == r"$-$5 $\pm$ 2 \%, p $\leq$ 0.05, $\omega$$^2$, $\alpha$"
    assert tex("12.3\u202fkJ, ONNX\u00a0·\u00a0CPU") == r"12.3\,kJ, ONNX~$\cdot$~CPU"
    assert tex("a--b – c — “d”") == "a-{}-b -- c --- ``d''"
    assert tex("模 ą 😀") == "{[}U+6A21{]} {[}U+0105{]} {[}U+1F600{]}"
    assert tex("a\u200bb\u202ec\u00add") == "abcd"
    assert tex("½ ﬁ ①") == "1/2 fi 1"
    assert tex("two\n\nlines\tand tabs") == "two lines and tabs"
    assert is_inert(tex(HOSTILE))


@pytest.mark.parametrize("rows", [1, LONGEST, LONGEST + 1])
def test_a_table_has_its_cells_and_no_others(rows: int) -> None:
    """Each row ends once and has one separator less than columns, also when labels hold separators and line ends."""
    columns = [HOSTILE, ("[energy]", "J"), "* % &"]
    cells = [(HOSTILE, "1,234", "a & b \\\\ c")] * rows
    text = tex_table(make_table(HOSTILE, columns, cells), "x", HOSTILE)
    assert text.isascii()
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")].splitlines()
    lines = [line for line in body if line.endswith(r" \\")]
    assert len(lines) == rows + (2 if rows > LONGEST else 1)
    for line in lines:
        found = re.split(r"(?<!\\)&", line.strip().removesuffix(r" \\"))
        assert len(found) == 3
        assert all(is_inert(cell.strip()) for cell in found)
    assert ("longtable" in text) is (rows > LONGEST)
    assert text.count(r"\begin{") == text.count(r"\end{") and text.count("{") == text.count("}")


def hostile_paper(folder: Path) -> Path:
    """Write a study whose every label is hostile, for a paper; return the folder."""
    runs = {engine: around(centre, 12) for engine, centre in (("torch", 100.0), ("onnx", 60.0), ("openvino", 80.0))}
    data = dataset(
        {"a": runs},
        title=HOSTILE,
        authors=[{"name": HOSTILE}, {"name": "}{ \\"}],
        cites=[HOSTILE, "unbalanced } brace {{"],
        questions={"RQ1": HOSTILE, "RQ2": "Time?"},
    )
    models = {m.id: m.model_copy(update={"name": HOSTILE}) for m in data.study.models}
    named = {c.id: c.model_copy(update={"name": f"[{c.engine}] {HOSTILE}"}) for c in data.study.configurations}
    spec = data.study.model_copy(update={"models": tuple(models.values()), "configurations": tuple(named.values())})
    cells = tuple(replace(c, model=models[c.model.id], configuration=named[c.configuration.id]) for c in data.cells)
    data = replace(data, study=spec, cells=cells)
    write_paper(analyse(data), folder)
    return folder


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a hostile paper."""
    return hostile_paper(tmp_path_factory.mktemp("paper"))


def test_every_file_of_a_paper_is_ascii(paper: Path) -> None:
    """Tables, sentences, bibliography and the document; no label has smuggled a command in."""
    files = [*paper.glob("*.tex"), *paper.glob("*.bib")]
    assert len(files) >= 10
    for file in files:
        text = file.read_bytes()
        assert text.isascii(), file.name
        assert b"\\input{/etc" not in text, file.name
        assert text.count(b"\\end{document}") == (file.name == "example.tex"), file.name
    assert b"longtable" in (paper / "h1-0-runs.tex").read_bytes()


@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed; `apt-get install texlive-latex-recommended` brings it"
)
def test_a_paper_compiles(paper: Path) -> None:
    """LaTeX, BibTeX, LaTeX: no error, every page there."""
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "example.tex"]
    for command in (latex, ["bibtex", "example"], latex):
        done = subprocess.run(command, cwd=paper, capture_output=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-3000:]
    assert (paper / "example.pdf").stat().st_size > 20_000
    log = (paper / "example.log").read_text(encoding="utf-8", errors="replace")
    assert "Missing character" not in log
