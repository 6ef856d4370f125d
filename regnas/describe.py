"""What a network says of itself: views that reports, the dashboard, predictors and figures ask for, whatever its kind.

Each view is a protocol that an architecture may fulfil, and a function that asks for it and knows what to do without.
The functions take a network, or the JSON object that is stored of one: its kind need not be installed. Pictures are
in `regnas.drawing`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol, runtime_checkable

from regnas.architecture import Architecture, SupportsFeatures
from regnas.errors import RegnasError
from regnas.measure import BUILT_IN, ordered
from regnas.plugins import registry

Network = Architecture | Mapping[str, Any]

RESOLUTION = 224  # pixels at which a network is described where nobody says others
_NETWORK, _LONGEST = "network", 60
_UNNUMBERED = ("kind", "schema", *BUILT_IN)
_DIGITS = "0123456789"


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A network in words.

    Attributes:
        line: what progress and tables show of it; without line breaks, equal for equal networks.
        details: what a table of few networks shows behind it.
        heading: of a column of such lines.
        attributes: numbers by name that every trial stores of it, beside its costs; the dashboard sorts by them.
        resolution: pixels of a side at which it is described where nobody says others.
        picture: file name of its drawing in the dashboard.
    """

    line: str
    details: str = ""
    heading: str = _NETWORK
    attributes: Mapping[str, float] = field(default_factory=dict)
    resolution: int = RESOLUTION
    picture: str = "network.png"

    @property
    def long(self) -> str:
        """The line with its details."""
        return f"{self.line}, {self.details}" if self.details else self.line


@runtime_checkable
class SupportsLines(Protocol):
    """A space that reads a line of text as a point, such as the `Summary.line` of one of its networks."""

    def point_of_line(self, text: str) -> dict[str, Any]:
        """The parameters that the line says; what it leaves out has to be fixed or to have a default.

        Raises:
            UsageError: it is no such line.
        """


@dataclass(frozen=True)
class TextTable:
    """A title, which may be empty, the heads of columns, and rows of as many cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@runtime_checkable
class SupportsSummary(Protocol):
    """An architecture that prints in other words than its name and values."""

    def summary(self) -> Summary:
        """The network in words."""


@runtime_checkable
class SupportsTables(Protocol):
    """An architecture that prints as tables: then the lists of its JSON form are not printed."""

    def tables(self, resolution: int) -> Sequence[TextTable]:
        """What a person reads of the network on images of ``resolution`` pixels a side."""


@runtime_checkable
class SupportsNumbers(Protocol):
    """An architecture that says which numbers describe it, where those of its JSON form and its features are not it."""

    def numbers(self) -> dict[str, float]:
        """Numbers by name; networks of one kind may have different names."""


@runtime_checkable
class SupportsQuantities(Protocol):
    """An architecture that knows numbers worth plotting against the error, beside its point and its costs."""

    def quantities(self, told: Collection[str]) -> dict[str, float]:
        """Few finite numbers by names that a person reads.

        A population keeps the one named ``e_fit`` in a column of its own: how far the network is from the law that
        its family is fitted by.

        Args:
            told: names of what is known already, parameters among them: what says the same may be left out.
        """


def summary(network: Network) -> Summary:
    """A network in words; without the view its kind and values, cut at 60 characters."""
    found = rebuilt(network)
    if isinstance(found, SupportsSummary):
        return found.summary()
    return Summary(line=_plain(_json_of(network) if found is None else found.to_json()))


def heading(summaries: Iterable[Summary]) -> str:
    """The head of a column of several networks: their own where all have the same one."""
    heads = {one.heading for one in summaries}
    return heads.pop() if len(heads) == 1 else _NETWORK


def tables(network: Network, resolution: int) -> tuple[TextTable, ...]:
    """What a person reads of a network on images of ``resolution`` pixels a side; none without the view."""
    found = rebuilt(network)
    return tuple(found.tables(resolution)) if isinstance(found, SupportsTables) else ()


def quantities(network: Network, told: Collection[str] = ()) -> dict[str, float]:
    """Numbers worth plotting against the error, beside those that are ``told``; none without the view."""
    found = rebuilt(network)
    return found.quantities(told) if isinstance(found, SupportsQuantities) else {}


def common_quantities(networks: Sequence[Network], told: Collection[str] = ()) -> dict[str, list[float]]:
    """`quantities` that all networks have, one number each, in the order of the first network.

    Those with a number at the end of their name are of a part of the network: they count only where all networks
    have as many such parts.
    """
    rows = [quantities(network, told) for network in networks]
    if not rows or not all(rows):
        return {}
    series = [_series(row) for row in rows]
    same = {stem for stem, names in series[0].items() if all(one.get(stem) == names for one in series)}
    return {name: [row[name] for row in rows] for name in rows[0] if name.rstrip(_DIGITS) in same}


def _series(names: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(name.rstrip(_DIGITS), set()).add(name)
    return found


def numbers(architecture: Architecture) -> dict[str, float]:
    """All numbers of a network by name: those of its JSON form, and ``features.NAME`` of what it knows of itself.

    Costs that the JSON form holds are none of them.
    """
    if isinstance(architecture, SupportsNumbers):
        return architecture.numbers()
    own = {f"features.{name}": value for name, value in features(architecture).items()}
    return json_numbers(architecture.to_json()) | own


def features(architecture: Architecture) -> dict[str, float]:
    """What a network knows of itself beside its point, the same names for all of a kind; none without the view."""
    if not isinstance(architecture, SupportsFeatures):
        return {}
    return {name: float(value) for name, value in architecture.features().items()}


def log_costs(cost: Mapping[str, float], measures: Iterable[str] = ()) -> dict[str, float]:
    """log(1 + cost) of every cost, as ``log NAME``: models learn better from logarithms.

    Args:
        measures: of these, 0 where one is not known; the built-in ones and what else is known unless said.
    """
    names = list(measures) or ordered({*BUILT_IN, *cost})
    return {f"log {name}": math.log1p(cost.get(name, 0)) for name in names}


def json_numbers(value: Mapping[str, Any]) -> dict[str, float]:
    """Every number of an architecture's JSON form, by its path: ``widths.0``; a word is a number that is 1."""
    return dict(_numbers("", {name: entry for name, entry in value.items() if name not in _UNNUMBERED}))


def _numbers(name: str, value: Any) -> list[tuple[str, float]]:
    if isinstance(value, Mapping):
        return [pair for key, entry in value.items() for pair in _numbers(f"{name}.{key}".strip("."), entry)]
    if isinstance(value, list | tuple):
        return [pair for place, entry in enumerate(value) for pair in _numbers(f"{name}.{place}", entry)]
    if isinstance(value, str):
        return [(f"{name}={value}", 1.0)]
    return [] if value is None else [(name, float(value))]


def rebuilt(network: Network) -> Architecture | None:
    """The network of a stored JSON object; None where its kind is not installed or does not read it."""
    if not isinstance(network, Mapping):
        return network
    kind = _class_of(str(network.get("kind")))
    try:
        return None if kind is None else kind.from_json(network)
    except Exception:  # a stranger's class raises whatever it likes, and what is stored is shown all the same
        return None


@cache  # a population has thousands of networks, and what is not installed takes milliseconds to find out
def _class_of(kind: str) -> Any:
    try:
        return registry.load("architecture", kind)
    except RegnasError:
        return None


def _json_of(network: Network) -> Mapping[str, Any]:
    return network if isinstance(network, Mapping) else network.to_json()


def _plain(value: Mapping[str, Any]) -> str:
    own = [entry for name, entry in value.items() if name not in ("kind", "schema", "classes")]
    words = [" ".join(map(str, entry)) if isinstance(entry, list) else str(entry) for entry in own]
    line = " ".join(f"{value.get('kind', _NETWORK)}: {', '.join(words)}".split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
