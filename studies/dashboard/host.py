"""optuna-dashboard: is it there?"""

from __future__ import annotations

from regnas.system.optional import require


def require_dashboard() -> None:
    """Check that optuna-dashboard is installed, in a version that regnas knows.

    Raises:
        HostError: it is not, and how to install it.
    """
    require("optuna-dashboard", "dashboard", low="0.21", below="1")
