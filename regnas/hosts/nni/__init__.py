"""NNI 3.0 as a host: regnas's spaces, evaluators and strategies inside NNI's experiments.

NNI is imported when one of these names is first used, never before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regnas.hosts.nni.evaluator import RegnasEvaluator
    from regnas.hosts.nni.experiment import RegnasExperiment
    from regnas.hosts.nni.json_space import search_space_json
    from regnas.hosts.nni.new_networks import to_nni
    from regnas.hosts.nni.server import local_server, node_options
    from regnas.hosts.nni.space import RegnasSpace
    from regnas.hosts.nni.tuner import RegnasTuner, registration

__all__ = [
    "RegnasEvaluator",
    "RegnasExperiment",
    "RegnasSpace",
    "RegnasTuner",
    "local_server",
    "node_options",
    "registration",
    "search_space_json",
    "to_nni",
]

_FILES = {
    "RegnasEvaluator": "evaluator",
    "RegnasExperiment": "experiment",
    "RegnasSpace": "space",
    "RegnasTuner": "tuner",
    "local_server": "server",
    "node_options": "server",
    "registration": "tuner",
    "search_space_json": "json_space",
    "to_nni": "new_networks",
}


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)
