"""Networks that an earlier commit trained and exported load and export as they did."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import regnas

DATA = Path(__file__).parent / "data"
OUTPUTS, PRINTED = "outputs.json", "printed.json"
Run = Callable[..., tuple[int, str, str]]
Earlier = Callable[[str], Path]


def read(name: str) -> Any:
    return json.loads((DATA / name).read_text())


def logits_of(folder: Path) -> list[list[float]]:
    """What the network in a folder says of two made-up images."""
    import torch

    images = torch.linspace(-2, 2, 2 * 3 * 16 * 16).reshape(2, 3, 16, 16).sin()
    with torch.no_grad():
        found: list[list[float]] = regnas.load(folder)(images).double().tolist()
    return found


def test_trained_networks_load_and_say_what_they_said(earlier: Earlier) -> None:
    folder = earlier("finished")
    outputs = read(OUTPUTS)
    assert len(outputs) >= 4
    for name, logits in outputs.items():
        found = logits_of(folder / name)
        assert len(found) == 2 and [len(row) for row in found] == [4, 4]
        for row, before in zip(found, logits, strict=True):
            assert row == pytest.approx(before, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("text", sorted(path.name for path in DATA.glob("exported/*")))
def test_networks_of_the_paper_are_exported_as_they_were(regnas_command: Run, text: str) -> None:
    name, kind = text.removesuffix(".txt").rsplit(".", 1)
    code, out, err = regnas_command("export", name, "--format", kind)
    assert code == 0, err
    assert out == (DATA / "exported" / text).read_text()


@pytest.mark.parametrize("text", sorted(path.name for path in DATA.glob("exported/*.pycls.txt")))
def test_an_exported_configuration_is_read_as_the_network_that_it_was(
    regnas_command: Run, tmp_path: Path, text: str
) -> None:
    (tmp_path / "net.yaml").write_text((DATA / "exported" / text).read_text())
    code, out, err = regnas_command("import", "net.yaml")
    assert code == 0, err
    whole = (DATA / "exported" / text.replace(".pycls.", ".json.")).read_text()
    assert json.loads(out) == json.loads(whole)
    (tmp_path / "net.json").write_text(whole)
    assert json.loads(regnas_command("export", "net.json", "--format", "json")[1]) == json.loads(whole)


@pytest.mark.parametrize("name", ["regnetx-random-0.torchvision", "strided.timm", "strided.torchvision"])
def test_weights_of_an_earlier_search_are_exported_as_they_were(
    earlier: Earlier, regnas_command: Run, name: str
) -> None:
    from safetensors.torch import load_file

    folder = earlier("finished")
    target, kind = name.rsplit(".", 1)
    words = ("export", f"runs/{target}", "--format", kind, "--weights", "again.safetensors")
    code, out, err = regnas_command(*words)
    assert code == 0, err
    assert out.startswith((folder / "exported" / f"{name}.txt").read_text())  # a program for pictures follows
    again, before = (load_file(folder / path) for path in ("again.safetensors", f"exported/{name}.safetensors"))
    assert list(again) == list(before)
    assert all(again[key].equal(before[key]) for key in before)


@pytest.mark.slow
def test_weights_that_were_exported_load_into_the_other_library(earlier: Earlier) -> None:
    pytest.importorskip("timm")
    from safetensors.torch import load_file

    folder = earlier("finished")
    made: dict[str, Any] = {}
    exec((folder / "exported" / "strided.timm.txt").read_text(), made)
    made["network"].load_state_dict(load_file(folder / "exported" / "strided.timm.safetensors"))


# What was the default then, and is to be said now: a space has its own number of classes.
SAID_SINCE = {"describe --space nasbench201 --flops 20M:40M --json": ("--classes", "1000")}


@pytest.mark.parametrize("line", read(PRINTED))
def test_commands_print_what_they_printed(regnas_command: Run, line: str) -> None:
    if "timm:" in line:
        pytest.importorskip("timm")
    code, out, err = regnas_command(*shlex.split(line), *SAID_SINCE.get(line, ()))
    assert code == 0, err
    before = read(PRINTED)[line]
    if "--json" not in line:
        assert out == before.replace(" (docs/compare.md)", "")  # an installed regnas lacks the file
    elif line.startswith("list"):
        assert names_in(before) <= names_in(out)
    else:
        assert rounded(out) == rounded(before)


def names_in(text: str) -> set[tuple[str, str]]:
    """Kind and name of everything that ``regnas list --json`` lists."""
    return {(kind, name) for kind, names in json.loads(text).items() for name in names}


def rounded(text: str) -> Any:
    """A JSON value whose last digits, which are the machine's, are left out."""
    return json.loads(text, parse_float=lambda digits: float(f"{float(digits):.9g}"))
