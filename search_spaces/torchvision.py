"""The format ``torchvision``: staged and mobile networks as torchvision has them, and the weights that it brings."""

from __future__ import annotations

from collections.abc import Sequence

from regnas.errors import HostError, RegnasError
from regnas.format import Joined
from regnas.pretrained import Pretrained, in_bytes
from regnas.search_spaces.mobile.formats.names import TORCHVISION as MOBILE
from regnas.search_spaces.mobile.formats.torchvision import Torchvision as Mobiles
from regnas.search_spaces.staged.formats.plugins import Torchvision as Stages
from regnas.search_spaces.staged.formats.torchvision import NAMES as STAGED
from regnas.system.optional import require
from regnas.system.text import one_line


class Torchvision(Joined):
    """Networks of two families, with the weights that torchvision takes for the default ones of a name."""

    def published(self) -> Sequence[str]:
        """The names that both torchvision and regnas know; none where torchvision is not installed."""
        try:
            require("torchvision", "vision", low="0.19", below="1")
        except HostError:
            return []
        from torchvision import models

        there = set(models.list_models())
        return [name for name in (*STAGED, *MOBILE) if name in there]  # it has weights for all of these

    def pretrained(self, name: str) -> Pretrained:
        """The default weights of a name, such as ``regnet_x_400mf``.

        Raises:
            HostError: torchvision is not installed.
            RegnasError: it has no weights of this name, or they cannot be fetched.
        """
        require("torchvision", "vision", low="0.19", below="1")
        from torchvision import models

        try:
            chosen = models.get_model_weights(name).DEFAULT
            network, made = models.get_model(name, weights=chosen), chosen.transforms()
        except Exception as error:  # whatever the network, or a damaged cache, raise
            raise RegnasError(
                f"torchvision has no weights of {name} that can be had now: {one_line(str(error))[:200]}"
            ) from error
        classes = len(chosen.meta["categories"])
        return Pretrained(network.state_dict(), classes, in_bytes(made.mean), in_bytes(made.std))


def torchvision() -> Torchvision:
    """The entry point."""
    return Torchvision(Mobiles(), Stages())  # its names are known without the library: asked first
