"""Texts and tables for LaTeX and BibTeX, in ASCII alone, so that they compile with every engine and every font encoding.

Accented letters become accent commands, symbols become commands or mathematics, and what LaTeX has no plain name for is printed as
its code point: nothing is dropped but what cannot be seen. No text can start a command, end a table, or break a bibliography.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from greenreport.report.drawing.safe_text import visible
from greenreport.report.figure import Table

#: Tables with more rows run over pages.
LONGEST = 30
#: Tables with more columns are set smaller, and cells with more characters are broken.
WIDEST = 6
LONG_CELL = 16

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
    "[": "{[}", "]": "{]}", "*": "{*}",  # after a line end of a table they would be taken for its argument
}  # fmt: skip
_TYPOGRAPHY = {
    "\u00a0": "~", "\u202f": r"\,", "\u2009": r"\,", "\u200a": r"\,", "\u2010": "-", "\u2011": "-", "–": "--", "—": "---", "‘": "`", "’": "'",
    "‚": ",", "“": "``", "”": "''", "„": ",,", "…": r"\ldots{}", "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}",
    "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "§": r"\S{}", "¶": r"\P{}", "†": r"\dag{}", "‡": r"\ddag{}",
    "©": r"\copyright{}", "™": r"\texttrademark{}", "€": "EUR", "\u2044": "/",
}  # fmt: skip
_MATHEMATICS = {
    "−": "-", "±": r"\pm", "×": r"\times", "÷": r"\div", "·": r"\cdot", "•": r"\bullet", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq",
    "≈": r"\approx", "∞": r"\infty", "√": r"\surd", "∑": r"\sum", "∈": r"\in", "→": r"\rightarrow", "←": r"\leftarrow", "↔": r"\leftrightarrow",
    "⇒": r"\Rightarrow", "◆": r"\diamond", "°": r"^\circ", "«": r"\ll", "»": r"\gg", "¬": r"\neg", "µ": r"\mu",
    **{c: f"^{n}" for n, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}, **{c: f"_{n}" for n, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}  # fmt: skip
_GREEK = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ"
_NAMED_OTHERWISE = {"lamda": "lambda", "epsilon": "varepsilon", "phi": "varphi"}
#: Combining marks that every font encoding can put on a letter.
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".", "\u0308": '"', "\u030a": "r",
    "\u030b": "H", "\u030c": "v", "\u0323": "d", "\u0327": "c", "\u0331": "b",
}  # fmt: skip


def _greek(letter: str) -> str:
    """Return the command of a Greek letter."""
    name = unicodedata.name(letter).rpartition(" ")[2].lower()
    return f"\\{name.replace('lamda', 'lambda').capitalize()}" if letter.isupper() else f"\\{_NAMED_OTHERWISE.get(name, name)}"


_FORMULAS = {**_MATHEMATICS, **{letter: _greek(letter) for letter in _GREEK}}
_NAMES = {**_SPECIAL, **_TYPOGRAPHY, **{character: f"${command}$" for character, command in _FORMULAS.items()}}


def tex(text: str) -> str:
    """Return a text that LaTeX prints as it stands; white space becomes one space, since LaTeX refuses paragraphs in a caption."""
    plain = re.sub(r"[ \t\r\n\f\v]+", " ", str(visible(unicodedata.normalize("NFC", text))))
    pairs = zip(plain, f" {plain}", strict=False)
    return "".join("{}-" if c == before == "-" else _named(c) for c, before in pairs)  # two hyphens would become a dash


def _named(character: str) -> str:
    if character in _NAMES:
        return _NAMES[character]
    if character.isascii():
        return character
    if unicodedata.category(character) in ("Cf", "Zl", "Zp", "Cc"):
        return ""
    if unicodedata.category(character) == "Zs":
        return " "
    parts = unicodedata.normalize("NFD", character)
    if len(parts) == 2 and parts[0].isascii() and parts[0].isalpha() and parts[1] in _ACCENTS:
        return f"\\{_ACCENTS[parts[1]]}{{{parts[0]}}}"
    alike = unicodedata.normalize("NFKC", character)
    if alike != character and all(part.isascii() or part in _NAMES for part in alike):
        return "".join(_named(part) for part in alike)
    return f"{{[}}U+{ord(character):04X}{{]}}"


def bibtex(text: str) -> str:
    """Return a text for a field of BibTeX, which counts braces even where they are escaped."""
    return tex(text).replace(r"\{", r"\textbraceleft{}").replace(r"\}", r"\textbraceright{}")


def tex_table(table: Table, label: str, caption: str) -> str:
    """Return a table with booktabs rules; units stand in the headings, and a long table runs over pages."""
    wide = len(table.columns) > WIDEST
    columns = "".join(_column(table, place, wide=wide) for place in range(len(table.columns)))
    heads = [
        tex(column.name) + (f" ({tex(column.unit)})" if column.unit and column.unit != "1" else "") for column in table.columns
    ]
    rows = [f"    {' & '.join(tex(cell.text) for cell in row)} \\\\" for row in table.shown]
    words = tex(f"{table.caption.rstrip('.')}. {caption}")
    head = f"    {' & '.join(heads)} \\\\"
    long = len(table.shown) > LONGEST
    small = [r"  \footnotesize\setlength{\tabcolsep}{3pt}"] if wide else []
    lines = (_long if long else _short)(columns, head, rows, words, label, small)
    needs = r"% \usepackage{booktabs,longtable}   (one column only)" if long else r"% \usepackage{booktabs}"
    return "\n".join([needs, *lines, ""])


def _column(table: Table, place: int, *, wide: bool) -> str:
    """Return the type of a column; in a wide table long cells are broken into lines."""
    if wide and max((len(row[place].text) for row in table.shown), default=0) > LONG_CELL:
        return r"p{0.11\linewidth}"
    return "r" if table.columns[place].numeric else "l"


def _short(columns: str, head: str, rows: Sequence[str], caption: str, label: str, small: Sequence[str]) -> list[str]:
    return [
        r"\begin{table}",
        r"  \centering",
        *small,
        f"  \\caption{{{caption}}}",
        f"  \\label{{tab:{label}}}",
        f"  \\begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        head,
        r"    \midrule",
        *rows,
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]


def _long(columns: str, head: str, rows: Sequence[str], caption: str, label: str, small: Sequence[str]) -> list[str]:
    return [
        r"\begingroup\setlength{\LTcapwidth}{\textwidth}",
        *small,
        f"\\begin{{longtable}}{{{columns}}}",
        f"  \\caption{{{caption}}}\\label{{tab:{label}}}\\\\",
        r"    \toprule",
        head,
        r"    \midrule",
        r"  \endfirsthead",
        r"    \toprule",
        head,
        r"    \midrule",
        r"  \endhead",
        *rows,
        r"    \bottomrule",
        r"\end{longtable}",
        r"\endgroup",
    ]
