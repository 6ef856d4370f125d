"""For all tests of strategies: Optuna says nothing of the studies that they make."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from regnas.studies.storage.open import quiet


@pytest.fixture(autouse=True)
def _quietly() -> Iterator[None]:
    with quiet():
        yield
