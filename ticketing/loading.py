"""Checked rows into the tables: all or nothing, what is there updated in place (docs/data.md)."""

from collections import Counter as Tally
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ticketing.catalogue import spelled
from ticketing.db import connection, is_sqlite
from ticketing.models import Counter, CounterQueue, Hall, Staff
from ticketing.rows import KINDS, ROWS, Row
from ticketing.sheets import BadRow, Entry, LoadError, Sheet, checked, read
from ticketing.table import Table, database

NO_PASSWORD = "!"  # noqa: S105 - what stands for a hash when there is none; no password verifies against it
HashPassword = Callable[[str], str]


@dataclass
class LoadReport:
    halls: list[str] = field(default_factory=list)
    added: Tally[str] = field(default_factory=Tally)  # by kind
    updated: Tally[str] = field(default_factory=Tally)
    unchanged: Tally[str] = field(default_factory=Tally)
    notes: list[str] = field(default_factory=list)  # allowed, but worth a look

    def __str__(self) -> str:
        counts = [
            f"{kind}: {self.added[kind]} added, {self.updated[kind]} updated, {self.unchanged[kind]} unchanged"
            for kind in sorted(self.added | self.updated | self.unchanged)
            if self.added[kind] or self.updated[kind] or self.unchanged[kind]
        ]
        return "\n".join(["Loaded " + (", ".join(self.halls) or "nothing"), *counts, *self.notes])


def load(paths: list[Path], hash_password: HashPassword | None = None) -> LoadReport:
    """Import the files (a folder stands for the files in it), all or nothing.

    What is there is updated by its code, number or login; what the files do not name stays; tickets are never
    touched. A password is only taken for an account that has none, so a person's own is never reset; without
    `hash_password` they are left aside. Raises LoadError, which names every bad row."""
    problems: list[BadRow] = []
    sheets = [sheet for path in files_of(paths) for sheet in read(path, problems)]
    entries = [entry for sheet in sheets for entry in checked(sheet, problems)]
    hashes = hashed(entries, hash_password)
    loading = Loading(entries, hashes, bad_keys(sheets, entries), problems)
    with connection():
        if database.in_transaction():
            raise RuntimeError("load() is the outermost transaction")
        with database.atomic("IMMEDIATE") if is_sqlite() else database.atomic():
            loading.run()
            if problems:
                raise LoadError(problems)  # and the transaction is undone
    return loading.report


def files_of(paths: list[Path]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            inside = (file for file in path.iterdir() if not file.name.startswith((".", "~")))
            yield from sorted(file for file in inside if file.suffix.lower() in (".json", ".csv", ".xlsx"))
        else:
            yield path


def hashed(entries: list[Entry], hash_password: HashPassword | None) -> dict[str, str]:
    """Each different password once: a hash takes 0.2 s by design, and is done before the transaction."""
    if hash_password is None:
        return {}
    passwords = {entry.row.password for entry in entries if entry.sheet.kind == "staff"}
    return {password: hash_password(password) for password in passwords if password}


def bad_keys(sheets: list[Sheet], entries: list[Entry]) -> set[tuple[str, str]]:
    """(kind, code) of rows that were refused: what refers to them is not wrong besides."""
    good = {(entry.sheet.kind, str(entry.key)) for entry in entries}
    named = {(one.kind, str(cells.get(ROWS[one.kind].key))) for one in sheets for _, cells in one.rows}
    return named - good


def stored(row: Row, everything: bool) -> dict[str, Any]:
    """What goes into the table: every field of a new row, of a known one those that the file has."""
    values = {name: getattr(row, name) for name in type(row).model_fields if everything or name in row.model_fields_set}
    return {
        name: value.model_dump(mode="json", exclude_unset=True) if isinstance(value, BaseModel) else value
        for name, value in values.items()
    }


class Loading:
    """One load on its way into the tables; the caller holds the transaction."""

    def __init__(
        self,
        entries: list[Entry],
        hashes: dict[str, str],
        bad: set[tuple[str, str]],
        problems: list[BadRow],
    ):
        self.entries, self.hashes, self.bad, self.problems = entries, hashes, bad, problems
        self.report = LoadReport()
        self.halls: dict[str, Hall] = {}
        self.fallback: str | None = None

    def run(self) -> None:
        # The halls' rows are the write locks, taken first and in one order, as every write does.
        query = Hall.select().order_by(Hall.code)
        self.halls = {hall.code: hall for hall in (query if is_sqlite() else query.for_update())}
        described = self.of_kind("hall")
        self.store_halls(described)
        refused = [code for kind, code in self.bad if kind == "hall"]
        candidates = [entry.row.code for entry in described] + refused or list(self.halls)
        self.fallback = candidates[0] if len(candidates) == 1 else None
        mine: dict[str, list[Entry]] = {entry.row.code: [] for entry in described}
        for entry in self.entries:
            if entry.sheet.kind in HallLoading.ORDER and (hall := self.hall_of(entry)):
                mine.setdefault(hall.code, []).append(entry)
        for code, entries in sorted(mine.items()):
            HallLoading(self, self.halls[code], entries).run()
        staff_halls = self.store_staff(self.of_kind("staff"))
        self.report.halls = sorted({*mine, *staff_halls})

    def of_kind(self, kind: str) -> list[Entry]:
        return self.without_repeats([entry for entry in self.entries if entry.sheet.kind == kind])

    def without_repeats(self, entries: list[Entry]) -> list[Entry]:
        first: dict[Any, Entry] = {}
        for entry in entries:
            if entry.key in first:
                before = first[entry.key]
                where = f"{before.sheet.file}, row {before.number}"
                self.problems.append(entry.problem(entry.row.key, f"{entry.key} stands already in {where}"))
            else:
                first[entry.key] = entry
        return list(first.values())

    def hall_of(self, entry: Entry) -> Hall | None:
        code = entry.named_hall or entry.sheet.hall or self.fallback
        if code is None:
            self.problems.append(entry.problem("hall", "must be named: there is no hall yet, or more than one"))
        elif code not in self.halls and ("hall", code) not in self.bad:
            self.problems.append(entry.problem("hall", f"there is no hall {code}"))
        return self.halls.get(code or "")

    def store_halls(self, entries: list[Entry]) -> None:
        for entry in entries:
            have = self.halls.get(entry.row.code)
            values = stored(entry.row, everything=have is None)
            self.store("hall", have, values | ({"rules": values["rules"] or {}} if "rules" in values else {}))
        self.halls |= {hall.code: hall for hall in Hall.select()}

    def store(self, kind: str, have: Table | None, values: dict[str, Any]) -> None:
        """Add the row, or change what differs in the one there is."""
        if have is None:
            ROWS[kind].table.create(**values)
            self.report.added[kind] += 1
            return
        changes = {name: value for name, value in values.items() if getattr(have, name) != value}
        if changes:
            type(have).update(changes).where(type(have).id == have.id).execute()
        (self.report.updated if changes else self.report.unchanged)[kind] += 1

    def store_staff(self, entries: list[Entry]) -> set[str]:
        """Logins are one list for all halls. Whose role changes, or who is disabled, is signed out."""
        known = {person.login: person for person in Staff.select()}
        halls = set()
        for entry in entries:
            everywhere = entry.row.role == "admin" and not entry.named_hall
            hall = None if everywhere else self.hall_of(entry)
            if hall is None and not everywhere:
                continue
            have = known.get(entry.row.login)
            if have and have.hall_id != (hall and hall.id):
                self.problems.append(entry.problem("login", f"{entry.row.login} belongs to another hall"))
                continue
            values = stored(entry.row, everything=have is None)
            password = self.hashes.get(values.pop("password", None) or "")
            if have is None or (password and have.password_hash == NO_PASSWORD):
                values["password_hash"] = password or NO_PASSWORD
            if have and (have.role != values["role"] or values.get("disabled", False) > have.disabled):
                values["epoch"] = have.epoch + 1
            self.store("staff", have, values | ({} if have else {"hall": hall}))
            halls |= {hall.code} if hall else set()
        locked_out = [entry.row.login for entry in entries if self.has_no_password(known, entry)]
        if locked_out:
            self.report.notes.append("Without a password, so they can not sign in yet: " + ", ".join(locked_out))
        return halls

    def has_no_password(self, known: dict[str, Staff], entry: Entry) -> bool:
        have = known.get(entry.row.login)
        return (have is None or have.password_hash == NO_PASSWORD) and entry.row.password not in self.hashes


class HallLoading:
    """The rows of one hall, kind after kind, then what must hold of the hall as a whole."""

    ORDER = ("zones", "priorities", "queues", "counters", "items", "bundles")

    def __init__(self, loading: Loading, hall: Hall, entries: list[Entry]):
        self.loading, self.hall, self.problems = loading, hall, loading.problems
        self.entries = {
            kind: loading.without_repeats([entry for entry in entries if entry.sheet.kind == kind])
            for kind in self.ORDER
        }
        self.known: dict[str, dict[Any, Any]] = {}  # kind: {code or number: row}, as stored so far

    def run(self) -> None:
        for kind in self.ORDER:
            self.known[kind] = self.rows(kind)
            self.store(kind)
            self.known[kind] = self.rows(kind)
        self.serve_queues()
        self.check_queues()
        self.check_whole()

    def rows(self, kind: str) -> dict[Any, Any]:
        model = KINDS[kind]
        table: Any = model.table
        rows = table.select().where(table.hall == self.hall.id).order_by(table.id)
        return {getattr(row, model.key): row for row in rows}

    def store(self, kind: str) -> None:
        known = self.known[kind]
        place = max((row.place for row in known.values()), default=0) if "place" in KINDS[kind].model_fields else 0
        fresh = []
        for entry in self.entries[kind]:
            values = self.values(kind, entry)
            if values.get("place", 0) is None:
                values["place"] = known[entry.key].place if entry.key in known else (place := place + 1)
            if entry.key in known:
                self.loading.store(kind, known[entry.key], values)
            else:
                fresh.append(values | {"hall": self.hall.id})
        table = KINDS[kind].table
        table.bulk_create([table(**values) for values in fresh], batch_size=100)
        self.loading.report.added[kind] += len(fresh)

    def values(self, kind: str, entry: Entry) -> dict[str, Any]:
        values = stored(entry.row, everything=entry.key not in self.known[kind])
        for name, of in (("zone", "zones"), ("queue", "queues")):
            if name in values:
                values[f"{name}_id"] = self.reference(entry, name, of, values.pop(name))
        if kind == "counters":
            values.pop("queues", None)
            if "name" in values:
                values["name"] = values["name"] or str(entry.row.number)
        elif kind == "items":
            values["pinyin"], values["initials"] = spelled(entry.row.name)
        elif kind == "bundles":
            for code in entry.row.items:
                self.reference(entry, "items", "items", code)
        return values

    def reference(self, entry: Entry, name: str, kind: str, code: str | None) -> int | None:
        row = self.known[kind].get(code)
        if row is None and code is not None and (kind, code) not in self.loading.bad:
            self.problems.append(entry.problem(name, f"there is no {code} among the {kind} of {self.hall.code}"))
        return row and row.id

    def serve_queues(self) -> None:
        report = self.loading.report
        before: dict[int, list[int]] = {}
        served = CounterQueue.select().join(Counter).where(Counter.hall == self.hall.id)
        for link in served.order_by(CounterQueue.place):
            before.setdefault(link.counter_id, []).append(link.queue_id)
        for entry in self.entries["counters"]:
            if "queues" not in entry.row.model_fields_set:
                continue
            counter = self.known["counters"][entry.key].id
            queues = [self.reference(entry, "queues", "queues", code) for code in entry.row.queues]
            if None not in queues and queues != before.get(counter, []):
                CounterQueue.delete().where(CounterQueue.counter == counter).execute()
                links = [CounterQueue(counter=counter, queue=id, place=n) for n, id in enumerate(queues)]
                CounterQueue.bulk_create(links, batch_size=100)
                (report.updated if counter in before else report.added)["counter queues"] += 1

    def check_queues(self) -> None:
        queues = self.known["queues"].values()
        prefixes = [(queue.prefix, queue.code) for queue in queues]
        departments = [(name, queue.code) for queue in queues for name in queue.departments]
        self.refuse_shared("prefix", prefixes)
        self.refuse_shared("departments", departments)
        general = [queue.code for queue in queues if queue.general]
        if len(general) > 1:
            self.refuse_shared("general", [("general", code) for code in general])
        if not general and not self.problems:
            self.problems.append(self.of_hall("has no general queue, for the items that are mapped to none"))

    def refuse_shared(self, name: str, held: list[tuple[str, str]]) -> None:
        """Name each queue of this load that holds what another queue of the hall holds too."""
        holders: dict[str, list[str]] = {}
        for value, code in held:
            holders.setdefault(value, []).append(code)
        for value, codes in holders.items():
            if len(codes) > 1:
                message = f"{value} belongs to more than one queue: {', '.join(codes)}"
                entries = [entry for entry in self.entries["queues"] if entry.key in codes]
                self.problems += [entry.problem(name, message) for entry in entries]

    def check_whole(self) -> None:
        if "normal" not in self.known["priorities"] and not self.problems:
            self.problems.append(self.of_hall("has no priority class `normal`"))
        served = {link.queue_id for link in CounterQueue.select().join(Counter).where(Counter.hall == self.hall.id)}
        unserved = [queue.code for queue in self.known["queues"].values() if queue.id not in served]
        if unserved:
            self.loading.report.notes.append(f"{self.hall.code}: no counter serves " + ", ".join(unserved))

    def of_hall(self, message: str) -> BadRow:
        return BadRow(self.hall.code, None, None, message)
