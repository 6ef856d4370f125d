"""The settings that a search stored with its study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna

from regnas.errors import StudyError
from regnas.pruner import NONE
from regnas.studies.search.identity import ATTRIBUTE
from regnas.studies.storage.open import readable
from regnas.system.reading import fields, parse_json

_KINDS = {name: str for name in ("space", "window", "strategy", "duplicates", "evaluator", "data")}


def settings_of(study: optuna.Study) -> dict[str, Any] | None:
    """The settings of a study, as `Settings.to_json` gives them; None for a study that regnas did not make.

    Raises:
        StudyError: they are damaged.
    """
    with readable(f"of study {study.study_name!r}"):
        text = study.user_attrs.get(ATTRIBUTE)
    if text is None:
        return None
    what = f"what the storage says of study {study.study_name!r}"
    value = parse_json(text if isinstance(text, str) else "", what, StudyError)
    return fields(value, what, StudyError, images=dict, recipe=dict, seed=int, stream_version=int | None, **_KINDS)


def biased(settings: Mapping[str, Any]) -> str:
    """Why the complete evaluations are no random sample of the space, in words; empty where they are one."""
    pruner = settings.get("pruner", NONE)
    if pruner != NONE:
        return f"only what the pruner {pruner} let run to its end: no random sample, so it says nothing of the space"
    if "screen" in settings:
        return f"only what passed the screen {settings['screen']}: no random sample, so it says nothing of the space"
    if settings["strategy"] != "random":
        return f"proposed by {settings['strategy']}: no random sample, so it says nothing of the space"
    return ""
