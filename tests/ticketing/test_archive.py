"""Backup and restore: equal row by row, and a file that is not whole changes nothing."""

import gzip
from itertools import islice
from pathlib import Path

import pytest

from counter import sweep
from ticketing import archive, schema
from ticketing.archive import BadArchive
from ticketing.models import Hall, HallEvent, PastTicket, Queue, Ticket
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


def test_history_is_backed_up_too(day, at, tmp_path):
    at.later(24 * 3600)
    sweep.sweep()
    before = everything()
    counts = archive.backup(tmp_path / "backup.gz")
    assert counts["past_ticket"] == 4 and counts["ticket"] == 1 and counts["past_hall_event"] == 8
    empty()
    archive.restore(tmp_path / "backup.gz")
    assert everything() == before
    at.later(24 * 3600)
    day.at_counter("finish", 1, Ticket.get(), None)
    at.later(24 * 3600)
    sweep.sweep()
    assert PastTicket.select().count() == 5


def test_a_backup_of_version_1_is_restored(db, at, tmp_path):
    old = tmp_path / "old.gz"
    old.write_bytes(gzip.compress((Path(__file__).parent / "version_1" / "backup.jsonl").read_bytes()))
    counts = archive.restore(old)
    hall = Hall.get()
    assert counts["ticket"] == 7 and counts["past_ticket"] == 0
    assert hall.last_at == HallEvent.get(HallEvent.seq == hall.last_seq).at
    at.now = hall.last_at
    sweep.sweep()
    assert PastTicket.select().count() == 5 and sweep.inconsistencies(hall, at.now) == []


def test_a_backup_of_a_newer_program_is_refused(day, tmp_path, monkeypatch):
    with monkeypatch.context() as newer:
        newer.setattr(schema, "VERSION", schema.VERSION + 1)
        archive.backup(tmp_path / "backup.gz")
    empty()
    with pytest.raises(BadArchive, match="newer program"):
        archive.restore(tmp_path / "backup.gz")


def test_a_digest_tells_the_smallest_difference(day):
    before = archive.digests()
    assert before["ticket"][0] == 5 and before == archive.digests()
    Queue.update(service_ms=7.3).where(Queue.code == "tax").execute()
    seven = archive.digests()
    Queue.update(service_ms=7.3000000000000007).where(Queue.code == "tax").execute()
    assert before["queue"] != seven["queue"] != archive.digests()["queue"]
    assert before | {"queue": None} == seven | {"queue": None}
