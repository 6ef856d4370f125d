"""What the networks of a study are made for: the images of its data set, or of an evaluator that needs none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regnas.dataset import DataSet, make_dataset
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.evaluator import Evaluator, SupportsOwnImages, SupportsTable, Task
from regnas.images import Images
from regnas.measure import load, ordered
from regnas.objective import Objective
from regnas.sampling.stream import survey
from regnas.window import Bounds, Window

_LOOKED_AT = 10_000  # draws among which the smallest network of a space is sought


def images_of(evaluator: Evaluator, task: Task) -> DataSet | None:
    """The data set of a study; None where the evaluator brings its own images.

    Raises:
        UsageError: another resolution than that of an evaluator's own images.
        DataError: there is no such data set.
    """
    own = _own(evaluator)
    if own is None:
        cache = Path(task.cache) if task.cache else None
        return make_dataset(
            task.data, root=task.data_root, download=task.download, resolution=task.resolution, cache=cache
        )
    if task.resolution not in (None, own.resolution):
        raise UsageError(
            f"the evaluator's images have {own.resolution} pixels, got --resolution {task.resolution}; leave it out"
        )
    return None


def _own(evaluator: Evaluator) -> Images | None:
    """The evaluator's own images; an attribute of this name may be something else."""
    images = getattr(evaluator, "images", None) if isinstance(evaluator, SupportsOwnImages) else None
    return images if isinstance(images, Images) else None


def in_regime(space: Space, evaluator: Evaluator, data: DataSet | None, window: Window) -> Space:
    """The space on the images, inside the window asked for, or its own, or the data set's."""
    asked = window if not window.open else space.window
    if data is not None:
        if asked.open:
            asked = Window.parse(flops=data.regime.flops)
        return space.on(data.regime.images).within(asked)
    return _pooled(space, evaluator).on(_own(evaluator) or space.images).within(asked)


def in_reach(space: Space) -> Space:
    """The space inside the data set's own window; where that holds none of its networks, as they are all larger, with a
    limit of twice the multiply-adds of the smallest of `_LOOKED_AT` draws.
    """
    high = space.window.flops.high
    try:
        space.sample(1)
    except InfeasibleWindow:
        least = survey(space.within(Window()), draws=_LOOKED_AT).lowest.get("flops")
        if least is not None and high is not None and least > high:
            return space.within(Window(flops=Bounds(high=float(f"{2 * least:.2g}"))))
    return space


def priced(space: Space, objective: Objective | None) -> Space:
    """The space with the objective's measure known of every candidate: what is no closed form is measured, by a limit
    that shuts nothing out.

    Raises:
        UsageError: neither is possible.
    """
    if objective is None or objective.measure in space.known_costs or objective.measure in space.window:
        return space
    closed = load(objective.measure).closed
    if closed or space.enumerated:
        weighs = "weighs" if closed else "weighs, and they are rows that cannot be built and measured"
        raise UsageError(
            f"{space.spec} does not know the {objective.measure} of its networks, which --objective {objective} "
            f"{weighs}; it knows {', '.join(ordered(space.known_costs)) or 'no costs'}: take one of these as "
            f"measure=NAME"
        )
    return space.within(space.window | {objective.measure: Bounds(low=0)})


def in_upper_half(
    space: Space, count: int, *, seed: int, duplicates: str, began: str | None
) -> tuple[Space, tuple[str, ...]]:
    """The space in the upper half of its window, where that is only a limit (see `Window.upper_half`).

    Beside it stands what a user should hear where the half is not taken.

    Args:
        count: of networks that the half must hold; with fewer of them the window stays whole.
        began: the window of a study that is to go on, in words; None for a new one.
    """
    half = space.within(space.window.upper_half())
    if half.window == space.window or began == str(space.window):
        return space, ()
    if began == str(half.window):
        return half, ()
    closed = half.within(Window({name: half.window[name] for name in half.window if name not in half.measures}))
    try:
        closed.sample(count, seed=seed, duplicates=duplicates)
    except InfeasibleWindow:
        fewer = f"the upper half, {half.window}, holds fewer than {count} networks of {space.spec}"
        return space, (f"{fewer}: all of {space.window} is searched",)
    return half, ()


def _pooled(space: Space, evaluator: Evaluator) -> Space:
    """The space itself, or the part of it that a table knows, where the table is a sample and nothing predicts."""
    if not isinstance(evaluator, SupportsTable) or evaluator.surrogate or space.enumerated:
        return space
    table = evaluator.table
    if table.exhaustive:
        return space
    if table.points is None:
        raise UsageError(
            f"the table {table.name} is a sample of networks without their parameters: they cannot be proposed; "
            f"predict the others with surrogate=true"
        )
    from regnas.search_spaces.tabular.space import pooled

    return pooled(space, table.points)


def epochs_of(evaluator: Evaluator, facts: Mapping[str, Any]) -> int | None:
    """Epochs of a whole evaluation, where the evaluator says them (see `regnas.evaluator.SupportsPrepare`)."""
    known = facts.get("epochs", facts.get("recipe", {}).get("epochs"))
    if known is None and isinstance(evaluator, SupportsTable):
        known = evaluator.table.curves.shape[2]
    return int(known) if known else None
