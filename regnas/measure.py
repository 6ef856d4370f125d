"""Measures: what networks cost, each with a name and a unit, in closed form or measured one network at a time.

Whatever limits, compares or shows costs goes over the measures and names none of them. They come in by entry points
of ``regnas.measures``, the built-in ones too.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from regnas.errors import PluginBroken, PluginNotFound, RegnasError, UsageError
from regnas.plugins import registry

if TYPE_CHECKING:
    from regnas.architecture import Architecture
    from regnas.design_space import Images
    from regnas.meter import MakeMeter, Meter

BUILT_IN = ("flops", "params", "activations")  # every measure but these is optional in files

_NAME = re.compile(r"[a-z][a-z0-9_]*")
# Columns of result files and attributes of trials that are something else, and what options say beside measures.
_TAKEN = frozenset(
    ("architecture", "depth", "diverged", "draws", "e_fit", "epochs", "error", "errors", "failure", "failures", "front")
    + (
        "index",
        "metrics",
        "none",
        "objective",
        "params_by_name",
        "reused",
        "schema",
        "seconds",
        "seed",
        "space",
        "state",
        "strategy",
        "trial",
    )
)


@dataclass(frozen=True)
class Measure:
    """A cost of one network for one image; the lower, the better.

    Attributes:
        name: in files, in attributes of trials and as a key of windows, such as ``activations``.
        unit: of its numbers, such as ``multiply-adds`` or ``s``.
        short: as flags and messages say it, such as ``acts``; the name unless said.
        whole: whether its numbers are whole.
        measured_by: what measures a network for images on a device, such as ``cpu`` or ``cuda:0``. None: the
            ``complexity`` of networks says it in closed form. Equal arguments give equal numbers: what varies from one
            measurement to the next is the measure's own to keep.
        times: whether messages and tables show its numbers, seconds, in s, ms or us; files have seconds.
        meter: what makes a meter of a user's options and a folder, where numbers depend on more (`regnas.meter`).

    Raises:
        UsageError: a name that files have another use for.
    """

    name: str
    unit: str
    short: str = ""
    whole: bool = True
    measured_by: Callable[[Architecture, Images, str], float] | None = None
    times: bool = False
    meter: MakeMeter | None = None

    def __post_init__(self) -> None:
        if not self.short:
            object.__setattr__(self, "short", self.name)
        for name in (self.name, self.short):
            if not _NAME.fullmatch(name) or name in _TAKEN or name.startswith("epoch_"):
                raise UsageError(
                    f"a measure's name is in lower case letters, digits and _, and none of {', '.join(sorted(_TAKEN))} "
                    f"or epoch_N, which files have another use for; got {name!r}"
                )

    @property
    def closed(self) -> bool:
        """Whether networks say it in closed form, which costs nothing."""
        return self.measured_by is None


FLOPS = Measure("flops", "multiply-adds")
PARAMS = Measure("params", "learnable numbers")
ACTIVATIONS = Measure("activations", "elements", short="acts")
_SHORT = {one.name: one.short for one in (FLOPS, PARAMS, ACTIVATIONS)}


def ordered(names: Iterable[str]) -> list[str]:
    """Names of measures in the order of every table: flops, params, activations, then the others by name."""
    return sorted(names, key=_place)


def _place(name: str) -> tuple[int, str]:
    return BUILT_IN.index(name) if name in BUILT_IN else len(BUILT_IN), name


def installed() -> list[str]:
    """Names of all measures in their order; nothing is imported."""
    return ordered(registry.installed("measure"))


def load(name: str) -> Measure:
    """The measure of a name as files have it.

    Raises:
        PluginNotFound: it is not installed.
        PluginBroken: its entry point is no measure of this name.
    """
    found = registry.load("measure", name)
    if not isinstance(found, Measure) or found.name != name:
        got = f"the measure {found.name!r}" if isinstance(found, Measure) else repr(found)
        raise PluginBroken(
            f"the entry point {name!r} of regnas.measures is the Measure of this name, got {got}; rename one of the two"
        )
    return found


def find(name: str) -> Measure:
    """The measure that a user names, by its name or its short one.

    Raises:
        UsageError: there is none; names what is installed and the nearest name.
    """
    names = installed()
    if name in names:
        return load(name)
    shorts = {_short(known): known for known in names}
    if name in shorts:
        return load(shorts[name])
    near = difflib.get_close_matches(name, [*names, *shorts], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"there is no measure {name!r}, installed: {', '.join(names)}{hint}")


def _short(name: str) -> str:
    """The short name of an installed measure; its name where it is broken, which harms no other."""
    try:
        return load(name).short
    except RegnasError:
        return name


def costs_in(row: Mapping[str, Any]) -> dict[str, float]:
    """What a row of a result file says of its network's costs, by name; blank cells are left out."""
    names = ordered(name for name in row if name not in _TAKEN and _NAME.fullmatch(name))
    return {name: row[name] for name in names if isinstance(row[name], int | float)}


def short_of(name: str) -> str:
    """A measure as flags and messages say it; its name where it is not installed here."""
    if name in _SHORT:
        return _SHORT[name]
    try:
        return load(name).short
    except PluginNotFound:
        return name


def in_units_of_time(name: str) -> bool:
    """Whether messages and tables show a measure in s, ms or us."""
    if name in _SHORT:
        return False
    try:
        return load(name).times
    except RegnasError:
        return False


def in_seconds(name: str) -> bool:
    """Whether bounds on a measure may be in units of time: ``5ms``, ``800us``."""
    return name not in _SHORT and load(name).unit == "s"


def flag_of(name: str) -> str:
    """The flag that limits a measure: ``--flops``, or ``--limit latency``."""
    return f"--{short_of(name)}" if name in BUILT_IN else f"--limit {short_of(name)}"


_measured: dict[tuple[str, str, Images, str], float] = {}


def measured(name: str, architecture: Architecture, images: Images, device: str, meter: Meter | None = None) -> float:
    """The number of a measure that is no closed form; measured once for each network and place.

    Args:
        meter: that measures in place of the measure itself.

    Raises:
        UsageError: it is a closed form, which this network does not know.
        PluginBroken: the measure raised, or gave what is no finite number from 0.
    """
    place = (name, architecture.key(), images, _where(device, meter))
    if place not in _measured:
        _measured[place] = _measure(load(name), architecture, images, device, meter)
    return _measured[place]


def is_measured(name: str, key: str, images: Images, device: str, meter: Meter | None = None) -> bool:
    """Whether a number is known, by the key of the network; arguments as of `measured`."""
    return (name, key, images, _where(device, meter)) in _measured


def remember(name: str, key: str, images: Images, device: str, value: float, meter: Meter | None = None) -> None:
    """Take a number that is on record for one measured before, by the key of the network."""
    _measured.setdefault((name, key, images, _where(device, meter)), value)


def _where(device: str, meter: Meter | None) -> str:
    return device if meter is None else f"{device} {meter.said(device)}"


def _measure(
    one: Measure, architecture: Architecture, images: Images, device: str, meter: Meter | None = None
) -> float:
    measure = one.measured_by if meter is None else meter.measure
    if measure is None:
        raise UsageError(f"{one.name} is not measured: networks say it in closed form, and {architecture.kind} do not")
    try:
        value = measure(architecture, images, device)
    except RegnasError:
        raise
    except Exception as error:
        raise PluginBroken(
            f"the measure {one.name!r} raised on a network of kind {architecture.kind!r} on {device}: "
            f"{type(error).__name__}: {error}"
        ) from error
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value >= 0):
        raise PluginBroken(f"the measure {one.name!r} gives a finite number from 0 ({one.unit}), got {value!r}")
    return round(value) if one.whole else float(value)
