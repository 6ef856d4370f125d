"""How NNI is imported: by need, without a framework, and without its log lines on stdout."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from regnas.system.optional import require


def load(name: str) -> Any:
    """A module of NNI, such as ``nni.nas.strategy``.

    Importing NNI attaches a handler that logs to stdout, which belongs to the command's own output: it is taken off,
    unless NNI was imported before by somebody who may want it.

    Raises:
        HostError: NNI is not installed, or in another version than 3.0.
    """
    require("nni", "nni", low="3.0", below="3.1")
    first = "nni" not in sys.modules
    nni: Any = import_module("nni")
    if first:
        nni.silence_stdout()
        logging.getLogger("nni").addHandler(logging.NullHandler())  # else Python prints its warnings to stderr
    _choose_framework(nni, first)
    return import_module(name)


def _choose_framework(nni: Any, first: bool) -> None:
    """By default ``nni.nas`` imports torch and Lightning. regnas needs neither there: no framework, unless the user or
    the environment has chosen one, or uses NNI with Lightning.
    """
    chosen = "NNI_FRAMEWORK" in os.environ or "nni.nas.evaluator" in sys.modules
    if not chosen and (first or find_spec("pytorch_lightning") is None):
        nni.set_default_framework("none")
