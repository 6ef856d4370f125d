"""The torch module of a mobile network."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional

from regnas.errors import UsageError
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.blocks import DropConnect, Layer, conv_norm
from regnas.search_spaces.mobile.formats.places import places_of
from regnas.transfer import Place


class MobileNetwork(nn.Module):
    """Stem, stages, head: ``(n, 3, height, width)`` to logits ``(n, classes)``.

    Source: tensorflow/tpu ``mnasnet_model.py`` and ``efficientnet_model.py``, with paddings alike on all sides.
    """

    def __init__(self, architecture: Mobile) -> None:
        super().__init__()
        act, eps = architecture.activation, float(architecture.norm_eps)
        self.input_size = architecture.input_size
        wide_in = architecture.stem_width
        self.stem = conv_norm(3, wide_in, 3, stride=architecture.stem_stride, act=act, eps=eps)
        self.stages = nn.ModuleList()
        for stage in architecture.stages:
            layers = nn.Sequential()
            for number in range(stage.depth):
                layers.append(Layer(stage, wide_in, stage.stride if number == 0 else 1, act, eps))
                wide_in = stage.width
            self.stages.append(layers)
        self.head = nn.Sequential()
        if architecture.head_width:
            self.head.append(conv_norm(wide_in, architecture.head_width, 1, act=act, eps=eps))
            wide_in = architecture.head_width
        self.head.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten()])
        self.classifier = nn.Linear(wide_in, architecture.classes)
        initialise(self)

    def residual_ends(self) -> list[nn.Module]:
        """The last normalisation of every layer that has a skip (`regnas.architecture.SupportsResiduals`)."""
        return [layer.end for layer in self.modules() if isinstance(layer, Layer) and layer.skip is not None]

    def layer_places(self) -> dict[str, Place]:
        """Where every layer is (`regnas.transfer.SupportsTransfer`)."""
        return places_of(self)

    def set_drop_path(self, probability: float) -> None:
        """From now on layer i of n, from 0, is dropped with ``probability * i / n`` in training, if it has a skip.

        The authors' drop connect. Source: tensorflow/tpu ``efficientnet_model.py``; theirs is 0.2 from the first epoch.

        Raises:
            UsageError: it is no probability below 1.
        """
        if not 0 <= probability < 1:
            raise UsageError(f"drop connect is a probability from 0 to below 1, got {probability!r}")
        layers = [layer for layer in self.modules() if isinstance(layer, Layer)]
        for number, layer in enumerate(layers):
            if isinstance(layer.drop, DropConnect):
                layer.drop.probability = probability * number / len(layers)

    def forward(self, x: Tensor) -> Tensor:
        size = self.input_size
        if size and tuple(x.shape[2:]) != (size, size):
            x = functional.interpolate(x, (size, size), mode="bilinear", antialias=True)
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.classifier(self.head(x))  # type: ignore[no-any-return]


def initialise(network: nn.Module) -> None:
    """The authors' initialisation (tensorflow/tpu ``efficientnet_model.py``).

    Convolutions are N(0, sqrt(2 / (k k out))), depthwise ones N(0, sqrt(2 / (k k))), biases 0; the linear layer is
    uniform within 1 / sqrt(classes); batch normalisation starts as the identity.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))
        elif isinstance(module, nn.Linear):
            within = 1 / math.sqrt(module.out_features)
            nn.init.uniform_(module.weight, -within, within)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
