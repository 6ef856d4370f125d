"""Candidates that begin with trained weights: what they take, and the network of these weights as a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regnas.architecture import Architecture, from_json
from regnas.baseline import Baseline, inside
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.plugins import spec
from regnas.pretrained import with_classes
from regnas.sampling import costing
from regnas.studies.training.using.network import find_trained
from regnas.window import Window

if TYPE_CHECKING:
    from regnas.evaluators.training.options.transfer import Taken

AUTO = "auto"  # published networks, as a find chooses them
_SUFFIX = " fine-tuned"
_OPTION = "init"  # of the evaluator's spec, of a recipe, and of what is kept beside weights
_LOOKED_AT = 8  # candidates of which it is said beforehand how much they take


def begun_with(evaluator: str, source: str) -> str:
    """The spec of an evaluator whose networks begin with trained weights.

    Raises:
        UsageError: it names weights already, or is ``auto``.
        RegnasError: a folder without any.
    """
    if source == AUTO:
        raise UsageError(
            "--init auto is for regnas find, which compares published networks with what it searches; name weights "
            "here, such as timm:regnetx_002"
        )
    if _OPTION in spec.parse(evaluator, "evaluator")[2]:
        raise UsageError(f"--init {source} and {_OPTION}= in --evaluator {evaluator}: give one of them")
    return spec.with_options(evaluator, {_OPTION: source_of(source)})


def source_of(text: str) -> str:
    """A source as it is kept: a file or folder by its whole path, of a study the winner as it was trained last.

    Raises:
        RegnasError: a folder without weights.
    """
    path = Path(text)
    if not path.exists():
        return text
    if path.is_dir() and not any(path.glob("*.safetensors")):
        path = find_trained(text).folder
    return str(path.resolve())


def label_of(source: str) -> str:
    """A source in a word, for names of studies and baselines."""
    path = Path(source)
    return "/".join(path.resolve().parts[-2:]) if path.exists() else source


def said(space: Space, facts: Mapping[str, Any], *, seed: int) -> str | None:
    """How much of candidates comes from the weights that they begin with, in a line; None where they begin anew.

    Args:
        facts: of the evaluator.
        seed: of the candidates that are looked at.

    Raises:
        UsageError: the weights are of another family, or nothing of them fits.
    """
    known = facts.get(_OPTION)
    if not isinstance(known, Mapping):
        return None
    looked_at = [one.architecture for one in costing.closed(space).sample(_LOOKED_AT, seed=seed, duplicates="allow")]
    if "sources" in known:  # published networks are compared with candidates, whether these take of them or not
        shares = sorted(taken(one, known).share for one in looked_at)
        return _said_of(known["source"], shares) if shares[-1] else f"candidates begin anew beside {known['source']}"
    source = from_json(known["architecture"])
    if kinds := {one.kind for one in looked_at} - {source.kind}:
        raise UsageError(
            f"{known['source']} holds weights of the kind {source.kind}, and the networks of {space.spec} are of the "
            f"kind {' or '.join(sorted(kinds))}; name a space of that kind with --space, or other weights"
        )
    shares = sorted(taken(one, known).share for one in looked_at)
    if not shares[-1]:
        raise UsageError(
            f"nothing of {known['source']} fits the networks of {space.spec}: their blocks are others; name another "
            f"space with --space, or other weights"
        )
    hint = "; these are few: a space with blocks of its kind takes more (--space)" if shares[-1] < 0.1 else ""
    return _said_of(known["source"], shares) + hint


def _said_of(source: str, shares: Sequence[float]) -> str:
    return (
        f"candidates begin with {source}: the first {len(shares)} take {shares[0]:.0%} to {shares[-1]:.0%} of their "
        f"parameters from it"
    )


def taken(architecture: Architecture, known: Mapping[str, Any]) -> Taken:
    """How much a network takes; neither it nor the weights are there.

    Args:
        known: what the evaluator says of the weights.
    """
    import torch

    from regnas.evaluators.training.options.transfer import take

    found = []
    for one in known.get("sources", [known]):
        source = from_json(one["architecture"])
        with torch.device("meta"):
            network, state = architecture.build(), source.build().state_dict()
        found.append(take(network, architecture, source, state, same_classes=bool(one.get("same_classes"))))
    return max(found, key=lambda one: one.share)


def fine_tuned(space: Space, limit: Window, facts: Mapping[str, Any]) -> tuple[Baseline, ...]:
    """The networks of the weights that candidates begin with, with outputs for these classes, where they lie inside the
    window or what was asked for: none where candidates begin anew, or none does.

    Args:
        limit: as it was asked for; the window of the space may be its upper half.
    """
    known = facts.get(_OPTION)
    if not isinstance(known, Mapping):
        return ()
    named = {
        f"{label_of(one['source'])}{_SUFFIX}": with_classes(from_json(one["architecture"]), space.classes)
        for one in known.get("sources", [known])
    }
    spaces = (space, replace(space, window=limit))
    return tuple(
        Baseline(name, network) for name, network in named.items() if any(inside(one, network) for one in spaces)
    )


def is_fine_tuned(name: str) -> bool:
    """Whether a baseline of this name is a network of the weights that candidates begin with."""
    return name.endswith(_SUFFIX)
