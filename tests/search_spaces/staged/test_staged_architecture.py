"""Staged networks as values: canonical form, JSON form, keys, and what is no network."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.architecture import Architecture, canonical, from_json, key_of
from regnas.errors import InvalidArchitecture, PluginNotFound
from regnas.search_spaces.staged.architecture import ACTIVATIONS, Staged
from regnas.search_spaces.staged.complexity import BLOCKS, STEMS

STAGED = Staged(
    depths=(1, 2), widths=(32, 64), strides=(2, 2), bottleneck_ratios=(2, 1), group_widths=(8, 16), classes=10
)
JSON = {
    "kind": "staged",
    "schema": 1,
    "stem": "simple",
    "stem_width": 32,
    "block": "x",
    "depths": [1, 2],
    "widths": [32, 64],
    "strides": [2, 2],
    "bottleneck_ratios": [2, 1],
    "group_widths": [8, 16],
    "se_ratio": 0.0,
    "head_width": 0,
    "classes": 10,
    "activation": "relu",
}


@st.composite
def networks(draw: st.DrawFn) -> Staged:
    """Any staged network of up to four stages: the width is built up from groups so that it fits."""
    stages = draw(st.integers(1, 4))

    def each(numbers: st.SearchStrategy[Any]) -> tuple[Any, ...]:
        return tuple(draw(numbers) for _ in range(stages))

    groups = each(st.integers(1, 12))
    multiples = each(st.integers(1, 6))
    ratios = each(st.sampled_from([1, 2, 4, 3, 2.0]))
    return Staged(
        stem=draw(st.sampled_from(sorted(STEMS))),
        stem_width=draw(st.integers(1, 40)),
        block=draw(st.sampled_from(sorted(BLOCKS))),
        depths=each(st.integers(1, 4)),
        widths=tuple(int(g * m * b) for g, m, b in zip(groups, multiples, ratios, strict=True)),
        strides=each(st.integers(1, 3)),
        bottleneck_ratios=ratios,
        group_widths=groups,
        se_ratio=draw(st.sampled_from([0, 0.25, 0.125, 1.0])),
        head_width=draw(st.sampled_from([0, 24])),
        classes=draw(st.integers(2, 20)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
    )


@given(networks())
@settings(deadline=None, max_examples=200)
def test_json_reads_back_as_the_same_network_with_the_same_key(network: Staged) -> None:
    text = json.dumps(network.to_json())
    for read in (Staged.from_json(json.loads(text)), from_json(json.loads(text))):
        assert read == network
        assert read.key() == network.key()
        assert json.dumps(read.to_json()) == text


@given(networks(), networks())
@settings(deadline=None, max_examples=200)
def test_keys_are_equal_exactly_where_networks_are(one: Staged, other: Staged) -> None:
    assert (one.key() == other.key()) == (one == other)


@given(networks())
@settings(deadline=None, max_examples=100)
def test_a_canonical_network_stays_as_it_is(network: Staged) -> None:
    assert replace(network) == network


def test_the_json_form_is_schema_one() -> None:
    """Files on users' disks hold this form: whoever changes it raises the schema and reads the old one too."""
    assert STAGED.to_json() == JSON
    assert STAGED.schema == 1


def test_the_key_is_the_sha256_of_the_sorted_json() -> None:
    """The start of what ``sha256sum`` says of the canonical JSON."""
    assert canonical({"b": [1, 2.5], "a": "x"}) == '{"a":"x","b":[1,2.5]}'
    assert key_of({"b": [1, 2.5], "a": "x"}) == "66efddae6a975003"
    assert STAGED.key() == "4240cd4de21d7670"


def test_a_staged_network_is_an_architecture() -> None:
    assert isinstance(STAGED, Architecture)
    assert STAGED.kind == "staged"


def test_an_r_block_ignores_the_group_width() -> None:
    grouped, whole = (replace(STAGED, block="r", group_widths=groups) for groups in ((8, 16), (16, 64)))
    assert grouped == whole and grouped.key() == whole.key()
    assert grouped.group_widths == grouped.bottleneck_widths == (16, 64)


@pytest.mark.parametrize("block", ["v", "vr", "basic", "vanilla"])
def test_blocks_without_a_bottleneck_ignore_ratio_and_group_width(block: str) -> None:
    one = replace(STAGED, block=block, bottleneck_ratios=(2, 1), group_widths=(8, 16))
    other = replace(STAGED, block=block, bottleneck_ratios=(1, 4), group_widths=(4, 1))
    assert one == other and hash(one) == hash(other) and one.key() == other.key()
    assert one.bottleneck_ratios == (1, 1)


@pytest.mark.parametrize("block", ["basic", "vanilla"])
def test_blocks_of_the_authors_without_squeeze_ignore_its_ratio(block: str) -> None:
    assert replace(STAGED, block=block, se_ratio=0.25) == replace(STAGED, block=block)


@pytest.mark.parametrize("block", ["x", "linear"])
def test_the_x_block_heeds_ratio_group_width_and_squeeze(block: str) -> None:
    network = replace(STAGED, block=block)
    assert replace(network, bottleneck_ratios=(1, 1)) != network
    assert replace(network, group_widths=(4, 16)) != network
    assert replace(network, se_ratio=0.25) != network


def test_equal_numbers_of_other_types_are_one_network() -> None:
    other = replace(STAGED, bottleneck_ratios=(2.0, 1.0), se_ratio=0)
    assert other == STAGED and other.key() == STAGED.key()


def test_left_out_ratios_and_groups_mean_one_group_of_the_whole_width() -> None:
    network = Staged(depths=(1, 2), widths=(32, 64), strides=(2, 2))
    assert network.bottleneck_ratios == (1, 1)
    assert network.group_widths == (32, 64)


def test_the_bottleneck_width_is_rounded_half_to_even() -> None:
    network = Staged(depths=(1, 1), widths=(10, 14), strides=(2, 2), bottleneck_ratios=(4, 4))
    assert network.bottleneck_widths == (2, 4)  # 2.5 and 3.5


def test_an_inverted_bottleneck_is_wider_than_its_block() -> None:
    network = Staged(depths=(1,), widths=(16,), strides=(1,), bottleneck_ratios=(0.25,), group_widths=(32,))
    assert network.bottleneck_widths == (64,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stem": "wide"}, "stem is one of simple, resnet, cifar, rs, got 'wide'"),
        ({"stem": ["simple"]}, r"stem is one of simple, resnet, cifar, rs, got \['simple'\]"),
        ({"block": "z"}, "block is one of x, r, v, vr, linear, basic, vanilla, rs, got 'z'"),
        ({"activation": None}, "activation is one of relu, silu, gelu, got None"),
        ({"stem_width": 0}, "stem_width is a whole number from 1 to 1,048,576, got 0"),
        ({"stem_width": 32.0}, "stem_width is a whole number from 1 to 1,048,576, got 32.0"),
        ({"head_width": -1}, "head_width is a whole number from 0 to 1,048,576, got -1"),
        ({"classes": 1}, "classes is a whole number from 2 to 1,048,576, got 1"),
        ({"classes": True}, "classes is a whole number from 2 to 1,048,576, got True"),
        ({"se_ratio": -0.25}, "se_ratio is a number from 0 to 16, got -0.25"),
        ({"se_ratio": float("nan")}, "se_ratio is a number from 0 to 16, got nan"),
        ({"se_ratio": "0.25"}, "se_ratio is a number from 0 to 16, got '0.25'"),
        ({"depths": []}, "a network has 1 to 100 stages, got 0 depths"),
        ({"depths": [1, 0]}, r"depths are whole numbers from 1 to 10,000, got \[1, 0\]"),
        ({"depths": [1, 2.5]}, r"depths are whole numbers from 1 to 10,000, got \[1, 2.5\]"),
        ({"depths": [1, 2, 3]}, r"3 depths ask for 3 widths, got \[32, 64\]"),
        ({"widths": [32, -64]}, r"widths are whole numbers from 1 to 1,048,576, got \[32, -64\]"),
        ({"widths": 32}, "widths is a list with one number per stage, got 32"),
        ({"strides": [2]}, r"2 depths ask for 2 strides, got \[2\]"),
        ({"strides": [2, 0]}, r"strides are whole numbers from 1 to 1,024, got \[2, 0\]"),
        ({"strides": "22"}, "strides is a list with one number per stage, got '22'"),
        ({"bottleneck_ratios": [1, 0]}, r"bottleneck_ratios are numbers from 1/1024 to 1024, got \[1, 0\]"),
        (
            {"bottleneck_ratios": [1, float("inf")]},
            r"bottleneck_ratios are numbers from 1/1024 to 1024, got \[1, inf\]",
        ),
        ({"bottleneck_ratios": [1]}, r"2 depths ask for 2 bottleneck_ratios, got \[1\]"),
        ({"group_widths": [8, "16"]}, r"group_widths are whole numbers from 1 to 1,048,576, got \[8, '16'\]"),
        ({"group_widths": [8, 16, 16]}, r"2 depths ask for 2 group_widths, got \[8, 16, 16\]"),
        ({"group_widths": [8, 24]}, "got width 64, bottleneck ratio 1, so 64 channels in groups of 24"),
        ({"group_widths": [32, 16]}, "got width 32, bottleneck ratio 2, so 16 channels in groups of 32"),
        ({"widths": [32, 1], "bottleneck_ratios": [2, 4]}, "got width 1, bottleneck ratio 4, so 0 channels"),
        ({"schema": 2}, "reads schema 1 of staged networks, got 2"),
        ({"depth": 2, "width": 3}, "have no depth, width; they have activation, block, "),
    ],
)
def test_what_no_network_can_have_is_named_with_its_value(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArchitecture, match=message):
        from_json({**JSON, **change})


def test_missing_numbers_are_named() -> None:
    with pytest.raises(InvalidArchitecture, match="staged networks need strides, widths$"):
        Staged.from_json({"kind": "staged", "depths": [1]})


def test_what_may_be_left_out_is_the_papers_regnetx() -> None:
    read = Staged.from_json({"depths": [1], "widths": [64], "strides": [2]})
    assert (read.stem, read.stem_width, read.block, read.activation) == ("simple", 32, "x", "relu")
    assert (read.se_ratio, read.head_width, read.classes) == (0, 0, 1000)


@pytest.mark.parametrize("value", [{}, {"kind": 3}, [JSON], "staged", None, {"depths": [1]}])
def test_json_without_a_kind_is_no_architecture(value: Any) -> None:
    with pytest.raises(InvalidArchitecture, match='a JSON object with a "kind"'):
        from_json(value)


def test_an_unknown_kind_names_the_installed_ones() -> None:
    with pytest.raises(PluginNotFound, match="no architecture 'stagged', installed: .*staged.*did you mean staged"):
        from_json({**JSON, "kind": "stagged"})


def test_a_canonical_form_has_no_infinite_numbers() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": float("inf")})


def test_lists_are_taken_for_tuples() -> None:
    from_lists = Staged(depths=[1, 2], widths=[8, 16], strides=[2, 2])  # type: ignore[arg-type]
    assert from_lists == Staged(depths=(1, 2), widths=(8, 16), strides=(2, 2))
    assert hash(from_lists) == hash(Staged(depths=(1, 2), widths=(8, 16), strides=(2, 2)))
