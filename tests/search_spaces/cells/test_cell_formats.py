"""Genotypes as other programs write them, networks known by name, and lines of text."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from regnas.architecture import Architecture
from regnas.design_space import make_space
from regnas.errors import RegnasError, UsageError
from regnas.format import make_format, read, write
from regnas.preset import preset
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.presets import cells
from regnas.search_spaces.cells.space import CellSpace
from regnas.studies.design.describe import describe_point, describe_preset, parse_params

# quark0/darts ``cnn/genotypes.py``
DARTS_V2 = (
    "DARTS_V2 = Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
)


def _changed(old: str, new: str, count: int = -1) -> str:
    assert old in DARTS_V2
    return f"darts:{DARTS_V2.replace(old, new, count)}"


# Parameters and multiply-adds, with the biases of the last layer, of the cells in the skeleton of NDS and DARTS, by
# hooks on an independent implementation; DARTS's own are published as 3.3M, and 4.7M with 1000 classes.
SIZES = {
    "darts-v1": (3_169_414, 500_987_530),
    "darts-v2": (3_349_342, 528_359_050),
    "nasnet-a": (3_830_950, 603_452_458),
    "pnasnet-5": (4_481_110, 706_026_538),
    "amoebanet-a": (3_145_078, 488_931_562),
    "amoebanet-a-darts": (3_145_078, 488_931_562),
    "enas-micro": (4_394_710, 693_197_866),
    "darts-v1-imagenet": (4_510_432, 505_865_704),
    "darts-v2-imagenet": (4_718_752, 529_912_552),
    "nasnet-a-imagenet": (5_564_320, 604_032_616),
    "pnasnet-5-imagenet": (6_394_912, 696_739_048),
    "amoebanet-a-imagenet": (4_627_360, 526_747_624),
    "amoebanet-a-darts-imagenet": (4_627_360, 526_747_624),
    "enas-micro-imagenet": (6_267_424, 683_944_168),
}


def named(name: str) -> Cells:
    known = preset(name)
    space = make_space(known.space).on(known.images)
    found = space.decode(space.complete(known.params))
    assert isinstance(found, Cells) and space.contains(space.canonical(known.params))
    return found


@pytest.mark.parametrize("name", SIZES)
def test_published_cells_have_the_sizes_counted_elsewhere(name: str) -> None:
    cost = named(name).complexity(preset(name).images.resolution)
    assert (cost.params, cost.flops) == SIZES[name]


def test_every_preset_is_a_point_of_its_space() -> None:
    assert {named(name).classes for name in cells()} == {10, 1000}


def test_describing_a_preset_says_that_it_is_in_its_space_however_it_is_written() -> None:
    described = describe_preset("darts-v2", None, None)
    assert described["in_space"] and described["key"] == named("darts-v2").key()
    assert (described["resolution"], described["complexity"]["params"]) == (32, 3_349_342)
    other = describe_preset("darts-v2", 48, 100)
    assert (other["resolution"], other["architecture"]["classes"]) == (48, 100)
    line = (
        "normal skip@0+skip@0 / skip@0+skip@0 / skip@0+skip@0 / skip@0+skip@0; reduce skip@0+skip@0 / skip@0+skip@0 / "
    )
    space = make_space("darts")
    outside = parse_params(f"{line}skip@0+skip@0 / skip@0+c1@0; width 16; depth 4", space)
    assert not describe_point(space, outside)["in_space"]


def test_the_cells_of_amoebanet_a_are_alike_but_for_one_input() -> None:
    """DARTS's copy has inputs 0 and 1 exchanged: its reduction cell is the same graph, its normal cell nearly."""
    one, other = named("amoebanet-a"), named("amoebanet-a-darts")
    assert one != other
    assert one.reduce == _exchanged(other.reduce.edges, one)
    differing = set(one.normal.edges) ^ set(_exchanged(other.normal.edges, one).edges)
    assert {name for name, _ in differing} <= {"max_pool_3x3"} or len(differing) <= 6


def _exchanged(edges: Any, like: Cells) -> Any:
    from regnas.search_spaces.cells.cell import Cell, loose_ends

    swapped = tuple((name, {0: 1, 1: 0}.get(start, start)) for name, start in edges)
    return Cell(swapped, loose_ends((start for _, start in swapped), len(swapped) // 2))


# --- formats ----------------------------------------------------------------------------------------------------


def same(found: Architecture) -> bool:
    return found == named("darts-v2")


def test_a_genotype_of_darts_reads_as_its_network_for_cifar(tmp_path: Path) -> None:
    text = DARTS_V2.partition(" = ")[2]
    assert same(read(text)[0])
    assert same(read(f"darts:{DARTS_V2}")[0]) and same(read(DARTS_V2)[0])
    file = tmp_path / "genotypes.py"
    file.write_text(f"from collections import namedtuple\n\n{DARTS_V2}\nDARTS = DARTS_V2\n")
    assert [same(one) for one in read(f"darts:{file}")] == [True]
    positional = text.replace("normal=", "").replace("normal_concat=", "").replace("reduce=", "")
    assert same(read(positional.replace("reduce_concat=", ""))[0])


def test_lists_and_records_and_dictionaries_are_the_same_network(tmp_path: Path) -> None:
    one = named("darts-v2")
    lists = [[list(edge) for edge in one.normal.edges], [2, 3, 4, 5]]
    lists += [[list(edge) for edge in one.reduce.edges], [2, 3, 4, 5]]
    found = read(f"unnas:{json.dumps(lists)}")[0]
    assert isinstance(found, Cells)
    assert (found.normal, found.reduce, found.width, found.depth) == (one.normal, one.reduce, 16, 20)
    file = tmp_path / "DARTS.json"
    file.write_text(write("nds", one))
    assert same(read(str(file))[0])
    row = {name: value for name, value in preset("darts-v2").params.items()}
    assert same(read(json.dumps({**row, "normal_concat": [2, 3, 4, 5], "reduce_concat": [2, 3, 4, 5]}))[0])
    assert same(read(write("nni", one))[0])


@pytest.mark.parametrize("name", ["nasnet-a", "darts-v2"])
def test_a_sample_of_nnis_hub_without_concat_has_the_output_of_its_space(name: str) -> None:
    """NNI 3.0 ``hub/pytorch/nasnet.py``: ``darts-v2`` there names no output, and DARTS puts out all four nodes."""
    one = named(name)
    sample = {key: value for key, value in json.loads(write("nni", one)).items() if "concat" not in key}
    assert read(json.dumps(sample))[0] == one
    with pytest.raises(UsageError, match="normal cell: the output of a cell is one or more"):
        read(json.dumps({**sample, "normal_concat": []}))


# melodyguan/enas ``scripts/cifar10_micro_final.sh``
ENAS = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1"
# tensorflow/models ``slim/nets/nasnet/pnasnet.py``
PNAS = """operations = [
    'separable_5x5_2', 'max_pool_3x3', 'separable_7x7_2', 'max_pool_3x3', 'separable_5x5_2',
    'separable_3x3_2', 'separable_3x3_2', 'max_pool_3x3', 'separable_3x3_2', 'none'
]
used_hiddenstates = [1, 1, 0, 0, 0, 0, 0]
hiddenstate_indices = [1, 1, 0, 0, 0, 0, 4, 0, 1, 0]
"""


def test_the_numbers_of_enas_are_its_published_cells(tmp_path: Path) -> None:
    file = tmp_path / "arc.txt"
    file.write_text(ENAS + "\n")
    for source in (f"enas:{ENAS}", f"enas:'{ENAS}'", f"enas:{file}"):
        (found,) = read(source)
        assert isinstance(found, Cells)
        assert (found.normal, found.reduce) == (named("enas-micro").normal, named("enas-micro").reduce)
        assert (found.width, found.depth) == (36, 17)


def test_the_lists_of_pnasnet_are_its_network_for_phones(tmp_path: Path) -> None:
    known = preset("pnasnet-5-mobile")
    space = make_space(known.space).on(known.images)
    file = tmp_path / "pnasnet.py"
    file.write_text(f"class PNasNetNormalCell:\n  def __init__(self):\n{textwrap.indent(PNAS, '    ')}")
    for source in (f"pnas:{PNAS}", f"pnas:{file}"):
        assert list(read(source)) == [space.decode(space.complete(known.params))]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (f"enas:{ENAS} 1", "8 numbers for each of 1 to 7 nodes, 4 in either cell; got 41"),
        ("enas:0 2 0 0 0 7 0 1", "reduce cell: node 2 has the operation 7; there are 0 sep_conv_3x3"),
        ("enas:0 2 2 0 0 1 0 1", "normal cell: node 2 takes sep_conv_3x3 of 2"),
        ("enas:0 -1", "a network of ENAS is enas:0 2"),
        ("pnas:operations = 3", "operations of lists of PNAS is a list, got 3"),
        ("pnas:operations = []", "lists of PNAS are pnas:operations"),
        (f"pnas:{PNAS.replace('7x7', '9x9')}", "normal cell: node 3 has an operation .*'separable_9x9_2'"),
        (f"pnas:{PNAS.replace('[1, 1, 0, 0, 0, 0, 4', '[1, 1, 0, 0, 0, 0, 5')}", "node 5 takes sep_conv_3x3 of 5"),
        (f"pnas:{PNAS.replace('[1, 1, 0, 0, 0, 0, 0]', '[1, 1, 1]')}", "used_hiddenstates has a 0 or a 1"),
        (
            f"pnas:{PNAS.replace('[1, 1, 0, 0, 0, 0, 0]', '[1, 1, 1, 1, 1, 1, 1]')}",
            "the output of a cell is one or more",
        ),
        (f"pnas:{PNAS.replace(', 1, 0]', ', 1]')}", "10 operations and 9 hiddenstate_indices"),
        (f"pnas:{PNAS}# stacking tf, height 3", "a network stacked as tf has no height"),
        (f"pnas:{PNAS}# stacking tf, width wide", "width is a whole number"),
        ("darts:nothing", "a genotype of DARTS is"),
        ("darts:Genotype(", "a genotype of DARTS is"),
        ("darts:Genotype(normal=[])", "has normal, normal_concat, reduce, reduce_concat, got normal"),
        (_changed("dil_conv_3x3", "dil_conv_9x9"), "normal cell: node 5 .*'dil_conv_9x9'"),
        (_changed("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)"), "node 5 takes dil_conv_3x3 of 5"),
        (_changed("range(2, 6)", "range(2, 2)"), "reduce cell: the output of a cell is one or more"),
        (_changed("range(2, 6)", "range(10**9)"), "reduce_concat of .* a range of nodes"),
        (_changed("range(2, 6)", "print(1)"), "reduce_concat of .* is a list"),
        (_changed("('sep_conv_3x3', 0), ", "", 1), "two edges for each of 1 to 7 nodes, got 7"),
        ("unnas:[1, 2, 3]", "a genotype of unnas is four lists"),
        ("unnas:{a: [}", "is not YAML"),
        ("unnas:[[[conv, 0], [conv_1x1, 0]], [2], [], [2]]", "normal cell: node 2 .*'conv'"),
        ('nni:{"normal/op_2_0": "conv_1x1"}', "has no normal/input_2_0: node 2 of the normal cell"),
        ("nni:[]", "a network of NNI is"),
        ("nds:absent.json", "absent.json"),
    ],
)
def test_what_is_malformed_is_one_line_that_says_where(source: str, says: str) -> None:
    with pytest.raises(RegnasError, match=says) as caught:
        read(source)
    assert "\n" not in str(caught.value)


def test_records_of_no_cells_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "ResNet.json"
    file.write_text('[{"net": {"ds": [1, 2]}}]')
    with pytest.raises(UsageError, match="record 1 of .* has no genotype"):
        make_format("nds").read(str(file))  # type: ignore[attr-defined]


# --- lines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["nasnet", "amoebanet", "pnas[reduction=same]", "enas", "darts"])
def test_the_line_of_a_network_reads_back_as_its_point(spec: str) -> None:
    space = make_space(spec)
    assert isinstance(space, CellSpace)
    for candidate in space.sample(10):
        network = candidate.architecture
        assert isinstance(network, Cells)
        assert space.canonical(space.point_of_line(network.summary().line)) == candidate.params


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("sep3@0+skip@1", "is a line such as"),
        ("normal sep3@0+skip@1", "a cell of darts has 4 nodes, and the normal cell 1"),
        ("normal sep3@0+skip@1 / conv@0+skip@1", "normal cell: node 3 has an operation that there is not, 'conv'"),
        ("normal sep3@0+skip@3", "normal cell: node 2 takes skip_connect of 3"),
        ("width many", "width is a whole number, got 'many'"),
        ("width 16; width 24", "is a line such as"),
        ("colour red", "is a line such as"),
    ],
)
def test_what_is_no_line_is_refused(line: str, says: str) -> None:
    space = make_space("darts")
    assert isinstance(space, CellSpace)
    with pytest.raises(UsageError, match=says):
        space.point_of_line(line)


def test_a_line_may_leave_out_what_a_spec_fixes() -> None:
    space = make_space("darts[width=36,depth=20]")
    assert isinstance(space, CellSpace)
    line = named("darts-v2").summary().line.partition("; width")[0]
    assert space.decode(space.complete(space.point_of_line(line))) == named("darts-v2")
