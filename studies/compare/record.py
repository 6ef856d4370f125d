"""compare.json: every number of a comparison, and how it was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from regnas.statistics.power import detectable_difference, detectable_distance
from regnas.statistics.sequential import SPENDING
from regnas.studies.compare.analysis import Comparison, Pair, Summary
from regnas.studies.compare.rules import NONE, ComparisonRules
from regnas.studies.populations.population import CONDITIONS
from regnas.studies.reporting.numbers import plain

SCHEMA = 1
RECORD = "compare.json"
PRIMARY = "difference of complexity-normalised mean errors, studentised permutation test within complexity bins"
PLAIN = "difference of mean errors, studentised permutation test"


def primary(rules: ComparisonRules) -> str:
    """The statistic that decides, in words."""
    return PLAIN if rules.complexity == NONE else PRIMARY


def to_json(comparison: Comparison, sources: Sequence[str] = ()) -> dict[str, Any]:
    """Plain JSON values; what is infinite or unknown is null. Errors are fractions.

    Args:
        sources: names that `regnas.studies.populations.sources.load` reads the populations from, for ``regnas report``.
    """
    first = comparison.summaries[0].population
    bins = comparison.bins
    found: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "name": comparison.name,
            "primary": primary(comparison.rules),
            "rules": asdict(comparison.rules),
            "conditions": {name: first.settings.get(name) for name in CONDITIONS},
            "marks": comparison.marks,
            "planned": comparison.planned,
            "interim": comparison.interim,
            "sources": list(sources),
            "bins": {
                "edges": bins.edges,
                "counts": bins.counts,
                "used": bins.used,
                "coverage": bins.coverage,
            },
            "area_limit": comparison.limit,
            "populations": [_summary(one) for one in comparison.summaries],
            "pairs": [_pair(one, comparison) for one in comparison.pairs],
            "limits": comparison.limits,
        }
    )
    return found


def _summary(one: Summary) -> dict[str, Any]:
    population = one.population
    agreement = one.agreement
    return {
        "name": population.name,
        "space": population.settings.get("space"),
        "seed": population.settings.get("seed"),
        "versions": population.settings.get("versions"),
        "models": len(population),
        "seeds": population.common_seeds,
        "counted": one.counted,
        "failed": population.failed,
        "diverged": int(population.diverged[:, 0].sum()),
        "seconds": np.nansum(population.seconds),
        "mean": one.mean,
        "median": one.median,
        "min": one.least,
        "quantile_5": one.low_quantile,
        "mean_normalised": one.mean_normalised,
        "area": one.area,
        "complexity": {name: _range(column) for name, column in population.costs.items()},
        "errors": population.error,
        "weights": one.weights,
        "edf": asdict(one.distribution),
        "best_of": {
            "m": one.curve.sizes,
            "expected": one.curve.expected,
            "low": one.curve.low,
            "high": one.curve.high,
            "trusted": one.curve.trusted,
            "quantiles": {f"{q:.0%}": asdict(band) for q, band in one.curve.quantiles.items()},
            "unweighted": one.plain,
            "unbiased_unweighted": {str(m): value for m, value in one.unbiased.items()},
        },
        "ranges": {name: asdict(found) for name, found in one.ranges.items()},
        "noise": {
            "components": asdict(agreement.components) if agreement.components else None,
            "rank_correlation_of_seeds": agreement.between_seeds,
            "rank_correlation_with_last_epoch": agreement.between_epochs,
        },
    }


def _range(column: np.typing.NDArray[np.float64]) -> dict[str, float] | None:
    if not np.isfinite(column).all():
        return None
    return {"min": float(column.min()), "median": float(np.median(column)), "max": float(column.max())}


def _pair(pair: Pair, comparison: Comparison) -> dict[str, Any]:
    judgement, rules = pair.judgement, comparison.rules
    names = comparison.names
    difference = judgement.difference
    count = judgement.looks[-1].models
    alpha = rules.alpha / len(comparison.pairs)
    return {
        "first": names[judgement.first],
        "second": names[judgement.second],
        "verdict": judgement.kind,
        "better": None if judgement.winner is None else names[judgement.winner],
        "sentence": pair.text,
        "difference": difference.estimate,
        "standard_error": difference.standard_error,
        "models": count,
        "bins": judgement.bins,
        "coverage": judgement.coverage,
        "counted": judgement.counted,
        "sd_within_bins": [difference.sd_a, difference.sd_b],
        "p": judgement.p,
        "p_holm": judgement.p_holm,
        "permutations": len(difference.permuted),
        "interval": asdict(judgement.interval),
        "interval_95": asdict(difference.interval(0.95)) if judgement.whole else None,
        "looks": [asdict(look) for look in judgement.looks],
        "spending": None if judgement.whole else SPENDING,
        "models_needed": judgement.needed,
        "detectable_difference": detectable_difference(
            difference.sd_a, difference.sd_b, count, alpha=alpha, power=rules.power, bins=rules.bins_for
        ),
        "detectable_ks_distance": detectable_distance(count, alpha=alpha, power=rules.power),
        "kolmogorov_smirnov": {**asdict(pair.ks), "p_holm": pair.adjusted["ks"]},
        "kolmogorov_smirnov_normalised": {**asdict(pair.weighted_ks), "p_holm": pair.adjusted["weighted_ks"]},
        "mann_whitney": {**asdict(pair.mann_whitney), "p_holm": pair.adjusted["mann_whitney"]},
        "difference_of_means_unweighted": asdict(pair.mean),
        "difference_of_5_percent_quantiles": asdict(pair.quantile),
        "chance_that_best_of_first_wins": pair.chance_of_winning,
        "models_of_first_for_best_of_second": pair.equal_effort,
    }
