"""ENAS's controller: an LSTM that decides networks state by state, and attends to the states before.

Source: Pham et al. 2018 (arXiv 1802.03268), section 2; melodyguan/enas ``src/cifar10/micro_controller.py`` and
``general_controller.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.states import DecidedPart, State

_NEVER = -1e9  # added to the logit of what is not in the space
_FAVOUR = 10.0  # of favoured operations, learned from there
_FIRST_FAVOUR = 0.25  # of them in the first part, and as much against the others; never learned


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Of a controller.

    Attributes:
        units: of the LSTM's one layer.
        start: weights begin uniform in [-start, start].
        tanh, reduce: logits are ``tanh`` times a hyperbolic tangent, those of operations over ``reduce``.
        skip_target: the share of skips that is aimed at.
    """

    units: int = 64
    start: float = 0.1
    tanh: float = 1.5
    reduce: float = 1.0
    skip_target: float = 0.4


@dataclass
class Drawn:
    """n networks.

    Attributes:
        points: the decided parameters of each.
        log_probs: of each network, ``(n,)``, with a gradient.
        entropies: in nats, summed over its decisions given those before, ``(n,)``: on average the controller's own.
        bonuses: what the authors add to the reward for it, ``(n,)``: the same, but where there are skips only
            ``-p log p`` of what was drawn.
        penalties: how far skips are from their target, ``(n,)``, the mean over states that have some; with a gradient.
    """

    points: list[dict[str, Any]]
    log_probs: Tensor
    entropies: Tensor
    bonuses: Tensor
    penalties: Tensor


@dataclass
class _Walk:
    """Where n networks are on their way through the decisions; tensors are ``(n, units)`` unless said."""

    read: Tensor
    memory: tuple[Tensor, Tensor]
    points: list[dict[str, Any]]
    uniforms: torch.Generator
    sums: dict[str, Tensor]  # by the names of `Drawn`, each ``(n,)``
    anchors: list[Tensor] = field(default_factory=list)
    keys: list[Tensor] = field(default_factory=list)  # what is attended to
    skipping: int = 0


class AttentionController(nn.Module):
    """Decides whole networks, many at a time, on the processor.

    Args:
        parts: what is decided.
        allowed: of each parameter the values that there are, all of them unless it is fixed or narrowed.
    """

    def __init__(
        self,
        parts: Sequence[DecidedPart],
        allowed: Mapping[str, Sequence[Any]],
        shape: Shape,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self._parts, self._shape = tuple(parts), shape
        self._allowed = {name: set(values) for name, values in allowed.items()}
        units, first = shape.units, self._parts[0]
        self._operations = first.operations
        self._skips = any(state.skips for part in parts for state in part.states)
        sizes = {"lstm": (2 * units, 4 * units), "begin": (1, units), "attend_old": (units, units)}
        sizes |= {"attend_new": (units, units), "attend": (units, 1)}
        sizes |= {"embedding": (len(self._operations), units), "operate": (units, len(self._operations))}
        for name, size in sizes.items():
            drawn = (2 * torch.rand(size, generator=generator) - 1) * shape.start
            self.register_parameter(name, nn.Parameter(drawn))
        favoured = torch.tensor([float(name in first.favoured) for name in self._operations])
        self._favours = bool(first.favoured)
        self.register_parameter("favour", nn.Parameter(_FAVOUR * favoured) if self._favours else None)
        fixed = _FIRST_FAVOUR * (2 * favoured - 1) if self._favours else 0 * favoured
        self.register_buffer("first_favour", fixed, persistent=False)

    def draw(self, count: int, uniforms: torch.Generator) -> Drawn:
        """Networks, each decision by one uniform number of each."""
        units, none = self._shape.units, torch.zeros(count)
        memory = (torch.zeros(count, units), torch.zeros(count, units))
        names = ("log_probs", "entropies", "bonuses", "penalties")
        begin = self.get_parameter("begin").expand(count, -1)
        walk = _Walk(begin, memory, [{} for _ in range(count)], uniforms, dict.fromkeys(names, none))
        for number, part in enumerate(self._parts):
            walk.anchors, walk.keys = [], []
            for _ in range(part.before):
                walk.read = begin
                self._anchor(walk, anchored=False)
            for state in part.states:
                self._decide(walk, state, first=number == 0)
        walk.sums["penalties"] = walk.sums["penalties"] / max(1, walk.skipping)
        return Drawn(walk.points, **walk.sums)

    def _decide(self, walk: _Walk, state: State, *, first: bool) -> None:
        for name in state.inputs:
            old = torch.stack(walk.keys, dim=1)
            logits = self._attended(old, self._step(walk))
            picked = self._pick(walk, self._shape.tanh * torch.tanh(logits), name, range(len(walk.keys)))
            walk.read = torch.stack(walk.anchors, dim=1)[torch.arange(len(picked)), picked]
        for name in state.operations:
            raw = self._step(walk) @ self.get_parameter("operate")
            raw = raw + self.get_parameter("favour") if self._favours else raw
            logits = self._shape.tanh / self._shape.reduce * torch.tanh(raw)
            picked = self._pick(walk, logits + self.get_buffer("first_favour") * first, name, self._operations)
            walk.read = self.get_parameter("embedding")[picked]
        self._anchor(walk, skips=state.skips)

    def _anchor(self, walk: _Walk, *, anchored: bool = True, skips: Sequence[str] = ()) -> None:
        """A further step, whose output later states attend to; and which earlier states skip to this one.

        An input of a cell has a key that can be attended to, and zeros as what is read then.
        """
        state = self._step(walk)
        walk.read = self.get_parameter("begin").expand(len(state), -1)
        if skips:
            logits = self._shape.tanh * torch.tanh(self._attended(torch.stack(walk.keys, dim=1), state))
            taken = [
                self._pick(walk, torch.stack([-one, one], dim=1), name, (0, 1))
                for name, one in zip(skips, logits.unbind(1), strict=True)
            ]
            chosen = torch.stack(taken, dim=1).float()
            walk.sums["penalties"] = walk.sums["penalties"] + skip_penalty(logits, self._shape.skip_target).sum(1)
            walk.skipping += 1
            summed = torch.einsum("ns,nsu->nu", chosen, torch.stack(walk.anchors, dim=1))
            walk.read = summed / (1 + chosen.sum(1, keepdim=True))
        walk.anchors.append(state if anchored else torch.zeros_like(state))
        walk.keys.append(state @ self.get_parameter("attend_old"))

    def _attended(self, old: Tensor, state: Tensor) -> Tensor:
        """Of each earlier state ``(n, states, units)`` how much it is wanted, ``(n, states)``, unbounded."""
        query = torch.tanh(old + (state @ self.get_parameter("attend_new"))[:, None])
        return (query @ self.get_parameter("attend"))[..., 0]

    def _step(self, walk: _Walk) -> Tensor:
        """One step of the LSTM, which has no biases."""
        cell, hidden = walk.memory
        gates = torch.cat([walk.read, hidden], dim=1) @ self.get_parameter("lstm")
        into, forget, out, new = gates.chunk(4, dim=1)
        cell = torch.sigmoid(into) * torch.tanh(new) + torch.sigmoid(forget) * cell
        walk.memory = (cell, torch.sigmoid(out) * torch.tanh(cell))
        return walk.memory[1]

    def _pick(self, walk: _Walk, logits: Tensor, name: str, values: Sequence[Any]) -> Tensor:
        """Draw one of these values for each network, ``(n,)``, and note how likely it was."""
        never = torch.tensor([0.0 if value in self._allowed[name] else _NEVER for value in values])
        logs = functional.log_softmax(logits + never, dim=1)
        chances = logs.detach().exp()
        bounds = chances.double().cumsum(1)
        drawn = torch.rand(len(logs), 1, generator=walk.uniforms, dtype=torch.float64) * bounds[:, -1:]
        picked = (drawn >= bounds).sum(1).clamp_max(len(values) - 1)
        taken = logs.gather(1, picked[:, None])[:, 0]
        entropy, likely = -(chances * logs.detach()).sum(1), taken.detach()
        walk.sums["log_probs"] = walk.sums["log_probs"] + taken
        walk.sums["entropies"] = walk.sums["entropies"] + entropy
        walk.sums["bonuses"] = walk.sums["bonuses"] + (-likely * likely.exp() if self._skips else entropy)
        for point, place in zip(walk.points, picked.tolist(), strict=True):
            point[name] = values[place]
        return picked


def skip_penalty(logits: Tensor, target: float) -> Tensor:
    """What the authors call the divergence of a skip's law from its target.

    A skip is drawn with the probability ``sigmoid(2 z)``, z being its logit and -z that of none, and the penalty takes
    ``sigmoid(z)`` and ``sigmoid(-z)`` for their probabilities.

    Args:
        logits: ``(n, skips)``, as what is returned.

    Source: melodyguan/enas ``general_controller.py``.
    """
    there, none = torch.sigmoid(logits), torch.sigmoid(-logits)
    return there * (there / target).log() + none * (none / (1 - target)).log()


class ReferenceAdam:
    """Adam as the authors have it: no first moment, and an epsilon that the bias correction does not touch.

    Source: Kingma and Ba 2015, end of section 2, as in TensorFlow's optimiser; melodyguan/enas ``src/utils.py``:
    beta1 = 0, epsilon = 1e-3.
    """

    _DECAY, _EPSILON = 0.999, 1e-3

    def __init__(self, parameters: Sequence[nn.Parameter], rate: float) -> None:
        self._parameters, self._rate, self.steps = list(parameters), rate, 0
        self.squares = [torch.zeros_like(parameter) for parameter in self._parameters]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Down these gradients, one of the shape of each parameter, ``(...)``."""
        self.steps += 1
        rate = self._rate * float((1 - self._DECAY**self.steps) ** 0.5)
        for parameter, square, gradient in zip(self._parameters, self.squares, gradients, strict=True):
            square.mul_(self._DECAY).addcmul_(gradient, gradient, value=1 - self._DECAY)
            parameter.addcdiv_(gradient, square.sqrt() + self._EPSILON, value=-rate)

    def state(self) -> dict[str, Any]:
        """All that `load` needs."""
        return {"steps": self.steps, "squares": [one.clone() for one in self.squares]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        self.steps, self.squares = state["steps"], [one.clone() for one in state["squares"]]
