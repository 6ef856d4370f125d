"""What a program is told of a search, and how its answers are read: lines of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from regnas.costs import complexity_of
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.sampler import Feedback
from regnas.sampling.batch import Params

VERSION = 1


class Rubbish(Exception):
    """An answer that is no proposal; the text says why."""


def start(space: Space, seed: int) -> str:
    """The first line: what there is to choose, and inside what."""
    return _line(
        "start",
        protocol=VERSION,
        space=space.spec,
        seed=seed,
        window=str(space.window),
        parameters=[_parameter(name, law) for name, law in space.distributions.items()],
        conditions={name: {"of": one.parent, "in": list(one.values)} for name, one in space.conditions.items()},
    )


def _parameter(name: str, law: BaseDistribution) -> dict[str, Any]:
    if isinstance(law, CategoricalDistribution):
        return {"name": name, "kind": "choice", "values": list(law.choices)}
    assert isinstance(law, IntDistribution | FloatDistribution)
    kind = "int" if isinstance(law, IntDistribution) else "float"
    return {"name": name, "kind": kind, "low": law.low, "high": law.high, "step": law.step, "log": law.log}


def ask(trial: int) -> str:
    """A proposal is wanted: ``{"params": {...}}`` is the answer."""
    return _line("ask", trial=trial)


def refused(trial: int, params: Params, why: str, error: float | None) -> str:
    """The proposal before cannot be evaluated: another one is asked for, or another network was evaluated.

    ``error`` is that on record of one that was evaluated before.
    """
    return _line("refused", trial=trial, params=params, why=why, error=error)


def told(space: Space, feedback: Feedback) -> str:
    """A trial has ended. ``error`` is a fraction, null where there is none; ``origin`` says whose proposal it was."""
    error = feedback.error if feedback.error is not None and math.isfinite(feedback.error) else None
    diverged = feedback.error is not None and error is None
    state = "diverged" if diverged else "failed" if error is None else "pruned" if feedback.pruned else "complete"
    return _line(
        "tell",
        trial=feedback.number,
        params=feedback.params,
        error=error,
        state=state,
        origin=str(feedback.origin),
        proposal=feedback.proposal,
        costs=dict(complexity_of(space.decode(feedback.params), space.resolution)),
    )


def answer(space: Space, line: str) -> tuple[Params | None, float | None]:
    """The point that a line proposes, None where it has no opinion; and the processor seconds it says it took.

    Raises:
        Rubbish: it is no proposal.
    """
    shown = repr(line.strip()[:80])
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise Rubbish(f"it answered {shown}, and not JSON") from None
    if isinstance(value, Mapping) and value.get("error") and "params" not in value:
        raise Rubbish(f"it says {str(value['error'])[:200]}")
    if not isinstance(value, Mapping) or "params" not in value:
        raise Rubbish(f'an answer is {{"params": {{...}}}}, got {shown}')
    seconds = value.get("seconds")
    took = float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < math.inf else None
    params = value["params"]
    if not params:
        return None, took
    if not isinstance(params, Mapping):
        raise Rubbish(f'"params" is an object of values by parameter, got {shown}')
    for name, law in space.distributions.items():
        if name in params and not _holds(law, params[name]):
            raise Rubbish(f"{name} is one of {law}, got {params[name]!r}")
    try:
        return space.canonical(params), took
    except UsageError as error:
        raise Rubbish(str(error)) from error


def _holds(law: BaseDistribution, value: Any) -> bool:
    """Whether a value is in a parameter's range; between two steps is inside."""
    if isinstance(law, CategoricalDistribution):
        return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in law.choices)
    assert isinstance(law, IntDistribution | FloatDistribution)
    return isinstance(value, int | float) and not isinstance(value, bool) and law.low <= value <= law.high


def _line(event: str, **what: Any) -> str:
    return json.dumps({"event": event, **what})
