"""What `regnas.search`, `find`, `compare`, `refine`, `bench` and `space` take beside their subjects: options in groups.

They have the names of the commands' flags. Type checkers and completion see them, and a name that is none of them is a
`UsageError` with the nearest one.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from regnas.errors import UsageError

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from regnas.design_space import Space
    from regnas.window import Limits

# What annotations of options say, as Python has it and in words.
_KINDS: dict[str, tuple[Any, str]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "float": (int | float, "a number"),
    "bool": (bool, "True or False"),
    "Path": (Path, "a path"),
    "Sequence[str]": (list | tuple, "a list of texts"),
    "None": (type(None), "left out"),
}


class WindowOptions(TypedDict, total=False):
    """What a network may cost: ``LOW:HIGH`` with k, M or G, or one value for 1 % either way."""

    flops: str | float | None  # multiply-adds of one image
    params: str | float | None  # learnable numbers
    acts: str | float | None  # elements of the outputs of convolutions, linear layers and max-pools
    limits: Limits  # of any measures by name, such as ``{"flops": "360M:400M"}``


class MeasuringOptions(TypedDict, total=False):
    """A limit on what is measured on this machine, and how."""

    latency: str | float | None  # of a pass: ``LOW:HIGH`` in seconds, or with ms or us
    runtime: str | None  # spec of what runs networks where they are measured, such as ``onnxruntime[batch=8]``
    threads: int | None  # of the runtime, 1 unless said


class SpaceOptions(WindowOptions, MeasuringOptions, total=False):
    """Of `regnas.space`."""

    resolution: int | None  # pixels of a side, the space's own unless said
    classes: int | None  # outputs of the networks, the space's own unless said


class ReadingOptions(TypedDict, total=False):
    """How images are read, and how often in a training."""

    data_root: str | Path | None  # where downloaded data sets lie
    download: bool  # download the data set if it is not there
    skip_broken: bool  # go on without images that cannot be read
    resolution: int | None  # pixels of a side; the data set's own unless said
    epochs: int | None  # of each network; the data set's own unless said


class TrainingOptions(ReadingOptions, total=False):
    """What networks are trained on."""

    data: str  # spec of a data set, such as ``imagefolder:photos``


class DeviceOptions(TypedDict, total=False):
    """Where networks are evaluated; none of it is part of a study's identity."""

    device: str  # ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:0,1``
    executor: str  # spec: ``process``, ``ray``, ``submitit``
    ray_address: str | None  # HOST:PORT of a Ray cluster; Ray on this machine unless said
    per_device: int | str | None  # networks at a time on a GPU; 8 unless said, ``auto`` measures how many
    timeout: float | None  # seconds for one network


class ResourceOptions(DeviceOptions, total=False):
    """Where networks are evaluated, and how many at a time."""

    workers: int | None  # one per core or GPU unless said; 0 is this process


class PlaceOptions(TypedDict, total=False):
    """Where studies and files are kept."""

    storage: str | None  # an Optuna URL or a journal file; OUT/regnas.db unless said
    out: str | Path  # folder of everything else


class SearchOptions(WindowOptions, MeasuringOptions, TrainingOptions, ResourceOptions, PlaceOptions, total=False):
    """Of `regnas.search`."""

    strategy: str | BaseSampler  # a spec, or any Optuna sampler
    evaluator: str  # spec
    init: str | Path | None  # trained weights to begin with: ``timm:NAME``, ``torchvision:NAME``, a folder or a file
    budget: int | None  # networks that are evaluated, or with a pruner started; 25 unless said
    budget_epochs: int | None  # epochs of all networks together, after which the study ends
    objective: str  # ``error``, or a spec such as ``mnasnet[measure=flops,target=1.5M]``
    screen: str | None  # a score of ``zero-cost`` by which candidates are chosen before training, or ``none``
    keep: float | None  # share of the scored candidates that is trained, 0.25 unless said
    pruner: str  # spec, or ``none``
    seed: int  # of candidates and trainings
    study: str | None  # name; SPACE/STRATEGY/SEED unless said
    duplicates: str  # networks drawn again: ``reject``, ``reuse`` or ``allow``
    warm_start: str | Path | None  # another study to learn from: its folder, or its name in the storage
    enqueue: str | Path | None  # a file of networks to evaluate first
    pareto: Sequence[str]  # measures against which the best errors are listed
    baselines: bool  # train textbook networks first, which the winner must beat
    time: float | str | None  # seconds, or ``30m``, that everything may take
    log: Sequence[str]  # specs of loggers that hear of the search: ``tensorboard``, ``mlflow[uri=...]``
    retrain: int | str | None  # epochs to train the winner for at the end, or ``auto`` for what is left of the time
    quiet: bool  # print nothing


class FindOptions(WindowOptions, MeasuringOptions, ReadingOptions, ResourceOptions, total=False):
    """Of `regnas.find`, beside the images."""

    time: float | str  # seconds, or ``2h``, that everything may take; an hour unless said
    space: str | Space  # a spec, or a space; ``auto``, one that suits images and limits, unless said
    evaluator: str  # spec
    init: str | Path | None  # trained weights to begin with, as of `SearchOptions`; ``auto``, published networks
    seed: int  # of candidates and trainings
    out: str | Path | None  # folder of everything; regnas-runs/find-NAME unless said
    quiet: bool  # print nothing


class CompareOptions(WindowOptions, MeasuringOptions, TrainingOptions, ResourceOptions, PlaceOptions, total=False):
    """Of `regnas.compare`. All but the first group are for spaces that are trained."""

    complexity: str  # the measure that spaces are compared at equal amounts of, or ``none``
    bins: int | None  # of complexity; one per ten models unless said, at most ten
    margin: float  # difference of error that does not matter, a fraction
    alpha: float  # chance of any false "better"
    seed: int  # of candidates, trainings, permutations and bootstraps
    name: str | None  # of the comparison and its folder
    force: bool  # compare what should not be; every output is marked
    quiet: bool  # print nothing
    evaluator: str  # spec
    budget: int  # models of each space
    seeds: int  # trainings of each model
    seeds_on: int | None  # models that get more than one
    until_decided: bool  # stop a pair as soon as it is decided
    known: Sequence[str]  # populations whose trainings are taken over


class RefineOptions(WindowOptions, TrainingOptions, ResourceOptions, total=False):
    """Of `regnas.refine`."""

    evaluator: str  # spec
    budget: int  # networks in all
    steps: int  # tests at most
    margin: float  # difference of error that does not matter, a fraction
    alpha: float  # chance of any wrong acceptance
    power: float  # of a step's test
    complexity: str  # the measure that parent and child are compared at equal amounts of, or ``none``
    seed: int  # of candidates, trainings, splits and permutations
    propose: str | Path | None  # a file of changes of your own, one a line
    name: str | None  # of the session and its folder
    out: str | Path  # where everything is kept
    quiet: bool  # print nothing


class TrainedOptions(TrainingOptions, DeviceOptions, total=False):
    """Of benchmarks whose evaluators train."""


class BenchOptions(WindowOptions, TrainedOptions, total=False):
    """Of `regnas.bench`."""

    budget: int  # evaluations of every run
    repeats: int  # runs of every strategy
    seed: int  # of the first repeat
    workers: int  # evaluations at a time: simulated on a table
    pruner: str  # spec, or ``none``
    returned: str  # the network that a run returns: ``observed`` or ``model``
    duplicates: str  # ``reject`` or ``allow``
    null: bool  # permute a table's errors over its networks
    alpha: float  # level of the tests
    jobs: int | None  # simulations at a time; one per core unless said
    time: float | str | None  # seconds, or ``30m``, that runs may take
    name: str | None  # of the benchmark and its folder
    out: str | Path  # where everything is kept
    quiet: bool  # print nothing


def names_of(group: Any) -> frozenset[str]:
    """The names of a group's options."""
    names: frozenset[str] = group.__optional_keys__ | group.__required_keys__
    return names


def check_options(given: Mapping[str, object], group: Any, call: str) -> None:
    """Refuse options that a call does not have, and values of another kind than theirs.

    Args:
        group: one of the groups of this module.
        call: how the user calls it, such as ``search``.

    Raises:
        UsageError: with the nearest name, or all of them where none is near; or with what the option is.
    """
    known = sorted(names_of(group))
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"its options: {', '.join(known)}"
            raise UsageError(f"{call} has no option {name!r}; {hint}")
        _check_kind(name, value, group.__annotations__[name].__forward_arg__.split(" | "))


def _check_kind(name: str, value: object, kinds: Sequence[str]) -> None:
    """Whether a value is of one of the kinds that an option is annotated with; of others, its readers know."""
    if not all(kind in _KINDS for kind in kinds):
        return
    good = any(isinstance(value, _KINDS[kind][0]) for kind in kinds)
    if not good or (isinstance(value, bool) and "bool" not in kinds):
        words = " or ".join(_KINDS[kind][1] for kind in kinds if kind != "None")
        raise UsageError(f"--{name.replace('_', '-')} is {words}, got {value!r}")
