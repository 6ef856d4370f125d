"""Populations by name: studies, files and recorded ones; and what follows from the networks in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from regnas.architecture import from_json
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.fit.nearest import fit_line
from regnas.studies.populations.files import write_population
from regnas.studies.populations.population import Population, PopulationError, from_arrays
from regnas.studies.populations.quantities import quantities, with_line_fits
from regnas.studies.populations.sources import load, of_folder, of_study, recorded_names, study_of
from regnas.studies.search.identity import ATTRIBUTE
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]

NAN = float("nan")


def _staged(depths: tuple[int, ...], widths: tuple[int, ...]) -> dict[str, Any]:
    strides = (1, *(2,) * (len(depths) - 1))
    return Staged(depths=depths, widths=widths, strides=strides, group_widths=(8,) * len(depths)).to_json()


def _is_that_of(population: Population, result: SearchResult) -> None:
    """A population holds the completed trials of a search and nothing else."""
    complete = [row for row in result.rows if row["state"] == "COMPLETE"]
    trials = [trial for trial in result.study.trials if trial.state == optuna.trial.TrialState.COMPLETE]
    by_index = sorted(trials, key=lambda trial: int(trial.user_attrs["index"]))
    assert population.indices.tolist() == [trial.user_attrs["index"] for trial in by_index]
    assert population.error.tolist() == [trial.value for trial in by_index]
    assert population.seeds[:, 0].tolist() == [trial.user_attrs["seed"] for trial in by_index]
    assert population.seconds[:, 0].tolist() == [trial.user_attrs["seconds"] for trial in by_index]
    assert population.curves[:, 0].tolist() == [list(trial.intermediate_values.values()) for trial in by_index]
    assert population.diverged[:, 0].tolist() == [bool(trial.user_attrs["diverged"]) for trial in by_index]
    assert list(population.architectures) == [json.loads(trial.user_attrs["architecture"]) for trial in by_index]
    for name in ("flops", "params", "activations"):
        assert population.complexity(name).tolist() == [row[name] for row in complete]
    assert set(population.values) == set(complete[0]["params_by_name"])
    for name, column in population.values.items():
        assert column.tolist() == [row["params_by_name"][name] for row in complete]
    assert population.failed == len(result.rows) - len(complete)
    assert population.settings == result.settings and population.marks == ()


def test_enqueued_networks_are_no_part_of_a_random_sample(fast_search: Search, tmp_path: Path) -> None:
    chosen = fast_search(1, seed=9, out="other").rows[0]["params_by_name"]
    file = tmp_path / "chosen.json"
    file.write_text(json.dumps([chosen]))
    result = fast_search(5, enqueue=file)
    population = of_study(result.study)
    assert len(result.rows) == 5 and len(population) == 4
    assert chosen not in [{name: values[at] for name, values in population.values.items()} for at in range(4)]


def test_the_population_of_a_study_is_its_completed_trials(fast_search: Search) -> None:
    result = fast_search(5, evaluator="fast[fail=1|4,diverge=2,epochs=3]", flops=":1M", space="regnetx[wm=2]")
    (population,) = load(str(result.folder))
    _is_that_of(population, result)
    assert (len(population), population.failed, population.name) == (5, 2, "regnetx[wm=2]")
    assert population.diverged[:, 0].tolist() == [False, True, False, False, False]
    _is_that_of(of_study(result.study), result)
    assert of_study(result.study, name="mine").name == "mine"


def test_the_complexity_of_a_population_is_that_of_its_networks_on_its_images(fast_search: Search) -> None:
    result = fast_search(3)
    population = of_folder(result.folder)
    resolution = population.settings["images"]["resolution"]
    costs = [from_json(network).complexity(resolution) for network in population.architectures if network]
    assert population.complexity("flops").tolist() == [cost.flops for cost in costs]


def test_a_study_whose_storage_is_gone_is_read_from_its_table(fast_search: Search) -> None:
    result = fast_search(4, evaluator="fast[fail=2,epochs=2]")
    folder = result.folder.parent.parent / "moved"
    shutil.copytree(result.folder, folder)
    stored = json.loads((folder / "study.json").read_text())
    stored["storage"] = str(folder / "gone.journal")
    (folder / "study.json").write_text(json.dumps(stored))
    assert study_of(folder) is None
    _is_that_of(of_folder(folder), result)
    stored["storage"] = f"sqlite:///{folder / 'gone.db'}"
    (folder / "study.json").write_text(json.dumps(stored))
    _is_that_of(of_folder(folder), result)
    assert not (folder / "gone.db").exists() and not (folder / "gone.journal").exists()


def test_a_study_that_its_storage_does_not_know_is_read_from_its_table(fast_search: Search) -> None:
    result = fast_search(3)
    stored = json.loads((result.folder / "study.json").read_text())
    (result.folder / "study.json").write_text(json.dumps({**stored, "name": "renamed"}))
    _is_that_of(of_folder(result.folder), result)


def test_the_trials_of_an_adaptive_strategy_are_refused(fast_search: Search) -> None:
    """Read from the study, from its table, and from its folder without the storage."""
    result = fast_search(4, strategy="tpe")
    for name in (result.folder, result.folder / "trials.csv"):
        with pytest.raises(PopulationError, match="regnetx was searched with tpe.*no random sample.*--force"):
            load(str(name))
    with pytest.raises(PopulationError, match="searched with tpe"):
        of_study(result.study)
    (result.folder.parent / "j.journal").unlink()
    with pytest.raises(PopulationError, match="searched with tpe"):
        load(str(result.folder))
    assert load(str(result.folder), force=True)[0].name == "regnetx (tpe)"


def test_forced_trials_of_an_adaptive_strategy_say_so_everywhere(fast_search: Search, tmp_path: Path) -> None:
    result = fast_search(4, strategy="tpe")
    forced = [load(str(result.folder), force=True)[0], load(str(result.folder / "trials.csv"), force=True)[0]]
    for population in forced:
        assert population.name == "regnetx (tpe)" and len(population) == 4
        assert population.marks == ("regnetx: trials of tpe, no random sample of the space",)
    write_population(tmp_path / "forced.csv", forced[0])
    with pytest.raises(PopulationError, match="searched with tpe"):
        load(str(tmp_path / "forced.csv"))


def test_force_leaves_random_trials_as_they_are(fast_search: Search) -> None:
    result = fast_search(2)
    _is_that_of(load(str(result.folder), force=True)[0], result)


def test_a_study_of_another_program_is_refused() -> None:
    study = optuna.create_study(study_name="theirs")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(PopulationError, match="study 'theirs' was not made by regnas"):
        of_study(study)


def test_a_study_without_a_completed_trial_is_no_population(fast_search: Search) -> None:
    study = optuna.create_study()
    study.set_user_attr(ATTRIBUTE, fast_search(1).study.user_attrs[ATTRIBUTE])
    with pytest.raises(PopulationError, match="population regnetx is empty: it has no completed random evaluation"):
        of_study(study)


def test_a_folder_that_is_no_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match=f"{tmp_path} is no study's folder: it has no study.json"):
        load(str(tmp_path))
    for text in ("", "{", "[]", "{}", '{"name": "a"}', "null"):
        (tmp_path / "study.json").write_text(text)
        with pytest.raises(PopulationError, match=f"{tmp_path} is no study's folder"):
            load(str(tmp_path))


def test_a_study_without_storage_and_table_names_the_table(fast_search: Search) -> None:
    folder = fast_search(1).folder
    (folder.parent / "j.journal").unlink()
    (folder / "trials.csv").unlink()
    with pytest.raises(PopulationError, match="cannot read .*trials.csv: No such file"):
        load(str(folder))


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".jsonl", ".jsonl.gz"])
def test_a_file_is_loaded_by_its_name(tmp_path: Path, suffix: str) -> None:
    write_population(tmp_path / f"p{suffix}", from_arrays("mine", [0.5, 0.25], marks=("a mark",)))
    (population,) = load(str(tmp_path / f"p{suffix}"))
    assert (population.name, population.error.tolist(), population.marks) == ("mine", [0.5, 0.25], ("a mark",))


def test_a_file_of_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("error\n0.5\n")
    with pytest.raises(
        PopulationError, match=r"\.csv, \.csv\.gz, \.jsonl, \.jsonl\.gz or an NDS file .*, got .*p\.txt"
    ):
        load(str(tmp_path / "p.txt"))


def test_what_is_not_there_is_refused_with_what_may_be_named(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="there is no population .*none.csv; name a file, a study's folder, or"):
        load(str(tmp_path / "none.csv"))


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes the place of the recorded populations, with three of them."""
    for number, name in enumerate(["mnist/regnetx", "mnist/anynetx-a", "cifar10/short/regnetx"]):
        write_population(tmp_path / f"{name}.csv.gz", from_arrays(name, [0.5, number / 8]))
    (tmp_path / "mnist" / "README.md").touch()
    monkeypatch.setattr("regnas.studies.recorded.files.files", lambda package: tmp_path)
    return tmp_path


def test_recorded_populations_are_named_by_data_and_space(recorded: Path) -> None:
    assert recorded_names() == ["cifar10/short/regnetx", "mnist/anynetx-a", "mnist/regnetx"]
    (population,) = load("recorded:mnist/regnetx")
    assert population.name == "mnist/regnetx" and population.error.tolist() == [0.5, 0.0]


@pytest.mark.parametrize("name", ["recorded:mnist", "recorded:mnist/"])
def test_the_data_alone_name_all_recorded_spaces(recorded: Path, name: str) -> None:
    assert [population.name for population in load(name)] == ["mnist/anynetx-a", "mnist/regnetx"]


@pytest.mark.parametrize("name", ["", "mnist/resnet", "mnis", "regnetx", "cifar10"])
def test_an_unknown_recorded_name_is_refused_with_those_there_are(recorded: Path, name: str) -> None:
    with pytest.raises(PopulationError) as error:
        load(f"recorded:{name}")
    assert f"no recorded population {name!r}" in str(error.value)
    assert all(f"recorded:{known}" in str(error.value) for known in recorded_names())


def test_every_recorded_population_that_is_installed_can_be_loaded() -> None:
    """Whatever comes with this release, none of it was forced."""
    for name in recorded_names():
        (population,) = load(f"recorded:{name}")
        assert len(population) > 0 and population.marks == ()
    with pytest.raises(PopulationError, match="no recorded population 'none/such'"):
        load("recorded:none/such")


def test_what_follows_from_staged_networks_is_a_quantity() -> None:
    networks = ((1, 2, 3, 4), (8, 16, 32, 64)), ((2, 2, 5, 1), (16, 24, 32, 40)), ((3, 1, 2, 2), (24, 24, 24, 120))
    architectures = tuple(_staged(*network) for network in networks)
    found = quantities(from_arrays("p", [0.5, 0.25, 0.75], architectures=architectures))
    assert {name: column.tolist() for name, column in found.items()} == {
        "depth": [10, 10, 8],
        "width ratio": [8, 2.5, 5],
        **{"w1": [8, 16, 24], "w2": [16, 24, 24], "w3": [32, 32, 24], "w4": [64, 40, 120]},
        **{"d1": [1, 2, 3], "d3": [3, 5, 2], "d4": [4, 1, 2]},
        "d2": [2, 2, 1],
    }


def test_networks_of_different_numbers_of_stages_have_no_quantities_by_stage() -> None:
    architectures = (_staged((1, 2), (8, 16)), _staged((2, 2, 2), (8, 16, 32)))
    found = quantities(from_arrays("p", [0.5, 0.25], architectures=architectures))
    assert {name: column.tolist() for name, column in found.items()} == {"depth": [3, 6], "width ratio": [2, 4]}


@pytest.mark.parametrize("other", [None, {"kind": "cell"}])
def test_networks_that_are_not_all_staged_have_only_their_parameters(other: Any) -> None:
    architectures = (_staged((1, 2), (8, 16)), other, _staged((3, 4), (8, 24)))
    values = {"lr": np.array([1.0, 2.0, 3.0])}
    population = from_arrays("p", [0.5, 0.25, 0.75], architectures=architectures, values=values)
    assert {name: column.tolist() for name, column in quantities(population).items()} == {"lr": [1, 2, 3]}


def test_constant_unknown_and_repeated_columns_are_no_quantities() -> None:
    """Of equal columns the first stays: the parameter, under the name that the space gives it."""
    architectures = tuple(_staged(depths, (8, 16)) for depths in ((1, 2), (1, 4)))
    population = from_arrays(
        "p",
        [0.5, 0.25],
        architectures=architectures,
        values={
            "depth_2": np.array([2.0, 4.0]),
            "same": np.array([2.0, 4.0]),
            "constant": np.array([3.0, 3.0]),
            "unknown": np.array([NAN, 1.0]),
        },
        flops=[100, 200],
        params=[NAN, 300],
        activations=[7, 7],
        e_fit=[0.5, 0.25],
    )
    found = {name: column.tolist() for name, column in quantities(population).items()}
    assert found == {"depth_2": [2, 4], "depth": [3, 5], "flops": [100, 200], "e_fit": [0.5, 0.25]}
    assert list(found)[0] == "depth_2"


def test_a_width_that_is_a_parameter_is_not_told_again_as_the_network_has_it() -> None:
    """The two differ by the rounding to groups; the widths of other stages stay."""
    architectures = tuple(_staged((1, 1), widths) for widths in ((8, 32), (24, 16)))
    values = {"width_1": np.array([8.0, 20.0])}
    found = quantities(from_arrays("p", [0.5, 0.25], architectures=architectures, values=values))
    assert {name: column.tolist() for name, column in found.items()} == {
        "width_1": [8, 20],
        "width ratio": [4, 16 / 24],
        "w2": [32, 16],
    }


def test_a_fit_is_filled_in_only_where_it_is_missing() -> None:
    network = _staged((2, 3, 4), (32, 16, 64))
    population = from_arrays(
        "p",
        [0.5] * 5,
        architectures=(network, network, None, {"kind": "cell"}, _staged((1,), (8,))),
        e_fit=[NAN, 0.75, NAN, NAN, NAN],
    )
    fit = fit_line((2, 3, 4), (32, 16, 64)).error
    assert fit > 0.1
    np.testing.assert_allclose(with_line_fits(population).e_fit, [fit, 0.75, NAN, NAN, 0], atol=1e-6)
    np.testing.assert_array_equal(population.e_fit, [NAN, 0.75, NAN, NAN, NAN])  # it is left as it was


def test_a_population_with_all_fits_is_left_as_it_is() -> None:
    population = from_arrays("p", [0.5], architectures=(_staged((1, 2), (8, 16)),), e_fit=[0.75])
    assert with_line_fits(population) is population


def test_fits_are_filled_in_for_the_networks_of_a_study(fast_search: Search) -> None:
    population = of_folder(fast_search(4).folder)
    assert np.isnan(population.e_fit).all()
    expected = [fit_line(network["depths"], network["widths"]).error for network in population.architectures if network]
    np.testing.assert_allclose(with_line_fits(population).e_fit, expected, atol=1e-6)


def test_what_was_forced_once_is_marked_once(fast_search: Any, tmp_path: Path) -> None:
    fast_search(4, strategy="tpe")
    (population,) = load(str(next((tmp_path / "runs").glob("*tpe*"))), force=True)
    write_population(tmp_path / "kept.csv", population)
    (again,) = load(str(tmp_path / "kept.csv"), force=True)
    assert again.name == population.name and again.marks == population.marks
