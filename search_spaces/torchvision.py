"""The format ``torchvision``: staged and mobile networks as torchvision has them."""

from __future__ import annotations

from regnas.format import Joined
from regnas.search_spaces.mobile.formats.torchvision import Torchvision as Mobiles
from regnas.search_spaces.staged.formats.plugins import Torchvision as Stages


def torchvision() -> Joined:
    """The entry point."""
    return Joined(Mobiles(), Stages())  # its names are known without the library: asked first
