"""A strategy of regnas as NNI's tuner: asked and told in this process, or by an experiment of NNI.

python docs/examples/nni_tuner.py                      without NNI's server
python docs/examples/nni_tuner.py experiment [PORT]    with it: every trial runs this file with the word trial
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import regnas
from regnas.hosts.nni import RegnasTuner, local_server, search_space_json
from regnas.hosts.nni.importing import load

ARGUMENTS: dict[str, Any] = {"space": "regnetx", "flops": "360M:400M", "strategy": "evolution[population=10]"}
SPACE = regnas.space("regnetx", flops="360M:400M")


def value(parameters: dict[str, Any]) -> float:
    """In place of the accuracy of a training: networks of few activations are good."""
    network = SPACE.decode(SPACE.canonical(parameters))  # network.build() is its torch module
    return -network.complexity(224).activations / 1e6


def search(trials: int = 40) -> list[tuple[float, dict[str, Any]]]:
    """Values and parameters of all trials, best first."""
    tuner = RegnasTuner(**ARGUMENTS)
    tuner.update_search_space(search_space_json(SPACE))
    done = []
    for number in range(trials):
        parameters = tuner.generate_parameters(number)
        done.append((value(parameters), parameters))
        tuner.receive_trial_result(number, parameters, done[-1][0])
        tuner.trial_end(number, True)
    return sorted(done, key=lambda trial: -trial[0])


def trial() -> None:
    """One trial of an experiment, in a process that NNI started."""
    nni = load("nni")
    nni.report_final_result(value(nni.get_next_parameter()))


def experiment(port: int, trials: int = 6) -> None:
    """NNI's own experiment, on this machine alone."""
    experiments, configs = load("nni.experiment"), load("nni.experiment.config")
    made = experiments.Experiment("local")
    made.config.trial_command = f"{shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).resolve()))} trial"
    made.config.trial_concurrency = 2
    made.config.max_trial_number = trials
    made.config.experiment_working_directory = "nni-experiments"
    made.config.search_space = search_space_json(SPACE)
    made.config.tuner = configs.CustomAlgorithmConfig(
        class_name="regnas.hosts.nni.tuner.RegnasTuner", code_directory=".", class_args=ARGUMENTS
    )
    with local_server():
        made.run(port=port)
    for job in made.export_data():
        print(f"{-job.value:.2f}M activations: {job.parameter}")
    made.stop()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["trial"]:
            trial()
        case ["experiment", *port]:
            experiment(int(port[0]) if port else 8080)
        case _:
            for worth, parameters in search()[:3]:
                print(f"{-worth:.2f}M activations: {parameters}")
