"""regnas: neural architecture search on design spaces, on PyTorch and Optuna.

Importing this package imports neither torch, Optuna nor NumPy; using it does, when it must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from regnas.design_space import Space
    from regnas.options import BenchOptions, CompareOptions, FindOptions, RefineOptions, SearchOptions, SpaceOptions
    from regnas.studies.bench.results import Benchmark
    from regnas.studies.compare.analysis import Comparison
    from regnas.studies.find.find import FindResult
    from regnas.studies.populations.population import Population
    from regnas.studies.refine.report.record import Report
    from regnas.studies.search.search import SearchResult
    from regnas.weights import TrainedNetwork

__all__ = ["bench", "compare", "find", "load", "refine", "search", "space"]


def space(text: str | Space, **options: Unpack[SpaceOptions]) -> Space:
    """The space of a spec inside a window, such as ``space("regnetx[wm=2]", flops="360M:400M")``.

    Args:
        text: a spec string, or a space.
        options: windows ``flops``, ``params``, ``acts``: ``LOW:HIGH``, or one value for 1 % either way; ``limits`` on
            any measures by name; ``latency`` with ``runtime`` and ``threads``; ``resolution`` in pixels of a side and
            ``classes``, the space's own unless said (see `regnas.options.SpaceOptions`).

    Raises:
        UsageError: a malformed spec or window, or an option that there is not.
    """
    from dataclasses import replace

    from regnas.design_space import make_space
    from regnas.errors import UsageError
    from regnas.options import SpaceOptions, check_options
    from regnas.sampling.costing import metered
    from regnas.window import Window

    check_options(options, SpaceOptions, "space")
    found = make_space(text) if isinstance(text, str) else text
    resolution, classes = options.get("resolution"), options.get("classes")
    images = replace(
        found.images,
        resolution=found.resolution if resolution is None else resolution,
        classes=found.classes if classes is None else classes,
    )
    if images.classes < 2:
        raise UsageError(f"classes are at least 2, got {images.classes}")
    costs = (options.get("flops"), options.get("params"), options.get("acts"))
    window = Window.parse(*costs, options.get("limits", ()), options.get("latency"))
    return metered(found.on(images).within(found.window if window.open else window), options)


def search(space: str | Space = "auto", **options: Unpack[SearchOptions]) -> SearchResult:
    """What ``regnas search`` does; the options are its flags (see `regnas.options.SearchOptions`).

    Args:
        space: a spec string, or a space with a window of its own; ``auto`` is one that suits images and window.

    Returns:
        ``best``, ``trials`` (a DataFrame where pandas is installed) and ``study``.

    Raises:
        UsageError: an option that there is not, or what makes no sense.
        RegnasError: what is not there, or fails on the way.
    """
    from regnas.studies.search.search import search as run

    return run(space, **options)


def find(data: str | Path, **options: Unpack[FindOptions]) -> FindResult:
    """What ``regnas find`` does; the options are its flags (see `regnas.options.FindOptions`).

    Args:
        data: a folder of pictures, with a folder for each class, or the spec of a data set.

    Returns:
        ``folder``, which `load` takes, ``conclusion`` in a sentence, and ``record`` with all numbers.

    Raises:
        UsageError: an option that there is not, or what makes no sense.
        RegnasError: what is not there, or fails on the way.
    """
    from regnas.studies.find.find import find as run

    return run(data, **options)


def compare(
    spaces: Sequence[str | Space] = (),
    *,
    populations: str | Path | Population | Sequence[str | Path | Population] = (),
    **options: Unpack[CompareOptions],
) -> Comparison:
    """What ``regnas compare`` does; the options are its flags (see `regnas.options.CompareOptions`).

    Args:
        spaces: to train models of, each a spec string or a space.
        populations: or names, files or values of populations that are there.

    Returns:
        Every number of the comparison; ``pairs`` holds the verdicts and their sentences.

    Raises:
        UsageError: an option that there is not, or what makes no sense.
        RegnasError: what is not there, or fails on the way.
    """
    from regnas.studies.compare.run import compare as run

    return run(spaces, populations=populations, **options)


def refine(space: str | Space, **options: Unpack[RefineOptions]) -> Report:
    """What ``regnas refine`` does; the options are its flags (see `regnas.options.RefineOptions`).

    Args:
        space: the first space of the chain, a spec string or a space.

    Returns:
        Every number of the session: ``last`` is the spec of the last space, ``steps`` the evidence.

    Raises:
        UsageError: an option that there is not, or what makes no sense.
        RegnasError: what is not there, or fails on the way.
    """
    from regnas.studies.refine.session import refine as run

    return run(space, **options)


def bench(
    spaces: str | Space | Sequence[str | Space],
    evaluators: str | Sequence[str],
    strategies: str | Sequence[str] = (),
    **options: Unpack[BenchOptions],
) -> Benchmark:
    """What ``regnas bench`` does; the options are its flags (see `regnas.options.BenchOptions`).

    Args:
        spaces: one or several, each a spec string or a space.
        evaluators: one for all spaces or one for each, such as ``table:nasbench201/cifar10``.
        strategies: specs; random search is always among them.

    Returns:
        Every number of the benchmark.

    Raises:
        UsageError: an option that there is not, or what makes no sense.
        RegnasError: what is not there, or fails on the way.
    """
    from regnas.studies.bench.api import bench as run

    return run(spaces, evaluators, strategies, **options)


def load(folder: str | Path) -> TrainedNetwork:
    """The trained network that ``regnas search`` or ``regnas train`` left in a folder, in evaluation mode.

    It is a torch module, and ``load(folder).predict(["shoe.png"])`` names what pictures show.
    """
    from regnas.weights import load as read

    return read(folder)
