"""``regnas bench`` from the command line: what it prints and leaves, resuming, and wrong input."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regnas.studies.bench.report.tables import _milliseconds

Bench = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]
SMALL = ("--budget", 20, "--repeats", 3, "--strategy", "random", "--strategy", "evolution")


def test_it_prints_scores_and_leaves_a_report(bench: Bench, recorded: Callable[[], Any], tmp_path: Path) -> None:
    code, output, _ = bench(*SMALL)
    assert code == 0
    for word in ("evolution", "random, exact, no noise", "ceiling", "Holm p", "A12", "Average ranks", "report:"):
        assert word in output
    folder = next((tmp_path / "regnas-runs").glob("bench-*"))
    assert (folder / "report.html").read_text().count("<figure") >= 3
    assert len(list(folder.glob("figures/*.png"))) >= 3 and (folder / "report.md").exists()
    found = recorded()
    (space,) = found["spaces"]
    assert [one["name"] for one in space["strategies"]] == ["random", "evolution"]
    assert list(space["strategies"][1]["values"]) == ["20"]
    assert len(found["checklist"]) == 16


def test_one_run_is_told_as_one(bench: Bench) -> None:
    code, output, _ = bench("--budget", 3, "--repeats", 1, "--strategy", "random")
    assert code == 0 and "random: 3 evaluations, 1 repeat each (seed 0), 1 simulated worker" in output
    assert [_milliseconds(one) for one in (0.0512, 7.86, 99.4, 99.6, 1234.5)] == ["0.051", "7.9", "99", "100", "1,234"]


def test_the_same_command_runs_nothing_again(bench: Bench, tmp_path: Path) -> None:
    assert bench(*SMALL)[0] == 0
    files = sorted((tmp_path / "regnas-runs").rglob("runs/**/*.json"))
    times = [os.stat(file).st_mtime_ns for file in files]
    code, output, _ = bench(*SMALL)
    assert code == 0 and "all 6 runs are there" in output
    assert [os.stat(file).st_mtime_ns for file in files] == times


def test_when_the_time_is_over_the_repeats_that_all_strategies_have_are_compared(
    bench: Bench, recorded: Callable[[], Any], tmp_path: Path
) -> None:
    bench(*SMALL)
    for name in ("random", "evolution"):
        for lost in sorted((tmp_path / "regnas-runs").rglob(f"runs/**/{name}/*.json"))[1:]:
            lost.unlink()
    code, output, error = bench(*SMALL, "--time", "0.001s", "--jobs", 1)  # one run of the second repeat
    assert code == 0 and "the time of 1s is over: 1 of 3 repeats are compared; a longer --time goes on" in output
    assert recorded()["rules"]["repeats"] == 1
    code, output, error = bench(*SMALL, "--time", "1h", "--jobs", 1)
    assert code == 0 and "3 of 6 runs are there" in output and "is over" not in output
    code, _, error = bench(*SMALL, "--time", "soon")
    assert code == 2 and "--time takes a number of seconds" in error


def test_a_run_that_is_lost_is_made_again_and_equal(bench: Bench, recorded: Callable[[], Any], tmp_path: Path) -> None:
    bench(*SMALL)
    before = recorded()
    lost, *_ = sorted((tmp_path / "regnas-runs").rglob("runs/evolution/*.json"))
    lost.unlink()
    bench(*SMALL)
    after = recorded()
    for found in (before, after):
        for one in found["spaces"][0]["strategies"]:
            one.pop("proposal_ms")
        found["checklist"] = [item for item in found["checklist"] if item["question"] != "end-to-end time"]
    assert before == after


def test_more_repeats_strategies_and_evaluations_join_what_is_there(bench: Bench, recorded: Callable[[], Any]) -> None:
    bench(*SMALL)
    code, output, error = bench("--budget", 20, "--repeats", 4, "--strategy", "evolution", "--strategy", "qmc")
    assert code == 0, error
    assert "6 of 12 runs are there" in output
    assert [one["name"] for one in recorded()["spaces"][0]["strategies"]] == ["random", "evolution", "qmc"]
    assert bench("--budget", 25, "--repeats", 3, "--strategy", "evolution")[0] == 0


def test_other_rules_under_the_same_name_are_refused(bench: Bench) -> None:
    bench(*SMALL)
    code, _, error = bench(*SMALL, "--workers", 4)
    assert code == 1 and "workers: stored 1, asked 4" in error and "--name" in error
    assert bench(*SMALL, "--workers", 4, "--name", "four")[0] == 0


def test_one_process_and_several_give_the_same_numbers(bench: Bench, tmp_path: Path) -> None:
    found = []
    for jobs in (1, 2):
        assert bench(*SMALL, "--jobs", jobs, "--name", f"jobs-{jobs}")[0] == 0
        stored = json.loads((tmp_path / "regnas-runs" / f"bench-jobs-{jobs}" / "bench.json").read_text())
        found.append([one["final"] for one in stored["spaces"][0]["strategies"]])
    assert found[0] == found[1]


def test_equal_strategies_are_reported_as_equal(bench: Bench, recorded: Callable[[], Any]) -> None:
    """An all-equal comparison is no NaN: evolution with a population above the budget is random search."""
    code, output, _ = bench("--budget", 20, "--repeats", 3, "--strategy", "evolution[population=50]")
    assert code == 0 and "equal" in output and "nan" not in output.lower()
    versus = recorded()["spaces"][0]["strategies"][1]["against_random"]["20"]
    assert versus["equal"] and versus["p_holm"] == 1 and versus["vargha_delaney_a12"] == pytest.approx(0.5)


def test_a_null_table_is_marked(bench: Bench) -> None:
    code, output, _ = bench(*SMALL, "--null")
    assert code == 0 and "null table" in output


def test_several_tables_give_a_matrix(bench: Bench, write_table: Write, regnas_command: Bench) -> None:
    write_table("other.csv", count=400)
    code, output, error = regnas_command(
        "bench", "--space", "table:made.csv", "--evaluator", "table:made.csv", "--space", "table:other.csv",
        "--evaluator", "table:other.csv", "--strategy", "evolution", "--budget", "20", "--repeats", "3",
    )  # fmt: skip
    assert code == 0, error
    assert "Gain over random search after 20 evaluations" in output and "ranks over spaces (2)" in output


def test_json_is_all_that_is_printed(bench: Bench) -> None:
    code, output, _ = bench(*SMALL, "--json")
    assert code == 0 and json.loads(output)["schema"] == 1


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--budget", 0), "--budget is a whole number from 1 to 1,000,000"),
        (("--repeats", 0), "--repeats is a whole number from 1 to 100,000"),
        (("--strategy", "evolutoin"), "did you mean evolution"),
        (("--strategy", "tpe", "--strategy", "tpe"), "each strategy is compared once"),
        (("--strategy", "evolution[size=3]"), "has no option"),
        (("--epochs", 3), "--epochs is for evaluators that train"),
        (("--executor", "ray"), "--executor is for evaluators that train"),
        (("--flops", "1G:2G"), "attainable"),
        (("--pruner", "asah"), "did you mean asha"),
        (("--alpha", 2), "--alpha"),
        (("--evaluator", "train"), "not compared in one benchmark"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(bench: Bench, words: tuple[object, ...], wanted: str) -> None:
    code, _, error = bench("--repeats", 2, "--budget", 5, *words)
    assert code != 0 and wanted in error and "Traceback" not in error


def test_a_table_without_curves_refuses_a_pruner(regnas_command: Bench, write_table: Write) -> None:
    write_table("flat.csv", curves=False)
    code, _, error = regnas_command(
        "bench", "--space", "table:flat.csv", "--evaluator", "table:flat.csv", "--pruner", "asha"
    )
    assert code == 2 and "needs the error after every epoch" in error


def test_a_table_of_another_space_is_refused_before_the_first_trial(bench: Bench, regnas_command: Bench) -> None:
    code, _, error = regnas_command("bench", "--space", "regnetx", "--evaluator", "table:made.csv", "--budget", "5")
    assert code == 2 and "does not know the networks of regnetx" in error


def test_a_recorded_population_is_searched_as_a_pool(regnas_command: Bench) -> None:
    code, output, error = regnas_command(
        "bench", "--space", "regnetx", "--evaluator", "table:recorded:fashion-mnist/regnetx", "--strategy", "evolution",
        "--budget", "30", "--repeats", "3",
    )  # fmt: skip
    assert code == 0, error
    assert "a sample, searched as a pool" in output


def test_what_the_table_says_is_of_the_networks_inside_the_window(bench: Bench, recorded: Callable[[], Any]) -> None:
    """A network has 1,000 flops times x times y."""
    assert bench(*SMALL, "--flops", "20k:30k")[0] == 0
    table = recorded()["spaces"][0]["table"]
    inside = 3 * sum(20 <= x * y <= 30 for x in range(1, 11) for y in range(1, 11))
    assert table["networks"] == inside < 300
    assert all(table["optimum"] <= score for score in table["random"])


@pytest.mark.slow
def test_random_search_over_a_whole_pool_finds_its_best(regnas_command: Bench, recorded: Callable[[], Any]) -> None:
    """No network is drawn twice: the exact curve ends at the optimum where the pool does."""
    code, output, error = regnas_command(
        "bench", "--space", "regnetx", "--evaluator", "table:recorded:fashion-mnist/regnetx", "--strategy", "qmc",
        "--budget", "120", "--repeats", "2", "--returned", "model",
    )  # fmt: skip
    assert code == 0, error
    (space,) = recorded()["spaces"]
    assert space["table"]["random"][-1] == pytest.approx(space["table"]["optimum"])
    assert set(space["strategies"][0]["values"]) == set(space["strategies"][0]["values_by_model"])
    assert 0 < space["table"]["one_number"] < 1
    confounders = next(item for item in recorded()["checklist"] if item["question"] == "confounders controlled")
    assert confounders["answer"] == "partly" and "one number for 80%" in confounders["why"]


def test_networks_that_a_surrogate_predicts_can_be_returned(regnas_command: Bench, recorded: Callable[[], Any]) -> None:
    code, output, error = regnas_command(
        "bench", "--space", "regnetx", "--evaluator", "table:recorded:fashion-mnist/regnetx[surrogate=true]",
        "--flops", "1M:2M", "--budget", "25", "--repeats", "1", "--strategy", "random",
    )  # fmt: skip
    assert code == 0, error
    assert "other networks are predicted" in output
    run = json.loads(next(Path("regnas-runs").rglob("runs/random/0.json")).read_text())
    best = run["signal"].index(min(run["signal"]))
    assert recorded()["spaces"][0]["strategies"][0]["final"]["0"] == pytest.approx(run["score"][best])


def test_a_stored_run_of_another_strategy_is_not_taken_for_it(bench: Bench, tmp_path: Path) -> None:
    bench(*SMALL)
    runs = next((tmp_path / "regnas-runs").rglob("runs"))
    (runs / "random" / "0.json").write_text((runs / "evolution" / "0.json").read_text())
    assert "5 of 6 runs are there" in bench(*SMALL)[1]


def test_a_strategy_that_a_table_cannot_serve_says_so_before_the_first_trial(
    regnas_command: Bench, tmp_path: Path
) -> None:
    lines = [f"{x},{y},{(x + y) / 100}" for x in range(1, 9) for y in range(1, 9)]
    (tmp_path / "bare.csv").write_text("param.x,param.y,error\n" + "\n".join(lines) + "\n")
    where = ("--space", "table:bare.csv", "--evaluator", "table:bare.csv")
    code, _, error = regnas_command("bench", *where, "--strategy", "nsga2", "--budget", "5")
    assert code == 2 and "does not know the flops" in error
    code, _, error = regnas_command("bench", *where, "--strategy", "grid[levels=x]", "--budget", "5")
    assert code == 2 and "levels" in error


def test_what_is_fitted_first_is_refused_before_the_first_run(regnas_command: Bench, tmp_path: Path) -> None:
    words = ("--space", "nasbench201", "--flops", "0:", "--data", "fake", "--budget", "2")
    code, _, error = regnas_command("bench", *words, "--evaluator", "train", "--strategy", "darts")
    assert code == 2 and "trains a network of its own before it proposes one" in error
    code, _, error = regnas_command("bench", *words, "--evaluator", "supernet")
    assert code == 2 and "supernet is fitted before the first candidate, which a benchmark does not" in error


def test_a_strategy_that_is_fitted_first_is_refused_before_the_first_run(regnas_command: Bench, tmp_path: Path) -> None:
    words = ("--space", "nasbench201", "--flops", "0:", "--evaluator", "train", "--data", "fake", "--budget", "2")
    code, _, error = regnas_command("bench", *words, "--strategy", "darts")
    assert code == 2 and "trains a network of its own before it proposes one" in error
    code, _, error = regnas_command("bench", *words, "--strategy", "predictor[scores=naswot]")
    assert code == 2 and "scores networks on training images, and a benchmark has none" in error
    assert not (tmp_path / "regnas-runs").exists()
