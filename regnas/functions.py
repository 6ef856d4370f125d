"""The contract of spaces in which different networks may compute the same function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from regnas.design_space import Space


@runtime_checkable
class SupportsFunctions(Protocol):
    """A space that knows which of its networks compute the same, where a table holds each of them."""

    def to_train(self) -> Space:
        """The space in which equal functions are one network: the one to search where networks are trained.

        Itself, where its spec says what is one network.
        """
