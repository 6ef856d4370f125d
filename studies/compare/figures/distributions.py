"""Error distributions, and what random search makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.rules import NONE
from regnas.studies.reporting import style

_SHOWN = 0.97  # share of all models that the error axis reaches to: a few failures must not squeeze the rest


def edf(comparison: Comparison) -> Any:
    """F(e) of every population: with equal weights and the DKW band, and normalised with a bootstrap band."""
    normalised = comparison.rules.complexity != NONE
    beside = 2 * style.outside(comparison.called)  # numbers stand in the legend, too
    figure, (panels,) = style.new((8.6 if normalised else 5.2) + beside, 3.8, 1, 1 + normalised, sharey=True)
    top = max(float(np.quantile(one.population.error, _SHOWN)) for one in comparison.summaries)
    least = min(one.least for one in comparison.summaries)
    for place, one in enumerate(comparison.summaries):
        found = one.distribution
        dkw = (found.plain - found.dkw).clip(0), (found.plain + found.dkw).clip(None, 1)
        _steps(panels[0], comparison, place, one.mean, found.plain, dkw)
        if normalised:
            _steps(panels[1], comparison, place, one.mean_normalised, found.normalised, (found.low, found.high))
    for axes in panels:
        style.error_axis(axes.xaxis, 100 * least, 100 * top)
        axes.set_ylim(0, 1.01)
        axes.set_xlabel("error e (%)")
    heading = {"title": "[models | min | mean]", "loc": "lower right", "fontsize": 7, "title_fontsize": 7}
    style.legend(panels[-1], comparison.called, **heading)
    if normalised and not beside:
        panels[0].legend(**heading)
    panels[0].set_ylabel("share of models below e, F(e)")
    style.note(panels[0], f"models weigh the same{_beyond(comparison, top)}", "shaded: 95 %, for all e at once (DKW)")
    if normalised:
        style.note(panels[1], _title(comparison), "shaded: 95 % at each e (bootstrap)")
    return figure


def _beyond(comparison: Comparison, top: float) -> str:
    count = sum(int((one.population.error > top).sum()) for one in comparison.summaries)
    return f"; {count} lie{'s' if count == 1 else ''} beyond {top:.0%}" if count else ""


def _steps(axes: Any, comparison: Comparison, place: int, mean: float, values: Any, ends: tuple[Any, Any]) -> None:
    """One distribution and its band."""
    one = comparison.summaries[place]
    at, shade = 100 * one.distribution.at, style.band(len(comparison.summaries))
    label = f"{style.label(comparison.called[place])}  [{len(one.population)} | {one.least:.1%} | {mean:.1%}]"
    axes.step(at, values, where="post", label=label, **style.line(place))
    inside = (values > 0) & (values < 1)  # beyond the models themselves bands would only lie over each other
    look = {"alpha": shade, "color": style.line(place)["color"], "lw": 0}
    axes.fill_between(at, *ends, where=inside, step="post", **look)


def _title(comparison: Comparison) -> str:
    bins = comparison.bins
    used = int(bins.used.sum())
    share = "" if bins.coverage == 1 else f", {bins.coverage:.0%} of the range"
    return f"normalised by {comparison.rules.complexity} in {used} bin{'s' if used > 1 else ''}{share}"


def efficiency(comparison: Comparison) -> Any:
    """Expected error of the best of m random models against m, with 95 % bands; dashed beyond a quarter of n."""
    figure, ((axes,),) = style.new(5.2 + style.outside(comparison.called), 3.8)
    shade = style.band(len(comparison.summaries))
    for place, one in enumerate(comparison.summaries):
        curve = one.curve
        look = style.line(place)
        shown = {"color": look["color"], "marker": style.MARKERS[place % len(style.MARKERS)], "markersize": 3.5}
        sure = curve.trusted
        axes.plot(
            curve.sizes[sure],
            100 * curve.expected[sure],
            label=style.label(comparison.called[place]),
            linestyle="-",
            **shown,
        )
        beyond = ~sure
        if sure.any() and beyond.any():
            beyond = beyond | (np.arange(len(sure)) == np.flatnonzero(sure)[-1])
        axes.plot(curve.sizes[beyond], 100 * curve.expected[beyond], linestyle=":", **{**shown, "marker": ""})
        axes.fill_between(curve.sizes, 100 * curve.low, 100 * curve.high, alpha=shade, color=look["color"], lw=0)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    curves = [one.curve for one in comparison.summaries]
    low, high = min(float(one.low.min()) for one in curves), max(float(one.high.max()) for one in curves)
    style.error_axis(axes.yaxis, 100 * low, 100 * high)
    axes.set(xlabel="random models m", ylabel="expected error of the best of m (%)")
    style.legend(axes, comparison.called, fontsize=8)
    style.note(
        axes, "random-search efficiency, shaded: 95 % at each m", "dotted: beyond a quarter of the models, extrapolated"
    )
    return figure
