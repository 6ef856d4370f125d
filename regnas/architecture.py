"""What an architecture is to everything but its own file: five things, whatever its kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from regnas.costs import Complexity
from regnas.errors import InvalidArchitecture, RegnasError
from regnas.plugins import registry

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Architecture(Protocol):
    """A network as a value: equal architectures are equal networks."""

    @property
    def kind(self) -> str:
        """The name under which the class is registered in ``regnas.architectures``."""

    @property
    def schema(self) -> int:
        """Version of the JSON form."""

    def key(self) -> str:
        """Hash of the canonical JSON: one key per network."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, ``kind`` and ``schema`` included; the class's ``from_json`` reads it back."""

    def complexity(self, resolution: int) -> Complexity:
        """What one square image of ``resolution`` pixels costs, by the names of measures; what is unknown is absent."""

    def build(self) -> torch.nn.Module:
        """A new module from ``(n, 3, height, width)`` to logits ``(n, classes)``."""


@runtime_checkable
class SupportsFeatures(Protocol):
    """An architecture that knows more numbers about itself than its parameters say."""

    def features(self) -> dict[str, float]:
        """Numbers for predictors, by name: the same names for every architecture of the kind, all finite."""


@runtime_checkable
class SupportsResiduals(Protocol):
    """A network, as `Architecture.build` makes them, that knows its residual branches: what is added to a shortcut."""

    def residual_ends(self) -> Sequence[torch.nn.Module]:
        """The last normalisation of every branch: its ``weight`` says how large the branch is when training starts."""


@runtime_checkable
class SupportsDropPath(Protocol):
    """A network whose operations can be dropped, image by image, in training mode."""

    def set_drop_path(self, probability: float) -> None:
        """How likely each of them is dropped from now on, from 0 to below 1.

        What is dropped is drawn from torch's generator of the device.
        """


@runtime_checkable
class SupportsAuxiliary(Protocol):
    """A network that can have an auxiliary head: one that classifies from the middle, in training alone."""

    def with_auxiliary(self, resolution: int) -> torch.nn.Module:
        """A module with this network as its ``network``, and a new head.

        In training mode it gives logits of the network and of the head, ``(n, classes)`` each; else the
        network's alone.

        Raises:
            UsageError: images of so many pixels a side do not suit the head.
        """


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces.

    Raises:
        InvalidArchitecture: a number is not finite.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise InvalidArchitecture(f"numbers of an architecture are finite: {error}") from error


def key_of(value: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of the canonical JSON."""
    return key_of_text(canonical(value))


def key_of_text(text: str) -> str:
    """The key of canonical JSON."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def form_of(
    value: Mapping[str, Any], what: str, known: Collection[str], needed: Collection[str] = ()
) -> dict[str, Any]:
    """The entries of a JSON form of schema 1 beside its ``kind`` and ``schema``.

    Args:
        what: networks are called in messages, in the plural, such as ``staged networks``.
        known: names that there may be; ``needed`` are those that there must be.

    Raises:
        InvalidArchitecture: another schema, an entry that there is not, or one that is missing.
    """
    if value.get("schema", 1) != 1:
        raise InvalidArchitecture(f"this release reads schema 1 of {what}, got {value['schema']!r}")
    given = {name: entry for name, entry in value.items() if name not in ("kind", "schema")}
    if unknown := sorted(set(map(str, given)) - set(known)):
        raise InvalidArchitecture(f"{what} have no {', '.join(unknown)}; they have {', '.join(known)}")
    if missing := sorted(set(needed) - set(given)):
        raise InvalidArchitecture(f"{what} need {', '.join(missing)}")
    return given


def from_json(value: Mapping[str, Any]) -> Architecture:
    """Rebuild an architecture of any registered kind.

    Raises:
        InvalidArchitecture: no ``kind``, or values no network of that kind can have.
        PluginNotFound: the kind is not installed.
    """
    if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
        raise InvalidArchitecture('an architecture is a JSON object with a "kind", such as "staged"')
    try:
        made: Architecture = registry.load("architecture", value["kind"]).from_json(value)
    except RegnasError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise InvalidArchitecture(f"no network of the kind {value['kind']} has this JSON form: {error!r}") from error
    return made
