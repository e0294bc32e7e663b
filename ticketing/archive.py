"""Backup and restore: every row of every table as lines of JSON, gzipped; the same file for SQLite and PostgreSQL.

The first line tells the format and the tables' version (none: 1), the last one how many rows each table has, so that
a file cut short is noticed. A backup comes from one consistent read, while the hall goes on working. Sealed identities
stay sealed: SECRET_KEY is not in the file and must be kept apart."""

import gzip
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from peewee import fn

from ticketing import db, schema
from ticketing.models import TABLES
from ticketing.table import Table, database

FORMAT = "yichuang-backup-1"
CHUNK = 200  # rows inserted by one statement
PAGE = 2000  # rows read by one
BY_NAME = {table._meta.table_name: table for table in TABLES}


class BadArchive(Exception):
    """The file can not be restored here; nothing was changed."""


def backup(path: Path) -> dict[str, int]:
    """Write everything to `path` (replaced only when complete, mode 600); rows by table."""
    partial = path.with_name(path.name + ".partial")
    counts = dict.fromkeys(BY_NAME, 0)
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as raw:
        with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as out:
            out.write(line({"format": FORMAT, "version": schema.VERSION}))
            with db.snapshot():
                for name, row in rows():
                    counts[name] += 1
                    out.write(line({name: row}))
            out.write(line({"rows": counts}))
        raw.flush()
        os.fsync(raw.fileno())
    partial.replace(path)
    return counts


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """By what a column is called in Python, so that foreign keys come as plain ids. Read by pages: psycopg2 would bring
    years of history into memory at once."""
    for name, table in BY_NAME.items():
        key = table._meta.primary_key
        everything = table.select().order_by(key).limit(PAGE)
        page = list(everything.dicts())
        while page:
            yield from ((name, row) for row in page)
            page = list(everything.where(key > page[-1][key.name]).dicts())


def line(fact: dict[str, Any]) -> bytes:
    return orjson.dumps(fact) + b"\n"


def restore(path: Path) -> dict[str, int]:
    """Read a backup into an empty database, all or nothing; rows by table."""
    counts = dict.fromkeys(BY_NAME, 0)
    with db.connection(), database.atomic("IMMEDIATE") if db.is_sqlite() else database.atomic():
        refuse_full_database()
        told, facts = None, facts_in(path)
        version = next(facts).get("version", 1)
        for table, chunk in chunks(facts):
            if table is None:
                told = chunk
                continue
            table.insert_many(chunk).execute()  # a column that is newer than the file has its default
            counts[table._meta.table_name] += len(chunk)
        if told is None or dict.fromkeys(BY_NAME, 0) | told != counts:
            raise BadArchive(f"{path.name} is cut short")
        if version == 1:
            schema.fill_last_at()
        if not db.is_sqlite():
            set_sequences()
    return counts


def refuse_full_database() -> None:
    full = [name for name, table in BY_NAME.items() if table.select().exists()]
    if full:
        raise BadArchive("the database is not empty: " + ", ".join(full))


def facts_in(path: Path) -> Iterator[dict[str, Any]]:
    """What each line tells, the first one's format and version checked."""
    try:
        with gzip.open(path) as lines:
            first = orjson.loads(lines.readline() or b"{}")
            if first.get("format") != FORMAT:
                raise BadArchive(f"{path.name} is no {FORMAT} file")
            if first.get("version", 1) > schema.VERSION:
                raise BadArchive(f"{path.name} comes from a newer program: update this one")
            yield first
            for text in lines:
                yield orjson.loads(text)
    except (OSError, EOFError, orjson.JSONDecodeError) as error:
        raise BadArchive(f"{path.name} can not be read: {error}") from error


def chunks(facts: Iterator[dict[str, Any]]) -> Iterator[tuple[type[Table] | None, Any]]:
    """(table, rows of it) in the file's order; at the end (None, the counts it tells)."""
    name = ""
    gathered: list[dict[str, Any]] = []
    for fact in facts:
        ((key, value),) = fact.items()
        if gathered and (key != name or len(gathered) == CHUNK):
            yield BY_NAME[name], gathered
            gathered = []
        if key == "rows":
            yield None, value
        elif key in BY_NAME:
            name = key
            gathered.append(value)
        else:
            raise BadArchive(f"this program knows no table {key!r}: it is older than the backup")


def set_sequences() -> None:
    """PostgreSQL counts ids by itself: go on behind the restored ones."""
    for name, table in BY_NAME.items():
        if table._meta.primary_key.field_type == "AUTO":
            newest = table.select(fn.MAX(table._meta.primary_key)).scalar()
            database.execute_sql("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", (f'"{name}"', newest or 1))


def digests() -> dict[str, tuple[int, str]]:
    """(rows, digest) by table, whichever database holds them: the sum of the rows' SHA-256, because two databases
    sort texts differently."""
    counts, sums = dict.fromkeys(BY_NAME, 0), dict.fromkeys(BY_NAME, 0)
    with db.snapshot():
        for name, row in rows():
            counts[name] += 1
            sums[name] += int.from_bytes(hashlib.sha256(line(row)).digest())
    return {name: (counts[name], f"{sums[name] % 2**256:064x}") for name in BY_NAME}
