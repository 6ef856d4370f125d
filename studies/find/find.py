"""``regnas find``: look at pictures, search, train, test once, export, and say what was found."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

from regnas import weights
from regnas.architecture import Architecture
from regnas.costs import complexity_of
from regnas.dataset import DataSet
from regnas.errors import StudyError, UsageError
from regnas.options import FindOptions
from regnas.studies.find import card, estimate, files, machine, pace, report, verdict
from regnas.studies.find.finding import Finding
from regnas.studies.find.look import look
from regnas.studies.find.published import settled
from regnas.studies.find.request import RECORD, STUDY, FindRequest, request_of
from regnas.studies.run.clock import CLOCK, spent_before
from regnas.studies.run.progress import Progress
from regnas.studies.search import search as searching
from regnas.studies.search.identity import differing
from regnas.studies.search.plan import SearchPlan, plan
from regnas.studies.search.search import SearchResult
from regnas.studies.storage.locks import locked, refuse_if_held
from regnas.studies.training.using.images import Labelled, labelled
from regnas.studies.training.using.network import find_trained
from regnas.studies.training.using.test import TestReport, report_of
from regnas.system.duration import short
from regnas.system.files import remove_leftovers, replacing, write_json
from regnas.system.reading import fields_if_whole, read_fields

_THIS = ("this find", "give --out FOLDER")
CARD, REPORT, TEST = "card.md", "report.html", "test.json"


@dataclass(frozen=True)
class FindResult:
    """What a find returns.

    Attributes:
        folder: that `regnas.load` and every command for a trained network take: ``architecture.json``,
            ``weights.safetensors``; ``card.md``, ``report.html`` and the exported files lie beside them.
        conclusion: in a sentence.
        record: all numbers, as ``find.json`` has them.
        again: whether it was found before, and nothing was done.
    """

    folder: Path
    conclusion: str
    record: Mapping[str, Any]
    again: bool = False

    @property
    def card(self) -> Path:
        """The model card."""
        return self.folder / CARD

    @property
    def report(self) -> Path:
        """The report, one file for a browser."""
        return self.folder / REPORT


def run(asked: FindRequest, progress: Progress) -> FindResult:
    """Find a network, or go on with that, or return what was found.

    Raises:
        Interrupted: Ctrl-C while it searches; what is finished is kept.
        RegnasError: as of a search, a training or an export.
        UsageError: the folder belongs to another find, or was found in a longer time; the time is too short for one
            training, or nothing is trained.
    """
    refuse_if_held(asked.folder, _THIS)
    imports = pace.seconds_of_imports()  # before the plan imports the same
    asked = settled(asked, progress.say)
    made = replace(plan(asked.space, upper_half=True, **asked.search), can_test=False)  # the winner is tested, once
    images = _images(made)
    begun = _begun(asked, made)
    if begun and (found := _found(asked)) is not None:
        return found
    with locked(asked.folder, _THIS):
        remove_leftovers(asked.folder)
        progress.say(made.headline())
        noticed = _noticed(asked, made, images, progress)
        known = pace.pace_of(made, imports)
        result = searching.run(_planned(asked, made, progress, begun, known), progress)
        if (few := estimate.too_few(made, result, known)) is not None:
            progress.say(few.text)
        final = searching.retrain(result, "auto", asked.search, say=progress.say)
        finding = _finding(asked, made, result, final, noticed, progress, few)
        _write(finding)
    return FindResult(asked.folder, finding.conclusion, finding.to_json())


def _images(made: SearchPlan) -> DataSet:
    """The pictures that networks are trained on.

    Raises:
        UsageError: nothing is trained on pictures.
    """
    if made.data is None or "scored" in made.facts:
        raise UsageError(
            f"find compares trainings on pictures, and --evaluator {made.evaluator} trains on none; leave it out"
        )
    return made.data


def _begun(asked: FindRequest, made: SearchPlan) -> bool:
    """Whether the folder holds this find's search.

    Raises:
        UsageError: it holds that of another.
    """
    stored = fields_if_whole(asked.folder / STUDY / "study.json", settings=dict)
    if stored is None:
        return False
    if different := differing(stored["settings"], made.settings.to_json()):
        raise UsageError(
            f"{asked.folder} belongs to another find ({'; '.join(different)}); give this one another folder with "
            f"--out, or repeat that command"
        )
    return True


def _found(asked: FindRequest) -> FindResult | None:
    """What was found in this time before; None where it is still to be done.

    Raises:
        UsageError: it was found in a longer time: a network that is trained for less would take its place.
    """
    stored = fields_if_whole(asked.folder / RECORD, seconds=float, conclusion=str)
    there = all((asked.folder / name).exists() for name in (CARD, REPORT, weights.WEIGHTS, weights.ARCHITECTURE))
    if stored is None or stored["seconds"] < asked.seconds or not there:
        return None
    if stored["seconds"] > asked.seconds:
        whole = short(stored["seconds"])
        raise UsageError(
            f"the network in {asked.folder} was found in --time {whole}, and one of {short(asked.seconds)} would take "
            f"its place; give --time {whole} or more, or another folder with --out"
        )
    return FindResult(asked.folder, stored["conclusion"], read_fields(asked.folder / RECORD), again=True)


def _noticed(asked: FindRequest, made: SearchPlan, images: DataSet, progress: Progress) -> list[str]:
    """Say what is wrong with the images; what the data set says of them by itself is left to the search."""
    noticed = look(images, asked.files)
    for line in noticed:
        progress.say(line)
    if not noticed and not made.facts.get("remarks"):
        progress.say(
            f"{sum(made.facts.get('images', {}).values()):,} pictures were looked at: nothing is odd about them"
        )
    return noticed


def _planned(
    asked: FindRequest, made: SearchPlan, progress: Progress, begun: bool, known: pace.Pace | None
) -> SearchPlan:
    """The search, when it is said what the time is divided into and what cannot be exported.

    What a meter measures is measured before anything trains, as a machine that trains is not quiet: so there are only
    as many candidates as the time will do for.

    Raises:
        UsageError: the time is too short for one training.
    """
    if asked.regime is not None:
        progress.say(
            f"networks of {asked.regime} flops, as usual for such pictures; larger or smaller ones by --flops LOW:HIGH"
        )
    if known is not None and not begun:
        estimate.check(asked, known)
    for line in estimate.said(asked, made, known, spent_before(asked.folder / STUDY / CLOCK)):
        progress.say(line)
    first = pace.first_candidate(made)
    if (reason := files.foreseen(first.architecture, first.params)) is not None:
        progress.say(reason)
    if known is None or not made.space.meters:
        return made
    return replace(made, budget=estimate.with_margin(asked, made, known))


def _finding(
    asked: FindRequest,
    made: SearchPlan,
    result: SearchResult,
    final: Path,
    noticed: list[str],
    progress: Progress,
    few: estimate.TooFew | None,
) -> Finding:
    """Keep the network, test it, export it, measure it; what an earlier, shorter find says is no longer so."""
    for name in (RECORD, TEST):
        (asked.folder / name).unlink(missing_ok=True)
    network = _keep(final, asked.folder)
    race = verdict.race_of(final)
    name, searched, params = _named(network, result, race)
    test, pictures = _tested(asked, made)
    progress.say("measuring and exporting")
    return Finding(
        asked=asked,
        plan=made,
        result=result,
        training=read_fields(final / "result.json"),
        name=name,
        searched=searched,
        network=network,
        params=params,
        cost=_cost(network, made),
        remarks=[*made.facts.get("remarks", ()), *noticed],
        race=race,
        lead=verdict.lead_of(race, result),
        gain=verdict.gain_of(verdict.errors_of(result.rows)),
        speed=machine.speed_of(network, made.space, asked.folder),
        files=files.write(asked, network, params, progress.say),
        versions=machine.versions(),
        test=test,
        pictures=pictures,
        longer="" if few is None else few.longer,
        tested=len(list((asked.folder / STUDY).glob("final-*/result.json"))),
    )


def _keep(final: Path, folder: Path) -> Architecture:
    """Copy the trained network to where it is easily found; returns its architecture."""
    for name in (weights.WEIGHTS, weights.ARCHITECTURE):
        with replacing(folder / name) as partial:
            shutil.copyfile(final / name, partial)
    return weights.read_architecture(folder)


def _named(
    network: Architecture, result: SearchResult, race: verdict.Race | None
) -> tuple[str, bool, Mapping[str, Any]]:
    """The network's name, whether it was searched, and its point in the space."""
    key = network.key()
    for row in (*result.rows, *result.baselines):
        if row["architecture"] and _key_of(row) == key:
            name = row.get("baseline") or f"candidate {row['index']}"
            if race is None or race.winner.name == name:
                return name, "baseline" not in row, row["params_by_name"]
    raise StudyError(f"{result.folder} holds no network like the trained one; give another folder with --out")


def _key_of(row: Mapping[str, Any]) -> str:
    from regnas.architecture import from_json

    return from_json(row["architecture"]).key()


def _cost(network: Architecture, made: SearchPlan) -> dict[str, float]:
    memory = machine.peak_memory(network, made.space)
    return {**complexity_of(network, made.space.resolution), **({} if memory is None else {"memory": memory})}


def _tested(asked: FindRequest, made: SearchPlan) -> tuple[TestReport | None, Labelled | None]:
    """The network on the test images, where there are any."""
    folder = asked.folder
    if _images(made).test() is None:
        return None, None
    trained = find_trained(str(folder))
    predictor = trained.load()
    root = asked.search.get("data_root")
    where: dict[str, Any] = {"root": None if root is None else str(root), "cache": folder / "cache"}
    images = labelled(trained, predictor.preprocessing, asked.data, **where)
    found = report_of(predictor, images)
    write_json(folder / TEST, found.to_json())
    return found, images


def _write(finding: Finding) -> None:
    """The card, the report, and at last the record, which says that all is done."""
    try:
        report.write(finding, finding.folder / REPORT)
        card.write(finding, finding.folder / CARD)
        write_json(finding.folder / RECORD, finding.to_json())
    except OSError as error:
        raise StudyError(f"cannot write to {finding.folder}: {error.strerror}; choose a folder with --out") from error


def find(data: str | Path, **options: Unpack[FindOptions]) -> FindResult:
    """What ``regnas find`` does, from Python.

    Args:
        data: a folder of pictures, with a folder for each class, or the spec of a data set.
        options: the flags of the command, as `regnas.options.FindOptions` describes them.

    Raises:
        RegnasError: see `request_of` and `run`.
    """
    from rich.console import Console

    from regnas.studies.run.progress import Lines, Silent

    asked = request_of(data, options)
    progress: Progress = Silent() if asked.quiet else Lines(Console(emoji=False))
    return run(asked, progress)


__all__ = ["FindResult", "find", "run"]
