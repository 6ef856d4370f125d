"""report.html: one file with everything in it, figures included; nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from regnas.statistics.sequential import SPENDING
from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.record import primary
from regnas.studies.compare.report import tables
from regnas.studies.compare.report.conclusion import conclusion
from regnas.studies.compare.rules import NONE
from regnas.studies.compare.verdict import points
from regnas.studies.populations.population import CONDITIONS
from regnas.studies.reporting.html import escape, figures, folded, page, table
from regnas.studies.reporting.text_table import Table
from regnas.studies.search.identity import folder_name

_CAPTIONS = {
    "edf": "Error distributions (strict definition: the share of models with a smaller error); left with the DKW band, "
    "which holds at all errors at once, right normalised as written there, with a bootstrap band at each error.",
    "efficiency": "Random-search efficiency: the expected error of the best of m random models, in closed form.",
    "differences": "The primary statistic of every pair.",
    "power": "The difference of mean error that a number of models can see.",
    "complexity": "Error against complexity; lines are the efficient fronts.",
    "networks": "The networks with the smallest and the largest errors.",
}


def report(comparison: Comparison, pictures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        pictures: PNG files by name, as `regnas.studies.compare.figures.files.write` returns them.
    """
    parts = [f"<h1>{escape(comparison.name)}</h1>"]
    pairs = comparison.pairs
    if said := conclusion(comparison) or (pairs[0].text.partition(". ")[0] + "." if len(pairs) == 1 else ""):
        parts.append(f"<p><strong>{escape(said)}</strong></p>")
    parts += _figures(pictures, ("efficiency",))
    parts += [f'<p class="mark">{escape(remark)}</p>' for remark in tables.remarks(comparison)]
    parts.append(folded("Settings: how the models were drawn and trained", _conditions(comparison)))
    if comparison.pairs:
        parts.append("<h2>Verdicts</h2><ul>")
        parts += [_verdict(pair.text) for pair in comparison.pairs]
        parts.append("</ul>")
    if comparison.limits:
        listed = "".join(f"<li>{escape(one)}</li>" for one in comparison.limits)
        parts.append(f"<h2>Limits of the claim</h2><ul>{listed}</ul>")
    parts += _figures(pictures, ("edf", "differences"))
    parts.append(table(tables.spaces(comparison)))
    if comparison.pairs:
        parts.append(_method(comparison))
        parts += [table(tables.pairs(comparison)), table(tables.further(comparison))]
    parts += _figures(pictures, ("power", "complexity", "networks"))
    noise = tables.noise(comparison)
    if any(any(row[1:]) for row in noise.rows):
        parts.append(table(noise))
    parts.append("<h2>Where the best models are</h2>")
    for summary in comparison.summaries:
        parts += _figures(pictures, [name for name in pictures if name == _parameters(summary.population.name)])
        numbers = table(tables.efficiency(summary)) + table(tables.ranges(summary))
        parts.append(folded(f"{summary.population.name} in numbers", numbers))
    if comparison.rules.complexity != NONE:
        parts.append(_bins(comparison))
    return page(comparison.name, parts)


def _verdict(text: str) -> str:
    """What may be concluded, and in small print how sure that is."""
    said, stop, details = text.partition(". ")
    return f'<li>{escape(said + stop)}<span class="small">{escape(details)}</span></li>'


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


def _figures(pictures: Mapping[str, bytes], names: Sequence[str]) -> list[str]:
    captions = {name: _CAPTIONS.get(name, "Error against every quantity of the networks.") for name in names}
    return figures(pictures, captions)


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
    return table(Table("", ("", ""), tuple(rows)), words=True)


def _bins(comparison: Comparison) -> str:
    bins, name = comparison.bins, comparison.rules.complexity
    rows = tuple(
        (f"{bins.edges[k]:,.0f} to {bins.edges[k + 1]:,.0f}", *map(str, bins.counts[:, k]), "yes" if used else "no")
        for k, used in enumerate(bins.used.tolist())
    )
    return table(Table(f"Bins of {name}: models in each", (name, *comparison.called, "used"), rows))
