"""What ``regnas scale`` prints: a row for the network and for what each rule makes of it, and numbers as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from regnas.architecture import Architecture
from regnas.costs import complexity_of
from regnas.describe import summary
from regnas.measure import BUILT_IN
from regnas.scaling import Scaling, SupportsScaling
from regnas.studies.design.scaling.run import Scalings, growth, missed, rounded, to_json
from regnas.studies.design.scaling.timing import Timing
from regnas.studies.reporting.costs import cell, head
from regnas.studies.reporting.text_table import Table

_LONGEST = 48  # characters of a network in a table


def table(scalings: Scalings) -> Table:
    """The costs of all networks, their exponents, and their times where these were measured."""
    source = scalings.source
    own = complexity_of(source.architecture, source.resolution)
    heads = ("rule", "network", "px", *map(head, BUILT_IN), "x flops", "acts ~ flops^")
    rows = [("-", _line(source.architecture), str(source.resolution), *_costs(own), "1", "")]
    for one in scalings.networks:
        exponent = growth(scalings, one)
        ratio = f"{one.cost['flops'] / own['flops']:.3g}" if "flops" in own and "flops" in one.cost else ""
        shown = "" if exponent is None else f"{exponent:.2f}"
        rows.append((one.rule.name, _line(one.architecture), str(one.resolution), *_costs(one.cost), ratio, shown))
    if scalings.times:
        heads = (*heads, "ms", "quartiles")
        rows = [(*row, *_times(time)) for row, time in zip(rows, scalings.times, strict=True)]
    return Table(f"{source.name}, {scalings.target.words}", heads, tuple(rows))


def _line(network: Architecture) -> str:
    """The network in a line; of one that is long, only what is scaled."""
    line = summary(network).line
    if len(line) <= _LONGEST or not isinstance(network, SupportsScaling):
        return line
    parts = dict(network.asked(Scaling()))
    depths, widths = parts.get("depths", ()), parts.get("widths", ())
    pairs = []
    if depths and len(depths) == len(widths):  # as staged networks print: 2x16 3x24
        pairs = [" ".join(f"{depth:g}x{width:g}" for depth, width in zip(depths, widths, strict=True))]
        parts = {name: values for name, values in parts.items() if name not in ("depths", "widths")}
    rest = (f"{name.replace('_', ' ')} {' '.join(f'{one:g}' for one in values)}" for name, values in parts.items())
    return ", ".join([*pairs, *rest])


def _costs(cost: Mapping[str, float]) -> list[str]:
    return [cell(name, cost) for name in BUILT_IN]


def _times(time: Timing) -> tuple[str, str]:
    return f"{1e3 * time.median:.3g}", f"{1e3 * time.low:.3g}-{1e3 * time.high:.3g}"


def sentences(scalings: Scalings) -> list[str]:
    """What was rounded, what was not reached, and how times were measured."""
    parts = [(one.rule.name, "; ".join(rounded(scalings, one)) or "as it was") for one in scalings.networks]
    found = [f"{name}: {changed}" for name, changed in parts]
    found += [said for one in scalings.reached if (said := missed(one, scalings.target)) is not None]
    found += [f"{name}: {reason}" if not reason.startswith(name) else reason for name, reason in scalings.refused]
    return [*found, scalings.conditions.words] if scalings.conditions else found


def as_json(scalings: Scalings) -> dict[str, Any]:
    """All numbers, as JSON values."""
    source = scalings.source
    times: Sequence[Timing | None] = scalings.times[1:] or [None] * len(scalings.reached)
    networks = []
    for reached, time in zip(scalings.reached, times, strict=True):
        one = reached.found
        networks.append(
            to_json(scalings, one)
            | {
                "inside": reached.inside,
                "above": None if reached.above is None else dict(reached.above.cost),
                "exponent": growth(scalings, one),
                **({} if time is None else {"seconds": time.__dict__}),
            }
        )
    return {
        "network": source.architecture.to_json(),
        "resolution": source.resolution,
        "complexity": dict(complexity_of(source.architecture, source.resolution)),
        "target": scalings.target.words,
        "scaled": networks,
        "refused": dict(scalings.refused),
        **({} if scalings.conditions is None else {"measured": scalings.conditions.words}),
        **({} if not scalings.times else {"seconds": scalings.times[0].__dict__}),
    }
