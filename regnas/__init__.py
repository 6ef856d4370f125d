"""regnas: neural architecture search on design spaces, on PyTorch and Optuna.

Importing this package imports neither torch, Optuna nor NumPy; using it does, when it must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from regnas.design_space import Space
    from regnas.studies.bench.results import Benchmark
    from regnas.studies.compare.analysis import Comparison
    from regnas.studies.search.search import SearchResult

__all__ = ["bench", "compare", "load", "search", "space"]


def space(
    text: str | Space,
    *,
    flops: str | float | None = None,
    params: str | float | None = None,
    acts: str | float | None = None,
    resolution: int | None = None,
    classes: int | None = None,
) -> Space:
    """The space of a spec inside a window, such as ``space("regnetx[wm=2]", flops="360M:400M")``.

    Args:
        text: a spec string, or a space.
        flops, params, acts: windows ``LOW:HIGH``, or one value for 1 % either way.
        resolution: pixels of a side, 224 unless said.
        classes: outputs of the networks, 1000 unless said.

    Raises:
        UsageError: a malformed spec or window.
    """
    from dataclasses import replace

    from regnas.design_space import make_space
    from regnas.errors import UsageError
    from regnas.window import Window

    found = make_space(text) if isinstance(text, str) else text
    images = replace(
        found.images,
        resolution=found.resolution if resolution is None else resolution,
        classes=found.classes if classes is None else classes,
    )
    if images.resolution < 1 or images.classes < 2:
        got = f"{images.resolution} and {images.classes}"
        raise UsageError(f"resolution is at least 1 pixel and classes at least 2, got {got}")
    window = Window.parse(flops, params, acts)
    return found.on(images).within(found.window if window.open else window)


def search(space: str | Space = "regnetx", **options: Any) -> SearchResult:
    """What ``regnas search`` does; the options are its flags (see `regnas.studies.search.plan.plan`).

    Args:
        space: a spec string, or a space with a window of its own.
        strategy: a spec string, or any Optuna sampler.
        budget: completed evaluations.
        quiet: print nothing.
        retrain: epochs to train the winner afterwards.

    Returns:
        ``best``, ``trials`` (a DataFrame where pandas is installed) and ``study``.
    """
    from regnas.studies.search.search import search as run

    return run(space, **options)


def compare(spaces: Sequence[str | Space] = (), *, populations: Sequence[str] = (), **options: Any) -> Comparison:
    """What ``regnas compare`` does; the options are its flags (see `regnas.studies.compare.run.compare`).

    Args:
        spaces: to train models of, each a spec string or a space.
        populations: or names of populations that are there.

    Returns:
        Every number of the comparison; ``pairs`` holds the verdicts and their sentences.
    """
    from regnas.studies.compare.run import compare as run

    return run(spaces, populations=populations, **options)


def bench(
    spaces: str | Space | Sequence[str | Space],
    evaluators: str | Sequence[str],
    strategies: str | Sequence[str] = (),
    **options: Any,
) -> Benchmark:
    """What ``regnas bench`` does; the options are its flags (see `regnas.studies.bench.api.bench`).

    Args:
        spaces: one or several, each a spec string or a space.
        evaluators: one for all spaces or one for each, such as ``table:nasbench201/cifar10``.
        strategies: specs; random search is always among them.

    Returns:
        Every number of the benchmark.
    """
    from regnas.studies.bench.api import bench as run

    return run(spaces, evaluators, strategies, **options)


def load(folder: str | Path) -> torch.nn.Module:
    """The trained network that ``regnas search`` or ``regnas train`` left in a folder, in evaluation mode."""
    from regnas.weights import load as read

    return read(folder)
