"""Trained weights to begin with: where they come from, and what is said where they are not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from regnas import weights
from regnas.errors import RegnasError, UsageError
from regnas.format import SupportsWeights, make_format, read
from regnas.pretrained import Source, load_source, published, with_classes
from regnas.search_spaces.staged.architecture import Staged

NETWORK = Staged(stem_width=8, depths=(1, 1), widths=(16, 16), strides=(1, 2), group_widths=(4, 8), classes=3)
FACTS = {"class_names": ["a", "b", "c"], "resolution": 16, "mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0]}


def trained(folder: Path, architecture: Any = NETWORK, seed: int = 0, **facts: Any) -> nn.Module:
    """A folder as ``regnas train`` leaves it, but for the training."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    made: nn.Module = architecture.build()
    weights.save(made, folder)
    weights.save_architecture(architecture, folder, {**FACTS, **facts})
    return made


def holds(source: Source, network: nn.Module) -> bool:
    state = network.state_dict()
    return set(state) == set(source.state) and all(torch.equal(source.state[name], state[name]) for name in state)


def test_a_folder_is_read_with_its_normalisation_and_names(tmp_path: Path) -> None:
    made = trained(tmp_path / "run")
    source = load_source(str(tmp_path / "run"))
    assert holds(source, made) and source.architecture == NETWORK
    assert (source.mean, source.std) == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    assert source.class_names == ("a", "b", "c")


def test_of_a_search_it_is_the_winner(tmp_path: Path) -> None:
    made = trained(tmp_path / "study" / "best")
    assert holds(load_source(str(tmp_path / "study")), made)


def test_a_digest_is_of_what_there_is_and_not_of_where_it_lies(tmp_path: Path) -> None:
    trained(tmp_path / "one")
    trained(tmp_path / "two")
    trained(tmp_path / "seed", seed=1)
    trained(tmp_path / "pixels", mean=[1.0, 2.0, 4.0])
    one, two, seed, pixels = (load_source(str(tmp_path / name)).digest for name in ("one", "two", "seed", "pixels"))
    assert one == two and len({one, seed, pixels}) == 3


@pytest.mark.parametrize("beside", ["architecture.json", "net.json"])
def test_a_file_of_weights_has_its_architecture_beside_it(tmp_path: Path, beside: str) -> None:
    made = trained(tmp_path / "run")
    (tmp_path / "run/weights.safetensors").rename(tmp_path / "net.safetensors")
    (tmp_path / beside).write_text(json.dumps(NETWORK.to_json()))
    source = load_source(str(tmp_path / "net.safetensors"))
    assert holds(source, made)
    assert (source.mean, source.std, source.class_names) == (None, None, None)


@pytest.mark.parametrize("form", ["timm", "torchvision"])
def test_a_file_may_have_the_names_of_another_program(tmp_path: Path, form: str) -> None:
    made, known = trained(tmp_path), make_format(form)
    assert isinstance(known, SupportsWeights)
    save_file(known.export_weights(made.state_dict()), tmp_path / "weights.safetensors")
    assert holds(load_source(str(tmp_path)), made)


@pytest.mark.parametrize("name", ["regnetx_002", "regnety_002", "mobilenetv2_035"])
def test_a_folder_that_timm_saved_is_read_as_timm_describes_it(tmp_path: Path, name: str) -> None:
    """The peer writes it: ``timm.models.save_for_hf``."""
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    theirs = timm.create_model(name, num_classes=6).eval()
    timm.models.save_for_hf(theirs, str(tmp_path / "saved"), safe_serialization=True)
    source = load_source(str(tmp_path / "saved"))
    assert source.architecture == with_classes(read(f"timm:{name}")[0], 6)
    assert source.mean == tuple(255 * one for one in theirs.pretrained_cfg["mean"])
    assert source.std == tuple(255 * one for one in theirs.pretrained_cfg["std"])
    ours, images = source.architecture.build().eval(), torch.randn(2, 3, 64, 64)
    ours.load_state_dict(source.state)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-3, atol=1e-4)


def test_timm_s_weights_of_a_name_come_with_its_normalisation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network: timm makes the network, and what it would fetch is left out."""
    timm = pytest.importorskip("timm")
    make: Callable[..., nn.Module] = timm.create_model
    asked = []

    def untrained(name: str, *, pretrained: bool) -> nn.Module:
        asked.append((name, pretrained))
        torch.manual_seed(0)
        return make(name, pretrained=False)

    monkeypatch.setattr(timm, "create_model", untrained)
    source = load_source("timm:regnetx_002.pycls_in1k")
    assert asked == [("regnetx_002.pycls_in1k", True)]
    assert source.architecture == read("timm:regnetx_002")[0] and source.class_names is None
    assert source.mean == (255 * 0.485, 255 * 0.456, 255 * 0.406)
    torch.manual_seed(0)
    assert torch.equal(source.state["stem.0.0.weight"], make("regnetx_002").state_dict()["stem.conv.weight"])


def test_published_networks_are_known_by_name_each_once_without_fetching_any() -> None:
    pytest.importorskip("timm")
    pytest.importorskip("torchvision")
    known = published()
    names = {text for text, _ in known}
    assert {"timm:regnetx_002", "timm:mobilenetv2_050", "timm:mnasnet_small"} <= names
    assert "torchvision:mobilenet_v2" not in names  # timm's mobilenetv2_100 is the same network
    assert "timm:mobilenetv2_035" not in names  # timm has no weights of it
    assert len({network.key() for _, network in known}) == len(known)
    assert all(network == read(text)[0] for text, network in known)


def test_torchvision_s_weights_of_a_name_are_read_from_where_it_keeps_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was downloaded lies in ``TORCH_HOME``: a file put there is taken for it."""
    from torchvision import models

    torch.manual_seed(0)
    theirs = models.regnet_x_400mf(weights=None)
    name = models.RegNet_X_400MF_Weights.DEFAULT.url.rpartition("/")[2]
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    torch.save(theirs.state_dict(), tmp_path / "hub/checkpoints" / name)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    source = load_source("torchvision:regnet_x_400mf")
    assert source.architecture == read("torchvision:regnet_x_400mf")[0]
    assert source.mean == (255 * 0.485, 255 * 0.456, 255 * 0.406)
    assert torch.equal(source.state["stem.0.0.weight"], theirs.stem[0].weight)


def test_what_cannot_be_fetched_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    timm = pytest.importorskip("timm")

    def offline(*given: Any, **options: Any) -> nn.Module:
        raise OSError("We couldn't connect\nto the hub")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(
        RegnasError, match="timm has no weights of regnetx_002 that can be had now: We couldn't connect to"
    ):
        load_source("timm:regnetx_002")


def test_what_names_no_weights_is_refused_with_what_would(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"no weights to begin with at 'runs/final': name a folder of regnas, .* timm or"
    ):
        load_source("runs/final")
    with pytest.raises(UsageError, match="pycls brings no trained weights"):
        load_source("pycls:net.yaml")
    with pytest.raises(RegnasError, match="timm has no RegNet 'regnetx_2'"):
        load_source("timm:regnetx_2")
    trained(tmp_path / "run")
    (tmp_path / "run/architecture.json").unlink()
    with pytest.raises(UsageError, match="does not say of which network weights.safetensors are the weights"):
        load_source(str(tmp_path / "run"))


def test_weights_that_are_damaged_or_of_another_network_are_refused(tmp_path: Path) -> None:
    trained(tmp_path / "run")
    file = tmp_path / "run/weights.safetensors"
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    weights.save_architecture(Staged(**{**NETWORK.__dict__, "widths": (16, 32)}), tmp_path / "other", {})
    with pytest.raises(RegnasError, match=r"other does not hold the weights .* is of the shape \[16"):
        load_source(str(tmp_path / "other"))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(RegnasError, match="truncated or damaged"):
        load_source(str(tmp_path / "run"))
    save_file({"some.thing": torch.zeros(1)}, file)
    with pytest.raises(RegnasError, match="no tensor has a name of it, here or in another program"):
        load_source(str(tmp_path / "run"))
    file.unlink()
    with pytest.raises(RegnasError, match="no weights at"):
        load_source(str(tmp_path / "run"))
