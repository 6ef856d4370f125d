"""The chain as a figure, and what its spaces look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regnas.studies.compare.figures import distributions, networks
from regnas.studies.refine.report.record import Report
from regnas.studies.reporting import style
from regnas.studies.reporting.figure_files import save

_LONGEST = 44  # characters of a change
_PAPER = {"fc": "white", "ec": "none", "pad": 0.5}  # behind words that lines would cross


def write(report: Report, folder: Path) -> dict[str, bytes]:
    """Draw all figures into ``folder``, as PNG and SVG.

    Returns:
        The PNG files by name.

    Raises:
        RegnasError: the folder cannot be written.
    """
    from matplotlib import rc_context

    with rc_context(style.RC):
        drawn = {
            "chain": chain(report),
            "edf": distributions.edf(report.comparison),
            "efficiency": distributions.efficiency(report.comparison),
            "networks": networks.networks(report.comparison),
        }
    return save({name: figure for name, figure in drawn.items() if figure is not None}, folder)


def chain(report: Report) -> Any | None:
    """Every tested step from top to bottom: the difference child minus parent, with its interval; None without any."""
    tested = [one for one in report.steps if one.looks]
    if not tested:
        return None
    figure, ((axes,),) = style.new(8.0, 1.2 + 0.42 * len(tested))
    names = []
    for row, step in enumerate(tested):
        look = step.looks[-1]
        colour = style.COLOURS[0 if step.accepted else 1]
        ends = [[100 * (look.estimate - look.low)], [100 * (look.high - look.estimate)]]
        marker = "o" if step.accepted else "X"
        axes.errorbar([100 * look.estimate], [row], xerr=ends, fmt=marker, color=colour, capsize=3)
        text = f"{step.verdict}, {step.freedom[1]} free, {step.new} new"
        look_of = {"textcoords": "offset points", "va": "center", "fontsize": 7, "bbox": _PAPER}
        axes.annotate(text, (100 * look.estimate, row), (6, 9), **look_of)
        names.append(style.label(f"{step.number}: {step.change}", _LONGEST))
    axes.axvline(0, color="0.3", lw=1)
    axes.axvline(100 * report.rules.margin, color="0.3", lw=1, linestyle=":")
    axes.set_yticks(range(len(tested)), names)
    axes.set_ylim(len(tested) - 0.5, -0.5)
    axes.margins(x=0.25)
    axes.set_xlabel(f"child minus parent: mean error at equal {report.rules.complexity}, points")
    style.note(
        axes, "circles are accepted, crosses rejected; dotted: the margin", "bars: intervals at the steps' levels"
    )
    return figure
