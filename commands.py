"""What each command of run.py does; imported after run.py has made its choice of event loop."""

import argparse
import contextlib
import getpass
import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from peewee import IntegrityError, PeeweeException

from config import ROOT, BadSetting, Settings, load_settings
from counter import staff, sweep
from door import logs
from door.locale import catalogue
from door.who import DEVICES, PEOPLE, PROGRAMS, demo_token, make_token
from ticketing import archive, clock, db, loading, moving, privacy, resealing
from ticketing.keyring import OLD, BadKeyring, Keyring, open_keyring, rotated
from ticketing.models import Counter, Hall, Staff
from ticketing.schema import SchemaTooNew

STOPS = (signal.SIGTERM, signal.SIGINT)
DEMO = ROOT / "data" / "licheng"
DEMO_PASSWORD = "demo-2026"  # noqa: S105  # of the demo hall only; `check` warns where it still opens a door
Offload = Callable[..., Any]
# A WSGI application, host and port: two functions, to serve for ever and to take in nobody any more.
Listen = Callable[[Any, str, int], tuple[Callable[[], None], Callable[[], None]]]


class Trouble(Exception):
    """What a command says before it ends with 1."""


def main(argv: list[str], offload: Offload | None = None, listen: Listen | None = None) -> int:
    options = parser().parse_args(argv)
    options.listen = listen
    try:
        settings = load_settings()
        return options.run(options, settings, offload) or 0
    except (
        BadSetting,
        Trouble,
        BadKeyring,
        loading.LoadError,
        archive.BadArchive,
        moving.NotMoved,
        SchemaTooNew,
        OSError,
    ) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except PeeweeException as trouble:
        print(f"The database can not be used: {str(trouble).splitlines()[0]}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="run.py", description="Yichuang: queue and one-window counters of a hall")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[..., int | None], told: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=told, description=told)
        one.set_defaults(run=run)
        return one

    for name, run, told in (
        ("serve", serve, "run the server"),
        ("demo", demo, "run the server with the demo hall, loaded when the database is empty"),
    ):
        one = command(name, run, told)
        one.add_argument("--host", help="address to listen on (HOST)")
        one.add_argument("--port", type=int, help="port to listen on (PORT)")

    one = command("load", load, "import halls, counters, catalogue and staff; all or nothing")
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="CSV, XLSX, JSON, or a folder of them")

    one = command("token", token, "print a bearer token for a device or a program")
    one.add_argument("--role", required=True, choices=(*DEVICES, *PROGRAMS))
    one.add_argument("--hall", required=True)
    one.add_argument("--counter", type=int, help="for --role counter")

    one = command("user", user, "add, disable or change the password of staff; the password is read from stdin")
    one.add_argument("act", choices=("add", "disable", "passwd"))
    one.add_argument("login")
    one.add_argument("--role", choices=PEOPLE, help="for add")
    one.add_argument("--hall", help="for add; an admin may have none")
    one.add_argument("--name", help="for add: what colleagues read")

    one = command("close-day", close_day, "end the business day: what still waits expires")
    one.add_argument("--hall", help="this hall only")

    one = command("backup", backup, "write everything to a file, while the server works; SECRET_KEY is not in it")
    one.add_argument("file", type=Path, metavar="FILE")

    one = command("restore", restore, "read a backup into an empty database")
    one.add_argument("file", type=Path, metavar="FILE")

    command("move", move, "move everything from SQLite (DATA_DIR) to the empty PostgreSQL database at DATABASE_URL")

    one = command("keys", keys, "the keys that identities are sealed with: list, make a new one, seal all anew")
    one.add_argument("act", choices=("list", "rotate", "reseal"))

    one = command("privacy", private, "tell or erase what is kept of a person, whose number is read from stdin")
    one.add_argument("act", choices=("export", "erase"))
    one.add_argument("--hall", required=True)

    command("check", check, "tell what is misconfigured, unreachable or unsafe, one line each")
    return whole


# -- serve --------------------------------------------------------------------------------------------------------


def serve(options: argparse.Namespace, settings: Settings, offload: Offload | None) -> None:
    run_server(options, settings, offload, with_demo=False)


def demo(options: argparse.Namespace, settings: Settings, offload: Offload | None) -> None:
    run_server(options, settings, offload, with_demo=True)


def run_server(options: argparse.Namespace, settings: Settings, offload: Offload | None, with_demo: bool) -> None:
    import app as composition

    logs.start_logging(settings.log_level, settings.log_format)
    app = composition.create_app(settings, offload or composition.run_here)
    host, port = options.host or settings.host, options.port or settings.port
    if with_demo:
        load_demo()
        print_demo(settings, f"http://{host}:{port}")
    composition.start_background(app)
    composition.settle_memory()
    try:
        serve_for_ever, shut_the_door = options.listen(app, host, port)
    except OSError as trouble:
        raise Trouble(f"Cannot listen on {host}:{port}: {trouble.strerror or trouble}") from trouble
    leave_when_told(app, shut_the_door)
    print(f"Yichuang listens on http://{host}:{port}", flush=True)
    serve_for_ever()
    threading.Event().wait()  # for `leave`, which ends the process


def leave_when_told(app: Flask, shut_the_door: Callable[[], None]) -> None:
    """SIGTERM and SIGINT: stop in order; told twice, at once."""
    import app as composition

    def leave() -> None:
        try:
            shut_the_door()
            composition.finish(app)
        except Exception:
            composition.logger.exception("could not stop in order")
        finally:
            # The event loops' own way out waits for threads and sockets that nobody needs any more. Nothing that was
            # acknowledged is lost by a hard end.
            end(0)

    def told(*_: Any) -> None:
        for stop in STOPS:
            signal.signal(stop, lambda *_: end(1))
        app.extensions["socketio"].start_background_task(leave)

    for stop in STOPS:
        signal.signal(stop, told)


def end(status: int) -> None:
    with contextlib.suppress(OSError):  # a log on a full disk must not keep a process from ending
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def load_demo() -> None:
    with db.connection():
        if Hall.select().exists():
            return
        try:
            loading.load([DEMO], hash_password=staff.hash_password)
        except IntegrityError:
            if not Hall.select().exists():  # else: of two first starts at once the other was quicker
                raise


def print_demo(settings: Settings, base: str) -> None:
    with db.connection():
        hall = Hall.select().order_by(Hall.code).first()
        tokens = {role: demo_token(settings.secret_key, role, hall.code) for role in ("kiosk", "board")}
        for role, text in tokens.items():
            make_token(role, hall, None, label="demo", token=text)
    pages = [
        ("All pages", f"{base}/"),
        ("Kiosk", f"{base}/kiosk/{hall.code}#token={tokens['kiosk']}"),
        ("Board", f"{base}/board/{hall.code}#token={tokens['board']}"),
        ("Console", f"{base}/console      agent01 / {DEMO_PASSWORD}"),
        ("Desk", f"{base}/desk         desk01 / {DEMO_PASSWORD}"),
        ("Manager", f"{base}/manager      manager01 / {DEMO_PASSWORD}"),
        ("Administrator", f"{base}/manager      admin / {DEMO_PASSWORD}"),
        ("OpenAPI document", f"{base}/api/v1/openapi.json"),
    ]
    words = catalogue("zh_CN")
    print(f"\n{hall.name}  {hall.name_en}\n")
    for name, address in pages:
        print(f"  {words.gettext(name)} {name}: {address}")
    print(flush=True)


# -- the other commands -------------------------------------------------------------------------------------------


def opened(settings: Settings) -> None:
    db.open_database(settings.database_url, settings.sqlite_path)


def load(options: argparse.Namespace, settings: Settings, _: Offload | None) -> None:
    opened(settings)
    with db.connection():
        print(loading.load(options.files, hash_password=staff.hash_password))


def hall_named(code: str) -> Hall:
    hall = Hall.get_or_none(Hall.code == code)
    if hall is None:
        raise Trouble(f"There is no hall {code!r}")
    return hall


def token(options: argparse.Namespace, settings: Settings, _: Offload | None) -> None:
    opened(settings)
    with db.connection():
        hall = hall_named(options.hall)
        counter = None
        if (options.role == "counter") != (options.counter is not None):
            raise Trouble("--counter goes with --role counter, and only with it")
        if options.counter is not None:
            counter = Counter.get_or_none((Counter.hall == hall) & (Counter.number == options.counter))
            if counter is None:
                raise Trouble(f"Hall {hall.code!r} has no counter {options.counter}")
        print(make_token(options.role, hall, counter))


def user(options: argparse.Namespace, settings: Settings, _: Offload | None) -> None:
    opened(settings)
    with db.connection():
        person = Staff.get_or_none(Staff.login == options.login)
        if options.act == "add":
            add_user(options, person)
        elif person is None:
            raise Trouble(f"There is no account {options.login!r}")
        elif options.act == "disable":
            staff.disable(person)
        else:
            staff.set_password(person, new_password())


def add_user(options: argparse.Namespace, person: Staff | None) -> None:
    if person is not None:
        raise Trouble(f"There is already an account {options.login!r}")
    if options.role is None or (options.hall is None and options.role != "admin"):
        raise Trouble("add needs --role and, but for an admin, --hall")
    Staff.create(
        login=options.login,
        name=options.name or options.login,
        role=options.role,
        hall=hall_named(options.hall) if options.hall else None,
        password_hash=staff.hash_password(new_password()),
    )


def new_password() -> str:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(password) < staff.SHORTEST_PASSWORD:
        raise Trouble(f"A password needs at least {staff.SHORTEST_PASSWORD} characters")
    return password


def close_day(options: argparse.Namespace, settings: Settings, _: Offload | None) -> None:
    opened(settings)
    with db.connection():
        codes = [hall_named(options.hall).code] if options.hall else [hall.code for hall in Hall.select()]
    for code in codes:
        print(f"{code}: {sweep.close_day(code)} tickets expired")


def backup(options: argparse.Namespace, settings: Settings, _: Offload | None) -> None:
    opened(settings)
    print(f"{options.file}: {sum(archive.backup(options.file).values())} rows")


def restore(options: argparse.Namespace, settings: Settings, _: Offload | None) -> None:
    opened(settings)
    print(f"{options.file}: {sum(archive.restore(options.file).values())} rows restored")


def move(options: argparse.Namespace, settings: Settings, _: Offload | None) -> None:
    if not settings.database_url:
        raise Trouble("DATABASE_URL is not set: name the empty PostgreSQL database to move to")
    rows = moving.move(settings.sqlite_path, settings.database_url)
    print(f"{rows} rows, equal. The old file is {settings.sqlite_path}.moved; keep it until the next backup.")
    print("Now start the server with the same DATABASE_URL, and with the same SECRET_KEY or DATA_DIR as before.")


def keyring_of(settings: Settings) -> Keyring:
    return open_keyring(settings.secret_key, settings.keyring_path, settings.keyring)


def keys(options: argparse.Namespace, settings: Settings, _: Offload | None) -> int | None:
    opened(settings)
    keyring = keyring_of(settings)
    acts: dict[str, Callable[[Keyring], int | None]] = {"list": list_keys, "rotate": rotate_keys, "reseal": reseal}
    return acts[options.act](keyring)


def private(options: argparse.Namespace, settings: Settings, _: Offload | None) -> None:
    opened(settings)
    with db.connection():
        hall = hall_named(options.hall)
    text = getpass.getpass("Number: ") if sys.stdin.isatty() else sys.stdin.readline()
    number = "".join(text.split()).upper()
    if options.act == "erase":
        print(f"{privacy.erase(hall, keyring_of(settings), number)} tickets no longer know this person")
        return
    told = privacy.export(hall, keyring_of(settings), number)
    print(json.dumps(told, ensure_ascii=False, indent=2))


def list_keys(keyring: Keyring) -> None:
    sealed = resealing.counts()
    for key in keyring.keys.keys:
        state = "active" if key.id == keyring.keys.active else "opens only"
        print(f"{key.id}  made {clock.rfc3339(key.made, 'UTC')}  {state}  {sealed.pop(key.id, 0)} texts")
    for id, texts in sorted(sealed.items()):
        print(f"{'SECRET_KEY' if id == OLD else id + '  NOT IN THE KEYRING'}  {texts} texts")


def rotate_keys(keyring: Keyring) -> None:
    fresh = rotated(keyring.keys, clock.now())
    if keyring.path is None:
        print(fresh.text())
        print("Give this as KEYRING to every process, start them again, then: run.py keys reseal", file=sys.stderr)
        return
    keyring.replace(fresh)
    print(f"{fresh.active} is active. Seal what is kept with it: run.py keys reseal")


def reseal(keyring: Keyring) -> int:
    done = resealing.reseal(keyring)
    print(f"{done.texts} texts sealed anew" + (f"; dropped {', '.join(done.dropped)}" if done.dropped else ""))
    if done.unreadable:
        print(f"{done.unreadable} texts can not be opened: their key is not in the keyring", file=sys.stderr)
    return 1 if done.unreadable else 0


def check(options: argparse.Namespace, settings: Settings, _: Offload | None) -> int:
    faults = list(findings(settings))
    for fault in faults:
        print(fault)
    if not faults:
        print("Everything is in order.")
    return 1 if faults else 0


def findings(settings: Settings) -> list[str]:
    told = []
    opened(settings)
    with db.connection():
        told += wrong_in_database()
        told += wrong_keys(settings)
    if not settings.rate_limits:
        told.append("RATE_LIMITS is off: anybody can flood the server; turn it on outside benchmarks")
    if shutil.which("espeak-ng") is None:
        told.append("espeak-ng is not installed: boards without a voice only chime (apt install espeak-ng)")
    if settings.redis_url and not redis_answers(settings.redis_url):
        told.append("REDIS_URL does not answer: several processes hear of each other only once a second")
    if settings.host not in ("127.0.0.1", "localhost", "::1") and not settings.public_url.startswith("https://"):
        told.append("HOST is open to the network and PUBLIC_URL is not https: put a TLS proxy in front")
    if settings.public_url.startswith("https://") and not settings.trusted_proxies:
        told.append("TRUSTED_PROXIES is 0 behind a TLS proxy: all clients seem to come from one address")
    return told


def wrong_in_database() -> list[str]:
    told = []
    if not Hall.select().exists():
        told.append("No hall is loaded: run.py load FILE")
    for hall in Hall.select():
        told += [f"Hall {hall.code}: {fault}" for fault in sweep.inconsistencies(hall, clock.now())]
    for person in Staff.select().where(Staff.disabled == False):  # noqa: E712
        if staff.matches(person.password_hash, DEMO_PASSWORD):
            told.append("Accounts still have the demo password: run.py user passwd LOGIN")
            break
    return told


def wrong_keys(settings: Settings) -> list[str]:
    ours = {OLD, *(key.id for key in keyring_of(settings).keys.keys)}
    lost = {id: texts for id, texts in resealing.counts().items() if id not in ours}
    told = [f"{texts} identities are sealed with key {id}, which is not in the keyring" for id, texts in lost.items()]
    if not settings.keyring and settings.keyring_path.stat().st_mode & 0o077:
        told.append(f"{settings.keyring_path} can be read by others: chmod 600")
    return told


def redis_answers(url: str) -> bool:
    import redis

    try:
        return bool(redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2).ping())
    except redis.RedisError:
        return False
