"""What is sent must stay what it is: a name, never a path, a statement, a template, a header, a formula or a role."""

import csv
import re
import subprocess
import sys
from io import BytesIO, StringIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from counter.days import harmless
from door.api import ROUTES
from tests.cast import CODE
from tests.live.conftest import ROOT
from tests.security.test_door import EXAMPLES
from ticketing.models import Hall, Item, Queue, Staff, Token, Zone

PLACES = re.compile(r"<(?:[^:>]+:)?(\w+)>")
PATHS = [
    "..",
    "../..",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fconfig.py",
    "..%2f..%2fconfig.py",
    "..%5c..%5cconfig.py",
    "....//....//config.py",
    "%252e%252e%252fconfig.py",
    "..%c0%af..%c0%afconfig.py",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "file:%2f%2f%2fetc%2fpasswd",
    "~root",
    "con",
    ".",
    "%00",
    "config.py%00.wav",
    "..;/",
    "secret.key",
    "%2e%2e%2fsecret.key",
]
SQL = [
    "'",
    '"',
    "' OR '1'='1",
    "1 OR 1=1",
    "'; DROP TABLE ticket; --",
    "1; SELECT pg_sleep(9)",
    "%",
    "_",
    "\\",
    "a' --",
    "') UNION SELECT login, password_hash FROM staff --",
    "?",
    ":1",
    "%s",
    "$1",
    "NULL",
    "\u2019 OR 1=1",
    "/*",
    "*/",
]
UNSAYABLE = ["%00", "a%00b", "%ed%a0%80", "%ff%fe", "%c0%80", "%F0%9F", "%EF%BB%BF", "%E2%80%AE", "%0d%0a", "%1b[2J"]
SECRETS = ("root:x:", "load_settings", "a secret of the tests", "$argon2", "Traceback", "sqlite3.", "psycopg2")


def rules(app):
    return [rule for rule in app.url_map.iter_rules() if rule.arguments]


def each_place(rule, value):
    """The route's address with `value` for one of its parts at a time."""
    for name in sorted(rule.arguments):
        yield PLACES.sub(lambda part, name=name: value if part[1] == name else EXAMPLES.get(part[1], "1"), rule.rule)


def told_nothing(answer) -> None:
    text = answer.get_data(as_text=True)
    assert answer.status_code < 500, (answer.request.path, answer.status_code, text[:300])
    for secret in SECRETS:
        assert secret not in text, (answer.request.path, secret)


@pytest.mark.parametrize("value", [*PATHS, *UNSAYABLE])
def test_no_part_of_an_address_is_a_path(app, door, value):
    client, known = door.known("root")
    for rule in rules(app):
        for path in each_place(rule, value):
            answer = client.get(path, headers=known)
            told_nothing(answer)
            if rule.endpoint in ("static", "strings", "display_pages.clip"):
                assert answer.status_code in (404, 308, 405), (path, answer.status_code)


@pytest.mark.parametrize("value", SQL)
def test_no_part_of_a_request_is_a_statement(app, door, cast, value):
    cast.issue()
    client, known = door.known("root")
    before = cast.rows()
    for rule in rules(app):
        for path in each_place(rule, value.replace("%", "%25").replace("?", "%3f")):
            told_nothing(client.get(path, headers=known))
    for route in ROUTES.items:
        if route.method == "GET" and route.query:
            for name in route.query.model_json_schema()["properties"]:
                path = "/api/v1" + PLACES.sub(lambda part: EXAMPLES[part[1]], route.path)
                told_nothing(client.get(path, query_string={name: value}, headers=known))
    for name in ("Authorization", "Idempotency-Key", "Accept-Language", "X-Request-ID", "If-None-Match"):
        told_nothing(client.get("/api/v1/halls", headers={name: value.encode().decode("latin-1")}))
    assert cast.rows() == before


@pytest.mark.parametrize(
    "path", ["/console?hall=%00", "/board/hall?zone=%00", "/signin?next=/%00", "/?x=a%00", "/t/%00"]
)
def test_a_zero_byte_in_a_question_is_at_no_page(door, path):
    client, known = door.known("root")
    assert client.get(path, headers=known).status_code == 404


def test_a_search_finds_what_is_meant(door, cast):
    for text in ("' OR '1'='1", "%", "_", "I%", "\\"):
        found = door.ask("GET", "/halls/hall/items?q=" + text.replace("%", "%25"))
        assert found.json["items"] == [], text


# -- pages --------------------------------------------------------------------------------------------------------

TRICK = "{{7*191}}${7*191}<%=7*191%>#{7*191}{%print(7*191)%}\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
PAGES = (
    "/",
    "/style",
    f"/kiosk/{CODE}",
    f"/board/{CODE}",
    "/signin",
    "/console",
    "/console?counter=1",
    "/console?choose",
    "/desk",
    "/manager",
    f"/board/{CODE}?counter=1",
    f"/board/{CODE}?zone=east",
)


@pytest.fixture
def tricked(cast):
    """A hall whose every text is a trick; and a number in it."""
    Hall.update(name=TRICK, name_en=TRICK).execute()
    Queue.update(name=TRICK, name_en=TRICK).execute()
    Zone.update(name=TRICK, name_en=TRICK).execute()
    Item.update(name=TRICK, name_en=TRICK, department=TRICK, theme=TRICK, papers=[TRICK]).execute()
    Staff.update(name=TRICK).execute()
    return cast.issue("tax")


def shows_no_trick(page: str) -> None:
    assert "1337" not in page.replace("7*191", "")
    assert "<script>alert" not in page and "<img src=x" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)", page) and not re.search(r"<[^>]+\son\w+\s*=", strip_values(page))


def strip_values(page: str) -> str:
    return re.sub(r'"[^"]*"|\'[^\']*\'', '""', page)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("who", [None, "alice", "gina", "max", "root"])
def test_no_text_is_a_template_or_a_tag(door, tricked, who, language):
    client, known = door.known(who)
    door.post("/halls/hall/notices", {"text": TRICK, "minutes": 5}, who="max")
    for path in (*PAGES, f"/t/{tricked.id}"):
        answer = client.get(path, headers=known | {"Accept-Language": language})
        assert answer.status_code in (200, 302), path
        shows_no_trick(answer.text)


@pytest.mark.parametrize("name", ["next", "lang", "zone", "counter", "silent", "hall", "choose", "nothing"])
def test_no_question_is_a_template_or_a_tag(door, name):
    for who in (None, "root"):
        client, known = door.known(who)
        for path in PAGES:
            shows_no_trick(client.get(path.split("?")[0], query_string={name: TRICK}, headers=known).text)


def test_an_unknown_address_is_not_repeated(client):
    for path in ("/{{7*191}}", "/<script>alert(1)</script>", "/api/v1/${7*191}", "/t/{{7*191}}", "/kiosk/<img src=x>"):
        page = client.get(path).text
        assert "191" not in page and "alert" not in page and "img src=x" not in page


# -- headers ------------------------------------------------------------------------------------------------------

BROKEN_LINES = [
    "x%0d%0aX-Injected:%20yes",
    "x%0aX-Injected:%20yes",
    "x%0dX-Injected:%20yes",
    "%E5%98%8A%E5%98%8DX-Injected:%20yes",
]


@pytest.mark.parametrize("value", BROKEN_LINES)
def test_no_value_is_a_header(app, door, value):
    client, known = door.known("root")
    names = ("lang", "next", "hall", "counter", "zone", "format", "from", "q")
    paths = [f"{path.split('?')[0]}?{name}={value}" for path in (*PAGES, "/api/v1/halls/hall/days") for name in names]
    paths += [path for rule in rules(app) for path in each_place(rule, value)]
    for path in paths:
        answer = client.get(path, headers=known)
        assert answer.status_code < 500, path
        assert "X-Injected" not in answer.headers
        assert not [1 for _, told in answer.headers if "\n" in told or "\r" in told]


@pytest.mark.parametrize("given", ["a b", "x" * 65, "<script>", "a;b", "13812345678", "\u00e9"])
def test_an_id_of_a_request_that_is_not_sane_is_not_repeated(client, given):
    assert client.get("/", headers={"X-Request-ID": given}).headers["X-Request-ID"] != given


# -- who one says one is ------------------------------------------------------------------------------------------


def cookie_of(app, facts, secret, salt=SecureCookieSessionInterface.salt, at=None) -> str:
    interface = SecureCookieSessionInterface()

    class At(TimestampSigner):
        def get_timestamp(self) -> int:
            return at or super().get_timestamp()

    options = {"key_derivation": interface.key_derivation, "digest_method": interface.digest_method}
    maker = URLSafeTimedSerializer(secret, salt=salt, serializer=interface.serializer, signer=At, signer_kwargs=options)
    return maker.dumps(facts)


def asks(app, cookie: str) -> int:
    client = app.test_client()
    client.set_cookie("session", cookie)
    return client.get("/api/v1/session").status_code


def test_a_cookie_is_made_by_the_key_alone(app, door):
    client, _ = door.known("max")
    with client.session_transaction() as session:
        facts, key = dict(session), app.config["SECRET_KEY"]
    good = cookie_of(app, facts, key)
    assert asks(app, good) == 200  # or nothing below would prove anything
    body, at, signature = good.split(".")
    for forged in (
        cookie_of(app, facts, "another key, long enough"),
        cookie_of(app, facts, ""),
        cookie_of(app, facts, key, salt="another"),
        cookie_of(app, facts, key, at=1_600_000_000),  # older than a session lives
        f"{body}.{at}.",
        f"{body}.{at}.{'A' * len(signature)}",
        f"{body}..{signature}",
        f"{body}.{at[::-1]}.{signature}",
        body,
        "",
        "..",
        "." * 1000,
        "x" * 4000,
        cookie_of(app, facts, "x") + signature,
        '{"_user_id":"1:0"}',
        "gASVAAAAAAAAAAA=",
    ):
        assert asks(app, forged) == 401, forged[:80]


def test_a_token_is_the_whole_of_it(client, cast):
    token = cast.token("kiosk")
    hash = Token.get(Token.role == "kiosk").hash
    tried = [
        token[:-1],
        token + "x",
        token.swapcase(),
        token[::-1],
        hash,
        hash[:43],
        f"{token},{token}",
        f'"{token}"',
        "null",
        "undefined",
        "%",
        "_" * 43,
        token + "\u00e9",
        token.replace("", "\u200b")[:3],
    ]
    for wrong in tried:
        sent = {"Authorization": f"Bearer {wrong}".encode().decode("latin-1")}
        assert client.get("/api/v1/halls", headers=sent).status_code == 401, wrong
    assert client.get("/api/v1/halls", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("place", ["query", "cookie", "body", "X-Auth-Token", "X-Forwarded-User", "X-Original-URL"])
def test_a_token_elsewhere_is_none(client, cast, place):
    token, body = cast.token("kiosk"), {"queue": "tax"}
    sent: dict = {"headers": {place: token}} if place.startswith("X-") else {}
    path = "/api/v1/halls/hall/tickets"
    if place == "query":
        path += f"?token={token}&access_token={token}"
    if place == "cookie":
        client.set_cookie("token", token)
    if place == "body":
        body = body | {"token": token}
    assert client.post(path, json=body, **sent).status_code == 401


# -- spreadsheets -------------------------------------------------------------------------------------------------

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1+1",
    "\u00a0=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20x",
    '=HYPERLINK("http://evil.example")',
    "=cmd|' /C calc'!A0",
    "\u200b=1",
    "\ufeff=1",
]


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_of_an_export_is_a_formula(door, cast, name):
    Queue.update(name=name).where(Queue.code == "tax").execute()
    cast.issue("tax")
    text = door.get("/halls/hall/days?format=csv", who="max").get_data(as_text=True)
    cells = [cell for row in csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")) for cell in row]
    assert f"'{name}" in cells and name not in cells


@pytest.mark.parametrize("name", ["Tax", "A-1", "a=b", "1", "\u7a0e\u52a1", "", "'=1"])
def test_a_harmless_cell_stays_as_it_is(name):
    assert harmless(name) == name


def bomb(**members: bytes) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return packed.getvalue()


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a0 "lol">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]><x>&a9;</x>"
).encode()
QUADRATIC = ('<!DOCTYPE x [<!ENTITY a "' + "x" * 100_000 + '">]><x>' + "&a;" * 100_000 + "</x>").encode()
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))
from pathlib import Path
from ticketing import sheets
problems = []
sheets.read(Path(sys.argv[1]), problems)
print(*problems)
"""


@pytest.mark.parametrize("defused", ["True", "False"])
@pytest.mark.parametrize("kind", ["laughs", "quadratic", "outside", "zeros", "nested"])
def test_a_bomb_in_an_import_is_refused_within_a_gigabyte(tmp_path, kind, defused):
    """Also where the library that openpyxl likes for this is not installed."""
    book = {
        "laughs": lambda: bomb(xl__workbook_xml=LAUGHS, **{"[Content_Types]_xml": LAUGHS}),
        "quadratic": lambda: bomb(xl__workbook_xml=QUADRATIC, **{"[Content_Types]_xml": QUADRATIC}),
        "outside": lambda: bomb(xl__workbook_xml=OUTSIDE, **{"[Content_Types]_xml": OUTSIDE}),
        "zeros": lambda: bomb(xl__workbook_xml=b" " * 250_000_000),
        "nested": lambda: bomb(xl__workbook_xml=b"<x>" * 3_000_000, **{"[Content_Types]_xml": b"<x>" * 3_000_000}),
    }[kind]()
    file = tmp_path / "items.xlsx"
    file.write_bytes(book)
    command = [sys.executable, "-c", READ, str(file)]
    done = subprocess.run(
        command, cwd=ROOT, env={"OPENPYXL_DEFUSEDXML": defused}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.startswith("items.xlsx: is ") and "root:" not in done.stdout
