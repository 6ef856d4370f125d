"""Do short trainings rank networks as trainings ten times as long do? And better than depth alone, without a training?

    python -m benchmarks.regime run fashion-mnist short short-scaled long-32-scaled --networks 16
    python -m benchmarks.regime run jpeg-cifar10 short-scaled --images jpeg-cifar-10 --space regnetx --space regnety
    python -m benchmarks.regime run jpeg-cifar10-scaled long-scaled --images jpeg-cifar-10
    python -m benchmarks.regime report

`run` trains the first networks of each space's stream by each recipe, goes on where it was stopped, and keeps every
error as a line of benchmarks/results/regime/SET.jsonl. The networks of the third command are those of the recorded
population of this name, whose short trainings, with one seed and with two, stand beside the long ones. `report` prints,
for every recipe and space, the rank correlation with each long training and that of depth, each with a 95 % bootstrap
interval over networks, and the share of networks that are hardly trained: at more than twice the best error.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import lines
from regnas.statistics.noise import rank_correlation

FOLDER = Path(__file__).parent / "results" / "regime"
SPACES = ("regnetx", "anynetx-a")
LONG = "long"  # how the names of long trainings begin
REPEATS = 2000


@dataclass(frozen=True)
class Setting:
    """Images, and the window that networks are compared in.

    Attributes:
        data: spec; ``PATH`` stands for the user's folder.
        epochs: of a short training.
        recorded: the population of the same networks, data and epochs that comes with regnas; "" for none.
    """

    data: str
    flops: str
    epochs: int
    resolution: int | None = None
    recorded: str = ""


SETS = {
    "fashion-mnist": Setting("fashion-mnist[training=5000]", "1M:2M", 3),
    "jpeg-cifar10": Setting("imagefolder:PATH[training=3000]", "2.5M:5M", 5, 32),
    "jpeg-cifar10-scaled": Setting(
        "imagefolder:PATH[training=5000]", "1M:2M", 3, 32, recorded="recorded:jpeg-cifar10-scaled"
    ),
}
# Options of the recipe, and epochs as a multiple of the short ones.
RECIPES: dict[str, tuple[str, int]] = {
    "short": ("scaled_residuals=false", 1),
    "short-32": ("batch_size=32,learning_rate=0.07,scaled_residuals=false", 1),
    "short-16": ("batch_size=16,learning_rate=0.05,scaled_residuals=false", 1),
    "short-scaled": ("scaled_residuals=true", 1),
    "short-32-scaled": ("batch_size=32,learning_rate=0.07,scaled_residuals=true", 1),
    "short-16-scaled": ("batch_size=16,learning_rate=0.05,scaled_residuals=true", 1),
    "short-32-smooth": ("batch_size=32,learning_rate=0.07,scaled_residuals=true,label_smoothing=0.1", 1),
    "long": ("scaled_residuals=false", 10),
    "long-scaled": ("scaled_residuals=true", 10),
    "long-32-scaled": ("batch_size=32,learning_rate=0.07,scaled_residuals=true", 10),
}


@dataclass(frozen=True)
class Training:
    """One training that is asked for."""

    space: str
    index: int
    recipe: str
    seed: int
    architecture: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, int, str, int]:
        """What tells it from others of its set."""
        return self.space, self.index, self.recipe, self.seed


def file_of(name: str) -> Path:
    """Where the errors of a set are kept."""
    return FOLDER / f"{name}.jsonl"


def _train(job: tuple[Training, Setting, str | None]) -> dict[str, Any]:
    from regnas.architecture import from_json
    from regnas.evaluator import Context, Task, make_evaluator

    one, setting, root = job
    options, times = RECIPES[one.recipe]
    task = Task(
        data=setting.data,
        data_root=root,
        cache=str(Path(tempfile.gettempdir()) / "regnas-regime"),  # pictures are decoded once
        resolution=setting.resolution,
        epochs=times * setting.epochs,
    )
    evaluator = make_evaluator(f"train[{options}]" if options else "train", task)
    result = evaluator(from_json(one.architecture), seed=one.seed, context=Context())
    names = ("space", "index", "recipe", "seed")
    depth = sum(one.architecture["depths"])
    told = {name: getattr(one, name) for name in names}
    return {**told, "error": round(result.error, 5), "depth": depth, "seconds": round(result.seconds, 1)}


def asked(
    setting: Setting, recipes: Sequence[str], spaces: Sequence[str], networks: int, seeds: int
) -> Iterator[Training]:
    """All trainings, network by network: what is there after an interruption can be compared already."""
    from regnas import space as make
    from regnas.dataset import make_dataset

    images = make_dataset(setting.data, resolution=setting.resolution).regime.images
    found = {space: make(space, flops=setting.flops).on(images).sample(networks, seed=0) for space in spaces}
    for index in range(networks):
        for space in spaces:
            for recipe in recipes:
                for seed in range(seeds):
                    yield Training(space, index, recipe, seed, found[space][index].architecture.to_json())


def run(
    name: str,
    recipes: Sequence[str],
    spaces: Sequence[str],
    *,
    networks: int,
    seeds: int,
    workers: int,
    **where: str | None,
) -> None:
    """Train what is not on record."""
    setting = SETS[name]
    if "PATH" in setting.data:
        setting = replace(setting, data=setting.data.replace("PATH", where["images"] or "jpeg-cifar-10"))
    done = {(row["space"], row["index"], row["recipe"], row["seed"]) for row in lines.read(file_of(name))}
    jobs = [one for one in asked(setting, recipes, spaces, networks, seeds) if one.key not in done]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for row in pool.map(_train, [(one, setting, where["root"]) for one in jobs]):
            lines.add(file_of(name), row)


def recorded(population: str) -> Iterator[dict[str, Any]]:
    """The short trainings of a recorded population, as rows: of all models, and of those with two seeds their mean."""
    from regnas.studies.populations.sources import load

    for space in load(population) if population else []:
        for place, index in enumerate(space.indices.tolist()):
            row = {"space": space.name, "index": index, "depth": sum(_depths(space.architectures[place]))}
            each = zip(space.errors[place].tolist(), space.seconds[place].tolist(), strict=True)
            one, *more = [{**row, "error": error, "seconds": spent} for error, spent in each if np.isfinite(error)]
            yield {**one, "recipe": "one recorded training"}
            for training in [one, *more] if more else []:
                yield {**training, "recipe": "two recorded trainings"}


def _depths(architecture: Mapping[str, Any] | None) -> list[int]:
    return list(architecture["depths"]) if architecture is not None else []


def report(name: str) -> Iterator[str]:
    """A line for every space and recipe that has the long training beside it."""
    errors: dict[str, dict[tuple[str, int], list[float]]] = defaultdict(lambda: defaultdict(list))
    depths: dict[tuple[str, int], int] = {}
    seconds: dict[str, list[float]] = defaultdict(list)
    for row in itertools.chain(lines.read(file_of(name)), recorded(SETS[name].recorded)):
        errors[row["recipe"]][row["space"], row["index"]].append(row["error"])
        depths[row["space"], row["index"]] = row["depth"]
        seconds[row["recipe"]].append(row["seconds"])
    longs = [recipe for recipe in errors if recipe.startswith(LONG)]
    for truth_of, (recipe, found) in itertools.product(longs, errors.items()):
        long = errors[truth_of]
        for space in sorted({key[0] for key in found}):
            both = sorted(key for key in found if key in long and key[0] == space)
            if len(both) < 5 or recipe in longs:
                continue
            short = np.array([np.mean(found[key]) for key in both])
            truth = np.array([np.mean(long[key]) for key in both])
            depth = np.array([float(depths[key]) for key in both])
            yield (
                f"{name}  {recipe} against {truth_of}  {space}  {len(both)} networks  "
                f"median {np.median(short):.1%}  best {short.min():.1%}  {np.mean(seconds[recipe]):.0f} s  "
                f"hardly trained {np.mean(short > 2 * short.min()):.0%}  "
                f"{_correlations(short, depth, truth)}"
            )


def _correlations(short: Any, depth: Any, truth: Any) -> str:
    """Both rank correlations with the long training, and their difference."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(truth), (REPEATS, len(truth)))
    pairs = np.array([[rank_correlation(one[rows], truth[rows]) for one in (short, depth)] for rows in drawn])
    values = [rank_correlation(one, truth) for one in (short, depth)]
    shown = {
        "rank correlation": (values[0], pairs[:, 0]),
        "of depth": (values[1], pairs[:, 1]),
        "difference": (values[0] - values[1], pairs[:, 0] - pairs[:, 1]),
    }
    parts = []
    for what, (value, bootstrap) in shown.items():
        low, high = np.nanquantile(bootstrap, [0.025, 0.975])
        parts.append(f"{what} {value:.2f} [{low:.2f}, {high:.2f}]")
    return "  ".join(parts)


def main() -> None:
    """Train, or report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("run")
    training.add_argument("set", choices=SETS)
    training.add_argument("recipe", nargs="+", choices=RECIPES)
    training.add_argument("--networks", type=int, default=16)
    training.add_argument("--seeds", type=int, default=1)
    training.add_argument("--space", action="append", help="regnetx and anynetx-a unless said; may be repeated")
    training.add_argument("--workers", type=int, default=2)
    training.add_argument("--data-root", help="where Fashion-MNIST lies")
    training.add_argument("--images", help="folder of JPEG CIFAR-10")
    commands.add_parser("report")
    options = parser.parse_args()
    if options.command == "report":
        for name in SETS:
            for line in report(name):
                print(line)
        return
    where = {"root": options.data_root, "images": options.images}
    counts = {name: getattr(options, name) for name in ("networks", "seeds", "workers")}
    run(options.set, options.recipe, options.space or SPACES, **counts, **where)


if __name__ == "__main__":
    main()
