"""``regnas train``: train one network on all but the test images, test it once, leave weights to ship."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from regnas import weights
from regnas.architecture import canonical
from regnas.dataset import SupportsRemarks
from regnas.errors import StudyError
from regnas.studies.run.progress import duration
from regnas.studies.search.images import DATA, FINGERPRINT, other_images
from regnas.studies.storage.locks import locked, refuse_if_held
from regnas.studies.training.beginning import begun
from regnas.studies.training.newer import better_since
from regnas.studies.training.plan import TrainingPlan, folder_of, plan_training
from regnas.studies.training.race import SNAPSHOT as _SNAPSHOT
from regnas.studies.training.race import Finalist, decided, hand_over, race
from regnas.system.duration import seconds_of
from regnas.system.files import remove_leftovers, write_json
from regnas.system.reading import fields_if_whole
from regnas.system.text import counted, printable, some

if TYPE_CHECKING:
    from regnas.evaluators.training.timed import TimedTraining

RESULT = "result.json"
_THIS = ("this training", "give --out FOLDER")
_ELSEWHERE = "give this one another folder with --out"


def train(
    target: str,
    *,
    quiet: bool = False,
    say: Callable[[str], None] | None = None,
    finalists: Sequence[Finalist] = (),
    slow: Sequence[str] = (),
    elsewhere: str = _ELSEWHERE,
    **options: Any,
) -> Path:
    """Train a network on training and validation images together, and test it once at the end.

    Args:
        target: a study's folder or its best.json, or an architecture's JSON file.
        say: hears how it goes, line by line; else these are printed, unless ``quiet``.
        finalists: with ``time``, networks of which the one that learns best in equal times is trained instead.
        slow: names of networks of which a race would say nothing, as it ends before their warm-up: they are not in it.
        elsewhere: what to do where the folder holds another training, in words.
        options: as of `regnas.studies.training.plan.plan_training`. ``epochs``: passes over the images, 30 unless said.
            ``time``: seconds, or text such as ``30m``, instead: it trains as long as it helps, and not longer. The same
            command goes on after an interruption. ``data``: spec of the data set; a study's own unless said.
            ``workers``: processes that train it together, each with a share of every batch and a GPU where there are
            any. ``aux_weight`` and ``drop_path``: of an auxiliary head, and with which probability paths are dropped at
            the end, where the network has them; trainings of counted epochs alone. ``init``: trained weights to begin
            with, as of `regnas.pretrained.load_source`; the network gets as many outputs as there are classes.
            ``learning_rate``: its peak. ``out``: folder of the result; ``final-N`` beside the target unless said.

    Returns:
        The folder, which `regnas.load` reads: architecture.json, weights.safetensors, result.json.

    Raises:
        RegnasError: no such target, data set or device, or an interrupted training with other settings.
    """
    say = say or (_silent if quiet else _print)
    time = options.get("time")
    seconds = None if time is None else seconds_of(time, "time")
    refuse_if_held(folder_of(target, options.get("epochs"), options.get("out"), seconds), _THIS)
    made = plan_training(target, **options)
    if len(finalists) == 1:
        made = replace(made, architecture=finalists[0].architecture)
    made = decided(made, finalists) or made
    if not finalists and (better := better_since(target)) is not None:
        say(better)
    if (result := _finished(made.folder, made.identity, elsewhere)) is None:
        with locked(made.folder, _THIS):
            result = _finished(made.folder, made.identity, elsewhere)  # another process may just have ended it
            if result is None:
                made = _raced(made, finalists, slow, say)
                _check_snapshot(made.folder, made.identity, elsewhere)
                if finalists:
                    hand_over(made.folder)
                if made.start is not None:  # of the network that won the race, which need not be the target's
                    say(begun(made.recipe, made.architecture, made.images, None, None)[1] or "")
                for remark in () if finalists else _remarks(made):  # which the search has said
                    say(remark)
                result = _trained(made, say)
    say(_summary(result, made.folder))
    return made.folder


def _raced(
    made: TrainingPlan, finalists: Sequence[Finalist], slow: Sequence[str], say: Callable[[str], None]
) -> TrainingPlan:
    """The training of the finalist that wins a race, where one is to be run, and in words why none is."""
    if len(finalists) > 1 and decided(made, finalists) is None:
        if slow:
            say(f"not raced, as a race would end before the warm-up: {some(slow)}")
        return race(made, finalists, _timed, say, len(made.images.fit()[1]))
    if len(finalists) == 1 and slow:
        name = finalists[0].name
        say(f"{name}, the best of the search, goes on with all of the time, as a race would be over in the warm-up")
    elif len(finalists) == 1:
        say(f"{finalists[0].name} goes on without a race, as there is no other network")
    return made


def _remarks(made: TrainingPlan) -> tuple[str, ...]:
    """What a user should know of the images."""
    return tuple(made.images.remarks()) if isinstance(made.images, SupportsRemarks) else ()


def _trained(made: TrainingPlan, say: Callable[[str], None]) -> dict[str, Any]:
    """Train to the end, test, and write what is to be kept; the result as result.json has it."""
    from regnas.evaluators.training.final import FinalTraining
    from regnas.evaluators.training.parallel.data_parallel import Share
    from regnas.evaluators.training.parallel.processes import peers

    folder = made.folder
    if made.seconds is not None:
        job: Any = _timed(made)
        _run_timed(job, made.seconds, folder, say)
    else:
        with peers(made.told, made.devices, folder / _SNAPSHOT, folder / "workers.log"):
            job = FinalTraining(
                made.architecture,
                made.images,
                made.recipe,
                seed=made.seed,
                device=made.devices[0],
                threads=made.threads,
                share=Share(0, len(made.devices)),
                additions=made.additions,
            )
            _run(job, folder, say)
    test_error = job.finish(folder)
    details = {"data": made.text, "epochs": job.epoch, "test_error": test_error, **job.facts()}
    details |= {FINGERPRINT: made.fingerprint} if made.fingerprint else {}
    weights.save_architecture(made.architecture, folder, details)
    write_json(folder / RESULT, {"schema": 1, "identity": made.identity, **details})
    (folder / _SNAPSHOT).unlink(missing_ok=True)
    return details


def _timed(made: TrainingPlan) -> TimedTraining:
    """A training in a given time that has not begun."""
    from regnas.evaluators.training.timed import TimedTraining

    return TimedTraining(
        made.architecture,
        made.images,
        made.recipe,
        seconds=made.seconds or 0.0,
        seed=made.seed,
        device=made.devices[0],
        threads=made.threads,
    )


def _run(job: Any, folder: Path, say: Callable[[str], None]) -> None:
    if job.resume(folder / _SNAPSHOT):
        say(f"resuming after epoch {job.epoch} of {job.epochs}")
    elif (folder / _SNAPSHOT).exists():
        say(f"the snapshot {folder / _SNAPSHOT} is damaged: the training starts from the beginning")
    while job.epoch < job.epochs:
        start = clock.perf_counter()
        loss = job.run_epoch()
        job.save(folder / _SNAPSHOT)
        say(f"epoch {job.epoch:>3}/{job.epochs}  training loss {loss:.4f}  {clock.perf_counter() - start:.1f} s")


def _run_timed(job: Any, seconds: float, folder: Path, say: Callable[[str], None]) -> None:
    if job.resume(folder / _SNAPSHOT):
        say(f"resuming after epoch {job.epoch}")
    elif (folder / _SNAPSHOT).exists():
        say(f"the snapshot {folder / _SNAPSHOT} is damaged: the training starts from the beginning")
    while not job.course.done:
        loss, falling = job.run_epoch(), job.course.decayed > 0
        start = clock.perf_counter()
        job.save(folder / _SNAPSHOT)
        job.course.seconds += clock.perf_counter() - start
        error = "" if falling else f"  held-out error {job.course.curve[-1]:.2%}"
        left = duration(max(0.0, seconds - job.course.seconds))
        took = f"{job.course.seconds:.1f} s in all, at most {left} left"
        say(f"epoch {job.epoch:>3}  training loss {loss:.4f}{error}  {took}")
        if job.course.decay and not falling:
            why = "the held-out error is flat" if job.course.why == "flat" else "the time is soon over"
            last = counted(job.course.decay, "epoch")
            say(f"{why}: {last} at a falling rate, validation images included, to end the training")


def _check_snapshot(folder: Path, identity: dict[str, Any], elsewhere: str) -> None:
    """Note what is being trained, and refuse to go on with something else."""
    note = folder / "training.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        stored = fields_if_whole(note)
        if stored is None and (folder / _SNAPSHOT).exists():
            raise StudyError(
                f"{folder} holds a snapshot, and no {note.name} that says of which training; remove {_SNAPSHOT} to "
                f"start again, or {elsewhere}"
            )
        if stored is not None and (other := _other(stored, identity)) is not None:
            raise StudyError(f"{folder} holds another training{other}; {elsewhere}")
        write_json(note, identity)
    except OSError as error:
        raise StudyError(f"cannot write to {folder}: {error.strerror}; choose a folder with --out") from error


def _finished(folder: Path, identity: dict[str, Any], elsewhere: str) -> dict[str, Any] | None:
    """What result.json says; None where there is none that can be read, and the training is to be done."""
    stored = fields_if_whole(folder / RESULT, identity=dict, test_error=float | None, epochs=int)
    if stored is not None and (other := _other(stored["identity"], identity)) is not None:
        raise StudyError(f"{folder} holds another finished training{other}; {elsewhere}")
    return stored


def _other(stored: dict[str, Any], identity: dict[str, Any]) -> str | None:
    """What is said of the images of another training; None where it is the same one."""
    own, asked = (
        canonical({name: value for name, value in one.items() if name not in (DATA, FINGERPRINT)})
        for one in (stored, identity)
    )
    images = other_images(stored, identity)
    if images and FINGERPRINT in stored and FINGERPRINT in identity:
        return f" ({images[0]})"
    return "" if images or own != asked else None


def _summary(result: dict[str, Any], folder: Path) -> str:
    tested = "no test images" if result["test_error"] is None else f"test error {result['test_error']:.2%}"
    return f"{tested} after {counted(result['epochs'], 'epoch')}; weights: {folder}/ (regnas.load({str(folder)!r}))"


def _print(text: str) -> None:
    Console(emoji=False).print(printable(text), highlight=False, markup=False, soft_wrap=True)


def _silent(_: str) -> None: ...
