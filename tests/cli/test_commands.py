"""What the commands print when all is well."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from regnas.architecture import from_json
from regnas.costs import complexity_of

Run = Callable[..., tuple[int, str, str]]
POINT = '{"depth": 22, "w0": 24, "wa": 24.48, "wm": 2.54, "bottleneck_ratio": 1, "group_width": 16}'


def test_describe_prints_the_published_regnetx_400mf(regnas_command: Run) -> None:
    # Radosavovic et al. 2020, table 8; exact numbers of the authors' code.
    code, output, _ = regnas_command("describe", "--space", "regnetx", "--params", POINT, "--json")
    described = json.loads(output)
    assert code == 0
    assert set(described) >= {"space", "params", "in_space", "architecture", "complexity"}
    assert described["architecture"]["widths"] == [32, 64, 160, 384]
    assert described["complexity"] == {"flops": 397678568, "params": 5157512, "activations": 3143272}
    assert described["in_space"] is True


def test_describe_refuses_what_it_would_not_heed(regnas_command: Run, tmp_path: Path) -> None:
    code, _, error = regnas_command("describe", "--space", "regnetx", "--flops", "400M", "--plot", "x.png")
    assert code == 2 and "--plot is of one network: give --params, --preset or its folder" in error
    code, _, error = regnas_command("describe", "architecture.json", "--classes", 7)
    assert code == 2 and "--classes is of a space or a preset" in error
    code, output, _ = regnas_command("describe", "--preset", "regnety-400mf", "--classes", 7, "--json")
    assert code == 0 and json.loads(output)["architecture"]["classes"] == 7


def test_describe_says_when_a_point_is_outside_the_space(regnas_command: Run) -> None:
    code, output, _ = regnas_command("describe", "--space", "regnetx", "--params", POINT.replace("22", "80"), "--json")
    assert code == 0 and json.loads(output)["in_space"] is False


def test_a_bottleneck_ratio_left_out_is_one(regnas_command: Run) -> None:
    _, whole, _ = regnas_command("describe", "--space", "regnetx", "--params", POINT, "--json")
    _, short, _ = regnas_command(
        "describe", "--space", "regnetx", "--params", POINT.replace('"bottleneck_ratio": 1, ', ""), "--json"
    )
    assert json.loads(whole)["architecture"] == json.loads(short)["architecture"]


def test_describe_reports_what_a_window_leaves(regnas_command: Run) -> None:
    code, output, _ = regnas_command("describe", "--space", "regnetx", "--flops", "360M:400M", "--json")
    report = json.loads(output)
    assert code == 0
    # 0.2430 % over 10 million draws; 500,000 draws: five standard errors are 0.035 %.
    assert abs(report["acceptance"] - 0.00243) < 0.00035
    assert set(report["rejected"]) == {"number of stages", "flops below 360M", "flops above 400M"}
    assert report["attainable"]["flops"][0] < 20e6 and report["attainable"]["flops"][1] > 100e9


def test_describe_draws_a_picture(regnas_command: Run, tmp_path: Path) -> None:
    assert regnas_command("describe", "--preset", "regnetx-400mf", "--plot", "widths.png")[0] == 0
    assert (tmp_path / "widths.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_sample_writes_candidates_that_describe_reads_back(regnas_command: Run, tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"s.{kind}"
    words = ("sample", "--space", "regnetx", "--count", "20", "--flops", "360M:400M", "--seed", "3")
    code, output, _ = regnas_command(*words, "--output", file.name)
    assert code == 0 and "number of stages" in output
    text = file.read_text()
    rows = list(csv.DictReader(text.splitlines())) if kind == "csv" else [json.loads(x) for x in text.splitlines()]
    assert [int(row["index"]) for row in rows] == list(range(20))
    architecture = rows[7]["architecture"]
    (tmp_path / "a.json").write_text(architecture if kind == "csv" else json.dumps(architecture))
    _, described, _ = regnas_command("describe", "--architecture", "a.json", "--json")
    assert json.loads(described)["complexity"]["flops"] == int(rows[7]["flops"])
    assert all(360e6 <= int(row["flops"]) <= 400e6 for row in rows)


def test_sample_counts_at_the_resolution_of_the_space(regnas_command: Run, tmp_path: Path) -> None:
    assert regnas_command("sample", "--space", "resnet", "--count", "3", "--output", "s.jsonl")[0] == 0
    for row in map(json.loads, (tmp_path / "s.jsonl").read_text().splitlines()):
        network = from_json(row["architecture"])
        assert row["flops"] == complexity_of(network, 32).flops and network.to_json()["classes"] == 10


def test_list_names_every_kind(regnas_command: Run) -> None:
    code, output, _ = regnas_command("list", "--json")
    found = json.loads(output)
    assert code == 0
    assert {"anynetx-a", "anynetx-e", "regnetx", "regnety", "regnetx-constrained", "regnetx-pycls"} <= set(
        found["spaces"]
    )
    assert {"random", "tpe", "evolution"} <= set(found["strategies"])
    assert {"fashion-mnist-mini", "cifar10", "imagefolder", "fake"} <= set(found["datasets"])
    assert {"regnety-400mf", "darts-v2", "mnasnet-b1", "resnet-50"} <= set(found["presets"])
    assert {"nasbench201/cifar10", "recorded:fashion-mnist/regnetx"} <= set(found["tables"])
    assert {"json", "darts", "pycls", "timm"} <= set(found["formats"])


def test_describe_takes_the_folder_of_a_study_or_of_a_network(regnas_command: Run, tmp_path: Path) -> None:
    staged = {"kind": "staged", "schema": 1, "stem_width": 8, "depths": [1], "widths": [8], "strides": [2]}
    (tmp_path / "study" / "best").mkdir(parents=True)
    (tmp_path / "study" / "study.json").write_text("{}")
    assert regnas_command("describe", "study") == (1, "", "Error: study has no winner yet; go on with its search\n")
    told = {"architecture": {**staged, "classes": 3}, "resolution": 20}
    settings = {"space": "anynetx-a", "images": {"resolution": 20}}
    best = {**told, "params_by_name": {"depth_1": 1}, "settings": settings}
    (tmp_path / "study" / "best.json").write_text(json.dumps(best))
    (tmp_path / "study" / "best" / "architecture.json").write_text(json.dumps(told))
    for folder, space in (("study", "anynetx-a"), ("study/best", None)):
        code, output, _ = regnas_command("describe", folder, "--json")
        described = json.loads(output)
        assert code == 0 and (described["resolution"], described["space"]) == (20, space)
        assert regnas_command("describe", "--architecture", folder, "--json")[1] == output
    code, _, err = regnas_command("describe", "study", "--preset", "regnetx-400mf")
    assert code == 2 and "give one of: the folder of a search" in err


def test_search_prints_the_best_and_what_to_do_next(regnas_command: Run, fast: object, tmp_path: Path) -> None:
    flags = ("--data", "fake", "--evaluator", "fast", "--budget", "7", "--workers", "0")
    code, output, _ = regnas_command("search", *flags)
    assert code == 0
    for part in ("The 5 best of 7", "7/7", "winner", "trials.csv", "dashboard: regnas dashboard  (pip"):
        assert part in output
    code, output, _ = regnas_command("search", *flags, "--json")
    assert code == 0
    assert json.loads(output) == json.loads((tmp_path / "regnas-runs/regnetx-random-0/best.json").read_text())
    code, output, _ = regnas_command("search", *flags, "--quiet")
    assert code == 0 and "The 5 best of 7" in output and "7/7" not in output
