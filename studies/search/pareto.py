"""Error against complexity: the networks of a search that no other one beats in both."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from regnas.design_space import Space
from regnas.errors import StudyError, UsageError
from regnas.measure import BUILT_IN, costs_in, find, load, ordered
from regnas.studies.search.outcome import Row, complete_rows
from regnas.system.files import write_text


def axes(names: Sequence[str], space: Space) -> tuple[str, ...]:
    """The measures asked for, each once.

    Raises:
        UsageError: one that is none, or that is not known of the candidates of the space.
    """
    if not names:
        return ()
    asked = dict.fromkeys(find(name).name for name in ([names] if isinstance(names, str) else names))
    known = ordered({*space.known_costs, *space.window})
    if unknown := [name for name in asked if name not in known]:
        raise UsageError(
            f"--pareto is a measure that every candidate of {space.spec} has: {', '.join(known) or 'it has none'}; got "
            f"{', '.join(unknown)}; what is no closed form is measured where it is limited, as in --limit NAME=0:"
        )
    return tuple(asked)


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points that no other one dominates, by cost and then by place.

    A point dominates another one if it is no worse in both and better in one; equal points do not dominate each other.

    Args:
        points: cost and error of each, both the lower the better.
    """
    order = sorted(range(len(points)), key=lambda place: (*points[place], place))
    found: list[int] = []
    for place in order:
        if not found or points[place][1] < points[found[-1]][1] or points[place] == points[found[-1]]:
            found.append(place)
    return found


def write(folder: Path, rows: Sequence[Row], names: Sequence[str]) -> dict[str, list[Row]]:
    """Find the fronts of complete rows that did not diverge; write pareto.csv, pareto.png and pareto.svg, where any are
    asked for.

    Returns:
        The rows of each front, the cheapest first.

    Raises:
        StudyError: the files cannot be written.
    """
    done = [row for row in complete_rows(list(rows)) if not row["diverged"]] if names else []
    fronts = {}
    for name in names:
        known = [row for row in done if isinstance(row.get(name), int | float)]
        fronts[name] = [known[place] for place in front([(row[name], row["error"]) for row in known])]
    if fronts:
        try:
            write_text(folder / "pareto.csv", _table(fronts))
            _draw(folder, done, fronts)
        except OSError as error:
            raise StudyError(f"cannot write the fronts to {folder}: {error.strerror}") from error
    return fronts


def _table(fronts: Mapping[str, list[Row]]) -> str:
    """One line for each network of each front: which front, candidate, error, complexities, parameters."""
    params = list(dict.fromkeys(name for rows in fronts.values() for row in rows for name in row["params_by_name"]))
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    costs = ordered({*BUILT_IN, *(name for rows in fronts.values() for row in rows for name in costs_in(row))})
    writer.writerow(["front", "index", "error", *costs, *(f"param.{name}" for name in params)])
    for name, rows in fronts.items():
        for row in rows:
            values = [row["params_by_name"].get(param, "") for param in params]
            known = [row.get(cost, "") for cost in costs]
            writer.writerow([name, row["index"], row["error"], *known, *values])
    return out.getvalue()


def _draw(folder: Path, done: Sequence[Row], fronts: Mapping[str, list[Row]]) -> None:
    """Every network as a dot and the front as steps, axes for each complexity."""
    from matplotlib import rc_context

    from regnas.studies.reporting import figure_files, style

    with rc_context(style.RC):
        figure, grid = style.new(3.6 * len(fronts), 3.0, columns=len(fronts))
        for panel, (name, rows) in zip(grid[0], fronts.items(), strict=True):
            _panel(panel, name, done, rows)
    figure_files.save({"pareto": figure}, folder)


def _panel(axes: Any, name: str, done: Sequence[Row], rows: Sequence[Row]) -> None:
    from regnas.studies.reporting import style

    dot, line = style.dot(0), style.line(1)
    errors = [100 * row["error"] for row in done]
    measure = load(name)
    scale, prefix = (1e6, "million ") if measure.whole else (1, "")
    places = [row[name] / scale for row in done]
    axes.plot(places, errors, linestyle="", alpha=0.4, markersize=3, label="trained", **dot)
    x, y = [row[name] / scale for row in rows], [100 * row["error"] for row in rows]
    axes.step(x, y, where="post", marker=".", label="front", **line)
    style.error_axis(axes.yaxis, min(errors), max(errors))
    unit = measure.unit if name == "flops" or not measure.whole else name
    axes.set(xlabel=f"{name} ({unit})" if not measure.whole else f"{prefix}{unit}", ylabel="validation error (%)")
    axes.legend(fontsize=7)
