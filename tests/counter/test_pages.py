"""Who gets which staff page, and where a sign-in may lead."""

import pytest

from counter.pages import own_path
from tests.cast import CODE, PASSWORD

PAGES = ("/console", "/desk", "/manager")


def signed_in(client, login: str):
    answer = client.post("/api/v1/session", json={"login": login, "password": PASSWORD})
    assert answer.status_code == 200, answer.json
    return client


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_sent_to_sign_in_and_back(client, page):
    answer = client.get(f"{page}?counter=3")
    assert answer.status_code == 302
    assert answer.location == f"/signin?next={page}%3Fcounter%3D3"


@pytest.mark.parametrize(
    ("login", "open_to"),
    [
        ("alice", {"/console"}),
        ("gina", {"/desk"}),
        ("max", set(PAGES)),
        ("root", set(PAGES)),
    ],
)
def test_each_role_opens_its_own_pages_only(client, login, open_to):
    signed_in(client, login)
    assert {page for page in PAGES if client.get(page).status_code == 200} == open_to


def test_an_agent_with_an_open_counter_comes_back_to_it(client, cast):
    cast.open(2, "alice")
    signed_in(client, "alice")
    assert client.get("/console").location == "/console?counter=2"
    assert client.get("/console?choose=1").status_code == 200


@pytest.mark.parametrize("number", ["77", "x", "9" * 30])
def test_a_counter_that_is_not_there_leads_to_the_choice(client, number):
    signed_in(client, "alice")
    page = client.get(f"/console?counter={number}&lang=en").text
    assert "There is no such counter in this hall." in page


def test_the_choice_of_counters_tells_who_is_there(client, cast):
    cast.open(2, "bob")
    signed_in(client, "alice")
    assert "Bob" in client.get("/console?lang=en").text


def test_an_admin_works_in_the_hall_they_name(client):
    signed_in(client, "root")
    assert f'data-hall="{CODE}"' in client.get(f"/manager?hall={CODE}").text
    assert client.get("/manager?hall=elsewhere").status_code == 302


@pytest.mark.parametrize(
    "foreign",
    [
        "https://example.com/",
        "//example.com",
        "/\\example.com",
        "\\\\example.com",
        "/\t/example.com",
        "javascript:x",
        "desk",
    ],
)
def test_a_sign_in_never_leads_elsewhere(client, foreign):
    assert own_path(foreign) == ""
    assert 'data-next=""' in client.get("/signin", query_string={"next": foreign}).text


def test_a_sign_in_leads_back_to_the_own_page():
    assert own_path("/console?counter=3") == "/console?counter=3"


def test_signing_out_ends_the_session(client):
    signed_in(client, "alice")
    client.get("/signout")
    assert client.get("/console").status_code == 302


def test_a_foreign_page_signs_nobody_out(client):
    signed_in(client, "alice")
    client.get("/signout", headers={"Sec-Fetch-Site": "cross-site"})
    assert client.get("/console").status_code == 200
