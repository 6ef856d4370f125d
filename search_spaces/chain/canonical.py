"""One order of a chain's layers for all orders that are the same network.

Layers that do not follow from one another may change places, and what is concatenated may be in any order. The order
found is by length of the longest way from the picture, and then by what layers are, what feeds them and what they feed,
refined until that tells them apart (Weisfeiler & Leman 1968). Where it does not, each of those left is tried first, but
for those that a symmetry exchanges (McKay & Piperno 2014, arXiv 1301.1493, section 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Links = Sequence[frozenset[int]]


def canonical_order(labels: Sequence[Any], inputs: Links) -> list[int]:
    """The layers in the order of their network.

    Args:
        labels: of each layer, tuples; equal ones are equal layers, and they can be sorted.
        inputs: of each layer the layers before it that feed it; none is the picture.

    Returns:
        Numbers of layers. Equal networks, in this order, are equal layers with equal inputs.
    """
    uses: list[set[int]] = [set() for _ in labels]
    for layer, feeding in enumerate(inputs):
        for one in feeding:
            uses[one].add(layer)
    levels: list[int] = []
    for feeding in inputs:
        levels.append(1 + max((levels[one] for one in feeding), default=-1))
    outputs = [frozenset(one) for one in uses]
    return _order(_ranks(list(zip(levels, labels, strict=True))), inputs, outputs)


def renumbered(inputs: Links, order: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """The inputs of layers in another order, ascending."""
    place = {layer: new for new, layer in enumerate(order)}
    return tuple(tuple(sorted(place[one] for one in inputs[layer])) for layer in order)


def _order(colours: list[int], inputs: Links, outputs: Links) -> list[int]:
    colours = _refined(colours, inputs, outputs)
    left = _tied(colours)
    if not left:
        return sorted(range(len(colours)), key=colours.__getitem__)
    if len({(inputs[layer], outputs[layer]) for layer in left}) == 1:
        left = left[:1]  # the same in all that is around them: whichever is first, it is the same network
    # Two that come to one network by some way are exchanged by a symmetry: what follows from them is the same.
    different = {renumbered(inputs, _any_order(_first(colours, one), inputs, outputs)): one for one in reversed(left)}
    found = [_order(_first(colours, one), inputs, outputs) for one in different.values()]
    return min(found, key=lambda order: renumbered(inputs, order))


def _any_order(colours: list[int], inputs: Links, outputs: Links) -> list[int]:
    """An order that these colours allow: of layers that are not told apart the first one is taken."""
    while left := _tied(colours := _refined(colours, inputs, outputs)):
        colours = _first(colours, left[0])
    return sorted(range(len(colours)), key=colours.__getitem__)


def _refined(colours: list[int], inputs: Links, outputs: Links) -> list[int]:
    while True:
        seen = [
            (colour, _sorted(colours, before), _sorted(colours, after))
            for colour, before, after in zip(colours, inputs, outputs, strict=True)
        ]
        finer = _ranks(seen)
        if finer == colours:
            return colours
        colours = finer


def _sorted(colours: list[int], layers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(colours[layer] for layer in layers))


def _ranks(values: Sequence[Any]) -> list[int]:
    """Of each value, how many are smaller: finer colours keep the order of coarser ones."""
    first: dict[Any, int] = {}
    for rank, value in enumerate(sorted(values)):
        first.setdefault(value, rank)
    return [first[value] for value in values]


def _tied(colours: Sequence[int]) -> list[int]:
    """The layers of the first colour that several have."""
    groups: dict[int, list[int]] = {}
    for layer, colour in enumerate(colours):
        groups.setdefault(colour, []).append(layer)
    several = [colour for colour, layers in groups.items() if len(layers) > 1]
    return groups[min(several)] if several else []


def _first(colours: Sequence[int], layer: int) -> list[int]:
    """One layer before the others of its colour; what is beyond them keeps its rank."""
    return [colour + (one != layer and colour == colours[layer]) for one, colour in enumerate(colours)]
