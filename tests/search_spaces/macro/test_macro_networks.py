"""Macro networks: the authors' numbers, their text forms, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from regnas import describe
from regnas.counting import MEASURES
from regnas.design_space import make_space
from regnas.errors import InvalidArchitecture, UsageError
from regnas.preset import preset
from regnas.search_spaces.macro.architecture import Macro
from regnas.search_spaces.macro.fixed_arc import MacroArcs
from regnas.search_spaces.macro.network import FactorisedReduction, MacroNetwork
from regnas.testing.counting import differences

OPS = ("conv3", "sep3", "conv5", "sep5", "avg3", "max3")
SKIPS: tuple[tuple[int, ...], ...] = ((), (0,), (), (0, 2), (1,), (0, 1, 4))


def named() -> Macro:
    one = preset("enas-macro")
    space = make_space(one.space)
    network = space.decode(space.complete(one.params))
    assert isinstance(network, Macro)
    return network


@pytest.mark.parametrize("form", ["search", "final"])
@pytest.mark.parametrize("resolution", [32, 33, 5])
def test_costs_are_what_hooks_count_with_every_operation_and_reduction(form: str, resolution: int) -> None:
    one = Macro(OPS, SKIPS, 8, form, 7)
    assert differences(one, one.build(), resolution, MEASURES) == []


def test_the_authors_final_network_has_their_parameters() -> None:
    """Their code has 42,559,392, with ordinary convolutions in place of separable ones; with separable ones 30,947,424.

    Both were counted by hand from melodyguan/enas ``general_child.py`` and ``cifar10_macro_final.sh``.
    """
    one = named()
    assert one.complexity(32)["params"] == 30_947_424
    as_built = Macro(tuple(name.replace("sep", "conv") for name in one.operations), one.skips, 96, "final")
    assert as_built.complexity(32)["params"] == 42_559_392


def test_the_published_numbers_read_and_write_as_the_preset(tmp_path: Path) -> None:
    text = MacroArcs().write(named(), {})
    assert text.splitlines()[:4] == ["0", "3 0", "0 1 0", "2 0 0 1"]
    file = tmp_path / "arc.txt"
    file.write_text(text)
    bare = text.partition("#")[0]
    for source in (text, str(file), bare, f'"{bare}"'):
        assert list(MacroArcs().read(source)) == [named()]


def test_a_layer_sees_the_one_before_and_adds_its_skips_before_normalisation() -> None:
    """In evaluation mode with new statistics a normalisation divides by sqrt(1 + 1e-5), and nothing else."""
    network = Macro(("max3", "max3", "max3"), ((), (), (0, 1)), 4, classes=3)
    built = MacroNetwork(Macro(network.operations[:2], network.skips[:2], 4, classes=3)).eval()
    assert list(built.reductions) == []  # two layers have no third
    with torch.no_grad():
        x = torch.rand(2, 3, 6, 6)
        stem = built.stem(x)
        first = built.operations[0](stem)
        second = built.operations[1](first) / (1 + 1e-5) ** 0.5
        assert torch.allclose(built(x), built.classifier(second.mean((2, 3))), atol=1e-6)


def test_skips_are_added_in_a_search_and_concatenated_at_last() -> None:
    skips = ((), (), (0, 1), ())
    search, final = (MacroNetwork(Macro(("avg3",) * 4, skips, 4, form)) for form in ("search", "final"))
    joins = [[type(layer) for layer in one.joins] for one in (search, final)]
    assert joins[0] == [nn.Identity, nn.BatchNorm2d, nn.BatchNorm2d, nn.BatchNorm2d]
    assert joins[1] == [nn.Identity, nn.Sequential, nn.Sequential, nn.Sequential]
    wide = [(join[1].in_channels, join[1].out_channels) for join in final.joins[1:]]  # type: ignore[index]
    assert wide == [(8, 8), (3 * 16, 16), (16, 16)]


def test_what_is_read_later_is_reduced_and_nothing_else() -> None:
    """Reductions after layers 2 and 4 of 6: outputs 0, 1 and 2, then 1 and 4."""
    built = Macro(("conv3",) * 6, ((), (), (0,), (1,), (), (1,)), 4).build()
    assert isinstance(built, MacroNetwork)
    assert list(built.reductions) == ["0_after_2", "1_after_2", "2_after_2", "1_after_4", "4_after_4"]


def test_a_reduction_keeps_every_second_pixel_and_the_one_beyond() -> None:
    reduction = FactorisedReduction(1, 2).eval()
    with torch.no_grad():
        reduction.here.weight.fill_(1.0)
        reduction.further.weight.fill_(1.0)
        found = reduction(torch.arange(9.0).reshape(1, 1, 3, 3)) * (1 + 1e-5) ** 0.5
    assert found[0, 0].round(decimals=3).tolist() == [[0, 2], [6, 8]]
    assert found[0, 1].round(decimals=3).tolist() == [[4, 0], [0, 0]]


@pytest.mark.parametrize("spec", ["enas-macro", "enas-macro[layers=5,form=final,filters=4|8]"])
def test_a_line_is_a_point_of_the_space(spec: str) -> None:
    space = make_space(spec)
    assert isinstance(space, describe.SupportsLines)
    for candidate in space.sample(10):
        line = describe.summary(candidate.architecture).line
        assert space.decode(space.complete(space.point_of_line(line))) == candidate.architecture


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "a line such as"),
        ("conv3 / conv7 / sep3", "with conv3, sep3, conv5, sep5, avg3, max3; got 'conv7'"),
        ("conv3 / sep3@1 / max3", "skips of layer 2 are from outputs before layer 1, got @1"),
        ("conv3@0 / sep3 / max3", "skips of layer 1"),
        ("conv3 / sep3 / max3; width 3", "such as 'filters 36', got 'width 3'"),
        ("conv3 / sep3", "has 3 layers, and the line 2"),
    ],
)
def test_a_line_that_is_none_is_refused_with_what_is_wrong(line: str, reason: str) -> None:
    space = make_space("enas-macro[layers=3]")
    assert isinstance(space, describe.SupportsLines)
    with pytest.raises(UsageError, match=reason):
        space.point_of_line(line)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("0 3", "1 number for layer 1, 2 for layer 2 and so on, 78 for 12 layers, up to 48 layers; got 2 numbers"),
        ("0 6 0", "layer 2 has the operation 6; there are 0 conv3, 1 sep3"),
        ("0 3 2", "behind its operation, layer 2 has 0 or 1 a skip, got 2"),
        ("0 -3 1", "a macro network of ENAS is enas-macro:0 3 0"),
        ("", "a macro network of ENAS is"),
        ("0 3 0 # filters 3, form final, classes 10", "filters are even"),
        ("0 3 0 # filters 4, form other, classes 10", "form is one of search, final"),
    ],
)
def test_numbers_of_no_network_are_refused_with_the_rule(source: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        MacroArcs().read(source)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"operations": ["conv3", "conv7"]}, "layer 2 has the operation 'conv7'"),
        ({"operations": ["conv3", ["sep3"]]}, "layer 2 has the operation"),
        ({"operations": []}, "1 to 48 layers, got 0"),
        ({"operations": "conv3"}, "operations is a list"),
        ({"skips": [[]]}, "ask for as many lists of skips, got 1"),
        ({"skips": [[], [1]]}, "skips of layer 2 are from 0, the stem, to 0, got 1"),
        ({"skips": [[0], []]}, "skips of layer 1 are from none, got 0"),
        ({"skips": [[], [True]]}, "skips of layer 2"),
        ({"skips": [[], 0]}, "skips of a layer are a list"),
        ({"filters": 7}, "filters are even"),
        ({"filters": 0}, "filters is a whole number from 2"),
        ({"form": "other"}, "form is one of search, final, got 'other'"),
        ({"classes": 1}, "classes is a whole number from 2"),
    ],
)
def test_json_of_no_network_is_refused_with_the_rule(change: dict[str, Any], reason: str) -> None:
    value = {"operations": ["conv3", "sep3"], "skips": [[], []], "filters": 8} | change
    with pytest.raises(InvalidArchitecture, match=reason):
        Macro.from_json(value)
