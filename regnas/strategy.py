"""The contract of strategies, and how one is made from its spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from regnas.errors import UsageError
from regnas.plugins import registry, spec

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from regnas.design_space import Space


# User attribute of a trial that another study evaluated: samplers learn from it, and it counts in no budget.
WARM = "regnas:warm"
LARGEST = 1_000_000  # of a number among a strategy's options


class MakeStrategy(Protocol):
    """What an entry point of ``regnas.strategies`` names.

    ``options`` holds the spec's options, and of every strategy: ``argument`` (what follows a colon), ``duplicates``
    (``reject``, ``reuse`` or ``allow``) and ``parallel`` (whether asks come before all tells). The sampler proposes
    only candidates of ``space`` that lie in its window, and works in plain ``optuna.create_study(sampler=...)``.
    """

    def __call__(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        """A new sampler; raises `UsageError` for options it does not have."""


def make_strategy(
    text: str, space: Space, *, seed: int, duplicates: str = "reject", parallel: bool = False
) -> BaseSampler:
    """The sampler of a spec: ``tpe`` or ``evolution[population=20]``."""
    name, argument, options = spec.parse(text, "strategy")
    common = {"argument": argument, "duplicates": duplicates, "parallel": parallel}
    found = {**common, **spec.json_options(options)}
    made: BaseSampler = registry.make("strategy", name, space, seed=seed, options=found)
    return made


def own_options(
    options: Mapping[str, Any], strategy: str, known: Mapping[str, Any], least: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """A strategy's own options over their defaults. A whole number is taken where the default is a float.

    Args:
        least: the smallest value of options that are numbers, 0 unless said; the largest is `LARGEST` of each.

    Raises:
        UsageError: an argument, an option it does not have, a value of another type than the default's, or a number
            outside its range.
    """
    if options.get("argument"):
        raise UsageError(
            f"strategy {strategy} takes nothing behind a colon, got {options['argument']!r}; options are in brackets, "
            f"{strategy}[key=value]"
        )
    given = {key: value for key, value in options.items() if key not in ("argument", "duplicates", "parallel")}
    for key, value in given.items():
        if key not in known:
            listed = ", ".join(known) or "none"
            raise UsageError(f"strategy {strategy} has no option {key!r}; its options: {listed}")
        wanted: Any = (int, float) if isinstance(known[key], float) else type(known[key])
        if isinstance(value, bool) != isinstance(known[key], bool) or not isinstance(value, wanted):
            raise UsageError(f"option {key} of strategy {strategy} is a {type(known[key]).__name__}, got {value!r}")
        low = (least or {}).get(key, 0)
        if isinstance(value, int | float) and not low <= value <= LARGEST:
            raise UsageError(
                f"option {key} of strategy {strategy} is a number from {low:g} to {LARGEST:,}, got {value!r}"
            )
        given[key] = float(value) if isinstance(known[key], float) else value
    return {**known, **given}
