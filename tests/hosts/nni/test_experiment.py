"""What an experiment of NNI is made of: evaluators, and what is refused before one starts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import regnas
from regnas.errors import UsageError

pytest.importorskip("nni", reason="NNI is not installed: pip install 'regnas[nni]'")

from regnas.hosts.nni import RegnasEvaluator, RegnasExperiment, node_options, to_nni  # noqa: E402
from regnas.hosts.nni.importing import load  # noqa: E402

evaluators: Any = load("nni.nas.evaluator")
strategies: Any = load("nni.nas.strategy")

NARROW = regnas.space("regnetx", flops="360M:400M")
SMALL = regnas.space("regnetx", flops=":1M", resolution=28, classes=10)


def test_an_evaluator_of_regnas_reports_every_epoch_to_nni() -> None:
    """Equal networks and seeds are equal trainings, whatever model space they come from."""
    metrics = []
    for _ in range(2):
        evaluator = RegnasEvaluator("train", "fashion-mnist-mini[training=200]", epochs=2)
        engine = load("nni.nas.execution").SequentialExecutionEngine()
        engine.submit_models(to_nni(SMALL, evaluator).random(random_state=np.random.RandomState(0)))
        (model,) = engine.list_models()
        assert len(model.metrics.intermediates) == 2 and 0 < model.metric < 1
        assert model.metric == model.metrics.intermediates[-1]
        metrics.append(model.metric)
    assert metrics[0] == metrics[1]


def test_an_evaluator_survives_the_way_to_another_process() -> None:
    nni = load("nni")
    evaluator = RegnasEvaluator("train", "fake", epochs=3, seed=7, resolution=32)
    model = to_nni(SMALL, evaluator).default()
    again = nni.load(nni.dump(model))
    assert again.executable_model() == model.executable_model()
    assert (again.evaluator.spec, again.evaluator.task, again.evaluator.seed) == ("train", evaluator.task, 7)


def test_an_evaluator_that_a_trial_cannot_import_is_refused_before_it_starts() -> None:
    def local(architecture: Any) -> None:
        """Inside a function."""

    in_main = type("Main", (evaluators.Evaluator,), {"__module__": "__main__"})
    for wrong in (evaluators.FunctionalEvaluator(local), in_main(), evaluators.FunctionalEvaluator(lambda model: None)):
        with pytest.raises(UsageError, match="top level of a file of its own"):
            RegnasExperiment(NARROW, wrong, strategies.Random())


def test_what_makes_no_sense_is_refused_before_it_starts() -> None:
    evaluator = RegnasEvaluator("train", "fake")
    with pytest.raises(UsageError, match="at least 1"):
        RegnasExperiment(NARROW, evaluator, strategies.Random(), trials=0)
    with pytest.raises(UsageError, match="did you mean"):
        RegnasEvaluator("trian", "fake")


def test_options_for_node_that_were_there_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--max-http-header-size=9000")
    words = node_options()
    assert words.startswith("--max-http-header-size=9000 --require ") and words.count("--require") == 2
