"""Every number of a comparison, computed once: tables, sentences, figures and compare.json are made of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from regnas.sampling import keyed
from regnas.statistics import best_of, edf, noise, two_sample
from regnas.statistics.best_range import BestRange, best_models, best_range
from regnas.statistics.bins import Bins, bin_weights
from regnas.statistics.multiple import holm
from regnas.statistics.two_sample import Interval, Test
from regnas.studies.compare.limits import limits
from regnas.studies.compare.rules import ComparisonRules, binned
from regnas.studies.compare.verdict import Judgement, judge, permutations, sentence
from regnas.studies.populations.population import Population
from regnas.studies.populations.quantities import quantities, with_line_fits
from regnas.studies.reporting.words import short_names

Floats = npt.NDArray[np.float64]
_BESIDE = 1999  # permutations of tests that decide nothing
_POINTS = 400  # of the error axis, for the bands of a distribution
LOW_QUANTILE = 0.05
QUANTILES = (0.1, 0.5, 0.9)  # of the best of m
TESTS = ("ks", "weighted_ks", "mann_whitney")


@dataclass(frozen=True, eq=False)
class Distribution:
    """F at points of the error axis, each array ``(m,)``.

    Attributes:
        plain: with equal weights.
        normalised: complexity-normalised; the bootstrap band is this one's.
        dkw: half the width of the band that holds all of ``plain`` at once.
    """

    at: Floats
    plain: Floats
    normalised: Floats
    low: Floats
    high: Floats
    dkw: float


@dataclass(frozen=True)
class Agreement:
    """What trainings of the same networks say of the noise; None where there are too few.

    Attributes:
        components: architecture against seed, over the networks with several seeds.
        between_seeds: rank correlation of the first two seeds.
        between_epochs: rank correlation of each epoch with the last.
    """

    components: noise.Components | None
    between_seeds: float | None
    between_epochs: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Summary:
    """One population.

    Attributes:
        counted: models in the bins that all populations share; what is normalised rests on these.
        mean_normalised: complexity-normalised mean error.
        area: under F up to the comparison's limit, complexity-normalised.
        best: expected best of ``rules.best_of`` with its 95 % interval, complexity-normalised.
        curve: of the best of m, complexity-normalised, with its `QUANTILES`.
        weights: ``(n,)``, of the models.
        plain: ``(k,)``, expected best of m of the curve's sizes with replacement, equal weights: the paper's.
        unbiased: expected best of m without replacement, equal weights, by m up to a quarter of the models.
        columns, ranges: quantities of the networks, and where the best models have them.
    """

    population: Population
    weights: Floats
    counted: int
    mean: float
    median: float
    least: float
    low_quantile: float
    mean_normalised: float
    area: float
    distribution: Distribution
    curve: best_of.BestCurve
    plain: Floats
    unbiased: Mapping[int, float]
    best: tuple[float, float, float]
    columns: Mapping[str, Floats]
    ranges: Mapping[str, BestRange]
    agreement: Agreement


@dataclass(frozen=True)
class Pair:
    """Everything beside the primary statistic on two populations.

    Attributes:
        mean, quantile: first minus second, equal weights, without regard to complexity.
        chance_of_winning: of the best of ``rules.best_of`` of the first against those of the second.
        equal_effort: models of the first whose best is, in expectation, that of ``rules.best_of`` of the second.
        adjusted: p values of `TESTS` after Holm over all pairs, each test by itself.
    """

    judgement: Judgement
    text: str
    ks: Test
    weighted_ks: Test
    mann_whitney: Test
    mean: Interval
    quantile: Interval
    chance_of_winning: float
    equal_effort: float
    adjusted: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Comparison:
    """All of it.

    Attributes:
        bins: that all populations share; distributions and curves are normalised in them, pairs in their own.
        limit: error up to which areas are taken: the largest of all models.
        planned: models of each space that the comparison was planned with; None for populations as they are.
        notes: what every output must say beside the marks of the populations: what was forced, changed or left out.
    """

    name: str
    rules: ComparisonRules
    bins: Bins
    summaries: tuple[Summary, ...]
    pairs: tuple[Pair, ...]
    limit: float
    planned: int | None = None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What may be concluded: a sentence for each pair, what limits it, and what every output must say."""
        return "\n".join([*(pair.text for pair in self.pairs), *self.limits, *self.marks])

    @property
    def interim(self) -> bool:
        """Whether models are still to come that some pair waits for."""
        looks = [pair.judgement.looks[-1] for pair in self.pairs if not pair.judgement.decided or not self.sequential]
        return any(look.fraction < 1 for look in looks)

    @property
    def sequential(self) -> bool:
        """Whether it was made to be looked at several times."""
        return any(len(pair.judgement.looks) > 1 for pair in self.pairs)

    @property
    def names(self) -> list[str]:
        """Of the populations."""
        return [one.population.name for one in self.summaries]

    @property
    def called(self) -> list[str]:
        """What sentences and figures call them."""
        return short_names(self.names)

    @property
    def limits(self) -> list[str]:
        """What must not be read into the verdicts, in sentences; nothing where there are none."""
        return limits([one.population for one in self.summaries], self.called) if self.pairs else []

    @property
    def marks(self) -> list[str]:
        """What every output must say."""
        return [mark for one in self.summaries for mark in one.population.marks] + list(self.notes)


def analyse(
    name: str,
    populations: Sequence[Population],
    rules: ComparisonRules,
    *,
    planned: int | None = None,
    judgements: Sequence[Judgement] | None = None,
    notes: Sequence[str] = (),
) -> Comparison:
    """Compare populations of one regime.

    Args:
        planned: models per space that the comparison was planned with; with fewer, verdicts pay for looking early.
        judgements: the verdicts, where several looks made them; made here otherwise.

    Raises:
        PopulationError: too few models, or no complexity in common.
    """
    fitted = [with_line_fits(one) for one in populations]
    bins = binned(fitted, rules)
    limit = max(float(one.error.max()) for one in fitted) or 1.0
    sizes = best_of.merged_sizes([len(one) for one in fitted], (rules.best_of,))
    at = _error_axis(fitted)
    summaries = tuple(
        _summary(one, members, rules, at, sizes, limit, place)
        for place, (one, members) in enumerate(zip(fitted, bins.members, strict=True))
    )
    fraction = min(1.0, min(map(len, fitted)) / planned) if planned else 1.0
    verdicts = list(judgements) if judgements is not None else judge(fitted, rules, fraction=fraction)
    pairs = _pairs(summaries, bins, rules, verdicts)
    return Comparison(name, rules, bins, summaries, pairs, limit, planned, tuple(notes))


def _error_axis(populations: Sequence[Population]) -> Floats:
    """Points just above every error where there are few, else evenly spread over their quantiles."""
    errors = np.unique(np.concatenate([one.error for one in populations]))
    if len(errors) > _POINTS:
        errors = np.unique(np.quantile(errors, np.linspace(0, 1, _POINTS)))
    return np.unique(np.concatenate([[errors[0]], np.nextafter(errors, np.inf)]))


def _summary(
    population: Population,
    members: npt.NDArray[np.int64],
    rules: ComparisonRules,
    at: Floats,
    sizes: list[int],
    limit: float,
    place: int,
) -> Summary:
    errors, weights = population.error, bin_weights(members)
    n = len(errors)

    def rng(what: str) -> np.random.Generator:
        return keyed.generator("compare", what, rules.seed, place, n)

    low, high = edf.bootstrap_band(errors, at, members, repeats=rules.resamples, rng=rng("edf"))
    distribution = Distribution(at, edf.edf(errors, at), edf.edf(errors, at, weights), low, high, edf.dkw_half_width(n))
    curve = best_of.best_curve(errors, sizes, members, quantiles=QUANTILES, repeats=rules.resamples, rng=rng("best"))
    here = sizes.index(rules.best_of)
    best = best_models(errors, rng=rng("range"))
    columns = quantities(population)
    return Summary(
        population=population,
        weights=weights,
        counted=int((members >= 0).sum()),
        mean=float(errors.mean()),
        median=float(np.median(errors)),
        least=float(errors.min()),
        low_quantile=edf.quantile(errors, LOW_QUANTILE),
        mean_normalised=float(weights @ errors),
        area=edf.area_below(errors, limit, weights),
        distribution=distribution,
        curve=curve,
        plain=best_of.expected_best(errors, sizes),
        unbiased=_unbiased(errors, sizes),
        best=(float(curve.expected[here]), float(curve.low[here]), float(curve.high[here])),
        columns=columns,
        ranges={name: best_range(column, best) for name, column in columns.items()},
        agreement=_agreement(population, rng("noise")),
    )


def _unbiased(errors: Floats, sizes: list[int]) -> dict[int, float]:
    most = max(1, int(best_of.TRUSTED_SHARE * len(errors)))
    trusted = [m for m in sizes if m <= most]
    return dict(zip(trusted, best_of.expected_best_unbiased(errors, trusted).tolist(), strict=True))


def _agreement(population: Population, rng: np.random.Generator) -> Agreement:
    several = population.errors[np.isfinite(population.errors[:, :2]).all(axis=1)]
    components, between_seeds = None, None
    if several.shape[1] >= 2 and len(several) >= 3:
        whole = several[:, np.isfinite(several).all(axis=0)]
        components = noise.variance_components(whole, rng=rng)
        between_seeds = noise.rank_correlation(whole[:, 0], whole[:, 1])
    curves = population.curves[:, 0]
    whole_curves = curves[np.isfinite(curves).all(axis=1)]
    epochs: tuple[float, ...] = ()
    if whole_curves.shape[1] >= 2 and len(whole_curves) >= 3:
        last = whole_curves[:, -1]
        epochs = tuple(noise.rank_correlation(column, last) for column in whole_curves.T[:-1])
    return Agreement(components, between_seeds, epochs)


def _pairs(
    summaries: tuple[Summary, ...], bins: Bins, rules: ComparisonRules, verdicts: list[Judgement]
) -> tuple[Pair, ...]:
    names = short_names([one.population.name for one in summaries])
    best = {place: one.best for place, one in enumerate(summaries)}
    found = [_pair(summaries, bins, rules, one, sentence(one, names, rules, best)) for one in verdicts]
    for test in TESTS:
        adjusted = holm([getattr(one, test).p for one in found]).tolist() if found else []
        found = [replace(one, adjusted={**one.adjusted, test: p}) for one, p in zip(found, adjusted, strict=True)]
    return tuple(found)


def _pair(summaries: tuple[Summary, ...], bins: Bins, rules: ComparisonRules, judgement: Judgement, text: str) -> Pair:
    """One pair; its p values are not yet adjusted."""
    a, b = judgement.first, judgement.second
    one, two = summaries[a].population.error, summaries[b].population.error
    errors, weights = (one, two), (summaries[a].weights, summaries[b].weights)
    size = len(one) + len(two)
    rng = keyed.generator("compare", "pair", rules.seed, a, b, size)
    return Pair(
        judgement=judgement,
        text=text,
        ks=two_sample.kolmogorov_smirnov(one, two),
        weighted_ks=two_sample.weighted_kolmogorov_smirnov(
            one, two, bins.members[a], bins.members[b], repeats=permutations(_BESIDE, size), rng=rng
        ),
        mann_whitney=two_sample.mann_whitney(one, two),
        mean=two_sample.mean_difference(one, two, rng=rng, repeats=rules.resamples),
        quantile=two_sample.quantile_difference(one, two, LOW_QUANTILE, rng=rng, repeats=rules.resamples),
        chance_of_winning=float(best_of.chance_of_winning(*errors, [rules.best_of], *weights)[0]),
        equal_effort=best_of.equal_effort(*errors, rules.best_of, *weights),
    )
