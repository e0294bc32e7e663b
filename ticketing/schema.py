"""The tables' version: made at the first start, brought forward at a later one, refused when it is newer than this
program. Each step runs once, in the transaction and under the lock of `prepare`."""

from collections.abc import Callable

from peewee import BigIntegerField, CharField, DoubleField, TextField
from playhouse.migrate import PostgresqlMigrator, SchemaMigrator, SqliteMigrator, migrate

from ticketing.models import TABLES, Hall, SchemaVersion
from ticketing.table import database

# To change the tables: change ticketing/models.py, raise VERSION, add the step that brings a database of the version
# before to it, and a test in tests/ticketing/test_schema.py that starts from a database of that version with data.
VERSION = 2


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
    if version == VERSION:
        return  # not a lock more: other processes are at work, and each DDL statement would wait for them
    migrator = SqliteMigrator(database.obj) if is_sqlite else PostgresqlMigrator(database.obj)
    for step in range(version + 1, VERSION + 1):
        STEPS[step](migrator)
    if is_sqlite and (broken := database.execute_sql("PRAGMA foreign_key_check").fetchall()):
        raise RuntimeError(f"a step left rows that refer to nothing: {broken[:5]}")
    database.create_tables([*TABLES, SchemaVersion])  # tables and indexes that are new
    SchemaVersion.delete().execute()
    SchemaVersion.create(version=VERSION)


# -- step 2: history ----------------------------------------------------------------------------------------------

# As the tables were in version 2, whatever ticketing/models.py says by now; {id} is a counted id.
HISTORY = """
CREATE TABLE "past_ticket" ("id" VARCHAR(32) NOT NULL PRIMARY KEY, "hall_id" INTEGER NOT NULL,
 "business_date" VARCHAR(10) NOT NULL, "number" VARCHAR(255) NOT NULL, "queue_id" INTEGER NOT NULL,
 "state" VARCHAR(255) NOT NULL, "priority" VARCHAR(255) NOT NULL, "asked_priority" VARCHAR(255),
 "channel" VARCHAR(255) NOT NULL, "issue_seq" BIGINT NOT NULL, "issued_at" BIGINT NOT NULL,
 "arrived_at" BIGINT NOT NULL, "front_seq" BIGINT, "reserved_for_id" INTEGER, "counter_id" INTEGER,
 "agent_id" INTEGER, "calls" INTEGER NOT NULL, "called_at" BIGINT, "last_called_at" BIGINT, "begun_at" BIGINT,
 "ended_at" BIGINT, "hold_kind" VARCHAR(255), "held_at" BIGINT, "held_ms" BIGINT NOT NULL,
 "postpones" INTEGER NOT NULL, "no_shows" INTEGER NOT NULL, "reinstates" INTEGER NOT NULL,
 "transfers" INTEGER NOT NULL, "identity_hash" VARCHAR(255), "sealed" TEXT);
CREATE TABLE "past_ticket_item" ({id}, "ticket_id" VARCHAR(32) NOT NULL, "item_id" INTEGER NOT NULL,
 "place" INTEGER NOT NULL, "outcome" VARCHAR(255), "note" VARCHAR(255));
CREATE TABLE "past_turn" ({id}, "ticket_id" VARCHAR(32) NOT NULL, "hall_id" INTEGER NOT NULL,
 "business_date" VARCHAR(10) NOT NULL, "counter_id" INTEGER NOT NULL, "agent_id" INTEGER,
 "queue_id" INTEGER NOT NULL, "waited_from" BIGINT, "called_at" BIGINT, "begun_at" BIGINT, "ended_at" BIGINT,
 "ended_by" VARCHAR(255));
CREATE TABLE "past_hall_event" ({id}, "hall_id" INTEGER NOT NULL, "seq" BIGINT NOT NULL, "at" BIGINT NOT NULL,
 "business_date" VARCHAR(10) NOT NULL, "type" VARCHAR(255) NOT NULL, "ticket_id" VARCHAR(32), "public" TEXT,
 "staff" TEXT NOT NULL);
CREATE UNIQUE INDEX "past_ticket_hall_id_business_date_number" ON "past_ticket" ("hall_id", "business_date", "number");
CREATE INDEX "past_ticket_hall_id_business_date_queue_id_state"
 ON "past_ticket" ("hall_id", "business_date", "queue_id", "state");
CREATE UNIQUE INDEX "past_ticket_item_ticket_id_item_id" ON "past_ticket_item" ("ticket_id", "item_id");
CREATE INDEX "past_turn_hall_id_business_date_queue_id" ON "past_turn" ("hall_id", "business_date", "queue_id");
CREATE UNIQUE INDEX "past_hall_event_hall_id_seq" ON "past_hall_event" ("hall_id", "seq")
"""
RATING = """
CREATE TABLE "new_rating" ("ticket_id" VARCHAR(32) NOT NULL PRIMARY KEY,
 "level" INTEGER NOT NULL CHECK (level BETWEEN 1 AND 5), "reasons" TEXT NOT NULL, "comment" VARCHAR(500),
 "at" INTEGER NOT NULL);
INSERT INTO "new_rating" SELECT "ticket_id", "level", "reasons", "comment", "at" FROM "rating";
DROP TABLE "rating";
ALTER TABLE "new_rating" RENAME TO "rating"
"""
FLOATS = (("priority_class", "weight"), ("queue", "usual_minutes"), ("queue", "service_ms"), ("item", "usual_minutes"))


def keep_history(migrator: SchemaMigrator) -> None:
    """Version 2: closed days go to history, ratings stay when their tickets go, the hall knows when its newest event
    was. PostgreSQL keeps fractions as exactly as SQLite does, so that one can be proven equal to the other."""
    migrate(migrator.add_column("hall", "last_at", BigIntegerField(default=0)))
    fill_last_at()
    if isinstance(migrator, SqliteMigrator):
        execute(RATING)  # SQLite takes no constraint away from a table
        execute(HISTORY.replace("{id}", '"id" INTEGER NOT NULL PRIMARY KEY'))
        add_identity(migrator)
        return
    migrate(migrator.drop_foreign_key_constraint("rating", "ticket_id"))
    for table, column in FLOATS:
        # By its text: 7.3 of four bytes is 7.30000019 when it is widened as a number.
        migrate(migrator.alter_column_type(table, column, DoubleField(), f'"{column}"::text::double precision'))
    execute(HISTORY.replace("{id}", '"id" SERIAL NOT NULL PRIMARY KEY'))
    add_identity(migrator)


def add_identity(migrator: SchemaMigrator) -> None:
    """Whether a queue or item asks who comes, and for whom somebody came."""
    migrate(
        migrator.add_column("queue", "identity", CharField(default="none")),
        migrator.add_column("queue", "identity_kinds", TextField(default="[]")),
        migrator.add_column("item", "identity", CharField(null=True)),
        migrator.add_column("item", "identity_kinds", TextField(default="[]")),
        migrator.add_column("ticket", "principal_hash", CharField(null=True)),
        migrator.add_column("past_ticket", "principal_hash", CharField(null=True)),
    )


def fill_last_at() -> None:
    """For halls that come from version 1: when their newest event was."""
    database.execute_sql(
        'UPDATE "hall" SET "last_at" = COALESCE((SELECT "at" FROM "hall_event" AS "newest" WHERE'
        ' "newest"."hall_id" = "hall"."id" AND "newest"."seq" = "hall"."last_seq"), 0) WHERE "last_at" = 0'
    )


def execute(statements: str) -> None:
    for statement in statements.split(";"):
        database.execute_sql(statement)


STEPS: dict[int, Callable[[SchemaMigrator], None]] = {2: keep_history}
