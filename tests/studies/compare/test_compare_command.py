"""``regnas compare``, ``plan`` and ``report`` as a user types them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from regnas.studies.compare import run
from regnas.studies.compare.progress import SilentBatches
from regnas.studies.compare.request import write_request
from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.populations.files import read_population, write_population
from regnas.studies.populations.population import from_arrays
from regnas.studies.training.newer import better_since
from regnas.system.optuna_internals import study_system_attributes

Command = Callable[..., tuple[int, str, str]]
TRAINED = ("--data", "fake", "--evaluator", "fast", "--workers", 0)
THREE = ("--space", "anynetx-a", "--space", "anynetx-e", "--space", "regnetx")
FIGURES = ("edf", "efficiency", "differences", "power", "complexity", "networks", "parameters-regnetx")


@pytest.fixture(autouse=True)
def _figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take seconds: only tests marked with ``usefixtures("drawn")`` draw them."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("regnas.studies.compare.report.output.write_figures", lambda comparison, folder: {})


@pytest.fixture
def drawn() -> None:
    """This test draws its figures."""


@pytest.fixture
def two(fast: Any, regnas_command: Command, tmp_path: Path) -> Path:
    """A comparison of two spaces, 12 models each; its folder."""
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, *TRAINED, "--name", "two")
    code, out, err = regnas_command("compare", *words)
    assert code == 0, err
    assert "anynetx-a and regnetx" in out
    return tmp_path / "regnas-runs" / "compare-two"


@pytest.mark.usefixtures("drawn")
def test_spaces_are_trained_in_turns_and_the_report_has_everything(
    fast: Any, regnas_command: Command, tmp_path: Path
) -> None:
    code, out, err = regnas_command("compare", *THREE, "--budget", 20, *TRAINED)
    assert code == 0, err
    turns = re.findall(r"^(\S+) +(\d+)/20 ", out, re.MULTILINE)
    spaces = ["anynetx-a", "anynetx-e", "regnetx"]
    assert turns == [(space, str(count)) for count in (10, 20) for space in spaces]
    assert len(re.findall(r"^- ", out, re.MULTILINE)) == 3  # one sentence a pair
    folder = tmp_path / "regnas-runs" / "compare-anynetx-a-vs-anynetx-e-vs-regnetx"
    for name in FIGURES:
        assert (folder / "figures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
        assert "<svg" in (folder / "figures" / f"{name}.svg").read_text()
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(list((folder / "figures").glob("*.png")))
    assert "http" not in re.sub(r"base64,[^\"]*", "", page)  # one self-contained file
    record = json.loads((folder / "compare.json").read_text())
    assert [one["models"] for one in record["populations"]] == [20, 20, 20]
    assert len(record["pairs"]) == 3 and all(one["sentence"] in out for one in record["pairs"])


def test_the_same_command_trains_nothing_again_and_writes_the_same_numbers(
    two: Path, fast: Any, regnas_command: Command
) -> None:
    before, trained = (two / "compare.json").read_text(), len(fast.evaluated())
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, *TRAINED, "--name", "two")
    assert regnas_command("compare", *words)[0] == 0
    assert len(fast.evaluated()) == trained == 24
    assert (two / "compare.json").read_text() == before


def test_a_search_with_strategy_random_counts_as_trained(fast: Any, regnas_command: Command) -> None:
    assert regnas_command("search", "--space", "regnetx", "--budget", 7, *TRAINED)[0] == 0
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, *TRAINED)
    code, out, err = regnas_command("compare", *words)
    assert code == 0, err
    assert len(fast.evaluated()) == 24
    said = "goes on with the study regnetx/random/0 of your search: 7 networks are there; its best.json stays that "
    assert [line for line in out.splitlines() if line.startswith("goes on")] == [said + "search's"]


def test_what_a_comparison_adds_to_a_search_is_said_by_train_until_the_search_has_taken_it(
    fast: Any, regnas_command: Command, tmp_path: Path
) -> None:
    study = tmp_path / "regnas-runs" / "regnetx-random-0"
    search = ("search", "--space", "regnetx", "--budget", 2, *TRAINED)
    assert regnas_command(*search)[0] == 0 and better_since(str(study)) is None
    assert regnas_command("compare", "--space", "anynetx-a", "--space", "regnetx", "--budget", 12, *TRAINED)[0] == 0
    before = json.loads((study / "best.json").read_text())
    errors = read_population(study / "trials.csv").error.tolist()
    better = min(range(12), key=errors.__getitem__)
    assert better > 1  # else the comparison found nothing better, and this test shows nothing
    for target in (study, study / "best.json"):
        said = better_since(str(target)) or ""
        assert f"this trains candidate {before['index']} (error {before['validation_error']:.2%})" in said
        assert f"trials.csv has a better one since, candidate {better} ({errors[better]:.2%})" in said
    trained = len(fast.evaluated())
    assert regnas_command(*search)[0] == 0 and len(fast.evaluated()) == trained
    assert json.loads((study / "best.json").read_text())["index"] == better and better_since(str(study)) is None


@pytest.mark.parametrize("damage", ["", "index,error\n0,0.1\n", "state,diverged,index,error\nCOMPLETE,0,x,y\n"])
def test_of_a_table_that_no_search_left_nothing_better_is_said(tmp_path: Path, damage: str) -> None:
    (tmp_path / "best.json").write_text('{"index": 0, "validation_error": 0.5}')
    (tmp_path / "trials.csv").write_text(damage)
    assert better_since(str(tmp_path)) is None


def test_no_test_image_is_read(fast: Any, regnas_command: Command) -> None:
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, "--data", "sealed", "--evaluator", "fast")
    assert regnas_command("compare", *words, "--workers", 0)[0] == 0
    assert fast.readings() == 0


def test_report_makes_the_same_report_again_without_training(two: Path, fast: Any, regnas_command: Command) -> None:
    before, page = (two / "compare.json").read_text(), (two / "report.html").read_text()
    (two / "report.html").unlink()
    code, out, err = regnas_command("report", two)
    assert code == 0, err
    assert (two / "compare.json").read_text() == before and (two / "report.html").read_text() == page
    assert len(fast.evaluated()) == 24


def test_a_comparison_that_lacks_planned_models_says_that_it_is_an_interim_look(
    two: Path, regnas_command: Command
) -> None:
    assert "an interim look" not in (two / "report.md").read_text()
    request = json.loads((two / "request.json").read_text())
    (two / "request.json").write_text(json.dumps({**request, "budget": 40}))
    code, out, err = regnas_command("report", two)
    assert code == 0, err
    assert "an interim look: 12 of 40 models are there" in out and "O'Brien-Fleming" in out
    record = json.loads((two / "compare.json").read_text())
    assert record["interim"] and record["pairs"][0]["p"] >= record["pairs"][0]["looks"][0]["p"]


def test_a_rule_that_is_changed_after_a_report_is_on_record_from_then_on(
    two: Path, fast: Any, regnas_command: Command
) -> None:
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, *TRAINED, "--name", "two")
    assert "changed after" not in regnas_command("compare", *words)[1]
    code, out, _ = regnas_command("compare", *words, "--margin", 2)
    assert code == 0 and "NOTE: changed after a report was there" in out and "margin from 0.01 to 0.02" in out
    for again in (("compare", *words, "--margin", 2), ("report", two)):
        assert "margin from 0.01 to 0.02" in regnas_command(*again)[1]
    assert "margin from 0.01 to 0.02" in (two / "report.html").read_text()


def test_a_space_whose_candidates_all_fail_is_left_out_and_the_others_are_compared(
    fast: Any, regnas_command: Command, tmp_path: Path
) -> None:
    evaluator = ("--data", "fake", "--evaluator", "fast[fail_in=anynetx-e]", "--workers", 0)
    code, out, err = regnas_command("compare", *THREE, "--budget", 12, *evaluator, "--name", "x")
    assert code == 0, err
    assert "NOTE: anynetx-e is left out, and there is no verdict on it: the first 3 candidates failed" in out
    record = json.loads((tmp_path / "regnas-runs" / "compare-x" / "compare.json").read_text())
    assert [one["name"] for one in record["populations"]] == ["anynetx-a", "regnetx"] and len(record["pairs"]) == 1
    assert "anynetx-e is left out" in regnas_command("report", tmp_path / "regnas-runs" / "compare-x")[1]
    words = ("--space", "anynetx-e", "--budget", 12, *evaluator, "--name", "y")
    code, _, err = regnas_command("compare", *words)
    assert code == 1 and "the first 3 candidates failed" in err


def test_more_seeds_of_one_population_do_not_make_it_better(fast: Any, regnas_command: Command, tmp_path: Path) -> None:
    for name, columns in (("one", [0.2]), ("three", [0.2, 0.1, 0.1])):
        rng = np.random.default_rng(0)
        errors = rng.uniform(0, 0.05, (40, 1)) + columns
        write_population(tmp_path / f"{name}.csv", from_arrays(name, errors, flops=np.linspace(1e6, 2e6, 40)))
    words = ("--population", tmp_path / "one.csv", "--population", tmp_path / "three.csv", "--name", "x")
    code, out, err = regnas_command("compare", *words)
    assert code == 0, err
    assert "three: 3 trainings of each model, compared by the first 1 as the others are" in out
    record = json.loads((tmp_path / "regnas-runs" / "compare-x" / "compare.json").read_text())
    assert record["pairs"][0]["difference"] == pytest.approx(0, abs=1e-12)


def test_report_finds_the_studies_beside_a_folder_that_was_moved(
    two: Path, regnas_command: Command, tmp_path: Path
) -> None:
    before = json.loads((two / "compare.json").read_text())["pairs"]
    two.parent.rename(tmp_path / "moved")
    code, _, err = regnas_command("report", tmp_path / "moved" / "compare-two")
    assert code == 0, err
    assert json.loads((tmp_path / "moved" / "compare-two" / "compare.json").read_text())["pairs"] == before


def test_report_of_one_study_describes_its_population(two: Path, regnas_command: Command) -> None:
    code, out, err = regnas_command("report", two.parent / "regnetx-random-0")
    assert code == 0, err
    record = json.loads((two.parent / "regnetx-random-0" / "report" / "compare.json").read_text())
    assert record["pairs"] == [] and record["populations"][0]["models"] == 12
    assert regnas_command("report", "regnetx/random/0")[0] == 0  # by its name, too


def test_report_of_something_else_says_what_to_name(regnas_command: Command, tmp_path: Path) -> None:
    code, _, err = regnas_command("report", "nothing")
    assert code == 2 and "no folder of a comparison or of a study" in err
    (tmp_path / "found" / "search").mkdir(parents=True)
    (tmp_path / "found" / "search" / "study.json").write_text("{}")
    code, _, err = regnas_command("report", "found")
    assert code == 2 and "that of its search: regnas report found/search" in err


def test_the_dashboard_finds_note_and_figures_on_every_study(two: Path) -> None:
    for space in ("anynetx-a", "regnetx"):
        study = optuna.load_study(study_name=f"{space}/random/0", storage=f"sqlite:///{two.parent / 'regnas.db'}")
        attributes = study_system_attributes(study)
        text = "".join(str(value) for key, value in attributes.items() if "note" in key)
        assert "anynetx-a and regnetx" in text
        assert {key.split(":")[2] for key in attributes if key.startswith("dashboard:plot_data:")} == {
            "edf",
            "efficiency",
        }
        assert study.metric_names == ["val_top1_err"]


def test_further_seeds_are_studies_of_their_own_with_the_same_networks(
    fast: Any, regnas_command: Command, tmp_path: Path
) -> None:
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, "--seeds", 2, "--seeds-on", 4)
    assert regnas_command("compare", *words, *TRAINED, "--name", "x")[0] == 0
    assert len(fast.evaluated()) == 2 * (12 + 4)
    population = read_population(tmp_path / "regnas-runs" / "compare-x" / "populations" / "regnetx.csv.gz")
    assert population.errors.shape == (12, 2) and population.common_seeds == 1
    assert (population.seeds[:4, 0] != population.seeds[:4, 1]).all() and (population.seeds[4:, 1] == -1).all()
    noise = json.loads((tmp_path / "regnas-runs" / "compare-x" / "compare.json").read_text())["populations"][1]["noise"]
    assert noise["components"]["networks"] == 4 and noise["components"]["seeds"] == 2
    keys = {index: {line[1] for line in fast.lines() if line[0] == index} for index in range(4)}
    assert all(len(found) == 2 for found in keys.values())  # one network of each space


def test_known_trainings_are_taken_over(two: Path, fast: Any, regnas_command: Command) -> None:
    trained = len(fast.evaluated())
    known = [word for name in ("anynetx-a", "regnetx") for word in ("--known", two / "populations" / f"{name}.csv.gz")]
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 13, *TRAINED, "--name", "more", "--out", "other")
    code, out, err = regnas_command("compare", *words, *known)
    assert code == 0, err
    assert "24 trainings taken over" in out and len(fast.evaluated()) == trained + 2
    again = read_population(two.parent.parent / "other" / "compare-more" / "populations" / "regnetx.csv.gz")
    before = read_population(two / "populations" / "regnetx.csv.gz")
    assert again.first(12).errors.tolist() == before.errors.tolist()


def test_trained_networks_are_measured_by_a_limit_that_leaves_nothing_out(
    two: Path, fast: Any, regnas_command: Command
) -> None:
    """Nothing is trained again, every network has its memory on record, and spaces are compared at equal memory."""
    trained = len(fast.evaluated())
    known = [word for name in ("anynetx-a", "regnetx") for word in ("--known", two / "populations" / f"{name}.csv.gz")]
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, *TRAINED, "--out", "other", "--name", "m")
    code, out, err = regnas_command(
        "compare", *words, *known, "--flops", ":2M", "--limit", "memory=0:", "--complexity", "memory"
    )
    assert code == 0, err
    assert "24 trainings taken over" in out and len(fast.evaluated()) == trained
    measured = read_population(two.parent.parent / "other" / "compare-m" / "populations" / "regnetx.csv.gz")
    assert (measured.complexity("memory") > 0).all()
    assert measured.errors.tolist() == read_population(two / "populations" / "regnetx.csv.gz").errors.tolist()
    record = json.loads((two.parent.parent / "other" / "compare-m" / "compare.json").read_text())
    assert record["rules"]["complexity"] == "memory"


def test_a_complexity_that_is_not_measured_is_refused_before_anything_is_trained(
    fast: Any, regnas_command: Command
) -> None:
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, *TRAINED, "--complexity", "latency")
    code, _, err = regnas_command("compare", *words)
    assert code == 2 and "have each one measured by --limit latency=0:" in err and not fast.evaluated()


def test_known_trainings_of_an_earlier_stream_are_extended_on_it(
    fast: Any, regnas_command: Command, tmp_path: Path
) -> None:
    import regnas

    spaces = [regnas.space(name).on_stream(1) for name in ("anynetx-a", "regnetx")]
    where: dict[str, Any] = {"out": tmp_path / "regnas-runs", "name": "old", "quiet": True}
    regnas.compare(spaces, budget=12, data="fake", evaluator="fast", workers=0, **where)
    trained = len(fast.evaluated())
    folder = tmp_path / "regnas-runs" / "compare-old" / "populations"
    known = [word for name in ("anynetx-a", "regnetx") for word in ("--known", folder / f"{name}.csv.gz")]
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 13, *TRAINED, "--name", "more", "--out", "other")
    code, out, err = regnas_command("compare", *words, *known)
    assert code == 0, err
    assert "24 trainings taken over" in out and len(fast.evaluated()) == trained + 2
    again = read_population(tmp_path / "other" / "compare-more" / "populations" / "regnetx.csv.gz")
    assert again.settings["stream_version"] == 1


def test_trainings_of_another_recipe_are_not_taken_over(two: Path, regnas_command: Command) -> None:
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 13, "--data", "fake", "--workers", 0)
    known = ("--known", two / "populations" / "regnetx.csv.gz")
    code, _, err = regnas_command("compare", *words, "--evaluator", "fast[epochs=2]", *known, "--out", "other")
    assert code == 2 and "cannot be taken over: evaluator: 'fast' and 'fast[epochs=2]'" in err


def test_populations_are_compared_from_files(two: Path, regnas_command: Command, tmp_path: Path) -> None:
    files = [two / "populations" / "anynetx-a.csv.gz", two / "populations" / "regnetx.csv.gz"]
    words = [word for file in files for word in ("--population", file)]
    code, out, err = regnas_command("compare", *words, "--name", "files", "--json")
    assert code == 0, err
    stored, made = json.loads((two / "compare.json").read_text()), json.loads(out)
    assert made["pairs"] == stored["pairs"]
    assert made["sources"] == [str(file) for file in files]


@pytest.mark.usefixtures("drawn")
def test_populations_of_another_regime_are_refused_unless_forced_and_then_marked(
    two: Path, regnas_command: Command, tmp_path: Path
) -> None:
    from dataclasses import replace

    population = read_population(two / "populations" / "regnetx.csv.gz")
    other = replace(population, settings={**population.settings, "data": "other"}, name="elsewhere")
    write_population(tmp_path / "other.csv", other)
    words = ("--population", two / "populations" / "anynetx-a.csv.gz", "--population", tmp_path / "other.csv")
    code, _, err = regnas_command("compare", *words)
    assert code == 2 and "data: anynetx-a has fake, elsewhere other" in err and "--force" in err
    code, out, _ = regnas_command("compare", *words, "--force", "--name", "forced")
    folder = tmp_path / "regnas-runs" / "compare-forced"
    mark = "compared in spite of data: anynetx-a has fake, elsewhere other"
    assert code == 0 and mark in out
    for name in ("report.html", "report.md", "compare.json"):
        assert mark in (folder / name).read_text()
    assert mark.split()[0] in (folder / "figures" / "edf.svg").read_text()


def test_adaptive_strategies_are_refused_unless_forced(fast: Any, regnas_command: Command, tmp_path: Path) -> None:
    assert regnas_command("search", "--space", "regnetx", "--strategy", "tpe", "--budget", 12, *TRAINED)[0] == 0
    assert regnas_command("search", "--space", "anynetx-a", "--budget", 12, *TRAINED)[0] == 0
    runs = tmp_path / "regnas-runs"
    words = ("--population", runs / "regnetx-tpe-0", "--population", runs / "anynetx-a-random-0")
    code, _, err = regnas_command("compare", *words)
    assert code == 2 and "searched with tpe" in err
    code, out, _ = regnas_command("compare", *words, "--force")
    assert code == 0 and "NOTE: regnetx: trials of tpe, no random sample of the space" in out


def test_failed_candidates_are_said_and_above_a_twentieth_there_is_no_verdict(
    fast: Any, regnas_command: Command
) -> None:
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, "--data", "fake", "--workers", 0)
    code, out, err = regnas_command("compare", *words, "--evaluator", "fast[fail=3]")
    assert code == 0, err
    assert "anynetx-a: 1 candidate failed (7.7%)" in out and "no verdict" in out


def test_until_decided_stops_before_the_budget_where_a_look_decides(
    fast: Any, regnas_command: Command, tmp_path: Path
) -> None:
    """The fast evaluator's errors are the same for both spaces: the pair stays open, and all of the budget is used."""
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 30, "--until-decided", *TRAINED)
    code, out, err = regnas_command("compare", *words, "--name", "open")
    assert code == 0, err
    record = json.loads((tmp_path / "regnas-runs" / "compare-open" / "compare.json").read_text())
    assert [look["fraction"] for look in record["pairs"][0]["looks"]] == pytest.approx([20 / 30, 1])
    assert record["pairs"][0]["spending"].startswith("O'Brien-Fleming")
    assert "looks after 20, 30 models share alpha" in out and "O'Brien-Fleming" in out
    # With a margin of 90 points the first look decides.
    code, out, _ = regnas_command("compare", *words, "--margin", 90, "--name", "equal", "--out", "again")
    record = json.loads((tmp_path / "again" / "compare-equal" / "compare.json").read_text())
    assert code == 0 and record["pairs"][0]["verdict"] == "practically equal"
    assert [one["models"] for one in record["populations"]] == [20, 20]


def test_half_a_comparison_is_usable(fast: Any, regnas_command: Command, tmp_path: Path) -> None:
    """What a kill leaves after the first turns: the request, and studies of ten models."""
    runs = run.plan_runs(
        ["anynetx-a", "regnetx"],
        ComparisonRules(repeats=99, resamples=99),
        amounts=run.Amounts(budget=30),
        out=tmp_path / "regnas-runs",
        data="fake",
        evaluator="fast",
        workers=0,
    )
    write_request(runs.request, runs.folder)
    run.train_first(runs, 10, SilentBatches())
    code, out, err = regnas_command("report", runs.folder)
    assert code == 0, err
    assert len(re.findall(r"^(anynetx-a|regnetx) +10 ", out, re.MULTILINE)) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("compare",), "give --space for each space to train, or --population"),
        (("compare", "--space", "regnetx", "--population", "x.csv"), "for each that is there, not both"),
        (("compare", "--population", "x.csv", "--evaluator", "fast"), "--evaluator is for --space"),
        (("plan", "--difference", 1, "--sd", -2), "--sd is in points of error, above 0 and up to 100, got -2"),
        (("plan", "--difference", 1, "--sd", 2, "--pairs", 0), "--pairs are a whole number from 1 to 100,000, got 0"),
        (("compare", "--population", "x.csv", "--budget", 9), "--budget is for --space"),
        (("compare", "--population", "x.csv", "--until-decided"), "--until-decided is for --space"),
        (("compare", "--population", "missing.csv"), "there is no population missing.csv"),
        (("compare", "--population", "recorded:nothing"), "no recorded population 'nothing'"),
        (("compare", "--space", "regnetx", "--budget", 1), "--budget is at least 2"),
        (("compare", "--space", "regnetx", "--seeds-on", 2), "--seeds 2"),
        (("compare", "--space", "regnetx", "--space", "regnetx", "--data", "fake"), "each space is compared once"),
        (("compare", "--space", "regnetx", "--until-decided", "--budget", 10), "--until-decided looks every 10"),
        (("compare", "--space", "regnetx", "--margin", 0), "--margin is a difference of error in points"),
        (("plan",), "--detect D is a distance"),
        (("plan", "--detect", 1.5), "from 0.03 (some 10,000 models) to 1, got 1.5"),
        (("plan", "--detect", 0.15, "--power", 1), "alpha and power lie between 0 and 1"),
        (("plan", "--difference", 1), "--difference needs the spread"),
        (("plan", "--detect", 0.2, "--pilot", 1), "--pilot is 2 to 10,000, or 0 for none, got 1"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(regnas_command: Command, words: Any, message: str) -> None:
    code, _, err = regnas_command(*words)
    assert code == 2 and message in err and "Traceback" not in err


def test_plan_says_models_and_hours_and_compare_goes_on_from_its_pilots(fast: Any, regnas_command: Command) -> None:
    words = ("--space", "anynetx-a", "--space", "regnetx", *TRAINED)
    code, out, err = regnas_command("plan", "--detect", 0.3, "--pilot", 3, *words, "--json")
    assert code == 0, err
    made = json.loads(out)
    assert [one["models"] for one in made["pilots"]] == [3, 3]
    seconds = sum(one["seconds"] for one in made["pilots"])
    assert made["hours"][0] == pytest.approx(seconds * made["models"] / 3600)
    assert len(fast.evaluated()) == 6
    assert regnas_command("compare", *words, "--budget", 12)[0] == 0
    assert len(fast.evaluated()) == 24


def test_plan_without_spaces_says_the_number_alone(regnas_command: Command) -> None:
    """D = 0.147 at n = 100 is seen about half the time (measured on two real subspaces), so 0.8 takes more."""
    code, out, _ = regnas_command("plan", "--detect", 0.147)
    assert code == 0 and 100 < int(out.split()[0]) < 250
    code, out, _ = regnas_command("plan", "--difference", 1, "--sd", 2)
    # Cohen 1988, table 2.4.1: d = 0.5 takes 64 of each; bins of ten models make the variance a tenth larger.
    assert code == 0 and out.startswith("69 models of each space")


def test_studies_of_another_regime_in_the_same_folder_stay_as_they_are(
    fast: Any, regnas_command: Command, tmp_path: Path
) -> None:
    assert regnas_command("search", "--space", "regnetx", "--budget", 3, *TRAINED, "--flops", ":1M")[0] == 0
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, *TRAINED)
    for _ in range(2):  # the second time everything is found again
        code, _, err = regnas_command("compare", *words)
        assert code == 0, err
        assert len(fast.evaluated()) == 3 + 24
    names = optuna.get_all_study_names(f"sqlite:///{tmp_path / 'regnas-runs' / 'regnas.db'}")
    assert sorted(names) == ["anynetx-a/random/0", "regnetx/random/0", "regnetx/random/0/2"]


def test_a_comparison_of_other_populations_has_a_folder_of_its_own(
    two: Path, fast: Any, regnas_command: Command, tmp_path: Path
) -> None:
    before = (two / "compare.json").read_text()
    words = ("--space", "anynetx-a", "--space", "regnetx", "--budget", 12, *TRAINED, "--name", "two")
    code, out, _ = regnas_command("compare", *words, "--flops", ":1M")
    assert code == 0 and "compare-two-2/report.html" in out
    assert (two / "compare.json").read_text() == before
    code, out, _ = regnas_command("compare", *words, "--margin", 2)  # other rules, the same populations
    assert code == 0 and "compare-two/report.html" in out


def test_the_table_shows_specs_as_they_are(fast: Any, regnas_command: Command) -> None:
    names = ("regnetx[depth=4:20,wm=2]", "regnetx[depth=4:12]")
    words = [word for name in names for word in ("--space", name)]
    code, out, err = regnas_command("compare", *words, "--budget", 10, *TRAINED, "--quiet")
    assert code == 0, err
    assert all(re.search(rf"^{re.escape(name)} +10 ", out, re.MULTILINE) for name in names)


def test_report_reads_its_own_copies_where_the_populations_are_gone(
    two: Path, regnas_command: Command, tmp_path: Path
) -> None:
    before = json.loads((two / "compare.json").read_text())
    moved = tmp_path / "elsewhere" / "a comparison"
    moved.parent.mkdir()
    two.rename(moved)
    two.parent.rename(tmp_path / "gone")
    code, out, err = regnas_command("report", moved)
    assert code == 0, err
    after = json.loads((moved / "compare.json").read_text())
    assert after["pairs"] == before["pairs"] and [one["errors"] for one in after["populations"]] == [
        one["errors"] for one in before["populations"]
    ]


def test_a_copied_table_of_an_adaptive_search_is_refused_like_its_study(
    fast: Any, regnas_command: Command, tmp_path: Path
) -> None:
    assert regnas_command("search", "--space", "regnetx", "--strategy", "tpe", "--budget", 4, *TRAINED)[0] == 0
    (tmp_path / "mine.csv").write_bytes((tmp_path / "regnas-runs" / "regnetx-tpe-0" / "trials.csv").read_bytes())
    code, _, err = regnas_command("compare", "--population", tmp_path / "mine.csv")
    assert code == 2 and "searched with tpe" in err


def test_the_same_models_twice_are_no_two_populations(two: Path, regnas_command: Command) -> None:
    study = two.parent / "regnetx-random-0"
    code, _, err = regnas_command("compare", "--population", study, "--population", study)
    assert code == 2 and "hold the same errors, model by model" in err
    code, out, _ = regnas_command("compare", "--population", study, "--population", study, "--force")
    assert code == 0 and "NOTE: regnetx and regnetx (2) hold the same errors, model by model" in out


def test_populations_in_memory_are_compared_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, regnas_command: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    one, other = (
        from_arrays(name, rng.uniform(low, low + 0.1, 40), flops=np.linspace(1e6, 2e6, 40))
        for name, low in (("a", 0.1), ("b", 0.3))
    )
    write_population(tmp_path / "b.csv", other)
    comparison = run.compare(populations=[one, tmp_path / "b.csv"], quiet=True)
    assert comparison.pairs[0].judgement.winner == 0
    assert regnas_command("report", "a vs b")[0] == 0
