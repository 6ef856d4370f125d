"""Trainings that begin with trained weights: their recipe, their pixels, and what is kept beside the weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regnas import weights
from regnas.dataset import Split
from regnas.errors import RegnasError, UsageError
from regnas.evaluator import Context, Task
from regnas.evaluators.training.batches import Batches, statistics
from regnas.evaluators.training.evaluator import TrainEvaluator, make
from regnas.evaluators.training.options.start import Start, begun, normalisation, start_for, start_of
from regnas.evaluators.training.recipe import Recipe
from regnas.preprocessing import Preprocessing
from regnas.pretrained import Source, as_published, load_source
from regnas.search_spaces.staged.architecture import Staged

CPU = torch.device("cpu")
NETWORK = Staged(stem="cifar", stem_width=8, depths=(1, 1), widths=(8, 16), strides=(2, 2), classes=10)
COLOURS = {"mean": [10.0, 20.0, 30.0], "std": [40.0, 50.0, 60.0]}


def trained(folder: Path, architecture: Staged = NETWORK, **facts: Any) -> str:
    """A folder with weights of some training."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        weights.save(architecture.build(), folder)
    weights.save_architecture(architecture, folder, {"resolution": 16, **COLOURS, **facts})
    return str(folder)


def evaluator(data: str, source: str, **options: Any) -> TrainEvaluator:
    return make(Task(data=data, epochs=1, resolution=16), {"init": source, "batch_size": 16, **options})


def test_the_learning_rate_is_a_tenth_unless_it_is_said(tmp_path: Path) -> None:
    source = trained(tmp_path / "run")
    usual = make(Task(data="fake:64", epochs=1), {"batch_size": 16}).recipe
    assert evaluator("fake:64", source).recipe.learning_rate == pytest.approx(usual.learning_rate / 10)
    assert evaluator("fake:64", source, learning_rate=0.03).recipe.learning_rate == 0.03


def test_the_recipe_says_what_it_begins_with_and_a_study_without_says_nothing(tmp_path: Path) -> None:
    source = trained(tmp_path / "run")
    told = evaluator("fake:64", source).recipe.to_json()
    assert (told["init"], told["init_digest"]) == (source, load_source(source).digest)
    assert Recipe.of_study(told) == evaluator("fake:64", source).recipe
    assert not {"init", "init_digest"} & set(Recipe().to_json())


@pytest.mark.parametrize("channels", [1, 3])
def test_training_pixels_are_normalised_as_those_of_the_weights_were_and_so_are_pictures_later(
    tmp_path: Path, channels: int
) -> None:
    """What `regnas.preprocessing` does by the facts beside the weights is, to the bit, what training did."""
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (6, channels, 16, 16), dtype=np.uint8), np.arange(6) % 2)
    start = Start(load_source(trained(tmp_path / "run")), ("a", "b"))
    made = normalisation(split, start)
    facts = json.loads(json.dumps({"class_names": ["a", "b"], "resolution": 16, **made.facts()}))
    later = Preprocessing.of(facts, "facts")
    ((images, _),) = Batches(split, CPU, **made.numbers).in_order(6)
    assert later.channels == channels and later.to_json()["channels"] == channels
    again = Preprocessing.of(later.to_json(), "itself")
    assert (again.grey, again.mean, again.std) == (channels == 1, later.mean, later.std)
    assert np.array_equal(images.numpy(), later.normalised(split.images))
    expected = (split.images - np.reshape(COLOURS["mean"], (3, 1, 1))) / np.reshape(COLOURS["std"], (3, 1, 1))
    np.testing.assert_allclose(images.numpy(), expected, atol=1e-5)


def test_weights_that_saw_grey_pictures_see_every_colour_as_they_saw_grey(tmp_path: Path) -> None:
    start = Start(load_source(trained(tmp_path / "run", mean=[7.0], std=[9.0])), ("a", "b"))
    for channels, length in ((1, 1), (3, 3)):
        split = Split(np.zeros((2, channels, 8, 8), dtype=np.uint8), np.arange(2))
        made = normalisation(split, start)
        assert made.mean.tolist() == [7.0] * length and made.std.tolist() == [9.0] * length
        assert "channels" not in made.facts()


def test_without_a_known_normalisation_it_is_that_of_the_images(tmp_path: Path) -> None:
    folder = Path(trained(tmp_path / "run"))
    weights.save_architecture(NETWORK, folder, {})
    split = Split(np.random.default_rng(0).integers(0, 256, (9, 3, 8, 8), dtype=np.uint8), np.zeros(9, dtype=np.int64))
    made = normalisation(split, Start(load_source(str(folder)), ("a",)))
    assert all(torch.equal(one, other) for one, other in zip((made.mean, made.std), statistics(split), strict=True))


def source_with(classes: int, names: tuple[str, ...] | None) -> Source:
    return Source("x", Staged(**{**NETWORK.__dict__, "classes": classes}), {}, "", class_names=names)


@pytest.mark.parametrize(
    ("classes", "names", "same"),
    [(2, None, True), (3, None, False), (2, ("a", "b"), True), (2, ("b", "a"), False), (2, ("c", "d"), False)],
)
def test_outputs_are_the_same_where_they_have_the_same_names(
    classes: int, names: tuple[str, ...] | None, same: bool
) -> None:
    assert Start(source_with(classes, names), ("a", "b")).same_classes is same


def test_a_candidate_begins_with_the_weights_and_says_how_many(tmp_path: Path) -> None:
    """Trained at a rate of almost nothing: what is left is what it began with, and equal seeds begin alike."""
    source = trained(tmp_path / "run")
    made = evaluator("fake:64", source, learning_rate=1e-12, weight_decay=0)
    names = made.data.class_names
    target = Staged(**{**NETWORK.__dict__, "depths": (2, 1), "classes": len(names)})
    states = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        result = made(target, seed=5, context=Context(folder=tmp_path / name))
        states.append(weights.read_state(tmp_path / name / "weights.safetensors"))
    one, two = states
    assert all(torch.equal(one[name], two[name]) for name in one)
    known = load_source(source).state
    torch.testing.assert_close(one["stages.0.0.transform.1.0.weight"], known["stages.0.0.transform.1.0.weight"])
    share = made.start.taken(target).share if made.start else 0.0
    assert result.metrics["taken"] == share and 0 < share < 1
    assert [metric.name for metric in made.metrics] == ["training_loss", "taken"]
    facts = made.prepare()
    assert facts["mean"] == COLOURS["mean"] and facts["init"]["source"] == source
    assert facts["init"]["architecture"] == NETWORK.to_json()


def test_testing_normalises_as_training_did(tmp_path: Path) -> None:
    """The error by `regnas.preprocessing` and the facts beside the weights is the evaluator's own."""
    made = evaluator("fake:64", trained(tmp_path / "run"))
    target = Staged(**{**NETWORK.__dict__, "classes": len(made.data.class_names)})
    made(target, seed=0, context=Context(folder=tmp_path))
    test = made.data.test()
    assert test is not None
    later = Preprocessing.of({**made.prepare(), "resolution": 16}, "facts")
    network = target.build().eval()
    weights.load_into(network, tmp_path)
    with torch.no_grad():
        said = network(torch.from_numpy(later.normalised(test.images))).argmax(1).numpy()
    assert made.test(target, context=Context(folder=tmp_path)) == pytest.approx(float((said != test.labels).mean()))


@pytest.mark.parametrize(
    ("facts", "warned"),
    [
        ({"data": "fake:64", "test_error": 0.5}, True),  # as regnas train leaves it
        ({"data": "fake:64", "validation_error": 0.5}, False),  # as a search does
        ({"data": "cifar10", "test_error": 0.5}, False),
        ({}, False),
    ],
)
def test_weights_that_have_learned_the_validation_images_are_said_to(
    tmp_path: Path, facts: dict[str, Any], warned: bool
) -> None:
    told = evaluator("fake:64[training=32]", trained(tmp_path / "run", **facts)).prepare()
    said = " ".join(told.get("remarks", []))
    assert ("has learned the validation images of fake:64: errors on them will be too low" in said) is warned


def test_of_several_sources_each_network_takes_from_the_one_that_it_takes_most_of(tmp_path: Path) -> None:
    wide = Staged(**{**NETWORK.__dict__, "widths": (8, 32)})
    folders = [trained(tmp_path / "narrow"), trained(tmp_path / "wide", wide)]
    start = start_of(Recipe(init=as_published(folders)), ("a", "b"))
    assert start is not None and [one.text for one in start.sources] == folders
    for network, folder in ((NETWORK, folders[0]), (wide, folders[1])):
        target = Staged(**{**network.__dict__, "classes": 2})
        assert start.of(target).source.text == folder
        made = target.build()
        start.begin(made, target)
        assert torch.equal(made.state_dict()["stem.0.0.weight"], load_source(folder).state["stem.0.0.weight"])
    assert start.digest == "+".join(load_source(folder).digest for folder in folders)
    assert [one["source"] for one in start.facts()["init"]["sources"]] == folders


def test_a_network_that_takes_little_trains_at_the_rate_of_new_ones(tmp_path: Path) -> None:
    made = evaluator("fake:64", trained(tmp_path / "run"))
    start, classes = made.start, len(made.data.class_names)
    assert start is not None and made.recipe.rate_of_new == pytest.approx(10 * made.recipe.learning_rate)
    other = Staged(
        stem="cifar", stem_width=8, depths=(2,), widths=(64,), strides=(2,), block="vanilla", classes=classes
    )
    same = Staged(**{**NETWORK.__dict__, "classes": classes})
    assert start.taken(other).share < 0.1 < start.taken(same).share
    assert start.recipe(made.recipe, other).learning_rate == made.recipe.rate_of_new
    assert start.recipe(made.recipe, same) == made.recipe
    anew = Staged(stem="rs", stem_width=8, depths=(1,), widths=(8,), strides=(1,), block="v", classes=classes)
    for network, named in ((same, True), (anew, False)):
        own, recipe = start_for(made.recipe, made.data.class_names, network)
        assert own is not None and ("init" in begun(normalisation(made.data.fit()[0], own), own)) is named
        assert (recipe == made.recipe) is named
    said = evaluator("fake:64", str(tmp_path / "run"), learning_rate=0.03).recipe
    assert said.rate_of_new == 0 and start.recipe(said, other) == said  # a rate that is said is every network's


def test_other_weights_in_their_place_are_noticed(tmp_path: Path) -> None:
    source = trained(tmp_path / "run")
    recipe = Recipe(init=source, init_digest=load_source(source).digest)
    assert start_of(recipe, ("a",)) is not None
    trained(tmp_path / "run", mean=[1.0, 1.0, 1.0])
    with pytest.raises(RegnasError, match="are others than those that this began with"):
        start_of(recipe, ("a",))


def test_weights_that_are_not_there_are_said_when_the_evaluator_is_asked_for_its_facts() -> None:
    with pytest.raises(UsageError, match="no weights to begin with at 'nowhere'"):
        evaluator("fake:64", "nowhere").prepare()
