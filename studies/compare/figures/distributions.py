"""Error distributions, and what random search makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.figures import style
from regnas.studies.compare.rules import NONE

_SHOWN = 0.97  # share of all models that the error axis reaches to: a few failures must not squeeze the rest


def edf(comparison: Comparison) -> Any:
    """F(e) of every population: complexity-normalised, with its bootstrap band; the DKW half width in the legend."""
    figure, ((axes,),) = style.new(5.2, 3.8)
    top, shade = 0.0, style.band(len(comparison.summaries))
    for place, one in enumerate(comparison.summaries):
        found = one.distribution
        n = len(one.population)
        label = f"{one.population.name}  [{n} | {one.least:.1%} | {one.mean_normalised:.1%}]"
        axes.step(100 * found.at, found.normalised, where="post", label=label, **style.line(place))
        axes.fill_between(
            100 * found.at, found.low, found.high, step="post", alpha=shade, color=style.line(place)["color"], lw=0
        )
        top = max(top, float(np.quantile(one.population.error, _SHOWN)))
    least = min(one.least for one in comparison.summaries)
    style.error_axis(axes.xaxis, 100 * least, 100 * top)
    axes.set_ylim(0, 1.01)
    axes.set(xlabel="error e (%)", ylabel="share of models below e, F(e)")
    axes.legend(title="[models | min | mean]", loc="lower right", fontsize=8, title_fontsize=8)
    widths = sorted({f"{one.distribution.dkw:.2f}" for one in comparison.summaries})
    whole = f"shaded: 95 % at each e; a band for all e at once: +-{' to '.join(widths[:: max(1, len(widths) - 1)])}"
    style.note(axes, _title(comparison), whole)
    return figure


def _title(comparison: Comparison) -> str:
    if comparison.rules.complexity == NONE:
        return "models weigh the same"
    bins = comparison.bins
    used = int(bins.used.sum())
    share = "" if bins.coverage == 1 else f", {bins.coverage:.0%} of the range"
    return f"normalised by {comparison.rules.complexity} in {used} bin{'s' if used > 1 else ''}{share}"


def efficiency(comparison: Comparison) -> Any:
    """Expected error of the best of m random models against m, with 95 % bands; dashed beyond a quarter of n."""
    figure, ((axes,),) = style.new(5.2, 3.8)
    shade = style.band(len(comparison.summaries))
    for place, one in enumerate(comparison.summaries):
        curve = one.curve
        look = style.line(place)
        shown = {"color": look["color"], "marker": style.MARKERS[place % len(style.MARKERS)], "markersize": 3.5}
        sure = curve.trusted
        axes.plot(curve.sizes[sure], 100 * curve.expected[sure], label=one.population.name, linestyle="-", **shown)
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
    axes.legend(fontsize=8)
    style.note(
        axes, "random-search efficiency, shaded: 95 % at each m", "dotted: beyond a quarter of the models, extrapolated"
    )
    return figure
