"""How to cite a study's results: a sentence, BibTeX, CITATION.cff and RIS."""

from __future__ import annotations

from typing import Any

import yaml

from greenreport.report.context import StudyContext
from greenreport.report.drawing.safe_text import on_one_line
from greenreport.report.exports.latex import bibtex
from greenreport.study import Site


def address_of(study: StudyContext, settings: Site) -> str | None:
    """Return the address of a study's first page; None if the site has none."""
    return settings.address(f"{study.root}index.html")


def citation(study: StudyContext, settings: Site) -> tuple[str, str]:
    """Return how to cite the results of a study: a sentence and a BibTeX entry, with its address if it has one."""
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
    spec, address = study.dataset.study, address_of(study, settings)
    authors: list[dict[str, str]] = [
        {
            "name": on_one_line(author.name),
            **({"affiliation": on_one_line(author.affiliation)} if author.affiliation else {}),
            **({"orcid": f"https://orcid.org/{author.orcid}"} if author.orcid else {}),
        }
        for author in spec.authors
    ]
    content: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use these results, please cite them.",
        "type": "dataset",
        "title": on_one_line(spec.title),
        "authors": authors or [{"name": f"The authors of the study {spec.study}"}],
        **({"date-released": study.dates[-10:]} if study.dates else {}),
        **({"url": address} if address else {}),
        "license": on_one_line(spec.license),
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000).encode()


def citation_ris(study: StudyContext, settings: Site) -> bytes:
    """Return the citation in RIS, which reference managers read."""
    spec = study.dataset.study
    names = [author.name for author in spec.authors] or [f"The authors of the study {spec.study}"]
    year = study.dates[:4]
    lines = ["TY  - DATA", *(f"AU  - {on_one_line(name)}" for name in names), f"TI  - {on_one_line(spec.title)}"]
    lines += [f"PY  - {year}"] if year else []
    address = address_of(study, settings)
    lines += [f"UR  - {address}"] if address else []
    lines += [f"N1  - greenreport study {spec.study}, {on_one_line(study.machine)}", "ER  - ", ""]
    return "\r\n".join(lines).encode()
