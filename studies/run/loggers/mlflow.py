"""``--log mlflow``: an experiment for a study, a run for every candidate.

They go to the server that ``mlflow[uri=...]`` or MLFLOW_TRACKING_URI names; else to ``mlflow.db`` beside the studies,
which ``mlflow ui --backend-store-uri sqlite:///regnas-runs/mlflow.db`` shows.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from regnas.logger import LoggedStudy, Logger, own_options
from regnas.system.optional import require

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_INDEX = "regnas.index"
_LONGEST = 500  # characters of a parameter that every server takes


class MlflowLogger:
    """Runs by the index of their candidate; one that was begun before a stop goes on."""

    def __init__(self, client: MlflowClient, experiment: str) -> None:
        self._client = client
        self._experiment = experiment
        self._runs: dict[int, str] = {}

    def epoch(self, index: int, epoch: int, error: float) -> None:
        self._client.log_metric(self._run(index), "epoch_error", error, step=epoch)

    def candidate(self, index: int, params: Mapping[str, Any], values: Mapping[str, float]) -> None:
        run = self._run(index)
        for name, value in params.items():
            self._client.log_param(run, name, str(value)[:_LONGEST])
        for name, value in values.items():
            self._client.log_metric(run, name, value)
        self._client.set_terminated(run)
        del self._runs[index]

    def close(self) -> None:
        for run in self._runs.values():
            self._client.set_terminated(run, "KILLED")
        self._runs.clear()

    def _run(self, index: int) -> str:
        if index not in self._runs:
            known = self._client.search_runs([self._experiment], f"tags.`{_INDEX}` = '{index}'", max_results=1)
            begun = known or [
                self._client.create_run(self._experiment, run_name=f"candidate {index}", tags={_INDEX: str(index)})
            ]
            self._runs[index] = begun[0].info.run_id
        return self._runs[index]


def make(study: LoggedStudy, options: Mapping[str, Any]) -> Logger:
    """The entry point; option ``uri``.

    Raises:
        HostError: MLflow is not installed.
        UsageError: another option.
    """
    uri = own_options(options, "mlflow", {"uri": ""})["uri"]
    require("mlflow-skinny", "mlflow", low="2.10", below="4")
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of every table of a new database
    own = f"sqlite:///{(study.out / 'mlflow.db').resolve()}"
    client = MlflowClient(uri or os.environ.get("MLFLOW_TRACKING_URI") or own)
    known = client.get_experiment_by_name(study.name)
    experiment = client.create_experiment(study.name) if known is None else known.experiment_id
    for name, value in study.settings.items():
        if isinstance(value, str | int | float | bool):
            client.set_experiment_tag(experiment, f"regnas.{name}", str(value)[:_LONGEST])
    return MlflowLogger(client, experiment)
