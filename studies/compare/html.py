"""report.html: one file with everything in it, figures included; nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

from regnas.population import CONDITIONS
from regnas.statistics.sequential import SPENDING
from regnas.studies.compare import tables
from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.record import primary
from regnas.studies.compare.rules import NONE
from regnas.studies.compare.tables import Table
from regnas.studies.compare.verdict import points
from regnas.studies.settings import folder_name

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 1080px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto }
th, td { padding: 3px 9px; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top }
td { white-space: nowrap }
th:first-child, td:first-child { text-align: left; white-space: nowrap }
th { border-bottom: 2px solid #888 }
figure { margin: 1em 0 } img { max-width: 100% } figcaption, .small { color: #555; font-size: 13px }
.mark { color: #b00000; font-weight: 600 } li { margin: .5em 0 }
details { margin: 1em 0 } summary { cursor: pointer }
@media print { details { display: block } }
"""
_CAPTIONS = {
    "edf": "Error distributions (strict definition: the share of models with a smaller error); left with the DKW band, "
    "which holds at all errors at once, right at equal complexity with a bootstrap band at each error.",
    "efficiency": "Random-search efficiency: the expected error of the best of m random models, in closed form.",
    "differences": "The primary statistic of every pair.",
    "power": "The difference of mean error that a number of models can see.",
    "complexity": "Error against complexity; lines are the efficient fronts.",
    "networks": "The networks with the smallest and the largest errors: width of every block.",
}


def report(comparison: Comparison, pictures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        pictures: PNG files by name, as `regnas.studies.compare.figures.files.write` returns them.
    """
    parts = [f"<h1>{escape(comparison.name)}</h1>"]
    parts += [f'<p class="mark">{escape(remark)}</p>' for remark in tables.remarks(comparison)]
    if comparison.pairs:
        parts.append("<h2>Verdicts</h2><ul>")
        parts += [f"<li>{escape(pair.text)}</li>" for pair in comparison.pairs]
        parts.append(f"</ul>{_method(comparison)}")
    parts.append(_table(tables.spaces(comparison)))
    parts += _figures(pictures, ("edf", "efficiency", "differences"))
    if comparison.pairs:
        parts += [_table(tables.pairs(comparison)), _table(tables.further(comparison))]
    parts += _figures(pictures, ("power", "complexity", "networks"))
    noise = tables.noise(comparison)
    if any(any(row[1:]) for row in noise.rows):
        parts.append(_table(noise))
    parts.append("<h2>Where the best models are</h2>")
    for summary in comparison.summaries:
        parts += _figures(pictures, [name for name in pictures if name == _parameters(summary.population.name)])
        folded = _table(tables.efficiency(summary)) + _table(tables.ranges(summary))
        parts.append(f"<details><summary>{escape(summary.population.name)} in numbers</summary>{folded}</details>")
    parts.append(_conditions(comparison))
    if comparison.rules.complexity != NONE:
        parts.append(_bins(comparison))
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>{escape(comparison.name)}</title><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def _parameters(name: str) -> str:
    return f"parameters-{folder_name(name)}"


def _method(comparison: Comparison) -> str:
    rules, count = comparison.rules, len(comparison.pairs)
    early = any(not pair.judgement.whole for pair in comparison.pairs)
    paid = f" Looking early is paid for by the spending function of {SPENDING}." if early else ""
    return (
        f'<p class="small">The verdict uses one statistic, fixed beforehand: {primary(rules)}, Holm over {count} '
        f"pair{'s' if count > 1 else ''}, level {rules.alpha:g}.{paid} Practically equal: the 90 % interval (wider "
        f"after an early look) lies inside the margin of {points(rules.margin)}. Everything else on this page is shown "
        f"beside it and decides nothing.</p>"
    )


def _figures(pictures: Mapping[str, bytes], names: tuple[str, ...] | list[str]) -> list[str]:
    found = []
    for name in names:
        if name in pictures:
            data = base64.b64encode(pictures[name]).decode()
            caption = _CAPTIONS.get(name, "Error against every quantity of the networks.")
            image = f'<img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
            found.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")
    return found


def _table(table: Table) -> str:
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f"<h2>{escape(table.title)}</h2><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _conditions(comparison: Comparison) -> str:
    """How the models were drawn and trained, and with which versions."""
    rows = []
    settings = comparison.summaries[0].population.settings
    for name in CONDITIONS:
        value = settings.get(name)
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {entry}" for key, entry in value.items())
        rows.append((name, "not on record" if value is None else str(value)))
    for summary in comparison.summaries:
        versions = summary.population.settings.get("versions")
        seed = summary.population.settings.get("seed", "not on record")
        shown = ", ".join(f"{key} {entry}" for key, entry in versions.items()) if versions else "versions not on record"
        rows.append((summary.population.name, f"seed {seed}; {shown}"))
    return _table(Table("How the models were drawn and trained", ("", ""), tuple(rows)))


def _bins(comparison: Comparison) -> str:
    bins, name = comparison.bins, comparison.rules.complexity
    rows = tuple(
        (f"{bins.edges[k]:,.0f} to {bins.edges[k + 1]:,.0f}", *map(str, bins.counts[:, k]), "yes" if used else "no")
        for k, used in enumerate(bins.used.tolist())
    )
    return _table(Table(f"Bins of {name}: models in each", (name, *comparison.names, "used"), rows))
