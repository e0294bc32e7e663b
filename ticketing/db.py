"""The database and its one writer's door.

`write` is the only place that opens a writing transaction, commits it and tells the log's listeners. It takes the
hall's lock first (docs/locking.md), so one hall's writes take turns and commit order is sequence order."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Protocol, TypeVar

import orjson
from peewee import Database, DatabaseError, OperationalError, __exception_wrapper__
from playhouse.db_url import parse
from playhouse.pool import PooledPostgresqlDatabase, PooledSqliteDatabase
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

from ticketing import clock, identity, log, schema
from ticketing.errors import Refusal
from ticketing.models import Hall, HallEvent, IdempotentAnswer
from ticketing.rules import Rules
from ticketing.table import database

BATCH = 64  # writes committed together at most …
BATCH_SECONDS = 0.03  # … and no more are taken in after so long: screens wait behind a batch
LOCK_SECONDS = 5  # how long a write waits for the one before it, then `busy` / `in_progress`
KEEP_ANSWERS_MS = 24 * 3600 * 1000

T = TypeVar("T")


def open_database(url: str, sqlite_path: Path, alone: bool = False) -> Database:
    """Bind the tables to PostgreSQL when a URL is given, else to the SQLite file; make or bring them up to date.

    `alone`: nobody else may have the SQLite file open, from now until it is closed again."""
    database.initialize(postgresql(url) if url else sqlite(sqlite_path, alone))
    with database.connection_context():
        if is_sqlite():
            refuse_broken_file()
            with without_foreign_keys(), database.atomic("IMMEDIATE"):
                schema.prepare(is_sqlite=True)
        else:
            with database.atomic():
                # Two processes that start at once must not both make or change the tables.
                database.execute_sql("SELECT pg_advisory_xact_lock(20190514)")
                schema.prepare(is_sqlite=False)
    return database.obj


def refuse_broken_file() -> None:
    """Better not to start than to write into a file whose pages do not fit together."""
    ((verdict,),) = database.execute_sql("PRAGMA quick_check(1)").fetchall()
    if verdict != "ok":
        raise DatabaseError(f"the file is broken ({verdict}): restore a backup")


@contextmanager
def without_foreign_keys() -> Iterator[None]:
    """SQLite changes a table by building it anew, which foreign keys forbid: they are off meanwhile, and checked."""
    database.execute_sql("PRAGMA foreign_keys = 0")
    try:
        yield
    finally:
        database.execute_sql("PRAGMA foreign_keys = 1")


class Sqlite(PooledSqliteDatabase):
    """A commit waits for the disk: `flusher` runs it, in a real thread where an event loop must not wait too."""

    flusher: Callable[[Callable[[], None]], None] = staticmethod(lambda flush: flush())

    def commit(self) -> None:
        with __exception_wrapper__:
            Sqlite.flusher(self.connection().commit)

    def rollback(self) -> None:
        """Also after a commit that failed, when SQLite has already rolled back by itself."""
        with __exception_wrapper__:
            self.connection().rollback()


def sqlite(path: Path, alone: bool = False) -> PooledSqliteDatabase:
    # The locking mode is only heeded before anything is read. It is refused while another process is connected, since
    # in WAL mode each connection keeps a lock on the file, also when it does nothing.
    lock = {"locking_mode": "exclusive"} if alone else {}
    return Sqlite(
        str(path),
        pragmas=lock | {"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1, "cache_size": -32000},
        timeout=LOCK_SECONDS,
        max_connections=64,
        check_same_thread=False,
    )


def postgresql(url: str) -> PooledPostgresqlDatabase:
    return PooledPostgresqlDatabase(
        **parse(url),
        max_connections=16,
        stale_timeout=300,
        timeout=10,
        options=f"-c lock_timeout={LOCK_SECONDS * 1000} -c timezone=UTC",
    )


def is_sqlite() -> bool:
    return isinstance(database.obj, PooledSqliteDatabase)


@contextmanager
def connection() -> Iterator[None]:
    """A connection for this greenlet, given back at the end; never hold one across a sleep."""
    opened = database.connect(reuse_if_open=True)
    try:
        yield
    finally:
        if opened:
            database.close()


@contextmanager
def snapshot() -> Iterator[None]:
    """One consistent read: everything inside sees the same commit."""
    with connection():
        if database.in_transaction():
            yield
        elif is_sqlite():
            with database.atomic():
                yield
        else:
            with database.atomic(ISOLATION_LEVEL_REPEATABLE_READ):
                yield


@dataclass
class Once:
    """An idempotency key: `scope` is who + method + path + key, `body` what must be the same the second time.

    Kept answers are sealed with `secret`: that of a call tells the counter who comes."""

    scope: str
    body: Any
    secret: str = field(default="", repr=False)

    def digest(self) -> tuple[str, str]:
        body = orjson.dumps(self.body, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(self.scope.encode()).hexdigest(), hashlib.sha256(body).hexdigest()


@dataclass
class Reply:
    """What a request is answered with; kept when it came under an idempotency key and changed something."""

    status: int
    body: dict[str, Any] | None = None


@dataclass
class Change:
    """One write under way: the locked hall, its rules, the one reading of the clock, and the events so far."""

    hall: Hall
    rules: Rules
    now: int
    today: str
    events: list[HallEvent] = field(default_factory=list)

    @property
    def next_seq(self) -> int:
        return self.hall.last_seq + 1

    def append(self, type: str, **parts: Any) -> HallEvent:
        event = log.append(self.hall, self.rules, self.today, self.now, type, **parts)
        self.events.append(event)
        return event


class Observer(Protocol):
    """Who counts the writes. Called outside every transaction; must be quick, and never fail."""

    def wrote(self, job: "Job", seconds: float) -> None: ...  # in the task that asked, done or refused

    def committed(self, writes: int, seconds: float) -> None: ...  # one transaction with so many writes


observers: list[Observer] = []  # set by app.py


def write(hall_code: str, verb: Callable[[Change], T], once: Once | None = None) -> T | Reply:
    """Run `verb` in one transaction under the hall's lock; its refusal undoes everything it did.

    Writes that wait are committed together, each in a savepoint of its own (see Lane). A repeated `once` answers
    with the first reply and changes nothing. Returns, and tells the listeners, only after the commit. Raises
    Refusal("busy") when the lock is not to be had in LOCK_SECONDS."""
    if not database.is_closed() and database.in_transaction():
        raise RuntimeError("write() is the outermost transaction: one verb, one transaction")
    job = Job(hall_code, verb, once)
    began = time.perf_counter()
    lane_of(hall_code).pass_through(job)
    for observer in observers:
        observer.wrote(job, time.perf_counter() - began)
    if job.error is not None:
        raise job.error
    return job.result


@dataclass
class Job:
    """One write on its way: what it came to once `done` is set."""

    hall_code: str
    verb: Callable[[Change], Any]
    once: Once | None
    result: Any = None
    error: Exception | None = None
    seq: int | None = None  # newest event it wrote
    repeated: bool = False  # answered with the first reply to its key
    done: bool = False
    turn: threading.Event = field(default_factory=threading.Event)  # set when it is done, or has to lead

    def run(self) -> None:
        """In a savepoint: a refusal undoes this job and no other."""
        try:
            with database.savepoint():
                change = lock(self.hall_code)
                seen = answered(self.once, change.now) if self.once else None
                self.repeated = seen is not None
                self.result = seen or self.verb(change)
                if change.events:
                    if self.once and isinstance(self.result, Reply):
                        remember(self.once, self.result, change.now)
                    newest = {"last_seq": change.hall.last_seq, "last_at": change.now}
                    Hall.update(newest).where(Hall.id == change.hall.id).execute()
                    self.seq = change.hall.last_seq
        except OperationalError:
            raise  # the transaction itself is broken, and with it the whole batch
        except Exception as error:
            self.error = error

    def fail(self, error: BaseException) -> None:
        if isinstance(error, OperationalError) and is_lock_timeout(error):
            self.error = Refusal("in_progress" if self.once else "busy")
        else:
            self.error = error if isinstance(error, Exception) else Refusal("busy")


class Lane:
    """Writes that must take turns anyway: those of one hall, on SQLite those of all. Whoever comes first leads: it
    runs what has gathered, commits it all at once, and hands the lead to the next who came meanwhile. So a disk that
    takes 10 ms to flush delays many writes once instead of each in turn, and as the flush runs off the event loop's
    way (`Sqlite.flusher`), screens and reads go on during it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.gathered: list[Job] = []
        self.led = False

    def pass_through(self, job: Job) -> None:
        with self.lock:
            self.gathered.append(job)
            leads, self.led = not self.led, True
        if not leads:
            database.close()  # who waits needs no connection: others may have it
            job.turn.wait()
        if not job.done:
            self.lead()

    def lead(self) -> None:
        with self.lock:
            batch, self.gathered = self.gathered[:BATCH], self.gathered[BATCH:]
        ran = batch
        try:
            ran = commit(batch, BATCH_SECONDS)
        finally:
            for job in ran:
                job.done = True
                job.turn.set()
            with self.lock:
                self.gathered = batch[len(ran) :] + self.gathered
                self.led = bool(self.gathered)
                if self.led:
                    self.gathered[0].turn.set()


lanes: dict[str, Lane] = {}


def is_writing() -> bool:
    """Whether any write is under way in this process."""
    return any(lane.led for lane in lanes.values())


def lane_of(hall_code: str) -> Lane:
    return lanes.setdefault("" if is_sqlite() else hall_code, Lane())


def commit(batch: list[Job], seconds: float = inf) -> list[Job]:
    """One transaction for those that begin within `seconds`, which are returned; when it fails as a whole, each of
    the batch failed and nothing was changed."""
    began, ran = time.perf_counter(), 0
    try:
        with connection(), database.atomic("IMMEDIATE") if is_sqlite() else database.atomic():
            while ran < len(batch) and (ran == 0 or time.perf_counter() - began < seconds):
                batch[ran].run()
                ran += 1
    except BaseException as error:
        ran = len(batch)
        for job in batch:
            job.fail(error)
        if not isinstance(error, Exception):
            raise  # this task is being ended; the others are told to try again
    else:
        for observer in observers:
            observer.committed(ran, time.perf_counter() - began)
    for job in batch[:ran]:
        if job.error is None and job.seq is not None:
            log.notify(job.hall_code, job.seq)
    return batch[:ran]


def lock(hall_code: str) -> Change:
    this = Hall.code == hall_code
    hall = Hall.get_or_none(this) if is_sqlite() else Hall.select().where(this).for_update().first()
    if hall is None:
        raise Refusal("unknown_hall")
    rules = rules_of(hall)
    now = clock.now()
    return Change(hall, rules, now, clock.business_date(now, hall.timezone, rules.day_starts))


def rules_of(hall: Hall) -> Rules:
    return Rules.model_validate(hall.rules)


def today(hall: Hall, now: int) -> str:
    return clock.business_date(now, hall.timezone, rules_of(hall).day_starts)


def answered(once: Once, now: int) -> Reply | None:
    key, body_hash = once.digest()
    row = IdempotentAnswer.get_or_none(IdempotentAnswer.key == key)
    if row is None:
        return None
    if row.at <= now - KEEP_ANSWERS_MS:
        row.delete_instance()  # makes room for the new answer
        return None
    if row.body_hash != body_hash:
        raise Refusal("idempotency_mismatch")
    return Reply(row.status, row.answer and identity.unseal(once.secret, row.answer))


def remember(once: Once, reply: Reply, now: int) -> None:
    key, body_hash = once.digest()
    sealed = None if reply.body is None else identity.seal(once.secret, reply.body)
    IdempotentAnswer.create(key=key, body_hash=body_hash, status=reply.status, answer=sealed, at=now)


def is_lock_timeout(error: Exception) -> bool:
    text = str(error).lower()
    return "database is locked" in text or "lock timeout" in text
