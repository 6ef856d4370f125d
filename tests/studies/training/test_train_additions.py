"""``regnas train --aux-weight --drop-path``: what they leave, and that a training with them goes on as it began."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import regnas
from regnas.errors import RegnasError, UsageError
from regnas.evaluators.training import final
from regnas.evaluators.training.additions import Additions
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.cell import Cell, parse_edges
from regnas.search_spaces.cells.network import CellsNetwork, DropPath, WithAuxiliaryHead
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.stage import Stage
from regnas.studies.training.train import train

Run = Callable[..., tuple[int, str, str]]
CELL = Cell(parse_edges("c1@1+avg3@1 / skip@2+c3@1"), (2, 3))  # input 0 is used by no node
NETWORK = Cells(CELL, CELL, width=2, depth=3, classes=4)
WORDS: dict[str, Any] = {
    "data": "fake:32",
    "epochs": 3,
    "resolution": 32,
    "aux_weight": 0.4,
    "drop_path": 0.5,
    "quiet": True,
}


@pytest.fixture
def network(tmp_path: Path) -> str:
    """An architecture's file."""
    path = tmp_path / "network.json"
    path.write_text(json.dumps(NETWORK.to_json()))
    return str(path)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return dict(regnas.load(folder).state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_training_is_the_uninterrupted_one(
    workers: int, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {**WORDS, "workers": workers}
    whole = weights_of(train(network, out=tmp_path / "whole", **words))
    run_epoch = final.FinalTraining.run_epoch

    def stops(self: final.FinalTraining) -> float:
        if self.epoch == 2:
            raise KeyboardInterrupt
        return run_epoch(self)

    with monkeypatch.context() as broken:
        broken.setattr(final.FinalTraining, "run_epoch", stops)
        with pytest.raises(KeyboardInterrupt):
            train(network, out=tmp_path / "final", **words)
    assert (tmp_path / "final" / "resume.pt").exists()
    assert same(weights_of(train(network, out=tmp_path / "final", **words)), whole)


def test_each_addition_changes_the_training_and_none_the_network(network: str, tmp_path: Path) -> None:
    found = []
    for name, changes in (("both", {}), ("no-aux", {"aux_weight": 0.0}), ("no-drop", {"drop_path": 0.0})):
        folder = train(network, out=tmp_path / name, **{**WORDS, "epochs": 2, **changes})
        found.append(weights_of(folder))
        assert regnas.load(folder)(torch.zeros(2, 3, 32, 32)).shape == (2, 4)
        identity = json.loads((folder / "result.json").read_text())["identity"]
        assert identity["additions"] == {k: WORDS[k] for k in ("aux_weight", "drop_path") if k not in changes}
    assert not any(same(one, other) for one, other in ((found[0], found[1]), (found[0], found[2])))
    assert set(found[0]) == set(NETWORK.build().state_dict())


def test_another_addition_is_another_training(network: str, tmp_path: Path) -> None:
    train(network, out=tmp_path / "final", **{**WORDS, "epochs": 1})
    with pytest.raises(RegnasError, match="holds another finished training"):
        train(network, out=tmp_path / "final", **{**WORDS, "epochs": 1, "drop_path": 0.1})


def test_the_network_starts_as_it_does_without() -> None:
    made = []
    for weight in (0.0, 0.4):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            built = NETWORK.build()
        whole = Additions(aux_weight=weight).added_to(built, NETWORK, 32, 7)
        assert isinstance(whole, WithAuxiliaryHead) == bool(weight)
        made.append(dict(built.state_dict()))
    assert same(*made)
    heads = [Additions(aux_weight=1).added_to(NETWORK.build(), NETWORK, 32, seed) for seed in (7, 7, 8)]
    first, again, other = ({k: v for k, v in one.state_dict().items() if k.startswith("aux")} for one in heads)
    assert same(first, again) and not same(first, other)


def test_paths_are_dropped_more_and_more(monkeypatch: pytest.MonkeyPatch, network: str, tmp_path: Path) -> None:
    """Source: quark0/darts ``train.py``: ``drop_path_prob * epoch / epochs``."""
    found = []
    set_drop_path = CellsNetwork.set_drop_path

    def hears(self: CellsNetwork, probability: float) -> None:
        set_drop_path(self, probability)
        found.append({one.probability for one in self.modules() if isinstance(one, DropPath)})

    monkeypatch.setattr(CellsNetwork, "set_drop_path", hears)
    train(network, out=tmp_path / "final", **{**WORDS, "epochs": 4})
    assert found == [{0.0}, {0.125}, {0.25}, {0.375}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--aux-weight", -1), "--aux-weight is from 0, no auxiliary head, to 10, got -1.0"),
        (("--aux-weight", "nan"), "--aux-weight is from 0, no auxiliary head, to 10, got nan"),
        (("--drop-path", 1), "--drop-path is a probability from 0 to below 1, got 1.0"),
        (("--drop-path", 0.1, "--time", "1m"), "say --epochs N, not --time"),
        (("--aux-weight", 0.4, "--resolution", 16), "the auxiliary head needs maps of 8 to 10 px"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    words: tuple[Any, ...], message: str, regnas_command: Run, network: str, tmp_path: Path
) -> None:
    code, printed, error = regnas_command("train", network, "--data", "fake:32", "--out", "final", *words)
    assert code != 0 and printed == "" and message in error and len(error.strip().splitlines()) == 1
    assert not (tmp_path / "final" / "training.json").exists()


def test_networks_without_them_are_named() -> None:
    one = regnas.space("regnetx").sample(1)[0].architecture
    for additions, message in (
        (Additions(aux_weight=0.4), "kind staged has no auxiliary head; leave out --aux-weight"),
        (Additions(drop_path=0.2), "kind staged has no paths to drop; leave out --drop-path"),
    ):
        with pytest.raises(UsageError, match=message):
            additions.check(one, 32)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_training_goes_on_to_the_same_weights(network: str, tmp_path: Path, eventually: Any) -> None:
    long = {**WORDS, "data": "fake:256", "epochs": 8, "workers": 2}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in long.items() if name != "quiet"]
    words = [sys.executable, "-m", "regnas", "train", network, *flags, "--out", str(tmp_path / "final")]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    eventually(lambda: (tmp_path / "final" / "resume.pt").exists())
    assert process.poll() is None
    process.kill()
    process.wait()
    assert not (tmp_path / "final" / "result.json").exists()
    whole = weights_of(train(network, out=tmp_path / "whole", **long))
    assert same(weights_of(train(network, out=tmp_path / "final", **long)), whole)


def test_layers_of_a_mobile_network_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "mobile.json"
    stages = (Stage(width=8, depth=3, expansion=2), Stage(width=8, depth=2, stride=2, expansion=2))
    path.write_text(json.dumps(Mobile(stages=stages, stem_width=8, head_width=16, classes=4).to_json()))
    words = {**WORDS, "aux_weight": 0.0, "epochs": 2}
    dropped = weights_of(train(str(path), out=tmp_path / "dropped", **words))
    assert same(weights_of(train(str(path), out=tmp_path / "again", **words)), dropped)
    assert not same(weights_of(train(str(path), out=tmp_path / "whole", **{**words, "drop_path": 0.0})), dropped)
