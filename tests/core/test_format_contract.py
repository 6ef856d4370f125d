"""Formats by name and by what they recognise, whatever the family."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regnas.design_space import make_space
from regnas.errors import PluginBroken, PluginNotFound, UsageError
from regnas.format import formats_of, make_format, read, write
from regnas.plugins import registry
from regnas.preset import preset, presets
from regnas.search_spaces.cells.nasbench201.architecture import NASBench201

CELL = NASBench201((3, 0, 1, 1, 2, 4))
# The form of AutoDL-Projects, ``Structure.tostr``: operations on the edges into nodes 1, 2 and 3, with their origins.
TEXT = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|"


def test_a_kind_has_the_formats_that_write_it() -> None:
    assert formats_of("nasbench201") == ["json", "nasbench201", "onnx", "pt2"]
    assert formats_of("staged") == ["json", "onnx", "pt2", "pycls", "timm", "torchvision"]
    assert formats_of("no such kind") == ["json", "onnx", "pt2"]


def test_a_format_that_does_not_fit_says_which_ones_do() -> None:
    with pytest.raises(
        UsageError,
        match="timm writes networks of the kind mobile or staged, and this one .* nasbench201, .* json, nasbench201",
    ):
        write("timm", CELL)


def test_a_misspelt_format_has_a_nearest_name() -> None:
    with pytest.raises(PluginNotFound, match="no format 'torchvison', installed: darts, .*; did you mean torchvision"):
        write("torchvison", CELL)
    with pytest.raises(UsageError, match="no format reads 'tim:regnety_004': there are .*; did you mean timm:"):
        read("tim:regnety_004")


def test_a_cell_is_the_text_of_its_authors_and_is_read_with_and_without_the_name_of_its_format() -> None:
    assert write("nasbench201", CELL) == f"{TEXT}\n"
    assert list(read(TEXT)) == list(read(f"nasbench201:{TEXT}")) == [CELL]


@pytest.mark.parametrize("text", ["|a~0|+|none~0|none~1|+|none~0|none~1|none~2|", TEXT[:-1], TEXT + "|none~3|", "|~|"])
def test_a_text_that_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cell is"):
        read(f"nasbench201:{text}")


def test_a_json_file_is_read_as_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "cell.json").write_text(write("json", CELL))
    assert list(read(str(tmp_path / "cell.json"))) == [CELL]
    (tmp_path / "sweep.json").write_text(json.dumps([{"cfg": {"MODEL": {"TYPE": "regnet"}}}]))
    assert [network.kind for network in read(str(tmp_path / "sweep.json"))] == ["staged"]


def test_a_format_that_is_only_written_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class OneWay:
        kinds = ()

        def write(self, architecture: object, params: object) -> str:
            return "\n"

    monkeypatch.setattr(registry, "load", lambda kind, name: OneWay)
    with pytest.raises(UsageError, match="timm is written and not read"):
        read("timm:regnety_004")


def test_a_broken_format_harms_no_other_and_is_named_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    load = registry.load

    def broken(kind: str, name: str) -> object:
        if name == "timm":
            raise PluginBroken("the format plug-in 'timm' raised on import")
        return load(kind, name)

    monkeypatch.setattr(registry, "load", broken)
    assert formats_of("staged") == ["json", "onnx", "pt2", "pycls", "torchvision"]
    with pytest.raises(PluginBroken, match="'timm' raised on import"):
        make_format("timm")


def test_a_preset_is_a_point_of_its_space() -> None:
    found = preset("RegNetY_400MF")
    space = make_space(found.space)
    assert found == presets()["regnety-400mf"] and space.spec == "regnety"
    assert space.decode(space.complete(found.params)).key()
    with pytest.raises(PluginNotFound, match="no preset 'regnety-800'; there are .*; did you mean regnety-800mf"):
        preset("regnety-800")
