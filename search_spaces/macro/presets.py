"""The macro network that ENAS's authors train at last.

Source: melodyguan/enas ``scripts/cifar10_macro_final.sh``.
"""

from __future__ import annotations

from regnas.images import Images
from regnas.preset import Preset
from regnas.search_spaces.macro.fixed_arc import MacroArcs
from regnas.search_spaces.macro.line import line_of
from regnas.search_spaces.macro.space import enas_macro

_ARC = """
0
3 0
0 1 0
2 0 0 1
2 0 0 0 0
3 1 1 0 1 0
2 0 0 0 0 0 1
2 0 1 1 0 1 1 1
1 0 1 1 1 0 1 0 1
0 0 0 0 0 0 0 0 0 0
2 0 0 0 0 0 1 0 0 0 0
0 1 0 0 1 1 0 0 0 0 1 1
2 0 1 0 0 0 0 0 1 0 1 1 0
1 0 0 1 0 0 0 1 1 1 0 1 0 1
0 1 1 0 1 0 1 0 0 0 0 0 1 0 0
2 0 0 1 0 0 0 0 0 0 0 1 0 1 0 1
2 0 1 0 0 0 1 0 0 1 1 1 1 0 0 1 0
2 0 0 0 0 1 0 1 0 1 0 0 1 0 1 0 0 1
3 0 1 1 0 1 0 0 0 0 0 1 0 1 0 1 0 0 0
3 0 1 1 0 0 0 0 0 0 0 0 0 1 1 0 0 0 0 1
0 1 0 0 1 0 1 1 0 0 0 1 0 0 0 0 0 1 1 0 0
3 0 1 0 1 1 0 0 1 0 1 1 0 1 1 0 1 0 0 1 0 0
0 1 0 1 0 1 0 0 0 0 0 0 0 0 1 0 1 0 0 1 0 0 0
0 1 1 0 0 0 1 1 1 0 1 0 0 0 1 0 1 0 0 1 1 0 0 0
"""


def macros() -> dict[str, Preset]:
    """``enas-macro``: 24 layers, 96 filters, for CIFAR-10."""
    (network,) = MacroArcs().read(_ARC)
    space = f"enas-macro[filters={network.filters},form={network.form},layers={network.layers}]"
    params = enas_macro().derive({"layers": str(network.layers)}).point_of_line(line_of(network))
    note = "the authors' code builds its separable convolutions as ordinary ones; here they are separable"
    return {"enas-macro": Preset(space, params, Images(32, classes=10), note)}
