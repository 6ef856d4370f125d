"""How figures look: colours that the colour-blind can tell apart, lines that differ in grey, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import shorten, wrap
from typing import Any

from regnas.system.text import one_line

# Okabe and Ito 2008, without their yellow, which is too light for lines on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # one more than colours: the pairs repeat after 56
LONGEST = 26  # characters of a name in a figure
SHORT = 16  # characters of a name in a legend inside the axes
MOST_INSIDE = 7  # entries of one
RC: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "regnas",  # equal figures are equal files
}

_LOG_RATIO = 2  # an axis of errors that spans more than this is logarithmic
_FINE_STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)


def line(place: int) -> dict[str, Any]:
    """Colour and dashes of a population by its place."""
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": DASHES[place % len(DASHES)]}


def dot(place: int) -> dict[str, Any]:
    """Colour and marker of a population by its place."""
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}


def new(
    width: float, height: float, rows: int = 1, columns: int = 1, *, layout: str | None = "constrained", **options: Any
) -> tuple[Any, Any]:
    """A figure and its axes; no global state of matplotlib is used."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)  # type: ignore[arg-type]
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def note(axes: Any, *lines: str) -> None:
    """What a reader must know, in small print above the axes."""
    axes.set_title("\n".join(filter(None, lines)), fontsize=7, loc="left", color="0.3")


def error_axis(axis: Any, low: float, high: float) -> None:
    """The limits of an axis of errors in per cent.

    Logarithmic where the largest error is more than twice the smallest: a few poor models must not squeeze the good
    ones, which a search is after.
    """
    name = axis.axis_name
    if low <= 0 or high <= _LOG_RATIO * low:
        room = 0.03 * ((high - low) or 1.0)
        axis.axes.set(**{f"{name}lim": (low - room, high + room)})
        return
    log_axis(axis, _FINE_STEPS if high <= 8 * low else (1, 2, 5), powers=range(-3, 3))
    axis.set_major_formatter("{x:g}")
    room = (high / low) ** 0.03
    axis.axes.set(**{f"{name}lim": (low / room, high * room)})


def log_axis(axis: Any, steps: Sequence[float], powers: Iterable[int]) -> None:
    """A logarithmic axis with ticks at steps of every power of ten."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(FixedLocator([step * 10.0**power for power in powers for step in steps]))
    axis.set_minor_locator(NullLocator())


def band(populations: int) -> float:
    """How opaque bands are: those of many populations lie over each other."""
    return 0.18 if populations <= 3 else 0.08


def label(name: str, longest: int = LONGEST) -> str:
    """A name as figures show it: not too long, and without mathematics."""
    name = one_line(name)
    short = name if len(name) <= longest else f"{name[: longest - 9]}…{name[-8:]}"
    return short.replace("$", r"\$")


def outside(names: Sequence[str]) -> float:
    """Inches beside the axes that a legend of these names takes; 0 where it is small enough to lie inside."""
    longest = max(len(label(name)) for name in names)
    return 1 + 0.06 * longest if len(names) > MOST_INSIDE or longest > SHORT else 0.0


def legend(axes: Any, names: Sequence[str], **options: Any) -> None:
    """A legend inside the axes where it is small, else to their right."""
    if outside(names):
        options |= {"loc": "upper left", "bbox_to_anchor": (1, 1)}
    axes.legend(**options)


def stamp(figure: Any, marks: list[str]) -> None:
    """What was forced, below the figure."""
    if marks:
        width = int(16 * figure.get_figwidth())
        lines = [line for mark in dict.fromkeys(marks) for line in wrap(shorten(f"NOTE: {mark}", 4 * width), width)]
        text = "\n".join(map(one_line, lines)).replace("$", r"\$")
        figure.text(0.01, -0.01, text, fontsize=7, color="#B00000", va="top")
