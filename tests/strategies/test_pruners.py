"""Pruners: which trainings go on, by hand and as laws."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.errors import PluginNotFound, UsageError
from regnas.pruner import Pruner, SupportsLeast, Verdict, make_pruner
from regnas.strategies.pruners.asha import Asha, rungs
from regnas.strategies.pruners.hyperband import Hyperband, candidates_of, spread
from regnas.strategies.pruners.median import Median

GO, PAUSE, STOP = Verdict.GO, Verdict.PAUSE, Verdict.STOP


def made(text: str, epochs: int = 9) -> Pruner:
    found = make_pruner(text, epochs)
    assert found is not None
    return found


def promotions(pruner: Pruner) -> list[int]:
    """All that go on now, in order."""
    found = []
    while (index := pruner.promoted()) is not None:
        found.append(index)
    return found


@pytest.mark.parametrize(
    ("epochs", "eta", "first", "ladder"),
    [(9, 3, 1, (1, 3, 9)), (10, 3, 1, (1, 3, 9, 10)), (8, 2, 2, (2, 4, 8)), (2, 3, 1, (1, 2)), (27, 3, 5, (5, 15, 27))],
)
def test_rungs_rise_by_eta_and_end_with_a_whole_training(
    epochs: int, eta: int, first: int, ladder: tuple[int, ...]
) -> None:
    assert rungs(epochs, eta=eta, first=first, name="asha") == ladder


def test_asha_promotes_as_worked_out_by_hand() -> None:
    """Rungs 1, 3, 9 and eta 3: one of three goes on, and one of six more when they are there."""
    asha = made("asha")
    assert asha.report(0, 1, 0.5) == asha.report(1, 1, 0.3) == PAUSE
    assert asha.promoted() is None  # floor(2 / 3) = 0
    assert asha.report(2, 1, 0.4) == PAUSE
    assert promotions(asha) == [1]  # the best of three
    assert asha.report(1, 2, 0.3) == GO and asha.report(1, 3, 0.29) == PAUSE
    for index, error in ((3, 0.2), (4, 0.6), (5, 0.25)):
        assert asha.report(index, 1, error) == PAUSE
    assert promotions(asha) == [3, 5]  # the best two of six; 1, now third, went on before
    assert asha.report(3, 3, 0.31) == PAUSE and asha.promoted() is None  # two at rung 3; none new at rung 1
    asha.report(6, 1, 0.1)
    assert asha.report(5, 3, 0.28) == PAUSE
    assert promotions(asha) == [5, 6]  # the best of rung 3 first; then 6 and 3 are the best two of seven at rung 1
    assert asha.report(5, 9, 0.2) == GO


def test_a_late_comer_takes_its_place_and_the_top_rung_comes_first() -> None:
    asha = made("asha[eta=2]", 4)  # rungs 1, 2, 4
    for index, error in enumerate((0.4, 0.3, 0.2, 0.1)):
        asha.report(index, 1, error)
    assert promotions(asha) == [3, 2]
    asha.report(3, 2, 0.1)
    asha.report(2, 2, 0.05)
    for index, error in ((4, 0.01), (5, 0.9)):
        asha.report(index, 1, error)
    assert promotions(asha) == [2, 4]  # from rung 2 before rung 1


def test_equal_errors_are_promoted_in_the_order_of_the_index() -> None:
    asha = made("asha")
    for index in (5, 2, 7, 1, 9, 4):
        asha.report(index, 1, 0.5)
    assert promotions(asha) == [1, 2]


@given(errors=st.lists(st.integers(0, 50), min_size=1, max_size=40), order=st.randoms(use_true_random=False))
def test_once_all_have_reported_the_best_of_every_rung_were_promoted(errors: list[int], order: object) -> None:
    """With the same error at every epoch and promotions only when all are there, ASHA is successive halving."""
    asha = Asha((1, 3, 9), 3)
    places = list(range(len(errors)))
    order.shuffle(places)  # type: ignore[attr-defined]
    for index in places:
        asha.report(index, 1, errors[index])
    ranked = sorted(range(len(errors)), key=lambda index: (errors[index], index))
    first = promotions(asha)
    assert first == ranked[: len(errors) // 3]
    for index in first:
        asha.report(index, 3, errors[index])
    assert promotions(asha) == ranked[: len(first) // 3]


@given(errors=st.lists(st.integers(0, 20), min_size=3, max_size=40), order=st.randoms(use_true_random=False))
def test_in_any_order_the_best_are_among_the_promoted(errors: list[int], order: object) -> None:
    """Promotions between reports may let in further ones, never leave a good one out."""
    asha = Asha((1, 3), 3)
    places = list(range(len(errors)))
    order.shuffle(places)  # type: ignore[attr-defined]
    found: list[int] = []
    for index in places:
        asha.report(index, 1, errors[index])
        found += promotions(asha)
    ranked = sorted(range(len(errors)), key=lambda index: (errors[index], index))
    assert set(ranked[: len(errors) // 3]) <= set(found) and len(found) == len(set(found))


Report = tuple[int, int, float]


def play(pruner: Pruner, curves: Sequence[Sequence[float]], workers: int) -> tuple[list[Report], dict[int, Verdict]]:
    """Reports of a small search with so many workers in turn, and what became of each candidate at last."""
    reports: list[Report] = []
    last: dict[int, Verdict] = {}
    epochs = dict.fromkeys(range(len(curves)), 0)
    running: list[int] = []
    fresh = iter(range(len(curves)))
    while True:
        while len(running) < workers:
            index = pruner.promoted()
            index = next(fresh, None) if index is None else index
            if index is None:
                break
            running.append(index)
        if not running:
            return reports, last
        index = running.pop(0)
        epochs[index] += 1
        error = curves[index][epochs[index] - 1]
        reports.append((index, epochs[index], error))
        last[index] = pruner.report(*reports[-1])
        if last[index] == GO and epochs[index] < len(curves[index]):
            running.append(index)


CURVES = st.lists(st.lists(st.integers(0, 9), min_size=9, max_size=9), min_size=1, max_size=25)


@settings(max_examples=60)
@given(curves=CURVES, workers=st.integers(1, 4), text=st.sampled_from(["asha", "asha[eta=2]", "hyperband"]))
def test_the_state_is_a_function_of_the_reports_in_any_order_of_candidates(
    curves: list[list[float]], workers: int, text: str
) -> None:
    """What a search that goes on relies on: reports of one candidate in order, candidates in any order."""
    once = made(text)
    reports, last = play(once, curves, workers)
    again = made(text)
    found = {index: again.report(index, epoch, error) for index, epoch, error in sorted(reports)}
    assert found == last
    assert promotions(again) == promotions(once) == []
    once.report(100, 1, -1.0)
    again.report(100, 1, -1.0)
    assert promotions(again) == promotions(once)


@settings(max_examples=30)
@given(curves=CURVES)
def test_a_report_heard_twice_changes_nothing(curves: list[list[float]]) -> None:
    one, two = made("asha"), made("asha")
    for index, curve in enumerate(curves):
        for _ in range(2):
            two.report(index, 1, curve[0])
        one.report(index, 1, curve[0])
    assert promotions(one) == promotions(two)


def test_hyperband_has_the_brackets_of_the_paper() -> None:
    """Table 1 of the paper, R = 81 and eta = 3: 81, 34, 15, 8 and 5 candidates start; s = 1 and 3 rounded up."""
    assert candidates_of(5, 3) == [81, 34, 15, 8, 5]


def test_hyperband_spreads_candidates_over_brackets_in_their_shares() -> None:
    assert spread([3, 1]) == [0, 0, 1, 0]
    pruner = Hyperband((1, 3, 9), 3)
    counts = candidates_of(3, 3)
    places = [pruner.bracket(index) for index in range(10 * sum(counts))]
    assert [places.count(place) for place in range(3)] == [10 * count for count in counts]
    for end in range(1, len(places)):  # no part of the search lacks a bracket
        for place, count in enumerate(counts):
            assert abs(places[:end].count(place) - end * count / sum(counts)) < 1.5


def test_hyperband_pauses_a_candidate_at_the_rungs_of_its_own_bracket() -> None:
    pruner = Hyperband((1, 3, 9), 3)
    first = {place: next(index for index in range(17) if pruner.bracket(index) == place) for place in range(3)}
    assert [pruner.report(first[place], 1, 0.5) for place in range(3)] == [PAUSE, GO, GO]
    assert [pruner.report(first[place], 3, 0.5) for place in range(3)] == [PAUSE, PAUSE, GO]
    assert [pruner.report(first[place], 9, 0.5) for place in range(3)] == [GO, GO, GO]


def test_hyperband_compares_within_a_bracket_only() -> None:
    pruner = Hyperband((1, 3, 9), 3)
    fast = [index for index in range(34) if pruner.bracket(index) == 0][:3]
    slow = [index for index in range(34) if pruner.bracket(index) == 1][:2]
    for index in slow:
        pruner.report(index, 3, 0.1)
    for index in fast:
        pruner.report(index, 1, 0.5)
    assert promotions(pruner) == [fast[0]]  # two in the other bracket are too few


def test_median_stops_what_is_worse_than_half_were_on_average() -> None:
    """Three whole trainings with running averages at epoch 2 of 0.45, 0.35 and 0.25: the median is 0.35."""
    pruner = made("median[startup=3]", 3)
    for index, curve in enumerate(((0.5, 0.4, 0.3), (0.4, 0.3, 0.2), (0.3, 0.2, 0.1))):
        assert [pruner.report(index, epoch, error) for epoch, error in enumerate(curve, 1)] == [GO] * 3
    assert pruner.report(3, 1, 0.41) == STOP  # above 0.4
    assert pruner.report(4, 1, 0.4) == GO  # not above
    assert pruner.report(4, 2, 0.36) == STOP
    assert pruner.report(5, 1, 0.34) == GO and pruner.report(5, 2, 0.9) == GO  # its best error so far counts
    assert pruner.report(5, 3, 0.9) == GO and pruner.promoted() is None


def test_median_waits_for_whole_trainings_and_for_the_warmup() -> None:
    pruner = Median(3, startup=2, warmup=1)
    for index in range(2):
        assert pruner.report(9, 1, 0.9) == GO  # too few whole trainings
        for epoch in (1, 2, 3):
            pruner.report(index, epoch, 0.1)
    pruner.report(3, 1, 0.1)  # ended early: no whole training
    assert pruner.report(4, 1, 0.9) == GO and pruner.report(4, 2, 0.9) == STOP


def test_none_is_no_pruner() -> None:
    assert make_pruner("none", 1) is None


@pytest.mark.parametrize(
    ("text", "epochs", "message"),
    [
        ("asha", 1, "--epochs is at least 2 with it, got 1"),
        ("median", 1, "--epochs is at least 2 with it, got 1"),
        ("asha[eta=1]", 9, "eta of pruner asha is at least 2, got 1"),
        ("hyperband[eta=0]", 9, "eta of pruner hyperband is at least 2, got 0"),
        ("asha[first=9]", 9, "first of pruner asha is from 1 to less than the 9 epochs of a training, got 9"),
        ("asha[first=0]", 9, "got 0"),
        ("asha[eta=2.5]", 9, "eta of pruner asha is a whole number, got 2.5"),
        ("asha[eta=true]", 9, "a whole number, got True"),
        ("asha[rate=2]", 9, "pruner asha has no option 'rate'; its options: eta, first"),
        ("median[startup=0]", 9, "startup of pruner median is at least 1, got 0"),
        ("median[warmup=9]", 9, "warmup of pruner median is from 0 to less than the 9 epochs, got 9"),
        ("asha:3", 9, "takes its options in brackets"),
        ("none[eta=3]", 9, "the pruner none has no options"),
    ],
)
def test_options_that_make_no_sense_are_said(text: str, epochs: int, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("[", r"\[")):
        make_pruner(text, epochs)


def test_an_unknown_pruner_is_answered_with_those_there_are() -> None:
    with pytest.raises(PluginNotFound, match=r"no pruner 'ashe', installed: asha, hyperband, median.*mean asha"):
        make_pruner("ashe", 9)


@pytest.mark.parametrize(
    ("spec", "least"), [("asha", 21), ("asha[eta=2]", 41), ("asha[first=3]", 15), ("hyperband", 9)]
)
def test_a_pruner_says_after_how_many_epochs_one_candidate_is_whole(spec: str, least: int) -> None:
    """By hand for asha: 9 candidates of 1 epoch, 3 of them 2 more, and 1 of these 6 more."""
    made = make_pruner(spec, 9)
    assert isinstance(made, SupportsLeast) and made.least == least
