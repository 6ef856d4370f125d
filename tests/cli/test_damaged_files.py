"""Damaged files of every kind, each given to a command that reads it: said, or made anew; nothing half-written."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from regnas.dataset import make_dataset
from regnas.evaluators.datasets.packed import pack

Run = Callable[..., tuple[int, str, str]]

TABLE = "table:recorded:fashion-mnist/regnetx"
SEARCH = ("search", "--space", TABLE, "--evaluator", TABLE, "--workers", "0", "--quiet")
TRAIN = ("train", "net.json", "--data", "fake:32", "--resolution", "16", "--epochs", "2", "--out", "t", "--quiet")
POINT = {"depth": 13, "w0": 24, "wa": 36.44, "wm": 2.49, "bottleneck_ratio": 1, "group_width": 8}
STUDY = "regnas-runs/s"
ROWS = "error,index,seed,flops,params,activations\n" + "".join(f"0.{i},{i},0,{i}00,{i},{i}\n" for i in range(1, 9))

# What reads a file; a file that is no user's own may be made anew.
READ: dict[str, tuple[str, ...]] = {
    "net.json": ("describe", "--architecture", "net.json"),
    f"{STUDY}/best.json": ("export", STUDY, "--format", "json"),
    f"{STUDY}/best/architecture.json": ("export", f"{STUDY}/best", "--format", "json"),
    "t/training.json": TRAIN,
    "t/result.json": TRAIN,
    "t/architecture.json": ("export", "t", "--format", "json"),
    "t/weights.safetensors": ("export", "t", "--format", "timm", "--weights", "w.safetensors"),
    "half/resume.pt": tuple("half" if word == "t" else word for word in TRAIN),
    "known.json": (*SEARCH, "--budget", "1", "--study", "new", "--enqueue", "known.json"),
    "known.csv": (*SEARCH, "--budget", "1", "--study", "new", "--enqueue", "known.csv"),
    "rows.csv": ("compare", "--population", "rows.csv", "--population", "recorded:fashion-mnist/regnetx"),
    "rows.csv.gz": ("compare", "--population", "rows.csv.gz", "--population", "recorded:fashion-mnist/regnetx"),
    "rows.jsonl": ("compare", "--population", "rows.jsonl", "--population", "recorded:fashion-mnist/regnetx"),
    "nds.json": ("compare", "--population", "nds.json", "--population", "recorded:fashion-mnist/regnetx"),
    "table.csv": (
        "search",
        "--space",
        "table:table.csv",
        "--evaluator",
        "table:table.csv",
        "--workers",
        "0",
        "--budget",
        "3",
    ),
    "net.yaml": ("import", "net.yaml"),
    "sweep.json": ("import", "sweep.json"),
    "images.npz": ("train", "net.json", "--data", "packed:images.npz", "--epochs", "1", "--out", "v", "--quiet"),
    f"{STUDY}/study.json": ("report", STUDY),
    "regnas-runs/regnas.db": ("report", STUDY),
    f"{STUDY}/results.jsonl": (*SEARCH, "--budget", "5", "--study", "s"),
    "regnas-runs/./regnas.db": (*SEARCH, "--budget", "5", "--study", "s"),
    "s.journal": (*SEARCH, "--budget", "5", "--study", "j", "--storage", "s.journal"),
    f"{STUDY}/./best.json": (*SEARCH, "--budget", "4", "--study", "s"),
    f"{STUDY}/./study.json": (*SEARCH, "--budget", "4", "--study", "new", "--warm-start", STUDY),
    "regnas-runs/compare-c/request.json": ("report", "regnas-runs/compare-c"),
}

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda whole: whole[: len(whole) // 2],
    "without its end": lambda whole: whole[:-1],
    "empty": lambda whole: b"",
    "zeros": lambda whole: bytes(len(whole)),
    "other bytes": lambda whole: bytes(byte ^ 0xA5 for byte in whole),
    "another type": lambda whole: b"5\n",
    "nested": lambda whole: b"[" * 100_000,
    "not UTF-8": lambda whole: whole[:20] + b"\xff\xfe\x80" + whole[23:],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file of `READ`, as it should be."""
    folder = tmp_path_factory.mktemp("whole")

    def run(*words: str) -> str:
        command = [sys.executable, "-P", "-m", "regnas", *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    point = ("--space", "regnetx", "--resolution", "16", "--classes", "4", "--params", json.dumps(POINT))
    network = json.loads(run("describe", *point, "--json"))["architecture"]
    (folder / "net.json").write_text(json.dumps(network))
    run(*SEARCH, "--budget", "4", "--study", "s")
    run(*SEARCH, "--budget", "4", "--study", "j", "--storage", "s.journal")
    run(*TRAIN)
    shutil.copytree(folder / "t", folder / "half")
    (folder / "half" / "result.json").unlink()
    _snapshot(folder)
    best = json.loads((folder / STUDY / "best.json").read_text())["params_by_name"]
    (folder / "known.json").write_text(json.dumps([best]))
    lines = (",".join(f"param.{name}" for name in best), ",".join(map(str, best.values())))
    (folder / "known.csv").write_text("".join(f"{line}\n" for line in lines))
    (folder / "rows.csv").write_text(ROWS)
    (folder / "rows.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    rows = [{"error": i / 9, "index": i, "flops": i} for i in range(8)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    nds = {"net": {"ds": [1, 2], "ws": [8, 16]}, "optim": {}, "min_test_top1": 5.0, "test_ep_top1": [6.0, 5.0]}
    (folder / "nds.json").write_text(json.dumps([nds, nds]))
    (folder / "table.csv").write_text("error,param.x\n" + "".join(f"0.{i},{i}\n" for i in range(1, 9)))
    text = run("export", "regnetx-200mf", "--format", "pycls")
    (folder / "net.yaml").write_text(text)
    (folder / "sweep.json").write_text(json.dumps([{"cfg": text}]))
    (folder / "images.npz").write_bytes(pack(make_dataset("fake:32", resolution=16)))
    run(
        "compare",
        "--population",
        "rows.csv",
        "--population",
        "rows.jsonl",
        "--force",
        "--complexity",
        "none",
        "--name",
        "c",
    )
    return folder


def _snapshot(folder: Path) -> None:
    """What a training that was killed after its first epoch leaves."""
    from regnas.evaluators.training.final import FinalTraining
    from regnas.studies.training.plan import plan_training

    made = plan_training(
        str(folder / "net.json"), epochs=2, data="fake:32", resolution=16, out=folder / "half", device="cpu"
    )
    job = FinalTraining(made.architecture, made.images, made.recipe, seed=0, device="cpu", threads=None)
    job.run_epoch()
    job.save(folder / "half" / "resume.pt")


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", READ)
def test_a_damaged_file_is_a_sentence_or_made_anew(
    regnas_command: Run, whole: Path, tmp_path: Path, name: str, damage: str
) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    path = tmp_path / name
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    code, _, error = regnas_command(*READ[name])
    assert code in (0, 1, 2)
    if code:
        assert error.startswith("Error: ") and error.count("\n") == 1, error
        assert not re.search(r"[A-Za-z]+(Error|Exception)\b", error[7:]) and "--debug" not in error, error
    assert not [one for one in tmp_path.rglob("*.part*")]


@pytest.mark.slow
@pytest.mark.parametrize("name", READ)
def test_a_whole_file_is_read(regnas_command: Run, whole: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    code, _, error = regnas_command(*READ[name])
    assert code == 0 or "no random sample" in error or "regimes" in error, error
