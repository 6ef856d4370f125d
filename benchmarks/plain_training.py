"""The training loop most people write: torchvision's RegNet, a DataLoader, PIL transforms, float32. The peer of
`benchmarks.training`; images, networks, recipe and epochs are the ones that regnas has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.models.regnet import BlockParams, RegNet

from regnas.architecture import Architecture
from regnas.dataset import Split
from regnas.evaluators.training.recipe import Recipe
from regnas.search_spaces.staged.architecture import Staged


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """Images in memory, transformed one by one when they are asked for."""

    def __init__(self, split: Split, transform: Callable[[Image.Image], torch.Tensor]) -> None:
        colour = np.broadcast_to(split.images, (len(split), 3, *split.images.shape[2:]))
        self._images = [Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))) for image in colour]
        self._labels = split.labels.tolist()
        self._transform = transform

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._transform(self._images[index]), self._labels[index]


def torchvision_network(architecture: Staged) -> nn.Module:
    """The network of torchvision with the same stem, stages and head."""
    blocks = BlockParams(
        list(architecture.depths),
        list(architecture.widths),
        list(architecture.group_widths),
        [1 / ratio for ratio in architecture.bottleneck_ratios],
        list(architecture.strides),
    )
    network: nn.Module = RegNet(blocks, num_classes=architecture.classes, stem_width=architecture.stem_width)
    return network


def transformed(
    size: int, recipe: Recipe, mean: list[float], std: list[float]
) -> tuple[transforms.Compose, transforms.Compose]:
    """What is done to training pictures of ``size`` pixels, and to all others; moments in units of 0..255."""
    normalise = [transforms.ToTensor(), transforms.Normalize([m / 255 for m in mean], [s / 255 for s in std])]
    augment: list[Any] = [transforms.RandomCrop(size, padding=recipe.pad)] if recipe.pad else []
    augment += [transforms.RandomHorizontalFlip()] if recipe.flip else []
    return transforms.Compose([*augment, *normalise]), transforms.Compose(normalise)


class PlainTraining:
    """Trains and validates one network after another; the pictures are made once."""

    def __init__(self, splits: tuple[Split, Split], recipe: Recipe, mean: list[float], std: list[float]) -> None:
        augmented, unchanged = transformed(splits[0].images.shape[-1], recipe, mean, std)
        training, validation = Pictures(splits[0], augmented), Pictures(splits[1], unchanged)
        self._recipe = recipe
        self._training = DataLoader(training, batch_size=recipe.batch_size, shuffle=True, drop_last=True)
        self._validation = DataLoader(validation, batch_size=512)

    def __call__(self, architecture: Architecture, seed: int) -> float:
        """Validation error after the last epoch; a network that torchvision's RegNet cannot be is taken as it is."""
        torch.manual_seed(seed)
        recipe = self._recipe
        network = torchvision_network(architecture) if isinstance(architecture, Staged) else architecture.build()
        optimiser = torch.optim.SGD(
            network.parameters(),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=True,
        )
        criterion = nn.CrossEntropyLoss()
        steps, step, error = recipe.epochs * len(self._training), 0, 1.0
        for _ in range(recipe.epochs):
            network.train()
            for images, labels in self._training:
                for group in optimiser.param_groups:
                    group["lr"] = recipe.rate(step, steps)
                optimiser.zero_grad()
                loss = criterion(network(images), labels)
                loss.backward()
                optimiser.step()
                step += 1
            error = self._error(network)
        return error

    def _error(self, network: nn.Module) -> float:
        network.eval()
        wrong = total = 0
        with torch.no_grad():
            for images, labels in self._validation:
                wrong += int((network(images).argmax(1) != labels).sum())
                total += len(labels)
        return wrong / total
