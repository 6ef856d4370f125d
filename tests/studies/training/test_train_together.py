"""``regnas train --workers``: what it leaves, what it opens, and processes that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import regnas
from regnas.errors import RegnasError
from regnas.evaluators.training import final
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.executors.ray.sockets import exposed
from regnas.studies.training.train import train

Run = Callable[..., tuple[int, str, str]]
NETWORK = Staged(stem_width=8, depths=(1, 1), widths=(16, 16), strides=(1, 2), classes=4)
WORDS: dict[str, Any] = {"data": "fake:64", "epochs": 3, "workers": 2, "quiet": True}


@pytest.fixture
def network(tmp_path: Path) -> str:
    """An architecture's file."""
    path = tmp_path / "network.json"
    path.write_text(json.dumps(NETWORK.to_json()))
    return str(path)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return dict(regnas.load(folder).state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


def along() -> list[int]:
    """Processes of this test that train along."""
    children = Path(f"/proc/self/task/{threading.main_thread().native_id}/children").read_text().split()
    named = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return [child for child, line in named.items() if b"regnas.evaluators.training.parallel.processes" in line]


def test_two_processes_leave_what_one_leaves_and_the_same_each_time(network: str, tmp_path: Path) -> None:
    first, again = (weights_of(train(network, out=tmp_path / name, **WORDS)) for name in ("first", "again"))
    assert same(first, again)
    alone = weights_of(train(network, out=tmp_path / "alone", **{**WORDS, "workers": 1}))
    assert not same(first, alone) and {k: v.shape for k, v in first.items()} == {k: v.shape for k, v in alone.items()}
    left = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert left == ["architecture.json", "result.json", "training.json", "weights.safetensors"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_listens_where_others_could_reach_it(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_epoch, seen = final.FinalTraining.run_epoch, []

    def looks(self: final.FinalTraining) -> float:
        seen.append((len(along()), exposed(os.getpid())))
        return run_epoch(self)

    monkeypatch.setattr(final.FinalTraining, "run_epoch", looks)
    train(network, out=tmp_path / "final", **WORDS)
    assert seen == [(1, [])] * 3
    assert along() == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_is_killed_ends_the_training_and_the_same_command_goes_on(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = weights_of(train(network, out=tmp_path / "whole", **WORDS))
    run_epoch = final.FinalTraining.run_epoch

    def kills(self: final.FinalTraining) -> float:
        if self.epoch == 1:
            for process in along():
                os.kill(process, signal.SIGKILL)
        return run_epoch(self)

    with monkeypatch.context() as broken:
        broken.setattr(final.FinalTraining, "run_epoch", kills)
        with pytest.raises(RegnasError, match=r"a process that trained along has ended.*the same command goes on"):
            train(network, out=tmp_path / "final", **WORDS)
    assert (tmp_path / "final" / "resume.pt").exists()
    assert same(weights_of(train(network, out=tmp_path / "final", **WORDS)), whole)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_training_leaves_no_process_and_goes_on(network: str, tmp_path: Path, eventually: Any) -> None:
    long = {**WORDS, "data": "fake:2000", "epochs": 12}
    words = [sys.executable, "-m", "regnas", "train", network, "--data", "fake:2000", "--epochs", "12"]
    process = subprocess.Popen([*words, "--workers", "2", "--out", str(tmp_path / "final")], stdout=subprocess.DEVNULL)
    eventually(lambda: (tmp_path / "final" / "resume.pt").exists())
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 1 and process.poll() is None
    process.kill()
    process.wait()
    eventually(lambda: not any(_lives(int(child)) for child in children))
    whole = weights_of(train(network, out=tmp_path / "whole", **long))
    assert same(weights_of(train(network, out=tmp_path / "final", **long)), whole)


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_three_train_on_a_folder_of_images_and_a_finished_training_is_left_alone(
    regnas_command: Run, tmp_path: Path, network: str
) -> None:
    from PIL import Image

    for kind in "abcd":
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (20, 20), (20 * number, 60, ord(kind))).save(tmp_path / "photos" / kind / f"{number}.png")
    words = ("train", network, "--data", "imagefolder:photos", "--resolution", 16, "--epochs", 2, "--workers", 3)
    code, printed, error = regnas_command(*words, "--out", "final")
    assert (code, error) == (0, "") and "after 2 epochs" in printed
    code, again, _ = regnas_command(*words, "--out", "final")
    assert code == 0 and again.splitlines() == printed.splitlines()[-1:]
    code, _, error = regnas_command(*words, "--out", "final", "--workers", 2)
    assert code == 1 and "another finished training" in error


def test_the_variables_of_the_process_are_left_as_they_were(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "lo0")
    before = dict(os.environ)
    train(network, out=tmp_path / "final", **{**WORDS, "epochs": 1})
    assert dict(os.environ) == before


def test_what_the_other_process_says_before_it_ends_is_quoted(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regnas.evaluators.training.parallel import processes as peers

    start = peers._start
    monkeypatch.setattr(peers, "_start", lambda job, log: start({**job, "data": {"text": "nowhere"}}, log))
    begun = time.monotonic()
    with pytest.raises(RegnasError, match="has ended: .*nowhere"):
        train(network, out=tmp_path / "final", **WORDS)
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--workers", 0), "--workers is from 1 to 1,024, got 0"),
        (("--workers", 33), "--workers is at most 32, half the 64 images of a batch, got 33"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(
    regnas_command: Run, network: str, tmp_path: Path, words: tuple[object, ...], message: str
) -> None:
    code, _, error = regnas_command("train", network, "--data", "fake:200", "--epochs", 1, *words)
    assert code == 2 and message in error and error.count("\n") == 1
    assert not (tmp_path / "final-1").exists()
