"""The files of a report, and what is printed: report.html, report.md, refine.json, figures, populations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console

from regnas.errors import RegnasError
from regnas.studies.populations.files import write_population
from regnas.studies.refine.report import figures, tables
from regnas.studies.refine.report.record import RECORD, Report
from regnas.studies.reporting.html import escape, folded, page, table
from regnas.studies.reporting.html import figures as shown
from regnas.studies.reporting.markdown import escape as marked
from regnas.studies.reporting.text_table import Table, grid, markdown
from regnas.studies.search.identity import folder_name
from regnas.system.files import write_json, write_text
from regnas.system.text import printable

PAGE = "report.html"
_CAPTIONS = {
    "chain": "The steps in their order: mean error of the child minus that of the parent, at equal complexity.",
    "edf": "Error distributions of the spaces of the chain; left with the DKW band, right normalised by complexity.",
    "efficiency": "Random-search efficiency: the expected error of the best of m random networks of each space.",
    "networks": "The best and the worst networks of each space: width of every block.",
}


def write(report: Report, folder: Path) -> None:
    """Write everything into ``folder``.

    Raises:
        RegnasError: the folder cannot be written.
    """
    pictures = figures.write(report, folder / "figures")
    for number, population in enumerate(report.populations):
        short = folder_name(population.name)[:60].rstrip("-")
        write_population(folder / "populations" / f"{number:02d}-{short}.csv.gz", population)
    try:
        write_json(folder / RECORD, report.to_json())
        write_text(folder / "report.md", _markdown(report))
        write_text(folder / PAGE, _page(report, pictures))
    except OSError as error:
        raise RegnasError(f"cannot write to {folder}: {error.strerror}; choose a folder with --out") from error


def show(console: Console, report: Report, folder: Path) -> None:
    """The table of the chain's spaces, what may be concluded, and where the report is."""
    console.print(grid(tables.spaces(report)))
    lines = [f"- {line}" for line in tables.sentences(report)]
    lines.append(f"report: {folder}/{PAGE} ({RECORD}, steps/, models.jsonl, populations/)")
    for line in lines:
        console.print(printable(line), highlight=False, markup=False, soft_wrap=not console.is_terminal)


def _markdown(report: Report) -> str:
    lines = [f"# {marked(report.name)}", "", f"**{marked(tables.conclusion(report))}**", ""]
    lines += [f"- {marked(line)}" for line in tables.sentences(report)]
    for one in (tables.steps(report), tables.spaces(report), tables.best(report)):
        lines += ["", *markdown(one)]
    return "\n".join(lines) + "\n"


def _page(report: Report, pictures: Mapping[str, bytes]) -> str:
    parts = [f"<h1>{escape(report.name)}</h1>", f"<p><strong>{escape(tables.conclusion(report))}</strong></p>"]
    parts += shown(pictures, {"chain": _CAPTIONS["chain"]})
    parts.append(folded("Settings: how the networks were trained", table(_settings(report), words=True)))
    parts.append("<ul>" + "".join(f"<li>{escape(line)}</li>" for line in tables.sentences(report)) + "</ul>")
    parts.append(f'<p class="small">{escape(_method(report))}</p>')
    parts += [table(tables.steps(report), words=True), table(tables.spaces(report))]
    parts += shown(pictures, {name: _CAPTIONS[name] for name in ("edf", "efficiency")})
    parts.append(table(tables.best(report)))
    parts += shown(pictures, {"networks": _CAPTIONS["networks"]})
    for step in report.steps:
        if step.others:
            parts.append(folded(f"Proposals at step {step.number}", table(replace(tables.others(step), title=""))))
    return page(report.name, parts)


def _method(report: Report) -> str:
    rules = report.rules
    return (
        f"One statistic decides, fixed beforehand: the difference of mean error{tables.at_equal(report)}, by a "
        f"permutation test on networks that proposed nothing. The chance of any wrong acceptance in the session is "
        f"{rules.alpha:g}: every step has {rules.share:.3g} of it, and passes its level on where the child is better "
        f"(Wiens 2003; Tian and Ramdas 2021); looks within a step share its level (Lan and DeMets 1983). A change that "
        f"only simplifies is accepted where the interval lies below the margin of {100 * rules.margin:g} points."
    )


def _settings(report: Report) -> Table:
    rules = {name: value for name, value in asdict(report.rules).items() if isinstance(value, str | int | float)}
    told = {**report.settings, **rules}
    rows = ((name.replace("_", " "), one if isinstance(one, str) else json.dumps(one)) for name, one in told.items())
    return Table("", ("", ""), tuple(rows))
