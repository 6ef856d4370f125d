"""regnas's strategies behind NNI's tuner interface, driven as NNI's dispatcher does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import regnas
from regnas.errors import UsageError

pytest.importorskip("nni", reason="NNI is not installed: pip install 'regnas[nni]'")

from regnas.hosts.nni import RegnasTuner, registration, search_space_json  # noqa: E402
from regnas.hosts.nni.importing import load  # noqa: E402

nni: Any = load("nni")
NARROW = regnas.space("regnetx", flops="360M:400M")
ARGUMENTS: dict[str, Any] = {"space": "regnetx", "flops": "360M:400M"}


def keys(proposals: list[dict[str, Any]]) -> set[str]:
    """Of the networks proposed; each lies inside the window."""
    found = [NARROW.judge(NARROW.canonical(one)) for one in proposals]
    assert None not in found
    return {one.architecture.key() for one in found if one is not None}


@pytest.mark.parametrize("strategy", ["random", "tpe[startup=5]", "evolution[population=5]", "predictor"])
def test_every_proposal_is_a_new_network_of_the_window(strategy: str) -> None:
    tuner = RegnasTuner(**ARGUMENTS, strategy=strategy)
    tuner.update_search_space(search_space_json(NARROW))
    proposals = []
    for number in range(25):
        proposals.append(tuner.generate_parameters(number))
        tuner.receive_trial_result(number, proposals[-1], {"default": proposals[-1]["depth"] / 100, "other": 1})
        tuner.trial_end(number, True)
    assert len(keys(proposals)) == 25


def test_trials_overlap_and_fail() -> None:
    tuner = RegnasTuner(**ARGUMENTS, strategy="evolution[population=4]")
    proposals = [tuner.generate_parameters(number) for number in range(8)]
    tuner.trial_end(3, False)
    tuner.receive_trial_result(5, proposals[5], float("nan"))
    for number in (7, 0, 1, 2, 4, 6):
        tuner.receive_trial_result(number, proposals[number], 0.5)
        tuner.trial_end(number, True)
    proposals += [tuner.generate_parameters(number) for number in range(8, 12)]
    assert len(keys(proposals)) == 12


@pytest.mark.parametrize(("mode", "better"), [("maximize", 1), ("minimize", -1)])
def test_it_learns_in_the_direction_it_is_told(mode: str, better: int) -> None:
    """Deep networks get the better value. The mean depth of 4 to 63 blocks is 33; of 20 the standard error is 4."""
    tuner = RegnasTuner("regnetx", "evolution[population=10]", optimize_mode=mode)
    proposals = []
    for number in range(60):
        proposals.append(tuner.generate_parameters(number))
        tuner.receive_trial_result(number, proposals[-1], better * proposals[-1]["depth"] / 100)
    assert sum(one["depth"] for one in proposals[40:]) / 20 > sum(one["depth"] for one in proposals[:10]) / 10 + 8


def test_results_of_another_experiment_are_learnt_from_and_not_proposed_again() -> None:
    first, second = (RegnasTuner(**ARGUMENTS, strategy="evolution[population=5]") for _ in range(2))
    known = [first.generate_parameters(number) for number in range(10)]
    records = [{"parameter": one, "value": one["depth"] / 100} for one in known]
    second.import_data([*records, {"parameter": {"learning_rate": 0.1}, "value": 0.5}])
    proposals = [second.generate_parameters(number) for number in range(10)]
    assert len(keys(known + proposals)) == 20


def test_a_space_that_is_used_up_ends_the_experiment() -> None:
    small = "regnetx[depth=20|21,w0=24,wa=24,wm=2.5,bottleneck_ratio=1,group_width=8]"
    tuner = RegnasTuner(small)
    for number in range(2):
        tuner.generate_parameters(number)
    with pytest.raises(nni.NoMoreTrialError, match="only 2 different networks"):
        tuner.generate_parameters(2)


def test_another_search_space_is_refused() -> None:
    with pytest.raises(UsageError, match="has the parameters lr, and regnetx has bottleneck_ratio, depth"):
        RegnasTuner().update_search_space({"lr": {"_type": "uniform", "_value": [0, 1]}})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"spase": "regnetx"}, "unexpected keyword argument 'spase'"),
        ({"space": "regnetq"}, "did you mean"),
        ({"strategy": "evolution[population=1]"}, "population of at least 2"),
        ({"flops": "4:2"}, "runs from low to high"),
        ({"optimize_mode": "max"}, "maximize or minimize"),
    ],
)
def test_class_args_are_checked_before_an_experiment(arguments: dict[str, Any], words: str) -> None:
    from regnas.hosts.nni.tuner import Arguments

    Arguments().validate_class_args(**ARGUMENTS)
    with pytest.raises(UsageError, match=words):
        Arguments().validate_class_args(**arguments)


def test_nnictl_registers_it(tmp_path: Path) -> None:
    """With NNI's own command, in a configuration of its own; afterwards NNI makes it by its name."""
    script = f"""
import sys
from nni.tools.nnictl.nnictl import parse_args
sys.argv = ["nnictl", "algo", "register", "--meta", {str(registration())!r}]
parse_args()
from nni.tools.package_utils.tuner_factory import create_builtin_class_instance, create_validator_instance
create_validator_instance("tuners", "regnas").validate_class_args(**{ARGUMENTS!r})
made = create_builtin_class_instance("regnas", {ARGUMENTS!r}, "tuners")
print(type(made).__module__, made.generate_parameters(0)["depth"] > 0)
"""
    environment = {"NNI_CONFIG_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": str(Path(sys.executable).parent)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "regnas registered" in done.stdout
    assert done.stdout.rstrip().endswith("regnas.hosts.nni.tuner True")
