"""Networks on disk, and `regnas.load` that reads them back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import regnas
from regnas import weights
from regnas.errors import InvalidArchitecture, RegnasError
from regnas.search_spaces.staged.architecture import Staged

SMALL = Staged(depths=(1, 1), widths=(8, 16), strides=(2, 2), group_widths=(8, 8), se_ratio=0.25, classes=4)


def _saved(folder: Path) -> torch.nn.Module:
    torch.manual_seed(1)
    network = SMALL.build()
    network(torch.randn(4, 3, 16, 16))  # moves the running statistics off their start
    weights.save(network, folder)
    weights.save_architecture(SMALL, folder, {"classes": ["a", "b", "c", "d"]})
    return network.eval()


def test_a_saved_network_gives_the_same_logits_when_loaded(tmp_path: Path) -> None:
    network = _saved(tmp_path / "best")
    loaded = regnas.load(tmp_path / "best")
    assert not loaded.training
    images = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(loaded(images), network(images))


def test_a_folder_may_be_named_by_text(tmp_path: Path) -> None:
    _saved(tmp_path)
    assert isinstance(regnas.load(str(tmp_path)), torch.nn.Module)


def test_nothing_half_written_is_left_behind(tmp_path: Path) -> None:
    _saved(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["architecture.json", "weights.safetensors"]


def test_the_architecture_lies_beside_the_weights_with_its_details(tmp_path: Path) -> None:
    _saved(tmp_path)
    held = json.loads((tmp_path / "architecture.json").read_text())
    assert held == {"architecture": SMALL.to_json(), "classes": ["a", "b", "c", "d"]}


def test_an_architecture_is_read_from_a_folder_a_file_or_bare_json(tmp_path: Path) -> None:
    _saved(tmp_path)
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(SMALL.to_json()))
    for path in (tmp_path, tmp_path / "architecture.json", bare):
        assert weights.read_architecture(path) == SMALL


def test_a_folder_without_weights_says_how_to_make_them(tmp_path: Path) -> None:
    weights.save_architecture(SMALL, tmp_path, {})
    with pytest.raises(RegnasError, match=r"no weights at .*weights.safetensors; train them with: regnas train"):
        regnas.load(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    _saved(tmp_path)
    other = Staged(depths=(1, 1), widths=(8, 24), strides=(2, 2), group_widths=(8, 8), classes=4)
    weights.save_architecture(other, tmp_path, {})
    with pytest.raises(RegnasError, match="does not hold the weights of this architecture"):
        regnas.load(tmp_path)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    _saved(tmp_path)
    whole = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(whole[:-10])
    with pytest.raises(RegnasError, match="truncated or damaged"):
        regnas.load(tmp_path)


def test_a_missing_or_broken_architecture_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegnasError, match=r"cannot read .*architecture.json: No such file"):
        regnas.load(tmp_path)
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(RegnasError, match=r"broken.json is no JSON"):
        weights.read_architecture(broken)
    broken.write_text("[1]")
    with pytest.raises(InvalidArchitecture, match='a JSON object with a "kind"'):
        weights.read_architecture(broken)
