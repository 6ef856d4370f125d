"""``--known``: trainings that a population holds already are taken over instead of done again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState, create_trial

from regnas.architecture import canonical
from regnas.candidate import STREAM_VERSIONS, Candidate
from regnas.errors import RegnasError
from regnas.sampling import keyed
from regnas.sampling.costing import limiting
from regnas.studies.populations.population import CONDITIONS, Population, PopulationError
from regnas.studies.populations.sources import load
from regnas.studies.run.pending import attributes_of
from regnas.studies.search.plan import SearchPlan
from regnas.studies.search.session import completed, opened
from regnas.system.text import counted
from regnas.window import Window

_SAME = ("space", "seed", "stream_version", *CONDITIONS)


def take_over(texts: Sequence[str], plans: Sequence[SearchPlan], storage: str | None = None) -> int:
    """Put the trainings of populations into the studies of these plans, where they are missing.

    Only trainings of the same candidates under the same regime, recipe and seed are taken; the architectures are
    held against the stream of candidates. A limit that leaves nothing out, such as ``latency 0:``, makes no other
    regime: so networks that were trained are measured.

    Args:
        texts, storage: populations, as `regnas.studies.populations.sources.load` takes them.

    Failures on record are taken over, too: a space does not become better by being extended.

    Returns:
        How many trainings were taken.

    Raises:
        PopulationError: a population that fits none of the plans.
    """
    taken = 0
    for population in [one for text in texts for one in load(text, storage=storage)]:
        fitting = [plan for plan in plans if not _differing(population, plan)]
        if not fitting:
            same_space = [plan for plan in plans if plan.settings.space == population.settings.get("space")]
            why = "; ".join(_differing(population, same_space[0])) if same_space else "another space"
            raise PopulationError(f"the trainings of {population.name} cannot be taken over: {why}")
        taken += sum(_into(population, plan) for plan in fitting)
    return taken


def goes_on(plans: Sequence[SearchPlan]) -> list[str]:
    """Of every study that is there already, one of a search among them, that it is gone on with."""
    said = []
    for one in plans:
        if count := completed(one):
            there = f"{counted(count, 'network')} {'is' if count == 1 else 'are'} there"
            searched = (one.folder / "best.json").exists()
            of, best = (" of your search", "; its best.json stays that search's") if searched else ("", "")
            said.append(f"goes on with the study {one.name}{of}: {there}{best}")
    return said


def stream_versions(texts: Sequence[str], storage: str | None = None) -> dict[str, int]:
    """The version of the stream that populations are of, by their space: new studies that take them over have it, too.

    Raises:
        PopulationError: a population that is not there.
    """
    settings = [population.settings for text in texts for population in load(text, storage=storage)]
    stored = {one.get("space"): one.get("stream_version") for one in settings}
    return {str(space): version for space, version in stored.items() if version in STREAM_VERSIONS}


def _differing(population: Population, plan: SearchPlan) -> list[str]:
    stored, wanted = population.settings, plan.settings.to_json()
    different = [key for key in _SAME if stored.get(key) != wanted[key]]
    if "window" in different and _window(stored) == _window(wanted):
        different.remove("window")
    return [f"{key}: {stored.get(key)!r} and {wanted[key]!r}" for key in different]


def _window(settings: Mapping[str, Any]) -> Window | str:
    """The limits that leave something out; the text, where it is no window that is known here."""
    text = str(settings.get("window"))
    try:
        return limiting(Window.read(text))
    except RegnasError:
        return text


def _into(population: Population, plan: SearchPlan) -> int:
    last = int(population.indices.max())
    candidates = plan.space.sample(last + 1, seed=plan.seed, duplicates=plan.settings.duplicates)
    repeat = (plan.repeat,) if plan.repeat else ()
    taken = 0
    with opened(plan) as study:
        there = {trial.user_attrs.get("index") for trial in study.get_trials(deepcopy=False)}
        for row, index in enumerate(population.indices.tolist()):
            candidate = candidates[index]
            seed = keyed.integer("train", plan.seed, index, *repeat)
            columns = np.flatnonzero(population.seeds[row] == seed)
            if index in there or not len(columns):
                continue
            stored = population.architectures[row]
            if stored is None or canonical(stored) != canonical(candidate.architecture.to_json()):
                raise PopulationError(f"{population.name}: model {index} is not candidate {index} of the stream")
            _add(study, plan, candidate, _training(population, row, int(columns[0]), seed, candidate))
            taken += 1
        for index in population.failures if not plan.repeat else ():
            if index not in there and index < last:
                failure = {**attributes_of(candidates[index], -1), "failure": f"on record in {population.name}"}
                _add(study, plan, candidates[index], {"state": TrialState.FAIL, "user_attrs": failure})
    return taken


def _training(population: Population, row: int, column: int, seed: int, candidate: Candidate) -> dict[str, Any]:
    """A training as what Optuna makes a trial of."""
    seconds, curve = population.seconds[row, column], population.curves[row, column]
    attributes = {
        **attributes_of(candidate, seed),
        "seconds": float(seconds) if np.isfinite(seconds) else 0.0,
        "diverged": int(population.diverged[row, column]),
    }
    return {
        "state": TrialState.COMPLETE,
        "value": float(population.errors[row, column]),
        "user_attrs": attributes,
        "intermediate_values": {epoch: float(error) for epoch, error in enumerate(curve) if np.isfinite(error)},
    }


def _add(study: optuna.Study, plan: SearchPlan, candidate: Candidate, trial: dict[str, Any]) -> None:
    distributions = plan.space.distributions
    trial["user_attrs"] |= {"draws": candidate.draws, "index": candidate.index}
    params = {name: candidate.params[name] for name in distributions}
    study.add_trial(create_trial(params=params, distributions=distributions, **trial))
