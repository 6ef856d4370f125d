"""The contract of formats: networks as other programs keep them, written and, where a format reads, read.

A format is a plug-in: a class without arguments that an entry point of ``regnas.formats`` names.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from regnas import weights
from regnas.architecture import Architecture
from regnas.errors import PluginBroken, PluginNotFound, UsageError
from regnas.plugins import registry
from regnas.system.reading import read_bytes

if TYPE_CHECKING:
    from torch import Tensor

A_contra = TypeVar("A_contra", bound=Architecture, contravariant=True)


class Format(Protocol[A_contra]):
    """How another program keeps networks of some kinds."""

    @property
    def kinds(self) -> Sequence[str]:
        """The kinds of architectures that it writes; empty for all of them."""

    def write(self, architecture: A_contra, params: Mapping[str, Any]) -> str:
        """The network as text, with a line break at its end.

        Args:
            architecture: of one of the `kinds`.
            params: the point of its space, as far as it is known; may be empty.

        Raises:
            UsageError: the format cannot express this network, and why.
        """


@runtime_checkable
class SupportsImport(Protocol):
    """A format that is also read."""

    @property
    def sources(self) -> str:
        """What it reads in the words of a message, such as ``a .yaml of pycls``, ``timm:NAME``."""

    def recognises(self, source: str) -> bool:
        """Whether a source looks like one of this format, by its name or a look into the file; false if in doubt."""

    def read(self, source: str) -> Sequence[Architecture]:
        """The networks of a source, in their order; at least one.

        Args:
            source: one that it recognises, or what followed its own name and a colon.

        Raises:
            UsageError: not of this format, or a network that regnas cannot express, and why.
            RegnasError: it cannot be read.
        """


@runtime_checkable
class SupportsWeights(Protocol):
    """A format whose program has the same network with other names for its tensors."""

    def export_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The ``state_dict`` of a network here, as the program's network loads it.

        Raises:
            ValueError: a name that has no counterpart there.
        """

    def import_weights(self, state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        """The other way.

        Args:
            state: of the program's network.
            names: of the tensors of the same network here.

        Raises:
            ValueError: it is another network.
        """


class Json:
    """regnas's own form, which every kind has."""

    kinds = ()
    sources = "an architecture's .json"

    def write(self, architecture: Architecture, params: Mapping[str, Any]) -> str:
        return json.dumps(architecture.to_json(), indent=1) + "\n"

    def recognises(self, source: str) -> bool:
        path = Path(source)
        return path.suffix == ".json" and path.is_file() and read_bytes(path).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"

    def read(self, source: str) -> Sequence[Architecture]:
        return [weights.read_architecture(Path(source))]


class Joined:
    """One format of several families of networks, each of which has a part that reads names and knows weights.

    Args:
        parts: formats of different kinds, in the order in which they are asked.
    """

    def __init__(self, *parts: Any) -> None:
        self._parts = parts

    @property
    def kinds(self) -> Sequence[str]:
        return tuple(kind for part in self._parts for kind in part.kinds)

    @property
    def sources(self) -> str:
        return str(self._parts[0].sources)

    def write(self, architecture: Architecture, params: Mapping[str, Any]) -> str:
        part = next(part for part in self._parts if architecture.kind in part.kinds)
        return str(part.write(architecture, params))

    def recognises(self, source: str) -> bool:
        return any(part.recognises(source) for part in self._parts)

    def read(self, source: str) -> Sequence[Architecture]:
        """The networks of the first part that knows the source.

        Raises:
            PluginNotFound: none does; what each of them says.
            UsageError: as of a part.
        """
        unknown = []
        for part in self._parts:
            try:
                found: Sequence[Architecture] = part.read(source)
            except PluginNotFound as error:
                unknown.append(str(error))
                continue
            return found
        raise PluginNotFound("; ".join(unknown))

    def export_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """As of the first part whose networks have such tensors."""
        return self._renamed("export_weights", state)

    def import_weights(self, state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        """Likewise."""
        return self._renamed("import_weights", state, list(names))

    def _renamed(self, way: str, *given: Any) -> dict[str, Tensor]:
        refused = []
        for part in self._parts:
            try:
                found: dict[str, Tensor] = getattr(part, way)(*given)
            except ValueError as error:
                refused.append(str(error))
                continue
            return found
        raise ValueError("; ".join(refused))


def make_format(name: str) -> Format[Any]:
    """The format of a name.

    Raises:
        PluginNotFound: names what is installed and the nearest name.
        PluginBroken: its plug-in raised on import.
    """
    made: Format[Any] = registry.load("format", name)()
    return made


def formats_of(kind: str) -> list[str]:
    """Names of the formats that write a kind of architectures."""
    return [name for name, made in _installed() if not made.kinds or kind in made.kinds]


def write(name: str, architecture: Architecture, params: Mapping[str, Any] | None = None) -> str:
    """A network in a format.

    Args:
        params: the point of its space, where it is known.

    Raises:
        PluginNotFound: no such format.
        UsageError: the format cannot express the network, and why.
    """
    made = make_format(name)
    if made.kinds and architecture.kind not in made.kinds:
        raise UsageError(
            f"{name} writes networks of the kind {' or '.join(made.kinds)}, and this one is of the kind "
            f"{architecture.kind}, which has the formats {', '.join(formats_of(architecture.kind))}"
        )
    return made.write(architecture, params or {})


def read(source: str) -> Sequence[Architecture]:
    """The networks of a source in some format, in their order.

    Args:
        source: ``NAME:REST`` with the name of a format, or a source that one of them recognises, such as a file.

    Raises:
        UsageError: no format knows it, or a network that regnas cannot express, and why.
        RegnasError: it cannot be read.
    """
    reader = reader_of(source)
    if reader is None:
        raise UsageError(f"no format reads {source!r}: there are {_readable()}{_hint(source)}")
    made, rest = reader
    return made.read(rest)


def reader_of(source: str) -> tuple[SupportsImport, str] | None:
    """The format that reads a source, and what it is to read; None where there is none.

    Raises:
        UsageError: ``NAME:REST`` with the name of a format that is written alone.
    """
    name, colon, rest = source.partition(":")
    if colon and rest and name in registry.installed("format"):
        made = make_format(name)
        if not isinstance(made, SupportsImport):
            raise UsageError(f"{name} is written and not read; what is read: {_readable()}")
        return made, rest
    return next(((made, source) for _, made in _readers() if made.recognises(source)), None)


def _installed() -> Iterator[tuple[str, Format[Any]]]:
    """All formats by name, without those whose plug-ins are broken: these say so when they are asked for."""
    for name in registry.installed("format"):
        try:
            yield name, make_format(name)
        except PluginBroken:
            continue


def _readers() -> Iterator[tuple[str, SupportsImport]]:
    return ((name, made) for name, made in _installed() if isinstance(made, SupportsImport))


def _readable() -> str:
    return ", ".join(made.sources for _, made in _readers())


def _hint(source: str) -> str:
    name, colon, _ = source.partition(":")
    near = difflib.get_close_matches(name, [known for known, _ in _readers()], n=1) if colon else []
    return f"; did you mean {near[0]}:?" if near else ""
