"""What every table is: rows found, listed and inserted by statements written once. peewee writes a statement in 0.35 ms
that the database answers in 0.04, and a verb needs some twenty (docs/performance.md); everything else is peewee's."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import orjson
from peewee import OP, AutoField, BooleanField, DatabaseProxy, Expression, Field, Model, TextField

database = DatabaseProxy()


class JSONField(TextField):
    """A JSON document kept as text, alike on SQLite and PostgreSQL."""

    def db_value(self, value: Any) -> str | None:
        return None if value is None else orjson.dumps(value).decode()

    def python_value(self, value: str | None) -> Any:
        return None if value is None else orjson.loads(value)


class Memory(threading.local):
    """What this task has looked up in its transaction, of tables that no verb writes (`constant`)."""

    found: dict[Any, list[tuple[Any, ...]]] | None = None


memory = Memory()


@contextmanager
def remembering() -> Iterator[None]:
    """For one transaction: the same set-up row is not asked for again and again, in a batch not by each write."""
    if memory.found is not None:
        yield
        return
    memory.found = {}
    try:
        yield
    finally:
        memory.found = None


class Table(Model):
    constant = False  # a hall's set-up, written by imports only

    class Meta:
        database = database
        legacy_table_names = False

    @classmethod
    def get(cls, *query: Any, **filters: Any) -> Any:
        """A row by equal columns, with a statement written once: peewee takes 0.35 ms to write what the database
        answers in 0.04, and a verb looks up some twenty rows (also behind get_or_none, get_by_id, ticket.queue)."""
        wanted = None if filters else equal_columns(cls, query)
        if not wanted:
            return super().get(*query, **filters)
        rows = looked_up(cls, wanted, "LIMIT 1")
        if not rows:
            raise cls.DoesNotExist(f"no {cls.__name__} with these {[field.name for field, _ in wanted]}")
        return cls.of_columns(rows[0])

    @classmethod
    def of_hall(cls, hall: Any) -> list[Any]:
        """Every row of a hall in the order it was set up in, by a statement written once."""
        order = '"place", "id"' if "place" in cls._meta.fields else '"id"'
        return [cls.of_columns(row) for row in looked_up(cls, [(cls.hall, hall)], f"ORDER BY {order}")]

    @classmethod
    def create(cls, **columns: Any) -> Any:
        """A new row, by a statement written once."""
        row = cls(**columns)
        names = tuple(row.__data__)
        values = [cls._meta.fields[name].db_value(value) for name, value in row.__data__.items()]
        gives_id = isinstance(cls._meta.primary_key, AutoField) and cls._meta.primary_key.name not in names
        table: Any = cls
        cursor = database.execute_sql(insertion(table, names, database.param, gives_id), values)
        if gives_id:
            ((row.__data__[cls._meta.primary_key.name],),) = cursor.fetchall()
        row._dirty.clear()
        return row

    @classmethod
    def change(cls, where: dict[str, Any], **columns: Any) -> int:
        """UPDATE the rows whose columns are as in `where`, by a statement written once; how many there were."""
        fields: Any = cls._meta.fields
        known = {name: value for name, value in where.items() if value is not None}
        empty = tuple(name for name in where if name not in known)
        table: Any = cls
        statement = update(table, tuple(columns), tuple(known), empty, database.param)
        values = [fields[name].db_value(plain(value)) for name, value in (*columns.items(), *known.items())]
        return database.execute_sql(statement, values).rowcount

    @classmethod
    def of_columns(cls, values: Sequence[Any]) -> Any:
        """A row from its columns in the table's order."""
        table: Any = cls
        names, conversions = columns_of(table)
        row = cls.__new__(cls)
        row.__data__ = data = dict(zip(names, values, strict=True))
        row.__rel__, row._dirty = {}, set()
        for name, convert in conversions:
            if data[name] is not None:
                data[name] = convert(data[name])
        return row


def rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a statement written out brings. `?` marks a value, on both databases."""
    return database.execute_sql(marked(statement, database.param), values).fetchall()


@cache
def marked(statement: str, mark: str) -> str:
    return statement.replace("?", mark)


def names(table: Any) -> str:
    """The columns in the table's order, as `of_columns` reads them."""
    return ", ".join(field.column_name for field in table._meta.sorted_fields)


@cache
def columns_of(table: Any) -> tuple[list[str], list[tuple[str, Callable[[Any], Any]]]]:
    """Names in the table's order, and how to read those that a database does not give as they are."""
    fields = table._meta.sorted_fields
    odd = [(field.name, field.python_value) for field in fields if isinstance(field, (JSONField, BooleanField))]
    return [field.name for field in fields], odd


def equal_columns(table: type[Model], query: tuple[Any, ...]) -> list[tuple[Field, Any]] | None:
    """(column, value) pairs where the query is nothing but `column == value`, joined by `&`; else None."""
    wanted, left = [], list(query)
    while left:
        one = left.pop()
        if not isinstance(one, Expression):
            return None
        if one.op == OP.AND:
            left += [one.lhs, one.rhs]
        elif one.op == OP.EQ and isinstance(one.lhs, Field) and one.lhs.model is table and is_plain(one.rhs):
            wanted.append((one.lhs, one.rhs))
        else:
            return None
    return wanted


def is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, Model))


def plain(value: Any) -> Any:
    """A row stands for its id, whichever column it is compared with."""
    return value.get_id() if isinstance(value, Model) else value


def looked_up(table: Any, wanted: list[tuple[Field, Any]], rest: str) -> list[tuple[Any, ...]]:
    statement = lookup(table, tuple(field.column_name for field, _ in wanted), rest, database.param)
    values = tuple(field.db_value(plain(value)) for field, value in wanted)
    if not table.constant or memory.found is None:
        return database.execute_sql(statement, values).fetchall()
    if (statement, values) not in memory.found:
        memory.found[statement, values] = database.execute_sql(statement, values).fetchall()
    return memory.found[statement, values]


@cache
def lookup(table: Any, columns: tuple[str, ...], rest: str, mark: str) -> str:
    shown = ", ".join(f'"{field.column_name}"' for field in table._meta.sorted_fields)
    conditions = " AND ".join(f'"{column}" = {mark}' for column in columns)
    return f'SELECT {shown} FROM "{table._meta.table_name}" WHERE {conditions} {rest}'  # noqa: S608  # names only


@cache
def update(table: Any, names: tuple[str, ...], known: tuple[str, ...], empty: tuple[str, ...], mark: str) -> str:
    column = {name: f'"{field.column_name}"' for name, field in table._meta.fields.items()}
    changes = ", ".join(f"{column[name]} = {mark}" for name in names)
    conditions = " AND ".join([f"{column[name]} = {mark}" for name in known] + [f"{column[n]} IS NULL" for n in empty])
    return f'UPDATE "{table._meta.table_name}" SET {changes} WHERE {conditions}'  # noqa: S608  # names only


@cache
def insertion(table: Any, names: tuple[str, ...], mark: str, gives_id: bool) -> str:
    columns = ", ".join(f'"{table._meta.fields[name].column_name}"' for name in names)
    marks = ", ".join([mark] * len(names))
    id = f' RETURNING "{table._meta.primary_key.column_name}"' if gives_id else ""
    return f'INSERT INTO "{table._meta.table_name}" ({columns}) VALUES ({marks}){id}'  # noqa: S608  # names only
