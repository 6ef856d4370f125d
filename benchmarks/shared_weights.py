"""How well shared weights order networks that are trained alone. The command goes on where it was stopped.

    python -m benchmarks.shared_weights [--space SPEC] [--strategy SPEC] [--data NAME] [--flops LIMITS] [--networks 40]
                                        [--epochs 3] [--seed 0] [--folder build/shared-weights]

Fits `enas` on a space, and trains random networks of it alone. Printed is Kendall's tau between their errors and, one
after the other, the errors with shared weights on one batch and on all images that reward, params, and the errors after
the first epoch of the same trainings, each with a 95 % bootstrap interval; and what everything took.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from regnas import fit
from regnas.dataset import make_dataset
from regnas.design_space import Space, make_space
from regnas.evaluator import Context, Task, make_evaluator
from regnas.evaluators.training.fit_images import training_images
from regnas.fit import SupportsFit
from regnas.statistics.rank_correlation import kendall
from regnas.strategies.one_shot.proposing import PARAMS, largest
from regnas.strategy import make_strategy
from regnas.studies.executors.fitting import fitter_of, read_fit
from regnas.system.files import append_json, write_json
from regnas.window import Window

REPEATS = 2000  # of the bootstrap


def fitted(space: Space, strategy: str, task: Task, seed: int, folder: Path) -> fit.Fitted:
    """The fit of a strategy, or what it left; from its snapshot where it was stopped."""
    one = fitter_of(make_strategy(strategy, space, seed=seed))
    if one is None:
        raise SystemExit(f"{strategy} trains nothing before its candidates; say enas")
    known = {"space": space.spec, "data": task.data, "seed": seed}
    return kept_fit(one, folder, known, task, seed)


def kept_fit(
    one: SupportsFit, folder: Path, known: Mapping[str, Any], task: Task, seed: int, space: Space | None = None
) -> fit.Fitted:
    """A fit, or what it left in the folder; from its snapshot where it was stopped.

    Args:
        known: beside its settings, what makes it the fit that it is.
        space: for which, where it has to be told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    identity = {"settings": dict(one.fit_settings), **known}
    if (found := read_fit(folder, identity)) is not None:
        return found
    images = training_images(task, "cpu")
    made = one.fit(fit.FitContext(folder=folder, images=images, seed=seed, identity=identity, report=_say, space=space))
    assert made is not None  # it is never told to stop
    write_json(folder / fit.RESULT, {"schema": fit.SCHEMA, "identity": identity, **made.to_json()})
    fit.forget_snapshot(folder)
    return made


def _say(epoch: int, facts: Mapping[str, Any]) -> bool:
    print(f"epoch {epoch}: {facts['line']}", flush=True)
    return True


def trained(space: Space, networks: Sequence[Mapping[str, Any]], task: Task, epochs: int, file: Path) -> list[Any]:
    """Errors after every epoch of each network, and seconds: those that the file has are not trained again."""
    done = [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []
    evaluator = make_evaluator(f"train[epochs={epochs}]", task)
    for one in networks[len(done) :]:
        network = space.decode(largest(space, one[PARAMS]))
        result = evaluator(network, seed=len(done), context=Context())
        params = network.complexity(space.resolution)["params"]
        done.append({"errors": list(result.errors), "seconds": result.seconds, "params": params})
        append_json(file, done[-1])
        print(f"network {len(done)} of {len(networks)}: error {result.error:.2%}, {result.seconds:.1f} s", flush=True)
    return done[: len(networks)]


def interval(scores: Sequence[float], targets: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Kendall's tau-b and its 95 % percentile interval; NaN where all scores are equal."""
    rng, pairs = np.random.default_rng(seed), np.array([scores, targets])
    again = [pairs[:, rng.integers(pairs.shape[1], size=pairs.shape[1])] for _ in range(REPEATS)]
    draws = [tau for sample in again if not np.isnan(tau := kendall(*sample))]
    low, high = np.quantile(draws, [0.025, 0.975]) if draws else (np.nan, np.nan)
    return kendall(*pairs), float(low), float(high)


def measure(asked: argparse.Namespace, say: Callable[[str], None] = print) -> dict[str, tuple[float, float, float]]:
    """Fit, train and print."""
    data = make_dataset(asked.data)
    space = make_space(asked.space).on(data.regime.images).within(Window.parse(flops=asked.flops))
    task = Task(data=asked.data, resolution=space.resolution)
    found = fitted(space, asked.strategy, task, asked.seed, asked.folder / "fit")
    networks = found.facts["random"][: asked.networks]
    order = np.random.default_rng(asked.seed).permutation(len(networks))  # they come ordered by their errors
    networks = [networks[place] for place in order]
    alone = trained(space, networks, task, asked.epochs, asked.folder / f"trained-{asked.epochs}.jsonl")
    target = [one["errors"][-1] for one in alone]
    scores = {
        "shared weights, one batch": [one["batch_error"] for one in networks],
        "shared weights, all images": [one["error"] for one in networks],
        "params (more is better)": [-one["params"] for one in alone],
        "one epoch alone": [one["errors"][0] for one in alone],
    }
    result = {name: interval(values, target) for name, values in scores.items()}
    for name, (tau, low, high) in result.items():
        say(f"{name:<28} Kendall's tau {tau:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}")
    spent = sum(one["seconds"] for one in alone)
    say(f"fit: {found.epochs} epochs, {found.seconds:.0f} s; {len(alone)} trainings of {asked.epochs}: {spent:.0f} s")
    return result


def parser() -> argparse.ArgumentParser:
    """Of the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.shared_weights", description=__doc__)
    made.add_argument("--space", default="enas-macro[layers=6,filters=8]")
    made.add_argument("--strategy", default="enas[small=true]")
    made.add_argument("--data", default="fashion-mnist-mini")
    made.add_argument("--flops", default="0:")
    made.add_argument("--folder", type=Path, default=Path("build/shared-weights"))
    for name, usual in (("networks", 40), ("epochs", 3), ("seed", 0)):
        made.add_argument(f"--{name}", type=int, default=usual)
    return made


if __name__ == "__main__":
    measure(parser().parse_args())
