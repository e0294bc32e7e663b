"""Who may import whom, emit and write: the arrows of docs/architecture.md that are never drawn."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("ticketing", "counter", "display", "door")
FOLDERS = (*PACKAGES, "tests", "bench", "tools")  # and the files beside them

DOMAIN = {
    "ticketing": "models table schema status lifecycle numbering routing estimate log line layout catalogue rows "
    "sheets loading archive hours identity keyring resealing privacy clock errors",
    "counter": "calling sessions balance stats sweep",
    "display": "board announce",
}
DOMAIN_FILES = [f"{room}/{name}.py" for room, names in DOMAIN.items() for name in names.split()]
WEB = ("flask*", "socketio", "escpos", "gtts", "door")

# (these files, may not import these)
NEVER = [
    (["ticketing/*"], ["counter", "display", "app"]),
    (["counter/*"], ["display", "app"]),
    (["display/*"], ["counter", "app"]),
    (["door/*"], ["counter", "display", "app"]),
    (DOMAIN_FILES, WEB),
]
# (these are imported here, and nowhere else in those packages, or nowhere else at all)
ONLY = [
    (["eventlet", "gevent"], "run.py", None),
    (["escpos"], "ticketing/printing.py", PACKAGES),
    (["gtts"], "display/voice.py", PACKAGES),
]
DOOR_READS = ("errors", "models", "db", "history", "clock", "identity", "keyring", "shapes", "table")  # of ticketing
HANDLERS = ["*/api.py", "*/pages.py", "ticketing/kiosk.py", "ticketing/mobile.py", "door/*"]
NOT_HANDLERS = ["door/who.py"]  # keeps tokens and sign-ins
WRITES = {"create", "save", "update", "insert", "delete", "insert_many", "bulk_create", "bulk_update",
          "replace", "replace_many", "get_or_create", "delete_instance"}  # fmt: skip


def matches(name: str, patterns) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def imports(tree: ast.Module, file: str) -> Iterator[tuple[int, str]]:
    """Each dotted name imported, wherever in the file; `from a import b` gives a.b, relative ones whole."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = file.split("/")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "__import__"):
            yield from ((node.lineno, str(arg.value)) for arg in node.args if isinstance(arg, ast.Constant))


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def root_name(node: ast.expr) -> str:
    """`models` of models.Ticket.create, `Ticket` of Ticket.create; empty for what is no plain name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def model_names(tree: ast.Module) -> set[str]:
    """What ticketing.models and its classes are called in this file."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or "ticketing" for alias in node.names if alias.name == "ticketing.models"}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if node.module in ("ticketing.models", "models") or alias.name == "models":
                    names.add(alias.asname or alias.name)
    return names


def row_writes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    models = model_names(tree)
    for node in ast.walk(tree) if models else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and called(node) in WRITES:
            of_a_row = called(node) in ("save", "delete_instance") and not node.args
            if of_a_row or root_name(node.func.value) in models:
                yield node.lineno, f"writes a row with .{called(node)}( instead of calling a verb"


def wrong(file: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    place = file.split("/")[0]
    for line, name in imports(tree, file):
        package, _, rest = name.partition(".")
        for files, forbidden in NEVER:
            if matches(file, files) and matches(package, forbidden):
                yield line, f"imports {name}"
        for packages, home, places in ONLY:
            if package in packages and (places is None or place in places) and file != home:
                yield line, f"imports {name}, which only {home} may"
        if place == "door" and package == "ticketing" and rest.split(".")[0] not in DOOR_READS:
            yield line, f"imports {name}; the door reads ticketing's {', '.join(DOOR_READS)} only"
    if place not in ("tests", "bench", "tools") and file != "display/push.py":
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) == "emit":
                yield node.lineno, "emits, which only display/push.py may"
    if matches(file, HANDLERS) and file not in NOT_HANDLERS:
        yield from row_writes(tree)


def never_arrows(root: Path) -> list[str]:
    found = []
    for path in [*root.glob("*.py"), *(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))]:
        file = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"), file)
        found += [f"{file}:{line} {what}" for line, what in wrong(file, tree)]
    return found


def test_no_forbidden_arrow_is_drawn():
    assert never_arrows(ROOT) == []


PLANTED = [
    ("ticketing/routing.py", "import counter.calling"),
    ("ticketing/api.py", "def f():\n    from display import push"),
    ("ticketing/db.py", "from app import create_app"),
    ("ticketing/db.py", "from ..display import push"),
    ("counter/calling.py", "from display.board import apply"),
    ("display/push.py", "import counter"),
    ("door/api.py", "from counter.staff import find"),
    ("door/api.py", "from ticketing import lifecycle"),
    ("door/api.py", "import ticketing.routing"),
    ("ticketing/log.py", "import flask_socketio"),
    ("counter/sweep.py", "from flask import g"),
    ("display/announce.py", "import gtts"),
    ("ticketing/lifecycle.py", "from door import who"),
    ("ticketing/api.py", "from escpos.printer import Dummy"),
    ("tests/live/test_it.py", "import eventlet"),
    ("bench/load.py", "from gevent import monkey"),
    ("app.py", "import importlib\nimportlib.import_module('eventlet')"),
    ("app.py", "socketio.emit('event', {})"),
    ("display/board.py", "from flask_socketio import x\nemit('event')"),
    ("counter/api.py", "from ticketing.models import Ticket\nTicket.update(state='x').execute()"),
    ("ticketing/api.py", "from .models import Ticket\nTicket.delete().execute()"),
    ("counter/pages.py", "from ticketing import models as m\nm.Ticket.create()"),
    ("ticketing/kiosk.py", "import ticketing.models\nticketing.models.Ticket.insert(a=1)"),
    ("door/locale.py", "from ticketing.models import Hall\nhall = Hall.get()\nhall.save()"),
]
HARMLESS = [
    ("counter/api.py", "from ticketing.models import Ticket\nTicket.get(Ticket.id == 1)\n{}.update(a=1)"),
    ("counter/calling.py", "from ticketing.models import Ticket\nTicket.update(state='called')"),
    ("counter/stats.py", "import display_of_figures, appendix"),
    ("display/push.py", "import flask_socketio\nsocketio.emit('event')"),
    ("door/who.py", "from ticketing.models import Token\nToken.create()"),
    ("door/api.py", "from . import who\nfrom ticketing.errors import Refused"),
    ("ticketing/mobile.py", "from door import locale\nimport flask"),
    ("tests/display/test_push.py", "client.emit('replay')"),
    ("run.py", "import eventlet"),
]


@pytest.mark.parametrize(("file", "source"), PLANTED)
def test_a_planted_arrow_is_found(tmp_path, file, source):
    plant(tmp_path, file, source)
    assert [found for found in never_arrows(tmp_path) if found.startswith(f"{file}:")]


@pytest.mark.parametrize(("file", "source"), HARMLESS)
def test_an_allowed_arrow_is_left_alone(tmp_path, file, source):
    plant(tmp_path, file, source)
    assert never_arrows(tmp_path) == []


def plant(root: Path, file: str, source: str) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
