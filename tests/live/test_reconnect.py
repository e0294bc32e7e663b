"""After a restart of the server, boards and phones come back by themselves and know everything once."""

import socket

import pytest

from tests.live.conftest import until
from tests.live.people import People, Phone, Screen

pytestmark = pytest.mark.live


def test_boards_and_phones_come_back_and_converge(server):
    people = People(server)
    boards = [Screen(people) for _ in range(3)]
    people.at(1, "open")
    first, second = people.issue(), people.issue()
    phone = Phone(server, second["id"])
    people.at(1, "call")
    people.at(1, "begin", ticket=first["id"])
    until(lambda: all(board.last == 5 for board in boards), "the boards to hear the first part")
    server.kill()
    server.start()
    people.at(1, "finish", ticket=first["id"])
    assert people.at(1, "call")["id"] == second["id"]
    until(lambda: all(board.connects == 2 for board in boards), "the boards to come back")
    until(lambda: all(board.last == 7 for board in boards), "the boards to hear the rest")
    for board in boards:
        assert board.seqs() == [1, 2, 3, 4, 5, 6, 7]
        assert board.events == people.log()
    until(lambda: phone.told and phone.told[-1]["state"] == "called", "the phone to hear its call")
    assert phone.told[-1]["counter"] == 1
    for client in (*boards, phone):
        client.close()


def test_what_happens_while_a_board_is_away_is_painted_when_it_comes_back(server):
    people = People(server)
    board = Screen(people)
    until(lambda: board.last is not None, "the snapshot")
    board.client.eio.ws.sock.shutdown(socket.SHUT_RDWR)  # the cable is pulled
    people.at(1, "open")
    number = people.issue()["number"]
    people.at(1, "call")
    until(lambda: board.heard("ticket.called", number), "the call made meanwhile")
    assert board.seqs() == [1, 2, 3]
    board.close()
