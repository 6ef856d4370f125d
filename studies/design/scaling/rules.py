"""The rules by which networks are scaled: from one factor, of flops, to factors of depth, width, groups and resolution.

Every rule aims at flops that grow by the factor, d w^2 r^2 = s; what a network gets differs, because numbers are
rounded, and because its stem and its head grow otherwise.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from regnas.errors import UsageError
from regnas.scaling import Scaling

# Tan & Le 2019 (arXiv 1905.11946), section 3.3: found by a grid search at phi = 1 under d w^2 r^2 near 2.
_DEPTH, _WIDTH, _RESOLUTION = 1.2, 1.1, 1.15
_WEIGHTS = re.compile(r"([dwgr])(\d*\.?\d*)_?")
_FAST = "d1_w8_g8_r1"
_NAMED = {
    "compound": "EfficientNet: 1.2^phi deeper, 1.1^phi wider, 1.15^phi more pixels",
    "fast": f"Dollar et al. 2021: {_FAST}, mostly wider",
    "depth": "Bello et al. 2021: more blocks alone, for long trainings",
    "width": "Bello et al. 2021: more channels alone, for short trainings",
}
NAMES = tuple(_NAMED)
_ALIASES = {"fast": _FAST, "depth": "d1", "width": "w1_g1"}


@dataclass(frozen=True)
class Rule:
    """A rule by name.

    Attributes:
        weights: relative shares of d, w, g and r in the growth; None is EfficientNet's rule.
    """

    name: str
    weights: tuple[float, float, float, float] | None

    @property
    def words(self) -> str:
        """What it does, in a line."""
        return _NAMED.get(self.name, "the weights of Dollar et al. 2021")

    def scaling(self, factor: float) -> Scaling:
        """Its factors where flops are to grow by ``factor``; below 1 they shrink.

        With weights w and S = w_d + w_w + w_r: d = s^(w_d / S), w = s^(w_w / 2S), g = s^(w_g / 2S), r = s^(w_r / 2S).

        Raises:
            UsageError: a factor that is no number above 0, or one so large or small that a network's would be beyond
                what `Scaling` takes.

        Source: Dollar et al. 2021 (arXiv 2103.06877), section 4; pycls ``models/scaler.py``. EfficientNet's phi is
            that of the factor: (1.2 x 1.1^2 x 1.15^2)^phi = s.
        """
        if isinstance(factor, bool) or not (isinstance(factor, int | float) and 0 < factor < math.inf):
            raise UsageError(f"--by is a number above 0, such as 4, or 0.5 for half of it; got {factor!r}")
        if self.weights is None:
            phi = math.log(factor) / math.log(_DEPTH * _WIDTH**2 * _RESOLUTION**2)
            return Scaling(depth=_DEPTH**phi, width=_WIDTH**phi, resolution=_RESOLUTION**phi, rounding="up")
        d, w, g, r = self.weights
        total = (d + w + r) or g / 2
        return Scaling(
            depth=factor ** (d / total),
            width=factor ** (w / total / 2),
            group=factor ** (g / total / 2),
            resolution=factor ** (r / total / 2),
        )


def rule(text: str) -> Rule:
    """The rule of a name, or of weights such as ``d1_w8_g8_r1`` and ``dwr``, where a letter alone weighs 1.

    Raises:
        UsageError: neither.
    """
    if text == "compound":
        return Rule(text, None)
    spelled = _ALIASES.get(text, text)
    parts = _WEIGHTS.findall(spelled)
    letters = [letter for letter, _ in parts]
    whole = _WEIGHTS.sub("", spelled) == "" and not spelled.endswith("_")
    weights = {letter: float(number or 1) for letter, number in parts if number != "."}
    if not whole or len(weights) < len(letters) or not any(weights.values()):
        raise UsageError(
            f"--rule is one of {', '.join(NAMES)}, or weights of depth, width, groups and resolution such as {_FAST}, "
            f"not all of them 0; got {text!r}"
        )
    d, w, g, r = (weights.get(letter, 0.0) for letter in "dwgr")
    return Rule(text, (d, w, g, r))
