"""Finalists train for equal times before one of them goes on: the best, with what it has learned."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

import regnas
from regnas.errors import RegnasError
from regnas.evaluators.training.recipe import Recipe
from regnas.evaluators.training.timed import Course, TimedTraining
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.search.search import _finalists, retrain
from regnas.studies.training.plan import TrainingPlan, plan_training
from regnas.studies.training.race import (
    NOTE,
    SHARE,
    SNAPSHOT,
    Finalist,
    as_begun,
    decided,
    entrants,
    hand_over,
    race,
    rounds_of,
    standing,
    telling,
)
from regnas.studies.training.train import train

Run = Callable[..., tuple[int, str, str]]
SMALL = Staged(stem_width=8, depths=(1,), widths=(16,), strides=(2,), classes=4)
NETWORKS = {name: replace(SMALL, widths=(width,)) for name, width in (("a", 16), ("b", 32), ("c", 48))}
FINALISTS_OF = [Finalist(name, network) for name, network in NETWORKS.items()]


class Job:
    """A training whose epochs take almost a second or two, and whose errors are known."""

    seconds = {"a": 0.9, "b": 1.9, "c": 0.9}
    errors = {"a": [0.5, 0.4, 0.3, *[0.29] * 5], "b": [0.6, 0.5, 0.3, 0.2], "c": [0.9] * 9}
    trained: list[tuple[str, int]] = []

    def __init__(self, made: TrainingPlan) -> None:
        self.name = next(name for name, network in NETWORKS.items() if network == made.architecture)
        self.course = Course()

    @property
    def epoch(self) -> int:
        return len(self.course.curve)

    def resume(self, file: Path) -> bool:
        if file.exists():
            self.course.curve = tuple(json.loads(file.read_text()))
            self.course.seconds = self.epoch * self.seconds[self.name]
        return file.exists()

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(self.course.curve))

    def run_epoch(self) -> float:
        self.trained.append((self.name, self.epoch))
        self.course.curve += (self.errors[self.name][self.epoch],)
        self.course.seconds += self.seconds[self.name]
        return 0.0


def started(made: TrainingPlan) -> TimedTraining:
    return cast(TimedTraining, Job(made))


@pytest.fixture
def made(tmp_path: Path) -> TrainingPlan:
    """Of 80 seconds: with three finalists and `SHARE` 0.3 each has 8."""
    Job.trained.clear()
    file = tmp_path / "network.json"
    file.write_text(json.dumps(SMALL.to_json()))
    return plan_training(str(file), data="fake:64", time=24 / SHARE, out=tmp_path / "final")


def test_each_has_equal_time_and_the_best_goes_on_with_what_it_learned(made: TrainingPlan) -> None:
    said: list[str] = []
    won = race(made, FINALISTS_OF, started, said.append, 100)
    assert [name for name, _ in Job.trained] == ["a"] * 8 + ["b"] * 4 + ["c"] * 8
    assert won.architecture == NETWORKS["b"]
    assert won.seconds == pytest.approx(24 / SHARE - 7.2 - 7.2, abs=0.2)  # what the others took, and to save them
    hand_over(made.folder)
    assert json.loads((made.folder / SNAPSHOT).read_text()) == [0.6, 0.5, 0.3, 0.2]
    assert not (made.folder / "race").exists()
    assert said[0] == "3 finalists train for 8 s each, and the best of them goes on" and said[-1] == "b goes on"
    note = json.loads((made.folder / NOTE).read_text())
    assert [one["epochs"] for one in note["standing"]] == [8, 4, 8]


def test_a_finalist_is_judged_by_the_last_third_of_its_epochs() -> None:
    assert standing([0.9, 0.8, 0.7, 0.3, 0.5, 0.4]) == pytest.approx(0.45)
    assert standing([0.6]) == 0.6


def test_one_that_diverges_is_out_of_the_race(made: TrainingPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    run_epoch = Job.run_epoch

    def diverges(job: Job) -> float:
        if job.name == "b" and job.epoch == 1:
            raise RegnasError("the training loss of epoch 2 is nan")
        return run_epoch(job)

    monkeypatch.setattr(Job, "run_epoch", diverges)
    said: list[str] = []
    assert race(made, FINALISTS_OF, started, said.append, 100).architecture == NETWORKS["a"]
    assert "  b: diverged in epoch 2" in said
    with pytest.raises(RegnasError, match="no finalist's training stayed finite"):
        race(made, FINALISTS_OF[1:2], started, said.append, 100)


def test_however_slow_each_trains_an_epoch_and_the_first_goes_on_where_nothing_can_be_told(
    made: TrainingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Job, "seconds", dict.fromkeys("abc", 1000.0))
    said: list[str] = []
    won = race(made, FINALISTS_OF[::-1], started, said.append, 100)
    assert [name for name, _ in Job.trained] == ["c", "b", "a"]
    assert won.architecture == NETWORKS["c"] and said[-1] == "c goes on: too few epochs to tell"


def test_one_that_is_still_in_its_warm_up_is_too_slow_for_the_time(
    made: TrainingPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Job, "seconds", {"a": 0.9, "b": 3.9, "c": 0.9})
    assert race(made, FINALISTS_OF[1:] + FINALISTS_OF[:1], started, lambda _: None, 100).architecture == NETWORKS["a"]


def test_one_that_would_not_leave_its_warm_up_at_the_pace_of_the_race_is_not_raced(made: TrainingPlan) -> None:
    """Each has 8 seconds. a takes 0.9 for epochs of 0.3 in the search: 4 of c's 0.7 would take 8.4, of b's 0.6 7.2."""
    finalists = [replace(one, epoch=epoch) for one, epoch in zip(FINALISTS_OF, (0.3, 0.6, 0.7), strict=True)]
    said: list[str] = []
    assert race(made, finalists, started, said.append, 100).architecture == NETWORKS["b"]
    assert {name for name, _ in Job.trained} == {"a", "b"}
    assert "  c: not raced, as at this pace it would not leave its warm-up" in said
    note = json.loads((made.folder / NOTE).read_text())
    assert note["standing"][2] == {"error": None, "epochs": 0, "seconds": 0.0}


def test_a_race_is_of_those_that_leave_their_warm_up_and_not_without_the_best_of_the_search() -> None:
    """Of 80 seconds three finalists have 24, 8 each: four epochs, of which three are warm-up, of two seconds."""
    seconds = 24 / SHARE

    def names(*epochs: float) -> list[str]:
        finalists = [replace(one, epoch=epoch) for one, epoch in zip(FINALISTS_OF, epochs, strict=False)]
        return [one.name for one in telling(finalists, seconds)]

    assert names(1.9, 1.9, 1.9) == ["a", "b", "c"]
    assert names(1.9, 1.9, 2.1) == ["a", "b"]
    assert names(2.1, 1.9, 1.9) == ["a"]  # the others would race without the best
    assert names(1.9, 2.1, 2.1) == ["a"] and names(2.1, 2.1, 2.1) == ["a"]
    assert names(2.9, 2.9) == ["a", "b"] and names(2.9, 3.1) == ["a"]  # of two each has 12
    assert names(99.0) == ["a"]


@pytest.mark.parametrize(
    ("held_out", "name"),
    # Errors of 0.29 and 0.25: their difference is 1.644854 standard errors of 666 images and not of 665.
    [(665, "a"), (666, "b")],
)
def test_early_the_simplest_network_goes_on_unless_another_is_better_by_more_than_chance(
    made: TrainingPlan, held_out: int, name: str
) -> None:
    finalists = [replace(one, simplest=one.name == "a") for one in FINALISTS_OF]
    said: list[str] = []
    assert race(made, finalists, started, said.append, held_out).architecture == NETWORKS[name]
    doubt = "a goes on: after so few epochs b is not better by more than chance"
    assert said[-1] == (doubt if name == "a" else "b goes on")


def test_late_the_best_goes_on_whatever_the_simplest_has(made: TrainingPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Job, "seconds", dict.fromkeys("abc", 0.3))
    monkeypatch.setattr(Job, "errors", {"a": [0.30] * 99, "b": [0.29] * 99, "c": [0.9] * 99})
    finalists = [replace(one, simplest=one.name == "a") for one in FINALISTS_OF]
    assert race(made, finalists, started, lambda _: None, 100).architecture == NETWORKS["b"]


@pytest.mark.parametrize("stop", range(1, 20))
def test_a_race_that_is_killed_goes_on_and_trains_nothing_again(
    made: TrainingPlan, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    save = Job.save

    def killed(job: Job, file: Path) -> None:
        save(job, file)
        if len(Job.trained) == stop:
            raise KeyboardInterrupt

    with monkeypatch.context() as one:
        one.setattr(Job, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            race(made, FINALISTS_OF, started, lambda _: None, 100)
    assert decided(made, FINALISTS_OF) is None
    won = race(made, FINALISTS_OF, started, lambda _: None, 100)
    assert won.architecture == NETWORKS["b"] and len(set(Job.trained)) == len(Job.trained) == 20


SIX = {f"n{place}": replace(SMALL, widths=(16 * (place + 1),)) for place in range(6)}


class Six(Job):
    """Epochs of 0.9 seconds; the fourth network is the best, and at last among the first three of the first round."""

    seconds = dict.fromkeys(SIX, 0.9)
    errors = {name: [0.9 - 0.05 * place] * 2 + [0.5 + 0.01 * place] * 9 for place, name in enumerate(SIX)}
    errors["n3"] = [0.4, 0.4] + [0.1] * 9

    def __init__(self, made: TrainingPlan) -> None:
        self.name = next(name for name, network in SIX.items() if network == made.architecture)
        self.course = Course()


SIX_FINALISTS = [Finalist(name, network) for name, network in SIX.items()]


def six(made: TrainingPlan) -> TimedTraining:
    return cast(TimedTraining, Six(made))


def test_of_six_the_better_half_goes_on_to_a_second_round_of_the_same_time(made: TrainingPlan) -> None:
    """24 seconds: 2 for each of six, 4 more for each of three; the worst of the first round are n0, n1 and n2."""
    said: list[str] = []
    won = race(made, SIX_FINALISTS, six, said.append, 100)
    assert Job.trained == [(f"n{place}", epoch) for place in range(6) for epoch in (0, 1)] + [
        (name, epoch) for name in ("n3", "n4", "n5") for epoch in (2, 3, 4, 5)
    ]
    assert won.architecture == SIX["n3"]
    assert won.seconds == pytest.approx(24 / SHARE - 0.9 * (3 * 2 + 2 * 6), abs=0.2)
    assert said[0] == "6 finalists train for 2 s each, and the better half of them goes on"
    assert said[7] == "3 finalists train for 4 s each, and the best of them goes on"
    note = json.loads((made.folder / NOTE).read_text())
    assert [one["epochs"] for one in note["standing"]] == [2, 2, 2, 6, 6, 6] and note["chosen"] == 3


@pytest.mark.parametrize("stop", [1, 6, 11, 12, 13, 18, 23])
def test_a_race_of_two_rounds_that_is_killed_goes_on_and_trains_nothing_again(
    made: TrainingPlan, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    save = Job.save

    def killed(job: Job, file: Path) -> None:
        save(job, file)
        if len(Job.trained) == stop:
            raise KeyboardInterrupt

    with monkeypatch.context() as one:
        one.setattr(Six, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            race(made, SIX_FINALISTS, six, lambda _: None, 100)
    assert race(made, SIX_FINALISTS, six, lambda _: None, 100).architecture == SIX["n3"]
    assert len(set(Job.trained)) == len(Job.trained) == 24


def test_a_damaged_note_of_a_round_lets_the_round_be_run_again(made: TrainingPlan) -> None:
    first = race(made, SIX_FINALISTS, six, lambda _: None, 100)
    note = json.loads((made.folder / NOTE).read_text())
    damages: list[dict[str, Any]] = [
        {"left": [7, 8, 9]},
        {"left": [3]},
        {"left": [3, 4, 5], "standing": [1] * 6},
        {"left": [], "standing": []},
    ]
    for damage in damages:
        kept = {name: value for name, value in note.items() if name != "chosen"}
        (made.folder / NOTE).write_text(json.dumps(kept | damage))
        assert race(made, SIX_FINALISTS, six, lambda _: None, 100).architecture == first.architecture


def test_a_race_has_more_finalists_where_each_has_ten_epochs_in_its_first_round() -> None:
    assert [rounds_of(count) for count in (1, 3, 4, 6, 12)] == [[1], [3], [4, 2], [6, 3], [12, 6, 3]]
    # Of 1,000 s the race has 300: 25 for each of six in the first of two rounds, 8.3 for each of twelve of three.
    assert [entrants(20, 1000, epoch) for epoch in (3.0, 2.5, 0.9, 0.8)] == [3, 6, 6, 12]
    assert entrants(5, 1000, 0.1) == 3 and entrants(2, 1000, 0.1) == 2 and entrants(11, 1000, 0.1) == 6


def test_what_was_decided_stays_for_the_same_finalists_only(made: TrainingPlan) -> None:
    won = race(made, FINALISTS_OF, started, lambda _: None, 100)
    assert decided(made, FINALISTS_OF) == won
    assert decided(made, FINALISTS_OF[:2]) is None
    keys = json.dumps([one.architecture.key() for one in FINALISTS_OF])
    for damage in ("", "[]", f'{{"networks": {keys}, "chosen": 7, "others": 1.0}}'):
        (made.folder / NOTE).write_text(damage)
        assert decided(made, FINALISTS_OF) is None


def test_a_race_of_an_earlier_version_goes_on_with_all_that_it_began_with(made: TrainingPlan) -> None:
    assert not as_begun(made.folder, FINALISTS_OF)
    (made.folder / "race").mkdir(parents=True)
    (made.folder / "race/key.pt").write_bytes(b"")  # it was killed in its first round, before it wrote who races
    assert as_begun(made.folder, FINALISTS_OF)
    race(made, FINALISTS_OF, started, lambda _: None, 100)
    assert as_begun(made.folder, FINALISTS_OF) and not as_begun(made.folder, FINALISTS_OF[:2])


def test_one_that_a_race_says_nothing_of_is_not_raced_and_the_command_says_so(tmp_path: Path) -> None:
    """Of 4 seconds three quarters are counted on, of which each of three finalists has a tenth: 4 epochs of 75 ms."""
    usual: dict[str, Any] = {"data": "fake:64", "epochs": 1, "budget": 2, "workers": 0, "quiet": True}
    result = regnas.search("regnetx", out=tmp_path, **usual)

    ranked = sorted((*result.rows, *result.baselines), key=lambda row: float(row["error"]))

    def trained(others: float) -> str:
        for row in ranked:
            row["seconds"] = 0.01 if row is ranked[0] else others
        lines: list[str] = []
        assert not (retrain(result, "auto", {"time": "4s"}, say=lines.append) / "race").exists()
        return "\n".join(lines)

    assert "3 finalists train for" in trained(0.01)
    assert trained(9.0).startswith("test error")  # it is done, as it began
    shutil.rmtree(result.folder / "final-4s")
    assert "the best of the search, goes on with all of the time, as a race would be over in the warm-up" in trained(
        9.0
    )
    assert trained(9.0).startswith("test error")


def test_real_finalists_race_and_one_is_left_to_ship(tmp_path: Path) -> None:
    file = tmp_path / "network.json"
    file.write_text(json.dumps(SMALL.to_json()))
    options: dict[str, Any] = {"data": "fake:64", "time": 3, "out": tmp_path / "final", "quiet": True}
    folder = train(str(file), finalists=FINALISTS_OF, **options)
    chosen = json.loads((folder / NOTE).read_text())["chosen"]
    result = json.loads((folder / "result.json").read_text())
    assert result["identity"]["architecture"] == FINALISTS_OF[chosen].architecture.to_json()
    assert result["identity"]["recipe"]["epochs"] == "until flat"
    assert regnas.load(folder) is not None and not (folder / "race").exists() and not (folder / SNAPSHOT).exists()
    before = (folder / "weights.safetensors").stat().st_mtime_ns
    assert train(str(file), finalists=FINALISTS_OF, **options) == folder
    assert (folder / "weights.safetensors").stat().st_mtime_ns == before


def test_finalists_are_the_best_candidate_the_simplest_baseline_and_the_best_of_the_others(tmp_path: Path) -> None:
    usual: dict[str, Any] = {"data": "fake:64", "epochs": 1, "budget": 4, "workers": 0, "quiet": True}
    result = regnas.search("regnetx", out=tmp_path / "a", **usual)
    for row in (*result.rows, *result.baselines):
        row["seconds"] = 1.0  # an epoch
    names = {one.name for one in _finalists(result, 40.0)}
    assert len(names) == 3
    simplest = max(result.baselines, key=lambda row: row["index"])  # the first that the space names
    others = [row["baseline"] for row in result.baselines if row is not simplest]
    assert simplest["baseline"] == "thin ResNet-8" and {"thin ResNet-8", others[0]} < names
    assert [one.name for one in _finalists(result, 40.0) if one.simplest] == ["thin ResNet-8"]
    assert len(telling(_finalists(result, 40.0), 40.0)) == 3
    assert telling(_finalists(result, 20.0), 20.0) == _finalists(result, 20.0)[:1]  # each would have two epochs
    alone = regnas.search("regnetx", out=tmp_path / "b", baselines=False, **usual)
    ranked = sorted(alone.rows, key=lambda row: (row["error"], row["index"]))
    for row in alone.rows:
        row["seconds"] = 1.0
    assert [one.name for one in _finalists(alone, 40.0)] == [f"candidate {row['index']}" for row in ranked[:3]]


def test_a_long_training_has_more_decay_and_smoothing_where_nobody_said_another() -> None:
    long = Recipe().until_flat()
    assert (long.weight_decay, long.label_smoothing, long.mixup) == (1e-3, 0.1, 0.0)
    said = Recipe(weight_decay=0.0, label_smoothing=0.2, mixup=1.0)
    assert said.until_flat() == said
