"""Weights of timm's RegNets for the same networks here, and the other way.

timm's RegNetX, Y and Z of `regnas.search_spaces.staged.formats.timm`: its names for the tensors of each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

_BLOCK = re.compile(r"stages\.(\d+)\.(\d+)\.(.+)")
_NORMED = {"0.": "conv.", "1.": "bn."}  # of a convolution and its normalisation
_PARTS = {
    "shortcut.": "downsample.",
    "transform.0.": "conv1.",
    "transform.1.": "conv2.",
}
_SQUEEZE = {"transform.2.down.": "se.fc1.", "transform.2.up.": "se.fc2."}


def state_dict_to_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the ``state_dict`` of a `StagedNetwork` so that timm's RegNet loads it.

    Raises:
        ValueError: a name that no network with a counterpart there has.
    """
    return {theirs: state[ours] for ours, theirs in _names(state).items()}


def state_dict_from_timm(state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """The other way.

    Args:
        state: of timm's RegNet.
        names: of the tensors of the same network here, ``network.state_dict()``.

    Raises:
        ValueError: timm's network has not these tensors.
    """
    renamed = _names(names)
    if missing := sorted(set(renamed.values()) - set(state)):
        raise ValueError(f"timm's network is another one: it has no {', '.join(missing[:3])}")
    return {ours: state[theirs] for ours, theirs in renamed.items()}


def _names(ours: Iterable[str]) -> dict[str, str]:
    listed = list(ours)
    squeezes = any(".transform.2.down." in name for name in listed)
    return {name: _theirs(name, squeezes) for name in listed}


def _theirs(name: str, squeezes: bool) -> str:
    if name.startswith("classifier."):
        return f"head.fc.{name.removeprefix('classifier.')}"
    for ours, theirs in (("stem.0.", "stem."), ("head.0.", "final_conv.")):
        if name.startswith(ours):
            return theirs + _normed(name.removeprefix(ours))
    match = _BLOCK.fullmatch(name)
    if match is not None:
        block, rest = f"s{int(match[1]) + 1}.b{int(match[2]) + 1}.", match[3]
        for ours, theirs in _SQUEEZE.items():
            if squeezes and rest.startswith(ours):
                return f"{block}{theirs}{rest.removeprefix(ours)}"
        for ours, theirs in {**_PARTS, f"transform.{3 if squeezes else 2}.": "conv3."}.items():
            if rest.startswith(ours):
                return f"{block}{theirs}{_normed(rest.removeprefix(ours))}"
    raise ValueError(f"{name!r} has no counterpart in timm's RegNet")


def _normed(rest: str) -> str:
    for ours, theirs in _NORMED.items():
        if rest.startswith(ours):
            return theirs + rest.removeprefix(ours)
    raise ValueError(f"{rest!r} is no part of a convolution and its normalisation")
