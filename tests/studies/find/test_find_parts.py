"""What a find says of pictures, of its time and of what it found; and what it refuses."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import regnas
from regnas.dataset import Regime, Split
from regnas.design_space import make_space
from regnas.errors import DataError, HostError, InfeasibleWindow, RegnasError, UsageError
from regnas.images import Images
from regnas.pretrained import Source
from regnas.search_spaces.staged.architecture import Staged
from regnas.statistics.best_of import expected_best_unbiased
from regnas.studies.find import estimate, files, look, published, verdict, words
from regnas.studies.find.finding import Finding
from regnas.studies.find.pace import Pace, pace_of
from regnas.studies.find.request import RECORD, request_of
from regnas.studies.run.clock import CLOCK
from regnas.studies.search.known import baselines
from regnas.studies.search.known.baselines import Against
from regnas.studies.search.plan import SearchPlan, plan
from regnas.studies.training.race import NOTE

Run = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True, eq=False)
class Made:
    """Noise in the parts of a data set, to be changed."""

    training: Split
    validation: Split
    tested: Split | None
    name: str = "made"
    class_names: tuple[str, ...] = ("cat", "dog")

    @cached_property
    def regime(self) -> Regime:
        return Regime(Images(8, 2), flops="1M:2M")

    def fit(self) -> tuple[Split, Split]:
        return self.training, self.validation

    def test(self) -> Split | None:
        return self.tested


def _noise(count: int, seed: int) -> Split:
    images = np.random.default_rng(seed).integers(0, 256, (count, 3, 8, 8), dtype=np.uint8)
    return Split(images, np.arange(count) % 2)


def _made() -> Made:
    return Made(_noise(20, 0), _noise(6, 1), _noise(10, 2))


def test_nothing_is_said_of_pictures_with_which_nothing_is_wrong() -> None:
    assert look.look(_made(), None) == []


def test_twins_in_two_parts_are_counted() -> None:
    images = _made()
    assert images.tested is not None
    images.tested.images[4:6] = images.training.images[:2]  # of the same classes
    images.validation.images[0] = images.training.images[2]
    lines = look.look(images, None)
    assert len(lines) == 2
    assert lines[0].startswith("1 of 6 validation pictures are among the training pictures")
    assert lines[1].startswith("2 of 10 test pictures are among the others, too: the test error will be too low by up")
    assert "20.0%" in lines[1]


def test_a_test_picture_that_is_of_another_class_elsewhere_does_not_make_the_test_error_too_low() -> None:
    images = _made()
    assert images.tested is not None
    images.tested.images[0] = images.training.images[1]
    (line,) = look.look(images, None)
    assert line.startswith("1 picture is in more than one class, such as cat and dog")


def test_a_picture_in_two_classes_is_named() -> None:
    images = _made()
    images.training.images[1] = images.training.images[0]  # of the other class
    (line,) = look.look(images, None)
    assert line.startswith("1 picture is in more than one class, such as cat and dog")


def test_grey_pictures_are_said_and_a_class_that_is_grey_by_itself() -> None:
    images = _made()
    cats = images.training.images[images.training.labels == 0]
    images.training.images[images.training.labels == 0] = cats[:, :1]
    lines = look.look(images, None)
    assert lines[0] == "10 of 20 training pictures are grey, the others in colours"
    assert lines[1].startswith("class cat is grey and the others are in colours")
    images.training.images[:] = images.training.images[:, :1]
    (line,) = look.look(images, None)
    assert line.startswith("all training pictures are grey") and "channels=1" in line


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((8, 8), "100% of the pictures have fewer than 16 pixels a side and are enlarged"),
        ((90, 80), "have 80 pixels a side in the median and are shrunk to 16"),
        ((40, 20), "2 times as long as wide in the median, and the middle square is what a network sees: 50% of a"),
        ((20, 20), None),
    ],
)
def test_sizes_far_from_the_resolution_are_said(tmp_path: Path, size: tuple[int, int], said: str | None) -> None:
    for number in range(3):
        Image.new("RGB", size, (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "3.png").write_bytes(b"no picture")  # the data set's to say
    lines = list(look._sizes(look.sizes_of(tmp_path), 16))
    assert len(lines) == (said is not None) and (said is None or said in lines[0])


def test_a_time_below_one_training_is_refused_with_one_that_is_long_enough() -> None:
    asked = request_of("fake", {"time": "100s", "out": "nowhere"})
    with pytest.raises(UsageError, match="--time 100s is too short: one network trains for about 30 s here, and 22 s"):
        estimate.check(asked, Pace(30.0))
    estimate.check(asked, Pace(22.0, start=9.0))  # one is trained in any case
    with pytest.raises(UsageError) as refused:
        estimate.check(asked, Pace(30.0, start=9.0))
    least = str(refused.value).partition("give --time ")[2].split()[0]
    asked_again = request_of("fake", {"time": least, "out": "nowhere"})
    assert 0.25 * (asked_again.seconds - asked_again.reserved) >= 39
    with pytest.raises(UsageError, match="give --time 23m or more"):
        estimate.check(asked, Pace(248.0))


def _planned(folder: Path, **options: Any) -> SearchPlan:
    usual: dict[str, Any] = {"data": "fake", "out": folder, "time": "1h", "workers": 0, "baselines": False}
    return plan("regnetx", **{**usual, **options})


@pytest.mark.parametrize(
    ("textbook", "workers", "pace", "networks"),
    [
        (False, 0, Pace(2.0), (0, 11)),  # of 22.5 s
        (False, 1, Pace(2.0, start=5.0), (0, 8)),
        (False, 2, Pace(2.0, start=5.0), (0, 16)),
        (True, 1, Pace(2.0, start=5.0), (3, 5)),
        (True, 1, Pace(8.0, start=5.0), (1, 1)),  # at 13 s more than half is over, and 9.5 s are left for one
        (True, 1, Pace(20.0, start=25.0), (0, 1)),  # as a search trains one in any case
    ],
)
def test_what_a_time_is_enough_for_counts_start_and_textbook(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    textbook: bool,
    workers: int,
    pace: Pace,
    networks: tuple[int, int],
) -> None:
    """A tenth of 100 s is for the end, and a quarter of the rest for the search."""
    monkeypatch.setattr(baselines, "asked", lambda one: (0,) * 3 if one.baselines else ())
    asked = request_of("fake", {"time": "100s", "out": "nowhere"})
    found = estimate.expected(asked, _planned(tmp_path, baselines=textbook, workers=workers), pace)
    assert (found.textbook, found.candidates) == networks


def test_a_time_for_few_candidates_is_said_to_be_hardly_a_search_with_one_that_is_enough(tmp_path: Path) -> None:
    asked, made = request_of("fake", {"time": "100s", "out": "nowhere"}), _planned(tmp_path)
    for pace, hardly in ((Pace(7.5), True), (Pace(5.0), False), (None, False)):  # three, four, and nobody knows
        assert any("hardly a search" in line for line in estimate.said(asked, made, pace)) == hardly
    said = list(estimate.said(asked, made, Pace(7.5)))
    assert "about 3 networks, 8 s each;" in said[0]
    longer = said[1].partition("--time ")[2].split()[0]
    more = estimate.expected(request_of("fake", {"time": longer, "out": "nowhere"}), made, Pace(7.5))
    assert more.candidates in (10, 11)


def test_networks_that_need_no_search_are_counted_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "asked", lambda one: (0, 0))
    asked = request_of("fake", {"time": "100s", "out": "nowhere"})
    first, second, *_ = estimate.said(asked, _planned(tmp_path, workers=1), Pace(5.0, start=4.0))
    assert "about 3 networks, 2 of them textbook, 5 s each, the first after 4 s;" in first
    assert second.startswith("1 candidate is hardly a search")


@pytest.mark.parametrize(
    ("count", "spent", "said"), [(2, 22.0, True), (2, 10.0, False), (4, 22.0, False)]
)  # over; ended by something else; enough
def test_a_search_that_trained_few_says_what_time_is_enough(
    tmp_path: Path, count: int, spent: float, said: bool
) -> None:
    made = replace(_planned(tmp_path), seconds=22.5)
    made.folder.mkdir(parents=True)
    (made.folder / CLOCK).write_text(json.dumps({"seconds": spent}))
    rows = [
        {"state": "COMPLETE", "error": 0.1, "index": one, "diverged": False, "seconds": 7.5} for one in range(count)
    ]
    found = estimate.too_few(made, SimpleNamespace(rows=rows, baselines=[{}]), Pace(1.0, start=6.0))  # type: ignore[arg-type]
    assert (found is not None) == said
    if found is not None:  # (6 + 11 * 7.5) * 4 / 0.9 = 393 s
        assert found.longer == "7m" and found.text.startswith("2 candidates are hardly a search")


@pytest.mark.slow
def test_the_estimate_is_of_a_whole_training(tmp_path: Path) -> None:
    """Twice the epochs take twice as long: from a few steps of the same network, within what a busy machine does."""
    one, four = (pace_of(_planned(tmp_path, data="fake:256", epochs=epochs)) for epochs in (1, 100))
    assert one is not None and four is not None and 0 < one.each < four.each and one.start == 0


def test_a_search_that_trains_nothing_is_not_estimated(fast: Any, tmp_path: Path) -> None:
    assert pace_of(plan("regnetx", data="fake", evaluator="fast", out=tmp_path, time=9)) is None


def _raced(folder: Path, chosen: int, *standing: tuple[str, float, float], epochs: int = 25) -> verdict.Race:
    stored = [{"error": error, "epochs": epochs, "seconds": seconds} for _, error, seconds in standing]
    note = {"finalists": [name for name, _, _ in standing], "standing": stored, "chosen": chosen}
    (folder / NOTE).write_text(json.dumps(note))
    found = verdict.race_of(folder)
    assert found is not None
    return found


def test_the_lead_is_that_of_the_race_with_the_interval_of_two_proportions(tmp_path: Path) -> None:
    race = _raced(tmp_path, 1, ("thin ResNet-8", 0.2, 60.0), ("candidate 4", 0.1, 60.0), ("candidate 1", 0.3, 60.0))
    assert race.winner.name == "candidate 4" and race.winner.searched
    lead = verdict._raced(race, 400)
    assert lead is not None and (lead.name, lead.other) == ("candidate 4", "thin ResNet-8")
    half = 1.959964 * np.sqrt((0.1 * 0.9 + 0.2 * 0.8) / 400)
    assert lead.interval == pytest.approx((-0.1 - half, -0.1 + half))
    assert lead.sure and "more than chance explains" in lead.text()
    assert not lead.early and "few epochs" not in lead.text()
    few = verdict._raced(race, 20)
    assert few is not None and not few.sure and "which may be chance" in few.text()


def test_what_is_ahead_in_few_epochs_is_said_to_be_early_and_in_the_warm_up_it_says_nothing(tmp_path: Path) -> None:
    standing = (("thin ResNet-8", 0.2, 60.0), ("candidate 4", 0.1, 60.0))
    lead = verdict._raced(_raced(tmp_path, 1, *standing, epochs=9), 400)
    assert lead is not None and lead.early and "often behind at the end" in lead.text()
    short = _raced(tmp_path, 1, *standing, epochs=3)
    assert verdict._raced(short, 400) is None and not short.decided


def test_a_textbook_network_that_left_the_race_early_is_not_compared_in_it(tmp_path: Path) -> None:
    for seconds, compared in ((20.0, False), (53.0, False), (55.0, True), (65.0, True), (68.0, False)):
        race = _raced(tmp_path, 1, ("thin ResNet-8", 0.2, seconds), ("candidate 4", 0.1, 60.0))
        assert (verdict._raced(race, 400) is not None) == compared


def test_a_race_that_tells_less_than_the_short_trainings_leaves_the_comparison_to_them(tmp_path: Path) -> None:
    """Of 4 epochs the last 2 count, of which one is of the warm-up; of 5, none is. The search trained for 9."""
    standing = (("thin ResNet-8", 0.2, 17.0), ("candidate 0", 0.86, 17.0))
    for epochs, least, compared in ((4, 2, False), (5, 2, True), (8, 9, False), (9, 9, True)):
        race = _raced(tmp_path, 0, *standing, epochs=epochs)
        assert (verdict._raced(race, 400, least) is not None) == compared
    row = {"state": "COMPLETE", "error": 0.26, "index": 0, "diverged": False, "epochs": 9}
    against = Against("thin ResNet-8", -0.02, (-0.06, 0.02))
    result: Any = SimpleNamespace(facts={"images": {"validation": 400}}, rows=[row], against=against)
    lead = verdict.lead_of(_raced(tmp_path, 0, *standing, epochs=4), result)
    assert lead is not None and lead.difference == -0.02 and not lead.raced
    assert "in the short trainings of the search, as the race did not compare them, which may be chance" in lead.text()
    alone = verdict.lead_of(None, result)
    assert alone is not None and "the race" not in alone.text()


def test_why_there_is_no_textbook_network_is_the_reason_that_holds(tmp_path: Path) -> None:
    def said(rows: list[dict[str, Any]], **options: Any) -> str:
        made = plan(**{"space": "regnetx", "data": "fake:64", "out": tmp_path, "workers": 0, **options})
        found: Any = SimpleNamespace(lead=None, plan=made, result=SimpleNamespace(baselines=rows))
        return words.lead(found)

    assert said([]).endswith("there was no time for one, or its training failed")
    assert said([], flops="1:2").endswith("no textbook network of regnetx lies inside flops 1:2")
    assert said([], space="nasbench201").endswith("trained: the space nasbench201[same=functions] knows none")
    assert "diverged" in said([{}])


@pytest.mark.parametrize("damage", ["", "[]", '{"finalists": ["a"], "standing": [], "chosen": 0}'])
def test_a_damaged_race_is_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / NOTE).write_text(damage)
    assert verdict.race_of(tmp_path) is None


def test_what_more_searching_brings_is_read_off_the_best_of_half() -> None:
    errors = [0.5, 0.4, 0.3, 0.35, 0.45, 0.2, 0.6, 0.25]
    gain = verdict.gain_of(errors)
    assert gain is not None and gain.whole == pytest.approx(0.2)
    assert gain.half == pytest.approx(float(expected_best_unbiased(errors, 4)[0])) and gain.half > gain.whole
    assert verdict.gain_of(errors[:7]) is None


def test_a_limit_on_time_alone_keeps_the_images_own_window_of_flops(tmp_path: Path) -> None:
    def flops(**options: Any) -> Any:
        return request_of("fake", {"out": tmp_path / "o", **options}).search.get("flops")  # type: ignore[typeddict-item]

    assert flops(latency=":5ms") == ":2M"
    assert flops(latency=":5ms", flops=":9M") == ":9M"
    assert flops(latency=":5ms", params=":1M") is None and flops() is None


def test_files_of_a_network_that_a_shorter_time_found_do_not_stay(tmp_path: Path) -> None:
    stale = ("network.onnx", "name_pictures.py", "network_timm.py", "timm.safetensors", "torchvision.safetensors")
    for name in stale:
        (tmp_path / name).touch()
    (tmp_path / RECORD).write_text("{}")
    network = make_space("anynetx-e[block=basic]").sample(1)[0].architecture
    found = files.write(request_of("fake", {"out": tmp_path}), network, {}, lambda text: None)
    assert not found.written and set(found.left_out) == {"onnx", "timm", "torchvision"}
    assert not any((tmp_path / name).exists() for name in stale)


def _pictures(top: Path, count: int = 4) -> Path:
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (top / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(top / name / f"{number}.png")
    return top


@pytest.mark.parametrize(
    ("data", "options", "rule"),
    [
        ("photoss", {}, "there is no folder photoss, and no data set of that name"),
        ("fashion-mnist-minni", {}, "did you mean fashion-mnist-mini"),
        ("fake", {"time": "soon"}, "--time takes a number of seconds"),
        ("fake", {"latency": ":5ms", "runtime": "tensorrt"}, "--runtime is torch or onnxruntime"),
        ("fake", {"budget": 5}, "find has no option 'budget'"),
        ("fake", {"out": "photos"}, "--out photos holds cat, which is of no find; name a new folder"),
        ("fake", {"out": "file"}, "--out is a folder, and file is a file"),
        ("photos", {"out": "photos/cat/mine"}, "photos/cat/mine lies among the pictures of photos, and would be read"),
        ("fake", {"evaluator": "zero-cost[score=params]", "time": 5}, "find compares trainings on pictures"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, options: dict[str, Any], rule: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _pictures(tmp_path / "photos")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=rule):
        regnas.find(data, **{"quiet": True, "out": "o", **options})
    assert not (tmp_path / "o" / "search").exists()


def test_class_folders_without_pictures_are_named(tmp_path: Path) -> None:
    photos = _pictures(tmp_path / "photos")
    (photos / "empty").mkdir()
    with pytest.raises(DataError, match="class folder .*empty is empty or missing"):
        regnas.find(photos, out=tmp_path / "o", quiet=True)


def test_limits_without_networks_end_it_and_the_corrected_command_begins(tmp_path: Path) -> None:
    with pytest.raises(InfeasibleWindow, match="flops"):
        regnas.find("fake:64", flops="1:2", time="5s", workers=0, out=tmp_path / "o", quiet=True)
    request_of("fake:64", {"out": tmp_path / "o"})  # the folder may be used


def test_a_runtime_that_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        if name == "onnxruntime":
            raise PackageNotFoundError(name)
        return importlib.metadata.version(name)

    monkeypatch.setattr("regnas.system.optional.version", absent)
    with pytest.raises(HostError, match="pip install 'regnas\\[onnx\\]'"):
        regnas.find("fake:64", latency=":5ms", runtime="onnxruntime", time="5s", out=tmp_path / "o", quiet=True)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("find", "--data", "fake", "--out", "o"), "regnas.studies.find.find.run"),
        (("train", "net.json"), "regnas.studies.training.train.train"),
    ],
)
def test_a_training_that_is_interrupted_says_how_to_go_on(
    regnas_command: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], place: str
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted)
    code, _, error = regnas_command(*words)
    assert code == 130 and "stopped; go on with: regnas" in error


def test_the_command_says_its_errors_in_a_line(regnas_command: Run) -> None:
    code, _, error = regnas_command("find", "--data", "nothing-here")
    assert code == 2 and "there is no folder nothing-here" in error
    code, _, error = regnas_command("find")
    assert code == 2 and "--data" in error


SIZES = {"made:small": (8, 16), "made:middle": (16, 16), "made:large": (16, 24), "made:huge": (64, 128)}


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Published networks of four sizes; returns the names whose weights cannot be had."""
    missing: list[str] = []
    networks = {
        name: Staged(stem="cifar", stem_width=8, depths=(1, 1), widths=widths, strides=(2, 2), classes=1000)
        for name, widths in SIZES.items()
    }

    def load(text: str) -> Source:
        if text in missing:
            raise RegnasError(f"{text} cannot be had now")
        colours = (1.0,) * 3 if text == "made:middle" else (2.0,) * 3
        return Source(text, networks[text], {}, "digest", colours, colours)

    monkeypatch.setattr(published, "published", lambda: list(networks.items()))
    monkeypatch.setattr(published, "load_source", load)
    return missing


def _settled(tmp_path: Path, **options: Any) -> tuple[Any, list[str]]:
    said: list[str] = []
    usual = {"init": "auto", "space": "regnetx", "resolution": 16, "flops": "0:1M", "out": tmp_path / "o", "workers": 0}
    asked = request_of("fake:64", {**usual, **options})  # type: ignore[typeddict-item]
    return published.settled(asked, said.append).search.get("init"), said


def test_auto_is_the_largest_published_networks_inside_the_limits_whose_pixels_are_alike(
    tmp_path: Path, programs: list[str]
) -> None:
    init, said = _settled(tmp_path)
    assert init == "auto:made:large+made:small"
    assert said == ["published networks inside the limits are fine-tuned beside candidates: made:large, made:small"]
    programs.append("made:large")
    assert _settled(tmp_path)[0] == "auto:made:middle"
    assert _settled(tmp_path, init="made:small")[0] == "made:small"  # what is named stays


def test_auto_without_networks_inside_the_limits_begins_anew_and_says_so(tmp_path: Path, programs: list[str]) -> None:
    init, (line,) = _settled(tmp_path, flops="0:60k", space="anynetx-e[depth=1:2,stages=2]")
    assert init is None
    assert "no published network lies inside flops 0:60k: the smallest of 4, made:small, has" in line
    assert line.endswith("candidates begin anew")


def test_auto_without_weights_or_programs_ends_with_the_way_out(
    tmp_path: Path, programs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.extend(SIZES)
    with pytest.raises(RegnasError, match="--init auto: made:large cannot be had now; leave --init out"):
        _settled(tmp_path)
    monkeypatch.setattr(published, "published", list)
    with pytest.raises(HostError, match=r"--init auto compares networks of timm or torchvision: pip install 'regnas"):
        _settled(tmp_path)
    with pytest.raises(UsageError, match="--init auto is for regnas find"):
        plan("regnetx", data="fake:64", init="auto", out=tmp_path)


def test_a_find_that_goes_on_keeps_its_published_networks(tmp_path: Path, programs: list[str]) -> None:
    stored = {"settings": {"evaluator": "train[init=auto:made:middle]"}}
    (tmp_path / "o/search").mkdir(parents=True)
    (tmp_path / "o/search/study.json").write_text(json.dumps(stored))
    programs.extend(SIZES)  # where there is no network any more
    assert _settled(tmp_path) == ("auto:made:middle", [])


@pytest.mark.parametrize(
    ("name", "other", "difference", "said"),
    [
        (
            "timm:x fine-tuned",
            "timm:x fine-tuned",
            0.1,
            "it is a fine-tuned network, as no searched one was ahead of it",
        ),
        (
            "thin ResNet-8",
            "thin ResNet-8",
            0.1,
            "it is a textbook network, as no searched one was ahead of the textbook",
        ),
        (
            "candidate 3",
            "timm:x fine-tuned",
            -0.1,
            "10.0 points ahead of the best fine-tuned network (timm:x fine-tuned)",
        ),
    ],
)
def test_the_conclusion_says_which_of_searched_textbook_and_fine_tuned_won(
    name: str, other: str, difference: float, said: str
) -> None:
    lead = verdict.Lead("candidate 3", other, difference, (-0.2, -0.01), "in the race", 30)
    found: Any = SimpleNamespace(lead=lead, name=name, searched=name.startswith("candidate"))
    get: Any = Finding._lead
    assert said in get.fget(found)


def test_a_textbook_network_that_won_the_race_alone_is_not_said_to_be_level_by_chance() -> None:
    lead = verdict.Lead("candidate 1", "thin ResNet-8", -0.1, (-0.16, -0.04), "in short trainings", 2, raced=False)
    found: Any = SimpleNamespace(lead=lead, name="thin ResNet-8", searched=False)
    get: Any = Finding._lead
    assert get.fget(found) == "it is a textbook network, as no searched one was ahead of the textbook in the race"
