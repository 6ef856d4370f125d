"""The screen of a search: candidates are scored as they are built, and only the best of them are trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, RegnasError, StudyError, UsageError
from regnas.evaluator import Context, Evaluator, Task, make_evaluator
from regnas.plugins import spec
from regnas.sampler import SupportsInner, SupportsScores
from regnas.sampling.stream import Stream
from regnas.studies.audit.scored import SCORES, Scored, kept, seed_of
from regnas.system.files import append_json

FOLDER, FEATURES = "screen", "features"  # of a study: what was scored to choose, and for a strategy to learn from
NO_SCREEN = "none"
USUAL = 0.25  # share that is kept where none is said
_KEPT = 10  # of the networks of a block of the stream


@dataclass(frozen=True)
class Screen:
    """What candidates are screened by.

    Attributes:
        score: a score of the evaluator ``zero-cost``, the more the better, or with its options: ``zen[inits=3]``.
        keep: share of what is scored that is trained.

    Raises:
        UsageError: a share that is not between 0.001 and 0.9, or a malformed score.
    """

    score: str
    keep: float = USUAL

    def __post_init__(self) -> None:
        if not 0.001 <= self.keep <= 0.9:
            raise UsageError(f"--keep is the share of scored candidates that is trained, 0.001 to 0.9; got {self.keep}")
        if spec.parse(self.score, "score")[1]:
            raise UsageError(f"a score has its options in brackets, such as zen[inits=3]; got --screen {self.score!r}")

    def __str__(self) -> str:
        """As it stands in a study's settings and name."""
        return f"{self.score} keep {self.keep:g}"

    @property
    def name(self) -> str:
        """Of the score alone."""
        return spec.parse(self.score, "score")[0]

    @property
    def evaluator(self) -> str:
        """The evaluator that scores."""
        name, _, options = spec.parse(self.score, "score")
        return "zero-cost[" + ",".join([f"score={name}", *(f"{key}={value}" for key, value in options.items())]) + "]"

    @property
    def block(self) -> int:
        """Networks of the stream of which the best 10 are trained."""
        return round(_KEPT / self.keep)

    @property
    def among(self) -> int:
        """Proposals of a strategy of which the best one is trained."""
        return round(1 / self.keep)

    def said(self, learns: bool) -> str:
        """What the law of what is trained is, in a line."""
        own = f"; of every {self.among} proposals of the strategy the best one" if learns and self.among > 1 else ""
        return (
            f"screen: of every {self.block} random networks the {_KEPT} with the highest {self.name} are trained, in "
            f"the order they were drawn{own}. What is trained is no random sample of the space"
        )

    def drawn(self, count: int) -> int:
        """Networks that are scored where the stream gives so many."""
        return math.ceil(count / _KEPT) * self.block


def screen_of(score: str | None, keep: float | None) -> Screen | None:
    """The screen that a user asks for; None without.

    Raises:
        UsageError: a share without a score, or as of `Screen`.
    """
    if score is None or score.strip() in ("", NO_SCREEN):
        if keep is not None:
            raise UsageError(f"--keep {keep} is of a screen: say by which score, such as --screen naswot")
        return None
    return Screen(score.strip(), USUAL if keep is None else keep)


@dataclass
class Scorer:
    """Takes scores in this process, on the CPU, and keeps them on disk: a search that goes on takes none twice.

    The starting weights of a network follow from the seed and its key, so the score does, too.

    Args:
        folder: of the study.
        below: folder of it that keeps the scores.
    """

    screen: Screen
    task: Task
    folder: Path
    seed: int
    below: str = FOLDER
    _found: dict[str, Scored] | None = field(default=None)

    @property
    def _path(self) -> Path:
        return self.folder / self.below / SCORES

    @cached_property
    def _evaluator(self) -> Evaluator:
        return make_evaluator(self.screen.evaluator, replace(self.task, epochs=None, download=False))

    def __call__(self, candidates: Sequence[Candidate]) -> list[float]:
        """The scores of networks; minus infinity of one that has none.

        Raises:
            StudyError: none of several has one.
        """
        told, name = self._told(candidates), self.screen.name
        if len(told) > 1 and not any(name in one.metrics for one in told):
            why = next(iter(told[0].missing.values()), "it has none")
            raise StudyError(
                f"none of {len(told)} networks has a score {name}: {why}; take another --screen, or leave it out"
            )
        return [one.metrics.get(name, -math.inf) for one in told]

    def rows(self, candidates: Sequence[Candidate], names: Sequence[str]) -> list[list[float]]:
        """Several scores of each network, as of one evaluation; NaN of one that it lacks."""
        return [[one.metrics.get(name, math.nan) for name in names] for one in self._told(candidates)]

    def _told(self, candidates: Sequence[Candidate]) -> list[Scored]:
        """What is on record of networks, those that are not there scored first."""
        if self._found is None:
            self._found = kept(self._path) if self._path.exists() else {}
        told = []
        for one in candidates:
            key = one.architecture.key()
            if key not in self._found:
                self._found[key] = self._taken(one, key)
                self._path.parent.mkdir(parents=True, exist_ok=True)
                append_json(self._path, self._found[key].__dict__)
            told.append(self._found[key])
        return told

    def best(self, candidates: Sequence[Candidate]) -> int:
        """The place of the network with the highest score, the first of equal ones."""
        scores = self(candidates)
        return scores.index(max(scores))

    def _taken(self, one: Candidate, key: str) -> Scored:
        try:
            result = self._evaluator(one.architecture, seed=seed_of(self.seed, key), context=Context())
        except RegnasError:
            raise
        except Exception as error:  # of this network: the others have scores
            return Scored(key, {}, {"": f"{type(error).__name__}: {error}"}, 0.0)
        return Scored(key, dict(result.metrics), {}, result.seconds)


def learns_from(sampler: Any, task: Task, *, folder: Path, seed: int) -> None:
    """Let a strategy that learns from scores (`regnas.sampler.SupportsScores`) have them, as a search takes them.

    Raises:
        UsageError: no such score.
    """
    inner = sampler.inner if isinstance(sampler, SupportsInner) else None
    if not isinstance(inner, SupportsScores) or not inner.scores:
        return
    first, *others = names = tuple(inner.scores)
    screen = Screen(f"{first}[beside={'+'.join(others)}]" if others else first)
    make_evaluator(screen.evaluator, replace(task, epochs=None))  # what makes no sense is said now
    scorer = Scorer(screen, task, folder, seed, FEATURES)
    inner.score_by(lambda candidates: scorer.rows(candidates, names))


class ScreenedStream(Stream):
    """The stream of a space without the networks that a screen leaves out.

    Candidate i is a function of the space, the window, the seed, the screen and i alone. At the end of a small space
    the last block is smaller, and the same share of it is kept.
    """

    def __init__(self, space: Space, scorer: Scorer, *, seed: int, duplicates: str) -> None:
        self._raw = Stream(space, seed=seed, duplicates=duplicates)
        self._scorer = scorer
        self._read = 0
        self._passed: list[Candidate] = []
        self._over: InfeasibleWindow | None = None

    def __getitem__(self, index: int) -> Candidate:
        while len(self._passed) <= index:
            if self._over is not None:
                raise self._over
            self._passed += self._next()
        return self._passed[index]

    def _next(self) -> list[Candidate]:
        """What passes of the next block, in the order of the stream."""
        block: list[Candidate] = []
        try:
            for place in range(self._read, self._read + self._scorer.screen.block):
                block.append(self._raw[place])
        except InfeasibleWindow as end:
            self._over = end
        self._read += len(block)
        if not block:
            return []
        scores = self._scorer(block)
        count = math.ceil(len(block) * _KEPT / self._scorer.screen.block)
        order = sorted(range(len(block)), key=lambda place: (-scores[place], place))[:count]
        first = len(self._passed)
        return [replace(block[place], index=first + number) for number, place in enumerate(sorted(order))]


def screened(sampler: Any, label: str, space: Space, scorer: Scorer, *, seed: int, duplicates: str) -> Any:
    """A strategy that trains only what passes a screen.

    Raises:
        UsageError: one that draws other networks than those of the space's law, or that learns from its proposals.
    """
    from regnas.sampler import SupportsFeedback
    from regnas.strategies.sampling.feasible import FeasibleSampler

    if not isinstance(sampler, FeasibleSampler) or not sampler.draws_from_the_law:
        raise UsageError(f"--screen chooses among draws from the space's law, and --strategy {label} has others")
    if isinstance(sampler.inner, SupportsFeedback):
        raise UsageError(
            f"--screen would choose among proposals that --strategy {label} has to learn from as it made them; take "
            f"another strategy, such as random or evolution"
        )
    stream = ScreenedStream(space, scorer, seed=seed, duplicates=duplicates)
    sampler.screen(stream, scorer.screen.among, scorer.best)
    return sampler


def scored_before(folder: Path) -> tuple[int, float]:
    """How many networks of a study were scored, and the seconds that this took."""
    path = folder / FOLDER / SCORES
    found = kept(path) if path.exists() else {}
    return len(found), sum(one.seconds for one in found.values())
