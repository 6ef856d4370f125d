"""The format ``timm``: staged and mobile networks as timm has them."""

from __future__ import annotations

from regnas.format import Joined
from regnas.search_spaces.mobile.formats.timm import Timm as Mobiles
from regnas.search_spaces.staged.formats.plugins import Timm as Stages


def timm() -> Joined:
    """The entry point."""
    return Joined(Mobiles(), Stages())  # its names are known without the library: asked first
