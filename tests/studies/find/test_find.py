"""From a folder of pictures to a card, a report and files; killed on the way, and with other settings."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import regnas
from regnas import weights
from regnas.errors import UsageError

COLOURS = {"red": (200, 60, 60), "green": (60, 190, 70), "blue": (60, 70, 200)}
LIMITS: dict[str, Any] = {"resolution": 16, "flops": "300k:1M", "space": "regnetx", "epochs": 2}
Run = Callable[..., tuple[int, str, str]]


def draw(top: Path, count: int) -> Path:
    """Noisy pictures of one colour each, in a folder for each class."""
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (top / name).mkdir(parents=True)
        for number in range(count):
            noisy = np.clip(np.array(colour) + rng.normal(0, 90, (20, 20, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(top / name / f"{number}.png")
    return top


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra onnx is not installed, and nobody waits for a quiet machine: exports take half a minute. How busy a
    machine is decides nothing.
    """

    def version(name: str) -> str:
        if name.startswith("onnx"):
            raise PackageNotFoundError(name)
        return importlib.metadata.version(name)

    monkeypatch.setattr("regnas.system.optional.version", version)
    monkeypatch.setattr("regnas.studies.find.machine._PATIENCE", 0)
    monkeypatch.setattr("regnas.studies.find.estimate.check", lambda asked, pace: None)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(one): (one.stat().st_mtime_ns, one.stat().st_size) for one in folder.rglob("*") if one.is_file()}


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_folder_of_pictures_becomes_a_network_a_card_and_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos = draw(tmp_path / "photos", 30)
    options = {**LIMITS, "time": "12s", "workers": 0, "out": "found"}
    found = regnas.find("photos", **options)
    printed = capsys.readouterr().out
    assert "time 12s: 3 s for textbook networks and candidates" in printed and "all is done by about" in printed
    assert "90 pictures were looked at: nothing is odd about them" in printed
    assert re.search(r"epoch +\d+  training loss .* s in all, at most \d+ s left", printed)
    _check_card(found.card.read_text(), found.conclusion)
    _check_report(found.report.read_text(), found.conclusion)
    record = json.loads((found.folder / "find.json").read_text())
    tested = json.loads((found.folder / "test.json").read_text())
    assert record == found.record and record["test"]["error"] == tested["error"]
    assert "pip install 'regnas[onnx]'" in record["left_out"]["onnx"]
    assert sum(map(sum, tested["confusion"])) == tested["count"] > 0
    stored = json.loads((found.folder / "search/best.json").read_text())
    assert stored["test_error"] is None  # test images are for the network to use alone
    network = regnas.load(found.folder)
    names = [one.class_name for one in network.predict([photos / "red/0.png", photos / "blue/0.png"])]
    assert set(names) <= set(COLOURS)
    _nothing_is_done_again(found.folder, options, capsys)


def _check_card(card: str, conclusion: str) -> None:
    assert card.startswith("# found\n")
    for part in (
        "## The network",
        "## The pictures",
        "## Preprocessing",
        "## Test",
        "## Recall by class",
        "## Use",
        "## What was searched",
        "## How sure it is",
        "## Limits of the claim",
        "## Files",
        "## Versions",
        "regnas.load('found')",
        "regnas predict found picture.jpg",
        "seed 0",
        "| red |",
        "middle square",
    ):
        assert part in card, part
    assert conclusion.split(" (")[0] in card
    assert "onnxruntime, numpy and pillow" not in card  # there is no such file


def _check_report(page: str, conclusion: str) -> None:
    first = page.partition("</h1>")[2].lstrip()
    assert first.startswith("<p><strong>The network to use is ") and conclusion.split(" (")[0] in first[:200]
    assert page.count("data:image/png;base64,") >= 2 and "http" not in page  # nothing is loaded from elsewhere
    for part in ("How sure it is", "Classes", "What was searched", "Limits of the claim", "Files"):
        assert f"<h2>{part}</h2>" in page, part


def _nothing_is_done_again(folder: Path, options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: state for name, state in _files(folder).items() if "/cache/" not in name}
    capsys.readouterr()
    again = regnas.find("photos", **options)
    assert again.again and capsys.readouterr().out == ""
    assert {name: state for name, state in _files(folder).items() if "/cache/" not in name} == before
    with pytest.raises(UsageError, match=r"network in found was found in --time 12s, and one of 9s would take its pl"):
        regnas.find("photos", **{**options, "time": "9s"})
    with pytest.raises(UsageError, match=r"found belongs to another find \(.*seed: stored 0, asked 1.*--out"):
        regnas.find("photos", **{**options, "seed": 1})
    (Path("photos") / "red" / "30.png").write_bytes((Path("photos") / "blue" / "1.png").read_bytes())
    with pytest.raises(UsageError, match=r"found belongs to another find \(images changed: class red has 1 image more"):
        regnas.find("photos", **options)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_pictures_without_a_test_part_have_no_test(tmp_path: Path) -> None:
    photos = draw(tmp_path / "photos" / "train", 12).parent
    draw(photos / "val", 6)
    found = regnas.find(photos, **LIMITS, time="8s", workers=0, out=tmp_path / "found", quiet=True)
    assert "its error on new pictures is not known, as there are no test pictures" in found.conclusion
    assert found.record["test"] is None and not (found.folder / "test.json").exists()
    assert "There are no test pictures" in found.card.read_text()
    assert "There are no test pictures" in found.report.read_text()


@pytest.mark.slow
def test_killed_twice_the_same_command_goes_on_to_the_end(
    command: Callable[..., Any], eventually: Callable[..., None], tmp_path: Path
) -> None:
    draw(tmp_path / "photos", 30)
    limits = [part for name, value in LIMITS.items() for part in (f"--{name}", value)]
    words = ("find", "--data", "photos", *limits, "--time", "40s", "--workers", 1, "--out", "found")
    search, final = tmp_path / "found/search", tmp_path / "found/search/final-36s"
    first = command(*words)
    eventually(lambda: list(search.glob("checkpoints/*")) or first.ended(), 120)
    first.kill()
    assert not (tmp_path / "found/find.json").exists()
    second = command(*words)
    eventually(lambda: (final / "resume.pt").exists() or second.ended(), 240)
    known = (search / "trials.csv").read_text().splitlines()
    second.kill()
    third = command(*words)
    assert third.wait(400) == 0, third.output
    assert "resuming after epoch" in third.output and "report: found/report.html" in third.output
    assert (search / "trials.csv").read_text().splitlines() == known  # no candidate is trained again
    assert (tmp_path / "found/network.onnx").exists() and not list((tmp_path / "found").glob("**/*.part"))
    fourth = command(*words)
    assert fourth.wait(120) == 0 and "nothing is trained again" in fourth.output and "epoch" not in fourth.output


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(command: Callable[..., Any], eventually: Callable[..., None], tmp_path: Path) -> None:
    draw(tmp_path / "photos", 30)
    limits = [part for name, value in LIMITS.items() for part in (f"--{name}", value)]
    job = command("find", "--data", "photos", *limits, "--time", "10m", "--workers", 1, "--out", "found")
    eventually(lambda: "candidate 0 " in job.output or job.ended(), 240, "no candidate")
    job.interrupt()
    assert job.wait(120) == 130
    assert "stopped; go on with: regnas find --data photos" in job.output


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_find_may_begin_with_trained_weights(tmp_path: Path) -> None:
    space = regnas.space("regnetx", flops="300k:1M", resolution=16, classes=3)
    (one,) = space.sample(1, seed=5)
    weights.save(one.architecture.build(), tmp_path / "run")
    weights.save_architecture(one.architecture, tmp_path / "run", {"resolution": 16, "mean": [9.0], "std": [40.0]})
    photos = draw(tmp_path / "photos", 20)
    options = {**LIMITS, "time": "10s", "workers": 0, "init": tmp_path / "run"}
    found = regnas.find(photos, **options, out=tmp_path / "found", quiet=True)
    with (tmp_path / "found/search/trials.csv").open() as file:
        assert all(float(row["metric.taken"]) > 0 for row in csv.DictReader(file))
    stored = json.loads((found.folder / "architecture.json").read_text())
    assert (stored["mean"], stored["std"]) == ([9.0] * len(stored["mean"]), [40.0] * len(stored["std"]))
    with pytest.raises(UsageError, match="belongs to another find"):
        regnas.find(photos, **{**options, "init": None}, out=tmp_path / "found", quiet=True)
