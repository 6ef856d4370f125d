"""Does a search return a better network than a textbook gives for nothing, in the same processor time?

    python -m benchmarks.textbook run fashion-mnist-mini
    python -m benchmarks.textbook run jpeg-cifar10 --images jpeg-cifar-10 [--seconds 2050] [--seeds 5] [--who search]
    python -m benchmarks.textbook run jpeg-cifar10 --images jpeg-cifar-10 --who resnet18 --who mobilenet_v3_small
    python -m benchmarks.textbook report

All in turn for every seed, each in a process of its own with one thread: `regnas search --time T --retrain auto` as
a user would type it, and a thin ResNet-8 (He et al. 2016: 16, 32 and 64 channels) that a plain loop of torch, PIL and
a DataLoader trains for the whole time; other networks that people take in the same loop, if asked for. Time is that of
the processor, of all processes; images and limits are the same, thin ResNets have the stem of the images; none sees a
test image before its end. `run` goes on where it was stopped and keeps every error as a line of
benchmarks/results/textbook/SET.jsonl; `report` prints the means, and their differences with a 95 % interval.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmarks import lines
from benchmarks.textbook_networks import NETWORKS

if TYPE_CHECKING:
    from regnas.images import Images
    from regnas.search_spaces.staged.complexity import Template

FOLDER = Path(__file__).parent / "results" / "textbook"
LIMITS = ("--flops", ":5M", "--params", ":500k")
SEARCH = "search"
WHO = (SEARCH, "thin ResNet-8")
_TICKS = 10_000  # that the plain loop counts its time in
_PARTS = {"train": 3000, "val": 600, "test": 2000}


@dataclass(frozen=True)
class Setting:
    """A data set as a user names it, and its resolution; ``PATH`` stands for the folder that is made for it."""

    data: str
    resolution: int | None = None


SETS = {
    "fashion-mnist-mini": Setting("fashion-mnist-mini"),
    "jpeg-cifar10": Setting("imagefolder:PATH", 32),
}


def small_folder(images: Path, folder: Path, test: int = _PARTS["test"]) -> Path:
    """3,000 training, 600 validation and 2,000 test pictures of JPEG CIFAR-10, classes balanced, as links.

    Args:
        test: another number of test pictures.

    Raises:
        SystemExit: it lacks some.
    """
    rng = np.random.default_rng(0)
    for kind in sorted(one.name for one in (images / "train").iterdir()):
        drawn = {"train": rng.permutation(sorted((images / "train" / kind).iterdir()))}
        drawn["val"] = drawn["train"][_PARTS["train"] // 10 :]
        drawn["test"] = rng.permutation(sorted((images / "test" / kind).iterdir()))
        for part, count in {**_PARTS, "test": test}.items():
            chosen = drawn[part][: count // 10]
            if len(chosen) < count // 10:
                sys.exit(f"{images} holds too few pictures of {kind}: {len(chosen)} of {count // 10} for {part}")
            (folder / part / kind).mkdir(parents=True, exist_ok=True)
            for file in chosen:
                (folder / part / kind / file.name).symlink_to(file.resolve())
    return folder


def settled(setting: Setting, images: Path | None, folder: Path) -> Setting:
    """The setting with a folder of pictures where it needs one.

    Raises:
        SystemExit: there is none to take them from, or it lacks some.
    """
    if "PATH" not in setting.data:
        return setting
    if images is None:
        sys.exit("this set needs --images FOLDER, with train/CLASS/*.jpg and test/CLASS/*.jpg")
    return Setting(setting.data.replace("PATH", str(small_folder(images, folder))), setting.resolution)


def searched(setting: Setting, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """The whole command; the network that won its race, and the test error."""
    words = ["--data", setting.data, *LIMITS, "--seed", str(seed), "--time", f"{seconds:.0f}s", "--retrain", "auto"]
    words += ["--workers", "0", "--device", "cpu", "--quiet", "--out", str(out)]
    if setting.resolution:
        words += ["--resolution", str(setting.resolution)]
    alone([sys.executable, "-m", "regnas", "search", *words])
    (final,) = out.glob("*/final-*")
    result, race = (json.loads((final / name).read_text()) for name in ("result.json", "race.json"))
    kept = ("epochs", "test_error", "seconds")
    return {**{name: result[name] for name in kept}, "shipped": race["finalists"][race["chosen"]]}


def plain(network: str, setting: Setting, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """A network in a plain loop."""
    told = out / "result.json"
    alone(
        [sys.executable, "-m", "benchmarks.textbook", "plain", setting.data, str(setting.resolution or 0)]
        + [str(seconds), str(seed), str(told), network]
    )
    found: dict[str, Any] = json.loads(told.read_text())
    return found


def template_of(images: Images) -> Template:
    """What networks for such images begin with and end in."""
    from regnas import space
    from regnas.search_spaces.staged.space import StagedSpace

    return cast(StagedSpace, space("regnetx").on(images)).template(3)


def alone(words: list[str]) -> None:
    """Run a command with one thread."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    subprocess.run(words, check=True, env={**os.environ, **threads})


def train_plainly(name: str, data: str, resolution: int, seconds: float, seed: int) -> dict[str, Any]:
    """A network on training and validation images, half a cosine over the time."""
    import torch
    from torch import nn

    from benchmarks.plain_training import Pictures, transformed
    from benchmarks.textbook_networks import NETWORKS, costs
    from regnas.dataset import make_dataset
    from regnas.evaluators.training.batches import statistics
    from regnas.evaluators.training.recipe import Recipe

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    images = make_dataset(data, resolution=resolution or None)
    regime = images.regime
    training, validation = images.fit()
    test = images.test()
    if test is None:
        raise SystemExit(f"{data} has no test images")
    network = NETWORKS[name](template_of(regime.images))
    recipe = Recipe(flip=regime.flip, pad=regime.pad)
    everything = training.joined(validation)
    mean_of, sd_of = (moment.tolist() for moment in statistics(everything))
    augmented, unchanged = transformed(regime.images.resolution, recipe, mean_of, sd_of)
    loader = torch.utils.data.DataLoader(
        Pictures(everything, augmented), batch_size=recipe.batch_size, shuffle=True, drop_last=True
    )
    optimiser = torch.optim.SGD(
        network.parameters(), lr=0.1, momentum=0.9, weight_decay=recipe.weight_decay, nesterov=True
    )
    loss_of = nn.CrossEntropyLoss()
    epochs, first = 0, time.process_time()
    spent = 0.0  # share of the time; the rate follows it, so that the training ends with it on a machine of any speed
    while spent < 1:
        network.train()
        for pictures, labels in loader:
            spent = min(1.0, (time.process_time() - first) / seconds)
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate(int(spent * _TICKS), _TICKS)
            optimiser.zero_grad()
            loss_of(network(pictures), labels).backward()
            optimiser.step()
            if spent == 1:
                break
        epochs += 1
    network.eval()
    wrong = 0
    with torch.no_grad():
        for pictures, labels in torch.utils.data.DataLoader(Pictures(test, unchanged), batch_size=512):
            wrong += int((network(pictures).argmax(1) != labels).sum())
    told = {"epochs": epochs, "test_error": wrong / len(test), "seconds": time.process_time() - first}
    return {**told, **costs(network, regime.images.resolution)}


def file_of(name: str) -> Path:
    """Where the errors of a set are kept."""
    return FOLDER / f"{name}.jsonl"


def run(name: str, seconds: float, seeds: int, images: Path | None, who: Sequence[str] = WHO) -> None:
    """Run what is not on record, in turn."""
    done = {(row["who"], row["seed"], row["asked"]) for row in lines.read(file_of(name))}
    with tempfile.TemporaryDirectory() as folder:
        setting = settled(SETS[name], images, Path(folder) / "images")
        for seed in range(seeds):
            for one in who:
                if (one, seed, seconds) in done:
                    continue
                out = Path(folder) / f"{one}-{seed}".replace(" ", "-")
                out.mkdir()
                before = processor_seconds()
                told = (setting, seconds, seed, out)
                found = searched(*told) if one == SEARCH else plain(one, *told)
                spent = processor_seconds() - before
                row = {"who": one, "seed": seed, "asked": seconds, "processor_seconds": round(spent, 1), **found}
                lines.add(file_of(name), row)


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report() -> Iterator[str]:
    """A line for every set, time and network that was trained beside searches of that time."""
    for name in SETS:
        rows = lines.read(file_of(name))
        for asked in sorted({row["asked"] for row in rows}):
            of_time = [row for row in rows if row["asked"] == asked]
            search = [row for row in of_time if row["who"] == SEARCH]
            if len(search) < 2:
                continue
            spent = mean(row["processor_seconds"] for row in search)
            yield f"{name}, {asked:.0f} s (search: {spent:.0f}): search {_shown(search)}"
            for who in sorted({row["who"] for row in of_time} - {SEARCH}):
                yield f"    {_against(search, [row for row in of_time if row['who'] == who])}"


def _shown(rows: Sequence[dict[str, Any]]) -> str:
    return f"{mean(row['test_error'] for row in rows):.2%} of {len(rows)}"


def _against(search: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]) -> str:
    """One network's errors, and the search's less these."""
    from scipy import stats

    ours, theirs = ([row["test_error"] for row in rows] for rows in (search, other))
    line = f"{other[0]['who']} {_shown(other)}"
    if "flops" in other[0]:
        line += f", {other[0]['flops'] / 1e6:.1f} MF, {median(row['latency_ms'] for row in other):.2f} ms"
    line += f"; search {100 * (mean(ours) - mean(theirs)):+.2f} points"
    if len(theirs) < 2:
        return line
    low, high = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    return f"{line}, 95 % interval {100 * low:+.2f} to {100 * high:+.2f} (Welch)"


def main() -> None:
    """Run, or report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("set", choices=SETS)
    running.add_argument("--seconds", type=float, default=205.0)
    running.add_argument("--seeds", type=int, default=5)
    running.add_argument("--images", type=Path, help="folder of JPEG CIFAR-10")
    running.add_argument("--who", action="append", help=f"{SEARCH}, or one of {', '.join(NETWORKS)}; may be repeated")
    commands.add_parser("report")
    alone = commands.add_parser("plain")
    for word in ("data", "resolution", "seconds", "seed", "told", "network"):
        alone.add_argument(word)
    options = parser.parse_args()
    if options.command == "run":
        who = options.who or WHO
        if unknown := set(who) - {SEARCH, *NETWORKS}:
            parser.error(f"--who is {SEARCH} or one of {', '.join(NETWORKS)}, got {', '.join(sorted(unknown))}")
        run(options.set, options.seconds, options.seeds, options.images, who)
    elif options.command == "plain":
        number = (int(options.resolution), float(options.seconds), int(options.seed))
        found = train_plainly(options.network, options.data, *number)
        Path(options.told).write_text(json.dumps(found))
    else:
        for line in report():
            print(line)


if __name__ == "__main__":
    main()
