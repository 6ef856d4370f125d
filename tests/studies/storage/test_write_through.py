"""A storage as its only writer sees it: nothing else than the storage itself, in fewer writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from regnas.errors import StudyError
from regnas.studies.storage.open import open_study
from regnas.studies.storage.outage import DatabaseAway, Patience
from regnas.studies.storage.rows import Rows
from regnas.studies.storage.write_through import OneWriter
from regnas.system.optuna_internals import set_storage, storage_of, study_id

LAWS = {
    "a": FloatDistribution(0.001, 1, log=True),
    "b": IntDistribution(8, 64, step=8),
    "c": CategoricalDistribution(["x", "y"]),
}


@pytest.fixture(params=["sqlite:///{}/s.db", "sqlite:///{}/s.db of an unknown form", "{}/s.journal"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name, _, unknown = str(request.param).partition(" of ")
    if unknown:
        monkeypatch.setattr("regnas.system.optuna_internals.FORMS", ())
    return name.format(tmp_path)


def alone(study: optuna.Study, **options: Any) -> OneWriter:
    writer = OneWriter(storage_of(study), study_id(study), whole="index", **options)
    set_storage(study, writer)
    return writer


def work(study: optuna.Study) -> None:
    """Trials of every state, one after another and beside each other."""
    study.enqueue_trial({"a": 0.5, "b": 16, "c": "y"})
    open_trials = []
    for index in range(6):
        trial = study.ask(LAWS)
        trial.set_user_attr("note", [index, "words"])
        trial.set_user_attr("index", index)
        open_trials.append(trial)
    for trial in open_trials[:4]:
        trial.report(0.5, 0)
        trial.set_user_attr("seconds", 1.5)
        trial.report(0.25, 1)
    study.tell(open_trials[0], 0.25)
    study.tell(open_trials[1], state=TrialState.PRUNED)
    study.tell(open_trials[4], state=TrialState.FAIL)
    study.add_trial(optuna.trial.create_trial(params={"a": 0.1, "b": 8, "c": "x"}, distributions=LAWS, value=0.75))


def plain(trials: list[FrozenTrial]) -> list[tuple[Any, ...]]:
    """What does not depend on the time."""
    names = (
        "number",
        "state",
        "values",
        "params",
        "distributions",
        "user_attrs",
        "system_attrs",
        "intermediate_values",
    )
    return [
        (
            *(getattr(trial, name) for name in names),
            trial.intermediate_values,
            trial.datetime_start is None,
            trial.datetime_complete is None,
        )
        for trial in trials
    ]


def test_the_storage_has_what_it_would_have_without(url: str, tmp_path: Path) -> None:
    studies = [
        open_study(text, "one", optuna.samplers.RandomSampler(seed=3)) for text in (url, url.replace("s.", "t."))
    ]
    writer = alone(studies[0])
    for study in studies:
        work(study)
    expected = plain(studies[1].get_trials())
    assert plain(studies[0].get_trials()) == expected  # from memory
    assert plain(open_study(url, "one", None).get_trials()) == expected  # from the storage
    study = open_study(url, "one", None)
    alone(study)
    assert plain(study.get_trials()) == expected  # read back
    assert studies[0].best_trial.number == studies[1].best_trial.number
    assert [writer.get_trial(number).number for number in range(7)] == list(range(7))


def test_a_trial_that_was_not_whole_is_not_there_after_a_crash(url: str) -> None:
    study = open_study(url, "one", None)
    alone(study)
    trial = study.ask(LAWS)
    trial.set_user_attr("note", 1)
    assert open_study(url, "one", None).get_trials() == []
    trial.set_user_attr("index", 0)
    (there,) = open_study(url, "one", None).get_trials()
    assert there.state == TrialState.RUNNING and there.user_attrs == {"note": 1, "index": 0}
    assert there.params == trial.params


def test_numbers_are_those_of_the_storage_where_an_ask_was_given_up(url: str) -> None:
    """As where the sampler finds no candidate: the trial it was for is written as it is."""
    study = open_study(url, "one", None)
    alone(study)
    study.ask({})
    second = study.ask(LAWS)
    second.set_user_attr("index", 0)
    study.tell(second, 0.5)
    assert [(one.number, one.state.name) for one in open_study(url, "one", None).get_trials()] == [
        (0, "RUNNING"),
        (1, "COMPLETE"),
    ]


def test_a_finished_trial_is_not_written_to(url: str) -> None:
    study = open_study(url, "one", None)
    writer = alone(study)
    trial = study.ask(LAWS)
    study.tell(trial, 0.5)
    for write in (
        lambda: writer.set_trial_user_attr(0, "late", 1),
        lambda: writer.set_trial_state_values(0, TrialState.FAIL),
        lambda: writer.set_trial_intermediate_value(0, 0, 0.5),
    ):
        with pytest.raises(UpdateFinishedTrialError):
            write()
    assert open_study(url, "one", None).get_trials()[0].user_attrs == {}


class Cut:
    """Writing whose connection is lost before, after or not at all, in turns."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in ("new", "param", "attribute", "report", "tell"):
            return found

        def lost(*words: Any) -> Any:
            self.calls += 1
            turn = self.calls % 3
            if turn == 1:
                raise DatabaseAway("lost before")
            done = found(*words)
            if turn == 2:
                raise DatabaseAway("lost after")
            return done

        return lost


def test_nothing_is_lost_or_written_twice_when_connections_break(url: str) -> None:
    study = open_study(url, "one", optuna.samplers.RandomSampler(seed=3))
    other = open_study(url.replace("s.", "t."), "one", optuna.samplers.RandomSampler(seed=3))
    writer = alone(study, patience=Patience(sleep=lambda seconds: None))
    cut: Any = Cut(writer._sink)
    writer._sink = cut
    for one in (study, other):
        work(one)
    assert cut.calls > 30
    assert plain(open_study(url, "one", None).get_trials()) == plain(other.get_trials())


class Lost:
    """Another writer took over, and this one hears of it where it asks."""

    asked = ""

    def check(self) -> None:
        self._raise("check")

    def fence(self, connection: Any) -> None:
        self._raise("fence")

    def _raise(self, where: str) -> None:
        if self.asked == where:
            raise StudyError("taken over")


def assert_nothing_is_written(study: optuna.Study, trial: optuna.Trial) -> None:
    for write in (
        lambda: study.tell(trial, 0.5),
        lambda: trial.report(0.5, 0),
        lambda: trial.set_user_attr("x", 1),
        lambda: study.ask(LAWS).set_user_attr("index", 1),
    ):
        with pytest.raises(StudyError, match="taken over"):
            write()


def test_a_writer_that_is_no_longer_the_only_one_writes_nothing(url: str) -> None:
    guard = Lost()
    study = open_study(url, "one", None)
    writer = alone(study, guard=guard)
    trial = study.ask(LAWS)
    trial.set_user_attr("index", 0)
    before = plain(open_study(url, "one", None).get_trials())
    for guard.asked in ("check", "fence") if isinstance(writer._sink, Rows) else ("check",):
        assert_nothing_is_written(study, trial)
    guard.asked = "check"
    with pytest.raises(StudyError, match="taken over"):
        study.set_user_attr("x", 1)
    assert plain(open_study(url, "one", None).get_trials()) == before
    assert writer.get_trial(0).state == TrialState.RUNNING
