"""A test as it is printed: the error, the classes, what is taken for what, and the worst mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console

from regnas.errors import RegnasError, UsageError
from regnas.studies.reporting.text_table import Table, grid
from regnas.studies.training.using.images import labelled
from regnas.studies.training.using.network import find_trained
from regnas.studies.training.using.test import CONFIDENCE, TestReport, report_of
from regnas.system.files import write_json
from regnas.system.text import printable

_MOST_CLASSES = 20  # of a confusion matrix that fits a terminal
_PAIRS = 10


def test(
    target: str,
    *,
    data: str | None = None,
    data_root: str | None = None,
    download: bool = False,
    output: str | None = None,
    worst: int = 10,
    as_json: bool = False,
    threads: int = 1,
) -> TestReport:
    """Test a trained network, and print how it does.

    Args:
        target: see `regnas.studies.training.using.network.find_trained`.
        data: see `regnas.studies.training.using.images.labelled`.
        output: file of the report as JSON.
        worst: mistakes that are printed.
        as_json: print the report as JSON, and nothing else.

    Raises:
        RegnasError: no such network or images, or a file that cannot be written.
        UsageError: classes that the network does not know, fewer than 0 mistakes.
    """
    if worst < 0:
        raise UsageError(f"--worst is at least 0, got {worst}")
    trained = find_trained(target)
    predictor = trained.load(threads)
    images = labelled(trained, predictor.preprocessing, data, root=data_root, download=download)
    made = report_of(predictor, images)
    if output is not None:
        try:
            write_json(Path(output), made.to_json())
        except OSError as error:
            raise RegnasError(f"cannot write {output}: {error.strerror}; name another file with --output") from error
    if as_json:
        print(json.dumps(made.to_json()))
        return made
    console = Console(soft_wrap=True, emoji=False)
    for remark in (trained.remark, predictor.preprocessing.remark, *images.remarks, *made.broken):
        if remark:
            console.print(printable(remark), highlight=False, markup=False)
    console.print(printable(summary(made)), highlight=False, markup=False)
    for table in tables(made, worst):
        console.print(f"\n{printable(table.title)}", highlight=False, markup=False)
        console.print(grid(table))
    if output is not None:
        console.print(printable(f"\nwritten to {output}"), highlight=False, markup=False)
    return made


def summary(made: TestReport) -> str:
    """The error in a line."""
    low, high = made.interval
    broken = f"; {len(made.broken)} could not be read" if made.broken else ""
    return (
        f"{made.count:,} {made.what}: error {made.error:.2%}, {CONFIDENCE:.0%} interval {low:.2%} to {high:.2%}; "
        f"balanced error {made.balanced_error:.2%}{broken}"
    )


def tables(made: TestReport, worst: int) -> Iterator[Table]:
    """Recall by class, what is taken for what, and the worst mistakes."""
    yield _classes(made)
    yield _confusion(made) if len(made.class_names) <= _MOST_CLASSES else _pairs(made, _PAIRS)
    if shown := made.mistakes[:worst]:
        rows = tuple((one.name, one.truth, one.taken_for, f"{one.probability:.1%}") for one in shown)
        yield Table("Worst mistakes", ("file", "is", "taken for", "probability"), rows)


def _classes(made: TestReport) -> Table:
    rows = []
    for name, count, recall in zip(made.class_names, made.counts.tolist(), made.recalls, strict=True):
        rows.append((name, f"{count:,}", "none" if recall is None else f"{recall:.1%}"))
    return Table("Classes", ("class", "images", "recall"), tuple(rows))


def _confusion(made: TestReport) -> Table:
    """The matrix, its columns by number: names are long."""
    heads = ("is, taken for", *(str(number) for number in range(len(made.class_names))))
    rows = zip(enumerate(made.class_names), made.confusion.tolist(), strict=True)
    return Table(
        "Confusion: images of a row's class that are taken for a column's",
        heads,
        tuple((f"{number} {name}", *(str(count or ".") for count in row)) for (number, name), row in rows),
    )


def _pairs(made: TestReport, most: int) -> Table:
    wrong = made.confusion * (1 - np.eye(len(made.class_names), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    found = [(int(place) // len(wrong), int(place) % len(wrong)) for place in order]
    names = made.class_names
    rows = tuple((names[is_], names[taken], str(wrong[is_, taken])) for is_, taken in found if wrong[is_, taken])
    return Table("Most frequent mistakes (all are in --json)", ("is", "taken for", "images"), rows)
