"""The names that timm and torchvision have for mobile networks. Neither need be installed.

Source: timm ``models/efficientnet.py`` (1.0.31), torchvision ``models/{mnasnet,mobilenetv2,efficientnet}.py`` (0.29).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import partial

from regnas.errors import PluginNotFound, UsageError
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.published import COMPOUND, compound, multiplied, small

_AUTHORS_EPS = 1e-3
_PADDED = "timm's {} pads as TensorFlow does, so its weights see pictures a pixel off; regnas does not: take {}"

Makers = Mapping[str, Callable[[], Mobile]]


def _timm() -> dict[str, Callable[[], Mobile]]:
    found: dict[str, Callable[[], Mobile]] = {}
    for theirs, ours, multipliers in (
        ("mnasnet", "mnasnet-b1", (0.5, 0.75, 1.0, 1.4)),
        ("semnasnet", "mnasnet-a1", (0.5, 0.75, 1.0, 1.4)),
        ("mobilenetv2", "mobilenetv2", (0.35, 0.5, 0.75, 1.0, 1.4)),
    ):
        found |= {f"{theirs}_{one * 100:03.0f}": partial(multiplied, ours, one) for one in multipliers}
    found["mnasnet_small"] = partial(small, skip=True)
    return found | {name.replace("-", "_"): partial(compound, name) for name in COMPOUND}


def _torchvision() -> dict[str, Callable[[], Mobile]]:
    found: dict[str, Callable[[], Mobile]] = {
        f"mnasnet{name}": partial(multiplied, "mnasnet-b1", one)
        for name, one in (("0_5", 0.5), ("0_75", 0.75), ("1_0", 1.0), ("1_3", 1.3))
    }
    found["mobilenet_v2"] = partial(multiplied, "mobilenetv2", 1.0)
    for name in COMPOUND:
        eps = _AUTHORS_EPS if name[-1] in "567" else 1e-5
        found[name.replace("-", "_")] = partial(compound, name, eps)
    return found


TIMM: Makers = _timm()
TORCHVISION: Makers = _torchvision()


def of_timm(name: str) -> Mobile:
    """The network of one of timm's names, with or without the tag of its weights.

    Raises:
        PluginNotFound: timm has no such network, or regnas does not know it.
        UsageError: it pads otherwise.
    """
    model = name.partition(".")[0]
    plain = model.removeprefix("tf_")
    if plain != model and plain in TIMM:
        raise UsageError(_PADDED.format(model, f"timm:{plain}"))
    return _known(model, TIMM, "timm")


def of_torchvision(name: str) -> Mobile:
    """The network of one of torchvision's names.

    Raises:
        PluginNotFound: torchvision has no such network, or regnas does not know it.
    """
    return _known(name, TORCHVISION, "torchvision")


def _known(name: str, makers: Makers, library: str) -> Mobile:
    if name in makers:
        return makers[name]()
    near = difflib.get_close_matches(name, makers, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise PluginNotFound(f"of {library}'s mobile networks known are {', '.join(makers)}; got {name!r}{hint}")
