"""Weights of torchvision's RegNets for the same networks here.

torchvision rounds widths to groups half up and never below 90 %; the paper's authors round half to even. So 5 of the
24 published networks, and 28 % of random RegNets, are other networks there: of these no weights can be taken over.
The five: regnetx-400mf, regnetx-4.0gf, regnety-800mf, regnety-4.0gf and regnety-8.0gf.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_BLOCK = re.compile(r"trunk_output\.block(\d+)\.block\d+-(\d+)\.(.+)")
_OURS = re.compile(r"stages\.(\d+)\.(\d+)\.(.+)")
_PARTS = {
    "proj.": "shortcut.",
    "f.a.": "transform.0.",
    "f.b.": "transform.1.",
    "f.se.fc1.": "transform.2.down.",
    "f.se.fc2.": "transform.2.up.",
}


def state_dict_from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the ``state_dict`` of a torchvision RegNet so that a `StagedNetwork` loads it.

    Raises:
        ValueError: a name that torchvision's RegNets do not have.
    """
    squeezes = any(".f.se." in name for name in state)
    return {_renamed(name, squeezes): tensor for name, tensor in state.items()}


def state_dict_to_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The other way: the names that a torchvision RegNet of the same network loads.

    Raises:
        ValueError: a name that no staged network with a counterpart there has.
    """
    squeezes = any(".transform.2.down." in name for name in state)
    return {_theirs(name, squeezes): tensor for name, tensor in state.items()}


def _theirs(name: str, squeezes: bool) -> str:
    for ours, theirs in (("stem.0.", "stem."), ("classifier.", "fc.")):
        if name.startswith(ours):
            return f"{theirs}{name.removeprefix(ours)}"
    match = _OURS.fullmatch(name)
    if match is not None:
        stage, block, rest = int(match[1]) + 1, match[2], match[3]
        for theirs, ours in {**_PARTS, "f.c.": "transform.3." if squeezes else "transform.2."}.items():
            if rest.startswith(ours):
                return f"trunk_output.block{stage}.block{stage}-{block}.{theirs}{rest.removeprefix(ours)}"
    raise ValueError(f"{name!r} has no counterpart in a torchvision RegNet")


def _renamed(name: str, squeezes: bool) -> str:
    if name.startswith("stem."):
        return f"stem.0.{name.removeprefix('stem.')}"
    if name.startswith("fc."):
        return f"classifier.{name.removeprefix('fc.')}"
    match = _BLOCK.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is no tensor of a torchvision RegNet; pass the state_dict of regnet_x_* or _y_*")
    stage, block, rest = int(match[1]) - 1, match[2], match[3]
    # Here the 1x1 at the end comes after squeeze-and-excitation where there is one.
    parts = {**_PARTS, "f.c.": "transform.3." if squeezes else "transform.2."}
    for theirs, ours in parts.items():
        if rest.startswith(theirs):
            return f"stages.{stage}.{block}.{ours}{rest.removeprefix(theirs)}"
    raise ValueError(f"{name!r} is no tensor of a torchvision RegNet")
