"""A distribution that someone else wrote: installed by pip, found by name, as good as the built-ins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent / "outsider"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables under which the distribution is installed."""
    top = tmp_path_factory.mktemp("outsider")
    shutil.copytree(PROJECT, top / "project", ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", top / "site", top / "project"], check=True, capture_output=True)
    path = os.pathsep.join(filter(None, [str(top / "site"), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """Run a module in the test's folder and return what it printed."""

    def call(*words: str) -> str:
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def test_what_was_installed_is_listed_with_its_owner(run: Callable[..., str]) -> None:
    listed = run("regnas", "list")
    for name in ("chain", "chains", "sobol", "climb", "untrained", "stripes"):
        assert f"  {name}  (regnas-chains)" in listed


def test_chains_are_sampled_and_described(run: Callable[..., str], tmp_path: Path) -> None:
    words = ("--space", "chains", "--count", "30", "--resolution", "32", "--flops", "1M:4M")
    run("regnas", "sample", *words, "--output", "c.csv")
    assert len((tmp_path / "c.csv").read_text().splitlines()) == 31
    point = json.dumps({**{f"cell_{at}": "conv3" for at in range(1, 5)}, "width": 16})
    described = json.loads(run("regnas", "describe", "--space", "chains", "--params", point, "--json"))
    assert described["in_space"] and described["architecture"]["operations"] == ["conv3"] * 4


def test_chains_are_searched_with_the_built_in_plug_ins(run: Callable[..., str], tmp_path: Path) -> None:
    words = ("regnas", "search", "--space", "chains[width=8:16]", "--data", "fake", "--epochs", "1")
    run(*words, "--strategy", "evolution[population=2,tournament=1]", "--budget", "4", "--workers", "2")
    output = run(*words, "--strategy", "evolution[population=2,tournament=1]", "--budget", "6", "--workers", "2")
    assert "resuming: 4 of 6" in output and "test error" in output
    (folder,) = (tmp_path / "regnas-runs").glob("chains*")
    assert json.loads((folder / "best.json").read_text())["architecture"]["kind"] == "chain"
    assert len((folder / "trials.csv").read_text().splitlines()) == 7


def test_the_outsider_s_plug_ins_search_together(run: Callable[..., str]) -> None:
    words = ("regnas", "search", "--space", "chains", "--evaluator", "untrained[images=100]", "--data", "stripes")
    assert "8/8" in run(*words, "--strategy", "climb[startup=2]", "--budget", "8", "--workers", "2")


def test_the_outsider_s_plug_ins_keep_the_rules(run: Callable[..., str], tmp_path: Path) -> None:
    shutil.copy(PROJECT / "conformance.py", tmp_path / "test_conformance.py")
    output = run("pytest", "-q", "-p", "no:cacheprovider", "test_conformance.py")
    assert " passed" in output and "failed" not in output


def test_the_documentation_shows_the_outsider_s_own_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
    files = "\n".join(file.read_text() for file in PROJECT.rglob("*") if file.suffix in (".py", ".toml"))
    blocks = [part.split("\n", 1)[1] for part in page.split("```")[1::2] if part.startswith(("python\n", "toml\n"))]
    assert len(blocks) >= 5
    for block in blocks:
        assert block.strip("\n") in files, block
