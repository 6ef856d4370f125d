"""The built-in spaces, architectures, strategies, evaluators and data sets keep the rules of their contracts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.samplers import BaseSampler
from PIL import Image

from regnas.architecture import Architecture
from regnas.dataset import DataSet, Source, make_dataset
from regnas.design_space import Space, make_space
from regnas.evaluator import Evaluator, Task
from regnas.measure import BUILT_IN, Measure, load
from regnas.plugins import registry, spec
from regnas.search_spaces.chain.architecture import Layer, LayerChain
from regnas.search_spaces.macro.architecture import Macro
from regnas.search_spaces.macro.complexity import OPERATIONS
from regnas.search_spaces.staged.architecture import Staged
from regnas.testing import ArchitectureRules, DataSetRules, EvaluatorRules, MeasureRules, SpaceRules, StrategyRules
from regnas.window import Window

SPACES = sorted(set(registry.installed("space")) - {"table", "growing"})  # spaces only with a file or another space
DERIVED = (
    "anynetx-a[block=vr,stages=3]",
    "anynetx-e[last_depth=free,depth=1:8]",
    "anynetx-d[group_width=8|16,width_4=512:1024]",
    "regnetx[wm=2,w0=wa,strides=1-2-2-2]",
    "regnety[bottleneck_ratio=0.5|1,depth=12:20,stem=resnet,head_width=64]",
    "resnext-b[width=96|256,stages=4,stem=resnet]",
    "nasbench201[same=functions]",
    "pnas[reduction=same,op=sep_conv_3x3|skip_connect|avg_pool_3x3]",
    "chain[layers=4:6,strides=1,filters=8|12]",
    "enas-macro[layers=6,form=final,filters=8|12,op=conv3|sep5|max3]",
)
WINDOWS = (
    ("regnetx", "360M:400M"),
    ("anynetx-c", "200M:400M"),
    ("regnetx-constrained", "600M:"),
    ("resnext-a", "60M:80M"),
    ("darts", "100M:110M"),
    ("nasnet", "200M:220M"),
    ("chain[layers=6:8]", "20M:30M"),
    ("enas-macro", "48M:55M"),
)

# random, tpe and evolution: tests/strategies/test_strategy_rules.py, with samplers of Optuna.
STRATEGIES = (
    "local-search",
    "qmc",
    "grid[levels=20]",
    "gp[startup=12]",
    "nsga2[population=5]",
    "predictor",
    "reinforce",
    "ppo[batch=4]",
)


class TestSpaces(SpaceRules):
    @pytest.fixture(autouse=True, params=[*SPACES, *DERIVED])
    def _of_spec(self, request: pytest.FixtureRequest) -> None:
        self._spec: str = request.param

    def make(self) -> Space:
        return make_space(self._spec)


class TestWindowedSpaces(SpaceRules):
    @pytest.fixture(autouse=True, params=WINDOWS, ids=" ".join)
    def _inside(self, request: pytest.FixtureRequest) -> None:
        self._spec, self._flops = request.param

    def make(self) -> Space:
        return make_space(self._spec).within(Window.parse(flops=self._flops))


class TestStagedNetworks(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        plain = Staged(stem_width=8, depths=(1, 2), widths=(8, 16), strides=(2, 2), classes=classes)
        others = (
            {"block": "x", "group_widths": (4, 8), "se_ratio": 0.25},
            {"block": "r", "bottleneck_ratios": (0.5, 2), "stem": "resnet"},
            {"block": "v", "stem": "cifar", "activation": "silu"},
            {"block": "vr", "head_width": 24, "activation": "gelu"},
            {"block": "linear", "bottleneck_ratios": (0.25, 0.25)},
            {"block": "basic"},
            {"block": "vanilla"},
        )
        return [plain, *(Staged.from_json({**plain.to_json(), **other}) for other in others)]


class TestChains(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        layers = (
            Layer((3, 3), (1, 1), 8),
            Layer((1, 5), (2, 1), 4),
            Layer((7, 3), (3, 3), 12),
            Layer((3, 1), (1, 2), 4),
        )
        links = (
            ((), (0,), (0, 1), (0, 1, 2)),
            ((), (), (0,), ()),
            ((), (0,), (), (0, 2)),
        )
        return [LayerChain(layers[: len(link)], link, classes) for link in (*links, ((),), ((), (0,)))]


class TestMacroNetworks(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        skips = ((), (0,), (1,), (0, 2), (), (1, 4))
        return [
            Macro(OPERATIONS, skips, 4, "search", classes),
            Macro(OPERATIONS, skips, 4, "final", classes),
            Macro(OPERATIONS, ((),) * 6, 4, "search", classes),
            Macro(("max3",), ((),), 4, "final", classes),
        ]


class TestMeasures(MeasureRules):
    @pytest.fixture(autouse=True, params=BUILT_IN)
    def _of_name(self, request: pytest.FixtureRequest) -> None:
        self._name: str = request.param

    def make(self) -> Measure:
        return load(self._name)


class TestStrategies(StrategyRules):
    """With few candidates at the start, so that the rules are tried on proposals of the strategy itself."""

    @pytest.fixture(autouse=True, params=STRATEGIES)
    def _of_spec(self, request: pytest.FixtureRequest) -> None:
        self._spec: str = request.param

    def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        name, _, own = spec.parse(self._spec, "strategy")
        made: BaseSampler = registry.load("strategy", name)(
            space, seed=seed, options={**options, **spec.json_options(own)}
        )
        return made


class TestTrain(EvaluatorRules):
    def make(self, task: Task, options: Mapping[str, Any]) -> Evaluator:
        made: Evaluator = registry.load("evaluator", "train")(task, options)
        return made


class TestTrainWithoutTestImages(TestTrain):
    """A folder with ``train`` and ``val`` alone has no test images."""

    @pytest.fixture(autouse=True)
    def _on_a_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "images"
        for part in ("train", "val"):
            write_images(folder / part, classes=4, each=4, size=16)
        self.task = Task(data=f"imagefolder:{folder}", resolution=16, epochs=2)


class TestFake(DataSetRules):
    def make(self, source: Source) -> DataSet:
        return _of_source("fake", source)


class TestFakeOfAnotherSize(DataSetRules):
    def make(self, source: Source) -> DataSet:
        return _of_source("fake:40", source)


class TestFashionMnistMini(DataSetRules):
    def make(self, source: Source) -> DataSet:
        return _of_source("fashion-mnist-mini", source)


class TestImageFolder(DataSetRules):
    @pytest.fixture(autouse=True, params=["one folder", "train", "train and val", "train, val and test", "cached"])
    def _in_folders(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        self._folder = tmp_path / "images"
        self._cache = tmp_path / "cache" if request.param == "cached" else None
        parts = [part for part in ("train", "val", "test") if part in request.param]
        for part in parts or ["."]:
            write_images(self._folder / part, classes=3, each=10, size=24)

    def make(self, source: Source) -> DataSet:
        return make_dataset(f"imagefolder:{self._folder}", resolution=source.resolution or 16, cache=self._cache)


def _of_source(spec: str, source: Source) -> DataSet:
    return make_dataset(spec, root=source.root, resolution=source.resolution, cache=source.cache)


def write_images(folder: Path, *, classes: int, each: int, size: int) -> None:
    """A folder of noise per class; every image differs from all others."""
    rng = np.random.default_rng(list(folder.name.encode()))
    for label in range(classes):
        (folder / f"class-{label}").mkdir(parents=True, exist_ok=True)
        for number in range(each):
            pixels = rng.integers(256, size=(size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"class-{label}" / f"{number}.png")
