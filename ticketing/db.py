"""The database and its one writer's door.

`write` is the only place that opens a writing transaction, commits it and tells the log's listeners. It takes the
hall's lock first (docs/locking.md), so one hall's writes take turns and commit order is sequence order."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import Any, Protocol, TypeVar

import orjson
from peewee import (
    Database,
    DatabaseError,
    InterfaceError,
    OperationalError,
    PeeweeException,
    PostgresqlDatabase,
    __exception_wrapper__,
)
from playhouse.db_url import parse
from playhouse.pool import MaxConnectionsExceeded, PooledPostgresqlDatabase, PooledSqliteDatabase
from psycopg2 import Error as PostgresqlError
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ, TRANSACTION_STATUS_IDLE

from ticketing import clock, identity, log, schema
from ticketing.errors import Refusal
from ticketing.models import Hall, HallEvent, IdempotentAnswer
from ticketing.rules import Rules
from ticketing.setback import set_back
from ticketing.table import database, looked_up, remembering

BATCH = 64  # writes committed together at most …
BATCH_SECONDS = 0.03  # … and no more are taken in after so long: screens wait behind a batch
LOCK_SECONDS = 5  # how long a write waits for the one before it, then `busy` / `in_progress`
CONNECT_SECONDS = 3  # for PostgreSQL to let a connection in
SILENT_SECONDS = 8  # a line on which nothing came through for so long is dead
FORGOTTEN_SECONDS = 15  # PostgreSQL ends a transaction whose process says nothing for so long
KEEP_ANSWERS_MS = 24 * 3600 * 1000

T = TypeVar("T")

UNAVAILABLE = (PeeweeException, MaxConnectionsExceeded)  # what a read or write raises when the database is away
BROKEN = (OperationalError, InterfaceError)  # … and a statement, when its transaction or its connection is gone


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
    """A write's commit waits for the disk: `flusher` runs it, in a real thread where an event loop must not wait too.
    A read's commit does not wait for anything."""

    flusher: Callable[[Callable[[], None]], None] = staticmethod(lambda flush: flush())

    def flush(self) -> None:
        with __exception_wrapper__:
            Sqlite.flusher(self.connection().commit)

    def commit(self) -> None:
        """Also after a flush, when nothing is left to be committed."""
        with __exception_wrapper__:
            self.connection().commit()

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


class Knocking(PostgresqlDatabase):
    """New connections are made one after the other, under a lock. While PostgreSQL is away each of a hundred who wait
    in that line would knock for CONNECT_SECONDS: so one knocks, and who waited meanwhile hears what came of it."""

    asked = threading.local()
    failed_at = 0.0

    def connect(self, reuse_if_open: bool = False) -> bool:
        self.asked.at = time.monotonic()
        return super().connect(reuse_if_open)

    def _connect(self) -> Any:
        if self.asked.at < self.failed_at:
            raise OperationalError("PostgreSQL did not answer")
        try:
            return super()._connect()
        except PostgresqlError:
            self.failed_at = time.monotonic()
            raise


class Postgresql(PooledPostgresqlDatabase, Knocking):
    """A pool that notices what died: a restarted server must not cost a failed request for each connection. Both
    questions are asked under the pool's lock, so neither may wait for an answer (peewee's own do, and a server that
    hangs held everybody up for as many times as there were connections)."""

    def _is_closed(self, conn: Any) -> bool:
        """Before it is given out. Two looks: the first may read the server's goodbye, the second the line's end."""
        try:
            conn.poll()
            conn.poll()
        except PostgresqlError:
            return True
        return False

    def _can_reuse(self, conn: Any) -> bool:
        """When it is given back. If it broke, those that lie idle most likely broke with it."""
        if conn.closed:
            self.close_idle()
        return conn.get_transaction_status() == TRANSACTION_STATUS_IDLE

    def rollback(self) -> None:
        """A transaction went with its connection; what broke it is what is to be told."""
        if not self.connection().closed:
            super().rollback()


def postgresql(url: str) -> Postgresql:
    """Both ends notice when the network between them is cut, not only when a socket is closed. Else a read would wait
    for minutes, and a hall's lock would stay with a machine that is gone for hours."""
    ours = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 4,
        "keepalives_interval": 2,
        "keepalives_count": 2,
        "tcp_user_timeout": SILENT_SECONDS * 1000,
    }
    theirs = {
        "lock_timeout": LOCK_SECONDS * 1000,
        "timezone": "UTC",
        "tcp_keepalives_idle": 4,
        "tcp_keepalives_interval": 2,
        "tcp_keepalives_count": 2,
        "tcp_user_timeout": SILENT_SECONDS * 1000,
        "idle_in_transaction_session_timeout": FORGOTTEN_SECONDS * 1000,
    }
    return Postgresql(
        **(ours | parse(url)),
        max_connections=16,
        stale_timeout=300,
        timeout=10,
        options=" ".join(f"-c {name}={value}" for name, value in theirs.items()),
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


def healed(begin: Callable[[], T]) -> T:
    """What `begin` gives, which changes nothing or is a transaction's first statement. When the connection at hand
    turns out to be dead (no end of the line was seen: the server's machine was restarted), once more on a fresh one."""
    try:
        return begin()
    except BROKEN:
        if is_sqlite() or database.in_transaction() or not database.connection().closed:
            raise
    database.close()
    database.connect()
    return begin()


@contextmanager
def snapshot() -> Iterator[None]:
    """One consistent read: everything inside sees the same commit."""
    with connection():
        if database.in_transaction():
            yield
        elif is_sqlite():
            with database.atomic(), remembering():
                yield
        else:
            with database.atomic(ISOLATION_LEVEL_REPEATABLE_READ), remembering():
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
            with savepoint():
                change = lock(self.hall_code)
                seen = answered(self.once, change.now) if self.once else None
                self.repeated = seen is not None
                self.result = seen or self.verb(change)
                if change.events:
                    if self.once and isinstance(self.result, Reply):
                        remember(self.once, self.result, change.now)
                    Hall.change({"id": change.hall.id}, last_seq=change.hall.last_seq, last_at=change.now)
                    self.seq = change.hall.last_seq
        except BROKEN:
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
        with ExitStack() as transaction:
            transaction.enter_context(connection())
            # Only the beginning may be tried twice: whether a commit that broke was done, nobody knows here. Who asked
            # asks again under the same key.
            healed(lambda: transaction.enter_context(outermost()))
            transaction.enter_context(remembering())
            while ran < len(batch) and (ran == 0 or time.perf_counter() - began < seconds):
                batch[ran].run()
                ran += 1
            if is_sqlite():
                database.flush()
    except BaseException as error:
        ran = len(batch)
        for job in batch:
            job.fail(error)
        if not isinstance(error, Exception):
            raise  # this task is being ended; the others are told to try again
    else:
        for observer in observers:
            observer.committed(ran, time.perf_counter() - began)
    newest = {job.hall_code: job.seq for job in batch[:ran] if job.error is None and job.seq is not None}
    for hall_code, seq in newest.items():
        log.notify(hall_code, seq)
    return batch[:ran]


def outermost() -> AbstractContextManager[Any]:
    return database.atomic("IMMEDIATE") if is_sqlite() else database.atomic()


@contextmanager
def savepoint() -> Iterator[None]:
    """One name for all, so that the database knows the statements again; peewee makes a new one each time."""
    database.execute_sql("SAVEPOINT job")
    try:
        yield
    except BROKEN:
        raise  # there is nothing left to go back to
    except BaseException:
        database.execute_sql("ROLLBACK TO SAVEPOINT job")
        database.execute_sql("RELEASE SAVEPOINT job")
        raise
    database.execute_sql("RELEASE SAVEPOINT job")


def lock(hall_code: str) -> Change:
    found = looked_up(Hall, [(Hall.code, hall_code)], "" if is_sqlite() else "FOR UPDATE")
    if not found:
        raise Refusal("unknown_hall")
    hall = Hall.of_columns(found[0])
    now = clock.now()
    if hall.last_at - now > clock.STEP_MS:
        set_back(hall, hall.last_at - now)
    now = max(now, hall.last_at)  # two machines' clocks differ a little: a hall's time never runs backwards
    return Change(hall, rules_of(hall), now, today(hall, now))


def rules_of(hall: Hall) -> Rules:
    return read_rules(orjson.dumps(hall.rules))


@lru_cache(maxsize=256)
def read_rules(text: bytes) -> Rules:
    return Rules.model_validate_json(text)


def today(hall: Hall, now: int) -> str:
    """The business day. One that was closed does not come back, whatever the clock says: no number is given twice,
    and nobody takes one in a day that nothing ends any more."""
    return max(clock.business_date(now, hall.timezone, rules_of(hall).day_starts), hall.closed_until)


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
