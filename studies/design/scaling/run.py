"""``regnas scale``: a network, scaled by rules to a target, and the file that other commands take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regnas.costs import complexity_of
from regnas.errors import InvalidArchitecture, RegnasError, UsageError
from regnas.images import Images
from regnas.measure import short_of
from regnas.scaling import Scaling, SupportsScaling
from regnas.studies.design.scaling.rules import NAMES, rule
from regnas.studies.design.scaling.source import Source
from regnas.studies.design.scaling.target import Reached, Scaled, by_cost, by_factor
from regnas.studies.design.scaling.timing import Conditions, Timing
from regnas.system.files import write_json
from regnas.window import Bounds, human, parse_bounds

_COUNTED = {"flops": "flops", "params": "params", "acts": "activations"}


@dataclass(frozen=True)
class Target:
    """What a scaled network is to cost, or by which factor it is scaled.

    Attributes:
        measure: whose bounds these are; None where the factor is said.
    """

    measure: str | None = None
    bounds: Bounds = Bounds()
    factor: float = 1.0

    @classmethod
    def of(cls, *, by: float | None = None, **texts: str | None) -> Target:
        """Read the flags ``flops``, ``params``, ``acts`` and ``by``, of which one is given.

        Raises:
            UsageError: none or several, or malformed.
        """
        given = {name: text for name, text in texts.items() if text is not None}
        if len(given) + (by is not None) != 1:
            raise UsageError("say what the network is to cost by one of --flops, --params, --acts and --by")
        if by is not None:
            if not 0 < by < math.inf:
                raise UsageError(f"--by is a number above 0, such as 4, or 0.5 for half of it; got {by!r}")
            return cls(factor=by)
        ((name, text),) = given.items()
        bounds = parse_bounds(text, name)
        if bounds.open or bounds.high == 0:
            raise UsageError(f"--{name} takes LOW:HIGH with k, M or G, such as 360M:400M, or 400M (1 %); got {text!r}")
        return cls(_COUNTED[name], bounds)

    @property
    def words(self) -> str:
        """As a user reads it."""
        return f"by {self.factor:g}" if self.measure is None else f"{short_of(self.measure)} {self.bounds}"


@dataclass(frozen=True)
class Scalings:
    """A network and what rules make of it.

    Attributes:
        reached: by rule, in the order asked.
        refused: rules that make nothing of it, and why.
        times: of the network and of what each rule made, if they were measured, and how.
    """

    source: Source
    target: Target
    reached: tuple[Reached, ...]
    refused: tuple[tuple[str, str], ...] = ()
    times: tuple[Timing, ...] = ()
    conditions: Conditions | None = None

    @property
    def networks(self) -> list[Scaled]:
        """What the rules made."""
        return [one.found for one in self.reached]


def scale_network(source: Source, target: Target, rules: Sequence[str] = ()) -> Scalings:
    """What each rule makes of a network; all four named ones unless said.

    A rule that cannot is refused with the reason, as long as another one can.

    Raises:
        UsageError: no such rule, or none of them can.
    """
    made, refused = [], []
    for one in [rule(text) for text in dict.fromkeys(rules or NAMES)]:
        try:
            if target.measure is None:
                made.append(Reached(by_factor(source.architecture, source.resolution, one, target.factor)))
            else:
                made.append(by_cost(source.architecture, source.resolution, one, target.measure, target.bounds))
        except InvalidArchitecture as error:
            refused.append((one.name, f"no network can have what {one.name} asks for: {error}"))
        except UsageError as error:
            refused.append((one.name, str(error)))
    if not made:
        raise UsageError("; ".join(dict.fromkeys(reason for _, reason in refused)))
    return Scalings(source, target, tuple(made), tuple(refused))


def growth(scalings: Scalings, one: Scaled) -> float | None:
    """The exponent by which activations grow with flops: 1 as fast, 1/2 as their root; None where flops are equal.

    Source: Dollar et al. 2021 (arXiv 2103.06877), section 3.
    """
    own = complexity_of(scalings.source.architecture, scalings.source.resolution)
    if not {"flops", "activations"} <= {*own} & {*one.cost} or own["flops"] == one.cost["flops"]:
        return None
    return math.log(one.cost["activations"] / own["activations"]) / math.log(one.cost["flops"] / own["flops"])


def rounded(scalings: Scalings, one: Scaled) -> list[str]:
    """What the rule asked for and the network got, of each part that is not as it was."""
    found = []
    network, pixels = scalings.source.architecture, scalings.source.resolution
    if isinstance(network, SupportsScaling) and isinstance(one.architecture, SupportsScaling):
        own, got = network.asked(Scaling()), one.architecture.asked(Scaling())
        for name, asked in network.asked(one.scaling).items():
            if not own[name] == got[name] == asked:
                found.append(f"{name.replace('_', ' ')} {_numbers(asked)} -> {_numbers(got[name])}")
    if one.scaling.resolution != 1:
        found.append(f"px {one.scaling.resolution * pixels:.4g} -> {one.resolution}")
    return found


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}" for value in values)


def missed(reached: Reached, target: Target) -> str | None:
    """Why a network is outside the window, with its neighbours; None where it is inside."""
    if reached.inside or target.measure is None:
        return None
    below = reached.found.cost[target.measure]
    name, rule_name = short_of(target.measure), reached.found.rule.name
    above = "nothing above" if reached.above is None else f"{reached.above.cost[target.measure]:,.0f} above"
    return (
        f"{rule_name}: its steps are too coarse for {human(target.bounds.low)} to {human(target.bounds.high)} {name}; "
        f"its neighbours are {below:,.0f} below, which is taken, and {above}"
    )


def to_json(scalings: Scalings, one: Scaled) -> dict[str, Any]:
    """A scaled network as a file that ``regnas train``, ``export`` and ``describe`` take."""
    source, scaling = scalings.source, one.scaling
    stored = dict(source.settings)
    classes = one.architecture.to_json().get("classes", 2)
    images: Mapping[str, Any] = stored.get("images") or Images(classes=classes).to_json()
    return {
        "architecture": one.architecture.to_json(),
        "resolution": one.resolution,
        "complexity": dict(one.cost),
        "settings": {**stored, "images": {**images, "resolution": one.resolution}},
        "scaled": {
            "rule": one.rule.name,
            "factor": one.factor,
            "target": scalings.target.words,
            "factors": {
                "depth": scaling.depth,
                "width": scaling.width,
                "group": scaling.group,
                "resolution": scaling.resolution,
            },
            "from": source.architecture.to_json(),
            "from_resolution": source.resolution,
        },
    }


def write(scalings: Scalings, path: str) -> None:
    """Write the network of the one rule that was asked.

    Raises:
        UsageError: several rules were asked.
        RegnasError: the file cannot be written.
    """
    if len(scalings.reached) != 1:
        raise UsageError("--output is for one network; say which by --rule")
    try:
        write_json(Path(path), to_json(scalings, scalings.reached[0].found))
    except OSError as error:
        raise RegnasError(f"cannot write {path}: {error.strerror}; name another file with --output") from error
