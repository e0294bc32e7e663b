"""The door: what every answer carries, who may ask from elsewhere, how often, and with which key."""

import logging
import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from app import create_app
from config import BadSetting, load_settings
from counter import staff
from door.api import limiter, recognised
from tests.cast import PASSWORD
from ticketing.models import Token

PORTAL = "https://portal.example.cn"


@pytest.fixture
def served(app, settings):
    """The server anew, with other settings."""
    recognised.hashes.clear()
    return lambda **changed: create_app(replace(settings, **{"redis_url": "", **changed})).test_client()


# -- headers ------------------------------------------------------------------------------------------------------

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
EXAMPLES = {"hall": "hall", "counter": "1", "ticket": "x" * 22, "queue": "tax", "notice": "1", "lang": "en"}
EXAMPLES |= {"seq": "1", "language": "en", "filename": "css/tokens.css"}


def address(rule) -> str:
    return re.sub(r"<(?:[^:>]+:)?(\w+)>", lambda part: EXAMPLES.get(part[1], "1"), rule.rule)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "NONSENSE"])
def test_every_answer_of_every_route_carries_its_headers(app, client, method):
    for rule in app.url_map.iter_rules():
        headers = client.open(address(rule), method=method).headers
        for name, value in ALWAYS.items():
            assert headers[name] == value, (method, rule)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy, (method, rule)
        assert "unsafe" not in policy and "*" not in policy and " ws: " not in policy, (method, rule)
        assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")
        assert "camera=()" in headers["Permissions-Policy"]
        assert "Access-Control-Allow-Origin" not in headers and "Server" not in headers


def test_sockets_may_go_to_the_own_address_only(client):
    policy = client.get("/", headers={"Host": "hall.example.cn:8000"}).headers["Content-Security-Policy"]
    assert "connect-src 'self' ws://hall.example.cn:8000;" in policy


@pytest.mark.parametrize("host", ["x; script-src *", "x 'unsafe-inline'", "a,b", "x\tscript-src"])
def test_no_host_writes_the_policy(client, host):
    policy = client.get("/", headers={"Host": host}).headers["Content-Security-Policy"]
    assert host not in policy and "unsafe" not in policy and "script-src" not in policy


def test_hsts_only_behind_tls(served):
    behind = served(trusted_proxies=1)
    assert "Strict-Transport-Security" not in behind.get("/").headers
    assert "Strict-Transport-Security" not in behind.get("/", headers={"X-Forwarded-Proto": "http"}).headers
    assert "max-age=" in behind.get("/", headers={"X-Forwarded-Proto": "https"}).headers["Strict-Transport-Security"]
    # Without a proxy nobody is believed.
    assert "Strict-Transport-Security" not in served().get("/", headers={"X-Forwarded-Proto": "https"}).headers


@pytest.mark.parametrize("proto", ["http", "https"])
def test_cookies_are_secure_behind_tls(served, proto):
    behind = served(trusted_proxies=1)
    body = {"login": "max", "password": PASSWORD}
    answer = behind.post("/api/v1/session?lang=en", json=body, headers={"X-Forwarded-Proto": proto})
    answer = behind.post("/api/v1/session", json=body, headers={"X-Forwarded-Proto": proto})
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and ("Secure" in cookie) == (proto == "https")


# -- other origins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [PORTAL, "null", "http://localhost", "http://localhost.evil.example"])
def test_nobody_from_elsewhere_by_default(client, origin):
    for method in ("GET", "OPTIONS"):
        headers = client.open("/api/v1/halls", method=method, headers={"Origin": origin}).headers
        assert not [name for name, _ in headers if name.startswith("Access-Control")]


def test_who_is_named_may_ask_with_a_token_and_never_with_a_cookie(served):
    named = served(cors_origins=(PORTAL,))
    headers = named.get("/api/v1/halls", headers={"Origin": PORTAL}).headers
    assert headers["Access-Control-Allow-Origin"] == PORTAL and "Origin" in headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in headers
    asked = named.options("/api/v1/halls/hall/tickets", headers={"Origin": PORTAL}).headers
    assert "POST" in asked["Access-Control-Allow-Methods"] and "DELETE" not in asked["Access-Control-Allow-Methods"]
    assert "Authorization" in asked["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "origin",
    [
        "http://portal.example.cn",
        "https://portal.example.cn:8443",
        "https://portal.example.cn.evil.example",
        "https://evil.example/https://portal.example.cn",
        "https://evilportal.example.cn",
        "https://PORTAL.example.cn.",
        "https://portal.example.cn/",
        "null",
    ],
)
def test_what_is_like_a_named_origin_is_none(served, origin):
    named = served(cors_origins=(PORTAL,))
    headers = named.get("/api/v1/halls", headers={"Origin": origin}).headers
    assert "Access-Control-Allow-Origin" not in headers and "Origin" in headers["Vary"]


def test_pages_are_for_no_other_origin(served):
    headers = served(cors_origins=(PORTAL,)).get("/", headers={"Origin": PORTAL}).headers
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("origin", "more", "status"),
    [
        ("http://hall.example", {}, 200),
        (PORTAL, {}, 200),
        (None, {}, 200),
        ("https://evil.example", {}, 400),
        ("null", {}, 400),
        ("https://hall.example", {}, 400),
        ("https://evil.example", {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}, 400),
    ],
)
def test_sockets_have_the_same_origins(served, origin, more, status):
    headers = {"Host": "hall.example", **more} | ({"Origin": origin} if origin else {})
    answer = served(cors_origins=(PORTAL,)).get("/socket.io/?EIO=4&transport=polling", headers=headers)
    assert answer.status_code == status
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("text", ["*", "portal.example.cn", "https://*.example.cn", f"{PORTAL}/", "null", "ftp://x"])
def test_an_origin_that_is_none_is_refused_at_the_start(tmp_path, text):
    with pytest.raises(BadSetting, match="CORS_ORIGINS"):
        load_settings({"DATA_DIR": str(tmp_path), "CORS_ORIGINS": text})


# -- rates --------------------------------------------------------------------------------------------------------

HALLS = "/api/v1/halls"


def counted(client, path=HALLS, times=1, **headers):
    return [client.get(path, headers=headers).status_code for _ in range(times)]


def test_made_up_tokens_open_no_count_of_their_own(served):
    client = served(rate_limits=True)
    limiter.reset()
    for n in range(50):
        assert counted(client, Authorization=f"Bearer guess-{n}") == [401]
    (key,) = limiter.storage.storage
    assert "127.0.0.1" in key and limiter.storage.storage[key] == 50


def test_a_revoked_token_has_none_any_more(served, cast):
    client, token = served(rate_limits=True), cast.token("kiosk")
    counted(client, Authorization=f"Bearer {token}")
    assert recognised.name(token)
    Token.update(revoked_at=1).execute()
    assert counted(client, Authorization=f"Bearer {token}") == [401]
    assert recognised.name(token) is None


def test_a_device_has_a_count_of_its_own_and_its_token_is_nowhere(served, cast, caplog):
    client, token = served(rate_limits=True), cast.token("kiosk")
    limiter.reset()
    with caplog.at_level(logging.DEBUG):
        told = counted(client, times=3010, Authorization=f"Bearer {token}")
    # The first one is counted by address: nobody knows yet whose it is.
    assert told == [200] * 3001 + [429] * 9
    assert counted(client) == [200]  # the hall behind the same address goes on
    assert token not in caplog.text
    assert not [key for key in limiter.storage.storage if token in key]


def test_a_ticket_is_counted_besides(served, cast):
    client, one, other = served(rate_limits=True), cast.issue(), cast.issue()
    limiter.reset()
    assert counted(client, f"/api/v1/tickets/{one.id}", 301) == [200] * 300 + [429]
    assert client.post(f"/api/v1/tickets/{one.id}/cancel").status_code == 429
    assert counted(client, f"/api/v1/tickets/{other.id}") == [200]


@pytest.mark.skipif(not os.environ.get("TEST_REDIS_URL"), reason="needs TEST_REDIS_URL")
def test_several_processes_count_together(served, monkeypatch):
    monkeypatch.setattr(staff, "matches", lambda *_: False)
    url = os.environ["TEST_REDIS_URL"]
    one = served(rate_limits=True, redis_url=url)
    limiter.reset()
    body = {"login": "alice", "password": "x"}
    codes = [one.post("/api/v1/session", json=body).status_code for _ in range(10)]
    other = served(rate_limits=True, redis_url=url)
    codes += [other.post("/api/v1/session", json=body).status_code for _ in range(11)]
    assert codes == [401] * 20 + [429]


def test_a_redis_that_is_away_costs_no_answer_and_no_limit(served, monkeypatch):
    monkeypatch.setattr(staff, "matches", lambda *_: False)
    client = served(rate_limits=True, redis_url="redis://127.0.0.1:1/0")
    body = {"login": "alice", "password": "x"}
    codes = [client.post("/api/v1/session", json=body).status_code for _ in range(21)]
    assert codes == [401] * 20 + [429]
    with ThreadPoolExecutor(8) as crowd:
        assert set(crowd.map(lambda _: client.application.test_client().get(HALLS).status_code, range(80))) == {200}


# -- the key ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        "",
        "short",
        "changeme-changeme-changeme",
        "your-secret-key-here",
        "thisisasecretkey1",
        "at least 16 characters that nobody can guess",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "abababababababababab",
        "0123456789abcdef",
        "12345678901234567890",
        "passwordpassword",
        "qwertyuiopasdfghjklzxcvbnm",
        "django-insecure-change-me",
    ],
)
def test_a_weak_key_is_refused_with_a_clear_word(tmp_path, key):
    with pytest.raises(BadSetting, match="SECRET_KEY is too weak.*openssl rand") as refused:
        load_settings({"DATA_DIR": str(tmp_path), "SECRET_KEY": key})
    assert not key or key == "at least 16 characters that nobody can guess" or key not in str(refused.value)


def test_any_made_by_chance_is_good_enough(tmp_path):
    import secrets

    for _ in range(200):
        for key in (secrets.token_hex(16), secrets.token_urlsafe(24), secrets.token_urlsafe(48)):
            assert load_settings({"DATA_DIR": str(tmp_path), "SECRET_KEY": key}).secret_key == key


def test_the_key_is_made_once_whole_and_for_nobody_else(tmp_path):
    with ThreadPoolExecutor(8) as crowd:
        keys = set(crowd.map(lambda _: load_settings({"DATA_DIR": str(tmp_path)}).secret_key, range(16)))
    (key,) = keys
    assert len(key) == 64
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_a_kept_key_that_was_cut_is_refused(tmp_path):
    (tmp_path / "secret.key").write_text("")
    with pytest.raises(BadSetting, match="secret.key is too weak"):
        load_settings({"DATA_DIR": str(tmp_path)})


def test_settings_that_are_printed_hide_the_key(settings):
    assert settings.secret_key not in repr(settings)


# -- ids, redirects, methods --------------------------------------------------------------------------------------


def test_ids_have_128_bits_and_none_follows_from_another(cast):
    ids = [cast.issue().id for _ in range(50)]
    assert len(set(ids)) == 50 and all(re.fullmatch(r"[\w-]{22}", id) for id in ids)
    assert max(len(os.path.commonprefix(pair)) for pair in zip(ids, ids[1:], strict=False)) < 6


ELSEWHERE = ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/%09/evil.example",
             "javascript:alert(1)", "data:text/html,x", "/\t/evil.example", "/\n//evil.example", " //evil.example",
             "///evil.example", "http:evil.example", "%2f%2fevil.example"]  # fmt: skip


@pytest.mark.parametrize("next_", ELSEWHERE)
def test_a_sign_in_sends_nobody_elsewhere(client, next_):
    page = client.get("/signin", query_string={"next": next_}).text
    wanted = re.search(r'data-next="([^"]*)"', page)
    assert wanted and (wanted[1] == "" or re.match(r"/(?![/\\])", wanted[1])), wanted


@pytest.mark.parametrize("path", ["//evil.example/console", "/console//evil.example", "/static//evil.example/", "//"])
def test_no_redirect_leaves_the_server(client, path):
    assert urlsplit(client.get(path).headers.get("Location", "")).netloc in ("", "localhost")


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_is_what_the_request_says(door, cast, header):
    door.post("/halls/hall/notices", {"text": "x", "minutes": 5}, who="max")
    before = cast.rows()
    client, known = door.known("max")
    for method in ("DELETE", "PUT", "PATCH"):
        client.get("/api/v1/halls/hall/notices/1", headers=known | {header: method})
        client.post("/api/v1/halls/hall/notices/1", json={"_method": method}, headers=known | {header: method})
        client.post(f"/api/v1/halls/hall/notices/1?_method={method}", headers=known)
    assert cast.rows() == before
