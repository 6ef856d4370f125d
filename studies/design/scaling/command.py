"""What the command ``regnas scale`` does with its flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from regnas.dataset import spec_of, whole_of, with_options
from regnas.errors import UsageError
from regnas.evaluator import Task
from regnas.studies.design.scaling.run import Scalings, Target, missed, scale_network, write
from regnas.studies.design.scaling.source import Source, read_source
from regnas.system.files import write_json

if TYPE_CHECKING:
    from regnas.studies.design.scaling.compare import Trainings
    from regnas.studies.design.scaling.differences import Compared

_DATA = "fashion-mnist-mini"


def run(
    network: str,
    rules: Sequence[str],
    output: str | None,
    told: Callable[[str], None],
    *,
    compare: bool = False,
    timed: bool = False,
    batch: int = 1,
    threads: int = 1,
    resolution: int | None = None,
    classes: int | None = None,
    by: float | None = None,
    flops: str | None = None,
    params: str | None = None,
    acts: str | None = None,
    **training: Any,
) -> tuple[Scalings, Compared | None]:
    """Scale a network, time what comes of it, train it, and write it, as far as these are asked.

    Args:
        told: called with lines of progress.
        training: flags of `Trainings` and of its task.

    Raises:
        UsageError: flags that make no sense together, or as `regnas.studies.design.scaling.run.scale_network`.
    """
    target = Target.of(by=by, flops=flops, params=params, acts=acts)
    if output is not None and len(set(rules)) != 1:
        raise UsageError("--output is for one network; say of which rule by --rule")
    if target.measure is None and compare:
        raise UsageError("--compare trains at equal cost, and --by asks for none; give --flops, --params or --acts")
    source = read_source(network, resolution, classes)
    trainings = _trainings(source, training) if compare else None
    if trainings is not None:
        from regnas.studies.design.scaling.compare import on_images

        source = on_images(source, trainings.task)
    scalings = scale_network(source, target, rules)
    if timed:
        scalings = _timed(scalings, training["device"], threads, batch)
    if output is not None:
        write(scalings, output)
    return scalings, None if trainings is None else _compared(scalings, trainings, training["out"], told)


def _compared(scalings: Scalings, trainings: Trainings, out: str, told: Callable[[str], None]) -> Compared:
    from regnas.studies.design.scaling.compare import compare_rules
    from regnas.studies.design.scaling.differences import Compared

    trained, folder = compare_rules(scalings, trainings, out, told)
    alike = all(missed(one, scalings.target) is None for one in scalings.reached)
    found = Compared(tuple(trained), alike, folder)
    write_json(folder / "comparison.json", found.to_json())
    return found


def _timed(scalings: Scalings, device: str, threads: int, batch: int) -> Scalings:
    from regnas.evaluators.training.devices import devices
    from regnas.studies.design.scaling.timing import measure

    own = (scalings.source.architecture, scalings.source.resolution)
    networks = [own, *((one.architecture, one.resolution) for one in scalings.networks)]
    times, conditions = measure(networks, device=devices(device)[0], threads=threads, batch=batch)
    return replace(scalings, times=tuple(times), conditions=conditions)


def _trainings(source: Source, flags: dict[str, Any]) -> Trainings:
    from regnas.studies.design.scaling.compare import Trainings

    data = spec_of(flags["data"] or whole_of(source.settings.get("data") or _DATA))
    task = Task(
        data=with_options(data, skip_broken="true") if flags["skip_broken"] else data,
        data_root=flags["data_root"],
        download=flags["download"],
        epochs=flags["epochs"],
    )
    named = {name: flags[name] for name in ("evaluator", "seeds", "seed", "workers", "device")}
    return Trainings(task=task, **named)
