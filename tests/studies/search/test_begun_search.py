"""Searches whose candidates begin with trained weights."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch

import regnas
from regnas import weights
from regnas.errors import StudyError, UsageError
from regnas.plugins import spec
from regnas.pretrained import as_published
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.line import read_line
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.search.known.beginning import begun_with, is_fine_tuned
from regnas.studies.search.plan import plan

NETWORK = Staged(stem="cifar", stem_width=16, depths=(2, 2), widths=(16, 32), strides=(2, 2), classes=7)
FACTS = {"resolution": 16, "mean": [100.0, 110.0, 120.0], "std": [50.0, 60.0, 70.0]}
SPACE = "regnetx[depth=2:8,stages=2]"


def trained(folder: Path, architecture: Any = NETWORK, **facts: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        weights.save(architecture.build(), folder)
    weights.save_architecture(architecture, folder, {**FACTS, **facts})
    return folder


def run(tmp_path: Path, **options: Any) -> Any:
    usual: dict[str, Any] = {"data": "fake:64", "epochs": 1, "resolution": 16, "budget": 2, "workers": 0, "quiet": True}
    usual |= {"out": tmp_path / "runs", "flops": "0:3M", "init": tmp_path / "source"}
    return regnas.search(SPACE, **{**usual, **options})


def fine_tuned(result: Any) -> dict[str, Any]:
    (found,) = [row for row in result.baselines if row["baseline"].endswith("fine-tuned")]
    return dict(found)


def test_candidates_begin_with_what_fits_and_the_network_itself_is_a_baseline(tmp_path: Path) -> None:
    trained(tmp_path / "source")
    result = run(tmp_path)
    shares = [float(row["metric.taken"]) for row in csv.DictReader((result.folder / "trials.csv").open())]
    assert len(shares) == 2 and all(0 < share <= 1 for share in shares)
    itself = fine_tuned(result)
    assert itself["architecture"] == {**NETWORK.to_json(), "classes": 4}
    head = 32 * 4 + 4  # its last layer is for other classes, all else is known
    assert itself["metrics"]["taken"] == pytest.approx(1 - head / itself["params"])
    recipe = result.settings["recipe"]
    assert recipe["init"] == str(tmp_path / "source") and recipe["learning_rate"] < 0.1 / 9
    about = json.loads((result.folder / "best/architecture.json").read_text())
    assert (about["mean"], about["std"]) == (FACTS["mean"], FACTS["std"])
    assert about["init"]["digest"] == recipe["init_digest"]
    assert result.study.study_name == f"{SPACE}/random/0/init {tmp_path.name}/source"


def test_a_fine_tuned_network_that_beats_every_candidate_is_returned(tmp_path: Path) -> None:
    trained(tmp_path / "source")
    first = run(tmp_path)
    (file,) = first.folder.glob("baselines/*fine-tuned/result.json")
    record = json.loads(file.read_text())
    record["result"] |= {"error": 0.0, "errors": [0.0]}
    file.write_text(json.dumps(record))
    again = run(tmp_path)
    assert again.best.baseline == fine_tuned(again)["baseline"] and again.best.error == 0
    assert again.against is not None and not again.against.beaten


def test_published_networks_are_compared_with_candidates_whichever_their_family(tmp_path: Path) -> None:
    mobile = Mobile(stages=read_line("ds_r1_k3_s2_c16 ir_r1_k3_s2_e3_c24"), stem_width=16, head_width=32, classes=7)
    folders = [str(trained(tmp_path / "staged")), str(trained(tmp_path / "mobile", mobile))]
    result = run(tmp_path, init=as_published(folders), budget=1)
    taken = {row["baseline"]: row["metrics"]["taken"] for row in result.baselines}
    own = {name: share for name, share in taken.items() if is_fine_tuned(name)}
    assert len(own) == 2 < len(taken) and min(own.values()) > 0.5
    assert 0 < float(result.rows[0]["metrics"]["taken"])  # the candidate takes of its own family
    none = run(tmp_path, init=as_published(folders[1:]), budget=1, out=tmp_path / "others")
    assert (
        float(none.rows[0]["metrics"]["taken"]) == 0
    )  # of another family it takes nothing, and is trained all the same


@pytest.mark.parametrize("options", [{"baselines": False}, {"flops": "0:300k"}])
def test_without_baselines_or_outside_the_window_it_is_none(tmp_path: Path, options: dict[str, Any]) -> None:
    trained(tmp_path / "source")
    result = run(tmp_path, budget=1, **options)
    assert not [row for row in result.baselines if "fine-tuned" in row["baseline"]]


def test_the_user_hears_beforehand_how_much_candidates_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(tmp_path / "source")
    run(tmp_path, budget=1, quiet=False, baselines=False)
    text = " ".join(capsys.readouterr().out.split())
    assert f"candidates begin with {tmp_path / 'source'}: the first 8 take" in text


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        (
            Mobile(stages=read_line("ds_r1_k3_s1_c8"), head_width=0, classes=7),
            "holds weights of the kind mobile, and the networks of .* are of the kind staged",
        ),
        (
            Staged(stem="rs", stem_width=8, depths=(1,), widths=(8,), strides=(1,), block="v", classes=7),
            "nothing of .* fits the networks of",
        ),
    ],
)
def test_weights_that_fit_no_candidate_are_refused_before_anything_is_made(
    tmp_path: Path, architecture: Any, words: str
) -> None:
    trained(tmp_path / "source", architecture)
    with pytest.raises(UsageError, match=words):
        run(tmp_path)
    assert not (tmp_path / "runs/regnas.db").exists()


def test_a_study_goes_on_with_no_other_weights(tmp_path: Path) -> None:
    trained(tmp_path / "source")
    run(tmp_path, budget=1, baselines=False)
    trained(tmp_path / "source", mean=[1.0, 2.0, 3.0])
    with pytest.raises(StudyError, match=r"recipe.init_digest: stored \w+, asked \w+"):
        run(tmp_path, baselines=False)


def test_the_option_of_the_evaluator_is_the_same_and_both_are_one_too_many(tmp_path: Path) -> None:
    source = str(trained(tmp_path / "source"))
    flagged = plan(SPACE, data="fake:64", workers=0, out=tmp_path, init=source)
    spelled = plan(SPACE, data="fake:64", workers=0, out=tmp_path, evaluator=f"train[init={source}]")
    assert flagged.settings.recipe == spelled.settings.recipe
    with pytest.raises(UsageError, match="give one of them"):
        plan(SPACE, data="fake:64", workers=0, out=tmp_path, evaluator=f"train[init={source}]", init=source)


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """Studies' folders have commas, brackets and equals signs in their names."""
    folder = trained(tmp_path / 'a,b=c]["d')
    text = begun_with("train[learning_rate=0.5]", str(folder))
    options = spec.json_options(spec.parse(text, "evaluator")[2])
    assert options == {"learning_rate": 0.5, "init": str(folder)}


def test_an_evaluator_that_trains_nothing_begins_with_nothing(tmp_path: Path) -> None:
    trained(tmp_path / "source")
    with pytest.raises(UsageError, match="init"):
        run(tmp_path, evaluator="zero-cost")


@pytest.mark.slow
def test_worker_processes_begin_as_this_process_does(tmp_path: Path) -> None:
    trained(tmp_path / "source")
    here, there = (run(tmp_path, out=tmp_path / f"runs{count}", workers=count, baselines=False) for count in (0, 1))
    for name in ("error", "metrics"):
        assert [row[name] for row in here.rows] == [row[name] for row in there.rows]
