"""Where NNI is not installed, or another release of it: what is said, and that nothing imports it early."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from regnas.errors import HostError
from regnas.hosts.nni.importing import load
from regnas.plugins import registry
from regnas.system import optional as requiring
from regnas.system.optional import require

Run = Callable[..., tuple[int, str, str]]


def _missing(name: str) -> str:
    raise PackageNotFoundError(name)


def test_a_missing_host_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requiring, "version", _missing)
    with pytest.raises(HostError, match=r"needs nni, which is not installed: pip install 'regnas\[nni\]'"):
        load("nni.nas.strategy")


@pytest.mark.parametrize("installed", ["2.10", "3.1", "4.0.1"])
def test_another_release_is_refused(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requiring, "version", lambda name: installed)
    with pytest.raises(HostError, match=rf"from 3\.0 to below 3\.1, and {installed} is installed"):
        load("nni.nas.strategy")


@pytest.mark.parametrize(
    ("installed", "fits"),
    [("0.5", True), ("0.5.0", True), ("0.5.1.post2", True), ("0.5rc1", True), ("0.4.99", False), ("1", False)],
)
def test_the_range_is_from_its_low_end_to_below_its_high_one(
    installed: str, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requiring, "version", lambda name: installed)
    if fits:
        require("optunahub", "hub", low="0.5", below="1")
        return
    with pytest.raises(HostError, match="optunahub from 0.5 to below 1"):
        require("optunahub", "hub", low="0.5", below="1")


def test_a_search_says_which_extra_to_install(
    regnas_command: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    registry.load.cache_clear()
    monkeypatch.setattr(requiring, "version", _missing)
    for module in [name for name in sys.modules if name.startswith("regnas.strategies.nni")]:
        monkeypatch.delitem(sys.modules, module)
    code, _, error = regnas_command("search", "--strategy", "nni-tpe", "--data", "fake")
    assert code == 1 and error.count("\n") == 1
    assert "pip install 'regnas[nni]'" in error
    assert not (tmp_path / "regnas-runs" / "regnas.db").exists()


def test_nothing_but_its_own_strategies_and_its_host_imports_nni(tmp_path: Path) -> None:
    code = """
import sys
import regnas.studies.search.search, regnas.studies.bench.run, regnas.hosts.nni
from regnas.cli import main
try:
    main(["list"])
except SystemExit:
    pass
assert not [name for name in sys.modules if name.partition(".")[0] in ("nni", "tianshou", "gym", "gymnasium")]
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
