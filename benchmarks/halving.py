"""What successive halving saves an engineer: validation error against epochs spent, with ASHA and with full trainings.

    python -m benchmarks.halving run [--pruner asha] [--seeds 0,1,2,3,4] --out FOLDER
    python -m benchmarks.halving report

Both search RegNetX on the data set of the package with a recipe of 9 epochs, until 225 epochs are trained (25 full
trainings); seeds are paired, so that both start from the same candidates. `run` goes on where it was stopped, and keeps
its events in benchmarks/results; `report` prints the table and draws docs/images/halving.png.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from regnas.candidate import Candidate
from regnas.evaluator import Result
from regnas.pruner import NONE, Verdict, make_pruner
from regnas.studies.run.progress import Silent
from regnas.studies.search.search import plan, run

RESULTS = Path(__file__).parent / "results" / "halving"
DOCS = Path(__file__).resolve().parents[1] / "docs"
EPOCHS, BUDGET = 9, 225
ARMS = ("none", "asha")
_MOST_SEEDS = 100
NAMES = {"none": "full trainings", "asha": "asha"}


class Events(Silent):
    """Writes a line for every candidate that is trained to its end: the epochs spent until then, and its error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._spent = 0

    def spent(self, epochs: int, limit: int | None) -> None:
        self._spent = epochs

    def ended(self, index: int, candidate: Candidate, result: Result, objective: float | None = None) -> None:
        _write(self._path, {"spent": self._spent, "index": index, "error": result.error, "errors": list(result.errors)})


def search(pruner: str, seed: int, out: Path) -> None:
    """One search to its budget of epochs, or the rest of it."""
    checked = plan(
        "regnetx",
        pruner=pruner,
        epochs=EPOCHS,
        budget_epochs=BUDGET,
        seed=seed,
        workers=1,
        out=out,
    )
    path = RESULTS / f"{pruner}-{seed}.jsonl"
    if not (checked.folder / "study.json").exists():
        path.unlink(missing_ok=True)  # what another search recorded
    if not _whole(path):
        run(checked, Events(path))
        _write(path, {"spent": BUDGET})


def _write(path: Path, event: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(event) + "\n")


def _events(path: Path) -> list[dict[str, Any]]:
    """What was written of candidates that are whole, in its order."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [event for event in map(json.loads, lines) if "error" in event]


def _whole(path: Path) -> bool:
    """Whether a search has spent its budget: then that is its last line."""
    return path.exists() and json.loads(path.read_text().splitlines()[-1]) == {"spent": BUDGET}


def curve(pruner: str, seed: int) -> np.ndarray:
    """Best validation error of a whole training after each number of epochs, ``(BUDGET + 1,)``; 1 before the first."""
    best = np.ones(BUDGET + 1)
    for event in _events(RESULTS / f"{pruner}-{seed}.jsonl"):
        best[event["spent"] :] = np.minimum(best[event["spent"] :], event["error"])
    return best


def simulated(pruner: str, pool: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The curve of a search whose candidates are drawn from recorded trainings, ``(n, EPOCHS)``, one worker."""
    judge = make_pruner(pruner, EPOCHS)
    drawn: list[np.ndarray] = []
    trained: dict[int, int] = {}  # of those that are paused
    best, spent = np.ones(BUDGET + 1), 0
    while spent < BUDGET:
        index = judge.promoted() if judge is not None else None
        if index is None:
            index = len(drawn)
            drawn.append(pool[rng.integers(len(pool))])
        epoch, verdict = trained.pop(index, 0), Verdict.GO
        while epoch < EPOCHS and spent < BUDGET and verdict is Verdict.GO:
            epoch, spent = epoch + 1, spent + 1
            if judge is not None:
                verdict = judge.report(index, epoch, float(drawn[index][epoch - 1]))
        if epoch == EPOCHS:
            best[spent:] = np.minimum(best[spent:], drawn[index][-1])
        else:
            trained[index] = epoch
    return best


def resample(pruners: Sequence[str], pools: int = 100, repeats: int = 20) -> None:
    """Print what pruners would do, by drawing searches from the recorded full trainings: the mean over searches, and a
    95 % bootstrap interval over the trainings that were recorded."""
    from scipy.stats import spearmanr

    recorded = np.array([event["errors"] for path in sorted(RESULTS.glob("none-*.jsonl")) for event in _events(path)])
    ranks = [float(spearmanr(recorded[:, epoch - 1], recorded[:, -1]).statistic) for epoch in (1, 3, 6)]
    print("rank correlation of the error after 1, 3 and 6 epochs with the last:", *(f"{rank:.2f}" for rank in ranks))
    print(f"errors of full trainings: standard deviation {100 * recorded[:, -1].std(ddof=1):.2f}")
    rng = np.random.default_rng(0)
    drawn = [recorded[rng.integers(len(recorded), size=len(recorded))] for _ in range(pools)]
    means = {
        pruner: np.array([np.mean([simulated(pruner, pool, rng) for _ in range(repeats)], axis=0) for pool in drawn])
        for pruner in (NONE, *pruners)
    }
    print(f"drawn from {len(recorded)} full trainings: best error after {BUDGET} epochs in %, less than full trainings")
    for pruner, curves in means.items():
        ends = curves[:, BUDGET]
        gains = means[NONE][:, BUDGET] - ends
        low, high = 100 * np.quantile(gains, (0.025, 0.975))
        equal = needed(curves.mean(axis=0), float(means[NONE][:, BUDGET].mean()))
        print(
            f"  {pruner:<16} {100 * ends.mean():6.2f}   {100 * gains.mean():+.2f} [{low:+.2f}, {high:+.2f}],"
            f"  as good as full trainings after {equal or f'more than {BUDGET}'}",
        )


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and its 95 % interval by Student's t over seeds."""
    from scipy import stats

    half = float(stats.t.ppf(0.975, len(values) - 1)) * stdev(values) / len(values) ** 0.5
    return mean(values), mean(values) - half, mean(values) + half


def needed(best: np.ndarray, error: float) -> int | None:
    """Epochs after which an error was reached; None where it was not within the budget."""
    reached = np.flatnonzero(best <= error)
    return int(reached[0]) if len(reached) else None


def share_of_epochs(full: np.ndarray, halving: np.ndarray, at: int) -> tuple[float, bool]:
    """Epochs that halving needed over those that full trainings needed for the error that they had after ``at``; and
    whether it got there: where it did not, the budget stands in for what it would have needed.
    """
    theirs, ours = needed(full, full[at]), needed(halving, full[at])
    assert theirs is not None  # it is its own error
    return (BUDGET if ours is None else ours) / theirs, ours is not None


def report() -> None:
    """Print the table and draw the figure, of the seeds that both arms have finished."""
    both = (all(_whole(RESULTS / f"{arm}-{seed}.jsonl") for arm in ARMS) for seed in range(_MOST_SEEDS))
    seeds = [seed for seed, whole in enumerate(both) if whole]
    curves = {arm: np.stack([curve(arm, seed) for seed in seeds]) for arm in ARMS}
    pairs = list(zip(curves["none"], curves["asha"], strict=True))
    print(f"{len(seeds)} paired seeds, mean and 95 % interval; errors in %")
    print(f"{'epochs':>6}  {'full trainings':<23}{'asha':<23}{'asha less':<23}epochs at equal error, asha over full")
    for at in (45, 90, 135, 180, 225):
        cells = [_percent(interval(list(curves[arm][:, at]))) for arm in ARMS]
        gain = _percent(interval([full[at] - halving[at] for full, halving in pairs]))
        shares, reached = zip(*(share_of_epochs(full, halving, at) for full, halving in pairs), strict=True)
        middle, low, high = np.exp(interval([float(np.log(share)) for share in shares]))  # ratios: geometric
        print(
            f"{at:>6}  {cells[0]:<23}{cells[1]:<23}{gain:<23}{middle:.2f} [{low:.2f}, {high:.2f}], "
            f"reached by {sum(reached)} of {len(seeds)}"
        )
    _draw(curves)


def _percent(values: tuple[float, float, float]) -> str:
    middle, low, high = (100 * value for value in values)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def _draw(curves: dict[str, np.ndarray]) -> None:
    from matplotlib import rc_context

    from regnas.studies.reporting import style

    with rc_context(style.RC):
        figure, axes = style.new(6, 3.8)
        for place, (arm, rows) in enumerate(curves.items()):
            looks = style.line(place)
            for row in rows:
                axes[0, 0].plot(np.where(row < 1, row, np.nan) * 100, alpha=0.25, linewidth=0.8, **looks)
            shown = np.where((rows < 1).all(axis=0), rows.mean(axis=0), np.nan)
            axes[0, 0].plot(100 * shown, label=NAMES[arm], **looks)
        axes[0, 0].set_xlabel(f"epochs spent, {EPOCHS} a full training")
        axes[0, 0].set_ylabel("best validation error, %")
        axes[0, 0].legend()
        figure.savefig(DOCS / "images" / "halving.png", dpi=150)


def main() -> None:
    """Run searches, or report on them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "report"))
    parser.add_argument("--pruner", choices=ARMS, action="append")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--out", type=Path, default=Path("regnas-runs/halving"))
    options = parser.parse_args()
    if options.what == "report":
        report()
        resample(("asha", "asha[first=3]", "asha[eta=2]"))
        return
    for seed in map(int, options.seeds.split(",")):
        for pruner in options.pruner or ARMS:
            search(pruner, seed, options.out)
            print(pruner, seed, f"{curve(pruner, seed)[-1]:.4f}", flush=True)


if __name__ == "__main__":
    main()
