"""Is an optional package there, in a version that regnas knows?"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

from regnas.errors import HostError

Version = tuple[int, ...]


def require(package: str, extra: str, *, low: str, below: str) -> None:
    """Check that an optional package is installed in a version from ``low`` up to, not including, ``below``.

    Args:
        package: name of the distribution, such as ``optuna-dashboard``.
        extra: the extra of regnas that installs it.

    Raises:
        HostError: it is not, and how to install it.
    """
    way = f"pip install 'regnas[{extra}]'"
    try:
        found = version(package)
    except PackageNotFoundError:
        raise HostError(f"this needs {package}, which is not installed: {way}") from None
    if not _numbers(low) <= _numbers(found) < _numbers(below):
        raise HostError(f"regnas works with {package} from {low} to below {below}, and {found} is installed: {way}")


def _numbers(text: str) -> Version:
    """The leading numbers of a version, without what a pre-release or a local build adds."""
    numbers = [int(number) for number in re.split(r"[^0-9.]", text, maxsplit=1)[0].split(".") if number]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
