"""The contracts of modules that hold all networks of a space at once, and of spaces that have one.

A strategy or an evaluator asks a space for its supernet, so none of them names a family of networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch

    from regnas.architecture import Architecture


class Module(Protocol):
    """What is used of a `torch.nn.Module`."""

    training: bool

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Images ``(n, 3, height, width)`` to logits ``(n, classes)``."""

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """Every one once."""

    def train(self, mode: bool = True) -> Any:
        """Training or evaluation mode."""

    def eval(self) -> Any:
        """Evaluation mode."""


@runtime_checkable
class Supernet(Protocol):
    """A `torch.nn.Module` that holds the weights of all networks of a space, shared where networks have a part in
    common.

    What it does not vary, such as the width of cells, is its own: the part of a network is then that network in the
    supernet's size.
    """

    def select(self, architecture: Architecture) -> Module:
        """The part that is this network: a module, images ``(n, 3, height, width)`` to logits ``(n, classes)``, whose
        parameters are parameters of the supernet. Its mode is the supernet's of when it is called.

        Raises:
            UsageError: it is no network of the space.
        """

    def state_dict(self) -> dict[str, Any]:
        """Of a `torch.nn.Module`."""

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Of a `torch.nn.Module`."""


@runtime_checkable
class SlicedSupernet(Supernet, Protocol):
    """A supernet whose parts are the networks' own modules, each parameter a slice of a larger one.

    The part of a network is then the network itself with these weights, and can be trained and scored as any other.
    """

    def slices(self, architecture: Architecture, network: torch.nn.Module) -> dict[str, torch.Tensor]:
        """The weights of a network by the names that its module has for them: views of the supernet's parameters.

        Args:
            network: its module, as ``architecture.build()`` makes it, of which names and shapes are read.

        Raises:
            UsageError: it is no network of the space.
        """


@runtime_checkable
class SupportsSupernet(Protocol):
    """A space whose networks share weights in one module."""

    def supernet(self, **sizes: int) -> Supernet:
        """A new one for the images of the space, initialised from torch's current seed.

        Args:
            sizes: by how much it is larger or smaller than the usual one, such as ``channels`` and ``cells``.

        Raises:
            UsageError: there is none for this space, in words, or no such size.
        """


class Relaxation(Supernet, Module, Protocol):
    """A supernet whose choices are mixtures: each is the sum of all its operations, weighed by the softmax of a row of
    ``alphas``, with a gradient for each (Liu et al. 2019, arXiv 1806.09055, eq. 2).
    """

    @property
    def operations(self) -> Sequence[str]:
        """Names of the columns of ``alphas``."""

    @property
    def skip(self) -> str | None:
        """The operation that gives what it takes, where there is one: many of them are the sign of a collapse."""

    @property
    def alphas(self) -> Mapping[str, torch.nn.Parameter]:
        """By name, ``(choices, operations)``; parameters of the module."""

    def weights(self) -> list[torch.nn.Parameter]:
        """All other parameters."""

    def derive(self) -> dict[str, Any]:
        """The parameters of the space that the alphas choose; those that are not among them are free."""

    def skips(self) -> int:
        """How many operations of the derived network's repeated part are `skip`."""


@runtime_checkable
class WeighsEdges(Protocol):
    """A relaxation in which the inputs of a node are weighed beside the operations (PC-DARTS; Xu et al. 2020, arXiv
    1907.05737, eq. 3).
    """

    @property
    def edges(self) -> Mapping[str, torch.nn.Parameter]:
        """By the names of the alphas, ``(choices,)``: a softmax over the inputs of each node; parameters of the module
        and none of its weights. Empty where it was not asked for.
        """


@runtime_checkable
class SupportsRelaxation(Protocol):
    """A space that has a continuous relaxation."""

    def relaxation(self, **sizes: int) -> Relaxation:
        """A new one, as of `SupportsSupernet.supernet`; its alphas begin at 1e-3 times a standard normal draw.

        Args:
            sizes: ``channels`` and ``cells``; 0 is what the paper has. Where it is asked for, ``partial``: one channel
                in so many is mixed, the others pass; ``edges``, which is 1: it is `WeighsEdges`.

        Raises:
            UsageError: it is not defined for this space, in words, or no such size.
        """
