"""Errors in per cent on the dashboard's own pages: what is stored is a fraction."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from regnas.studies.dashboard.figures import ERROR, OBJECTIVE
from regnas.studies.search.identity import ATTRIBUTE
from regnas.studies.storage.open import METRIC

_STUDY = re.compile(r"/api/studies/\d+")  # whose answer holds the trials of one study
_DIGITS = 2  # of a per cent, as everywhere else


def answered(
    host: Callable[..., Iterable[bytes]], environment: Mapping[str, Any], start: Callable[..., Any]
) -> Iterable[bytes]:
    """The dashboard's answer to a request (WSGI), with a study's errors in per cent.

    Args:
        host: optuna-dashboard's application.
    """
    if environment.get("REQUEST_METHOD") != "GET" or not _STUDY.fullmatch(environment.get("PATH_INFO", "")):
        return host(environment, start)
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    parts = host(environment, lambda status, headers, *_: begun.append((status, headers)))
    body = in_percent(b"".join(parts))
    if hasattr(parts, "close"):
        parts.close()
    status, headers = begun[-1]
    kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
    start(status, [*kept, ("Content-Length", str(len(body)))])
    return [body]


def in_percent(body: bytes) -> bytes:
    """A study as JSON with its values in per cent and named so; what is no study of regnas as it is."""
    try:
        study = json.loads(body)
    except ValueError:
        return body
    if not isinstance(study, dict) or study.get("objective_names") != [METRIC]:
        return body
    study["objective_names"] = [_name(study)]
    for trial in (*study.get("trials", ()), *study.get("best_trials", ())):
        if "values" in trial:
            trial["values"] = [_percent(value) for value in trial["values"]]
        for one in trial.get("intermediate_values", ()):
            one["value"] = _percent(one["value"])
    return json.dumps(study).encode()


def _name(study: Mapping[str, Any]) -> str:
    """What the values are: the error, where the settings name no other objective."""
    settings = next((str(one["value"]) for one in study.get("user_attrs", ()) if one["key"] == ATTRIBUTE), "")
    return OBJECTIVE if '"objective":' in settings else ERROR


def _percent(value: Any) -> Any:
    """Words, such as ``inf``, as they are."""
    return round(100 * value, _DIGITS) if isinstance(value, int | float) else value
