"""The JSON files of the NDS release, from records as they are in it.

Networks, parameters, FLOPs and errors are those of three models that the tutorial of Microsoft NNI prints
(``docs/source/tutorials/nasbench_as_dataset.rst``, commit 9d6c2e6): one each of ResNeXt-A, ResNet and Amoeba. Most of
the 100 epochs and what the import does not read are left out or made up.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regnas.architecture import from_json
from regnas.design_space import make_space
from regnas.images import Images
from regnas.studies.populations.files import read_population, write_population
from regnas.studies.populations.nds import MARK, read_nds
from regnas.studies.populations.population import Population, PopulationError, differences
from regnas.studies.populations.sources import load

Record = dict[str, Any]
Write = Callable[..., Path]


def _record(net: Record, *, params: int, flops: int, best: float, epochs: list[float], **changes: Any) -> Record:
    return {
        "job_id": 1,
        "rng_seed": 1,
        "net": net,
        "optim": {"base_lr": 0.1, "wd": 0.0005, "max_ep": 100},
        "params": params,
        "flops": flops,
        "act_mem": 1.5,
        "exp_mem": 2.5,
        "prec_time": 3.5,
        "iter_time": 0.065,
        "min_test_top1": best,
        "train_ep_loss": [1.793, float("nan")],  # the release has NaN here, which Python's JSON reads
        "train_ep_top1": [69.579, 3.702],
        "test_ep_top1": epochs,
        "train_it_loss": [],
        **changes,
    }


def _resnext(**changes: Any) -> Record:
    net = {
        "block_type": "res_bottleneck_block",
        "ds": [1, 16, 1, 4],
        "ss": [1, 1, 2, 2],
        "ws": [16, 64, 128, 16],
        "bot_muls": [0.0, 0.25, 0.25, 0.25],
        "num_gs": [1, 2, 1, 2],
    }
    changed = {**net, **{name: changes.pop(name) for name in list(changes) if name in net}}
    epochs = [58.24, 45.34, 40.03, 9.52, 9.61]
    params = changes.pop("params", 83_002)
    return _record(changed, params=params, flops=69_890_986, best=9.52, epochs=epochs, **changes)


def _resnet() -> Record:
    """Basic blocks: what only bottlenecks have is an empty list."""
    net = {
        "block_type": "res_basic_block",
        "ds": [1, 12, 12, 12],
        "ss": [1, 1, 2, 2],
        "ws": [16, 24, 24, 40],
        "bot_muls": [],
        "num_gs": [],
    }
    return _record(net, params=594_138, flops=184_519_578, best=6.42, epochs=[50.0, 6.42, 6.51])


def _amoeba(**changes: Any) -> Record:
    normal = [["avg_pool_3x3", 0], ["conv_7x1_1x7", 1], ["sep_conv_3x3", 2], ["sep_conv_5x5", 0]]
    normal += [["dil_sep_conv_3x3", 2], ["dil_sep_conv_3x3", 2], ["skip_connect", 4], ["dil_sep_conv_3x3", 4]]
    normal += [["conv_7x1_1x7", 2], ["sep_conv_3x3", 4]]
    reduce = [["avg_pool_3x3", 0], ["dil_sep_conv_3x3", 1], ["sep_conv_3x3", 0], ["sep_conv_3x3", 0]]
    reduce += [["skip_connect", 2], ["sep_conv_7x7", 0], ["conv_7x1_1x7", 4], ["skip_connect", 4]]
    reduce += [["conv_7x1_1x7", 0], ["conv_7x1_1x7", 5]]
    genotype = {"normal": normal, "normal_concat": [3, 5, 6], "reduce": reduce, "reduce_concat": [3, 6]}
    net = {"genotype": genotype, "depth": 12, "width": 32, "aux": False, "drop_prob": 0.0, **changes}
    return _record(net, params=4_190_314, flops=664_400_586, best=6.63, epochs=[60.0, 6.63, 6.73])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write(records, name)`` is a file that holds them."""

    def made(value: Any, name: str = "ResNeXt-A.json") -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(value))
        return path

    return made


def _parameters(population: Population) -> list[int]:
    """Parameters of each network, counted from its architecture on images of 32 pixels."""
    return [from_json(network).complexity(32).params for network in population.architectures if network]


def test_errors_are_fractions_and_marked_as_what_they_are(write: Write) -> None:
    """In the release they are percentages, and the smallest test error of all epochs is the one that counts."""
    population = read_nds(write([_resnext(), _resnet()]))
    np.testing.assert_allclose(population.error, [0.0952, 0.0642], rtol=1e-12)
    np.testing.assert_allclose(
        population.curves[:, 0], [[0.5824, 0.4534, 0.4003, 0.0952, 0.0961], [0.5, 0.0642, 0.0651, np.nan, np.nan]]
    )
    assert population.marks == (MARK,) and "TEST error" in MARK


def test_what_a_record_says_of_a_model_is_kept(write: Write) -> None:
    population = read_nds(write([_resnext(rng_seed=2), _resnet(), _amoeba()]))
    assert population.name == "ResNeXt-A" and population.indices.tolist() == [0, 1, 2]
    assert population.complexity("params").tolist() == [83_002, 594_138, 4_190_314]
    assert population.complexity("flops").tolist() == [69_890_986, 184_519_578, 664_400_586]
    assert population.seeds.tolist() == [[2], [1], [1]] and population.failed == 0
    with pytest.raises(PopulationError, match="does not know the activations"):
        population.complexity("activations")


@pytest.mark.parametrize(("name", "data"), [("DARTS.json", "NDS CIFAR-10"), ("DARTS_lr-wd_in.json", "NDS ImageNet")])
def test_the_name_of_the_file_says_the_data(write: Write, name: str, data: str) -> None:
    population = read_nds(write([_amoeba()], name))
    assert population.settings["data"] == data and population.name == name.removesuffix(".json")
    assert read_nds(write([_amoeba()], name), name="cells").name == "cells"


def test_files_of_another_recipe_are_not_compared_with_each_other(write: Write) -> None:
    one, other = _resnet(), _resnet()
    same = read_nds(write([one, other], "ResNet.json"))
    assert same.settings["recipe"] == {"learning_rate": 0.1, "weight_decay": 0.0005, "epochs": 100}
    other["optim"] = {**other["optim"], "base_lr": 0.02}
    varied = read_nds(write([one, other], "ResNet_lr-wd.json"))
    assert varied.settings["recipe"] == {"learning_rate": "varied", "weight_decay": 0.0005, "epochs": 100}
    assert differences([same, varied]) == [
        "recipe: ResNet has learning_rate 0.1, ResNet_lr-wd learning_rate varied",
    ]


def test_bottleneck_networks_have_the_parameters_that_the_record_says(write: Write) -> None:
    """The first entry of every list is the stem's; the release counts groups, and ours have a width."""
    population = read_nds(write([_resnext()]))
    assert _parameters(population) == [83_002]
    network = population.architectures[0] or {}
    assert (network["depths"], network["widths"], network["strides"]) == ([16, 1, 4], [64, 128, 16], [1, 2, 2])
    assert (network["stem"], network["stem_width"], network["classes"]) == ("cifar", 16, 10)
    assert network["bottleneck_ratios"] == [4, 4, 4]
    assert network["group_widths"] == [8, 32, 2]  # 64 / 4 / 2, 128 / 4 / 1 and 16 / 4 / 2


def test_basic_networks_have_the_parameters_that_the_record_says(write: Write) -> None:
    population = read_nds(write([_resnet()], "ResNet.json"))
    assert _parameters(population) == [594_138]
    assert (population.architectures[0] or {})["block"] == "basic"


def test_every_staged_network_can_be_built(write: Write) -> None:
    """The module has the parameters of the record too."""
    for record in (_resnext(), _resnet()):
        architecture = read_nds(write([record])).architectures[0]
        assert architecture is not None
        module = from_json(architecture).build()
        assert sum(parameter.numel() for parameter in module.parameters()) == record["params"]


def test_parameters_are_known_stage_by_stage(write: Write) -> None:
    population = read_nds(write([_resnext(), _resnext(ds=[1, 2, 4, 8], num_gs=[1, 4, 2, 1])]))
    assert {name: column.tolist() for name, column in population.values.items()} == {
        "depth_1": [16, 2],
        "depth_2": [1, 4],
        "depth_3": [4, 8],
        **{"width_1": [64, 64], "width_2": [128, 128], "width_3": [16, 16]},
        **{f"bottleneck_ratio_{stage}": [4, 4] for stage in (1, 2, 3)},
        **{"groups_1": [2, 4], "groups_2": [1, 2], "groups_3": [2, 1]},
    }
    assert set(read_nds(write([_resnet()])).values) == {f"{name}_{n}" for name in ("depth", "width") for n in (1, 2, 3)}


def test_cells_have_the_parameters_that_the_record_says(write: Write) -> None:
    """Not the flops: by which rule the release counts those of cells is not known."""
    population = read_nds(write([_amoeba()], "Amoeba.json"))
    assert _parameters(population) == [4_190_314]
    network = population.architectures[0] or {}
    assert [len(network[f"{cell}_concat"]) for cell in ("normal", "reduce")] == [3, 2]


def test_cells_have_a_depth_and_a_width(write: Write) -> None:
    population = read_nds(write([_amoeba(), _amoeba(depth=20, width=16)], "Amoeba.json"))
    # The second is made up, with the params of the first: its record and its network do not agree.
    assert [one and one["width"] for one in population.architectures] == [32, None]
    assert {name: column.tolist() for name, column in population.values.items()} == {
        "depth": [12, 20],
        "width": [32, 16],
    }


def test_a_network_that_is_not_the_records_is_left_out_and_counted(write: Write) -> None:
    """Params are compared; flops are not, of which the release counts more (61,044,906 here)."""
    population = read_nds(write([_resnext(), _resnext(params=83_003), _resnet(), _amoeba()]))
    assert [network is not None for network in population.architectures] == [True, False, True, True]
    says = "1 of 4 records have other params than what they describe, and are without an architecture"
    assert population.marks == (MARK, f"ResNeXt-A: {says}")
    assert population.complexity("params").tolist()[1] == 83_003


@pytest.mark.parametrize(
    ("record", "name"),
    [(_resnext(), "resnext-a"), (_resnet(), "resnet")],
    ids=["resnext-a", "resnet"],
)
def test_a_record_is_a_point_of_its_space(write: Write, record: Record, name: str) -> None:
    """By the names and values of its parameters: widths as they are, b, and the number of groups."""
    population = read_nds(write([record]))
    space = make_space(name)
    point = {parameter: column[0].item() for parameter, column in population.values.items()}
    assert space.contains(point)
    assert space.decode(space.canonical(point)).to_json() == population.architectures[0]
    assert space.images == Images.from_json(population.settings["images"])


@pytest.mark.parametrize(
    "changes",
    [{"block_type": "mbconv_block"}, {"num_gs": [1, 64, 1, 2]}, {"bot_muls": [], "num_gs": []}, {"ss": [1, 2]}],
    ids=["another block", "more groups than channels", "no bottleneck", "too few strides"],
)
def test_a_network_that_cannot_be_built_still_has_its_error(write: Write, changes: Record) -> None:
    population = read_nds(write([_resnext(), _resnext(**changes)]))
    assert population.architectures[0] is not None and population.architectures[1] is None
    np.testing.assert_allclose(population.error, [0.0952, 0.0952])


def test_learning_rates_are_parameters_where_they_differ(write: Write) -> None:
    """As in the sweeps ``..._lr-wd``."""
    optims = [{"base_lr": rate, "wd": 0.0005, "max_ep": 100} for rate in (0.1, 0.025)]
    values = read_nds(write([_resnext(optim=optim) for optim in optims])).values
    assert values["base_lr"].tolist() == [0.1, 0.025] and "wd" not in values


def test_a_record_needs_no_more_than_a_network_and_an_error(write: Write) -> None:
    population = read_nds(write([{"net": {"block_type": "other"}, "min_test_top1": 50}]))
    assert population.error.tolist() == [0.5] and population.seeds.tolist() == [[-1]]
    assert np.isnan(population.flops).all() and population.curves.shape == (1, 1, 0)


def test_reruns_of_chosen_models_are_refused(write: Write) -> None:
    path = write({"top": [_resnet()], "mid": [_resnet()]}, "ResNet_reruns.json")
    with pytest.raises(PopulationError, match="ResNet_reruns.json holds reruns of chosen models .*no random sample"):
        read_nds(path)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"trials": []}, "is no NDS file: it is not a list of records"),
        ([], "is no NDS file: it is not a list of records"),
        ([1, 2], "is no NDS file: it is not a list of records"),
        ("text", "is no NDS file: it is not a list of records"),
        ([_resnet(), {"net": {}}], "is no NDS file: record 1 has no min_test_top1"),
        ([{"min_test_top1": 5}], "is no NDS file: record 0 has no net"),
        ([{}], "is no NDS file: record 0 has no min_test_top1, net"),
    ],
    ids=["an object", "no records", "numbers", "text", "no error", "no network", "nothing"],
)
def test_another_json_file_is_refused_with_what_it_lacks(write: Write, value: Any, words: str) -> None:
    path = write(value, "mine.json")
    with pytest.raises(PopulationError) as error:
        read_nds(path)
    assert str(error.value) == f"{path} {words}"


def test_a_file_that_is_damaged_or_not_there_is_named(tmp_path: Path, write: Write) -> None:
    path = write([_resnet()])
    path.write_text(path.read_text()[:-20])
    with pytest.raises(PopulationError, match="ResNeXt-A.json is no JSON: .*damaged"):
        read_nds(path)
    with pytest.raises(PopulationError, match="cannot read .*none.json: .*No such file"):
        read_nds(tmp_path / "none.json")


def test_an_nds_file_is_loaded_by_its_name_and_keeps_its_mark_in_ours(tmp_path: Path, write: Write) -> None:
    (population,) = load(str(write([_resnext(), _resnext(ds=[1, 1, 1, 1], params=None)])))
    write_population(tmp_path / "ours.csv.gz", population)
    again = read_population(tmp_path / "ours.csv.gz")
    assert again.marks == population.marks == (MARK,) and again.name == "ResNeXt-A"
    assert again.error.tolist() == population.error.tolist() and again.architectures == population.architectures
    np.testing.assert_array_equal(again.curves, population.curves)


def test_vanilla_networks_are_recognised_by_the_release_own_word(tmp_path: Path) -> None:
    """689,770 params: the network of depths 12 and widths 24, 32, 40 as the release's Vanilla.json counts it."""
    net = {"block_type": "double_plain_block", "ds": [0, 12, 12, 12], "ss": [0, 1, 2, 2], "ws": [16, 24, 32, 40]}
    record = {"net": net, "params": 689_770, "flops": 208_363_930, "min_test_top1": 9.5}
    (tmp_path / "Vanilla.json").write_text(json.dumps([record]))
    network = read_nds(tmp_path / "Vanilla.json").architectures[0]
    assert network is not None and from_json(network).complexity(32).params == 689_770


def test_networks_for_imagenet_are_left_undescribed(tmp_path: Path) -> None:
    """The records do not tell their stem."""
    net = {"block_type": "res_basic_block", "ds": [0, 1, 1, 1], "ss": [0, 1, 2, 2], "ws": [16, 16, 32, 64]}
    (tmp_path / "ResNet_in.json").write_text(json.dumps([{"net": net, "min_test_top1": 40.0}]))
    population = read_nds(tmp_path / "ResNet_in.json")
    assert population.architectures == (None,) and population.settings["data"] == "NDS ImageNet"


@pytest.mark.parametrize("record", [{"net": None, "min_test_top1": 5}, {"net": {}, "min_test_top1": "low"}])
def test_a_record_of_another_shape_is_refused_with_the_file(tmp_path: Path, record: dict[str, object]) -> None:
    (tmp_path / "odd.json").write_text(json.dumps([record]))
    with pytest.raises(PopulationError, match=r"odd\.json is no NDS file"):
        read_nds(tmp_path / "odd.json")
