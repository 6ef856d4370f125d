"""What the networks of a space cost: what they know in closed form, and what has to be measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from regnas import measure
from regnas.architecture import Architecture
from regnas.costs import Complexity
from regnas.errors import UsageError
from regnas.meter import Meter, SupportsForesight
from regnas.window import Window

if TYPE_CHECKING:
    from regnas.design_space import Space

Meters: TypeAlias = tuple[tuple[str, Meter], ...]  # by the names of measures

_ASKED = (16, 256, 4096)  # points of the law that are asked, until one is a network


def known(space: Space) -> tuple[str, ...]:
    """Names of the measures that the first points of the law say in closed form."""
    rng = np.random.default_rng(0)
    for count in _ASKED:
        cost = space.costs_of(space.batch(space.draw(rng, count)))
        if cost.networks:
            return tuple(name for name, values in cost.items() if not np.isnan(values).any())
    return measure.BUILT_IN


def limiting(window: Window) -> Window:
    """A window without limits that leave nothing out and only have every network measured, such as ``latency 0:``."""
    return Window(
        {
            name: bounds
            for name, bounds in window.items()
            if bounds.low or bounds.high is not None or measure.load(name).closed
        }
    )


def measured(space: Space, architecture: Architecture, cost: Complexity) -> tuple[Complexity, list[str]]:
    """The complexity with what else the window limits, measured, and the bounds that the network breaks.

    The first bound that is broken ends it. Equal networks are measured once.

    Args:
        cost: in closed form, and inside the window as far as it goes.

    Raises:
        UsageError: the window limits what is neither known in closed form nor can be measured.
    """
    for name in space.window.missing(cost):
        if measure.load(name).closed:
            raise _without(space, name, cost)
        number = measure.measured(name, architecture, space.images, space.device, meter_of(space, name))
        cost = cost | {name: number}
        if broken := space.window.broken(cost):
            return cost, broken
    return cost, []


def foreseen(space: Space, architecture: Architecture, cost: Complexity) -> list[str]:
    """What a meter expects a network to break that it has not measured; empty where it is to be measured.

    Args:
        cost: in closed form, and inside the window as far as it goes.

    Raises:
        InfeasibleWindow: no network of the space lies inside the bounds.
    """
    for name in space.window.missing(cost):
        meter = meter_of(space, name)
        if not isinstance(meter, SupportsForesight):
            continue
        if measure.is_measured(name, architecture.key(), space.images, space.device, meter):
            continue
        if reason := meter.foresee(space, name).refuses(architecture):
            return [reason]
    return []


def judged(space: Space, architecture: Architecture, cost: Complexity) -> tuple[Complexity, list[str]]:
    """`measured` of a network that is worth it, and what else is `foreseen`; errors as of these."""
    if expected := foreseen(space, architecture, cost):
        return cost, expected
    return measured(space, architecture, cost)


def meter_of(space: Space, name: str) -> Meter | None:
    """What measures costs of this name in place of the measure itself."""
    return dict(space.meters).get(name)


def closed(space: Space) -> Space:
    """The space with what its window limits in closed form alone."""
    names = set(space.measures)
    return space.within(Window({name: bounds for name, bounds in space.window.items() if name not in names}))


def metered(space: Space, options: Mapping[str, Any], folder: Path | None = None) -> Space:
    """The space with meters for what its window limits, as a user set them up.

    Args:
        options: of the user, ``runtime`` and ``threads`` among them; others are left alone.
        folder: where meters keep what they find.

    Raises:
        UsageError: a runtime for nothing that is measured, or one that there is not.
        HostError: the runtime is not installed.
    """
    asked = {name: options[name] for name in ("runtime", "threads") if options.get(name) is not None}
    makers = {name: make for name in space.measures if (make := measure.load(name).meter) is not None}
    if asked and not makers:
        flag = next(iter(asked))
        raise UsageError(f"--{flag} is of what is measured, and the window limits none of it: add --latency :5ms")
    known = dict(space.meters)
    made = {name: make(asked, folder) for name, make in makers.items() if asked or folder or name not in known}
    return replace(space, meters=tuple({**known, **made}.items())) if made else space


def prepare(space: Space) -> None:
    """Have meters learn what they need of the space, before anything else runs on this machine.

    Raises:
        InfeasibleWindow: no network of the space lies inside the window.
    """
    for name in space.measures:
        meter = meter_of(space, name)
        if isinstance(meter, SupportsForesight):
            meter.foresee(space, name)


def check(space: Space, window: Window) -> None:
    """Refuse a window on what the networks of a space do not know.

    Raises:
        UsageError: it limits a measure that they neither know in closed form nor can be measured by.
    """
    closed = [name for name in window if measure.load(name).closed]
    if closed and not window.open:
        there = space.known_costs
        for name in closed:
            if name not in there:
                raise _without(space, name, there)


def _without(space: Space, name: str, there: Iterable[str]) -> UsageError:
    return UsageError(
        f"{space.spec} does not know the {name} of its networks, so there is no limit on it; it knows "
        f"{', '.join(measure.ordered(there)) or 'no costs'}: limit these, or leave out {measure.flag_of(name)}"
    )
