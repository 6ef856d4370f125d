"""NNI's server, on this machine alone. By itself it listens on every address, without a password."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regnas.hosts.nni.importing import load
from regnas.system.processes import variables

_launcher: Any = load("nni.experiment.launcher")

# Seconds that NNI's server gets to answer; by itself NNI gives up after three, which a busy machine needs to start it.
_PATIENCE = 90


def node_options() -> str:
    """What ``NODE_OPTIONS`` is to be where NNI's server is started: it loads two files of ours first.

    With ``loopback.js`` it listens on the loopback address alone, with ``parameters.js`` it records the results of
    trials that start together under their own parameters. What the variable was before is kept.
    """
    folder = Path(__file__).parent.as_posix()  # a backslash would escape
    files = " ".join(f'--require "{folder}/{name}"' for name in ("loopback.js", "parameters.js"))
    return f"{os.environ.get('NODE_OPTIONS', '')} {files}".strip()


@contextmanager
def local_server() -> Iterator[None]:
    """Experiments of NNI that are started within listen on this machine alone, and wait for a slow server.

    The processes of trials need no Lightning: their framework is ``none`` unless ``NNI_FRAMEWORK`` says otherwise.
    """
    framework = os.environ.get("NNI_FRAMEWORK", "none")
    with _patiently(), variables(NNI_FRAMEWORK=framework, NODE_OPTIONS=node_options()):
        yield


@contextmanager
def _patiently() -> Iterator[None]:
    """NNI has no option for how long it waits for its own server: a default of the function that does."""
    check = _launcher._check_rest_server
    before = check.__defaults__
    check.__defaults__ = (_PATIENCE, *before[1:])
    try:
        yield
    finally:
        check.__defaults__ = before
