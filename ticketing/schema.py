"""The tables' version: made at the first start, brought forward at a later one, refused when it is newer than this
program. Each step runs once, in the transaction and under the lock of `prepare`."""

from collections.abc import Callable

from playhouse.migrate import PostgresqlMigrator, SchemaMigrator, SqliteMigrator

from ticketing.models import TABLES, Hall, SchemaVersion
from ticketing.table import database

# To change the tables: change ticketing/models.py, raise VERSION, add the step that brings a database of the version
# before to it, and a test in tests/ticketing/test_schema.py that starts from a database of that version with data.
VERSION = 1
STEPS: dict[int, Callable[[SchemaMigrator], None]] = {}


class SchemaTooNew(Exception):
    """A newer program has changed this database."""


def prepare(is_sqlite: bool) -> None:
    """Bring the database to VERSION. The caller holds a write transaction that no second start can share."""
    if not Hall.table_exists():
        database.create_tables([*TABLES, SchemaVersion])
        SchemaVersion.create(version=VERSION)
        return
    version = SchemaVersion.get().version if SchemaVersion.table_exists() else 1
    if version > VERSION:
        raise SchemaTooNew(f"This database is of version {version}, this program of {VERSION}: update the program")
    migrator = SqliteMigrator(database.obj) if is_sqlite else PostgresqlMigrator(database.obj)
    for step in range(version + 1, VERSION + 1):
        STEPS[step](migrator)
    if is_sqlite and (broken := database.execute_sql("PRAGMA foreign_key_check").fetchall()):
        raise RuntimeError(f"a step left rows that refer to nothing: {broken[:5]}")
    database.create_tables([*TABLES, SchemaVersion])  # tables and indexes that are new
    SchemaVersion.delete().execute()
    SchemaVersion.create(version=VERSION)
