"""Large tables are read column by column, and are the population that reading row by row would give."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regnas.measure import BUILT_IN
from regnas.studies.populations import files
from regnas.studies.populations.columns import LARGE, read_columns
from regnas.studies.populations.files import read_population
from regnas.studies.populations.population import PopulationError

_ARRAYS = ("indices", "errors", "seconds", "seeds", "diverged", "e_fit", "curves")
cells = st.floats(0, 1e12) | st.integers(0, 10**9) | st.just("")
tables = st.integers(1, 30).flatmap(
    lambda count: st.fixed_dictionaries(
        {"error": st.lists(st.floats(0, 1), min_size=count, max_size=count)},
        optional={
            "index": st.permutations(range(count)),
            **{
                name: st.lists(cells, min_size=count, max_size=count)
                for name in ("flops", "params", "activations", "seconds", "e_fit", "param.depth", "param.w0")
            },
        },
    )
)


def _written(path: Path, table: dict[str, list[Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return path


@given(table=tables)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_columns_give_the_population_that_rows_give(table: dict[str, list[Any]], tmp_path: Path) -> None:
    path = _written(tmp_path / "some.csv", table)
    rows, columns = read_population(path), read_columns(path, "some")
    assert columns is not None and columns.name == rows.name
    for name in (*_ARRAYS, *BUILT_IN):
        np.testing.assert_array_equal(getattr(columns, name), getattr(rows, name), err_msg=name)
    assert columns.architectures == rows.architectures and columns.settings == rows.settings
    assert columns.values.keys() == rows.values.keys() and columns.further == rows.further
    for name, column in rows.values.items():
        np.testing.assert_array_equal(columns.values[name], column)


@pytest.mark.parametrize(
    "text",
    [
        "error,state\n0.5,COMPLETE\n",
        "error,flops\n0.5,many\n",
        "error,flops\n0.5\n",
        "error,index\n0.5,1\n0.4,1\n",
        "error\nnan\n",
        "flops\n5\n",
        "# regnas population {}\nerror\n0.5\n",
        "error,error\n0.5,0.5\n",
        "error\n",
        "",
    ],
)
def test_what_is_more_than_numbers_or_wrong_is_left_to_the_rows(text: str, tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text(text)
    assert read_columns(tmp_path / "some.csv", "some") is None


def test_a_large_file_is_read_by_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_read", None)
    path = tmp_path / "many.csv"
    path.write_text("error,flops\n" + "0.25,1000000\n" * (LARGE // 13 + 1))
    assert len(read_population(path)) == LARGE // 13 + 1


def test_a_large_file_of_percentages_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("error,flops\n" + "25.5,1000000\n" * (LARGE // 13 + 1))
    with pytest.raises(PopulationError, match=r"many.csv: population many: .* divide percentages by 100"):
        read_population(path)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the most memory a process had is read in /proc")
def test_a_million_models_are_read_in_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "million.csv"
    path.write_text("error,flops,params\n" + "".join(f"0.{i:06d},{i},{i // 3}\n" for i in range(1_000_000)))
    # Not ru_maxrss: that of a new process begins with its parent's.
    code = (
        "import sys; from regnas.studies.populations.sources import load; print(len(load(sys.argv[1])[0])); "
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
    )
    found = subprocess.run([sys.executable, "-P", "-c", code, str(path)], capture_output=True, text=True, timeout=60)
    models, kilobytes = map(int, found.stdout.split())
    assert models == 1_000_000 and kilobytes < 1 << 20
