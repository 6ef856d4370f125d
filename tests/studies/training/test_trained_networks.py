"""``regnas test``, ``regnas predict`` and ``regnas.load(...).predict``: what a trained network is for."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import regnas
from regnas import weights
from regnas.dataset import SupportsFingerprint, make_dataset
from regnas.errors import DataError, RegnasError
from regnas.pictures import about
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.training.using.images import Labelled
from regnas.studies.training.using.report import tables
from regnas.studies.training.using.test import TestReport, report_of

Run = Callable[..., tuple[int, str, str]]
CLASSES = ("blue", "green", "red")
NETWORK = Staged(stem_width=8, depths=(1,), widths=(8,), strides=(2,), group_widths=(8,), classes=3)
SIZE = 8


def save(folder: Path, **changes: Any) -> Path:
    """A network that was never trained, with what training leaves beside it."""
    torch.manual_seed(0)
    weights.save(NETWORK.build(), folder)
    facts = {
        "class_names": list(CLASSES),
        "resolution": SIZE,
        "mean": [100.0, 110.0, 120.0],
        "std": [50.0, 60.0, 70.0],
        "decoding": about(SIZE, 3),
        "data": "imagefolder:photos",
    }
    weights.save_architecture(NETWORK, folder, {**facts, **changes})
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return save(tmp_path / "run")


def noise(file: Path, seed: int) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(file)
    return file


def by_hand(run: Path, file: Path) -> list[float]:
    """Probabilities with nothing of what is tested but the network and the pixels."""
    from regnas.pictures import read_picture

    facts = json.loads((run / "architecture.json").read_text())
    pixels = torch.from_numpy(read_picture(file, SIZE).astype(np.float32))
    mean, std = (torch.tensor(facts[name]).view(3, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        found: list[float] = regnas.load(run)(((pixels - mean) / std)[None]).softmax(1)[0].tolist()
    return found


def test_a_loaded_network_names_pictures_with_their_probabilities(run: Path, tmp_path: Path) -> None:
    files = [noise(tmp_path / f"{seed}.png", seed) for seed in range(70)]  # more than are read at once
    network = regnas.load(run)
    assert isinstance(network, torch.nn.Module) and set(network.state_dict()) == set(NETWORK.build().state_dict())
    found = network.predict(files)
    assert [one.file for one in found] == [str(file) for file in files]
    for file, one in list(zip(files, found, strict=True))[::23]:
        expected = dict(zip(CLASSES, by_hand(run, file), strict=True))
        assert one.probabilities == pytest.approx(expected, abs=1e-6)
        assert list(one.probabilities.values()) == sorted(one.probabilities.values(), reverse=True)
        assert one.class_name == max(expected, key=expected.__getitem__) and one.probability > 1 / 3
    (alone,) = network.predict(str(files[0]))  # sums of float32 may be in another order in a batch of another size
    assert alone.probabilities == pytest.approx(found[0].probabilities, abs=1e-6) and network.predict([]) == []


def test_a_loaded_network_can_be_pickled_with_what_it_predicts_by(run: Path, tmp_path: Path) -> None:
    file = noise(tmp_path / "a.png", 1)
    network = regnas.load(run)
    assert pickle.loads(pickle.dumps(network)).predict(file) == network.predict(file)


def test_without_a_preprocessing_beside_it_a_network_loads_and_predicts_nothing(tmp_path: Path) -> None:
    folder = save(tmp_path / "bare", mean=None)
    network = regnas.load(folder)
    with pytest.raises(RegnasError, match=r"architecture.json says no usable mean"):
        network.predict(noise(tmp_path / "a.png", 1))


def test_each_picture_has_a_line_and_broken_ones_are_named_beside(
    regnas_command: Run, run: Path, tmp_path: Path
) -> None:
    noise(tmp_path / "in" / "a.png", 1)
    noise(tmp_path / "in" / "deep" / "b.jpg", 2)
    (tmp_path / "in" / "broken.png").write_text("no picture")
    code, output, error = regnas_command("predict", "run", "in", "missing.png", "--top", 2)
    assert code == 1
    lines = output.splitlines()
    assert [line.split(":")[0] for line in lines] == ["in/a.png", "in/deep/b.jpg"]
    assert all(line.count("%") == 2 for line in lines)
    assert error.splitlines() == [
        "cannot read the image in/broken.png: it is no picture that Pillow knows; repair or remove it",
        "there is no image missing.png; name files that are there",
    ]
    with pytest.raises(DataError, match="in is a folder; name the pictures in it"):
        regnas.load(run).predict(tmp_path / "in")
    code, output, error = regnas_command("predict", "run", "in/a.png", "--json")
    (said,) = map(json.loads, output.splitlines())
    assert (code, error) == (0, "") and said["file"] == "in/a.png" and set(said["probabilities"]) == set(CLASSES)
    assert said["probability"] == said["probabilities"][said["class"]]


def test_the_report_counts_what_is_taken_for_what(run: Path) -> None:
    predictor = regnas.load(run).predict
    pixels = np.random.default_rng(3).integers(0, 256, (40, 3, SIZE, SIZE), dtype=np.uint8)
    rows = predictor.probabilities(pixels)
    labels = (rows.argmax(1) + (np.arange(40) % 4 == 0)) % 3  # every fourth is called another class
    made = report_of(predictor, Labelled("pictures", pixels, labels, [f"{n}.png" for n in range(40)]))
    assert made.count == 40 and made.error == 10 / 40 and len(made.mistakes) == 10
    for truth in range(3):
        for taken in range(3):
            assert made.confusion[truth, taken] == ((labels == truth) & (rows.argmax(1) == taken)).sum()
    chances = [one.probability for one in made.mistakes]
    assert chances == sorted(chances, reverse=True)
    assert {int(one.name[:-4]) % 4 for one in made.mistakes} == {0}
    worst = made.mistakes[0]
    assert worst.truth == CLASSES[labels[int(worst.name[:-4])]] != worst.taken_for


def report(confusion: list[list[int]]) -> TestReport:
    from regnas.studies.training.using.test import Mistake

    counts = np.array(confusion)
    names = tuple(f"class {number}" for number in range(len(counts)))
    wrong = int(counts.sum() - counts.trace())
    return TestReport("pictures", names, counts, (Mistake("x", names[0], names[1], 0.5),) * wrong)


def test_the_interval_of_the_error_is_exact() -> None:
    """3 of 20: 0.0321 to 0.3789, the table of Clopper and Pearson 1934; 0 of 10 ends at 1 - 0.025^(1/10)."""
    assert report([[9, 1], [2, 8]]).interval == pytest.approx((0.0321, 0.3789), abs=5e-5)
    assert report([[5, 0], [0, 5]]).interval == pytest.approx((0.0, 1 - 0.025**0.1))


def test_every_class_counts_alike_in_the_balanced_error_and_absent_ones_do_not() -> None:
    made = report([[90, 0, 0], [5, 5, 0], [0, 0, 0]])
    assert made.error == pytest.approx(0.05) and made.balanced_error == pytest.approx(0.25)
    assert made.recalls == [1.0, 0.5, None]
    assert "none" in {cell for row in next(tables(made, 0)).rows for cell in row}


def test_of_many_classes_the_most_frequent_mistakes_are_listed() -> None:
    confusion = np.eye(30, dtype=np.int64) * 10
    confusion[3, 7] = 4
    made = report(confusion.tolist())
    _, pairs, *_ = tables(made, 0)
    assert pairs.rows == (("class 3", "class 7", "4"),)


def test_a_folder_of_class_folders_is_tested_whole_and_its_broken_files_are_named(
    regnas_command: Run, run: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(("red", "blue")):  # a class without pictures, and another order than the network's
        for seed in range(4):
            noise(tmp_path / "new" / name / f"{seed}.png", 10 * number + seed)
    (tmp_path / "new" / "red" / "x.png").write_text("no picture")
    code, output, error = regnas_command("test", "run", "--data", "new", "--output", "report.json", "--worst", 2)
    assert (code, error) == (0, "")
    assert "cannot read the image new/red/x.png" in output and "8 pictures of new: error" in output
    assert "1 could not be read" in output
    stored = json.loads((tmp_path / "report.json").read_text())
    code, output, _ = regnas_command("test", "run", "--data", "new", "--json")
    assert code == 0 and json.loads(output) == stored
    assert stored["count"] == 8 and [sum(row) for row in stored["confusion"]] == [4, 0, 4]
    named = {one["file"]: one["taken_for"] for one in stored["mistakes"]}
    for file in sorted((tmp_path / "new").glob("*/[0-9].png")):
        (said,) = regnas.load(run).predict(file)
        assert named.get(str(file.relative_to(tmp_path)), file.parent.name) == said.class_name


def test_the_folder_of_the_training_is_tested_on_what_was_held_out(
    regnas_command: Run, run: Path, tmp_path: Path
) -> None:
    for name in CLASSES:
        for seed in range(20):
            noise(tmp_path / "photos" / name / f"{seed}.png", seed)
    outputs = [regnas_command("test", "run", *words) for words in ((), ("--data", "photos"))]
    assert [code for code, _, _ in outputs] == [0, 0]
    assert all("9 test images of imagefolder:photos: error" in output for _, output, _ in outputs)
    assert "it is tested on those that were held out" in outputs[1][1]


def test_pictures_that_came_after_the_training_do_not_mix_the_held_out_ones_with_those_of_the_training(
    regnas_command: Run, run: Path, tmp_path: Path
) -> None:
    for name in CLASSES:
        for seed in range(20):
            noise(tmp_path / "photos" / name / f"{seed}.png", seed)
    about = json.loads((run / "architecture.json").read_text())
    trained_on = make_dataset(f"imagefolder:{tmp_path / 'photos'}", resolution=SIZE)
    assert isinstance(trained_on, SupportsFingerprint)
    (run / "architecture.json").write_text(json.dumps({**about, "fingerprint": trained_on.fingerprint()}))
    assert regnas_command("test", "run")[0] == 0
    noise(tmp_path / "photos" / "red" / "new.png", 99)
    for words in ((), ("--data", "photos"), ("--data", "imagefolder:photos")):
        code, output, error = regnas_command("test", "run", *words)
        assert (code, output) == (1, "") and "class red has 1 image more" in error and "has not seen" in error
    (tmp_path / "photos").rename(tmp_path / "all")
    for part in ("train", "test"):  # a part of its own stays what it is
        shutil.copytree(tmp_path / "all", tmp_path / "photos" / part)
    code, output, error = regnas_command("test", "run")
    assert code == 0 and "61 test images of imagefolder:photos" in output, error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["test", "run", "--data", "odd"], "odd has classes that the network does not know: bleu; it knows blue"),
        (["test", "run", "--data", "missing"], "no data set 'missing'"),
        (["test", "run"], "there is no folder photos"),
        (["test", "run", "--data", "fake"], "fake has the classes"),
        (["test", "run", "--worst", -1], "--worst is at least 0, got -1"),
        (["test", "nowhere"], "there is no nowhere; name the folder of a search or of a training"),
        (["test", "empty"], "empty holds no weights.safetensors; regnas train leaves them there, and regnas find"),
        (["test", "untrained"], "untrained holds no weights.safetensors; train the network: regnas train untrained"),
        (["predict", "run", "empty"], "empty holds no pictures; name files"),
        (["predict", "run", "a.png", "--top", 0], "--top is at least 1, got 0"),
        (["predict", "run"], "Missing argument 'IMAGES"),
    ],
)
def test_wrong_input_is_a_line(regnas_command: Run, run: Path, tmp_path: Path, words: list[Any], said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "untrained").mkdir()
    (tmp_path / "untrained" / "architecture.json").write_text("{}")
    for name in ("bleu", "red"):
        noise(tmp_path / "odd" / name / "1.png", 1)
    code, output, error = regnas_command(*words)
    assert code in (1, 2) and output == "" and said in error and "Traceback" not in error


def test_of_a_study_the_last_training_of_its_winner_is_taken(regnas_command: Run, tmp_path: Path) -> None:
    from regnas.studies.training.using.network import find_trained

    save(tmp_path / "study" / "best")
    (tmp_path / "study" / "best.json").write_text("{}")
    assert find_trained(str(tmp_path / "study")).folder == tmp_path / "study" / "best"
    for name, written in (("final-30", 2_000_000_000), ("final-60", 1_000_000_000)):
        save(tmp_path / "study" / name)
        os.utime(tmp_path / "study" / name / "weights.safetensors", (written, written))
    noise(tmp_path / "a.png", 1)
    code, _, error = regnas_command("predict", "study", "a.png")
    assert code == 0 and "the winner as trained in study/final-30; others: study/best, study/final-60" in error
    code, _, error = regnas_command("predict", "study/best", "a.png")
    assert code == 0 and error == ""


def test_no_picture_that_can_be_read_is_an_error(run: Path, tmp_path: Path) -> None:
    from regnas.studies.training.using.images import labelled
    from regnas.studies.training.using.network import find_trained

    for name in ("red", "blue"):
        (tmp_path / "bad" / name).mkdir(parents=True)
        (tmp_path / "bad" / name / "1.png").write_text("no picture")
    with pytest.raises(DataError, match="no picture of .*bad can be read, of 2; the first: cannot read"):
        labelled(find_trained(str(run)), regnas.load(run).predict.preprocessing, str(tmp_path / "bad"))
