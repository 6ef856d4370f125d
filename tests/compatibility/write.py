"""Write what ``data/`` holds beside ``candidates.json``: run it at the commit that others are compared with.

``python tests/compatibility/write.py`` writes everything, ``... write.py finished exported`` these alone. Searches are
run in a temporary folder with ``--out runs``, so that nothing names a folder of this machine.
"""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from test_earlier_networks import OUTPUTS, PRINTED, logits_of
from test_earlier_studies import folder_of, machine, read_rows
from test_proposals import SPACES, proposed, versions

import regnas

DATA = Path(__file__).parent / "data"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
SMALL = "anynetx-e[depth=1:2,stages=2,width=8:32]"  # hundreds of networks of about a thousand parameters
TRAIN = ("--data", "fake", "--epochs", "2", "--out", "runs")
CELLS = ("--space", "nasbench201", "--evaluator", "table:nasbench201/cifar10", "--workers", "0", "--out", "runs")
TABLE = "table:recorded:fashion-mnist/regnetx"
SURROGATE = ("--space", "regnetx", "--evaluator", f"{TABLE}[surrogate=true]", "--workers", "0", "--out", "runs")

Enough = Callable[[list[FrozenTrial], Path], bool]

FINISHED = {
    "regnetx/random/0": (
        *("--space", "regnetx", "--data", "fake", "--epochs", "1", "--params", ":6k", "--budget", "3"),
        *("--workers", "1", "--out", "runs", "--pareto", "flops"),
    ),
    "strided": (
        *("--space", "regnetx[strides=2-2-2-2]", "--data", "fake", "--epochs", "1", "--params", ":6k"),
        *("--budget", "1", "--workers", "0", "--out", "runs", "--study", "strided"),
    ),
    f"{SMALL}/tpe[startup=2]/0": (
        *("--space", SMALL, "--strategy", "tpe[startup=2]", "--budget", "4", "--workers", "0", *TRAIN),
    ),
    f"{SMALL}/random/0/asha[eta=2]": (
        *("--space", SMALL, "--pruner", "asha[eta=2]", "--data", "fake", "--epochs", "4", "--out", "runs"),
        *("--budget", "6", "--workers", "1"),
    ),
    "reused": (
        *("--space", "anynetx-e[stages=2,depth=1,width=8:16]", "--duplicates", "reuse", "--study", "reused"),
        *("--budget", "8", "--workers", "1", *TRAIN),
    ),
    "warm": (
        *("--space", SMALL, "--study", "warm", "--seed", "3", "--warm-start", f"{SMALL}/tpe[startup=2]/0"),
        *("--enqueue", "known.json", "--budget", "2", "--workers", "0", *TRAIN),
    ),
    "failing": ("--space", SMALL, "--study", "failing", "--budget", "3", "--workers", "1", *TRAIN),
    "nasbench201/evolution[population=5,tournament=3]/0": (
        *CELLS,
        *("--strategy", "evolution[population=5,tournament=3]", "--budget", "12"),
    ),
    "table": (
        *("--space", TABLE, "--evaluator", TABLE, "--strategy", "local-search[init=4]", "--study", "table"),
        *("--budget", "10", "--workers", "0", "--out", "runs"),
    ),
    "front": (
        *SURROGATE,
        *("--flops", "1.2M:1.6M", "--strategy", "nsga2[objectives=params,population=4]", "--study", "front"),
        *("--budget", "10"),
    ),
}
EARLIER_STREAM = (*SURROGATE, "--flops", "1.2M:1.6M", "--study", "earlier-stream", "--budget", "4")
JOURNAL = (
    *("--space", SMALL, "--strategy", "evolution[population=3,tournament=2]", "--study", "one"),
    *("--storage", "runs/studies.journal", "--budget", "4", "--workers", "1", *TRAIN),
)
KILLED = {
    "killed-workers": (*("--space", SMALL, *TRAIN, "--budget", "6", "--workers", "2", "--study", "killed"),),
    "killed-asha": (
        *("--space", SMALL, "--data", "fake", "--epochs", "4", "--out", "runs", "--pruner", "asha[eta=2]"),
        *("--seed", "1", "--budget", "8", "--workers", "1", "--study", "killed"),
    ),
    "killed-journal": (
        *CELLS,
        *("--strategy", "evolution[population=8,tournament=4]", "--storage", "runs/studies.journal"),
        *("--budget", "40", "--study", "killed"),
    ),
    "killed-tpe": (
        *("--space", "regnetx", "--evaluator", TABLE, "--workers", "0", "--out", "runs"),
        *("--strategy", "tpe[startup=8]", "--budget", "40", "--study", "killed"),
    ),
}
COMPARED = (
    *("compare", "--space", SMALL, "--space", "anynetx-a[stages=2,depth=1:2,width=8:32]", "--budget", "4"),
    *("--seeds", "2", "--data", "fake", "--epochs", "1", "--workers", "1", "--out", "runs", "--name", "small"),
    *("--complexity", "none"),
)
RECORDED = (
    *("compare", "--population", "recorded:fashion-mnist/anynetx-a", "--population", "recorded:fashion-mnist/regnetx"),
    *("--out", "runs", "--name", "recorded"),
)
BENCHED = {
    "cluster": (
        *("bench", "--space", "regnetx", "--evaluator", TABLE, "--strategy", "evolution[population=5,tournament=3]"),
        *("--strategy", "tpe[startup=5]", "--budget", "15", "--repeats", "2", "--workers", "3", "--jobs", "1"),
        *("--out", "runs", "--name", "cluster"),
    ),
    "halving": (
        *("bench", "--space", "regnetx", "--evaluator", TABLE, "--strategy", "local-search[init=5]"),
        *("--budget", "15", "--repeats", "2", "--pruner", "asha[eta=2]", "--jobs", "1", "--returned", "model"),
        *("--out", "runs", "--name", "halving"),
    ),
}
SAMPLED = {
    "regnetx.csv": ("--space", "regnetx", "--flops", "360M:400M", "--count", "20"),
    "anynetx-a.jsonl": ("--space", "anynetx-a", "--acts", ":5M", "--seed", "3", "--count", "10"),
    "small.csv": ("--space", SMALL, "--resolution", "32", "--classes", "4", "--count", "10"),
    "small.jsonl": ("--space", SMALL, "--resolution", "32", "--classes", "4", "--count", "10"),
    "nasbench201.csv": ("--space", "nasbench201", "--duplicates", "allow", "--count", "5"),
}
EXPORTED = ("regnetx-200mf", "regnetx-400mf", "regnety-400mf", "regnety-800mf")
FORMATS = ("pycls", "timm", "torchvision", "json")


def regnas_command(folder: Path, *words: str) -> str:
    """Run the command in a folder; returns what it printed on standard output."""
    print("regnas", shlex.join(words), flush=True)
    line = [sys.executable, "-P", "-m", "regnas", *words]
    return subprocess.run(line, cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True).stdout


def pack(folder: Path, name: str, *without: str) -> None:
    """Everything in a folder as ``data/NAME.tar.xz``, but for files and folders of these names, and for figures."""

    def kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        path = Path(member.name)
        left_out = path.suffix in (".png", ".svg") or {*without, "artifacts", "logs"} & set(path.parts)
        return None if left_out or member.issym() else member  # the lock of a journal links to its absolute path

    with lzma.open(DATA / f"{name}.tar.xz", "wb", preset=9) as file, tarfile.open(fileobj=file, mode="w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name, filter=kept)


def note(name: str, value: Any) -> None:
    """Write ``data/NAME`` as JSON."""
    (DATA / name).write_text(json.dumps(value, indent=1) + "\n")


def finished(folder: Path) -> None:
    known = {"depth_1": 1, "depth_2": 2, "width_1": 16, "width_2": 24, "bottleneck_ratio": 2, "group_width": 8}
    (folder / "known.json").write_text(json.dumps(known))
    for name, words in FINISHED.items():
        if name == "failing":
            regnas_command(folder, "search", *words, "--budget", "1")
            kill_when(folder, ("search", *words, "--timeout", "0.01"), gave_up, name)
        regnas_command(folder, "search", *words)
    regnas_command(folder, "train", "runs/regnetx-random-0", "--epochs", "1")
    with contextlib.chdir(folder):
        options: Any = {"evaluator": f"{TABLE}[surrogate=true]", "workers": 0, "out": "runs", "flops": "1.2M:1.6M"}
        regnas.search(regnas.space("regnetx").on_stream(1), study="earlier-stream", budget=4, quiet=True, **options)
    for target, kind in (("regnetx-random-0", "torchvision"), ("strided", "timm"), ("strided", "torchvision")):
        name = f"exported/{target}.{kind}"
        (folder / "exported").mkdir(exist_ok=True)
        text = regnas_command(folder, "export", f"runs/{target}", "--format", kind, "--weights", f"{name}.safetensors")
        (folder / f"{name}.txt").write_text(text)
    pack(folder, "finished")
    note(OUTPUTS, {name: logits_of(folder / name) for name in ("runs/regnetx-random-0/best", "runs/strided/best",
         "runs/regnetx-random-0/final-1", "runs/reused/best")})  # fmt: skip


def journal(folder: Path) -> None:
    regnas_command(folder, "search", *JOURNAL)
    pack(folder, "journal")


def extended(folder: Path) -> None:
    """What each finished study is after two further candidates, and the journal's after one."""
    (DATA / "extended").mkdir(exist_ok=True)
    commands = json.loads((DATA / "commands.json").read_text())
    for fixture, further in (("finished", 2), ("journal", 1)):
        for name, words in commands[fixture].items():
            with tarfile.open(DATA / f"{fixture}.tar.xz") as tar:
                tar.extractall(folder, filter="data")
            place = words.index("--budget") + 1
            regnas_command(folder, *words[:place], str(int(words[place]) + further), *words[place + 1 :])
            table = folder_of(folder, name) / "trials.csv"
            shutil.copy(table, DATA / "extended" / f"{'journal' if fixture == 'journal' else table.parent.name}.csv")
            shutil.rmtree(folder / "runs")


# --- killed searches --------------------------------------------------------------------------------------------


def killed(name: str, enough: Enough, then: Enough | None = None) -> Callable[[Path], None]:
    """Writes a search that was killed when ``enough`` said so, and what it leaves without a kill."""

    def write(folder: Path) -> None:
        words = ("search", *KILLED[name])
        regnas_command(folder, *words)
        (study,) = (folder / "runs").glob("killed*/")
        whole = folder / "whole"
        whole.mkdir()
        for file in ("trials.csv", "best.json"):
            shutil.copy(study / file, whole / file)
        while True:
            shutil.rmtree(folder / "runs")
            if kill_when(folder, words, enough, then=then):
                break
            print("it ended before: once more", flush=True)
        pack(folder, name)

    return write


def kill_when(
    folder: Path, words: tuple[str, ...], enough: Enough, study: str = "killed", then: Enough | None = None
) -> bool:
    """Start a search, stop its driver every few milliseconds, and kill all processes once a look at the files says so.

    With ``then`` the driver stays stopped at that look for some seconds, while its workers go on, until a second look
    says so, too.
    """
    line = [sys.executable, "-P", "-m", "regnas", *words]
    running = subprocess.Popen(
        line, cwd=folder, env=ENVIRONMENT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while running.poll() is None:
            time.sleep(0.02)
            if not list((folder / "runs").glob("*.*")) or not (folder / "runs" / study).is_dir():
                continue
            os.kill(running.pid, signal.SIGSTOP)
            trials = trials_of(folder / "runs", study)
            if enough(trials, folder / "runs" / study) and waits_for(then, trials, folder / "runs" / study):
                return True
            os.kill(running.pid, signal.SIGCONT)
        return False
    finally:
        for process in (*children_of(running.pid), running.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        running.wait()


def waits_for(then: Enough | None, trials: list[FrozenTrial], study: Path) -> bool:
    """Whether the second look says so within five seconds."""
    end = time.monotonic() + 5
    while then is not None and not then(trials, study):
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True


def children_of(process: int) -> list[int]:
    found = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def trials_of(runs: Path, study: str) -> list[FrozenTrial]:
    """The trials in a copy of the storage; none while there is no study."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for path in runs.glob("*.*"):
            if path.is_file() and not path.is_symlink():
                shutil.copy(path, copy / path.name)
        try:
            if (copy / "studies.journal").exists():
                backend = optuna.storages.journal.JournalFileBackend(str(copy / "studies.journal"))
                storage: Any = optuna.storages.JournalStorage(backend)
            else:
                storage = f"sqlite:///{copy / 'regnas.db'}"
            return optuna.load_study(study_name=study, storage=storage).get_trials()
        except Exception:  # it is about to be made, or in the middle of a line
            return []


def states(trials: list[FrozenTrial]) -> tuple[list[FrozenTrial], list[FrozenTrial]]:
    """The trials that are told, and those in flight."""
    told = [trial for trial in trials if trial.state.is_finished()]
    return told, [trial for trial in trials if trial.state == TrialState.RUNNING and "index" in trial.user_attrs]


def gave_up(trials: list[FrozenTrial], study: Path) -> bool:
    """One failed for good."""
    return any(trial.state == TrialState.FAIL for trial in trials)


def two_fly(trials: list[FrozenTrial], study: Path) -> bool:
    """Two are told, and two are in flight."""
    told, flying = states(trials)
    return len(told) >= 2 and len(flying) == 2


def left_untold(trials: list[FrozenTrial], study: Path) -> bool:
    """The result of one that is in flight lies on disk."""
    indices = [trial.user_attrs["index"] for trial in states(trials)[1]]
    return any((study / "results" / f"{index}.json").exists() for index in indices)


def paused(trials: list[FrozenTrial], study: Path) -> bool:
    """One is told, one trains, and one that is paused will go on."""
    told, flying = states(trials)
    waiting = {path.parent.name for path in study.glob("checkpoints/*/paused.pt")}
    whole = {row["index"]: int(row["epochs"]) for row in read_rows(study.parent.parent / "whole" / "trials.csv")}
    reported = {str(trial.user_attrs["index"]): len(trial.intermediate_values) for trial in flying}
    goes_on = any(index in waiting and whole[index] > epochs for index, epochs in reported.items())
    return len(told) >= 1 and goes_on and len(flying) > len(waiting)


def some(trials: list[FrozenTrial], study: Path) -> bool:
    """A third is told, and one is in flight."""
    told, flying = states(trials)
    return len(told) >= 14 and len(flying) == 1


# --- the rest ---------------------------------------------------------------------------------------------------


def compared(folder: Path) -> None:
    regnas_command(folder, *COMPARED)
    regnas_command(folder, *RECORDED)
    pack(folder, "compared", "report.html", "checkpoints")


def benched(folder: Path) -> None:
    for words in BENCHED.values():
        regnas_command(folder, *words)
    pack(folder, "benched", "report.html")


def sampled(folder: Path) -> None:
    (DATA / "sampled").mkdir(exist_ok=True)
    for name, words in SAMPLED.items():
        regnas_command(folder, "sample", *words, "--output", name)
        shutil.copy(folder / name, DATA / "sampled" / name)


def exported(folder: Path) -> None:
    (DATA / "exported").mkdir(exist_ok=True)
    for name in EXPORTED:
        for kind in FORMATS:
            text = regnas_command(folder, "export", name, "--format", kind)
            (DATA / "exported" / f"{name}.{kind}.txt").write_text(text)


def printed(folder: Path) -> None:
    said = json.loads((DATA / PRINTED).read_text())
    note(PRINTED, {line: regnas_command(folder, *shlex.split(line)) for line in said})


def proposals(folder: Path) -> None:
    with contextlib.chdir(folder):
        fast, slow = ({name: proposed(name, slow) for name in SPACES} for slow in (False, True))
    note("proposals.json", {"versions": versions(), "fast": fast, "slow": slow})


WRITERS: dict[str, Callable[[Path], None]] = {
    "finished": finished,
    "journal": journal,
    "extended": extended,
    "killed-workers": killed("killed-workers", two_fly, left_untold),
    "killed-asha": killed("killed-asha", paused),
    "killed-journal": killed("killed-journal", some),
    "killed-tpe": killed("killed-tpe", some),
    "compared": compared,
    "benched": benched,
    "sampled": sampled,
    "exported": exported,
    "printed": printed,
    "proposals": proposals,
}


def main() -> None:
    commands: dict[str, Any] = {
        "finished": {
            name: ("search", *words) for name, words in [*FINISHED.items(), ("earlier-stream", EARLIER_STREAM)]
        },
        "journal": {"one": ("search", *JOURNAL)},
        "killed": {name: ("search", *words) for name, words in KILLED.items()},
        "compared": {"small": COMPARED, "recorded": RECORDED},
        "benched": BENCHED,
        "sampled": {name: ("sample", *words, "--output", name) for name, words in SAMPLED.items()},
    }
    note("commands.json", commands)
    note("machine.json", machine())
    for name in sys.argv[1:] or WRITERS:
        with tempfile.TemporaryDirectory() as folder:
            WRITERS[name](Path(folder))


if __name__ == "__main__":
    main()
