"""A program as a strategy, in any language: ``command:./propose.py``.

It reads lines of JSON on its standard input and answers each ``ask`` with a line on its standard output; what it writes
to standard error is shown. docs/strategies.md has the lines.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from typing import Any

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.strategies.external.sampler import Command
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import own_options

KNOWN: dict[str, Any] = {"timeout": 60.0, "tries": 16, "patience": 3}


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """A program inside the window.

    Options:
        timeout: seconds that it may take for an answer.
        tries: proposals that cannot be evaluated before the nearest network is evaluated in place of one.
        patience: answers in a row that are none before it is asked no more, and candidates are random.

    Raises:
        UsageError: no program, or none of that name.
    """
    found = own_options({**options, "argument": ""}, "command", KNOWN, {"timeout": 0.01, "tries": 1, "patience": 1})
    try:
        words = shlex.split(str(options.get("argument", "")))
    except ValueError as error:
        raise UsageError(f"command:PROGRAM cannot be split into words: {error}") from error
    if not words:
        raise UsageError("command:PROGRAM names a program and its arguments, such as 'command:python propose.py'")
    if shutil.which(words[0]) is None:
        raise UsageError(f"command:PROGRAM: there is no program {words[0]!r} here, or it may not be executed")
    patient = {"timeout": found["timeout"], "patience": found["patience"]}
    inner = Command(space, words, seed=seed, title=f"command:{shlex.join(words)}", **patient)
    duplicates = options.get("duplicates", "reject")
    return FeasibleSampler(space, inner, seed=seed, duplicates=duplicates, max_tries=found["tries"])
