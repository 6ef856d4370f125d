"""Chains of layers: one form for equal networks, the paper's repairs, the line."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from regnas import describe
from regnas.errors import InvalidArchitecture, UsageError
from regnas.scaling import Scaling
from regnas.search_spaces.chain.architecture import Layer, LayerChain
from regnas.search_spaces.chain.line import line_of, read_line
from regnas.search_spaces.chain.network import joined
from regnas.search_spaces.chain.space import chain

PLAIN = Layer((3, 3), (1, 1), 24)
OTHER = Layer((5, 1), (2, 1), 36)


@st.composite
def chains(draw: st.DrawFn, kinds: int = 3, most: int = 7) -> tuple[list[Layer], list[tuple[int, ...]]]:
    """Few kinds of layers, so that many are alike."""
    count = draw(st.integers(1, most))
    known = [PLAIN, OTHER, Layer((1, 1), (2, 2), 24)][:kinds]
    layers = [draw(st.sampled_from(known)) for _ in range(count)]
    inputs = [tuple(one for one in range(number) if draw(st.booleans())) for number in range(count)]
    return layers, inputs


def reordered(
    layers: list[Layer], inputs: list[tuple[int, ...]], seed: int
) -> tuple[list[Layer], list[tuple[int, ...]]]:
    """The same network with its layers in another order that has inputs first."""
    import random

    rng, left, order = random.Random(seed), set(range(len(layers))), []
    while left:
        ready = sorted(one for one in left if not set(inputs[one]) & left)
        order.append(rng.choice(ready))
        left.remove(order[-1])
    place = {layer: new for new, layer in enumerate(order)}
    return [layers[one] for one in order], [tuple(place[i] for i in inputs[one]) for one in order]


def isomorphic(one: LayerChain, other: LayerChain) -> bool:
    """By trying every order: what the canonical form is to find out."""
    numbers = range(len(one.layers))
    if len(other.layers) != len(one.layers):
        return False
    for order in itertools.permutations(numbers):
        if all(
            other.layers[order[n]] == one.layers[n] and {order[i] for i in one.inputs[n]} == set(other.inputs[order[n]])
            for n in numbers
        ):
            return True
    return False


@given(chains(), st.integers(0, 2**31))
def test_layers_in_any_order_are_one_network(made: tuple[Any, Any], seed: int) -> None:
    layers, inputs = made
    one = LayerChain(tuple(layers), tuple(inputs))
    again, others = reordered(layers, inputs, seed)
    assert LayerChain(tuple(again), tuple(others)) == one
    assert LayerChain(one.layers, one.inputs) == one


@settings(max_examples=60, deadline=None)
@given(chains(kinds=1, most=5), chains(kinds=1, most=5))
def test_networks_are_equal_where_and_only_where_layers_can_be_matched(one: Any, other: Any) -> None:
    first, second = (LayerChain(tuple(layers), tuple(inputs)) for layers, inputs in (one, other))
    assert (first == second) == isomorphic(first, second)


def test_layers_that_refinement_cannot_tell_apart_have_one_form() -> None:
    """Two pairs of equal layers, each fed by one of the pair before, or by both."""
    crossed = LayerChain((PLAIN, PLAIN, OTHER, OTHER), ((), (), (0,), (1,)))
    again = LayerChain((PLAIN, PLAIN, OTHER, OTHER), ((), (), (1,), (0,)))
    both = LayerChain((PLAIN, PLAIN, OTHER, OTHER), ((), (), (0, 1), (0, 1)))
    assert crossed == again != both


def test_many_equal_pairs_of_layers_are_ordered_at_once() -> None:
    """Twelve pairs can change places in more ways than can be tried: 12 factorial."""
    pairs = tuple((2 * (n // 2),) if n % 2 else () for n in range(24))
    apart = tuple(() if n < 12 else (23 - n,) for n in range(24))
    assert LayerChain((PLAIN,) * 24, pairs) == LayerChain((PLAIN,) * 24, apart)


def test_a_layer_that_nothing_feeds_sees_the_picture_and_the_classifier_what_is_loose() -> None:
    """Source: Zoph & Le 2017, section 3.3."""
    network = LayerChain((PLAIN, OTHER, PLAIN), ((), (), (0,)), classes=4).build()
    assert isinstance(network.layers, nn.ModuleList) and isinstance(network.classifier, nn.Linear)
    wide = sorted((layer[0].in_channels, layer[0].out_channels) for layer in network.layers)  # type: ignore[index]
    assert wide == [(3, 24), (3, 36), (24, 24)]
    assert network.classifier.in_features == 36 + 24


def test_maps_of_other_sizes_are_padded_below_and_to_the_right() -> None:
    large, small = torch.ones(1, 2, 4, 3), torch.full((1, 1, 2, 5), 2.0)
    found = joined([large, small])
    assert found.shape == (1, 3, 4, 5)
    assert found[0, 0].tolist() == [[1, 1, 1, 0, 0]] * 4
    assert found[0, 2].tolist() == [[2] * 5] * 2 + [[0] * 5] * 2


def test_strides_beyond_the_picture_leave_one_pixel() -> None:
    deep = LayerChain((Layer((7, 7), (3, 3), 4),) * 8, tuple((n - 1,) if n else () for n in range(8)), classes=3)
    assert deep.build().eval()(torch.rand(2, 3, 5, 5)).shape == (2, 3)
    assert deep.complexity(5)["flops"] == 3 * 49 * 4 * 4 + 49 * 16 + 6 * 49 * 16 + 4 * 3 + 3


def test_a_deeper_chain_repeats_layers_and_what_saw_a_layer_sees_its_last_copy() -> None:
    """The second layer has a stride, which its copy has not; both feed the third."""
    wide, strided = Layer((3, 3), (1, 1), 64), Layer((5, 5), (2, 2), 24)
    network = LayerChain((PLAIN, strided, wide), ((), (0,), (0, 1)), classes=4)
    deep = network.scaled(Scaling(depth=2))
    again = Layer((5, 5), (1, 1), 24)
    links = ((), (0,), (1,), (2,), (1, 3), (4,))
    assert deep == LayerChain((PLAIN, PLAIN, strided, again, wide, wide), links, classes=4)
    assert network.scaled(Scaling(depth=0.2)) == network
    assert [len(network.scaled(Scaling(depth=d, rounding="up")).layers) for d in (1.01, 1.4, 13.3)] == [4, 5, 40]


@given(chains(), st.floats(1, 5))
def test_a_deeper_chain_is_one_whatever_the_order_of_its_layers(made: tuple[Any, Any], depth: float) -> None:
    one = LayerChain(tuple(made[0]), tuple(made[1]))
    layers, inputs = reordered(*made, seed=3)
    other = LayerChain(tuple(layers), tuple(inputs))
    deep = one.scaled(Scaling(depth=depth))
    assert deep == other.scaled(Scaling(depth=depth))
    assert len(deep.layers) == max(len(one.layers), round(depth * len(one.layers)))
    assert len(deep.loose) == len(one.loose)


def test_more_layers_than_a_chain_can_have_are_refused() -> None:
    with pytest.raises(InvalidArchitecture, match="1 to 40 layers"):
        LayerChain((PLAIN,), ((),)).scaled(Scaling(depth=1e6))


@given(chains())
def test_a_line_reads_back_as_its_network(made: tuple[Any, Any]) -> None:
    network = LayerChain(tuple(made[0]), tuple(made[1]))
    rows = read_line(line_of(network))
    assert [numbers for numbers, _ in rows] == [layer.numbers for layer in network.layers]
    assert [tuple(one - 1 for one in feeding) for _, feeding in rows] == list(network.inputs)


def test_a_line_is_a_point_of_the_space() -> None:
    space = chain()
    for candidate in space.sample(10):
        line = describe.summary(candidate.architecture).line
        assert space.decode(space.complete(space.point_of_line(line))) == candidate.architecture


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "a line such as"),
        ("3x3x24", "a line such as"),
        ("3x3x24@1", "layer 1 is fed by 0"),
        ("3x3x24@0 / 3x3x24@0+1", "layer 2 is fed by 0"),
        ("3x3x24@0 / 3x3x24s2@1", "a line such as"),
        (" / ".join(["3x3x24@0"] * 21), "up to 20 layers"),
    ],
)
def test_a_line_that_is_none_is_refused_with_what_is_wrong(line: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        chain().point_of_line(line)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"layers": [[3, 3, 1, 1]]}, "a layer is kernel height"),
        ({"layers": [[4, 3, 1, 1, 24]]}, "sides of a kernel are odd"),
        ({"layers": [[3, 3, 0, 1, 24]]}, "stride of a layer: whole numbers from 1"),
        ({"layers": [[3, 3, 1, 1, 2.5]]}, "filters of a layer"),
        ({"layers": []}, "1 to 40 layers, got 0"),
        ({"inputs": [[0]]}, "numbers of earlier layers, got 0"),
        ({"inputs": []}, "ask for as many lists of inputs"),
        ({"inputs": 3}, "a list with a list for each layer"),
        ({"classes": 1}, "classes is a whole number from 2"),
    ],
)
def test_json_of_no_chain_is_refused_with_the_rule(change: dict[str, Any], reason: str) -> None:
    value = {"layers": [[3, 3, 1, 1, 24]], "inputs": [[]], "classes": 10} | change
    with pytest.raises(InvalidArchitecture, match=reason):
        LayerChain.from_json(value)
