"""``regnas compare``: train what is missing, the spaces in turn, then judge and report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import optuna
from rich.console import Console

from regnas.candidate import STREAM_VERSION
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.executor import Executor
from regnas.measure import short_of
from regnas.options import CompareOptions, SearchOptions, check_options
from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.dashboard import attach
from regnas.studies.compare.interim_analyses import BATCH, Looking, look_sizes
from regnas.studies.compare.progress import BatchLines, ComparisonProgress, SilentBatches
from regnas.studies.compare.report import output
from regnas.studies.compare.request import (
    Request,
    compare_populations,
    comparison_folder,
    name_of,
    populations_of,
    remake,
    remembering,
    write_request,
)
from regnas.studies.compare.reuse import goes_on, stream_versions, take_over
from regnas.studies.compare.rules import NONE, ComparisonRules
from regnas.studies.driver import Interrupted
from regnas.studies.populations.files import write_population
from regnas.studies.populations.population import Population, PopulationError, from_rows
from regnas.studies.run.telling import TooManyFailures
from regnas.studies.search.identity import folder_name
from regnas.studies.search.outcome import rows_of
from regnas.studies.search.plan import SearchPlan, plan
from regnas.studies.search.session import completed, look_ahead, make_workers, populate, under_free_name
from regnas.studies.storage.locks import locked
from regnas.studies.storage.open import open_storage


@dataclass(frozen=True)
class Runs:
    """The searches behind a comparison: by space, its plan and the plans of further seeds."""

    plans: tuple[tuple[SearchPlan, ...], ...]
    budget: int
    seeds_on: int
    request: Request
    folder: Path
    known: tuple[str, ...] = ()

    @property
    def storage(self) -> str:
        """Where all studies of the comparison are."""
        return self.plans[0][0].storage


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How much a comparison trains.

    Attributes:
        budget: models of each space.
        seeds: trainings of each network.
        seeds_on: networks that get more than one; all unless said.
        until_decided: stop a pair as soon as it is decided.

    Raises:
        UsageError: names the flag, what it can be and what it is.
    """

    budget: int = 100
    seeds: int = 1
    seeds_on: int | None = None
    until_decided: bool = False

    def __post_init__(self) -> None:
        budget, seeds, on = self.budget, self.seeds, self.seeds_on
        if budget < 2 or seeds < 1 or (on is not None and on < 1):
            shown = f"{budget} and {seeds}" if on is None else f"{budget}, {seeds} and {on}"
            raise UsageError(f"--budget is at least 2, --seeds and --seeds-on are at least 1, got {shown}")
        if on is not None and seeds < 2:
            raise UsageError("--seeds-on says how many networks get further seeds; give --seeds 2 or more with it")
        if self.until_decided and budget <= BATCH:
            raise UsageError(f"--until-decided looks every {BATCH} models, so --budget is above {BATCH}, got {budget}")

    @property
    def again(self) -> int:
        """Networks that are trained with the further seeds."""
        return min(self.seeds_on or self.budget, self.budget)


def plan_runs(
    spaces: Sequence[str | Space],
    rules: ComparisonRules | None = None,
    *,
    amounts: Amounts | None = None,
    name: str | None = None,
    force: bool = False,
    known: Sequence[str] = (),
    **options: Unpack[SearchOptions],
) -> Runs:
    """Check everything before a comparison trains.

    Args:
        spaces: two or more.
        known: populations whose trainings are taken over, as `regnas.studies.compare.reuse.take_over` takes them.
        options: of the searches: data, flops, epochs, seed, workers ...

    Raises:
        UsageError, RegnasError: as `regnas.studies.search.plan.plan`, or spaces in different regimes.
    """
    much = amounts or Amounts()
    plans = _plans(
        spaces,
        much,
        stream_versions(known, options.get("storage")),
        {**options, "strategy": "random", "budget": much.budget},
    )
    specs = [made[0].space.spec for made in plans]
    if len(set(specs)) < len(specs):
        raise UsageError(f"each space is compared once, got {', '.join(specs)}")
    request = Request(
        name or name_of(specs),
        tuple(tuple(str(one.folder) for one in made) for made in plans),
        rules or ComparisonRules(),
        much.budget,
        look_sizes(much.budget) if much.until_decided else (),
        force,
        seeds=much.seeds if much.again >= much.budget else 1,
    )
    _check_known([made[0].space for made in plans], (rules or ComparisonRules()).complexity)
    _check_alike([made[0] for made in plans], force)
    folder = comparison_folder(plans[0][0].folder.parent, request)
    return Runs(tuple(plans), much.budget, much.again, request, folder, tuple(known))


def _plans(
    spaces: Sequence[str | Space], amounts: Amounts, versions: Mapping[str, int], options: SearchOptions
) -> list[tuple[SearchPlan, ...]]:
    """Of every space, the search of its models and those of their further seeds, under names that are free."""
    plans = []
    for space in spaces:
        made = [plan(space, repeat=repeat, **options) for repeat in range(amounts.seeds)]
        own = space.stream_version if isinstance(space, Space) else STREAM_VERSION
        first = under_free_name(made[0], versions.get(made[0].settings.space, own))
        further = [under_free_name(one, first.settings.stream_version) for one in made[1:]]
        plans.append((first, *further))
    return plans


def _check_known(spaces: Sequence[Space], complexity: str) -> None:
    """Refuse a complexity that nothing will know of the networks, before they are trained."""
    for space in spaces:
        if complexity != NONE and complexity not in space.known_costs and complexity not in space.window:
            raise UsageError(
                f"--complexity {complexity} is not known of networks of {space.spec} unless it is measured; have each "
                f"one measured by --limit {short_of(complexity)}=0:"
            )


def _check_alike(plans: Sequence[SearchPlan], force: bool) -> None:
    """Refuse spaces whose specs bring windows of their own before hours are spent on them."""
    first = plans[0].settings.to_json()
    for other in plans[1:]:
        stored = other.settings.to_json()
        different = [key for key in ("window", "images", "recipe") if stored[key] != first[key]]
        if different and not force:
            raise PopulationError(
                f"{plans[0].space.spec} and {other.space.spec} differ in {', '.join(different)}; give one window for "
                f"all with --flops, or --force and every output is marked"
            )


def run(runs: Runs, progress: ComparisonProgress | None = None) -> Comparison:
    """Train what is missing, in turns of ten models, and compare.

    Raises:
        Interrupted: Ctrl-C; a report of what is there was written if there is enough for one.
        RegnasError: as `regnas.studies.search.session.populate`.
    """
    with locked(runs.folder, ("this comparison", "give --name NAME")):
        return _run(runs, progress or SilentBatches())


def _run(runs: Runs, heard: ComparisonProgress) -> Comparison:
    for note in (*goes_on([made[0] for made in runs.plans]), *runs.plans[0][0].notes):
        heard.say(note)
    for made in runs.plans:
        look_ahead(made[0])
    runs = replace(runs, request=remembering(runs.request, runs.folder))
    write_request(runs.request, runs.folder)
    if taken := take_over(runs.known, [one for made in runs.plans for one in made], runs.storage):
        heard.say(f"{taken} trainings taken over")
    heard.plan(_missing(runs))
    pool = make_workers(runs.plans[0][0], runs.folder / "logs")
    try:
        runs = _without(runs, _train(runs, heard, pool))
    except Interrupted:
        try:
            finish(runs, remake(runs.request, runs.storage))
        except PopulationError:
            pass  # too few models of some space yet
        raise
    finally:
        pool.close()
    if len(runs.request.left_out) == len(runs.plans):
        raise TooManyFailures("; ".join(why for _, why in runs.request.left_out))
    write_request(runs.request, runs.folder)
    comparison = remake(runs.request, runs.storage)
    finish(runs, comparison)
    return comparison


def compare(
    spaces: Sequence[str | Space] = (),
    *,
    populations: str | Path | Population | Sequence[str | Path | Population] = (),
    **options: Unpack[CompareOptions],
) -> Comparison:
    """What ``regnas compare`` does, from Python.

    Args:
        spaces: to train models of; or
        populations: populations that are there: names as `regnas.studies.populations.sources.load` takes them, files,
            or values, which are kept in the folder ``out``.
        options: as `regnas.options.CompareOptions` describes them.

    Raises:
        RegnasError: as `plan_runs`, `run` and `regnas.studies.compare.request.compare_populations`.
    """
    check_options(options, CompareOptions, "compare")
    given: dict[str, Any] = dict(options)
    quiet = given.pop("quiet", False)
    rules = ComparisonRules(**_taken(given, "complexity", "bins", "margin", "alpha"), seed=given.get("seed", 0))
    several = [populations] if isinstance(populations, str | Path | Population) else list(populations)
    if bool(spaces) == bool(several):
        raise UsageError("give spaces to train, or populations that are there")
    if spaces:
        amounts = Amounts(**_taken(given, "budget", "seeds", "seeds_on", "until_decided"))
        progress = None if quiet else BatchLines(Console(emoji=False))
        return run(plan_runs(spaces, rules, amounts=amounts, **given), progress)
    kept = {"out": "regnas-runs", **_taken(given, "out", "name", "force", "storage")}
    if further := sorted(set(given) - {"seed"}):
        raise UsageError(f"{', '.join(further)} is for spaces: the models of populations are there already")
    texts = [_kept(one, Path(kept["out"])) if isinstance(one, Population) else str(one) for one in several]
    return compare_stored(texts, rules, **kept)[0]


def _taken(options: dict[str, Any], *names: str) -> dict[str, Any]:
    """Those of some options that are given; they are none of the rest any more."""
    return {name: options.pop(name) for name in names if name in options}


def _kept(population: Population, out: Path) -> str:
    """A population as a file, so that the report can be made again."""
    path = out / "populations" / f"{folder_name(population.name)}.csv.gz"
    write_population(path, population)
    return str(path)


def compare_stored(
    populations: Sequence[str],
    rules: ComparisonRules,
    *,
    out: str | Path,
    name: str | None = None,
    force: bool = False,
    storage: str | None = None,
) -> tuple[Comparison, Path]:
    """Compare populations that are there, and write the report.

    Args:
        storage: as of `regnas.studies.populations.sources.load`.

    Returns:
        The comparison and its folder.

    Raises:
        PopulationError: as `regnas.studies.compare.request.compare_populations`.
    """
    comparison, asked = compare_populations(populations, rules, name=name, force=force, storage=storage)
    folder = comparison_folder(out, asked)
    remembered = remembering(asked, folder)
    if remembered != asked:
        asked, comparison = remembered, replace(comparison, notes=(*comparison.notes, *remembered.notes))
    write_request(asked, folder)
    output.write(comparison, folder, [text for group in asked.sources for text in group])
    return comparison, folder


def train_first(runs: Runs, count: int, progress: ComparisonProgress) -> list[Population]:
    """The first models of every space, trained where they are missing; nothing is compared."""
    progress.plan(_missing(runs))
    pool = make_workers(runs.plans[0][0], runs.folder / "logs")
    try:
        return [_grown(runs, place, count, progress, pool) for place in range(len(runs.plans))]
    finally:
        pool.close()


def finish(runs: Runs, comparison: Comparison) -> None:
    """Write the report, and attach it to the studies."""
    output.write(comparison, runs.folder, [text for group in runs.request.sources for text in group])
    studies = [optuna.load_study(study_name=made[0].name, storage=open_storage(made[0].storage)) for made in runs.plans]
    attach(comparison, studies)


def _turns(budget: int, looks: tuple[int, ...]) -> Iterator[int]:
    yield from looks or (*range(BATCH, budget, BATCH), budget)


def _train(runs: Runs, heard: ComparisonProgress, pool: Executor) -> dict[int, str]:
    """Train in turns until the budget is spent or every pair is decided.

    Returns:
        The spaces that cannot go on because their candidates fail, by place, and what is said of each.
    """
    lost: dict[int, str] = {}
    looking = Looking(runs.request.rules, runs.budget)
    places = set(range(len(runs.plans)))
    for count in _turns(runs.budget, runs.request.looks):
        known = len(lost)
        for place in sorted(places):
            try:
                heard.batch(_grown(runs, place, count, heard, pool), runs.budget)
            except TooManyFailures as error:
                lost[place] = f"{runs.plans[place][0].space.spec} is left out, and there is no verdict on it: {error}"
                heard.say(lost[place])
        places -= set(lost)
        if runs.request.looks:
            looks = [count]
            if len(lost) > known:  # other pairs than so far: look again from the first
                looking = Looking(runs.request.rules, runs.budget)
                looks = [size for size in runs.request.looks if size <= count]
            left = _still_open(_without(runs, lost), looking, looks)
            heard.dropped(len(places - left) * (runs.budget - count))
            places = left
        if not places:
            break
    return lost


def _without(runs: Runs, lost: dict[int, str]) -> Runs:
    """The same without spaces that cannot go on."""
    return replace(runs, request=replace(runs.request, left_out=tuple(sorted(lost.items()))))


def _grown(runs: Runs, place: int, count: int, heard: ComparisonProgress, pool: Executor) -> Population:
    """A space with ``count`` models, and its repeats."""
    made = runs.plans[place]
    heard.turn(made[0].space.spec)
    study = populate(replace(made[0], budget=count), heard, pool)
    for repeat in made[1:]:
        populate(replace(repeat, budget=min(count, runs.seeds_on)), heard, pool)
    rows = rows_of(study, made[0].space)
    return from_rows(made[0].space.spec, rows, settings=made[0].settings.to_json()).first(count)


def _still_open(runs: Runs, looking: Looking, looks: Sequence[int]) -> set[int]:
    """The spaces that some pair still needs after these looks."""
    populations = populations_of(runs.request, runs.storage)
    if len(populations) < 2:
        return set()
    for count in looks:
        looking.look(populations, count)
    absent = {place for place, _ in runs.request.left_out}
    places = [place for place in range(len(runs.plans)) if place not in absent]
    return {places[number] for number in looking.open_places(len(populations))}


def headline(runs: Runs) -> str:
    """What is about to run, in three lines."""
    first = runs.plans[0][0]
    names = ", ".join(made[0].space.spec for made in runs.plans)
    further = f", {len(runs.plans[0])} seeds for the first {runs.seeds_on}" if len(runs.plans[0]) > 1 else ""
    _, trained, where = first.headline().split("\n")
    return (
        f"{names} inside {first.space.window}, {runs.budget} random models of each{further}\n{trained}\n"
        f"{where.split(', study')[0]}, studies in {first.folder.parent}/, report in {runs.folder}/"
    )


def _missing(runs: Runs) -> int:
    """Trainings that are not there yet."""
    total = 0
    for made in runs.plans:
        for number, one in enumerate(made):
            wanted = runs.budget if number == 0 else runs.seeds_on
            total += max(0, wanted - completed(one))
    return total
