"""How well the evaluator `supernet` orders networks that were trained alone. It goes on where it was stopped.

    python -m benchmarks.supernet [--population recorded:fashion-mnist-scaled/regnetx] [--epochs 30] [--seed 0]
                                  [--data 'fashion-mnist[training=5000]'] [--data-root PATH] [--networks 100]
                                  [--validation 10000] [--folder build/supernet]

Fits shared weights inside the window of a recorded population and scores its networks with them, on the first so many
validation images. Printed is Kendall's tau between their recorded errors and, one after the other, the scores, params,
flops, depth, and what each epoch of the recorded trainings said, each with a 95 % bootstrap interval over networks;
what a ranking without error would reach, given that two trainings of a network differ; and what everything took. All of
it is left in ``measured.json``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.shared_weights import interval, kept_fit
from regnas import fit
from regnas.architecture import from_json
from regnas.dataset import DataSet, Regime, Split, make_dataset
from regnas.design_space import Space, make_space
from regnas.evaluator import Context, Evaluator, Task
from regnas.evaluators.shared_weights.settings import Settings
from regnas.evaluators.supernet import SupernetEvaluator
from regnas.fit import SupportsFit
from regnas.statistics.rank_correlation import kendall, rank_correlations
from regnas.studies.populations.sources import load
from regnas.system.files import append_json, write_json
from regnas.window import Window


@dataclass(frozen=True, eq=False)
class Fewer:
    """A data set with the first ``validation`` of its validation images."""

    whole: DataSet
    validation: int

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.whole.class_names

    @property
    def regime(self) -> Regime:
        return self.whole.regime

    def fit(self) -> tuple[Split, Split]:
        training, validation = self.whole.fit()
        return training, validation[: self.validation]

    def test(self) -> Split | None:
        return None


def fitted(evaluator: Evaluator, space: Space, task: Task, seed: int, folder: Path) -> fit.Fitted:
    """The fit, or what it left; from its snapshot where it was stopped."""
    assert isinstance(evaluator, SupportsFit)
    known = {"space": space.spec, "window": str(space.window), "data": task.data, "seed": seed}
    return kept_fit(evaluator, folder, known, task, seed, space)


def scored(evaluator: Evaluator, networks: Sequence[Any], fitted_in: Path, file: Path) -> list[dict[str, Any]]:
    """Scores and seconds of networks: those that the file has are not scored again."""
    done = [json.loads(line) for line in file.read_text().splitlines() if line] if file.exists() else []
    for network in networks[len(done) :]:
        result = evaluator(network, seed=len(done), context=Context(fitted=fitted_in))
        done.append({"error": result.error, "seconds": result.seconds})
        append_json(file, done[-1])
    return done[: len(networks)]


def ceiling(first: Sequence[float], second: Sequence[float]) -> dict[str, float]:
    """What the best ranking can reach against one training each, from two trainings of some networks.

    Errors are taken as normal: rho = 6 / pi asin(r / 2) gives the correlation r of two trainings, a training and the
    true error have sqrt(r), and tau = 2 / pi asin(sqrt(r)) (Kruskal 1958, Ordinal measures of association, section 8).
    """
    rho = float(rank_correlations([first], second)[0])
    correlation = max(0.0, 2 * math.sin(math.pi * rho / 6))
    return {"rho": rho, "tau": 2 / math.pi * math.asin(math.sqrt(correlation)), "pairs": len(first)}


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Fit, score, print."""
    rows, settings = recorded(asked.population, asked.networks)
    data = make_dataset(asked.data, root=asked.data_root)
    space = make_space(settings["space"]).on(data.regime.images).within(Window.read(settings["window"]))
    task = Task(data=asked.data, data_root=asked.data_root, resolution=space.resolution)
    evaluator = SupernetEvaluator(Fewer(data, asked.validation), Settings(epochs=asked.epochs))
    folder = asked.folder / f"epochs-{asked.epochs}-seed-{asked.seed}"
    found = fitted(evaluator, space, task, asked.seed, folder / fit.FOLDER)
    networks = [from_json(one["architecture"]) for one in rows]
    scores = scored(evaluator, networks, folder / fit.FOLDER, folder / f"scores-{asked.validation}.jsonl")
    target, epochs = [one["errors"][0] for one in rows], len(rows[0]["curve"])
    measures = {
        "supernet": [one["error"] for one in scores],
        **{name: [float(one[name]) for one in rows] for name in ("params", "flops", "depth")},
        **{f"epoch {epoch} alone": [one["curve"][epoch - 1] for one in rows] for epoch in range(1, epochs)},
    }
    twice = [one["errors"] for one in recorded(asked.population)[0] if len(one["errors"]) > 1]
    result: dict[str, Any] = {
        "tau": {name: interval(values, target) for name, values in measures.items()},
        "supernet_and": {name: kendall(measures["supernet"], values) for name, values in measures.items()},
        "ceiling": ceiling([one[0] for one in twice], [one[1] for one in twice]) if len(twice) > 3 else None,
        "networks": len(rows),
        "validation": asked.validation,
        "epochs": found.epochs,
        "fit_seconds": found.seconds,
        "score_seconds": sum(one["seconds"] for one in scores),
        "alone_seconds": sum(one["seconds"] for one in rows),
        "mean_error": {"supernet": float(np.mean(measures["supernet"])), "alone": float(np.mean(target))},
    }
    write_json(folder / "measured.json", {"population": asked.population, "data": asked.data, **result})
    _print(result)
    return result


def recorded(text: str, count: int | None = None) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """Errors and sizes of the first networks of a population, or of all, and what every epoch of a training said.

    Returns:
        A row of each network, and the population's settings.
    """
    (population,) = load(text)
    rows = []
    for place in range(len(population.indices))[:count]:
        network = population.architectures[place]
        assert network is not None
        known = ~np.isnan(population.errors[place])
        rows.append(
            {
                "architecture": network,
                "errors": population.errors[place, known].tolist(),
                "curve": population.curves[place, 0].tolist(),
                "seconds": float(population.seconds[place, 0]),
                "params": float(population.params[place]),
                "flops": float(population.flops[place]),
                "depth": sum(network["depths"]),
            }
        )
    return rows, population.settings


def _print(result: Mapping[str, Any]) -> None:
    for name, (tau, low, high) in result["tau"].items():
        print(f"{name:<14} Kendall's tau {tau:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}")
    if (most := result["ceiling"]) is not None:
        print(f"two trainings of {most['pairs']} networks: rho {most['rho']:.2f}, so tau is {most['tau']:.2f} at most")
    print(
        f"fit: {result['epochs']} epochs, {result['fit_seconds']:.0f} s; {result['networks']} scores: "
        f"{result['score_seconds']:.0f} s; their trainings alone, as recorded: {result['alone_seconds']:.0f} s"
    )


def parser() -> argparse.ArgumentParser:
    """Of the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.supernet", description=__doc__)
    made.add_argument("--population", default="recorded:fashion-mnist-scaled/regnetx")
    made.add_argument("--data", default="fashion-mnist[training=5000]")
    made.add_argument("--data-root", default=None)
    made.add_argument("--folder", type=Path, default=Path("build/supernet"))
    for name, usual in (("networks", 100), ("epochs", 30), ("seed", 0), ("validation", 10000)):
        made.add_argument(f"--{name}", type=int, default=usual)
    return made


if __name__ == "__main__":
    measure(parser().parse_args())
