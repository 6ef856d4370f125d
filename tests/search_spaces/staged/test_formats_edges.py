"""Networks near a tie of a rounding, and configurations that are nearly right: exported and read as they are."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import regnas
from regnas.errors import UsageError
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.fit.exact import RegNetLine, exact_line
from regnas.search_spaces.staged.formats import pycls, timm

# At 200 * 2.3 = 460 channels, or 57.5 times 8, double precision rounds to 456 and single precision, timm's, to 464.
TIE = RegNetLine(55, 200, 48.1, 2.3, 4, 4)


def _staged(line: RegNetLine) -> Staged:
    depths, widths, groups = line.stages()
    stages = len(depths)
    return Staged(
        depths=tuple(depths),
        widths=tuple(widths),
        strides=(2,) * stages,
        bottleneck_ratios=(line.bottleneck_ratio,) * stages,
        group_widths=tuple(groups),
    )


def _in_timm(text: str) -> tuple[tuple[int, ...], ...]:
    """Depths, widths and group widths that timm itself makes of exported text; no weights are allocated."""
    names: dict[str, Any] = {}
    with torch.device("meta"):
        exec(text, names)
    stages = [getattr(names["network"], f"s{number}") for number in (1, 2, 3, 4)]
    blocks = [list(stage.children()) for stage in stages]
    convs = [stage[0].conv2.conv for stage in blocks]
    return (
        tuple(len(stage) for stage in blocks),
        tuple(stage[0].conv3.conv.out_channels for stage in blocks),
        tuple(conv.out_channels // conv.groups for conv in convs),
    )


def test_a_line_that_timm_rounds_otherwise_is_replaced_by_one_it_does_not() -> None:
    network = _staged(TIE)
    text = timm.write(network, TIE)
    assert "wm=2.3," not in text
    assert _in_timm(text) == (network.depths, network.widths, network.group_widths)


def test_a_line_that_is_found_lies_clear_of_ties() -> None:
    """The search's first hit was within 1e-7 of a tie, where timm made 912 channels instead of 960."""
    depths, widths, groups = (3, 6, 12, 6), (192, 288, 528, 960), (16, 16, 16, 16)
    found = exact_line(depths, widths, groups, 3)
    assert found is not None and found.clear
    network = Staged(
        depths=depths, widths=widths, strides=(2,) * 4, bottleneck_ratios=(3,) * 4, group_widths=groups, classes=7
    )
    assert _in_timm(timm.write(network)) == (depths, widths, groups)


def test_only_lines_away_from_ties_are_clear() -> None:
    assert not TIE.clear
    assert not RegNetLine(36, 176, 9.5, 1.5, 1).clear  # 176 * 1.5 = 33 * 8, times 1.5 is 49.5 * 8
    assert RegNetLine(16, 48, 27.89, 2.09, 8).clear  # regnety-400mf


def test_a_bottleneck_of_three_is_found_in_spite_of_its_floor() -> None:
    """128 channels are 42 in the bottleneck, 10.5 groups of 4, so 40, so 120 channels: 11 below the line."""
    network = _staged(RegNetLine(13, 48, 91.3, 2.731, 4, 3))
    assert network.widths == (48, 120, 360, 972)
    found = exact_line(network.depths, network.widths, network.group_widths, 3)
    assert found is not None and found.stages() == (list(network.depths), [48, 120, 360, 972], [4] * 4)


def test_random_networks_whose_parameters_are_not_known_are_timm_s() -> None:
    for candidate in regnas.space("regnety[bottleneck_ratio=1|3]").sample(12, seed=4):
        network = candidate.architecture
        assert isinstance(network, Staged)
        assert _in_timm(timm.write(network)) == (network.depths, network.widths, network.group_widths)


def test_the_bottleneck_of_pycls_is_the_product_with_its_multiplier() -> None:
    """175 * 0.35714285714285715 is 62.5 in doubles and rounds to 62; 175 / 2.8 lies above and rounds to 63."""
    text = (
        "MODEL: {TYPE: anynet}\n"
        "ANYNET: {DEPTHS: [1], WIDTHS: [175], STRIDES: [2], BOT_MULS: [0.35714285714285715], GROUP_WS: [1]}\n"
    )
    assert round(175 * 0.35714285714285715) == 62
    assert pycls.read(text, "it").bottleneck_widths == (62,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("MODEL: {TYPE: regnet}\nREGNET: 5\n", "REGNET and BN hold keys with values"),
        ("MODEL: {TYPE: anynet}\nANYNET: [1, 2]\n", "ANYNET and BN hold keys with values"),
        ("MODEL: {TYPE: regnet}\nBN: 1e-5\n", "BN hold keys with values"),
        ("MODEL: {TYPE: regnet, SCALING_FACTOR: abc}\n", "MODEL.SCALING_FACTOR is abc"),
        ("MODEL: {TYPE: regnet}\nBN: {EPS: [1]}\n", r"BN.EPS is \[1\]"),
        ("MODEL: {TYPE: regnet}\nREGNET: {BOT_MUL: x}\n", "describes no network"),
        ("MODEL: {TYPE: anynet}\nANYNET: {DEPTHS: 3}\n", "describes no network"),
    ],
)
def test_values_of_the_wrong_kind_are_named(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        pycls.read(text, "it")


def test_the_usual_epsilon_may_be_written_as_yaml_reads_text() -> None:
    assert pycls.read("MODEL: {TYPE: regnet}\nBN: {EPS: 1e-5}\n", "it").classes == 10
