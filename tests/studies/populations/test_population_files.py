"""Populations as files: what is written is read back, and what is damaged or foreign says so."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.errors import RegnasError
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.populations.files import read_population, write_population
from regnas.studies.populations.population import Population, PopulationError, from_arrays
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]

NAN = float("nan")
SUFFIXES = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz")
SETTINGS = {"space": "regnetx[wm=2]", "strategy": "random", "data": "mnist", "recipe": {"epochs": 3, "flip": False}}
NETWORK = Staged(depths=(1, 2), widths=(8, 16), strides=(1, 2), group_widths=(8, 8), classes=10).to_json()


def _population() -> Population:
    """Three models with everything known of some and nothing of others: one, two and three seeds, the last epochs
    not reached, a network that no JSON describes, a seed whose number is unknown.
    """
    return from_arrays(
        "RegNetX, été",
        [[0.25, 0.5, 1 / 3], [0.1, NAN, NAN], [0.0, 1.0, NAN]],
        indices=[2, 5, 90],
        curves=[
            [[0.75, 0.5, 0.25], [0.5, 0.5, 0.5], [0.5, 1 / 3, NAN]],
            [[0.2, 0.1, NAN], [NAN] * 3, [NAN] * 3],
            [[NAN] * 3, [1.0, 1.0, 1.0], [NAN] * 3],
        ],
        seeds=[[0, 2**31 - 1, -1], [7, -1, -1], [8, 9, -1]],
        seconds=[[1.5, 2.0, NAN], [0.1, NAN, NAN], [NAN, 3.25, NAN]],
        diverged=[[False, True, False], [True, False, False], [False, False, False]],
        flops=[1_000_000, 2_345_678, 5],
        params=[1000, 2000, 3000],
        activations=[NAN, 7, NAN],
        architectures=(NETWORK, None, NETWORK),
        e_fit=[0.012345, NAN, 0.0],
        values={"depth": np.array([3.0, 4.0, 5.0]), "wm": np.array([2.5, 1 / 3, 2.0])},
        words={"op": ("conv", "", "max pool, 3x3")},
        settings=SETTINGS,
        failures=(3, 6, 8, 13),
        marks=("a mark, with a comma", "another"),
    )


def _same(one: Population, two: Population) -> None:
    """Equal in everything; unknown is equal to unknown."""
    arrays = ("indices", "errors", "curves", "seeds", "seconds", "diverged", "flops", "params", "activations", "e_fit")
    for name in arrays:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
    assert set(one.values) == set(two.values)
    for name, column in one.values.items():
        np.testing.assert_array_equal(column, two.values[name], err_msg=name)
    for name in ("name", "architectures", "words", "settings", "failures", "marks"):
        assert getattr(one, name) == getattr(two, name), name


def _plain_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_population_is_read_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / f"p{suffix}"
    write_population(path, _population())
    _same(read_population(path), _population())
    assert [entry.name for entry in path.parent.iterdir()] == [f"p{suffix}"]


@st.composite
def _populations(draw: st.DrawFn) -> Population:
    """Any population whose trainings and epochs stand without gaps, the first model having the most of both, and
    whose name is of one line.
    """
    n, s, t = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(0, 3))
    fraction = st.floats(0, 1)
    errors, seconds = np.full((n, s), NAN), np.full((n, s), NAN)
    curves, seeds = np.full((n, s, t), NAN), np.full((n, s), -1)
    for i in range(n):
        for j in range(draw(st.integers(1, s)) if i else s):
            errors[i, j] = draw(fraction)
            seconds[i, j] = draw(st.floats(0, 1e9) | st.just(NAN))
            seeds[i, j] = draw(st.just(-1) | st.integers(0, 2**20).map((s * 2**20 * j).__add__))  # no two alike
            reached = draw(st.integers(0, t)) if i or j else t
            curves[i, j, :reached] = draw(st.lists(fraction, min_size=reached, max_size=reached))
    number = st.floats(allow_nan=False, allow_infinity=False)
    indices = np.sort(draw(st.lists(st.integers(0, 2**53 - 10), min_size=n, max_size=n, unique=True)))

    def column(of: st.SearchStrategy[float]) -> Any:
        return np.array(draw(st.lists(of, min_size=n, max_size=n)))

    unknown = st.just(NAN)
    return from_arrays(
        draw(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)),
        errors,
        indices=indices,
        curves=curves,
        seeds=seeds,
        seconds=seconds,
        diverged=np.isfinite(errors) & (errors > 0.5),
        flops=column(st.integers(1, 2**53).map(float) | unknown),
        params=column(st.integers(1, 2**53).map(float) | unknown),
        activations=column(st.integers(1, 2**53).map(float) | unknown),
        e_fit=column(st.floats(0, 10) | unknown),
        values={name: column(number) for name in draw(st.sets(st.sampled_from(["a b", "depth", "w,0", "é"])))},
        settings=draw(st.just({}) | st.just(SETTINGS)),
        failures=tuple(sorted(draw(st.sets(st.integers(2**53 - 9, 2**53), max_size=9)))),
        marks=tuple(draw(st.lists(st.text(), max_size=2))),
    )


@given(_populations(), st.sampled_from(SUFFIXES))
@settings(deadline=None, max_examples=60)
def test_any_population_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, population: Population, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    write_population(path, population)
    _same(read_population(path), population)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_equal_populations_give_equal_bytes(tmp_path: Path, suffix: str) -> None:
    one, two, three = (tmp_path / f"{name}{suffix}" for name in "abc")
    write_population(one, _population())
    write_population(two, _population())
    write_population(three, read_population(one))
    assert one.read_bytes() == two.read_bytes() == three.read_bytes()
    write_population(two, _population().marked("more"))
    assert one.read_bytes() != two.read_bytes()


@pytest.mark.parametrize("suffix", [".csv.gz", ".jsonl.gz"])
def test_a_compressed_file_does_not_hold_the_time_of_writing(tmp_path: Path, suffix: str) -> None:
    """Bytes 4 to 8 of a gzip file are a time (RFC 1952)."""
    write_population(tmp_path / f"p{suffix}", _population())
    assert (tmp_path / f"p{suffix}").read_bytes()[4:8] == bytes(4)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_plain_and_compressed_files_hold_the_same_text(tmp_path: Path, suffix: str) -> None:
    plain = suffix.removesuffix(".gz")
    write_population(tmp_path / f"p{plain}", _population())
    write_population(tmp_path / f"q{suffix}", _population())
    assert _plain_bytes(tmp_path / f"q{suffix}") == (tmp_path / f"p{plain}").read_bytes()


def test_a_csv_file_has_one_comment_and_the_columns_of_trials_csv(tmp_path: Path) -> None:
    write_population(tmp_path / "p.csv", _population())
    comment, header, *rows = (tmp_path / "p.csv").read_text().splitlines()
    assert comment.startswith("# regnas population {") and len(rows) == 6 + 4
    names = "schema,space,index,seed,error,architecture,flops,params,activations,seconds,epochs,diverged,state,strategy"
    assert header == f"{names},epoch_1,epoch_2,epoch_3,e_fit,param.depth,param.op,param.wm"


def test_a_jsonl_file_has_one_object_per_training_and_failure(tmp_path: Path) -> None:
    """Unknown values are left out, and the network is an object and no text."""
    write_population(tmp_path / "p.jsonl", _population())
    top, *rows = map(json.loads, (tmp_path / "p.jsonl").read_text().splitlines())
    assert set(top) == {"population"} and top["population"]["settings"] == SETTINGS
    assert [(row["index"], row.get("seed")) for row in rows] == [
        *((2, 0), (2, 2**31 - 1), (2, None), (5, 7), (90, 8), (90, 9)),
        *((index, None) for index in (3, 6, 8, 13)),
    ]
    assert rows[0]["architecture"] == NETWORK and "architecture" not in rows[3]
    assert "activations" not in rows[0] and rows[3]["activations"] == 7


def test_a_population_can_be_given_another_name(tmp_path: Path) -> None:
    write_population(tmp_path / "p.csv", _population())
    assert read_population(tmp_path / "p.csv", name="other").name == "other"


@pytest.mark.parametrize("name", ["p.txt", "p", "p.gz", "p.csv.zip", "p.json"])
def test_an_unknown_suffix_is_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(PopulationError, match=f"written to .csv, .csv.gz, .jsonl, .jsonl.gz, got '{name}'"):
        write_population(tmp_path / name, _population())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_said_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RegnasError, match="cannot write .*file/p.csv"):
        write_population(tmp_path / "file" / "p.csv", _population())


def test_the_trials_of_a_search_are_read_with_its_settings(fast_search: Search) -> None:
    result = fast_search(4, evaluator="fast[fail=1|3,epochs=3]", flops=":1M")
    population = read_population(result.folder / "trials.csv")
    complete = [row for row in result.rows if row["state"] == "COMPLETE"]
    assert population.name == "regnetx" and population.settings == result.settings
    assert population.indices.tolist() == [row["index"] for row in complete] == [0, 2, 4, 5]
    assert population.error.tolist() == [row["error"] for row in complete]
    assert population.seeds[:, 0].tolist() == [row["seed"] for row in complete]
    assert population.seconds[:, 0].tolist() == [row["seconds"] for row in complete]
    assert population.curves[:, 0].tolist() == [row["errors"] for row in complete]
    assert list(population.architectures) == [row["architecture"] for row in complete]
    for name in ("flops", "params", "activations"):
        assert population.complexity(name).tolist() == [row[name] for row in complete]
    assert {name: column.tolist() for name, column in population.values.items()} == {
        name: [row["params_by_name"][name] for row in complete] for name in complete[0]["params_by_name"]
    }
    assert population.failed == 2


def test_trials_of_unknown_settings_are_called_after_their_space(fast_search: Search, tmp_path: Path) -> None:
    """Away from its study.json, a trials.csv says the space and nothing about the training."""
    text = (fast_search(2).folder / "trials.csv").read_bytes()
    (tmp_path / "mine.csv").write_bytes(text)
    population = read_population(tmp_path / "mine.csv")
    assert population.name == "regnetx" and population.settings == {"strategy": "random"}
    assert len(population) == 2


def test_another_table_beside_a_study_file_does_not_get_its_settings(fast_search: Search) -> None:
    folder = fast_search(2).folder
    (folder / "other.csv").write_text("error\n0.5\n")
    assert read_population(folder / "other.csv").settings == {}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_table_needs_no_column_but_the_error(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(ending.join(["error,flops", "0.5,1e6", "0.25,2000000", ""]), newline="")
    population = read_population(path)
    assert population.name == "mine" and population.error.tolist() == [0.5, 0.25]
    assert population.indices.tolist() == [0, 1] and population.flops.tolist() == [1e6, 2e6]
    assert population.settings == {} and population.marks == () and population.failed == 0
    assert np.isnan(population.params).all() and population.architectures == (None, None)


def test_a_jsonl_file_needs_no_key_but_the_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"error": 0.5, "flops": 1000000, "seed": null}\n\n{"error": 0.25, "param.depth": 3}\n')
    population = read_population(path)
    assert population.name == "mine" and population.error.tolist() == [0.5, 0.25]
    np.testing.assert_array_equal(population.flops, [1e6, NAN])


def test_a_comment_of_another_kind_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("# measured in May\nerror\n0.5\n")
    assert read_population(tmp_path / "mine.csv").error.tolist() == [0.5]


def test_rows_that_failed_need_no_error(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("index,error,state\n0,0.5,COMPLETE\n1,,FAIL\n2,,RUNNING\n")
    population = read_population(tmp_path / "mine.csv")
    assert (len(population), population.failed) == (1, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("error,index\n0.2,\n0.1,0\n", "1 of 2 rows have no index"),
        ("error,index,seed\n0.2,0,7\n0.1,0,7\n", "model 0 is there twice with one training seed"),
        ("error,index,flops\n0.2,0,7\n0.1,0,8\n", "index 0 is two different networks"),
        ("error,space\n0.2,regnetx\n0.1,regnety\n", "more than one space: regnetx, regnety"),
        ("error,strategy\n0.2,tpe\n0.1,random\n", "more than one strategy: random, tpe"),
        ("error,diverged\n0.2,maybe\n", "diverged is 0 or 1, got 'maybe'"),
        ("error,schema\n0.2,99\n", "a row of schema 99"),
    ],
)
def test_rows_that_cannot_be_told_apart_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(PopulationError, match=message):
        read_population(tmp_path / "mine.csv")


def test_a_table_as_spreadsheets_write_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes("\ufefferror, flops\r\n0.5,1000\r\n".encode())
    population = read_population(str(tmp_path / "mine.csv"))
    assert population.error.tolist() == [0.5] and population.flops.tolist() == [1000]


def test_a_population_without_its_failures_is_truncated(tmp_path: Path) -> None:
    write_population(tmp_path / "p.csv", _population())
    lines = (tmp_path / "p.csv").read_text().splitlines(keepends=True)
    (tmp_path / "p.csv").write_text("".join(lines[:-1]))
    with pytest.raises(PopulationError, match="3 of 4 failed candidates"):
        read_population(tmp_path / "p.csv")


def test_equal_indices_in_a_table_are_seeds_of_one_model(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("index,seed,error\n4,1,0.5\n3,1,0.25\n4,2,1.0\n")
    population = read_population(tmp_path / "mine.csv")
    np.testing.assert_array_equal(population.errors, [[0.25, NAN], [0.5, 1.0]])
    assert population.seeds.tolist() == [[1, -1], [1, 2]] and population.error.tolist() == [0.25, 0.5]


def test_the_last_epochs_may_be_missing(tmp_path: Path) -> None:
    """Epochs are ordered as numbers: the tenth is no second one."""
    header = ",".join(f"epoch_{epoch}" for epoch in range(11, 0, -1))
    whole = [epoch / 16 for epoch in range(11, 0, -1)]
    (tmp_path / "mine.csv").write_text(f"error,{header}\n0.5,{',' * 9}0.75,1.0\n0.25,{','.join(map(str, whole))}\n")
    curves = read_population(tmp_path / "mine.csv").curves
    np.testing.assert_array_equal(curves[:, 0], [[1.0, 0.75, *[NAN] * 9], whole[::-1]])


_CSV = "index,error\n0,0.5\n"
_JSONL = '{"error": 0.5}\n'


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty.csv", "", ["is empty"]),
        ("blank.csv", "\n \n", ["is empty"]),
        ("empty.jsonl", "", ["is empty"]),
        ("strange.csv", "error,accuracy,lr\n0.5,0.5,1\n", ["unknown columns 'accuracy', 'lr'", "flops", "param.NAME"]),
        ("strange.jsonl", _JSONL + '{"error": 0.5, "epoch": 3}\n', ["unknown columns 'epoch'"]),
        ("headless.csv", "0.5\n0.25\n", ["unknown columns '0.5'"]),
        ("errorless.csv", "index,flops\n0,5\n", ["has no column error"]),
        ("errorless.jsonl", '{"flops": 5}\n', ["has no column error"]),
        ("twice.csv", "error,flops,error\n0.5,1,0.5\n", ["has the column error twice"]),
        ("word.csv", _CSV + "1,high\n", ["line 3", "error is a number, got 'high'"]),
        ("word-below-a-comment.csv", f"# mine\n{_CSV}1,high\n", ["line 4", "error is a number, got 'high'"]),
        ("comma.csv", 'error\n"0,5"\n', ["line 2", "error is a number, got '0,5'"]),
        ("flops.csv", "error,flops\n0.5,1M\n", ["line 2", "flops is a number, got '1M'"]),
        ("epochs.csv", "error,epoch_1\n0.5,x\n", ["line 2", "epoch_1 is a number, got 'x'"]),
        ("index.csv", "index,error\n0.5,0.5\n", ["line 2", "index is a whole number, got '0.5'"]),
        ("seed.csv", "seed,error\n1.5,0.5\n", ["line 2", "seed is a whole number, got '1.5'"]),
        ("word.jsonl", _JSONL + '{"error": "high"}\n', ["line 2", "error is a number, got 'high'"]),
        ("object.jsonl", _JSONL + '{"error": {}}\n', ["line 2", "error is a number, got {}"]),
        ("blank-error.csv", _CSV + "1,\n", ["line 3", "a complete model has a finite error"]),
        ("null-error.jsonl", '{"error": null}\n', ["line 1", "a complete model has a finite error"]),
        ("short.csv", _CSV + "1\n", ["line 3", "2 columns and 1 cells"]),
        ("long.csv", _CSV + "1,0.5,7\n", ["line 3", "2 columns and 3 cells"]),
        ("network.csv", "error,architecture\n0.5,{\n", ["line 2", "is no JSON"]),
        ("network-list.csv", "error,architecture\n0.5,[1]\n", ["line 2", "is no JSON object"]),
        ("damaged.jsonl", _JSONL + '{"error": 0.\n' + _JSONL, ["line 2", "is no JSON", "damaged"]),
        ("list.jsonl", _JSONL + "[0.5]\n", ["line 2", "is no JSON object"]),
        ("unended.csv", "error\n0.5", ["is truncated: its last line has no end"]),
        ("unended.jsonl", '{"error": 0.5}', ["is truncated: its last line has no end"]),
        ("later.csv", '# regnas population {"schema": 2}\nerror\n0.5\n', ["schema 2", "reads 1"]),
        ("later.jsonl", '{"population": {"schema": 2}}\n' + _JSONL, ["schema 2", "reads 1"]),
        ("top.csv", "# regnas population {\nerror\n0.5\n", ["line 1", "is no JSON"]),
        ("few.csv", '# regnas population {"trainings": 3}\nerror\n0.5\n', ["1 of 3 trainings", "truncated"]),
        ("few.jsonl", '{"population": {"trainings": 3}}\n' + _JSONL, ["1 of 3 trainings", "truncated"]),
        ("many.csv", '# regnas population {"trainings": 1}\nerror\n0.5\n0.5\n', ["2 of 1 trainings"]),
    ],
    ids=lambda value: value if isinstance(value, str) and "\n" not in value else "",
)
def test_what_is_no_population_is_refused_with_the_file_and_the_reason(
    tmp_path: Path, name: str, text: str, words: list[str]
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PopulationError) as error:
        read_population(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    assert [word for word in words if word not in str(error.value)] == []
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("error\n", ["is empty"]),
        ("index,error\n0,0.5\n7,nan\n", ["line 3", "a complete model has a finite error"]),
        ("index,error\n0,0.5\n7,inf\n", ["line 3", "a complete model has a finite error"]),
        ("error\n0.5\n12.5\n", ["got 12.5", "divide percentages by 100"]),
        ("index,error\n0,0.5\n0,50\n", ["got 50", "divide percentages by 100"]),
        ("error\n-0.5\n", ["got -0.5", "fractions in [0, 1]"]),
        ("index,error,state\n0,,FAIL\n", ["is empty"]),
        ('index,error,architecture\n3,0.5,"{""a"": 1}"\n3,0.5,"{""a"": 2}"\n', ["index 3 is two different networks"]),
    ],
    ids=["header only", "nan", "inf", "percent", "percent of another seed", "negative", "all failed", "two networks"],
)
def test_models_that_are_no_population_are_refused_with_the_name_of_the_file(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(PopulationError) as error:
        read_population(tmp_path / "mine.csv")
    assert "mine" in str(error.value)
    assert [word for word in words if word not in str(error.value)] == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    """Within a line, at the end of a line, within the first one: fewer trainings are never taken for all."""
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    write_population(whole, from_arrays("p", [[0.5, 0.25], [0.125, NAN]]))
    data = whole.read_bytes()
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        with pytest.raises(PopulationError) as error:
            read_population(cut)
        assert str(cut) in str(error.value)


def test_a_file_cut_at_the_end_of_a_line_is_said_to_be_truncated(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    write_population(path, _population())
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-5]))
    with pytest.raises(PopulationError, match="p.csv holds 5 of 6 trainings: it is truncated"):
        read_population(path)


def test_a_compressed_file_that_is_cut_is_said_to_be_truncated(tmp_path: Path) -> None:
    path = tmp_path / "p.csv.gz"
    write_population(path, _population())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PopulationError, match="p.csv.gz is truncated"):
        read_population(path)


def test_what_is_not_compressed_or_no_text_is_refused_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "plain.csv.gz").write_text("error\n0.5\n")
    with pytest.raises(PopulationError, match="cannot read .*plain.csv.gz: Not a gzipped file"):
        read_population(tmp_path / "plain.csv.gz")
    (tmp_path / "image.csv").write_bytes(b"\xff\xfe\x00\n")
    with pytest.raises(PopulationError, match="image.csv is no text file"):
        read_population(tmp_path / "image.csv")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PopulationError, match="cannot read .*none.csv: No such file"):
        read_population(tmp_path / "none.csv")


def test_bytes_that_are_no_gzip_are_refused(tmp_path: Path) -> None:
    write_population(tmp_path / "a.csv.gz", from_arrays("a", np.linspace(0.1, 0.9, 50)))
    data = bytearray((tmp_path / "a.csv.gz").read_bytes())
    data[40] ^= 255
    (tmp_path / "a.csv.gz").write_bytes(data)
    with pytest.raises(PopulationError, match=r"a\.csv\.gz"):
        read_population(tmp_path / "a.csv.gz")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_gaps_between_epochs_stay_where_they_are(tmp_path: Path, suffix: str) -> None:
    curves = np.array([[[0.5, NAN, 0.3]], [[0.6, 0.5, NAN]]])
    write_population(tmp_path / f"a{suffix}", from_arrays("a", [0.3, 0.5], curves=curves))
    read = read_population(tmp_path / f"a{suffix}").curves
    assert np.array_equal(read[:, :, :3], curves, equal_nan=True)


def test_a_name_that_ends_like_two_kinds_is_of_the_last(tmp_path: Path) -> None:
    for name in ("x.csv.jsonl", "x.jsonl.csv"):
        write_population(tmp_path / name, from_arrays("a", [0.3, 0.5]))
        assert read_population(tmp_path / name).error.tolist() == [0.3, 0.5]


def test_an_unknown_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("error,state\n0.5,DONE\n")
    with pytest.raises(PopulationError, match="line 2: state is one of COMPLETE, FAIL"):
        read_population(tmp_path / "a.csv")
