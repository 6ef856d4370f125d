"""What makes a study the study it is, and how two of them differ."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from regnas import images
from regnas.candidate import STREAM_VERSION
from regnas.design_space import Space
from regnas.errors import StudyError
from regnas.objective import ERROR
from regnas.pruner import NONE
from regnas.studies.audit.screen import NO_SCREEN
from regnas.studies.search.images import DATA, FINGERPRINT, other_images

ATTRIBUTE = "regnas:settings"
REMARKS = "regnas:remarks"  # attribute of a study: what its strategy says of itself
SCHEMA = 1
_LONGEST_FOLDER = 120
_MOST_BYTES = 220  # of a name: file systems have 255, and what lies beside a folder has a longer name


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The identity of a study. Budget, workers, device and verbosity are no part of it.

    Attributes:
        stream_version: of the stream that the candidates are of, as the space's.
        repeat: which training of the same candidates this is; 0 is the first.
        pruner: what stops trainings early, or ``none``.
        measured_on: the device on which the window's costs are measured; None where all are closed forms.
        fingerprint: of the images; None where the data set has none.
        objective: what is minimised, as its spec; ``error`` for the error alone.
        screen: by what candidates were chosen before training, or ``none``.
    """

    space: str
    window: str
    images: Mapping[str, Any]
    strategy: str
    seed: int
    duplicates: str
    evaluator: str
    data: str
    recipe: Mapping[str, Any]
    stream_version: int = STREAM_VERSION
    repeat: int = 0
    pruner: str = NONE
    measured_on: str | None = None
    fingerprint: Mapping[str, Any] | None = None
    objective: str = ERROR
    screen: str = NO_SCREEN

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, with the schema and the versions of what computes."""
        packages = {name: _version(name) for name in ("regnas", "optuna", "torch", "numpy")}
        own = json.loads(json.dumps(asdict(self)))
        if not self.repeat:
            del own["repeat"]  # the first training of every candidate: nothing to say
        if self.pruner == NONE:
            del own["pruner"]
        for name, usual in (("objective", ERROR), ("screen", NO_SCREEN)):
            if own[name] == usual:
                del own[name]
        if self.measured_on is None:
            del own["measured_on"]
        if self.fingerprint is None:
            del own["fingerprint"]
        return {"schema": SCHEMA, **own, "versions": packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def study_name(
    space: Space, strategy: str, seed: int, repeat: int = 0, pruner: str = NONE, also: Sequence[str] = ()
) -> str:
    """The default name: SPACE/STRATEGY/SEED, with a pruner its spec, and the number of the repeat where the trainings
    are further ones.

    Args:
        also: what else makes it another study, as specs.
    """
    further = [*also] if pruner == NONE else [pruner, *also]
    further += [f"repeat-{repeat}"] if repeat else []
    return "/".join([space.spec, strategy, str(seed), *further])


def folder_name(name: str) -> str:
    """A study's name as a folder's: slashes and what shells dislike become dashes; a hash ends what is too long."""
    whole = re.sub(r"[^\w.=,-]+", "-", name).strip("-.") or "study"
    if len(whole) <= _LONGEST_FOLDER and len(whole.encode()) <= _MOST_BYTES:
        return whole
    kept = whole[: _LONGEST_FOLDER - 9].encode()[: _MOST_BYTES - 9].decode(errors="ignore")
    return f"{kept}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def in_present_words(settings: Any) -> Any:
    """Stored settings, JSON values, in which an earlier release said something in other words.

    Raises:
        UsageError: images in words that no release had.
    """
    if isinstance(settings, list):
        return [in_present_words(value) for value in settings]
    if not isinstance(settings, Mapping):
        return settings
    read = {name: in_present_words(value) for name, value in settings.items()}
    if isinstance(read.get("images"), Mapping):
        read["images"] = images.in_present_words(read["images"])
    return read


def check_same(stored: Mapping[str, Any], wanted: Mapping[str, Any], name: str) -> None:
    """Refuse to go on with a study under other settings.

    Raises:
        StudyError: names every difference, and ``--study``.
    """
    if different := differing(stored, wanted):
        raise StudyError(
            f"study {name!r} exists with other settings ({'; '.join(different)}); give this one another name with "
            f"--study NAME, or repeat the stored settings"
        )


def differing(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What two studies' settings differ in, in words; the versions of what computes do not count."""
    usual = {"pruner": NONE, "objective": ERROR, "screen": NO_SCREEN}  # what a study's settings leave out
    before, now = in_present_words(stored), in_present_words(_unversioned(wanted))
    rest = {key: value for key, value in now.items() if key not in (DATA, FINGERPRINT)}
    images = other_images(before, now) if DATA in now else []
    return [*images, *_differences({**usual, **before}, {**usual, **rest})]


def _unversioned(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != "versions"}


def _differences(stored: Mapping[str, Any], wanted: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """``recipe.epochs: stored 1, asked 2`` for every value of ``wanted`` that is another one."""
    for key, value in wanted.items():
        before = stored.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping) and set(before) == set(value):
            yield from _differences(before, value, f"{path}{key}.")
        elif before != value:
            yield f"{path}{key}: stored {_short(before)}, asked {_short(value)}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 120 else text[:117] + "..."
