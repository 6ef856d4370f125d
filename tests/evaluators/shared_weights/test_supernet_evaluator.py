"""The evaluator `supernet`: one training for all candidates, whose errors are those of its slices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import regnas
from regnas.dataset import make_dataset
from regnas.design_space import Space, make_space
from regnas.errors import StudyError, UsageError
from regnas.evaluator import Context, Evaluator, Result, Task, make_evaluator
from regnas.evaluators.shared_weights import parts
from regnas.evaluators.supernet import SupernetEvaluator, make
from regnas.evaluators.training.batches import Batches, statistics
from regnas.evaluators.training.fit_images import training_images
from regnas.fit import FitContext, SupportsFit, SupportsMirroring
from regnas.images import Images
from regnas.studies.search.plan import plan
from regnas.studies.training.plan import plan_training
from regnas.testing import FitRules
from regnas.window import Window

TASK = Task(data="fake:64")
TINY = "supernet[epochs=3,batch=16,networks=20]"
SMALL = "anynetx-a[stages=2,depth=1:2]"
IMAGES = Images(16, 4, stem_stride=2, stem_width=8, strides=(1, 2))


def space() -> Space:
    return make_space(SMALL).on(IMAGES).within(Window.parse(flops="100k:300k"))


def fitter(spec: str = TINY) -> SupernetEvaluator:
    made = make_evaluator(spec, TASK)
    assert isinstance(made, SupernetEvaluator) and isinstance(made, SupportsFit)
    return made


class TestFitOfTheSupernet(FitRules):
    def make(self) -> SupportsFit:
        return fitter()

    def other(self) -> SupportsFit:
        return fitter(TINY.replace("=20", "=30"))

    def space(self) -> Space:
        return space()


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fit."""
    folder = tmp_path_factory.mktemp("fit")
    assert fitter().fit(FitContext(folder=folder, images=training_images(TASK, "cpu"), space=space()))
    return folder


def evaluated(spec: str, folder: Path, **further: Any) -> Result:
    (one,) = space().sample(1)
    return make_evaluator(spec, TASK)(one.architecture, seed=1, context=Context(fitted=folder, **further))


def test_the_error_is_that_of_the_slices_with_statistics_of_training_images(fitted: Path) -> None:
    """By hand: the network with these weights in training mode, whose normalisations average all batches."""
    (one,) = space().sample(1)
    supernet = parts.read(fitted, torch.device("cpu"))
    network = one.architecture.build()
    network.load_state_dict({**network.state_dict(), **supernet.slices(one.architecture, network)})
    training, validation = make_dataset("fake:64").fit()
    mean, std = statistics(training)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():  # 48 images, so that all of them are one batch
        ((images, _),) = Batches(training, torch.device("cpu"), mean=mean, std=std).in_order(128)
        network.train()(images)
        ((images, labels),) = Batches(validation, torch.device("cpu"), mean=mean, std=std).in_order(128)
        wrong = (network.eval()(images).argmax(1) != labels).float().mean()
    assert evaluated(TINY, fitted).error == pytest.approx(float(wrong), abs=1e-6)


def test_a_calibration_changes_statistics_alone() -> None:
    (one,) = space().sample(1)
    network = one.architecture.build()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    training, _ = make_dataset("fake:64").fit()
    mean, std = statistics(training)
    batches = Batches(training, torch.device("cpu"), mean=mean, std=std)
    parts.calibrate(network, batches, 16)
    for name, value in network.state_dict().items():
        changed = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert changed == (not torch.equal(value, before[name])), name
    stem = network.get_submodule("stem.0")
    assert isinstance(stem, nn.Sequential) and isinstance(stem[1], nn.BatchNorm2d) and stem[1].momentum == 0.1
    means = torch.stack([stem[0](images).mean((0, 2, 3)) for images, _ in batches.in_order(16)])
    torch.testing.assert_close(stem[1].running_mean, means.mean(0))


def test_further_epochs_are_those_of_a_copy_and_are_told(fitted: Path) -> None:
    weights = (fitted / "weights.safetensors").read_bytes()
    told: list[tuple[int, float]] = []

    def report(epoch: int, error: float) -> bool:
        told.append((epoch, error))
        return True

    one, other = fitter(TINY[:-1] + ",tune=2]"), space().sample(1)[0].architecture
    context = Context(fitted=fitted, report=report)
    results = [one(other, seed=1, context=context) for _ in range(2)]
    assert results[0].errors == results[1].errors and results[0].epochs == 2
    assert told == 2 * list(enumerate(results[0].errors, 1))
    assert one.prepare()["epochs"] == 2 and (fitted / "weights.safetensors").read_bytes() == weights


def test_a_step_moves_the_weights_of_its_network_and_no_others(tmp_path: Path) -> None:
    from regnas.evaluators.shared_weights.training import SharedTraining

    context = FitContext(folder=tmp_path, images=training_images(TASK, "cpu"), space=space())
    training = SharedTraining(space(), fitter().settings, context)
    (one,) = space().sample(1)
    module = training._supernet
    assert isinstance(module, nn.Module)
    before = {name: value.clone() for name, value in module.named_parameters()}
    training._step(one.architecture, *context.images.plain(torch.arange(16)), 0.1)
    moved = sum(int((value != before[name]).sum()) for name, value in module.named_parameters())
    own = sum(value.numel() for value in one.architecture.build().parameters())
    assert 0.9 * own < moved <= own  # some weights have no gradient, behind a ReLU that is off


def test_images_are_mirrored_as_the_data_set_says_unless_it_is_said(tmp_path: Path) -> None:
    """In the fit, which asks `mirrors`, and in a candidate's own epochs; what says nothing is the fit that it was."""
    usual, mirrored, straight = (fitter(f"{TINY[:-1]}{more}]") for more in ("", ",flip=true", ",flip=false"))
    assert not make_dataset("fake:64").regime.flip
    assert isinstance(usual, SupportsMirroring)
    assert [one.mirrors for one in (usual, mirrored, straight)] == [False, True, False]
    assert [one._recipe.flip for one in (usual, mirrored, straight)] == [False, True, False]
    known = {"epochs": 3, "batch": 16, "rate": 0.1, "momentum": 0.9, "decay": 5e-4, "warmup": 0.1}
    known |= {"networks": 20, "bins": 10}
    assert usual.fit_settings == {"version": 1, **known}
    assert usual.prepare()["recipe"] == {"supernet": {**known, "calibration": 8, "tune": 0}}
    assert [one.fit_settings["flip"] for one in (mirrored, straight)] == [True, False]
    assert [one.prepare()["recipe"]["flip"] for one in (mirrored, straight)] == [True, False]


def test_the_fit_of_a_search_mirrors_as_the_evaluator_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool | None] = []

    def reading(task: Task, device: str, mirrors: bool | None = None) -> Any:
        asked.append(mirrors)
        return training_images(task, device, mirrors=mirrors)

    monkeypatch.setattr("regnas.evaluators.training.fit_images.training_images", reading)
    for name, more in (("one", ",flip=true"), ("other", ",flip=false"), ("third", "")):
        searched(tmp_path, budget=1, study=name, evaluator=f"supernet[epochs=1,batch=16,networks=20{more}]")
        winner = plan_training(str(tmp_path / name), epochs=1).recipe  # of regnas train
        assert winner.flip == (name == "one")
    assert asked == [True, False, False]


# --- a search -----------------------------------------------------------------------------------------------


def searched(tmp_path: Path, **options: Any) -> Any:
    known = {"data": "fake:64", "flops": "100k:300k", "evaluator": TINY, "workers": 0, "quiet": True, "study": "one"}
    return regnas.search(SMALL, out=tmp_path, **{**known, **options})


def test_a_search_fits_once_and_says_what_it_took(tmp_path: Path) -> None:
    result = searched(tmp_path, budget=2, strategy="evolution")
    left = tmp_path / "one" / "fit" / "weights.safetensors"
    before = left.stat().st_mtime_ns
    assert "was fitted for 3 epochs in" in result.remarks[0] and len(result.rows) == 2
    assert not result.baselines
    more = searched(tmp_path, budget=3, strategy="evolution")
    assert len(more.rows) == 3 and left.stat().st_mtime_ns == before
    with pytest.raises(StudyError, match="window"):  # of the study, before anything of the fit is touched
        searched(tmp_path, budget=4, strategy="evolution", flops="100k:200k")
    (tmp_path / "one" / "fit" / "result.json").write_text(_of_version(tmp_path / "one" / "fit" / "result.json", 0))
    with pytest.raises(StudyError, match=r"is of another fit \(settings: .*; move its folder away"):
        searched(tmp_path, budget=4, strategy="evolution")
    assert left.stat().st_mtime_ns == before


def _of_version(file: Path, version: int) -> str:
    stored = json.loads(file.read_text())
    stored["identity"]["settings"]["version"] = version
    return json.dumps(stored)


# --- what makes no sense ------------------------------------------------------------------------------------

ONE = "regnetx[depth=12,w0=8,wa=8,wm=2.1,bottleneck_ratio=1,group_width=8]"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"space": "nasbench201"}, "for spaces whose networks are slices of one, such as regnetx"),
        ({"space": "resnext-a"}, "this space chooses numbers of groups"),
        ({"space": ONE, "flops": ":2M"}, "a supernet is of two networks or more, and .* has 1 inside"),
        ({"flops": "2M:", "params": "1:"}, "has no upper limit"),
        ({"evaluator": "supernet[batch=32]"}, "batch=32 .* is more than half of the 48 training images"),
        ({"strategy": "darts", "space": "darts"}, "both train before the first candidate"),
        ({"epochs": 3}, r"say supernet\[epochs=3\], or supernet\[tune=3\]"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line_before_anything_is_written(
    tmp_path: Path, options: Mapping[str, Any], said: str
) -> None:
    known: dict[str, Any] = {"space": "regnetx", "data": "fake:64", "evaluator": TINY, "flops": "100k:300k"}
    asked = {**known, "workers": 0, **options}
    with pytest.raises(UsageError, match=said) as refusal:
        plan(asked.pop("space"), out=tmp_path, **asked)
    assert "\n" not in str(refusal.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"nice": 1}, "no option 'nice'; its options: epochs, batch"),
        ({"epochs": 0}, "epochs of the evaluator supernet is at least 1, got 0"),
        ({"epochs": True}, "is a int, got True"),
        ({"flip": 1}, "option flip of supernet is true or false, got 1"),
        ({"rate": float("nan")}, "rate of the evaluator supernet is above 0, got nan"),
    ],
)
def test_options_it_does_not_have_are_refused_in_a_line(options: Mapping[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make(TASK, options)


def test_a_loss_that_is_no_number_ends_the_fit_in_a_line(tmp_path: Path) -> None:
    context = FitContext(folder=tmp_path, images=training_images(TASK, "cpu"), space=space())
    with pytest.raises(StudyError, match="its loss is no finite number any more in epoch 1; lower rate="):
        fitter(TINY.replace("networks", "rate=1e38,networks")).fit(context)


def test_without_a_fit_or_with_a_damaged_one_nothing_is_evaluated(fitted: Path, tmp_path: Path) -> None:
    one: Evaluator = fitter()
    network = space().sample(1)[0].architecture
    with pytest.raises(UsageError, match="which regnas search does"):
        one(network, seed=0, context=Context())
    with pytest.raises(StudyError, match=r"space.json is not there or damaged: move .* away"):
        one(network, seed=0, context=Context(fitted=tmp_path))
    for file in fitted.glob("*.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "weights.safetensors").write_bytes(b"of another release")
    with pytest.raises(StudyError, match="does not hold the shared weights of anynetx-a") as refusal:
        one(network, seed=0, context=Context(fitted=tmp_path))
    assert "\n" not in str(refusal.value)
    with pytest.raises(UsageError, match="which regnas search tells it"):
        fitter().fit(FitContext(folder=tmp_path, images=training_images(TASK, "cpu")))
