"""Pages in one file: figures are part of it, and nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape as escaped

from regnas.studies.reporting.text_table import Table
from regnas.system.text import printable

_WIDE = 1000  # pixels from which on a figure has panels beside each other: a narrow screen scrolls through them

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 1080px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em } h1, h2, p, li { overflow-wrap: anywhere }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
th, td { padding: 3px 9px; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top }
td { white-space: nowrap }
th:first-child, td:first-child { text-align: left; white-space: nowrap }
th { border-bottom: 2px solid #888 }
.words th, .words td { text-align: left; white-space: normal }
.words td + td { overflow-wrap: anywhere }
figure { margin: 1em 0; overflow-x: auto } img { max-width: 100% } .wide img { min-width: 48em }
figcaption, .small { color: #555; font-size: 13px }
.mark { color: #b00000; font-weight: 600 } li { margin: .5em 0 }
.gallery { display: flex; flex-wrap: wrap; gap: 12px } .gallery figure { width: 132px; margin: 0 }
.gallery img { width: 132px; image-rendering: pixelated } .gallery figcaption { overflow-wrap: anywhere }
details { margin: 1em 0 } summary { cursor: pointer }
@media (max-width: 640px) {
  th, td { padding: 3px 5px }
  th:first-child, td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 7em }
  .words th:first-child, .words td:first-child { overflow-wrap: break-word; min-width: 0 }
  .words td + td { min-width: 5em }
  figure img { min-width: 30em } .gallery img { min-width: 0 } .wide img { min-width: 48em }
}
@media print { details { display: block } }
"""


def escape(text: str) -> str:
    """Text as HTML that shows it and nothing else."""
    return escaped(printable(text))


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page of parts that are HTML already."""
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def table(one: Table, *, words: bool = False) -> str:
    """A table under its title, if it has one; one of words is not aligned like numbers, and its lines are broken."""
    kind = ' class="words"' if words else ""
    heads = "".join(f"<th>{escape(head)}</th>" for head in one.heads)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in one.rows)
    title = f"<h2>{escape(one.title)}</h2>" if one.title else ""
    return f"{title}<table{kind}><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def gallery(pictures: Sequence[tuple[bytes, Sequence[str]]]) -> str:
    """Small pictures beside each other, each over lines of text.

    Args:
        pictures: PNG files with their lines.
    """
    shown = []
    for content, lines in pictures:
        image = f'<img alt="{escape(lines[0])}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'
        shown.append(f"<figure>{image}<figcaption>{'<br>'.join(map(escape, lines))}</figcaption></figure>")
    return f'<div class="gallery">{"".join(shown)}</div>'


def figures(pictures: Mapping[str, bytes], captions: Mapping[str, str]) -> list[str]:
    """The figures of these captions that there are, in their order.

    Args:
        pictures: PNG files by name.
        captions: what each shows, by name.
    """
    found = []
    for name, caption in captions.items():
        if name in pictures:
            data = base64.b64encode(pictures[name]).decode()
            image = f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
            kind = ' class="wide"' if _is_wide(pictures[name]) else ""
            found.append(f"<figure{kind}>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    return found


def folded(title: str, inside: str) -> str:
    """HTML that is shown where its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{inside}</details>"


def _is_wide(png: bytes) -> bool:
    """By the header of the file, whose bytes 16 to 20 are the width."""
    return int.from_bytes(png[16:20], "big") > _WIDE
