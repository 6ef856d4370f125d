"""The parts of a network that scores look at, and what it means that one is missing."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
_POOLS = (nn.modules.pooling._AdaptiveAvgPoolNd, nn.modules.pooling._AdaptiveMaxPoolNd)


class NoScore(RuntimeError):
    """A network has no such score: it lacks the layers that the score is about, or the score is no finite number."""

    again = False  # it is of the network: another try ends alike


def weighted(network: nn.Module) -> list[nn.Module]:
    """The convolutions and linear layers: what scores of weights are sums over.

    Raises:
        NoScore: there is none.
    """
    found: list[nn.Module] = [one for one in network.modules() if isinstance(one, nn.modules.conv._ConvNd | nn.Linear)]
    if not found:
        raise NoScore("scores of weights are sums over convolutions and linear layers, and the network has none")
    return found


def weight_of(layer: nn.Module) -> Tensor:
    """The weight of a layer that has one, ``(out, in, ...)``."""
    return cast(Tensor, layer.weight)


def depth(network: nn.Module) -> float:
    """Convolutions and linear layers, in parallel branches too."""
    return float(len(weighted(network)))


def require_relu(network: nn.Module) -> None:
    """Whether activation codes can be read, which are the signs before a ReLU.

    Raises:
        NoScore: no module of it is an `nn.ReLU`; a ReLU that is called as a function cannot be seen.
    """
    if not any(isinstance(one, nn.ReLU) for one in network.modules()):
        raise NoScore("naswot reads the signs before nn.ReLU, and the network has no such module; take another score")


def keep_inputs(network: nn.Module) -> None:
    """Let no layer overwrite its input: what a hook has seen stays as it was."""
    for module in network.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]


def pools_everything(module: nn.Module) -> bool:
    """Whether a module is the pooling before a classifier."""
    return isinstance(module, _POOLS)
