"""What a driver tells those who started it."""

from __future__ import annotations


class Interrupted(KeyboardInterrupt):
    """The user stopped the search; everything finished is stored."""
