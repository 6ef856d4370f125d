"""Predictor search: an ensemble on the networks' features proposes the most promising of many candidates.

Sources: BANANAS, White et al. 2021 (arXiv 1910.11858), algorithm 1: candidates are mutations of the best networks,
and an acquisition function on an ensemble chooses; SMAC, Hutter et al. 2011: forests as the model, random candidates
beside the neighbours of the best. Here the ensemble is trees and a Gaussian process
(`regnas.strategies.models.ensemble`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.strategies.models.ensemble import MODELS, Ensemble, Prediction
from regnas.strategies.models.expected_improvement import expected_improvement
from regnas.strategies.models.features import Features, Floats
from regnas.strategies.models.transform import Warp
from regnas.strategies.sampling.candidates import CandidateSource
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.joint import ProposesWhole
from regnas.strategies.sampling.record import Record
from regnas.strategy import own_options

if TYPE_CHECKING:
    from optuna.study import Study

ACQUISITIONS = ("ei", "ucb", "thompson", "random")


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """Predictor search inside the window.

    Options:
        init: random candidates before the first fit.
        parents: best networks whose mutations are candidates; 0 leaves the random ones alone.
        mutants: candidates of each parent: its neighbours, and further mutations where these are too few.
        random: random candidates of each proposal.
        acquisition: ``ei`` expected improvement, ``ucb`` mean less one deviation, ``thompson`` a draw for each
            candidate, as in BANANAS; ``random`` any candidate, which measures what the candidates alone are worth.
        model: ``both``, ``trees`` or ``process`` (a Gaussian process).
        trees: of the forest.
        scores: of untrained networks that are features, too: names of ``zero-cost`` joined by ``+``.
    """
    known: dict[str, Any] = {"init": 10, "parents": 5, "mutants": 24, "random": 100}
    known |= {"acquisition": "ei", "model": "both", "trees": 20, "scores": ""}
    inner = Predictor(space, own_options(options, "predictor", known))
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=16)


class Predictor(ProposesWhole):
    """The inner sampler. It has no opinion until ``init`` results are in, or when it finds no new candidate.

    What is in flight counts as done with the error that the ensemble expects (the "kriging believer" of Ginsbourger et
    al. 2010), so that parallel proposals spread.
    """

    def __init__(self, space: Space, options: Mapping[str, Any]) -> None:
        _check(options)
        super().__init__(space)
        self._options = options
        self._features = Features(space)
        self._record = Record(space)
        self._source = CandidateSource(space, options["mutants"])
        self._measure: Callable[[Sequence[Candidate]], list[list[float]]] | None = None
        self.rekey(0)

    @property
    def scores(self) -> tuple[str, ...]:
        """Those that are features, too."""
        return tuple(name.strip() for name in self._options["scores"].split("+") if name.strip())

    def score_by(self, measure: Callable[[Sequence[Candidate]], list[list[float]]]) -> None:
        """See `regnas.sampler.SupportsScores`."""
        self._measure = measure

    def rekey(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._ranked: list[Candidate] | None = None

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self.scores and self._measure is None:
            raise UsageError(
                f"predictor[scores={self._options['scores']}] scores networks on training images, which a search that "
                f"trains has and nothing else; leave scores out"
            )
        if self._ranked is None:
            self._record.read(study, but=trial.number)
            few = len(self._record.done) < self._options["init"]
            self._ranked = [] if few else self._rank()
        if not self._ranked:
            return {}
        chosen = self._ranked.pop(0)  # asked again, it says the next best
        return {name: chosen.params[name] for name in search_space}

    def _rank(self) -> list[Candidate]:
        """New candidates, the most promising first; equals in random order."""
        errors = self._record.errors
        best = np.argsort(errors, kind="stable")[: self._options["parents"]]
        parents = [self._record.done[number] for number in best.tolist()]
        found = self._source.find(parents, self._options["random"], self._record.seen, self._rng)
        if self._options["acquisition"] == "random" or not found:
            return [found[number] for number in self._rng.permutation(len(found)).tolist()]
        known = Warp.of(errors).forward(errors)
        predicted = self._ensemble(known).predict(self._rows(found))
        values = self._acquire(predicted, float(known.min()))
        order = np.lexsort((self._rng.random(len(found)), values))
        return [found[number] for number in order.tolist()]

    def _ensemble(self, known: Floats) -> Ensemble:
        """Fitted to what is done and to what is believed of what is in flight."""
        rows = self._rows(self._record.done)
        ensemble = self._fit(rows, known)
        if not self._record.pending:
            return ensemble
        pending = self._rows(self._record.pending)
        believed = ensemble.predict(pending).mean
        return self._fit(np.concatenate([rows, pending]), np.concatenate([known, believed]))

    def _rows(self, candidates: Sequence[Candidate]) -> Floats:
        """Features, and scores on the scale of their magnitudes; one that a network lacks counts as 0."""
        rows = self._features.rows(candidates)
        if self._measure is None or not self.scores:
            return rows
        scores = np.array(self._measure(candidates)).reshape(len(candidates), len(self.scores))
        return np.concatenate([rows, np.arcsinh(np.nan_to_num(scores))], axis=1)

    def _fit(self, rows: Floats, known: Floats) -> Ensemble:
        seed = int(self._rng.integers(2**31))
        return Ensemble(rows, known, seed=seed, trees=self._options["trees"], models=self._options["model"])

    def _acquire(self, predicted: Prediction, best: float) -> Floats:
        """The acquisition function of every candidate, ``(m,)``; the lowest is proposed."""
        if self._options["acquisition"] == "ei":
            return -expected_improvement(predicted.mean, predicted.deviation, best)
        if self._options["acquisition"] == "ucb":
            return predicted.mean - predicted.deviation
        return self._rng.normal(predicted.mean, predicted.deviation)


def _check(options: Mapping[str, Any]) -> None:
    for name, low in (("init", 2), ("parents", 0), ("mutants", 1), ("random", 0), ("trees", 2)):
        if options[name] < low:
            raise UsageError(f"{name} of predictor is at least {low}, got {options[name]}")
    if not options["parents"] and not options["random"]:
        raise UsageError("predictor has no candidates with parents=0 and random=0; give one of them at least 1")
    for name, texts in (("acquisition", ACQUISITIONS), ("model", MODELS)):
        if options[name] not in texts:
            raise UsageError(f"{name} of predictor is one of {', '.join(texts)}, got {options[name]!r}")
