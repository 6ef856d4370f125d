"""Networks of layers with skips: one operation a layer, on the output of the layer before, and what skips add to it.

Source: Pham et al. 2018 (arXiv 1802.03268), section 2.3; melodyguan/enas ``src/cifar10/general_child.py``. Nothing here
imports torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from regnas.architecture import form_of, key_of
from regnas.costs import Complexity
from regnas.errors import InvalidArchitecture
from regnas.scaling import Scaling, scaled_width
from regnas.search_spaces.macro import views
from regnas.search_spaces.macro.complexity import (
    FORMS,
    OPERATIONS,
    STAGES,
    columns_of,
    macro_complexity,
    stage_of,
)

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes

    from regnas.describe import Summary, TextTable

MOST_LAYERS = 48  # twice as many as the authors train
BOUNDS = {"filters": (2, 1 << 14), "classes": (2, 1 << 20)}
_FORM = ("operations", "skips", "filters", "form", "classes")
_FILTERS = 4  # scaled filters are a multiple of, as the papers' are


@dataclass(frozen=True)
class Macro:
    """Stem, layers in up to three stages, global average pooling and a linear layer without bias.

    Layers are numbered from 1. Each sees the layer before, the first one the stem. Equal values are equal networks.

    Attributes:
        operations: of every layer, of `regnas.search_spaces.macro.complexity.OPERATIONS`.
        skips: of every layer, numbers of earlier outputs that join its own: 0 is the stem, and the layer before,
            which it sees anyway, is none of them.
        filters: of the first stage.
        form: ``search``: convolutions before ReLU, skips added, as many filters in all stages. ``final``: ReLU before
            convolutions, skips concatenated, filters doubled by each reduction.

    Raises:
        InvalidArchitecture: an unknown operation, a skip from no earlier output, or numbers that no network has.
    """

    operations: tuple[str, ...]
    skips: tuple[tuple[int, ...], ...]
    filters: int = 36
    form: str = "search"
    classes: int = 10

    def __post_init__(self) -> None:
        if not 1 <= len(self.operations) <= MOST_LAYERS:
            raise InvalidArchitecture(f"a macro network has 1 to {MOST_LAYERS} layers, got {len(self.operations)}")
        if len(self.skips) != len(self.operations):
            raise InvalidArchitecture(
                f"{len(self.operations)} layers ask for as many lists of skips, got {len(self.skips)}"
            )
        for layer, (name, added) in enumerate(zip(self.operations, self.skips, strict=True), 1):
            if not isinstance(name, str) or name not in OPERATIONS:
                raise InvalidArchitecture(f"layer {layer} has the operation {name!r}; there are {_listed(OPERATIONS)}")
            if bad := [one for one in added if not _whole(one, 0, layer - 2)]:
                known = f"0, the stem, to {layer - 2}" if layer > 1 else "none"
                raise InvalidArchitecture(f"skips of layer {layer} are from {known}, got {bad[0]!r}")
        if self.form not in FORMS:
            raise InvalidArchitecture(f"form is one of {_listed(FORMS)}, got {self.form!r}")
        for name, (low, high) in BOUNDS.items():
            if not _whole(getattr(self, name), low, high):
                raise InvalidArchitecture(
                    f"{name} is a whole number from {low} to {high:,}, got {getattr(self, name)!r}"
                )
        if self.filters % 2:
            raise InvalidArchitecture(f"filters are even, a reduction halves them; got {self.filters}")
        object.__setattr__(self, "skips", tuple(tuple(sorted(set(added))) for added in self.skips))

    @property
    def kind(self) -> str:
        return "macro"

    @property
    def schema(self) -> int:
        return 1

    @property
    def layers(self) -> int:
        return len(self.operations)

    def key(self) -> str:
        """Hash of the canonical JSON."""
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` reads them back."""
        return {
            "kind": self.kind,
            "schema": self.schema,
            "operations": list(self.operations),
            "skips": [list(added) for added in self.skips],
            "filters": self.filters,
            "form": self.form,
            "classes": self.classes,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Macro:
        """Read `to_json`'s form.

        Raises:
            InvalidArchitecture: a missing or unknown key, another schema, or values no network can have.
        """
        given = form_of(value, "macro networks", _FORM, ("operations", "skips"))
        for name in ("operations", "skips"):
            if not isinstance(given[name], list | tuple):
                raise InvalidArchitecture(f"{name} is a list with an entry for each layer, got {given[name]!r:.60}")
        if bad := [added for added in given["skips"] if not isinstance(added, list | tuple)]:
            raise InvalidArchitecture(f"skips of a layer are a list of whole numbers, got {bad[0]!r:.60}")
        return cls(tuple(given.pop("operations")), tuple(map(tuple, given.pop("skips"))), **given)

    def complexity(self, resolution: int) -> Complexity:
        """Cost of one image of ``resolution`` pixels, in closed form; no module is built."""
        columns = columns_of(self.operations, self.skips, self.filters)
        return macro_complexity(columns, self.form, self.classes, resolution).row(0)

    def features(self) -> dict[str, float]:
        """Numbers for predictors: layers, filters, and in each stage how many of every operation, and skips."""
        found = {"layers": float(self.layers), "filters": float(self.filters)}
        for stage in range(STAGES):
            here = [one for one in range(self.layers) if stage_of(one + 1, self.layers) == stage]
            names = [self.operations[one] for one in here]
            found |= {f"{name}_{stage + 1}": float(names.count(name)) for name in OPERATIONS}
            found[f"skips_{stage + 1}"] = float(sum(len(self.skips[one]) for one in here))
        return found | {"skips_of_stem": float(sum(0 in added for added in self.skips))}

    @property
    def scales(self) -> tuple[str, ...]:
        """Width alone: of layers with skips nobody has said what twice as deep is."""
        return ("width",)

    def asked(self, scaling: Scaling) -> dict[str, tuple[float, ...]]:
        """Filters before they are rounded."""
        return {"filters": (scaling.width * self.filters,)}

    def scaled(self, scaling: Scaling) -> Macro:
        """With more or fewer filters, a multiple of 4.

        Raises:
            InvalidArchitecture: too many filters.
        """
        return replace(self, filters=scaled_width(self.filters, scaling, _FILTERS))

    def summary(self) -> Summary:
        """The network in the line that ``--params`` reads."""
        return views.summary(self)

    def tables(self, resolution: int) -> list[TextTable]:
        """A row for every layer."""
        return views.tables(self, resolution)

    def draw(self, axes: Axes, params: Mapping[str, Any]) -> None:
        """Layers from left to right, and the skips."""
        views.draw(self, axes)

    def quantities(self, told: Collection[str]) -> dict[str, float]:
        """Skips, and how many layers have each operation."""
        found = {"skips": float(sum(map(len, self.skips)))}
        found |= {f"{name} layers": float(self.operations.count(name)) for name in OPERATIONS}
        return {name: value for name, value in found.items() if name not in told}

    def build(self) -> torch.nn.Module:
        """A new module, with torch's own initialisation from its current seed."""
        from regnas.search_spaces.macro.network import MacroNetwork

        return MacroNetwork(self)


def _listed(names: Collection[str]) -> str:
    return ", ".join(names)


def _whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
