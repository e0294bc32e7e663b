"""Rows looked up by equal columns with a statement written once are those that peewee itself finds."""

import pytest

from ticketing.models import Counter, Hall, Queue, Staff, Ticket


def both(table, *query):
    """What the quick way finds, held equal to what peewee finds."""
    quick, slow = table.get_or_none(*query), table.select().where(*query).first()
    assert (quick and quick.__data__) == (slow and slow.__data__)
    return quick


def test_by_one_and_by_several_columns(cast):
    assert both(Hall, Hall.code == "hall").id == cast.hall.id
    assert both(Queue, (Queue.hall == cast.hall) & (Queue.code == "tax")).id == cast.tax.id
    assert both(Queue, Queue.hall == cast.hall.id, Queue.code == "tax").id == cast.tax.id
    assert both(Counter, (Counter.hall == cast.hall) & (Counter.number == 77)) is None
    assert both(Staff, (Staff.login == "alice") & (Staff.disabled == False)).login == "alice"  # noqa: E712


def test_a_row_stands_for_its_id(cast):
    assert Hall.get_by_id(cast.hall).code == "hall"
    assert both(Hall, Hall.id == cast.hall).code == "hall"


def test_other_conditions_go_peewees_way(cast):
    ticket = cast.issue()
    assert both(Ticket, (Ticket.id == ticket.id) & Ticket.counter.is_null()).id == ticket.id
    assert both(Ticket, (Ticket.state == "waiting") | (Ticket.state == "called")).id == ticket.id
    assert both(Ticket, Ticket.issue_seq > 5) is None


def test_what_is_not_there(cast):
    with pytest.raises(Hall.DoesNotExist, match="Hall"):
        Hall.get(Hall.code == "moon")
    assert Hall.get_or_none(Hall.code == "' OR 1=1 --") is None
