"""Comparisons as a table and a figure in docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.comparison import Comparison, spread

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- python -m benchmarks: begin -->", "<!-- python -m benchmarks: end -->"


def verdict(one: Comparison) -> str:
    """Whether the aim is reached by the median of the rounds."""
    if one.aim is None:
        return ""
    return f"{one.aim:g}, reached" if one.ratio >= one.aim else f"{one.aim:g}, **not reached**"


def line(one: Comparison) -> str:
    """One comparison as a line of a terminal."""
    aim = f"  (aim {verdict(one).replace('**', '')})" if one.aim is not None else ""
    return f"{one.ratio:9.3g} x [{spread(one.ratios)}]  {one.what}: {one.ours_name} over {one.peer_name}{aim}"


def markdown(comparisons: Sequence[Comparison]) -> str:
    """The table: ratios first, absolute rates beside them."""
    rows = [
        "| | ours over peer | least-most | aim | ours a second | peer a second | peer | clock |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in comparisons:
        rates = [f"{middle(values):.3g} {one.unit}" for values in (one.ours, one.theirs)]
        note = f"; {one.note}" if one.note else ""
        rows.append(
            f"| {one.what}: {one.ours_name}{note} | **{one.ratio:.3g}** | {spread(one.ratios)} | {verdict(one)} | "
            f"{rates[0]} | {rates[1]} | {one.peer_name} | {one.clock} |"
        )
    return "\n".join(rows)


def middle(values: Sequence[float]) -> float:
    """The median."""
    from statistics import median

    return float(median(values))


def figure(comparisons: Sequence[Comparison]) -> Any:
    """Every ratio with its spread on a logarithmic axis; ticks where an aim is."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    drawn = Figure(figsize=(8.5, 0.42 * len(comparisons) + 1.2), layout="constrained")
    axes = drawn.subplots()
    for row, one in enumerate(reversed(comparisons)):
        axes.plot([min(one.ratios), max(one.ratios)], [row, row], color="#4477aa", linewidth=2)
        axes.plot([one.ratio], [row], "o", color="#4477aa")
        if one.aim is not None:
            axes.plot([one.aim], [row], "|", color="#cc3311", markersize=14, markeredgewidth=2)
    axes.axvline(1, color="#999999", linewidth=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}" if _narrow(comparisons) else NullFormatter())
    axes.set_ylim(-0.6, len(comparisons) - 0.4)
    axes.set_yticks(range(len(comparisons)), [f"{one.what}\nover {one.peer_name}" for one in reversed(comparisons)])
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlabel("times as fast as the peer: median, least and most of the rounds; red: the aim")
    return drawn


def _narrow(comparisons: Sequence[Comparison]) -> bool:
    """Whether the ratios span less than a decade: powers of ten alone then say too little."""
    ratios = [ratio for one in comparisons for ratio in one.ratios]
    return max(ratios) < 10 * min(ratios)


def write(parts: Sequence[tuple[str, str, Sequence[Comparison]]]) -> None:
    """Put the table and the figure between the marks of docs/benchmarks.md.

    Args:
        parts: name, machine and comparisons of each.
    """
    from matplotlib import rc_context

    from regnas.studies.reporting import style

    everything = [one for _, _, comparisons in parts for one in comparisons]
    machines = sorted({machine for _, machine, _ in parts})
    page = DOCS / "benchmarks.md"
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{page} has no marks {BEGIN} and {END}")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    body = "\n\n".join([*machines, markdown(everything), "![Ratios](images/benchmarks.png)"])
    page.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}")
    with rc_context(style.RC):
        figure(everything).savefig(DOCS / "images" / "benchmarks.png", dpi=150)
