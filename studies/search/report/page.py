"""``report.html`` of a search: it begins with what was found, and says what its trials are good for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from regnas.describe import heading, summary
from regnas.measure import BUILT_IN, costs_in
from regnas.studies.reporting import costs, figure_files, html, style
from regnas.studies.reporting.text_table import Table
from regnas.studies.search.outcome import Row, value_of
from regnas.studies.search.report import figures
from regnas.studies.search.report.stored import StoredSearch
from regnas.studies.search.stored_settings import biased
from regnas.system.files import write_text

PAGE = "report.html"
_SHOWN = 10  # candidates
_FEWEST = 2  # candidates of a figure
_CAPTIONS = {
    "progress": "Every candidate in the order of the stream, and the best so far. One training each: what is a little "
    "better may be luck.",
    "cost": "Errors against cost. The network that the search returns is in a circle.",
}


def write(found: StoredSearch) -> Path:
    """Write the page into the study's folder, and its figures into ``figures`` below it; returns its path.

    Raises:
        RegnasError: the figures cannot be written.
        OSError: the page cannot.
    """
    from matplotlib import rc_context

    with rc_context(style.RC):
        drawn = _drawn(found)
    pictures = figure_files.save(drawn, found.folder / "figures")
    write_text(path := found.folder / PAGE, html.page(found.name, _parts(found, pictures)))
    return path


def conclusion(found: StoredSearch) -> str:
    """What was found, in a sentence or two."""
    best, done = found.done[0], found.done
    what = "objective" if "objective" in best else "validation error"
    of = f"{len(done)} networks of {found.settings['space']} that {found.settings['strategy']} chose"
    tested = found.best.get("test_error")
    test = f"; {tested:.2%} test error of the network returned" if isinstance(tested, float) else ""
    cost = f", {line}" if (line := costs.line(costs_in(best))) else ""
    return f"The best of {of} is candidate {best['index']}: {value_of(best):.2%} {what}{cost}{test}. {_against(found)}"


def _against(found: StoredSearch) -> str:
    """The best candidate beside the best textbook network."""
    against, baselines = found.best.get("against_baselines"), found.baselines
    if not baselines or not isinstance(against, dict):
        return "No textbook network was trained beside it."
    points, interval = 100 * against["difference"], against.get("interval_95")
    way = "better" if points < 0 else "no better"
    text = f"It is {way} than the best textbook network, {against['baseline']}: {points:+.1f} points"
    if interval:
        low, high = (100 * end for end in interval)
        sure = "more than chance explains" if low > 0 or high < 0 else "which may be chance"
        text += f", 95 % interval {low:+.1f} to {high:+.1f}, {sure}"
    return f"{text}{'' if points < 0 else '; so that one is returned'}."


def _drawn(found: StoredSearch) -> dict[str, Any]:
    sound = sorted(found.sound, key=lambda row: int(row["index"]))
    if len(sound) < _FEWEST:
        return {}
    what = "objective" if "objective" in sound[0] else "validation error"
    drawn = {"progress": figures.progress(sound, found.baselines, what)}
    if (measure := _axis(sound)) is not None:
        drawn["cost"] = figures.against_cost(sound, found.baselines, measure, found.winner)
    return drawn


def _axis(rows: Sequence[Row]) -> str | None:
    """What errors are drawn against: what was measured, else flops, else what is known of the first network."""
    names = list(costs_in(rows[0]))
    measured = [name for name in names if name not in BUILT_IN]
    return next(iter((*measured, *names)), None)


def _parts(found: StoredSearch, pictures: Mapping[str, bytes]) -> Iterator[str]:
    yield f"<h1>{html.escape(found.name)}</h1>"
    yield f"<p><strong>{html.escape(conclusion(found))}</strong></p>"
    if reason := biased(found.settings):
        yield f'<p class="mark">{html.escape(f"The complete trials are {reason}.")}</p>'
    yield from html.figures(pictures, _CAPTIONS)
    yield html.folded("Settings", html.table(_settings(found.settings), words=True))
    yield html.table(_table(found.done[:_SHOWN], "index", f"The {min(_SHOWN, len(found.done))} best candidates"))
    if found.baselines:
        yield html.table(_table(found.baselines, "baseline", "Textbook networks, trained alike"))
    if said := [*_counts(found), *found.remarks]:
        yield "<h2>Remarks</h2><ul>" + "".join(f"<li>{html.escape(one)}</li>" for one in said) + "</ul>"


def _table(rows: Sequence[Row], key: str, title: str) -> Table:
    """Networks by their candidate's index or their name, with error, objective and costs."""
    known = [costs_in(row) for row in rows]
    names = costs.names_of(known)
    sought = ("objective",) if all("objective" in row for row in rows) else ()
    networks = [summary(row["architecture"]) for row in rows]
    heads = ("candidate" if key == "index" else key, "error", *sought, *map(costs.head, names), heading(networks))
    lines = (
        (
            str(row[key]),
            f"{row['error']:.2%}",
            *(f"{row[name]:.2%}" for name in sought),
            *(costs.cell(name, cost) for name in names),
            network.long,
        )
        for row, cost, network in zip(rows, known, networks, strict=True)
    )
    return Table(title, heads, tuple(lines))


def _counts(found: StoredSearch) -> list[str]:
    """What became of the trials that are not complete, and of trainings that diverged."""
    states = Counter(str(row["state"]).lower() for row in found.rows)
    lines = []
    if pruned := states["pruned"]:
        lines.append(f"{pruned} candidates were stopped on the way, {len(found.done)} ran to their end")
    if failed := [row for row in found.rows if row["state"] == "FAIL"]:
        reasons = Counter(str(row["failure"]) for row in failed).most_common(3)
        lines.append(f"{len(failed)} candidates failed: " + "; ".join(f"{count} x {text}" for text, count in reasons))
    if diverged := len(found.done) - len(found.sound):
        lines.append(f"{diverged} trainings diverged and count with the error of guessing")
    if "test_error" not in found.best:
        lines.append("the search has not ended: its next command goes on with it")
    return lines


def _settings(settings: Mapping[str, Any]) -> Table:
    """What was searched and how."""
    recipe = settings.get("recipe", {})
    told = {name: value for name, value in settings.items() if isinstance(value, str | int | float)}
    told |= {f"recipe, {name}": value for name, value in recipe.items() if isinstance(value, str | int | float)}
    told |= {f"version of {name}": value for name, value in settings.get("versions", {}).items()}
    rows = tuple((name.replace("_", " "), str(value)) for name, value in told.items())
    return Table("", ("", ""), rows)
