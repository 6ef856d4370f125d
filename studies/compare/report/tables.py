"""The tables of a comparison, as rows of text: the terminal, the report and the dashboard's note show these."""

from __future__ import annotations

import math

from regnas.statistics.sequential import SPENDING
from regnas.studies.compare.analysis import Comparison, Summary
from regnas.studies.compare.rules import NONE
from regnas.studies.compare.verdict import at_equal, between, sure
from regnas.studies.reporting.numbers import p_text
from regnas.studies.reporting.text_table import Table


def spaces(comparison: Comparison) -> Table:
    """A row per population."""
    best = f"best of {comparison.rules.best_of}"
    heads = ("space", "models", "failed", "diverged", "min", "5 %", "median", "mean", "normalised", best, "95 %")
    return Table("The spaces", heads, tuple(_space(one) for one in comparison.summaries))


def _space(one: Summary) -> tuple[str, ...]:
    population = one.population
    failed = f"{population.failed}" + (f" ({population.failure_rate:.0%})" if population.failed else "")
    expected, low, high = one.best
    return (
        population.name,
        str(len(population)),
        failed,
        str(int(population.diverged[:, 0].sum())),
        *(f"{value:.2%}" for value in (one.least, one.low_quantile, one.median, one.mean, one.mean_normalised)),
        f"{expected:.2%}",
        f"{100 * low:.2f} to {100 * high:.2f}",
    )


def brief(comparison: Comparison) -> Table:
    """The columns of `spaces` that fit 80 characters: failures only where there are any, the mean that is compared."""
    whole = spaces(comparison)
    plain = comparison.rules.complexity == NONE
    left_out = {"5 %", "normalised" if plain else "mean"}
    for head in ("failed", "diverged"):
        if all(row[whole.heads.index(head)] == "0" for row in whole.rows):
            left_out.add(head)
    kept = [place for place, head in enumerate(whole.heads) if head not in left_out]
    heads = tuple(whole.heads[place] for place in kept)
    return Table(whole.title, heads, tuple(tuple(row[place] for place in kept) for row in whole.rows))


def pairs(comparison: Comparison) -> Table:
    """A row per pair: the primary statistic and the verdict."""
    names = comparison.called
    rows = []
    for one in comparison.pairs:
        judgement = one.judgement
        rows.append(
            (
                f"{names[judgement.first]} vs {names[judgement.second]}",
                f"{100 * judgement.difference.estimate:+.2f}",
                between(judgement.interval),
                f"{sure(judgement)}",
                p_text(judgement.p),
                p_text(judgement.p_holm),
                judgement.kind if judgement.winner is None else f"{names[judgement.winner]} better",
                str(judgement.looks[-1].models),
                "" if judgement.needed is None else f"{judgement.needed:,}",
            )
        )
    heads = ("pair", "difference", "interval", "of", "p", "Holm p", "verdict", "models", "models that could tell")
    at = at_equal((one.judgement for one in comparison.pairs), comparison.rules)
    return Table(f"Mean error{at}, in points", heads, tuple(rows))


def further(comparison: Comparison) -> Table:
    """A row per pair: everything beside the primary statistic."""
    names, best_of = comparison.called, comparison.rules.best_of
    rows = []
    for one in comparison.pairs:
        a, b = names[one.judgement.first], names[one.judgement.second]
        rows.append(
            (
                f"{a} vs {b}",
                f"{one.ks.statistic:.3f} ({p_text(one.adjusted['ks'])})",
                f"{one.weighted_ks.statistic:.3f} ({p_text(one.adjusted['weighted_ks'])})",
                f"{one.mann_whitney.statistic:.2f} ({p_text(one.adjusted['mann_whitney'])})",
                f"{100 * one.mean.estimate:+.2f} [{100 * one.mean.low:+.2f}, {100 * one.mean.high:+.2f}]",
                f"{100 * one.quantile.estimate:+.2f} [{100 * one.quantile.low:+.2f}, {100 * one.quantile.high:+.2f}]",
                f"{one.chance_of_winning:.0%}",
                f"{one.equal_effort:.1f}" if math.isfinite(one.equal_effort) else "none reaches it",
            )
        )
    heads = (
        "pair",
        "KS D (Holm p)",
        "normalised D (Holm p)",
        "a model of the first wins (Holm p)",
        "means, unweighted",
        "5 % quantiles",
        f"best of {best_of} of the first wins",
        f"models of the first for the best of {best_of} of the second",
    )
    return Table("Beside the verdict", heads, tuple(rows))


def noise(comparison: Comparison) -> Table:
    """A row per population: what a ranking of single trainings is worth."""
    rows = []
    for one in comparison.summaries:
        found = one.agreement
        parts = found.components
        rows.append(
            (
                one.population.name,
                "" if parts is None else f"{parts.networks} x {parts.seeds}",
                "" if parts is None else f"{100 * parts.architecture:.2f}",
                "" if parts is None else f"{100 * parts.seed:.2f}",
                "" if parts is None else f"{parts.ratio.estimate:.1f} [{parts.ratio.low:.1f}, {parts.ratio.high:.1f}]",
                "" if found.between_seeds is None else f"{found.between_seeds:.2f}",
                ", ".join(f"{value:.2f}" for value in found.between_epochs),
            )
        )
    heads = (
        "space",
        "networks x seeds",
        "sd of architectures (points)",
        "sd of seeds (points)",
        "ratio, 90 %",
        "rank correlation of two seeds",
        "of each epoch with the last",
    )
    return Table("How much of a ranking is noise", heads, tuple(rows))


def ranges(summary: Summary) -> Table:
    """Where the best models of a space have each quantity."""
    rows = tuple(
        (name, f"{found.low:.4g}", f"{found.middle:.4g}", f"{found.high:.4g}") for name, found in summary.ranges.items()
    )
    title = f"{summary.population.name}: the best model of a quarter of them, 10,000 resamples"
    return Table(title, ("quantity", "2.5 %", "median", "97.5 %"), rows)


def efficiency(summary: Summary) -> Table:
    """A row per m: the best of m random models of a space."""
    curve = summary.curve
    middle = curve.quantiles[0.5]
    ends = curve.quantiles[min(curve.quantiles)], curve.quantiles[max(curve.quantiles)]
    rows = tuple(
        (
            f"{m:.0f}" + ("" if curve.trusted[k] else " (extrapolated)"),
            f"{100 * curve.expected[k]:.2f} [{100 * curve.low[k]:.2f}, {100 * curve.high[k]:.2f}]",
            f"{100 * middle.value[k]:.2f} [{100 * middle.low[k]:.2f}, {100 * middle.high[k]:.2f}]",
            f"{100 * ends[0].value[k]:.2f} to {100 * ends[1].value[k]:.2f}",
            f"{100 * summary.plain[k]:.2f}",
            f"{100 * summary.unbiased[int(m)]:.2f}" if int(m) in summary.unbiased else "",
        )
        for k, m in enumerate(curve.sizes.tolist())
    )
    heads = (
        "m",
        "expected, 95 %",
        "median, 95 %",
        "10 to 90 % of searches",
        "equal weights, with replacement",
        "without replacement (unbiased)",
    )
    return Table(f"{summary.population.name}: error of the best of m random models (%)", heads, rows)


def remarks(comparison: Comparison) -> list[str]:
    """What a reader must know before the numbers."""
    found = [f"NOTE: {mark}" for mark in dict.fromkeys(comparison.marks)]
    if comparison.interim:
        models = min(look.models for pair in comparison.pairs for look in pair.judgement.looks[-1:])
        found.append(
            f"an interim look: {models} of {comparison.planned} models are there, and what is said of pairs pays for "
            f"looking early ({SPENDING})"
        )
    if comparison.sequential:
        sizes = sorted({look.models for pair in comparison.pairs for look in pair.judgement.looks})
        found.append(
            f"looks after {', '.join(map(str, sizes))} models share alpha by the spending function of {SPENDING}; "
            f"numbers beside the verdicts do not pay for them"
        )
    fewest = min(one.population.common_seeds for one in comparison.summaries)
    for one in comparison.summaries:
        population = one.population
        if "data" not in population.settings and not population.marks:
            found.append(f"{population.name}: how its models were drawn and trained is not on record")
        if comparison.pairs and population.common_seeds > (population.averaged or fewest):
            found.append(
                f"{population.name}: {population.common_seeds} trainings of each model, compared by the first "
                f"{population.averaged or fewest} as the others are"
            )
        if one.counted < len(population):
            found.append(
                f"{population.name}: {one.counted} of {len(population)} models lie in bins that count; what is "
                f"normalised and the best of {comparison.rules.best_of} are of these"
            )
        if population.failed:
            noun = "candidate" if population.failed == 1 else "candidates"
            found.append(f"{population.name}: {population.failed} {noun} failed ({population.failure_rate:.1%})")
        if diverged := int(population.diverged[:, 0].sum()):
            noun = "training" if diverged == 1 else "trainings"
            found.append(f"{population.name}: {diverged} {noun} diverged and count with the error on record")
    if comparison.bins.coverage < 1:
        found.append(
            f"{int((~comparison.bins.used).sum())} of {len(comparison.bins.used)} bins of "
            f"{comparison.rules.complexity} hold fewer than 2 models of some space and are left out: distributions and "
            f"curves are over {comparison.bins.coverage:.0%} of the range"
        )
    few = min(one.counted for one in comparison.summaries)
    if comparison.rules.best_of > few / 4:
        found.append(
            f"the best of {comparison.rules.best_of} is extrapolated: it takes {4 * comparison.rules.best_of} models "
            f"to see it, and {few} count"
        )
    return found
