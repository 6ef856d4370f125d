"""``regnas sample``: write candidates to a file as they are found."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import RegnasError, UsageError
from regnas.measure import BUILT_IN, ordered
from regnas.sampling.stream import Tally, candidates
from regnas.system.files import COLUMNS, record, replacing

MOST = 10_000_000  # candidates of one file


def sample_to(
    space: Space,
    path: str,
    *,
    count: int,
    seed: int,
    duplicates: str = "reject",
    progress: Callable[[int, Tally], None] = lambda found, tally: None,
) -> Tally:
    """Write the first ``count`` candidates of a seed to a .csv or .jsonl file, whole or not at all.

    Raises:
        UsageError: a count outside 1 to `MOST`, or another kind of file.
        InfeasibleWindow: the window holds too few.
        RegnasError: the file cannot be written.
    """
    if not 1 <= count <= MOST:
        raise UsageError(f"--count is a whole number from 1 to {MOST:,}, got {count}")
    target = Path(path)
    if target.suffix not in (".csv", ".jsonl"):
        raise UsageError(f"--output is a .csv or a .jsonl file, got {path!r}")
    tally = Tally()
    source = candidates(space, seed=seed, duplicates=duplicates, tally=tally)
    with _replacing(target) as file:
        write = _csv_writer(file, space) if target.suffix == ".csv" else _jsonl_writer(file)
        for found in range(count):
            write(_row(next(source), space, seed))
            if found % 64 == 0:
                progress(found, tally)
    progress(count, tally)
    return tally


def _row(candidate: Candidate, space: Space, seed: int) -> dict[str, Any]:
    return {
        "space": space.spec,
        "index": candidate.index,
        "seed": seed,
        "architecture": candidate.architecture.to_json(),
        **candidate.complexity,
        "state": "SAMPLED",
        "params_by_name": space.active(candidate.params),
    }


def _csv_writer(file: IO[str], space: Space) -> Callable[[dict[str, Any]], None]:
    names = [*space.dimensions, *dict(space.ties)]
    further = [name for name in ordered({*space.known_costs, *space.window}) if name not in BUILT_IN]
    writer = csv.DictWriter(file, [*COLUMNS, *(f"param.{name}" for name in names), *further], restval="")
    writer.writeheader()
    return lambda row: writer.writerow(record(row))


def _jsonl_writer(file: IO[str]) -> Callable[[dict[str, Any]], None]:
    def write(row: dict[str, Any]) -> None:
        flat = {name: value for name, value in record(row).items() if value != ""}
        flat["architecture"] = row["architecture"]
        file.write(json.dumps(flat) + "\n")

    return write


@contextmanager
def _replacing(target: Path) -> Iterator[IO[str]]:
    try:
        with replacing(target) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise RegnasError(f"cannot write {target}: {error.strerror}; name another file with --output") from error
