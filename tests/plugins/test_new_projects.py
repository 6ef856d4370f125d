"""``regnas new-plugin`` writes projects that work as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from regnas.errors import UsageError
from regnas.plugins.new_project import KINDS, write_project

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str, str]]


def install(project: Path, site: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", site, project], check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_project_keeps_the_rules_of_its_contract(tmp_path: Path, kind: str) -> None:
    write_project(kind, f"my-own-{kind}", tmp_path / "project")
    install(tmp_path / "project", tmp_path / "site")
    path = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "pytest", "-q", "conformance.py"]
    done = subprocess.run(
        command, cwd=tmp_path / "project", env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    listed = [sys.executable, "-m", "regnas", "list"]
    done = subprocess.run(listed, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert f"my-own-{kind}" in done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_project_is_clean(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("ruff")
    written = write_project(kind, f"my-own-{kind}", tmp_path / "project")
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "E,F,B,UP"]
    done = subprocess.run([*ruff, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    for path in written:
        assert "$" not in path.read_text()


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("space", "regnetx", "there is a space 'regnetx' already"),
        ("space", "staged", "there is an architecture 'staged' already"),
        ("strategy", "My_Own", "lower-case words joined by '-'"),
        ("evaluator", "class", "a word of Python's"),
        ("pruner", "mine", "a project is made for one of space, strategy, evaluator"),
    ],
)
def test_a_name_that_will_not_do_is_refused(tmp_path: Path, kind: str, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        write_project(kind, name, tmp_path / "project")
    assert not (tmp_path / "project").exists()


def test_a_folder_that_holds_something_is_left_as_it_is(regnas_command: Run, tmp_path: Path) -> None:
    (tmp_path / "regnas-mine").mkdir()
    (tmp_path / "regnas-mine" / "notes").write_text("mine")
    code, _, err = regnas_command("new-plugin", "space", "mine")
    assert code == 2
    assert "is there already" in err
    assert [path.name for path in (tmp_path / "regnas-mine").iterdir()] == ["notes"]


def test_the_command_says_what_it_wrote_and_what_comes_next(regnas_command: Run, tmp_path: Path) -> None:
    code, out, _ = regnas_command("new-plugin", "strategy", "my-walk", "--folder", "walk")
    assert code == 0
    assert (tmp_path / "walk" / "regnas_my_walk" / "strategy.py").exists()
    assert out.splitlines()[-1] == "try it: cd walk && pip install -e . pytest && pytest conformance.py"
