"""Differences between spaces, and what this many models can see."""

from __future__ import annotations

from typing import Any

import numpy as np

from regnas.statistics.power import detectable_difference
from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.verdict import BETTER, EQUAL, at_equal
from regnas.studies.reporting import style

_STEPS = 25
_FEW = 15  # pairs that have room


def differences(comparison: Comparison) -> Any | None:
    """The primary statistic of every pair with its interval, and the margin; None for one population."""
    if not comparison.pairs:
        return None
    names = [style.label(name) for name in comparison.called]
    longest = max(map(len, names))
    each = 0.32 if len(comparison.pairs) <= _FEW else 0.22
    figure, ((axes,),) = style.new(4.2 + 0.12 * longest, each * len(comparison.pairs) + 1.1)
    at = at_equal((one.judgement for one in comparison.pairs), comparison.rules)
    margin = 100 * comparison.rules.margin
    axes.axvspan(-margin, margin, color="0.88", lw=0)
    axes.axvline(0, color="0.4", lw=0.8)
    for row, pair in enumerate(comparison.pairs):
        judgement = pair.judgement
        wide, narrow = judgement.difference.interval(0.95), judgement.interval
        spans = [(narrow, 3)] + ([(wide, 1)] if judgement.whole else [])
        look = {BETTER: (style.COLOURS[0], "o"), EQUAL: (style.COLOURS[2], "s")}.get(judgement.kind, ("0.35", "D"))
        for span, thickness in spans:
            if np.isfinite(span.high - span.low):
                axes.plot([100 * span.low, 100 * span.high], [row, row], color=look[0], lw=thickness)
        axes.plot(100 * wide.estimate, row, look[1], color=look[0], ms=5, mfc="white")
    labels = [f"{names[one.judgement.first]} vs {names[one.judgement.second]}" for one in comparison.pairs]
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlabel(f"difference of mean error{at} (points)\nleft of 0 the first is better, right of 0 the second")
    style.note(
        axes,
        "thick: the verdict's interval, 90 % for one look; thin: 95 %; grey: the margin",
        "circle: better, square: practically equal, diamond: open",
    )
    return figure


def power(comparison: Comparison) -> Any | None:
    """Models of each space against the difference they can see, for every pair; None for one population."""
    if all(pair.judgement.difference.sd_a == pair.judgement.difference.sd_b == 0 for pair in comparison.pairs):
        return None  # no pair, or nothing that varies
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, ((axes,),) = style.new(5.6, 3.7)
    rules, names = comparison.rules, [style.label(name) for name in comparison.called]
    alpha = rules.alpha / len(comparison.pairs)
    here = max(len(one.population) for one in comparison.summaries)
    counts = np.unique(np.geomspace(8, max(400, 8 * here), _STEPS).astype(int))
    shown = _extremes(comparison)
    for place, pair in enumerate(shown):
        spreads = pair.judgement.difference.sd_a, pair.judgement.difference.sd_b
        gaps = [
            100 * detectable_difference(*spreads, int(n), alpha=alpha, power=rules.power, bins=rules.bins_for)
            for n in counts
        ]
        label = f"{names[pair.judgement.first]}, {names[pair.judgement.second]}"
        axes.plot(counts, gaps, label=label, **style.line(place))
    axes.axvline(here, color="0.4", lw=0.8)
    axes.axhline(100 * rules.margin, color="0.6", lw=0.8, ls="--")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.text(here, axes.get_ylim()[0], f" n = {here}", fontsize=7, va="bottom")
    axes.set(xlabel="models of each space n", ylabel="difference of mean error (points)")
    style.note(
        axes,
        f"what n models see with power {rules.power:.0%} at level {rules.alpha:g} over {len(comparison.pairs)} "
        f"pair{'s' if len(comparison.pairs) > 1 else ''}; dashed: the margin",
        "the pairs of the largest, a middling and the smallest spread" if len(shown) < len(comparison.pairs) else "",
    )
    axes.legend(fontsize=7)
    return figure


def _extremes(comparison: Comparison) -> list[Any]:
    """All pairs where they are few; else the one with the largest, a middling and the smallest spread."""
    varying = [one for one in comparison.pairs if one.judgement.difference.sd_a or one.judgement.difference.sd_b]
    pairs = sorted(varying, key=lambda one: one.judgement.difference.standard_error)
    return pairs if len(pairs) <= 3 else [pairs[-1], pairs[len(pairs) // 2], pairs[0]]
