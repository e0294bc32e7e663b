"""Staff: sign-in and out, the CSRF token, sessions that end."""

from dataclasses import replace

import pytest

from app import create_app
from counter import staff
from door.api import limited_as, limiter, recognised, usual_rate
from door.who import token_hash
from tests.cast import PASSWORD
from ticketing.models import Staff

SESSION = "/api/v1/session"


def sign_in(client, login="alice", password=PASSWORD):
    return client.post(SESSION, json={"login": login, "password": password})


@pytest.fixture
def alice(client):
    """A browser in which Alice has signed in, and the header that goes with her changes."""
    answer = sign_in(client)
    assert answer.status_code == 200
    return client, {"X-CSRFToken": answer.json["csrf"]}


def open_counter(client, headers=None):
    return client.post("/api/v1/halls/hall/counters/1/open", json={}, headers=headers)


def test_the_answer_is_who_one_is(client):
    answer = sign_in(client)
    assert answer.json | {"csrf": ""} == {
        "login": "alice",
        "name": "Alice",
        "role": "agent",
        "hall": "hall",
        "csrf": "",
    }
    assert client.get(SESSION).json["login"] == "alice"


def test_the_cookie_is_for_the_server_alone(client):
    cookie = sign_in(client).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("login", "password"), [("alice", "wrong"), ("nobody", PASSWORD), ("Alice", PASSWORD), ("alice", PASSWORD + " ")]
)
def test_a_wrong_name_and_a_wrong_password_are_told_alike(client, login, password):
    answer = sign_in(client, login, password)
    assert (answer.status_code, answer.json["code"]) == (401, "bad_credentials")
    assert "Set-Cookie" not in answer.headers
    assert client.get(SESSION).status_code == 401


def test_a_missing_name_takes_the_same_hashing(client, monkeypatch):
    checked = []
    monkeypatch.setattr(staff, "matches", lambda known, password: checked.append(known))
    sign_in(client, "nobody")
    assert checked == [staff.NOBODY]


def test_a_change_with_the_cookie_needs_the_csrf_token(alice):
    client, headers = alice
    for wrong in (None, {"X-CSRFToken": ""}, {"X-CSRFToken": "x"}, {"X-CSRFToken": headers["X-CSRFToken"][::-1]}):
        answer = open_counter(client, wrong)
        assert (answer.status_code, answer.json["code"]) == (403, "bad_csrf")
    assert open_counter(client, headers).status_code == 200


def test_another_sessions_csrf_token_will_not_do(app, alice):
    client, _ = alice
    other = sign_in(app.test_client(), "bob").json["csrf"]
    assert open_counter(client, {"X-CSRFToken": other}).json["code"] == "bad_csrf"


def test_reading_needs_none(alice):
    client, _ = alice
    assert client.get("/api/v1/halls/hall/tickets").status_code == 200


def test_with_a_token_there_is_no_csrf(door):
    assert door.at(1, "open").status_code == 200


def test_a_token_goes_before_the_cookie(door, alice):
    """A browser that is signed in and sends a device's token acts as the device."""
    client, _ = alice
    kiosk = {"Authorization": f"Bearer {door.cast.token('kiosk')}"}
    assert client.get("/api/v1/halls/hall/tickets", headers=kiosk).status_code == 403


def test_signing_out(alice):
    client, headers = alice
    assert client.delete(SESSION).json["code"] == "bad_csrf"
    assert client.delete(SESSION, headers=headers).status_code == 204
    assert client.get(SESSION).status_code == 401
    assert open_counter(client, headers).status_code == 401


def test_a_disabled_account_is_out_at_once_and_does_not_come_back(client, alice):
    browser, headers = alice
    staff.disable(Staff.get(Staff.login == "alice"))
    assert browser.get(SESSION).status_code == 401
    assert open_counter(browser, headers).status_code == 401
    assert sign_in(client).json["code"] == "bad_credentials"


def test_a_new_password_ends_every_session(alice):
    client, _ = alice
    staff.set_password(Staff.get(Staff.login == "alice"), "another password")
    assert client.get(SESSION).status_code == 401
    assert sign_in(client).status_code == 401
    assert sign_in(client, password="another password").status_code == 200


def test_a_raised_epoch_ends_every_session(alice):
    client, _ = alice
    Staff.update(epoch=Staff.epoch + 1).execute()
    assert client.get(SESSION).status_code == 401


@pytest.mark.parametrize("user_id", ["999:0", "1:7"])
def test_a_session_of_an_account_or_an_epoch_that_is_gone_is_nobodys(client, user_id):
    with client.session_transaction() as session:
        session["_user_id"] = user_id
    assert client.get(SESSION).status_code == 401


def test_passwords_are_kept_as_argon2id(cast):
    staff.set_password(cast.staff["bob"], "a new password")
    kept = Staff.get(Staff.login == "bob").password_hash
    assert kept.startswith("$argon2id$")
    assert staff.matches(kept, "a new password") and not staff.matches(kept, PASSWORD)
    assert not staff.matches("no hash at all", "")


# -- rates ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(app, settings):
    """A server with the limits that are off elsewhere in the tests."""
    served = create_app(replace(settings, rate_limits=True))
    limiter.reset()
    yield served.test_client()
    limiter.reset()


def test_passwords_tried_from_one_address_are_few(limited, monkeypatch):
    monkeypatch.setattr(staff, "matches", lambda *_: False)
    codes = [sign_in(limited).status_code for _ in range(21)]
    assert codes == [401] * 20 + [429]


def test_no_header_makes_them_more(limited, monkeypatch):
    monkeypatch.setattr(staff, "matches", lambda *_: False)
    body = {"login": "alice", "password": "x"}
    answers = [limited.post(SESSION, json=body, headers={"Authorization": f"Basic {n}"}) for n in range(21)]
    assert answers[-1].status_code == 429


def test_too_many_are_told_so(limited, monkeypatch):
    monkeypatch.setattr(staff, "matches", lambda *_: False)
    for _ in range(21):
        answer = sign_in(limited)
    assert (answer.mimetype, answer.json["code"]) == ("application/problem+json", "too_many_requests")
    assert answer.headers["Retry-After"]


def test_a_device_is_counted_by_its_token_and_anybody_else_by_address(app):
    recognised.see("known")
    for sent, counted, rate in (
        ({"Authorization": "Bearer known"}, f"token:{token_hash('known')[:32]}", "3000/minute"),
        ({"Authorization": "Bearer made up"}, "10.0.0.7", "12000/minute"),
        ({"Authorization": "Basic abc"}, "10.0.0.7", "12000/minute"),
        ({}, "10.0.0.7", "12000/minute"),
    ):
        with app.test_request_context(headers=sent, environ_base={"REMOTE_ADDR": "10.0.0.7"}):
            assert (limited_as(), usual_rate()) == (counted, rate)


def test_pages_and_health_have_no_limit(limited):
    assert {limited.get("/healthz").status_code for _ in range(30)} == {200}


def test_off_they_are_off(client, monkeypatch):
    monkeypatch.setattr(staff, "matches", lambda *_: False)
    assert {sign_in(client).status_code for _ in range(25)} == {401}
