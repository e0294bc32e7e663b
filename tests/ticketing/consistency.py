"""What must hold of a hall after any sequence of verbs, however many did them at once."""

from collections import Counter as Tally

from peewee import fn

from ticketing.models import Hall, HallEvent, PastHallEvent, Queue, Ticket, Turn
from ticketing.status import LIVE


def faults(hall):
    """Everything that is not as it must be."""
    told = []
    waiting = Tally(
        dict(
            Ticket.select(Ticket.queue, fn.COUNT("*")).where(Ticket.state == "waiting").group_by(Ticket.queue).tuples()
        )
    )
    for queue in Queue.select():
        if queue.waiting != waiting[queue.id]:
            told.append(f"{queue.code} counts {queue.waiting}, {waiting[queue.id]} wait")
    live = Tally(counter for (counter,) in Ticket.select(Ticket.counter).where(Ticket.state.in_(LIVE)).tuples())
    told += [
        f"{count} live tickets at counter {counter}" for counter, count in live.items() if count > 1 or not counter
    ]
    in_turn = sorted(ticket for (ticket,) in Turn.select(Turn.ticket).where(Turn.ended_at.is_null()).tuples())
    lively = sorted(id for (id,) in Ticket.select(Ticket.id).where(Ticket.state.in_(LIVE)).tuples())
    if in_turn != lively:
        told.append(f"open turns of {in_turn}, live tickets {lively}")
    seqs = sorted(seq for table in (HallEvent, PastHallEvent) for (seq,) in table.select(table.seq).tuples())
    if seqs != list(range(1, len(seqs) + 1)) or Hall.get_by_id(hall.id).last_seq != len(seqs):
        told.append(f"log of {seqs[-5:]}, hall at {Hall.get_by_id(hall.id).last_seq}")
    return told
