"""The rules of each contract as test classes: subclass one, override ``make``, run pytest.

>>> class TestMySpace(SpaceRules):
...     def make(self) -> Space:
...         return make_space("my-space")

The built-ins are tested with the same classes.
"""

from __future__ import annotations

import pytest

# Before the modules are imported: failures then show the values compared.
pytest.register_assert_rewrite(
    *(
        f"regnas.testing.{name}"
        for name in (
            "architecture",
            "counting",
            "dataset",
            "evaluator",
            "executor",
            "format",
            "logger",
            "measure",
            "network_rules.scaling",
            "network_rules.views",
            "one_shot",
            "space",
            "strategy",
            "table",
        )
    )
)

from regnas.testing.architecture import ArchitectureRules  # noqa: E402
from regnas.testing.dataset import DataSetRules  # noqa: E402
from regnas.testing.evaluator import EvaluatorRules  # noqa: E402
from regnas.testing.executor import ExecutorRules  # noqa: E402
from regnas.testing.format import FormatRules  # noqa: E402
from regnas.testing.logger import LoggerRules  # noqa: E402
from regnas.testing.measure import MeasureRules  # noqa: E402
from regnas.testing.one_shot import FitRules, RelaxationRules, SupernetRules  # noqa: E402
from regnas.testing.space import SpaceRules  # noqa: E402
from regnas.testing.strategy import StrategyRules  # noqa: E402
from regnas.testing.table import TableRules  # noqa: E402
from regnas.testing.toy import (  # noqa: E402
    DistributionDimension,
    DistributionSpace,
    Toy,
    ask_and_tell,
    conditional_toy,
)

__all__ = [
    "ArchitectureRules",
    "DataSetRules",
    "DistributionDimension",
    "DistributionSpace",
    "EvaluatorRules",
    "ExecutorRules",
    "FitRules",
    "FormatRules",
    "LoggerRules",
    "MeasureRules",
    "RelaxationRules",
    "SpaceRules",
    "StrategyRules",
    "SupernetRules",
    "TableRules",
    "Toy",
    "ask_and_tell",
    "conditional_toy",
]
