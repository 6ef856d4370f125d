"""What DARTS does on this project's spaces, and in what time. Every command goes on where it was stopped.

    python -m benchmarks.one_shot collapse [--seeds 4] [--epochs 50] [--images 3000] [--alpha-rate 0.003]
                                   [--remedy plain --remedy eigenvalue]
    python -m benchmarks.one_shot search [--seed 0] [--epochs 50] [--folder build/one-shot]
    python -m benchmarks.one_shot small [--space SPEC] [--strategy SPEC] [--seeds 4] [--images 3000]
    python -m benchmarks.one_shot table FOLDER

`collapse`: first order on NAS-Bench-201 with 8 channels and one cell a stage, Fashion-MNIST-mini at 14 px; after every
epoch the share of skip connections, the entropy, what the table says of the cell that would be derived, and in how many
passes ``stop=eigenvalue`` found its eigenvalue; where ``stop=skips`` would have ended that very search; and the same
with each remedy (``--remedy``). `search`: 8 cells of 16 channels on Fashion-MNIST-mini, the derived network and random
ones at equal cost, by `regnas.search`. `small`: the same for every seed at 14 px, one cell a stage of NAS-Bench-201
unless told. `table`: the curve of a fit's folder. Tables need the extra `bench`. With ``--record FOLDER`` what was
found is written there too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import lines
from regnas import fit
from regnas.design_space import Space, make_space
from regnas.evaluator import Context, Evaluator, Task, make_evaluator
from regnas.evaluators.training.fit_images import training_images
from regnas.images import Images
from regnas.strategies.one_shot.relaxed_search import Settings
from regnas.strategy import make_strategy
from regnas.studies.executors.fitting import fitter_of, read_fit
from regnas.system.files import write_json

TASK = Task(data="fashion-mnist-mini", resolution=14)
SETTINGS = "cells=1,channels=8,batch=32"
TABLE = "table:nasbench201/cifar10"
REMEDIES = {
    "plain": "",
    "held": ",hold={hold}",
    "eigenvalue": ",stop=eigenvalue",
    "pc-darts": ",partial=4,edges=true,hold={hold}",
}


def told(folder: Path) -> list[dict[str, Any]]:
    """What a fit told of its epochs."""
    return [json.loads(line) for line in (folder / fit.EPOCHS).read_text().splitlines() if line]


def recorded(table: Evaluator, space: Space, params: Mapping[str, Any]) -> float:
    """The validation accuracy that the table has of a cell."""
    network = space.decode(space.canonical(params))
    return 1 - table(network, seed=0, context=Context()).error


def curve(folder: Path) -> list[dict[str, Any]]:
    """Of each epoch of a fit on NAS-Bench-201: share and number of skips, entropy, and the derived cell's accuracy."""
    table, space = make_evaluator(TABLE, Task(data="")), make_space("nasbench201")
    names = ("epoch", "error", "entropy", "skip", "skips", "derived", "eigenvalue", "eigenvalue_passes")
    return [
        {name: one[name] for name in names if name in one} | {"accuracy": recorded(table, space, one["params"])}
        for one in told(folder)
    ]


def fitted(spec: str, folder: Path, seed: int, images: int) -> fit.Fitted | None:
    """A search alone, in a folder, or what it left; from its snapshot where it was stopped."""
    space = make_space("nasbench201").on(Images(14, 10))
    one = fitter_of(make_strategy(spec, space, seed=seed))
    assert one is not None
    folder.mkdir(parents=True, exist_ok=True)
    identity = {"settings": dict(one.fit_settings), "seed": seed, "images": images}
    if (found := read_fit(folder, identity)) is not None:
        return found
    task = replace(TASK, data=f"{TASK.data}[training={images}]")
    context = fit.FitContext(
        folder=folder, images=training_images(task, "cpu"), seed=seed, identity=identity, report=_say
    )
    if (found := one.fit(context)) is not None:
        write_json(folder / fit.RESULT, {"schema": fit.SCHEMA, "identity": identity, **found.to_json()})
        fit.forget_snapshot(folder)
    return found


def _say(epoch: int, facts: Mapping[str, Any]) -> bool:
    print(f"epoch {epoch}: {facts['line']}", flush=True)
    return True


def stopped(rows: Sequence[Mapping[str, Any]], epochs: int) -> int:
    """The epoch that ``stop=skips`` ends a fit with: until then the fit is the same with and without it."""
    usual = Settings(epochs=epochs)
    return next((one["epoch"] for one in rows if one["epoch"] >= epochs / 5 and one["skips"] >= usual.skips), epochs)


def collapse(asked: argparse.Namespace) -> None:
    """Search with and without remedies, and print what the table says epoch by epoch, and of what was derived."""
    epochs, table, space = asked.epochs, make_evaluator(TABLE, Task(data="")), make_space("nasbench201")
    for seed in range(asked.seeds):
        for name in asked.remedy or REMEDIES:
            where = asked.folder / f"collapse-{epochs}-{asked.images}-{asked.alpha_rate:g}" / f"{name}-{seed}"
            remedy = REMEDIES[name].format(hold=3 * epochs // 10)
            spec = f"darts[{SETTINGS},alpha_rate={asked.alpha_rate},epochs={epochs}{remedy}]"
            found = fitted(spec, where, seed, asked.images)
            if found is None:
                continue
            print_curve(where)
            rows, accuracy = curve(where), recorded(table, space, found.facts["params"])
            print(f"  {found.ended or 'derived at the end'}: recorded accuracy {accuracy:.2%}, {found.seconds:.0f} s")
            known = {"run": f"{where.parent.name}-{where.name}", "strategy": spec, "images": asked.images}
            known |= {"stop=skips": stopped(rows, epochs), "ended": found.ended, "accuracy": accuracy}
            print(f"  stop=skips ends it after epoch {known['stop=skips']}")
            put(asked.record, "collapse", {**known, "seconds": found.seconds, "curve": rows})


def put(record: Path | None, name: str, row: Mapping[str, Any]) -> None:
    """A result, on record once."""
    if record is not None and row["run"] not in {one["run"] for one in lines.read(record / f"{name}.jsonl")}:
        lines.add(record / f"{name}.jsonl", row)


def print_curve(folder: Path) -> None:
    """A line for every epoch."""
    print(folder)
    for one in curve(folder):
        bent = f"  eigenvalue in {one['eigenvalue_passes']} passes" if "eigenvalue_passes" in one else ""
        print(
            f"  epoch {one['epoch']:>3}  entropy {one['entropy']:.4f}  skip {one['skip']:.3f}  skips {one['skips']}  "
            f"recorded accuracy {one['accuracy']:.2%}{bent}"
        )


def search(folder: Path, seed: int, epochs: int, further: Mapping[str, Any] | None = None) -> None:
    """The search of the issue's figure, and random search for its time."""
    import regnas

    options: dict[str, Any] = {
        "strategy": f"darts[epochs={epochs},threads=2]",
        "flops": ":40M",
        "seed": seed,
        "out": folder / "search",
        **(further or {}),
    }
    result = regnas.search(options.pop("space", "darts[width=16,depth=4:8]"), **options)
    for line in result.remarks:
        print(line)


def small(folder: Path, space: str, strategy: str, seeds: int, images: int, record: Path | None = None) -> None:
    """Searches of small networks, each with random ones at equal cost."""
    import regnas

    for seed in range(seeds):
        found = regnas.search(
            space,
            strategy=strategy,
            data=f"{TASK.data}[training={images}]",
            resolution=TASK.resolution,
            flops="0:",
            seed=seed,
            workers=0,
            baselines=False,
            out=folder / "small",
            study=f"{space.partition('[')[0]}-{strategy.partition('[')[0]}-{images}-{seed}",
        )
        done = [one for one in found.rows if one["error"] != ""]
        took = json.loads((found.folder / fit.FOLDER / fit.RESULT).read_text())
        row = {
            "run": f"{space} {strategy} {images} {seed}",
            "search_epochs": took["epochs"],
            "search_seconds": took["seconds"],
            "seconds": [one["seconds"] for one in done],
            "errors": [one["error"] for one in done],
            "choices": [one["params_by_name"] for one in done],
            "params": [one["params"] for one in done],
            "remarks": list(found.remarks),
        }
        put(record, "small", row)


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one_shot", description=__doc__)
    parser.add_argument("what", choices=("collapse", "search", "small", "table"))
    parser.add_argument("of", nargs="?", type=Path, help="the folder of a fit, of `table`")
    for name, usual in (("seeds", 4), ("seed", 0), ("epochs", 50), ("images", 3000)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--alpha-rate", type=float, default=3e-3, help="of `collapse`")
    parser.add_argument("--remedy", action="append", choices=REMEDIES, help="of `collapse`; all unless said")
    parser.add_argument("--folder", type=Path, default=Path("build/one-shot"))
    parser.add_argument("--space", default="nasbench201[cells=1,width=8]", help="of `small`")
    parser.add_argument("--strategy", default=f"darts[{SETTINGS},alpha_rate=0.003,epochs=10]", help="of `small`")
    parser.add_argument("--record", type=Path, help="the folder benchmarks/results/one-shot")
    asked = parser.parse_args()
    if asked.what == "collapse":
        collapse(asked)
    elif asked.what == "search":
        search(asked.folder, asked.seed, asked.epochs)
    elif asked.what == "small":
        small(asked.folder, asked.space, asked.strategy, asked.seeds, asked.images, asked.record)
    elif asked.of is None:
        parser.error("table needs the folder of a fit")
    else:
        print_curve(asked.of)


if __name__ == "__main__":
    main()
