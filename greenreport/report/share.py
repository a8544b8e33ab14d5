"""What travels without the site: a badge with its claim, and citations for reference managers."""

from __future__ import annotations

from html import escape

from greenreport.report.context import StudyContext
from greenreport.report.style import LIGHT
from greenreport.report.text import visible
from greenreport.units import counted

CHARACTER = 6.6  # mean width of a character at 11 px; the text is stretched to fit, so an estimate is enough


def badge_svg(study: StudyContext) -> bytes:
    """Return a badge: the study's first claim in short, its scope, and how valid it is; with the whole claim as title."""
    claim = next((c for answer in study.analysis.answers for c in answer.claims), None)
    level = study.analysis.badge.level.value
    left = "greenreport"
    if claim is None:
        right, whole = f"no answer yet, validity: {level}", str(study.dataset.study.title)
    else:
        scope = f"{len(claim.scope)} of {counted(claim.of_models, 'model')}"
        estimated = ", estimated" if claim.estimated else ""
        right = f"{claim.numerator}: {claim.size()} {claim.compared_with()}, {scope}{estimated}"
        whole = f"{claim.sentence()}. Validity: {level}."
    right, whole = _line(right), _line(whole)
    colour = {"pass": LIGHT["--green"], "caution": "#8a5a00", "invalid": "#a4262c"}.get(level, LIGHT["--soft"])
    first, second = (round(len(text) * CHARACTER) + 14 for text in (left, right))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="22" role="img" aria-label="{escape(whole)}">'
        f"<title>{escape(whole)}</title>"
        f'<rect width="{first}" height="22" fill="{LIGHT["--ink"]}"/><rect x="{first}" width="{second}" height="22" fill="{colour}"/>'
        f'<g fill="#fff" font-family="system-ui, sans-serif" font-size="11">'
        f'<text x="7" y="15" textLength="{first - 14}">{escape(left)}</text>'
        f'<text x="{first + 7}" y="15" textLength="{second - 14}">{escape(right)}</text></g></svg>\n'
    ).encode()


def citation_cff(study: StudyContext) -> bytes:
    """Return CITATION.cff (1.2.0) of a study's results."""
    spec = study.dataset.study
    lines = ["cff-version: 1.2.0", "message: If you use these results, please cite them.", "type: dataset"]
    lines.append(f"title: {_quoted(spec.title)}")
    lines.append("authors:")
    for author in spec.authors:
        lines.append(f"  - name: {_quoted(author.name)}")
        lines += [f"    affiliation: {_quoted(author.affiliation)}"] if author.affiliation else []
        lines += [f"    orcid: https://orcid.org/{author.orcid}"] if author.orcid else []
    if not spec.authors:
        lines.append(f"  - name: {_quoted('The authors of the study ' + spec.study)}")
    lines += [f"date-released: {study.dates[-10:]}"] if study.dates else []
    lines.append(f"license: {_quoted(spec.license)}")
    return ("\n".join(lines) + "\n").encode()


def citation_ris(study: StudyContext) -> bytes:
    """Return the citation in RIS, which reference managers read."""
    spec = study.dataset.study
    names = [author.name for author in spec.authors] or [f"The authors of the study {spec.study}"]
    year = study.dates[:4]
    lines = ["TY  - DATA", *(f"AU  - {_line(name)}" for name in names), f"TI  - {_line(spec.title)}"]
    lines += [f"PY  - {year}"] if year else []
    lines += [f"N1  - greenreport study {spec.study}, {_line(study.machine)}", "ER  - ", ""]
    return "\r\n".join(lines).encode()


def _quoted(text: str) -> str:
    return '"' + _line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _line(text: str) -> str:
    return " ".join(str(visible(text)).split())
