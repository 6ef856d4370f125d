"""Error against complexity: the networks of a search that no other one beats in both."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from regnas.errors import StudyError, UsageError
from regnas.studies.search.outcome import Row, complete_rows
from regnas.system.files import write_text

AXES = ("flops", "params", "activations")
_COLUMNS = ("index", "error", *AXES)


def axes(names: Sequence[str]) -> tuple[str, ...]:
    """The complexities asked for, each once.

    Raises:
        UsageError: one that is none.
    """
    if isinstance(names, str):
        names = (names,)
    if unknown := [name for name in names if name not in AXES]:
        raise UsageError(f"--pareto is one of {', '.join(AXES)}, got {', '.join(map(repr, unknown))}")
    return tuple(dict.fromkeys(names))


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
    """Find the fronts of complete rows and write pareto.csv, pareto.png and pareto.svg, where any are asked for.

    Returns:
        The rows of each front, the cheapest first.

    Raises:
        StudyError: the files cannot be written.
    """
    done = complete_rows(list(rows))
    fronts = {name: [done[place] for place in front([(row[name], row["error"]) for row in done])] for name in names}
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
    writer.writerow(["front", *_COLUMNS, *(f"param.{name}" for name in params)])
    for name, rows in fronts.items():
        for row in rows:
            values = [row["params_by_name"].get(param, "") for param in params]
            writer.writerow([name, *(row[column] for column in _COLUMNS), *values])
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
    axes.plot([row[name] / 1e6 for row in done], errors, linestyle="", alpha=0.4, markersize=3, label="trained", **dot)
    x, y = [row[name] / 1e6 for row in rows], [100 * row["error"] for row in rows]
    axes.step(x, y, where="post", marker=".", label="front", **line)
    style.error_axis(axes.yaxis, min(errors), max(errors))
    unit = "million multiply-adds" if name == "flops" else f"million {name}"
    axes.set(xlabel=unit, ylabel="validation error (%)")
    axes.legend(fontsize=7)
