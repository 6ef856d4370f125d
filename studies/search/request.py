"""What a search was asked for: options as values, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from optuna.samplers import BaseSampler

from regnas.dataset import spec_of, with_options
from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.evaluator import DEFAULT, Task
from regnas.objective import Objective, objective_of
from regnas.options import SearchOptions, WindowOptions, check_options, names_of
from regnas.sampling.stream import DUPLICATES
from regnas.studies.audit.screen import Screen, screen_of
from regnas.studies.executors.resources import Resources
from regnas.studies.search.budget import Budget
from regnas.studies.search.known.beginning import begun_with, label_of
from regnas.studies.search.known.default_space import AUTO, default_space
from regnas.studies.search.stream_version import stored_space
from regnas.studies.storage.open import storage_url
from regnas.window import Window

_OWN = (
    "strategy",
    "evaluator",
    "seed",
    "duplicates",
    "warm_start",
    "enqueue",
    "pareto",
    "baselines",
    "objective",
    "screen",
    "keep",
    "log",
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a study is kept.

    Attributes:
        study: its name; None for one made of what it is.
        storage: an Optuna URL or a journal file; None for a database in ``out``.
        out: folder of everything else.
    """

    study: str | None = None
    storage: str | None = None
    out: Path = Path("regnas-runs")


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """A search as it was asked for.

    Attributes:
        strategy: a spec, or any Optuna sampler.
        window: what was asked for; open where the space's own or the data set's counts.
        warm_start: another study, by its folder or its name in the storage, whose trials the strategy learns from.
        enqueue: a file of networks to evaluate first (see `regnas.studies.search.known.enqueue.read`).
        pareto: measures against which the best errors are listed.
        repeat: above 0, the same candidates are trained with further seeds of this number, in a study of their own.
        baselines: whether textbook networks are trained first, which the winner must beat.
        screen: a score that candidates are screened by before training, of which the share ``keep`` is trained.
        log: specs of loggers, which hear of it.
        objective: what is minimised, ``error`` or a spec as of `regnas.objective.objective_of`.
        upper_half: whether a window that is only a limit means the half below it.
        automatic: whether the space was chosen by images and window.
        measuring: how what no closed form says is measured: ``runtime`` and ``threads``.
        init: trained weights that networks begin with, as they were named; ``evaluator`` has them.

    Raises:
        UsageError: no such way with duplicates.
    """

    space: Space
    task: Task
    strategy: str | BaseSampler = "random"
    evaluator: str = DEFAULT
    seed: int = 0
    duplicates: str = "reject"
    window: Window = Window()
    budget: Budget = Budget()
    resources: Resources = Resources()
    place: Place = Place()
    warm_start: str | Path | None = None
    enqueue: str | Path | None = None
    pareto: Sequence[str] = ()
    repeat: int = 0
    baselines: bool = True
    objective: str = "error"
    screen: str | None = None
    keep: float | None = None
    log: Sequence[str] = ()
    upper_half: bool = False
    automatic: bool = False
    measuring: Mapping[str, Any] = field(default_factory=dict)
    init: str | None = None

    def __post_init__(self) -> None:
        if self.duplicates not in DUPLICATES:
            raise UsageError(f"--duplicates is one of {', '.join(DUPLICATES)}, got {self.duplicates!r}")

    @property
    def label(self) -> str:
        """The strategy in a word."""
        return self.strategy if isinstance(self.strategy, str) else type(self.strategy).__name__

    @property
    def also(self) -> tuple[str, ...]:
        """What the default name says beside space, strategy, seed and pruner."""
        screen = [] if self.screened is None else [f"screen {self.screened}"]
        begun = [] if self.init is None else [f"init {label_of(self.init)}"]
        return (*([] if self.sought is None else [str(self.sought)]), *screen, *begun)

    @property
    def sought(self) -> Objective | None:
        """What is minimised; None for the error."""
        return objective_of(self.objective)

    @property
    def screened(self) -> Screen | None:
        """What candidates are screened by before training."""
        return screen_of(self.screen, self.keep)


def request_of(space: str | Space, options: SearchOptions, repeat: int = 0, upper_half: bool = False) -> SearchRequest:
    """The values of a search's options.

    Raises:
        UsageError: an option that there is not, or a value that makes no sense by itself.
        PluginNotFound: no space of that name.
    """
    given: Mapping[str, Any] = options
    if not isinstance(space, str | Space):
        raise UsageError(f"a space is a spec such as 'regnetx', or a Space; got {space!r}")
    check_options(given, SearchOptions, "search")
    init = str(given["init"]) if given.get("init") else None
    if init is not None:
        given = {**given, "evaluator": begun_with(given.get("evaluator", DEFAULT), init)}
    place = _picked(Place, given)
    task, window = task_of(given, place.out / "cache"), split_window(given)[0]
    automatic = isinstance(space, str) and space.strip() == AUTO
    if automatic:
        begun = stored_space(storage_url(place.storage, place.out), place.study) if place.study else None
        space = begun or default_space(given.get("evaluator", DEFAULT), task, window)
    return SearchRequest(
        space=make_space(space) if isinstance(space, str) else space,
        automatic=automatic,
        task=task,
        window=window,
        budget=Budget.of(given),
        resources=_picked(Resources, given),
        place=place,
        repeat=repeat,
        upper_half=upper_half,
        init=init,
        measuring={name: given[name] for name in ("runtime", "threads") if given.get(name) is not None},
        **{name: given[name] for name in _OWN if name in given},
    )


def split_window(options: Mapping[str, Any]) -> tuple[Window, dict[str, Any]]:
    """The window among some options, and the others.

    Raises:
        UsageError: malformed bounds.
    """
    names = names_of(WindowOptions) | {"latency"}
    window = Window.parse(**{name: value for name, value in options.items() if name in names})
    return window, {name: value for name, value in options.items() if name not in names}


def task_of(options: Mapping[str, Any], cache: Path) -> Task:
    """What evaluators are told, among some options.

    Raises:
        UsageError: fewer than one epoch, or images that are nowhere.
    """
    epochs, root = options.get("epochs"), options.get("data_root")
    if epochs is not None and epochs < 1:
        raise UsageError(f"--epochs is at least 1, got {epochs}")
    data = spec_of(options.get("data", "fashion-mnist-mini"))
    return Task(
        data=with_options(data, skip_broken="true") if options.get("skip_broken") else data,
        data_root=str(root) if root else None,
        cache=str(cache),
        resolution=options.get("resolution"),
        epochs=epochs,
        download=options.get("download", False),
    )


def _picked(kind: type, options: Mapping[str, Any]) -> Any:
    """A value of a dataclass from those of some options that it has."""
    found = {one.name: options[one.name] for one in fields(kind) if one.name in options}
    return kind(**{name: Path(value) if name == "out" else value for name, value in found.items()})
