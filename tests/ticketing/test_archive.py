"""Backup and restore: equal row by row, and a file that is not whole changes nothing."""

import gzip
from itertools import islice

import pytest

from ticketing import archive
from ticketing.archive import BadArchive
from ticketing.models import Queue, Ticket
from ticketing.table import database


@pytest.fixture
def day(cast, at):
    cast.open(1, "alice")
    for turn in range(5):
        cast.issue(items=["I1", "T1"], sealed="sealed text", identity_hash=f"hash {turn}")
    cast.at_counter("begin", 1, cast.call(1))
    return cast


def everything():
    return list(archive.rows())


def empty():
    for table in reversed(archive.TABLES):
        table.delete().execute()


def test_what_was_backed_up_is_restored_row_by_row(day, tmp_path):
    before = everything()
    counts = archive.backup(tmp_path / "backup.gz")
    empty()
    assert archive.restore(tmp_path / "backup.gz") == counts
    assert everything() == before
    assert counts["ticket"] == 5 and counts["hall_event"] == 8


def test_work_goes_on_after_a_restore(day, tmp_path):
    archive.backup(tmp_path / "backup.gz")
    empty()
    archive.restore(tmp_path / "backup.gz")
    assert day.issue().number == "A006"
    assert Queue.get(Queue.code == "general").waiting == 5
    assert day.last().seq == 9


def test_only_an_empty_database_is_restored_into(day, tmp_path):
    archive.backup(tmp_path / "backup.gz")
    with pytest.raises(BadArchive, match="not empty"):
        archive.restore(tmp_path / "backup.gz")
    assert Ticket.select().count() == 5


def test_a_file_cut_short_changes_nothing(day, tmp_path):
    whole, cut = tmp_path / "backup.gz", tmp_path / "cut.gz"
    archive.backup(whole)
    empty()
    with gzip.open(whole) as lines, gzip.open(cut, "wb") as out:
        out.writelines(islice(lines, 20))
    with pytest.raises(BadArchive, match="cut short"):
        archive.restore(cut)
    cut.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(BadArchive, match="can not be read"):
        archive.restore(cut)
    assert not any(table.select().exists() for table in archive.TABLES)


def test_another_file_is_refused(db, tmp_path):
    other = tmp_path / "other.gz"
    other.write_bytes(gzip.compress(b'{"format": "else"}\n'))
    with pytest.raises(BadArchive, match="no yichuang-backup-1 file"):
        archive.restore(other)
    with pytest.raises(BadArchive, match="can not be read"):
        archive.restore(tmp_path / "missing.gz")


def test_a_backup_is_for_its_owner_only_and_replaces_the_old_one_when_complete(day, tmp_path, monkeypatch):
    file = tmp_path / "backup.gz"
    archive.backup(file)
    assert file.stat().st_mode & 0o777 == 0o600
    whole = file.read_bytes()

    def broken():
        yield "ticket", {}
        raise OSError("no space left")

    monkeypatch.setattr(archive, "rows", broken)
    with pytest.raises(OSError, match="no space"):
        archive.backup(file)
    assert file.read_bytes() == whole
    assert not database.in_transaction()
