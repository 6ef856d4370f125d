"""The options of controllers, and the papers' settings by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regnas.errors import UsageError
from regnas.strategies.models.policy_gradient import BASELINES
from regnas.strategy import own_options

CONTROLLERS = ("lstm", "softmax")
_LEAST = {"layers": 1, "units": 1, "bins": 2, "batch": 1, "epochs": 1, "rate": 1e-9, "by": 1, "last": 1}


def chosen(
    options: Mapping[str, Any], strategy: str, known: Mapping[str, Any], papers: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A controller's options: the defaults, over them what a paper says, over it what the user says.

    Raises:
        UsageError: an unknown paper, controller or baseline, an option it does not have, or a number out of range.
    """
    whole = {**known, "paper": ""}
    found = own_options(options, strategy, whole, _LEAST)
    if (paper := found.pop("paper")) and paper not in papers:
        raise UsageError(f"paper of strategy {strategy} is one of {', '.join(papers)}, got {paper!r}")
    found |= {name: value for name, value in papers.get(paper, {}).items() if name not in options}
    for name, texts in (("controller", CONTROLLERS), ("baseline", BASELINES)):
        if found[name] not in texts:
            raise UsageError(f"{name} of strategy {strategy} is one of {', '.join(texts)}, got {found[name]!r}")
    for name in ("decay", "clip"):
        if found.get(name, 0) >= 1:
            raise UsageError(f"{name} of strategy {strategy} is a number from 0 and below 1, got {found[name]}")
    return found
