"""Plug-ins are found by name through entry points."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points

import pytest

from regnas.errors import PluginBroken, PluginNotFound, UsageError
from regnas.plugins import registry
from regnas.search_spaces.staged.architecture import Staged


@pytest.fixture
def extra(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """More spaces, all broken: a module that raises, a message for the user, two of other releases, wrong imports."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "broken_space_plugin.py").write_text("raise RuntimeError('half installed')\n")
    (folder / "honest_space_plugin.py").write_text(
        "from regnas.errors import UsageError\nraise UsageError('set MY_SPACE first')\n"
    )
    (folder / "old_space_plugin.py").write_text("from regnas.staged import Staged\n")
    (folder / "newer_space_plugin.py").write_text("import regnas.not_yet\n")
    (folder / "misspelt_space_plugin.py").write_text("from regnas.condition import Conditionn\n")
    (folder / "nameless_space_plugin.py").write_text("from regnas.condition import qqqq\n")
    (folder / "submodule_space_plugin.py").write_text("from regnas import staged\n")
    monkeypatch.syspath_prepend(str(folder))
    points = [
        EntryPoint(f"{word}-space-for-tests", f"{word}_space_plugin:make", "regnas.search_spaces")
        for word in ("broken", "honest", "old", "newer", "misspelt", "nameless", "submodule")
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: [*entry_points(group=group), *points])
    yield


def test_the_built_ins_are_installed_under_their_names() -> None:
    """The names are public: in specs, in the storage of studies, in the documentation."""
    expected = {
        "architecture": {"cells", "slim-cells", "mobile", "layer-chain", "macro", "staged", "nasbench201", "point"},
        "space": {f"anynetx-{letter}" for letter in "abcde"}
        | {"regnetx", "regnety", "regnetx-constrained", "regnetx-pycls", "nasbench201", "table", "growing"}
        | {"vanilla", "resnet", "resnext-a", "resnext-b"}
        | {"nasnet", "amoebanet", "pnas", "enas", "enas-macro", "darts"}
        | {"mobile", "mnasnet", "efficientnet", "resnet-rs", "chain"},
        "strategy": {"random", "qmc", "grid", "local-search", "evolution", "tpe", "predictor", "gp", "nsga2", "optuna"}
        | {"reinforce", "ppo", "pnas", "command", "ext", "darts", "enas"}
        | {"nni-random", "nni-evolution", "nni-tpe", "nni-grid", "nni-rl"},
        "pruner": {"asha", "hyperband", "median"},
        "evaluator": {"supernet", "train", "table", "zero-cost"},
        "data set": {
            "fashion-mnist-mini",
            "fashion-mnist",
            "mnist",
            "cifar10",
            "cifar100",
            "imagefolder",
            "fake",
            "packed",
        },
        "executor": {"process", "ray", "submitit"},
    }
    for kind, names in expected.items():
        points = registry.installed(kind)
        assert names == {name for name, point in points.items() if point.dist and point.dist.name == "regnas"}
        assert list(points) == sorted(points)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind in registry.GROUPS
        for name, point in registry.installed(kind).items()
        if point.dist and point.dist.name == "regnas"
    ],
)
def test_every_built_in_can_be_imported(kind: str, name: str) -> None:
    if name.startswith("nni-"):
        package, extra = ("tianshou", "nni-rl") if name == "nni-rl" else ("nni", "nni")
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'regnas[{extra}]'")
    assert callable(registry.load(kind, name)) or kind == "measure"


def test_loading_gives_what_the_entry_point_names() -> None:
    assert registry.load("architecture", "staged") is Staged


def test_an_unknown_name_lists_the_installed_and_the_nearest() -> None:
    with pytest.raises(PluginNotFound) as caught:
        registry.load("space", "regnetx-pycl")
    assert "no space 'regnetx-pycl', installed: " in str(caught.value)
    assert "anynetx-a, " in str(caught.value)
    assert str(caught.value).endswith("; did you mean regnetx-pycls?")
    assert isinstance(caught.value, LookupError) and isinstance(caught.value, UsageError)


def test_a_name_like_no_other_has_no_nearest() -> None:
    with pytest.raises(PluginNotFound) as caught:
        registry.load("strategy", "qqqq")
    assert "did you mean" not in str(caught.value)


def test_a_plug_in_that_raises_on_import_is_named_and_its_error_kept(extra: None) -> None:
    with pytest.raises(PluginBroken, match="'broken-space-for-tests'.*RuntimeError: half installed") as caught:
        registry.load("space", "broken-space-for-tests")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_plug_ins_own_message_to_the_user_is_passed_on(extra: None) -> None:
    with pytest.raises(UsageError, match="^set MY_SPACE first$"):
        registry.load("space", "honest-space-for-tests")


def test_listing_imports_nothing(extra: None) -> None:
    assert "broken-space-for-tests" in registry.installed("space")


def test_a_plug_in_of_an_earlier_release_is_told_where_its_imports_went(extra: None) -> None:
    with pytest.raises(PluginBroken) as old:
        registry.load("space", "old-space-for-tests")
    assert "regnas.staged is regnas.search_spaces.staged.architecture now: change the import" in str(old.value)
    with pytest.raises(PluginBroken, match="this release has no regnas.not_yet: it was written for another one"):
        registry.load("space", "newer-space-for-tests")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("misspelt", r"regnas.condition has no such name; did you mean Condition\?"),
        ("nameless", "regnas.condition has no such name: correct the import"),
        ("submodule", "regnas.staged is regnas.search_spaces.staged.architecture now: change the import"),
    ],
)
def test_a_name_that_a_module_does_not_have_is_no_missing_module(extra: None, word: str, said: str) -> None:
    with pytest.raises(PluginBroken, match=f"ImportError: cannot import name .*; {said}$") as caught:
        registry.load("space", f"{word}-space-for-tests")
    assert "this release has no" not in str(caught.value)
