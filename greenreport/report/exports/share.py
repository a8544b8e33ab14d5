"""What travels without the site: a badge with its claim, and citations for reference managers."""

from __future__ import annotations

from html import escape

from greenreport.report.context import StudyContext
from greenreport.report.drawing.safe_text import visible
from greenreport.report.drawing.style import INK, LIGHT, SOFT
from greenreport.report.exports.latex import bibtex
from greenreport.study import Site
from greenreport.units import counted

CHARACTER = 6.6  # mean width of a character at 11 px; the text is stretched to fit, so an estimate is enough
MARKDOWN = frozenset("\\`*_[]<>")  # letters that would begin something


def badge_svg(study: StudyContext) -> bytes:
    """Return a badge: the study's first claim in short, its scope, and how valid it is; with the whole claim as title."""
    left, level = "greenreport", study.analysis.badge.level.value
    right, whole = _badge_words(study)
    colour = {"pass": LIGHT["--green"], "caution": "#8a5a00", "invalid": "#a4262c"}.get(level, SOFT)
    first, second = (round(len(text) * CHARACTER) + 14 for text in (left, right))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="22" role="img" aria-label="{escape(whole)}">'
        f"<title>{escape(whole)}</title>"
        f'<rect width="{first}" height="22" fill="{INK}"/><rect x="{first}" width="{second}" height="22" fill="{colour}"/>'
        f'<g fill="#fff" font-family="system-ui, sans-serif" font-size="11">'
        f'<text x="7" y="15" textLength="{first - 14}">{escape(left)}</text>'
        f'<text x="{first + 7}" y="15" textLength="{second - 14}">{escape(right)}</text></g></svg>\n'
    ).encode()


def _badge_words(study: StudyContext) -> tuple[str, str]:
    """Return what the badge says, in short and in whole."""
    claim = next((c for answer in study.analysis.answers for c in answer.claims), None)
    level = study.analysis.badge.level.value
    if claim is None:
        return f"no answer yet, validity: {level}", _line(study.dataset.study.title)
    scope = f"{len(claim.scope)} of {counted(claim.of_models, 'model')}"
    estimated = ", estimated" if claim.estimated else ""
    short = f"{claim.numerator}: {claim.size()} {claim.compared_with()}, {scope}{estimated}"
    return _line(short), _line(f"{claim.sentence()}. Validity: {level}.")


def badge_code(study: StudyContext, settings: Site) -> tuple[tuple[str, str], ...]:
    """Return (kind, code) that shows the badge elsewhere and leads to the study.

    Without the site's address paths are written from the site's own folder; the page completes them where it is served.
    """
    page, picture = f"{study.root}index.html", f"{study.root}data/badge.svg"
    page, picture = settings.address(page) or page, settings.address(picture) or picture
    words = _badge_words(study)[1]
    told = "".join(f"\\{letter}" if letter in MARKDOWN else letter for letter in words)
    return (
        ("Markdown", f"[![{told}]({picture})]({page})"),
        ("HTML", f'<a href="{page}"><img src="{picture}" alt="{escape(words)}" height="22"></a>'),
    )


def address_of(study: StudyContext, settings: Site) -> str | None:
    """Return the address of a study's first page; None where that of the site is not known."""
    return settings.address(f"{study.root}index.html")


def citation(study: StudyContext, settings: Site) -> tuple[str, str]:
    """Return how to cite the results of a study: a sentence and a BibTeX entry, with its address where it is known."""
    spec, address = study.dataset.study, address_of(study, settings)
    year = study.dates[:4] or "n.d."
    people = ", ".join(author.name for author in spec.authors) or "The authors of the study"
    names = " and ".join(bibtex(author.name) for author in spec.authors) or "{The authors of the study}"
    sentence = (
        f"{people} ({year}). {spec.title}. greenreport study “{spec.study}”, {study.machine}, {study.dates or 'no runs'}."
    )
    fields = {
        "title ": f"{{{{{bibtex(spec.title)}}}}}",
        "author": f"{{{names}}}",
        "year  ": f"{{{year}}}",
        "note  ": f"{{greenreport study {bibtex(spec.study)}, {bibtex(study.machine)}}}",
        **({"url   ": f"{{{address}}}"} if address else {}),
    }
    key = f"{spec.study.replace('-', '_')}_{year}"
    lines = ",\n".join(f"  {name} = {value}" for name, value in fields.items())
    return f"{sentence} {address}" if address else sentence, f"@misc{{{key},\n{lines}\n}}"


def citation_cff(study: StudyContext, settings: Site) -> bytes:
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
    address = address_of(study, settings)
    lines += [f"url: {_quoted(address)}"] if address else []
    lines.append(f"license: {_quoted(spec.license)}")
    return ("\n".join(lines) + "\n").encode()


def citation_ris(study: StudyContext, settings: Site) -> bytes:
    """Return the citation in RIS, which reference managers read."""
    spec = study.dataset.study
    names = [author.name for author in spec.authors] or [f"The authors of the study {spec.study}"]
    year = study.dates[:4]
    lines = ["TY  - DATA", *(f"AU  - {_line(name)}" for name in names), f"TI  - {_line(spec.title)}"]
    lines += [f"PY  - {year}"] if year else []
    address = address_of(study, settings)
    lines += [f"UR  - {address}"] if address else []
    lines += [f"N1  - greenreport study {spec.study}, {_line(study.machine)}", "ER  - ", ""]
    return "\r\n".join(lines).encode()


def _quoted(text: str) -> str:
    return '"' + _line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _line(text: str) -> str:
    return " ".join(str(visible(text)).split())
