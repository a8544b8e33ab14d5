"""Tests of what single pages say: beside the figures and tables that have tests of their own."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from greenreport.analysis.measure.spans import REST
from greenreport.record import ServerStage
from tests.conftest import ROOT, minimal_study

Command = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]


def text_of(page: Path) -> str:
    """Return the words of a page with ordinary spaces."""
    words = html.unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))
    return re.sub(r"\s+", " ", words)


def test_a_study_without_runs_tells_what_is_published(command: Command, write_study: Write, tmp_path: Path) -> None:
    """Until something is measured: findings of the publications it names, each with its place; nothing is claimed."""
    file = write_study(references=["references/recasens-2024.yaml"])
    (file.parent / "references").mkdir()
    shutil.copy(ROOT / "studies" / "references" / "recasens-2024.yaml", file.parent / "references")
    command("build", "--quiet")
    text = text_of(tmp_path / "site" / "s" / "tiny" / "index.html")
    assert "What is published Nothing has been measured here yet." in text
    assert "Until then, findings of Recasens et al. (2024), measured on one NVIDIA A100 with 40 GB" in text
    assert "Several replicas of one small model on the same GPU raise its throughput (text of the paper)" in text
    assert "doi:10.1145/3642970.3655832" in text


def test_a_study_with_runs_tells_its_own_findings_instead(site: Path) -> None:
    """What is published stands on the page of replications then."""
    assert "What is published" not in text_of(site / "s" / "tiny" / "index.html")


def test_a_study_without_runs_points_to_those_of_the_same_question(site: Path, command: Command, write_study: Write) -> None:
    """What another study of the same publication found is told with its machine and its bands; one without runs has nothing to tell."""
    folder = site.parent / "studies"
    (folder / "references").mkdir()
    shutil.copy(ROOT / "studies" / "references" / "recasens-2024.yaml", folder / "references")
    command("build", "--quiet")
    measured = folder / "tiny.yaml"
    measured.write_text(
        measured.read_text(encoding="utf-8") + "references: [references/recasens-2024.yaml]\n", encoding="utf-8"
    )
    workload = minimal_study()["workload"] | {"requests": 3}
    for name in ("planned", "third"):
        write_study(name, title=f"The {name} one", workload=workload, references=["references/recasens-2024.yaml"])
    command("build", "--quiet")
    planned = site / "s" / "planned" / "index.html"
    text = text_of(planned)
    assert "Measured elsewhere The question of the same publication was asked in another study." in text
    assert text.count("A tiny study") == 1
    assert "The third one" not in text
    section = planned.read_text(encoding="utf-8").split("Measured elsewhere")[1].split("<h2>")[0]
    assert "simulated engine" in section
    assert 'href="../../s/tiny/index.html"' in section
    assert 'href="../../s/tiny/rq/rq1/index.html"' in section
    assert "Measured elsewhere" not in text_of(site / "s" / "tiny" / "index.html")
    assert "(3 unchanged)" in command("build").stdout
    measured.write_text(measured.read_text(encoding="utf-8").replace("title: A tiny study", "title: Renamed"), encoding="utf-8")
    assert "unchanged" not in command("build").stdout
    assert "Renamed" in text_of(planned)


def test_metrics_without_a_value_stand_apart_with_their_reason(site: Path) -> None:
    """The table of a cell holds values; a third of its rows said only why there is none."""
    page = next((site / "s" / "tiny" / "cells").glob("*/index.html")).read_text(encoding="utf-8")
    table, _, rest = page.partition("What the runs say")[2].partition("</table>")
    absent = dict(re.findall(r'<li>(.*?): <span class="soft">(.*?)</span></li>', rest.partition("</details>")[0]))
    assert "Energy" in table
    assert "GPU usage" not in table
    labels = [label for labels in absent for label in labels.split(", ")]
    assert {"GPU usage", "Goodput", "Answers right"} <= set(labels)
    assert all(absent.values())


def test_a_cell_shows_every_stage_of_its_requests(site: Path) -> None:
    """Queue, tokenise, infer, detokenise, serialise and the rest, with time and energy of the window."""
    page = next((site / "s" / "tiny" / "cells").glob("*/index.html")).read_text(encoding="utf-8")
    section = re.search(r"Where time and energy of requests go.*?</table>", page, re.DOTALL)
    assert section is not None
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', section[0])
    assert [name for name, _ in rows] == [*ServerStage, REST]
    assert all(len(re.findall(r'<td class="num">', cells)) == 3 for _, cells in rows)
    assert "by the server’s clock" in section[0]
