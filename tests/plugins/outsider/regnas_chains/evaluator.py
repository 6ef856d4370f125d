"""An evaluator that trains nothing: how well do random weights already tell the classes apart?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch

from regnas.architecture import Architecture
from regnas.dataset import DataSet, Split, make_dataset
from regnas.errors import UsageError
from regnas.evaluator import Context, Result, Task
from regnas.metric import Metric

TOP2_ERROR = Metric("top2_error", "minimize", "fraction", (0.0, 1.0))


def make(task: Task, options: Mapping[str, Any]) -> Untrained:
    """The entry point. Option ``images``: how many training images the class means are taken over."""
    chosen = {"images": 1000, **options}
    if set(chosen) != {"images"} or not isinstance(chosen["images"], int) or chosen["images"] < 1:
        raise UsageError(f"untrained takes images, a whole number from 1; got {dict(options)}")
    data = make_dataset(task.data, root=task.data_root, resolution=task.resolution, cache=task.cache)
    return Untrained(data, chosen["images"])


@dataclass(frozen=True)
class Untrained:
    """Every validation image is given the class whose mean output is nearest to its own output."""

    data: DataSet
    images: int

    metrics: ClassVar[tuple[Metric, ...]] = (TOP2_ERROR,)  # what a result holds beside the error

    @cached_property
    def _splits(self) -> tuple[Split, Split]:
        return self.data.fit()

    def prepare(self) -> Mapping[str, Any]:
        """Called before a search: what makes two studies different, and facts kept beside the winner."""
        return {"recipe": {"images": self.images}, "class_names": list(self.data.class_names)}

    def __call__(self, architecture: Architecture, *, seed: int, context: Context) -> Result:
        start = time.perf_counter()
        torch.set_num_threads(context.threads)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            network = architecture.build().to(context.device).eval()
        training, validation = self._splits
        known, truth = self._outputs(network, training[: self.images], context.device)
        means = torch.stack([known[truth == label].mean(0) for label in range(len(self.data.class_names))])
        outputs, labels = self._outputs(network, validation, context.device)
        distances = torch.cdist(outputs, means).nan_to_num(torch.inf)  # a class that was not among the images
        wrong = distances.topk(2, largest=False).indices != labels[:, None]
        error, second = wrong[:, 0].double().mean().item(), wrong.all(1).double().mean().item()
        context.report(1, error)
        seconds = time.perf_counter() - start
        return Result(error=error, seconds=seconds, epochs=1, errors=(error,), metrics={TOP2_ERROR.name: second})

    @torch.inference_mode()
    def _outputs(self, network: torch.nn.Module, split: Split, device: str) -> tuple[torch.Tensor, torch.Tensor]:
        images = torch.from_numpy(split.images).to(device).float().div(255).expand(-1, 3, -1, -1)
        return network(images), torch.from_numpy(split.labels).to(device)
