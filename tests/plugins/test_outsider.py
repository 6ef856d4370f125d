"""A distribution that someone else wrote: installed by pip, found by name, as good as the built-ins."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial

from regnas import load
from regnas.studies.storage.open import open_storage

PROJECT = Path(__file__).parent / "outsider"
PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the distribution installed."""
    top = tmp_path_factory.mktemp("outsider")
    shutil.copytree(PROJECT, top / "project", ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", top / "site", top / "project"], check=True, capture_output=True)
    return top / "site"


@pytest.fixture(autouse=True)
def _installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), before])))


def run_module(folder: Path, *words: str) -> str:
    """What ``python -m`` prints in a process of its own."""
    command = [sys.executable, "-m", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def regnas(command: Callable[..., Any]) -> Callable[..., str]:
    """``regnas("list")`` runs a command in a process of its own and returns what it printed."""

    def run(*words: object, code: int = 0) -> str:
        started = command(*words)
        assert started.wait(timeout=300) == code, started.output
        return str(started.output)

    return run


def test_what_was_installed_is_listed_with_its_owner(tmp_path: Path) -> None:
    listed = run_module(tmp_path, "regnas", "list")
    names = (
        "chain",
        "chains",
        "deep-chains",
        "sobol",
        "climb",
        "policy",
        "untrained",
        "stripes",
        "polite",
        "chain-line",
        "layers",
        "diary",
        "chain-table/stripes",
    )
    for name in names:
        assert f"  {name}  (regnas-chains)" in listed


def test_a_search_is_told_to_a_logger(regnas: Callable[..., str], tmp_path: Path) -> None:
    words = ("--space", "chains", "--evaluator", "untrained", "--data", "stripes", "--budget", 3, "--workers", 0)
    regnas("search", *words, "--log", "diary")
    folder = tmp_path / "regnas-runs" / "chains-random-0"
    rows = {row["index"]: row for row in csv.DictReader((folder / "trials.csv").open())}
    lines = [line.split() for line in (folder / "diary.txt").read_text().splitlines()]
    assert [index for index, _, _ in lines] == ["0", "1", "2"]
    assert all(float(rows[index]["error"]) == pytest.approx(float(error), abs=5e-5) for index, error, _ in lines)
    assert "no option" in regnas("search", *words, "--study", "other", "--log", "diary[x=1]", code=2)


def test_chains_are_sampled(regnas: Callable[..., str], tmp_path: Path) -> None:
    words = ("--space", "chains[width=8:16]", "--count", 30, "--resolution", 32, "--flops", "500k:4M")
    regnas("sample", *words, "--output", "c.csv")
    rows = list(csv.DictReader((tmp_path / "c.csv").open()))
    assert len(rows) == 30
    assert {json.loads(row["architecture"])["kind"] for row in rows} == {"chain"}
    assert all(8 <= int(row["param.width"]) <= 16 and 5e5 <= int(row["flops"]) <= 4e6 for row in rows)


@pytest.mark.slow
def test_chains_are_limited_by_a_measure_of_their_own(regnas: Callable[..., str], tmp_path: Path) -> None:
    lines = re.findall(r"^    regnas (.* --limit .*)$", PAGE, re.MULTILINE)
    for line in lines:
        regnas(*shlex.split(line))
    rows = list(csv.DictReader((tmp_path / "chains.csv").open()))
    assert len(rows) == 20 and {int(row["layers"]) for row in rows} == {1, 2, 3}
    assert all(len(json.loads(row["architecture"])["operations"]) == int(row["layers"]) - 1 for row in rows)
    folder = tmp_path / "regnas-runs" / "chains-random-0"
    searched = list(csv.DictReader((folder / "trials.csv").open()))
    assert {int(row["layers"]) for row in searched} == {2, 3}
    assert (folder / "pareto.csv").read_text().startswith("front,index,error,flops,params,activations,layers,")
    assert "accepted" in regnas("describe", "--space", "chains", "--limit", "layers=:2")
    refused = regnas("sample", "--space", "regnetx", "--limit", "layers=:3", "--output", "r.csv", code=2)
    assert "regnetx does not know the layers of its networks" in refused and "leave out --limit layers" in refused


def test_one_key_of_a_spec_stands_for_all_cells(regnas: Callable[..., str], tmp_path: Path) -> None:
    regnas("sample", "--space", "chains[cell=conv3|conv5,cell_4=none]", "--count", 30, "--output", "chains.csv")
    rows = list(csv.DictReader((tmp_path / "chains.csv").open()))
    cells = {(name, row[f"param.{name}"]) for row in rows for name in ("cell_1", "cell_2", "cell_3", "cell_4")}
    assert cells == {("cell_4", "none"), *((f"cell_{at}", f"conv{size}") for at in (1, 2, 3) for size in (3, 5))}


def test_chains_are_described(regnas: Callable[..., str], tmp_path: Path) -> None:
    cells = {"cell_1": "conv3", "cell_2": "none", "cell_3": "conv5", "cell_4": "none"}
    point = json.dumps({**cells, "width": 16})
    words = ("describe", "--space", "chains", "--resolution", 32)
    described = json.loads(regnas(*words, "--params", point, "--json"))
    assert described["in_space"]
    assert described["architecture"]["operations"] == ["conv3", "conv5"]
    printed = regnas(*words, "--params", point, "--plot", "chain.png")
    assert "chain network: width 16, classes" in printed and "       2      conv5    16 x 16" in printed
    assert (tmp_path / "chain.png").read_bytes().startswith(b"\x89PNG")
    assert "accepted" in regnas(*words, "--flops", "500k:4M")
    assert "Error: operations are among" in regnas(*words, "--params", point.replace("conv3", "conv7"), code=2)


@pytest.mark.slow
def test_chains_are_searched_with_the_built_in_plug_ins(
    regnas: Callable[..., str], tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("search", "--space", "chains[width=8:16]", "--data", "fake:512", "--epochs", 2)
    strategy = ("--strategy", "evolution[population=2,tournament=1]")
    regnas(*words, *strategy, "--budget", 3, "--workers", 2)
    output = regnas(*words, *strategy, "--budget", 5, "--workers", 0)
    assert "resuming: 3 of 5" in output and "test error" in output
    assert "chain: operations x width" in output and re.search(r"MF, layers \d+  .* s  conv\d( conv\d)* x \d+", output)
    (folder,) = (tmp_path / "regnas-runs").glob("chains*")
    best = json.loads((folder / "best.json").read_text())
    assert best["architecture"]["kind"] == "chain"
    rows = list(csv.DictReader((folder / "trials.csv").open()))
    assert [row["state"] for row in rows] == ["COMPLETE"] * 5
    assert float(best["validation_error"]) == min(float(row["error"]) for row in rows) < 0.5  # 0.75 is guessing
    assert "(in the space)" in regnas("describe", "--architecture", folder / "best.json")
    assert "test error" in regnas("train", folder, "--epochs", 1)
    monkeypatch.syspath_prepend(site)
    assert type(load(folder / "final-1")).__name__ == "Sequential"


@pytest.mark.slow
def test_the_outsider_s_plug_ins_search_together(regnas: Callable[..., str], tmp_path: Path) -> None:
    """The commands of the page; then the same study goes on, and refuses another recipe."""
    line = next(
        one
        for one in re.findall(r"^    regnas (search .*)$", PAGE, re.MULTILINE)
        if "--space chains" in one and "--limit" not in one
    )
    words = shlex.split(line)
    assert "8/8" in regnas(*words, "--workers", 2, "--executor", "polite[level=5]")
    words[words.index("--budget") + 1] = "10"
    assert "resuming: 8 of 10" in regnas(*words, "--workers", 0)
    other = [word.replace("untrained", "untrained[images=50]") for word in words]
    assert "recipe.images: stored 1000, asked 50" in regnas(*other, code=1)
    folder = tmp_path / "regnas-runs" / "chains-climb-0"
    rows = list(csv.DictReader((folder / "trials.csv").open()))
    assert len({row["architecture"] for row in rows}) == 10
    best = json.loads((folder / "best.json").read_text())
    assert best["test_error"] is None and 0 <= best["metrics"]["top2_error"] <= best["validation_error"]
    assert all(float(row["metric.top2_error"]) <= float(row["error"]) for row in rows)
    assert "after 1 epoch;" in regnas("train", folder, "--epochs", 1)  # its recipe is not that of a training


@pytest.mark.slow
def test_a_policy_that_is_killed_goes_on_as_if_it_had_not_been(
    command: Callable[..., Any], regnas: Callable[..., str], fast: Any, eventually: Callable[..., None], tmp_path: Path
) -> None:
    """Its state is what it heard, and the log-probabilities of its proposals lie with the trials."""
    words = ("search", "--space", "chains", "--strategy", "policy", "--data", "fake", "--flops", "500k:2M")
    usual = (*words, "--evaluator", "fast[sleep=20]", "--budget", 30, "--workers", 0)
    regnas(*usual, "--out", "whole")
    before = len(fast.lines())
    running = command(*usual, "--out", "cut")
    eventually(lambda: len(fast.lines()) >= before + 12, 120)
    running.kill()
    assert len(fast.lines()) < before + 30
    assert "resuming" in regnas(*usual, "--out", "cut")
    whole, cut = (
        [(row["index"], row["error"], row["architecture"], row["state"]) for row in csv.DictReader(file.open())]
        for file in (tmp_path / "whole" / "chains-policy-0/trials.csv", tmp_path / "cut" / "chains-policy-0/trials.csv")
    )
    assert cut == whole and len(whole) == 30
    origins = Counter(proposal_of(trial)["origin"] for trial in trials_of(tmp_path / "cut"))
    assert {"own", "nearest"} <= set(origins)  # the window is narrow: both kinds were learned from


def trials_of(folder: Path) -> list[FrozenTrial]:
    study = optuna.load_study(study_name="chains/policy/0", storage=open_storage(f"sqlite:///{folder / 'regnas.db'}"))
    return study.get_trials()


def proposal_of(trial: FrozenTrial) -> dict[str, Any]:
    found: dict[str, Any] = trial.system_attrs["regnas:proposal"]
    assert found["record"] < 0  # a log-probability
    return found


@pytest.mark.slow
def test_a_space_with_conditional_parameters_is_sampled_described_searched_and_enqueued(
    regnas: Callable[..., str], tmp_path: Path
) -> None:
    """Files hold what is active alone, and are read again."""
    space = ("--space", "deep-chains[width=8:16]")
    regnas("sample", *space, "--count", 30, "--output", "d.csv")
    rows = list(csv.DictReader((tmp_path / "d.csv").open()))
    for row in rows:
        cells = [row[f"param.cell_{at}"] for at in (1, 2, 3, 4)]
        assert [cell != "" for cell in cells] == [at <= int(row["param.length"]) for at in (1, 2, 3, 4)]
        assert json.loads(row["architecture"])["operations"] == [cell for cell in cells if cell]
    report = regnas("describe", *space, "--flops", ":100M")
    assert re.search(r"cell_4 is active in 2[45]\.\d% of the draws, in \d", report)
    point = json.dumps({"length": 2, "cell_1": "conv3", "cell_2": "conv5", "width": 16})
    described = regnas("describe", *space, "--params", point)
    assert "length 2, cell_1 conv3, cell_2 conv5, width 16\n(in the space)" in described
    words = ("search", *space, "--data", "stripes", "--evaluator", "untrained", "--workers", 0)
    for strategy in ("tpe[startup=3]", "evolution[population=2,tournament=1]"):
        regnas(*words, "--strategy", strategy, "--budget", 5)
        assert "resuming: 5 of 8" in regnas(*words, "--strategy", strategy, "--budget", 8)
    folder = next(path for path in (tmp_path / "regnas-runs").iterdir() if "tpe" in path.name)
    rows = list(csv.DictReader((folder / "trials.csv").open()))
    assert len({row["architecture"] for row in rows}) == 8
    assert [name for name in rows[0] if name.startswith("param.cell")] == [f"param.cell_{at}" for at in (1, 2, 3, 4)]
    assert any(row["param.cell_4"] == "" for row in rows)
    best = json.loads((folder / "best.json").read_text())
    assert len(best["params_by_name"]) == 2 + best["params_by_name"]["length"]
    again = regnas(*words, "--strategy", "random", "--enqueue", folder / "trials.csv", "--budget", 9)
    assert "9/9" in again
    (tmp_path / "idle.json").write_text(json.dumps([{**json.loads(point), "length": 1}]))
    refused = regnas(*words, "--study", "idle", "--enqueue", "idle.json", "--budget", 2, code=2)
    assert "cell_2 is not active there" in refused


def test_chains_are_exported_and_imported_as_the_page_says(regnas: Callable[..., str], tmp_path: Path) -> None:
    (source,) = re.findall(r"`regnas import '(.*?)'`", PAGE)
    (tmp_path / "chain.json").write_text(regnas("import", source))
    assert f"chain-line:{regnas('export', 'chain.json', '--format', 'chain-line').strip()}" == source
    refused = regnas("export", "chain.json", "--format", "timm", code=2)
    assert "kind chain, which has the formats chain-line, json" in refused


def test_a_search_is_replayed_in_the_outsider_s_table(regnas: Callable[..., str]) -> None:
    words = ("search", "--space", "chains", "--evaluator", "table:chain-table/stripes", "--budget", 5, "--workers", 0)
    assert "5/5" in regnas(*words)
    refused = regnas(*words, "--evaluator", "table:chain-table/strips", code=2)
    assert "chain-table has chain-table/stripes; did you mean chain-table/stripes?" in refused


def test_the_outsider_s_plug_ins_search_a_built_in_space(regnas: Callable[..., str]) -> None:
    words = ("search", "--strategy", "sobol", "--data", "stripes", "--evaluator", "untrained", "--workers", 0)
    assert "The 3 best of 3" in regnas(*words, "--space", "regnetx", "--flops", ":2M", "--budget", 3)


@pytest.mark.slow
def test_the_outsider_s_plug_ins_keep_the_rules(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "conformance.py", tmp_path)
    output = run_module(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "conformance.py")
    assert re.search(r"^\d+ passed", output, re.MULTILINE) and "failed" not in output


def test_the_page_shows_the_outsider_s_own_code_with_the_imports_of_its_files() -> None:
    files = [file.read_text() for file in PROJECT.rglob("*") if file.suffix in (".py", ".toml")]
    blocks = re.findall(r"^```(?:python|toml)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        code = re.sub(r"\A(from .*\n|\n)+", "", block).strip("\n")
        owner = next((text for text in files if code in text), None)
        assert owner is not None, code
        if not code.startswith("["):
            names = set(re.findall(r"\w+", code))
            needed = {one for one in _imports(owner) if one[0].startswith(("regnas.", "optuna.")) and one[1] in names}
            assert _imports(block.removesuffix(f"{code}\n")) == needed, code


def _imports(text: str) -> set[tuple[str, str]]:
    """Modules and the names that are imported from them."""
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
    return {(str(node.module), name.name) for node in nodes for name in node.names}
