"""The stream of candidates: a function of space, window, seed and index alone."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

import regnas
from regnas.candidate import Candidate
from regnas.design_space import Space, make_space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.sampling.stream import STREAM_VERSION, Stream, Tally, candidates, survey
from regnas.window import Window

# RegNetX with wa alone free: five different networks, most draws repeat one of them.
TINY = "regnetx[depth=8,w0=48,wm=2.5,bottleneck_ratio=1,group_width=8]"

# Golden candidates: of seed 0 without a window, of seed 7, and by version of seed 0 inside flops 360M:400M.
_NAMES = ("depth", "w0", "wa", "wm", "bottleneck_ratio", "group_width")
REGNETX = [(40, 40, 12.4, 2.139, 4, 32), (26, 80, 26.8, 2.397, 4, 4)]
ANYNETX_E = (2, 6, 6, 8, 16, 40, 112, 488, 1, 8)
WINDOWED = {
    1: [(22, 72, 27.4, 2.199, 4, 16), (31, 64, 8.2, 1.838, 2, 1)],
    2: [(6, 104, 124.6, 2.065, 2, 2), (22, 56, 10.3, 1.805, 1, 1)],
}


def _space(text: str = "regnetx", **window: str) -> Space:
    return regnas.space(text, resolution=32, classes=10, limits=window)


@pytest.mark.parametrize("version", [1, 2])
def test_the_first_candidates_of_every_version_are_these(version: int) -> None:
    """Studies of earlier releases resume on them: whoever changes the stream raises STREAM_VERSION."""
    windowed = regnas.space("regnetx", flops="360M:400M")
    for space, golden in ((make_space("regnetx"), REGNETX), (windowed, WINDOWED[version])):
        found = [candidate.params for candidate in space.on_stream(version).sample(2, seed=0)]
        assert found == [dict(zip(_NAMES, values, strict=True)) for values in golden]
    (one,) = make_space("anynetx-e").on_stream(version).sample(1, seed=7)
    assert tuple(one.params.values()) == ANYNETX_E


def test_a_narrowed_stream_is_the_same_in_another_process_and_of_a_copied_space() -> None:
    code = (
        "import regnas; space = regnas.space('regnetx', flops='360M:400M');"
        "print([list(one.params.values()) + [one.draws] for one in space.sample(300, seed=4)])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    space = regnas.space("regnetx", flops="360M:400M")
    assert space.narrowing is not None  # which a pickle leaves out
    for again in (space, pickle.loads(pickle.dumps(space))):
        assert said.strip() == str([[*one.params.values(), one.draws] for one in again.sample(300, seed=4)])
    assert len(pickle.dumps(space)) < 20_000


def test_an_architecture_that_waits_is_made_once_and_is_the_decoded_one() -> None:
    space = _space("anynetx-a[bottleneck_ratio=0.5|1|2]")
    for one in space.sample(50):
        assert "architecture" not in vars(one)
        copy = pickle.loads(pickle.dumps(replace(one)))
        assert copy == one and hash(copy.architecture) == hash(one.architecture)
        assert one.architecture is one.architecture and one.architecture == space.decode(one.params)
        assert one.architecture.to_json() == space.decode(one.params).to_json()
        with pytest.raises(AttributeError, match="no attribute 'width'"):
            one.width  # noqa: B018


def test_new_spaces_are_of_the_latest_version_and_derived_ones_of_their_own() -> None:
    space = make_space("regnetx")
    assert STREAM_VERSION == space.stream_version == 2
    assert space.on_stream(1).fix(wm=2).within(Window()).on(space.images).stream_version == 1
    with pytest.raises(UsageError, match="versions 1, 2, got 3"):
        space.on_stream(3)


@pytest.mark.parametrize("duplicates", ["reject", "allow"])
def test_a_candidate_is_the_same_however_many_are_asked(duplicates: str) -> None:
    space = _space(flops="5M:")
    few, many = (space.sample(count, seed=5, duplicates=duplicates) for count in (10, 1000))
    assert many[:10] == few
    assert [candidate.index for candidate in many] == list(range(1000))


def test_the_sequence_gives_the_streams_candidates_in_any_order() -> None:
    space = _space()
    expected = space.sample(300, seed=2)
    stream = Stream(space, seed=2)
    assert [stream[index] for index in (299, 0, 17, 299)] == [expected[index] for index in (299, 0, 17, 299)]


@pytest.mark.parametrize(("name", "flops"), [("regnetx", "360M:400M"), ("resnext-b", "97M:100M")])
def test_candidates_are_the_same_whether_they_are_measured_or_not(name: str, flops: str) -> None:
    """Narrowed proposals too; only what is asked of every network besides is more."""
    space = make_space(name)
    plain = space.within(Window.parse(flops=flops)).sample(3)
    measured = space.within(Window.parse(flops=flops, limits=["memory=0:"])).sample(3)
    assert [one.architecture for one in measured] == [one.architecture for one in plain]
    assert all("memory" in one.complexity for one in measured)


def test_another_seed_gives_other_candidates() -> None:
    one, other = ({c.architecture.key() for c in _space().sample(100, seed=seed)} for seed in (0, 1))
    assert len(one & other) < 5


def test_another_space_of_the_same_law_gives_other_candidates() -> None:
    one = [candidate.params for candidate in _space("anynetx-a").sample(20)]
    other = [candidate.params for candidate in _space("anynetx-a[se=0.25]").sample(20)]
    assert one != other


@pytest.mark.parametrize("text", ["regnetx", "anynetx-a", "anynetx-e", "regnetx-constrained"])
def test_a_window_is_a_filter_of_the_unconditional_stream_of_version_1(text: str) -> None:
    window = {"flops": "4M:40M", "params": ":5M", "acts": "50k:"}
    inside = _space(text, **window).on_stream(1).sample(40, seed=9, duplicates="allow")
    whole = _space(text).on_stream(1).stream(seed=9, duplicates="allow")
    filtered: list[Candidate] = []
    draws = position = 0
    while len(filtered) < 40:
        candidate = next(whole)
        draws += candidate.draws
        cost = candidate.complexity
        if 4e6 <= cost.flops <= 40e6 and cost.params <= 5e6 and cost.activations >= 50e3:
            filtered.append(replace(candidate, index=len(filtered), draws=draws - position))
            position = draws
    assert inside == filtered


def test_draws_count_every_raw_draw_up_to_the_candidate() -> None:
    """Every draw of AnyNetX_A is a network: candidate i of the open stream is raw draw i."""
    whole = _space("anynetx-a").sample(3000, duplicates="allow")
    assert {candidate.draws for candidate in whole} == {1}
    rows = {id(candidate.architecture): row for row, candidate in enumerate(whole)}
    keys: dict[str, int] = {}
    for candidate in whole:
        if candidate.complexity.flops >= 20e6:
            keys.setdefault(candidate.architecture.key(), rows[id(candidate.architecture)])
    found = _space("anynetx-a", flops="20M:").sample(min(100, len(keys)))
    assert np.cumsum([candidate.draws for candidate in found]).tolist() == [
        keys[candidate.architecture.key()] + 1 for candidate in found
    ]


def test_draws_and_the_tally_agree_on_the_raw_draws() -> None:
    tally = Tally()
    space = _space(flops="4M:6M").on_stream(1)
    found = list(islice(candidates(space, seed=0, tally=tally), 400))
    drawn = sum(candidate.draws for candidate in found)
    # Whole chunks of 256, 512, 1024, ... up to 16,384 draws, the last of them perhaps not used to its end.
    totals = np.cumsum([min(256 << k, 16_384) for k in range(60)]).tolist()
    assert tally.drawn == next(total for total in totals if total >= drawn)
    assert tally.accepted >= len(found) + tally.repeats


def test_narrowed_proposals_stand_for_draws_of_the_law() -> None:
    """A proposal stands for one over the region's share of the law; the sum is rounded, every candidate has one."""
    tally = Tally()
    space = _space(flops="4M:6M")
    narrowing = space.narrowing
    assert narrowing is not None and 0 < narrowing.share < 0.1
    found = list(islice(candidates(space, seed=0, duplicates="allow", tally=tally), 400))
    assert min(candidate.draws for candidate in found) >= 1
    totals = [
        round(total / narrowing.share) for total in np.cumsum([min(256 << k, 16_384) for k in range(20)]).tolist()
    ]
    assert tally.drawn in totals
    assert sum(candidate.draws for candidate in found) <= tally.drawn
    assert sum(tally.rejected.values()) == tally.drawn - tally.accepted  # before the chunk is used to its end, too


def test_the_acceptance_rate_estimates_the_share_of_the_space() -> None:
    """Two estimates from different draws agree within 5 standard errors of their difference."""
    space = _space(flops="4M:6M")
    found = space.sample(1500, duplicates="allow")
    rate = len(found) / sum(candidate.draws for candidate in found)
    tally = survey(space, draws=100_000)
    error = (rate * (1 - rate) / sum(c.draws for c in found) + tally.rate * (1 - tally.rate) / 100_000) ** 0.5
    assert abs(rate - tally.rate) < 5 * error


def test_candidates_carry_their_network_and_its_cost() -> None:
    space = _space("regnety", flops="4M:6M")
    for candidate in space.sample(20):
        assert candidate.architecture == space.decode(candidate.params)
        assert candidate.complexity == candidate.architecture.complexity(32)


def test_reject_never_repeats_a_network() -> None:
    found = _space("regnetx[wm=2.5,w0=48,group_width=8,bottleneck_ratio=1]").sample(100)
    assert len({candidate.architecture.key() for candidate in found}) == 100


@pytest.mark.parametrize("duplicates", ["allow", "reuse"])
def test_allow_and_reuse_keep_every_draw_of_a_tiny_space(duplicates: str) -> None:
    found = _space(TINY).sample(200, duplicates=duplicates)
    assert len({candidate.architecture.key() for candidate in found}) <= 5
    assert found == _space(TINY).sample(200, duplicates="allow")


def test_reject_is_allow_without_the_repeats() -> None:
    allowed = _space(TINY).sample(2000, duplicates="allow")
    first = list(dict.fromkeys(candidate.architecture for candidate in allowed))
    assert [candidate.architecture for candidate in _space(TINY).sample(len(first))] == first


def test_an_unknown_rule_for_duplicates_is_named() -> None:
    with pytest.raises(UsageError, match="duplicates is one of reject, reuse, allow, got 'drop'"):
        _space().sample(1, duplicates="drop")


@pytest.mark.parametrize("version", [1, 2])
def test_an_impossible_window_ends_soon_and_says_why(version: int) -> None:
    """Measured: one second on one core by version 1. The error names the rate, the bound and what is attainable."""
    space = regnas.space("regnetx", flops="1:2").on_stream(version)
    start = time.perf_counter()
    with pytest.raises(InfeasibleWindow) as caught:
        space.sample(1)
    assert time.perf_counter() - start < 30
    message = str(caught.value)
    proved = " holds no network, whatever is drawn" if version == 2 else ""
    assert message.startswith(f"regnetx at 224 px inside flops 1:2{proved}: 0 of 4")
    assert "draws accepted; rejected by number of stages 85." in message
    assert "flops above 2 14." in message
    assert "attainable: flops 13" in message and ", params " in message and ", acts " in message
    assert message.endswith("widen the window or change --resolution")


def test_a_window_that_cannot_be_proved_empty_ends_soon_too() -> None:
    """No cell excludes that flops and params are met together, and no proposal meets both."""
    space = regnas.space("regnetx", flops="400M:400.0001M", params="3.2M:3.2001M")
    assert space.narrowing is not None and space.narrowing.share > 0
    with pytest.raises(
        InfeasibleWindow, match="px inside .*: 0 of 400,000 draws accepted; rejected by number of stages"
    ):
        space.sample(1)


def test_a_space_with_few_networks_raises_rather_than_returning_fewer() -> None:
    assert len(_space(TINY).sample(5)) == 5
    with pytest.raises(InfeasibleWindow, match="seems to hold only 5 different networks: .* --duplicates allow"):
        _space(TINY).sample(6)


def test_a_space_of_one_network_gives_it_once() -> None:
    only = _space(TINY).sample(1)[0]
    space = _space(TINY.replace("]", f",wa={only.params['wa']}]"))
    assert [candidate.architecture for candidate in space.sample(1)] == [only.architecture]
    with pytest.raises(InfeasibleWindow, match="only 1 different networks"):
        space.sample(2)


def test_a_space_without_networks_says_that_the_window_is_not_to_blame() -> None:
    """Two blocks cannot make four stages."""
    with pytest.raises(InfeasibleWindow, match="none of .* draws is a network of .*number of stages 100.00%"):
        _space("regnetx[depth=2]").sample(1)


def test_progress_is_told_after_every_chunk() -> None:
    drawn: list[int] = []
    stream = candidates(_space("anynetx-a"), seed=0, duplicates="allow", progress=lambda t: drawn.append(t.drawn))
    list(islice(stream, 256 + 512 + 1))
    assert drawn == [256, 256 + 512]


def test_a_survey_counts_and_names_every_reason() -> None:
    tally = survey(regnas.space("regnetx-constrained", flops="360M:400M"), draws=20_000)
    assert tally.drawn == 20_000
    assert {"number of stages", "limits of the space", "flops below 360M", "flops above 400M"} <= set(tally.rejected)
    assert 0 < tally.rate < 0.1


def test_an_open_window_of_a_space_without_rules_accepts_everything() -> None:
    tally = survey(make_space("anynetx-e").within(Window()), draws=1000)
    assert (tally.drawn, tally.accepted, tally.rate, dict(tally.rejected)) == (1000, 1000, 1.0, {})
