"""The main job, from the kiosk to the phone, on each event loop. ASYNC_MODE=gevent runs every live test on gevent."""

import pytest

from tests.live.conftest import until
from tests.live.people import People, Phone, Screen

pytestmark = pytest.mark.live


@pytest.fixture(params=["eventlet", "gevent"])
def people(request, start_server):
    return People(start_server(ASYNC_MODE=request.param))


def test_a_number_is_called_heard_and_finished(people):
    board = Screen(people)
    people.at(1, "open")
    ticket = people.issue()
    phone = Phone(people.server, ticket["id"])
    until(lambda: phone.told and phone.told[-1]["ahead"] == 0, "the phone's first news")
    called = people.at(1, "call")
    assert called["id"] == ticket["id"]
    until(lambda: board.heard("ticket.called", ticket["number"]), "the board to hear the call")
    until(lambda: phone.told[-1]["state"] == "called" and phone.told[-1]["counter"] == 1, "the phone to hear it")
    people.at(1, "begin", ticket=ticket["id"])
    assert people.at(1, "finish", ticket=ticket["id"])["state"] == "finished"
    until(lambda: board.last == 5, "the board to hear all")
    assert [event["type"] for event in board.events] == [
        "counter.opened",
        "ticket.issued",
        "ticket.called",
        "ticket.serving",
        "ticket.finished",
    ]
    until(lambda: phone.told[-1]["state"] == "finished", "the phone to hear the end")
    assert people.log() == board.events
    board.close()
    phone.close()


def test_the_server_stops_when_told_though_boards_listen(people):
    board = Screen(people)
    until(lambda: board.last is not None, "the snapshot")
    people.server.process.terminate()
    assert people.server.process.wait(10) == 0
    board.close()
