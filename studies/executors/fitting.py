"""A fit in a worker: made again from specs, done in its folder, its result on disk before it is reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from regnas import fit
from regnas.design_space import Space, make_space
from regnas.errors import StudyError, UsageError
from regnas.evaluator import Evaluator, Task
from regnas.fit import FitContext, Fitted, SupportsFit, SupportsMirroring
from regnas.images import Images
from regnas.messages import FitJob
from regnas.sampler import SupportsInner
from regnas.strategy import make_strategy
from regnas.system.files import write_json
from regnas.system.reading import fields_if_whole
from regnas.window import Window


def space_to_json(space: Space) -> dict[str, Any]:
    """What a worker makes a space of; what its window limits and has to be measured is left out."""
    window = Window({name: bounds for name, bounds in space.window.items() if name not in space.measures})
    described = {"spec": space.spec, "window": str(window), "images": space.images.to_json()}
    return {**described, "stream_version": space.stream_version}


def space_of(value: Mapping[str, Any]) -> Space:
    """The space of `space_to_json`'s form.

    Raises:
        UsageError: no such space, or not with these options.
    """
    try:
        images, window = Images.from_json(value["images"]), Window.read(value["window"])
        return make_space(value["spec"]).on(images).on_stream(value["stream_version"]).within(window)
    except KeyError as error:
        raise UsageError(
            f"a space of a message has spec, window, images and stream_version, it lacks {error}"
        ) from error


def fitter_of(made: object) -> SupportsFit | None:
    """What fits: a sampler, the one inside it, or an evaluator; None where there is nothing to fit."""
    inner = made.inner if isinstance(made, SupportsInner) and made.inner is not None else made
    return inner if isinstance(inner, SupportsFit) else None


def do_fit(
    evaluator: Evaluator, job: FitJob, task: Task | None, device: str, report: Callable[[int, float], bool]
) -> float | None:
    """Do a fit, and put its result on disk.

    Returns:
        None; of a fit that was told to stop, and did, 0 seconds.

    Raises:
        StudyError: a snapshot of another fit, or what was trained is no number any more.
        UsageError: nothing fits, or its worker was told of no data set.
    """
    from regnas.evaluators.training.fit_images import training_images

    if job.folder is None or task is None:
        raise UsageError("a fit needs a folder, and a task that names its images")
    space = space_of(job.space)
    made = evaluator if job.strategy is None else make_strategy(job.strategy, space, seed=job.seed)
    fitter, folder = fitter_of(made), Path(job.folder)
    if fitter is None:
        raise UsageError(f"{job.strategy or 'the evaluator'} has nothing to fit")
    folder.mkdir(parents=True, exist_ok=True)
    mirrors = evaluator.mirrors if isinstance(evaluator, SupportsMirroring) else None
    context = FitContext(
        folder=folder,
        images=training_images(task, device, mirrors=mirrors),
        device=device,
        seed=job.seed,
        identity=job.identity,
        report=lambda epoch, facts: report(epoch, facts[fit.ERROR]),
        seconds=job.seconds,
        space=space,
    )
    found = fitter.fit(context)
    if found is None:
        return 0.0
    write_json(Path(job.result), {"schema": fit.SCHEMA, "identity": dict(job.identity), **found.to_json()})
    fit.forget_snapshot(folder)
    return None


def read_fit(folder: Path, identity: Mapping[str, Any]) -> Fitted | None:
    """The result of a fit that is over; None where there is none that is whole.

    Raises:
        StudyError: it is of another fit.
    """
    kinds = {"identity": dict, "facts": dict, "epochs": int, "seconds": float, "ended": str}
    stored = fields_if_whole(folder / fit.RESULT, **kinds)
    if stored is None:
        return None
    if stored.get("schema") != fit.SCHEMA:
        raise StudyError(
            f"{folder / fit.RESULT} is of schema {stored.get('schema')}, and this release reads {fit.SCHEMA}"
        )
    fit.refuse_other(stored["identity"], identity, folder / fit.RESULT)
    return Fitted(facts=stored["facts"], epochs=stored["epochs"], seconds=stored["seconds"], ended=stored["ended"])
