"""What a driver and its workers say to each other: a value for each kind of message, on its way a line of JSON.

The two may be of different releases. What stands in a message beside the keys that are known is passed over, and what
is not said has its default. What is none of these messages is an error that shows what came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import UnionType
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

from regnas.errors import MessageError
from regnas.evaluator import Task

_SHOWN = 200  # characters of a message that an error shows


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        fixed: what a message of this kind says beside its attributes.
    """

    fixed: ClassVar[Mapping[str, Any]] = {}

    def to_json(self) -> dict[str, Any]:
        """JSON values, but for the contents of files, which are bytes; what is None is left out."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**self.fixed, **{key: value for key, value in said.items() if value is not None}}

    def to_line(self) -> str:
        """A line of JSON, without its end."""
        return json.dumps(self.to_json())


# --- to a worker --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ToWorker(Message):
    """What a worker is told."""


@dataclass(frozen=True, kw_only=True)
class Setup(ToWorker):
    """The first message: what the worker makes its evaluator of.

    Attributes:
        evaluator: its spec.
        device: where it computes; ``auto`` or ``cuda`` where only the worker can know.
        lanes: jobs that it may be given at a time.
    """

    evaluator: str
    task: Task
    device: str
    lanes: int = 1

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "task": asdict(self.task)}


@dataclass(frozen=True, kw_only=True)
class Job(ToWorker):
    """What a worker does with one network.

    Attributes:
        index: of the candidate; what is said of the job names it.
        architecture: the network's JSON form.
        result: file that is there, whole, when the job is done; one that ends with ``.jsonl`` gets a line.
        folder: where files of the candidate lie and are left; None if nothing is kept.
        files: contents by path below ``folder``, where driver and worker share no file system; in no line.
    """

    index: int
    architecture: Mapping[str, Any]
    result: str
    folder: str | None = None
    files: Mapping[str, bytes] | None = None


@dataclass(frozen=True, kw_only=True)
class EvaluateJob(Job):
    """Evaluate a network.

    Attributes:
        resumable: it may be stopped, and asked for again with the same folder.
        shared: there may be other jobs in the worker at the same time.
        fitted: folder of what the evaluator trained before all candidates; None where it trains nothing.
    """

    seed: int
    resumable: bool = False
    shared: bool = False
    fitted: str | None = None


@dataclass(frozen=True, kw_only=True)
class ScoreJob(Job):
    """Score the weights in ``folder`` on the test images."""

    fixed = {"test": True}


@dataclass(frozen=True, kw_only=True)
class FitJob(Job):
    """Train what all candidates of a study share (`regnas.fit`); of no network, so ``architecture`` is empty.

    Attributes:
        space: ``spec``, ``window``, ``images`` and ``stream_version``, of which the worker makes it again.
        strategy: spec of the strategy whose sampler fits; None where the worker's evaluator does.
        identity: plain values that say which fit it is.
        seconds: after which it ends with what it has; None for as long as it takes.
    """

    fixed = {"fit": True}
    space: Mapping[str, Any]
    seed: int
    identity: Mapping[str, Any]
    strategy: str | None = None
    seconds: float | None = None
    architecture: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer(ToWorker):
    """Whether an evaluation goes on after the epoch that was reported.

    Attributes:
        index: of the job; None to a worker that has one at a time.
    """

    go: bool
    index: int | None = None


@dataclass(frozen=True)
class Cancel(ToWorker):
    """End a job at once, and leave the others; the answer is its end."""

    fixed = {"cancel": True}
    index: int


@dataclass(frozen=True)
class Kill(ToWorker):
    """End the worker process: said to what started it."""

    fixed = {"kill": True}


# --- from a worker ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FromWorker(Message):
    """What a worker says."""


@dataclass(frozen=True)
class Ready(FromWorker):
    """The evaluator is made: jobs can come."""

    fixed = {"event": "ready"}


@dataclass(frozen=True)
class Broken(FromWorker):
    """The evaluator cannot be made, and the worker ends."""

    fixed = {"event": "broken"}
    error: str


@dataclass(frozen=True)
class Note(FromWorker):
    """Something that the user should know, of no job."""

    fixed = {"event": "note"}
    message: str


@dataclass(frozen=True)
class Epoch(FromWorker):
    """An epoch of a job is over, and the worker waits for an `Answer`.

    Attributes:
        epoch: counted from 1.
        error: on the validation images, a fraction.
    """

    fixed = {"event": "epoch"}
    index: int
    epoch: int
    error: float


@dataclass(frozen=True)
class End(FromWorker):
    """A job is over.

    Attributes:
        files: what it left in its folder, and
        result: the content of its result, where driver and worker share no file system; in no line.
    """

    index: int
    files: Mapping[str, bytes] | None = field(default=None, kw_only=True)
    result: bytes | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Done(End):
    """The result is there."""

    fixed = {"event": "done"}


@dataclass(frozen=True)
class Failed(End):
    """It raised ``error``, one line.

    Attributes:
        again: whether another try may end otherwise; not said where it may.
    """

    fixed = {"event": "failed"}
    error: str
    again: bool | None = None


@dataclass(frozen=True)
class Stopped(End):
    """It was told to stop, and left no result after so many seconds."""

    fixed = {"event": "stopped"}
    seconds: float


@dataclass(frozen=True)
class Crowded(End):
    """Memory ran out beside other jobs, after so many seconds: nothing is said of the job alone."""

    fixed = {"event": "crowded"}
    error: str
    seconds: float


# --- by way of a program on the worker's machine ------------------------------------------------------------


@dataclass(frozen=True)
class OfRun(Message):
    """What concerns one worker process of those that a program on its machine starts, one after another.

    Attributes:
        run: which, counted up.
        life: of the program, where it may be started again and messages wait in files.
    """

    run: int
    life: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Relayed(OfRun):
    """A message to or from the worker process."""

    message: Message

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "message": self.message.to_json()}


@dataclass(frozen=True)
class RunEnded(OfRun):
    """The worker process is gone; ``ended`` is the cause, in words that follow "its worker was"."""

    ended: str


@dataclass(frozen=True)
class Begun(Message):
    """The program that starts worker processes has begun."""

    fixed = {"hello": True}
    life: str


# --- reading ------------------------------------------------------------------------------------------------

M = TypeVar("M", bound=Message)
_EVENTS = {kind.fixed["event"]: kind for kind in (Ready, Broken, Note, Epoch, Done, Failed, Stopped, Crowded)}
# The first of these keys that stands in a message says what it is.
_KEYS: dict[str, type[Message]] = {
    "evaluator": Setup,
    "test": ScoreJob,
    "fit": FitJob,
    "architecture": EvaluateJob,
    "go": Answer,
    "cancel": Cancel,
    "kill": Kill,
    "hello": Begun,
    "ended": RunEnded,
    "message": Relayed,
}
_TYPES = {kind: get_type_hints(kind) for kind in (*_EVENTS.values(), *_KEYS.values())}


def from_line(line: str) -> Message:
    """The message of a line.

    Raises:
        MessageError: it is none; says what came, and what is wrong with it.
    """
    try:
        return from_json(json.loads(line))
    except (ValueError, RecursionError) as error:
        raise MessageError(f"a message is a line of JSON ({error}), got {_shown(line)}") from None


def from_json(value: Any) -> Message:
    """The message of `to_json`'s form.

    Raises:
        MessageError: as `from_line`.
    """
    if not isinstance(value, Mapping) or (kind := _kind(value)) is None:
        raise MessageError(f"no driver and no worker says this: {_shown(value)}")
    said = {one.name: _read(value, one.name, _TYPES[kind][one.name]) for one in fields(kind) if one.name in value}
    try:
        return kind(**said)
    except TypeError as error:
        raise MessageError(f"a message lacks something ({error}): {_shown(value)}") from None


def expected(message: Message, kind: type[M]) -> M:
    """A message that has to be of one kind.

    Raises:
        MessageError: it is of another.
    """
    if not isinstance(message, kind):
        raise MessageError(f"{kind.__name__} was expected, got {_shown(message.to_json())}")
    return message


def _kind(value: Mapping[str, Any]) -> type[Message] | None:
    if "event" in value:
        event = value["event"]
        return _EVENTS.get(event) if isinstance(event, str) else None
    keys = (key for key in _KEYS if key in value and (key not in ("test", "fit") or value[key]))
    return next((_KEYS[key] for key in keys), None)


def _read(value: Mapping[str, Any], key: str, hint: Any) -> Any:
    found = value[key]
    if hint is Message:
        return from_json(found)
    if hint is Task and isinstance(found, Mapping):
        try:
            return Task(**found)
        except TypeError as error:  # also where a key is not known: it could change what is evaluated
            raise MessageError(f"this release knows no such task ({error}): {_shown(value)}") from None
    if not _fits(found, hint):
        raise MessageError(f"{key} of a message cannot be {_shown(found)}, got {_shown(value)}")
    return found


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if hint is bool:
        return isinstance(value, bool)
    kind = int | float if hint is float else get_origin(hint) or hint
    return isinstance(value, kind) and not isinstance(value, bool)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
