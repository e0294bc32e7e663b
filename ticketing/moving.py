"""From SQLite to PostgreSQL, once and for good: by the backup's own code, proven equal, or not at all."""

from pathlib import Path

from peewee import Database, OperationalError, PeeweeException

from ticketing import archive, db
from ticketing.table import database


class NotMoved(Exception):
    """Nothing was moved: PostgreSQL is as it was, the SQLite file too."""


def move(path: Path, url: str) -> int:
    """Move what is in the SQLite file at `path` to the empty PostgreSQL database at `url`; how many rows.

    The file is locked until the end, so that no server changes it meanwhile, and has another name afterwards, so that
    none takes it up again by mistake."""
    away, copy = path.with_name(path.name + ".moved"), path.with_name(path.name + ".moving")
    if not path.exists():
        raise NotMoved(f"there is no {path} to move")
    if away.exists():
        raise NotMoved(f"{away} is there already, from an earlier move")
    source = locked(path)
    try:
        archive.backup(copy)
        told = archive.digests()
        db.open_database(url, path)
        try:
            fill(copy, told)
        finally:
            database.close_all()
        retire(source, path, away)
    finally:
        copy.unlink(missing_ok=True)
        source.close_all()
    return sum(rows for rows, _ in told.values())


def locked(path: Path) -> Database:
    try:
        return db.open_database("", path, alone=True)
    except OperationalError as error:
        if db.is_lock_timeout(error):
            raise NotMoved(f"another process has {path} open: stop the server first") from error
        raise


def fill(copy: Path, told: dict[str, tuple[int, str]]) -> None:
    """In one transaction with the proof: what differs is not kept."""
    with db.connection(), database.atomic():
        archive.restore(copy)
        here = archive.digests()
        differing = [name for name in told if here[name] != told[name]]
        if differing:
            raise NotMoved("PostgreSQL gave back other rows than it was given: " + ", ".join(differing))


def retire(source: Database, path: Path, away: Path) -> None:
    """Everything into the one file, and that under another name; still locked."""
    try:
        with source.connection_context():
            source.execute_sql("PRAGMA journal_mode = delete")
        path.rename(away)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)  # left by the server; means nothing any more
    except (OSError, PeeweeException) as error:
        raise NotMoved(
            f"everything is in PostgreSQL, but rename {path} by hand before a server starts: {error}"
        ) from error
