"""What the best and the worst networks look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from regnas.architecture import Architecture
from regnas.describe import rebuilt
from regnas.drawing import Profile, drawing, profile, profile_scale
from regnas.studies.compare.analysis import Comparison, Summary
from regnas.studies.reporting import style

_SHOWN = 4


def networks(comparison: Comparison) -> Any | None:
    """What the best and the worst networks look like; None where no space's networks have a picture.

    Networks with a profile are drawn over one another where all have the same one, such as block width against block
    index; others one by one.
    """
    named = zip(comparison.summaries, comparison.called, strict=True)
    shown = [found for one, name in named if (found := _extremes(one, name)) is not None]
    if not shown:
        return None
    profiles = {one if one is None else (one.x, one.y) for found in shown for one in found.profiles}
    return _one_by_one(shown) if None in profiles or len(profiles) > 1 else _over_one_another(shown)


@dataclass(frozen=True)
class _Extremes:
    """The best and the worst networks of one space, as many of each, the best and the worst first."""

    name: str
    networks: tuple[list[Architecture], list[Architecture]]
    errors: tuple[list[float], list[float]]

    @property
    def profiles(self) -> list[Profile | None]:
        return [profile(network) for networks in self.networks for network in networks]

    @property
    def titles(self) -> tuple[str, str]:
        name = style.label(self.name)
        return f"{name}, best errors", f"{name}, worst errors"


def _extremes(summary: Summary, name: str) -> _Extremes | None:
    """None where the networks are of several kinds, unknown, or have no picture."""
    population = summary.population
    if len({(network or {}).get("kind") for network in population.architectures}) > 1:
        return None
    order = np.lexsort((population.error, population.diverged.any(axis=1)))  # what diverged is the best of nothing
    count = max(1, min(_SHOWN, len(order) // 2))
    places = order[:count].tolist(), order[::-1][:count].tolist()
    found = [[rebuilt(population.architectures[place] or {}) for place in some] for some in places]
    known = [[network for network in some if network is not None and drawing(network) is not None] for some in found]
    if [len(some) for some in known] != [count, count]:
        return None
    errors = [[float(population.error[place]) for place in some] for some in places]
    return _Extremes(name, (known[0], known[1]), (errors[0], errors[1]))


def _over_one_another(shown: list[_Extremes]) -> Any:
    from matplotlib.ticker import MaxNLocator

    figure, grid = style.new(5.6, 1.75 * len(shown) + 0.4, len(shown), 2, sharey=True)
    profiles = [one for found in shown for one in found.profiles if one is not None]
    for row, found in zip(grid, shown, strict=True):
        for axes, networks, errors, title in zip(row, found.networks, found.errors, found.titles, strict=True):
            for number, (network, error) in enumerate(zip(networks, errors, strict=True)):
                _draw(axes, profile(network), error, number)
            axes.set_title(title, fontsize=8)
            profile_scale(axes, profiles)
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.legend(fontsize=6, loc="upper left", handlelength=1.5, ncols=2, columnspacing=1)
            axes.tick_params(labelsize=7)
        row[0].set_ylabel(profiles[0].y, fontsize=8)
    grid[0, 0].set_ylim(top=4 * grid[0, 0].get_ylim()[1])  # room for the legends; all panels share the axis
    for axes in grid[-1]:
        axes.set_xlabel(profiles[0].x, fontsize=8)
    return figure


def _draw(axes: Any, shown: Profile | None, error: float, number: int) -> None:
    values = () if shown is None else shown.values
    places = np.arange(1, len(values) + 1)
    look = {**style.line(number), "linewidth": 1.2}
    axes.step(places, values, where="mid", marker=style.MARKERS[number], markersize=2.5, label=f"{error:.1%}", **look)


def _one_by_one(shown: list[_Extremes]) -> Any:
    """The best network of each space, and the worst."""
    figure, grid = style.new(8.4, 2.8 * len(shown) + 0.2, len(shown), 2)
    for row, found in zip(grid, shown, strict=True):
        for axes, networks, errors, word in zip(row, found.networks, found.errors, ("best", "worst"), strict=True):
            if (draw := drawing(networks[0])) is not None:
                draw(axes, {})
            axes.set_title(f"{style.label(found.name)}, {word} error {errors[0]:.1%}", fontsize=8)
    return figure
