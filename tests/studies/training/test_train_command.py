"""``regnas train``: a winner, or any architecture, trained for good, tested once, and loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import regnas
from regnas.evaluators.training import final
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.training.train import train

Run = Callable[..., tuple[int, str, str]]
NETWORK = Staged(stem_width=8, depths=(1, 1), widths=(16, 16), strides=(1, 2), classes=4)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """An architecture's file."""
    path = tmp_path / "network.json"
    path.write_text(json.dumps(NETWORK.to_json()))
    return path


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return dict(regnas.load(folder).state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_an_architecture_is_trained_tested_once_and_loaded(
    regnas_command: Run, fast: Any, network: Path, tmp_path: Path
) -> None:
    words = ("train", "network.json", "--data", "sealed:64", "--epochs", 2)
    code, printed, error = regnas_command(*words)
    assert (code, error) == (0, "")
    folder = tmp_path / "final-2"
    result = json.loads((folder / "result.json").read_text())
    assert result["schema"] == 1 and 0 <= result["test_error"] <= 1 and result["epochs"] == 2
    assert result["trained"] == "2 epochs on training and validation images"
    assert result["class_names"] == ["a", "b", "c", "d"] and result["resolution"] == 16
    assert printed.splitlines()[0].startswith("epoch   1/2  training loss ")
    assert f"test error {result['test_error']:.2%} after 2 epochs; weights: final-2/" in printed
    assert not regnas.load(folder).training and fast.readings() == 1
    before = weights_of(folder)
    code, again, _ = regnas_command(*words)
    assert code == 0 and again.splitlines() == printed.splitlines()[-1:]
    assert fast.readings() == 1 and same(weights_of(folder), before)
    assert sorted(path.name for path in folder.iterdir()) == [
        "architecture.json",
        "result.json",
        "training.json",
        "weights.safetensors",
    ]


def test_the_winner_of_a_study_is_trained_as_its_candidates_were(regnas_command: Run, tmp_path: Path) -> None:
    """Data, resolution and recipe are the study's; only the number of epochs is another one."""
    words = ("search", "--data", "fake:32", "--flops", ":500k", "--epochs", 1, "--resolution", 12, "--budget", 2)
    evaluator = ("--evaluator", "train[learning_rate=0.05,batch_size=8]", "--workers", 0, "--storage", "j.journal")
    assert regnas_command(*words, *evaluator)[0] == 0
    study = tmp_path / "regnas-runs" / "regnetx-random-0"
    assert regnas_command("train", study, "--epochs", 3, "--quiet")[1:] == ("", "")
    result = json.loads((study / "final-3" / "result.json").read_text())
    identity = result["identity"]
    assert identity["data"] == "fake:32" and identity["resolution"] == 12
    assert identity["recipe"]["learning_rate"] == 0.05 and identity["recipe"]["batch_size"] == 8
    assert identity["recipe"]["epochs"] == 3
    best = json.loads((study / "best.json").read_text())
    assert identity["architecture"] == best["architecture"]
    network = regnas.load(study / "final-3")
    assert network(torch.zeros(2, 3, 12, 12)).shape == (2, 4)


def test_retraining_at_the_end_of_a_search_is_the_same_command(regnas_command: Run, tmp_path: Path) -> None:
    words = ("search", "--data", "fake:32", "--flops", ":500k", "--epochs", 1, "--budget", 1, "--workers", 0)
    code, printed, _ = regnas_command(*words, "--storage", "j.journal", "--retrain", 2)
    study = tmp_path / "regnas-runs" / "regnetx-random-0"
    assert code == 0 and "proxy weights" in printed and "after 2 epochs; weights:" in printed
    before = weights_of(study / "final-2")
    train(str(study), epochs=2, out=tmp_path / "by hand", quiet=True)
    assert same(before, weights_of(tmp_path / "by hand"))


@pytest.mark.parametrize("interrupted", [1, 2])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupted: int
) -> None:
    def run(out: str) -> dict[str, torch.Tensor]:
        return weights_of(train(str(network), data="fake:64", epochs=3, out=tmp_path / out, quiet=True))

    whole = run("whole")
    run_epoch = final.FinalTraining.run_epoch

    def interrupts(self: final.FinalTraining) -> float:
        if self.epoch == interrupted:
            raise KeyboardInterrupt
        return run_epoch(self)

    with monkeypatch.context() as broken:
        broken.setattr(final.FinalTraining, "run_epoch", interrupts)
        with pytest.raises(KeyboardInterrupt):
            run("resumed")
    assert (tmp_path / "resumed" / "resume.pt").exists()
    assert not (tmp_path / "resumed" / "result.json").exists()
    done = []

    def counts(self: final.FinalTraining) -> float:
        done.append(self.epoch)
        return run_epoch(self)

    monkeypatch.setattr(final.FinalTraining, "run_epoch", counts)
    assert same(run("resumed"), whole)
    assert done == list(range(interrupted, 3))
    results = [json.loads((tmp_path / name / "result.json").read_text()) for name in ("whole", "resumed")]
    assert results[0] == results[1]


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize(
    "other", [["--seed", 1], ["--epochs", 2], ["--data", "fake:48"], ["--resolution", 20]], ids=str
)
def test_another_training_in_the_same_folder_is_refused(
    regnas_command: Run,
    network: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    other: list[Any],
    finished: bool,
) -> None:
    words = ("train", "network.json", "--data", "fake:32", "--epochs", 1, "--out", "final", "--quiet")

    def interrupts(self: final.FinalTraining) -> float:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        if not finished:
            broken.setattr(final.FinalTraining, "run_epoch", interrupts)
        assert regnas_command(*words)[0] == (0 if finished else 130)
    before = {path.name: path.read_bytes() for path in (tmp_path / "final").iterdir()}
    code, _, error = regnas_command(*words, *other)
    assert code == 1 and error.count("\n") == 1
    kind = "another finished training" if finished else "another training"
    assert error == f"Error: final holds {kind}; give this one another folder with --out\n"
    assert {path.name: path.read_bytes() for path in (tmp_path / "final").iterdir()} == before


def test_a_damaged_snapshot_is_made_anew(
    regnas_command: Run, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", "network.json", "--data", "fake:32", "--epochs", 1)
    with monkeypatch.context() as broken:
        broken.setattr(final.FinalTraining, "finish", lambda self, folder: 1 / 0)
        code, _, error = regnas_command(*words)
    assert code == 1 and error == "Error: ZeroDivisionError: division by zero (--debug shows where)\n"
    snapshot = tmp_path / "final-1" / "resume.pt"
    snapshot.write_bytes(snapshot.read_bytes()[:100])
    code, printed, error = regnas_command(*words)
    assert (code, error) == (0, "")
    assert "the snapshot final-1/resume.pt is damaged: the training starts from the beginning" in printed


def test_a_training_that_diverges_says_what_to_change(
    regnas_command: Run, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regnas.evaluators.training import loop

    def diverges(trainer: loop.Trainer, *_: Any) -> None:
        trainer._loss.fill_(float("nan"))

    monkeypatch.setattr(loop.Trainer, "_step", diverges)
    code, _, error = regnas_command("train", "network.json", "--data", "fake:32", "--epochs", 1, "--quiet")
    assert code == 1 and error.startswith("Error: the training loss of epoch 1 is nan; try another --seed")


def test_a_trained_network_is_trained_again_on_its_own_images(
    regnas_command: Run, network: Path, tmp_path: Path
) -> None:
    words = ("--epochs", 1, "--quiet")
    code, _, error = regnas_command(
        "train", "network.json", "--data", "fake:32", "--resolution", 16, "--out", "one", *words
    )
    assert code == 0, error
    for target in ("one", "one/architecture.json"):
        code, _, error = regnas_command("train", target, "--seed", 1, "--out", "again", *words)
        assert code == 0, error
        stored = json.loads((tmp_path / "again" / "architecture.json").read_text())
        assert (stored["data"], stored["resolution"]) == ("fake:32", 16)


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["nowhere"], "there is no nowhere; name a study's folder below regnas-runs, or an architecture file", 1),
        (["."], "holds no best.json: finish the search first, or name an architecture file", 1),
        (["network.json", "--epochs", "0"], "--epochs is at least 1, got 0", 2),
        (["network.json", "--data", "fashion-mnist-mini"], "has 4 outputs and fashion-mnist-mini 10 classes", 2),
        (["network.json", "--device", "gpu"], "--device is auto, cpu, mps, cuda or cuda:0,1; got 'gpu'", 2),
        (["torn.json"], "torn.json", 1),
        (["list.json"], 'an architecture is a JSON object with a "kind"', 2),
        (["network.json", "--out", "network.json/final"], "cannot write to network.json/final: Not a directory", 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_trained_is_said_in_one_line(
    regnas_command: Run, network: Path, tmp_path: Path, words: list[str], message: str, code: int
) -> None:
    (tmp_path / "torn.json").write_text(network.read_text()[:20])
    (tmp_path / "list.json").write_text("[1, 2]")
    data = [] if "--data" in words else ["--data", "fake:32"]
    ended, printed, error = regnas_command("train", *words, *data)
    assert (ended, printed) == (code, "")
    assert error.startswith("Error: ") and error.count("\n") == 1 and message in error


def test_a_finished_training_is_of_its_images(regnas_command: Run, tmp_path: Path) -> None:
    """The same folder may be named in another way; with another image in it, it is another training."""
    for label, shade in (("day", 170), ("night", 40)):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(8):
            Image.new("RGB", (16, 16), (shade + number,) * 3).save(tmp_path / "photos" / label / f"{number}.png")
    (tmp_path / "network.json").write_text(json.dumps(replace(NETWORK, classes=2).to_json()))
    words = ("train", "network.json", "--epochs", 1, "--resolution", 16, "--out", "final", "--device", "cpu")
    assert regnas_command(*words, "--data", "imagefolder:photos")[0] == 0
    assert "fingerprint" in json.loads((tmp_path / "final" / "architecture.json").read_text())
    assert regnas_command(*words, "--data", f"imagefolder:{tmp_path / 'photos'}/")[0] == 0
    (tmp_path / "photos" / "day" / "9.png").write_bytes((tmp_path / "photos" / "day" / "1.png").read_bytes())
    code, _, error = regnas_command(*words, "--data", "imagefolder:photos")
    assert code == 1 and "another finished training (images changed: class day has 1 image more)" in error
