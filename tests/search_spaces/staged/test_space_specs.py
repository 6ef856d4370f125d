"""Spec strings of spaces: ``regnetx[wm=2,depth=12:20]`` in the shell is ``fix`` and ``narrow`` in Python."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.design_space import Space, make_space
from regnas.dimension import Choice, LogUniform, Uniform
from regnas.errors import UsageError
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.space import StagedSpace


def _range(low: int, high: int, step: int = 1) -> st.SearchStrategy[str]:
    ends = st.lists(st.integers(low // step, high // step), min_size=2, max_size=2).map(sorted)
    return ends.map(lambda pair: f"{pair[0] * step}:{pair[1] * step}")


def _choices(values: list[Any]) -> st.SearchStrategy[str]:
    subsets = st.lists(st.sampled_from(values), min_size=1, unique=True)
    return subsets.map(lambda chosen: "|".join(map(str, chosen)))


regnet_options = st.fixed_dictionaries(
    {},
    optional={
        "depth": st.one_of(_range(4, 63), _choices([8, 12, 20])),
        "w0": st.one_of(_range(8, 256, 8), _choices([16, 24, 64]), st.just("wa")),
        "wa": st.one_of(_range(8, 256), st.just("36.5")),
        "wm": st.one_of(st.just("2"), st.just("2.25:2.75"), st.just(":2.5"), st.just("2:")),
        "bottleneck_ratio": _choices([1, 2, 4, 0.25]),
        "group_width": st.one_of(_choices([1, 2, 4, 8, 16, 32]), st.just("24")),
        "block": st.sampled_from(["x", "r", "v", "vr", "linear", "basic", "vanilla"]),
        "stem": st.sampled_from(["simple", "resnet", "cifar"]),
        "activation": st.sampled_from(["relu", "silu", "gelu"]),
        "se": st.sampled_from(["0", "0.25", "0.5"]),
        "stages": st.sampled_from(["3", "4", "5"]),
        "stem_width": st.sampled_from(["16", "32"]),
        "head_width": st.sampled_from(["0", "64"]),
    },
)


def _text(options: dict[str, str], order: random.Random | None = None) -> str:
    parts = [f"{key}={value}" for key, value in options.items()]
    if order is not None:
        order.shuffle(parts)
    return f"regnetx[{','.join(parts)}]"


def _made(text: str) -> Space | None:
    """The space, or None where wa leaves w0 no common value: both may then be refused."""
    try:
        return make_space(text)
    except UsageError:
        return None


@given(regnet_options)
@settings(deadline=None, max_examples=200)
def test_a_spec_makes_a_space_whose_spec_makes_the_same_space(options: dict[str, str]) -> None:
    space = _made(_text(options))
    if space is None:
        assert options.get("w0") == "wa"
        return
    again = make_space(space.spec)
    assert again == space
    assert again.spec == space.spec
    assert dict(again.dimensions) == dict(space.dimensions)


@given(regnet_options, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_the_order_of_options_does_not_matter(options: dict[str, str], order: random.Random) -> None:
    assert _made(_text(options)) == _made(_text(options, order))


@given(regnet_options, st.sets(st.sampled_from(["depth", "wm", "block", "stages", "se"])))
@settings(deadline=None, max_examples=200)
def test_deriving_in_two_steps_is_deriving_at_once(options: dict[str, str], first: set[str]) -> None:
    whole = _made(_text(options))
    if whole is not None:
        early = {key: value for key, value in options.items() if key in first}
        late = {key: value for key, value in options.items() if key not in first}
        assert make_space("regnetx").derive(early).derive(late) == whole


@pytest.mark.parametrize(
    "text",
    [
        "regnetx[]",
        "regnetx[block=x]",
        "regnetx[stages=4,se=0,activation=relu,head_width=0]",
        "regnetx[depth=4:63]",
        "regnetx[depth=4:]",
        "regnetx[wm=:3]",
        "regnetx[wm=:]",
        "regnetx[bottleneck_ratio=1|2|4]",
        "regnetx[bottleneck_ratio=4|1|2]",
    ],
)
def test_an_override_that_changes_nothing_vanishes(text: str) -> None:
    assert make_space(text).spec == "regnetx"
    assert make_space(text) == make_space("regnetx")


def test_the_last_word_on_a_parameter_counts() -> None:
    assert make_space("regnetx[wm=2]").fix(wm=2.5).spec == "regnetx[wm=2.5]"
    assert make_space("regnetx[block=v]").fix(block="x").spec == "regnetx"
    assert make_space("regnetx[depth=8:11]").narrow(depth=(4, 63)) == make_space("regnetx")


def test_fix_and_narrow_are_the_spec_in_python() -> None:
    made = make_space("regnetx").fix(wm=2, w0="wa", group_width=[8, 16], block="vr", strides=(1, 2, 2, 2))
    assert made.narrow(depth=(8, 11)) == make_space(
        "regnetx[wm=2,w0=wa,group_width=8|16,block=vr,strides=1-2-2-2,depth=8:11]"
    )


def test_a_derived_space_keeps_window_and_images() -> None:
    import regnas

    space = regnas.space("regnetx", flops=":1G", resolution=64, classes=10).fix(wm=2)
    assert (str(space.window), space.resolution, space.classes, space.spec) == ("flops :1G", 64, 10, "regnetx[wm=2]")


def test_laws_are_narrowed_fixed_and_listed() -> None:
    laws = make_space("regnetx[depth=8:11,w0=16:,wa=:64,wm=2.5,group_width=8|16]").dimensions
    assert laws["depth"] == Uniform(8, 11)
    assert laws["w0"] == LogUniform(16, 256, 8)
    assert laws["wa"] == LogUniform(8.0, 64, 0.1)
    assert laws["wm"] == Choice((2.5,))
    assert laws["group_width"] == Choice((8, 16))


def test_a_tied_line_gives_networks_whose_w0_is_wa() -> None:
    """The paper's simplification wm = 2, w0 = wa (section 3.4): u_j = wa (j + 1)."""
    space = make_space("regnetx[wm=2,w0=wa,depth=8:11]")
    assert "w0" not in space.distributions
    for candidate in space.sample(100):
        params = candidate.params
        assert params["w0"] == params["wa"] and params["wm"] == 2 and 8 <= params["depth"] <= 11
        assert params["w0"] % 8 == 0
    assert not space.contains({**space.sample(1)[0].params, "w0": 8, "wa": 16})


def test_a_tie_takes_the_values_that_both_can_have() -> None:
    assert make_space("regnetx[w0=wa]").dimensions["wa"] == LogUniform(8, 256, 8)
    assert make_space("regnetx[w0=wa,wa=20:50]").dimensions["wa"] == LogUniform(24, 48, 8)
    assert make_space("regnetx[w0=wa,wa=16]").dimensions["wa"] == Choice((16,))


@pytest.mark.parametrize(("stages", "strides"), [(3, (2, 2, 2)), (4, (2, 2, 2, 2)), (5, (2, 2, 2, 2, 2))])
def test_the_number_of_stages_is_an_option(stages: int, strides: tuple[int, ...]) -> None:
    for candidate in make_space(f"regnetx[stages={stages}]").sample(20):
        network = candidate.architecture
        assert isinstance(network, Staged)
        assert network.stages == stages and network.strides == strides


def test_strides_are_one_number_per_stage() -> None:
    for text, strides in (
        ("regnetx[strides=1-2-2-2]", (1, 2, 2, 2)),
        ("regnetx[strides=1-2-2,stages=3]", (1, 2, 2)),
        ("anynetx-a[stages=5,strides=1-1-2-2-4]", (1, 1, 2, 2, 4)),
    ):
        network = make_space(text).sample(1)[0].architecture
        assert isinstance(network, Staged)
        assert network.strides == strides


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("block=basic", "block", "basic"),
        ("stem=cifar", "stem", "cifar"),
        ("stem_width=16", "stem_width", 16),
        ("activation=silu", "activation", "silu"),
        ("se=0.125", "se_ratio", 0.125),
        ("head_width=256", "head_width", 256),
    ],
)
def test_the_networks_template_is_an_option(option: str, field: str, value: object) -> None:
    for name in ("regnetx", "anynetx-c"):
        assert getattr(make_space(f"{name}[{option}]").sample(1)[0].architecture, field) == value


@pytest.mark.parametrize(
    ("block", "ignored"),
    [
        ("r", {"group_width"}),
        ("v", {"group_width", "bottleneck_ratio"}),
        ("vr", {"group_width", "bottleneck_ratio"}),
        ("basic", {"group_width", "bottleneck_ratio"}),
        ("x", set()),
        ("linear", set()),
    ],
)
def test_parameters_that_a_block_ignores_are_not_free(block: str, ignored: set[str]) -> None:
    space = make_space(f"regnetx[block={block}]")
    assert isinstance(space, StagedSpace)
    assert set(space.dimensions) - set(space.distributions) == ignored


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("regnetx[depth_2=3]", "regnetx has no parameter or option 'depth_2'; its parameters are depth, w0, "),
        ("regnetx[last_depth=free]", "regnetx has no parameter or option 'last_depth'"),
        ("regnetx[depth=12:8]", "a range of depth runs from low to high, got '12:8'; write 8:12"),
        ("regnetx[depth=8:x]", "a range of depth is low:high, got '8:x'"),
        ("regnetx[depth=1:2:3]", "a range of depth is low:high, got '1:2:3'"),
        ("regnetx[depth=8.5:11]", "whole numbers, got low = 8.5"),
        ("regnetx[depth=0]", "depth is a whole number from 1 to 10,000, got 0"),
        ("regnetx[depth=many]", "depth is a number, got 'many'"),
        ("regnetx[depth=nan]", "depth is a number, got 'nan'"),
        ("regnetx[depth=inf]", "depth is a number, got 'inf'"),
        ("regnetx[wm=nan]", "wm is a number, got 'nan'"),
        ("regnetx[wm=1e999]", "wm is a number, got '1e999'"),
        ("regnetx[depth=8|8]", "a choice needs different values"),
        ("regnetx[w0=25]", "w0 is a multiple of 8 from 8 to 1,048,576, got 25"),
        ("regnetx[w0=9:17]", "multiples of its step 8, got 9"),
        ("regnetx[wm=1]", "wm is above 1 and up to 1024, got 1"),
        ("regnetx[wm=0.5:2]", "wm is above 1 and up to 1024, got 0.5"),
        ("regnetx[wa=-1]", "wa is 0 to 1,048,576 channels per block, got -1"),
        ("regnetx[bottleneck_ratio=0.3]", "bottleneck_ratio is w / w_b: .*; got 0.3"),
        ("regnetx[group_width=0]", "group_width is a whole number from 1 to 1,048,576, got 0"),
        ("regnetx[strides=2-2]", "4 stages ask for 4 strides, got '2-2'"),
        ("regnetx[stages=3,strides=2-2-2-2]", "3 stages ask for 3 strides, got '2-2-2-2'"),
        ("regnetx[strides=2-2-0-2]", "strides are whole numbers up to 1,024 such as 1-2-2-2, got '2-2-0-2'"),
        ("regnetx[strides=2-2-2.5-2]", "strides are whole numbers up to 1,024 such as 1-2-2-2"),
        ("regnetx[stages=0]", "stages is a whole number from 1 to 100, got '0'"),
        ("regnetx[stages=3|5]", r"stages is a whole number from 1 to 100, got '3\|5'"),
        ("regnetx[stages=4.0]", "stages is a whole number from 1 to 100, got '4.0'"),
        ("regnetx[head_width=-1]", "head_width is a whole number from 0 to 1,048,576, got '-1'"),
        ("regnetx[se=2]", r"se is the squeeze ratio, a number in 0..1, got '2'"),
        ("regnetx[se=nan]", "se is the squeeze ratio"),
        ("regnetx[block=z]", "block is one of x, r, v, vr, linear, basic, vanilla, rs, got 'z'"),
        ("regnetx[stem=big]", "stem is one of simple, resnet, cifar, rs, got 'big'"),
        ("regnetx[activation=tanh]", "activation is one of relu, silu, gelu, got 'tanh'"),
        ("regnetx[w0=w0]", "w0=w0 ties two different free parameters"),
        ("regnetx[w0=wa,wa=w0]", "wa=w0 ties two different free parameters"),
        ("regnetx[w0=wa,wa=20]", "need a value in common"),
        ("regnetx[", "a space is name or name"),
        ("regnetx]", "a space is name or name"),
        ("regnetx[a]", "options of a space are key=value, got 'a'"),
        ("regnetx[wm=]", "options of a space are key=value, got 'wm='"),
        ("regnetx[wm=2,wm=2]", "wm is given twice"),
        ("regnetx[wm=2]]", r"wm is a number, got '2\]'"),
    ],
)
def test_a_malformed_spec_is_refused_with_the_rule_and_the_value(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_space(text)


def test_a_tied_point_is_told_by_the_parameter_that_is_left() -> None:
    space = make_space("regnetx[w0=wa]")
    point = {"depth": 8, "wm": 2, "group_width": 8}
    assert space.complete({**point, "wa": 16})["w0"] == 16
    with pytest.raises(UsageError, match="needs a value for wa$"):
        space.complete({**point, "w0": 16})


def test_one_number_is_one_space_however_it_is_written() -> None:
    assert make_space("regnetx[wm=2.0]").spec == make_space("regnetx[wm=2]").spec == "regnetx[wm=2]"
