"""A lease on a study: one holder, for a time, by the database's clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from regnas.errors import StudyError
from regnas.studies.storage.lease import TABLE, Lease, LeaseLost, needs_lease
from regnas.studies.storage.open import open_storage


@pytest.fixture
def storage(tmp_path: Path) -> Any:
    """A database; that it is a file makes no difference to the lease itself."""
    return open_storage(f"sqlite:///{tmp_path}/s.db")


def end(storage: Any, study: str) -> None:
    with storage.engine.begin() as connection:
        connection.execute(text(f"UPDATE {TABLE} SET expires = 0 WHERE study = :study"), {"study": study})


def test_a_held_study_is_refused_with_its_holder_and_the_end_of_the_lease(storage: Any) -> None:
    lease = Lease(storage, "one")
    with pytest.raises(StudyError, match=r"'one' is being run by process \d+ on .*, whose lease ends in (59|60) s, at"):
        Lease(storage, "one")
    Lease(storage, "two").release()
    lease.release()
    Lease(storage, "one").release()


def test_a_lease_that_ended_is_taken_and_its_first_holder_stops(storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Lease(storage, "one")
    first.check()
    end(storage, "one")
    second = Lease(storage, "one")
    first._until = 0.0  # as much later
    with pytest.raises(LeaseLost, match="another driver has taken over study 'one'"):
        first.check()
    second._until = 0.0
    second.check()
    first.release()  # what it no longer has it cannot give back
    with pytest.raises(StudyError, match="is being run by"):
        Lease(storage, "one")


def test_a_lease_that_ended_goes_on_where_nobody_took_it(storage: Any) -> None:
    lease = Lease(storage, "one")
    end(storage, "one")
    lease._until = 0.0
    lease.check()
    with pytest.raises(StudyError, match="is being run by"):
        Lease(storage, "one")


def test_a_lease_is_renewed_while_its_driver_does_other_things(storage: Any, eventually: Any) -> None:
    lease = Lease(storage, "one", seconds=0.4)
    first = lease._until
    eventually(lambda: lease._until > first + 0.4)
    lease.check()
    lease.release()


def test_what_lies_beside_the_study_s_folder_needs_no_lease(tmp_path: Path, storage: Any) -> None:
    assert not needs_lease(storage)
    assert not needs_lease(open_storage(str(tmp_path / "s.journal")))
