"""What is compared: populations by name, under rules; enough to make a report again without training."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from regnas.errors import DataError, UsageError
from regnas.studies.compare.analysis import Comparison, analyse
from regnas.studies.compare.interim_analyses import decide
from regnas.studies.compare.record import RECORD
from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.populations.population import Population, PopulationError, differences, from_rows, to_rows
from regnas.studies.populations.sources import load
from regnas.studies.recorded.files import RECORDED
from regnas.studies.search.identity import folder_name
from regnas.system.files import remove_leftovers, write_json
from regnas.system.reading import fields_if_whole, read_fields

REQUEST = "request.json"
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Request:
    """What ``regnas report`` needs to make a report again.

    Attributes:
        sources: names of the populations, as `load` takes them; those of one space's repeats belong together.
        budget: models of each population that count, in the order of the stream; all for None.
        looks: models at each look of ``--until-decided``; empty for one look at all.
        seeds: trainings of each network that its error is the mean of; as many as all have for None.
        left_out: sources that are not compared, by place, and why.
        notes: what every report of it must say.
    """

    name: str
    sources: tuple[tuple[str, ...], ...]
    rules: ComparisonRules
    budget: int | None = None
    looks: tuple[int, ...] = ()
    force: bool = False
    seeds: int | None = None
    left_out: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()


def compare_populations(
    texts: Sequence[str],
    rules: ComparisonRules | None = None,
    *,
    name: str | None = None,
    force: bool = False,
    storage: str | None = None,
) -> tuple[Comparison, Request]:
    """Compare populations by name, without any training.

    Args:
        texts: as `regnas.studies.populations.sources.load` takes them.
        force: compare what differs in its regime, or is not random; every output is marked.
        storage: as of `regnas.studies.populations.sources.load`.

    Raises:
        PopulationError: fewer than one, or ones that cannot be compared.
    """
    if not texts:
        raise UsageError("name populations to compare: --population FILE, or --space SPACE to train them")
    called = name or name_of([_label(text) for text in texts])
    request = Request(called, tuple((text,) for text in texts), rules or ComparisonRules(), force=force)
    return remake(request, storage), request


def remake(request: Request, storage: str | None = None) -> Comparison:
    """Do a comparison again from its populations; equal populations give equal numbers.

    Args:
        storage: as of `regnas.studies.populations.sources.load`.

    Raises:
        PopulationError: two populations are of the same models.
    """
    populations = _distinct(populations_of(request, storage))
    twins = _twins(populations)
    if twins and not request.force:
        raise PopulationError(f"{twins[0]}: name two populations, or --force")
    return _compared(populations, replace(request, notes=(*request.notes, *twins)))


def _twins(populations: Sequence[Population]) -> list[str]:
    """Pairs that are the same models, in words: they are no two samples."""
    found = []
    for one, other in combinations(populations, 2):
        pairs = [(one.errors, other.errors), *((one.costs[name], other.costs.get(name)) for name in one.costs)]
        alike = all(theirs is not None and np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in pairs)
        if alike and np.ptp(one.error) > 0:
            found.append(f"{one.name} and {other.name} hold the same errors, model by model")
    return found


def populations_of(request: Request, storage: str | None = None) -> list[Population]:
    """The populations of a comparison but for those left out, each with as many seeds as it is compared by.

    Args:
        storage: as of `regnas.studies.populations.sources.load`.
    """
    absent = {place for place, _ in request.left_out}
    groups = [group for place, group in enumerate(request.sources) if place not in absent]
    found = [one for group in groups for one in gathered(group, request.force, storage)]
    fewest = min((one.common_seeds for one in found), default=1)
    return [replace(one, averaged=min(fewest, request.seeds or fewest)) for one in found]


def gathered(group: Sequence[str], force: bool = False, storage: str | None = None) -> list[Population]:
    """The populations of a group of sources; further sources of a group are further trainings of the same networks."""
    first, *rest = [load(text, force=force, storage=storage) for text in group]
    if not rest:
        return first
    return [with_repeats(first[0], [one for found in rest for one in found])]


def with_repeats(first: Population, repeats: Sequence[Population]) -> Population:
    """A population with the trainings of the same networks under further seeds."""
    rows = [row for one in (first, *repeats) for row in to_rows(one)]
    known = set(first.indices.tolist())
    made = from_rows(first.name, [row for row in rows if row["index"] in known], settings=first.settings)
    return replace(made, failures=first.failures, marks=first.marks)


def _distinct(populations: list[Population]) -> list[Population]:
    """Populations with names of their own: of two equal names, the later gets a number."""
    seen: dict[str, int] = {}
    found = []
    for one in populations:
        seen[one.name] = seen.get(one.name, 0) + 1
        found.append(one if seen[one.name] == 1 else replace(one, name=f"{one.name} ({seen[one.name]})"))
    return found


def _compared(populations: list[Population], request: Request) -> Comparison:
    forced = differences(populations)
    if forced and not request.force:
        raise PopulationError(
            f"populations of different regimes are not compared ({'; '.join(forced)}); --force does it and marks "
            f"every output"
        )
    notes = [f"compared in spite of {text}" for text in forced] + list(request.notes)
    notes += [why for _, why in request.left_out]
    if request.looks:
        judgements, seen = decide(populations, request.rules, request.budget or request.looks[-1], request.looks)
        return analyse(request.name, seen, request.rules, planned=request.budget, judgements=judgements, notes=notes)
    kept = [one if request.budget is None else one.first(request.budget) for one in populations]
    return analyse(request.name, kept, request.rules, planned=request.budget, notes=notes)


def name_of(labels: Sequence[str]) -> str:
    """A name for a comparison of these: their names in a row, shortened by a hash where that is long."""
    whole = " vs ".join(labels)
    if len(whole) <= _LONGEST_NAME:
        return whole
    return f"{whole[: _LONGEST_NAME - 9]} {hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _label(text: str) -> str:
    return text.removeprefix("recorded:").rstrip("/") if text.startswith("recorded:") else Path(text).name.split(".")[0]


def write_request(request: Request, folder: Path) -> None:
    """Keep what ``regnas report`` needs."""
    remove_leftovers(folder, "populations", "figures")
    write_json(folder / REQUEST, {"schema": 1, **asdict(request)})


def read_request(folder: Path) -> Request:
    """Read `write_request`'s file.

    Raises:
        UsageError: the folder is none of a comparison.
    """
    try:
        stored = read_fields(folder / REQUEST, rules=dict, sources=list, looks=list, name=str)
        sources = tuple(tuple(_found(text, folder) for text in group) for group in stored["sources"])
        if not all(_there(text) for group in sources for text in group):
            # The folder's own copies, which hold no space that was left out.
            stored["notes"] = [*stored.get("notes", ()), *(why for _, why in stored.get("left_out", ()))]
            sources, stored["left_out"] = _kept(folder) or sources, ()
        return Request(
            name=stored["name"],
            sources=sources,
            rules=ComparisonRules(**stored["rules"]),
            budget=stored["budget"],
            looks=tuple(stored["looks"]),
            force=stored["force"],
            seeds=stored.get("seeds"),
            left_out=tuple((place, why) for place, why in stored.get("left_out", ())),
            notes=tuple(stored.get("notes", ())),
        )
    except (DataError, OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder} is no folder of a comparison ({error}); name one below regnas-runs") from error


def remembering(request: Request, folder: Path) -> Request:
    """The request with a note of every rule that was changed after a report in this folder was there to be seen."""
    if not (folder / RECORD).exists():
        return request
    try:
        before = read_request(folder)
    except UsageError:
        return request
    old, new = ({**asdict(one.rules), "budget": one.budget, "looks": len(one.looks)} for one in (before, request))
    changed = [f"{name} from {old[name]} to {new[name]}" for name in new if old[name] != new[name]]
    note = f"changed after a report was there, which its p values do not pay for: {', '.join(changed)}"
    return replace(request, notes=tuple(dict.fromkeys([*before.notes, *([note] if changed else [])])))


def _found(text: str, folder: Path) -> str:
    """A source as it was named, or beside the comparison's folder where that was moved or is read from elsewhere."""
    beside = folder.parent / Path(text).name
    return str(beside) if not Path(text).exists() and beside.exists() else text


def _there(text: str) -> bool:
    return text.startswith(RECORDED) or Path(text).exists()


def _kept(folder: Path) -> tuple[tuple[str, ...], ...]:
    """The populations as the comparison's own folder holds them, for where they came from is gone."""
    stored = fields_if_whole(folder / RECORD, populations=list) or {}
    names = [one.get("name") if isinstance(one, dict) else None for one in stored.get("populations", ())]
    return tuple((str(population_file(folder, name)),) for name in names if isinstance(name, str))


def population_file(folder: Path, name: str) -> Path:
    """Where a comparison keeps the population of this name."""
    return folder / "populations" / f"{folder_name(name)}.csv.gz"


def comparison_folder(out: str | Path, request: Request) -> Path:
    """Where a comparison is written: compare-NAME, or compare-NAME-2 ... where that is one of other populations."""
    wanted = [list(group) for group in request.sources]
    first = Path(out) / f"compare-{folder_name(request.name)}"
    folders = (first if number == 1 else Path(f"{first}-{number}") for number in itertools.count(1))
    return next(folder for folder in folders if _sources(folder) in (None, wanted))


def _sources(folder: Path) -> Any:
    """The populations of the comparison in a folder; None where there is none that can be read."""
    stored = fields_if_whole(folder / REQUEST, sources=list)
    return None if stored is None else stored["sources"]
