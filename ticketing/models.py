"""Tables, schema only. Instants are milliseconds since the epoch (ticketing/clock.py); each promise of the
contract that a database can hold is held by a constraint here."""

from typing import Any

from peewee import (
    SQL,
    AutoField,
    BigIntegerField,
    BooleanField,
    CharField,
    Check,
    DoubleField,
    Field,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from ticketing.status import HELD, LIVE, STATES
from ticketing.table import JSONField, Table


class Hall(Table):
    code = CharField(unique=True)
    name = CharField()
    name_en = CharField(default="")
    address = CharField(default="")
    timezone = CharField(default="Asia/Shanghai")
    hours = JSONField(null=True)  # ticketing/hours.py; null = around the clock
    rules = JSONField(default=dict)  # ticketing/rules.py; what is left out has its default
    last_seq = BigIntegerField(default=0)  # newest entry of the hall's log; its row is the hall's write lock
    last_at = BigIntegerField(default=0)  # instant of that entry
    closed_until = CharField(max_length=10, default="")  # business days before this one are closed


class Zone(Table):
    constant = True
    hall = ForeignKeyField(Hall, backref="zones")
    code = CharField()
    name = CharField()
    name_en = CharField(default="")
    place = IntegerField(default=0)

    class Meta:
        indexes = ((("hall", "code"), True),)


class PriorityClass(Table):
    constant = True
    hall = ForeignKeyField(Hall, backref="priorities")
    code = CharField()
    name = CharField()
    name_en = CharField(default="")
    weight = DoubleField(default=1.0)
    rank = IntegerField(default=0)  # for the strict order: lower is called first
    verify = BooleanField(default=False)  # counts as normal until a desk has seen the certificate

    class Meta:
        indexes = ((("hall", "code"), True),)


class Queue(Table):
    hall = ForeignKeyField(Hall, backref="queues")
    zone = ForeignKeyField(Zone, null=True)
    code = CharField()
    name = CharField()
    name_en = CharField(default="")
    prefix = CharField()
    first = IntegerField(default=1)
    width = IntegerField(default=3)
    step = IntegerField(default=1)
    usual_minutes = DoubleField(default=8.0)  # what the estimate starts from, before today's own figures
    max_waiting = IntegerField(null=True)
    daily_limit = IntegerField(null=True)
    hours = JSONField(null=True)  # narrower than the hall's; null = the hall's
    closed = BooleanField(default=False)  # closed by hand; those who wait are still called
    general = BooleanField(default=False)  # takes the items that are mapped to no queue
    identity = CharField(default="none")  # none, optional, required: whether kiosks ask who comes
    identity_kinds = JSONField(default=list)  # of resident, organisation, phone; empty: resident
    departments = JSONField(default=list)  # whose items come here when the item itself names no queue
    waiting = IntegerField(default=0)  # how many wait; moved with each ticket's state, in its transaction
    service_ms = DoubleField(null=True)  # running mean of service times; null until the first was finished
    place = IntegerField(default=0)

    class Meta:
        indexes = ((("hall", "code"), True),)


class Staff(Table):
    login = CharField(unique=True)
    name = CharField()
    password_hash = CharField()
    role = CharField()  # desk, agent, manager, admin
    hall = ForeignKeyField(Hall, null=True)  # null = every hall (admin)
    disabled = BooleanField(default=False)
    epoch = IntegerField(default=0)  # raised to end every session of this person


class Counter(Table):
    hall = ForeignKeyField(Hall, backref="counters")
    zone = ForeignKeyField(Zone, null=True)
    number = IntegerField()
    name = CharField()  # what people read: a figure, or a name such as "Pick-up"
    name_en = CharField(default="")
    kind = CharField(default="comprehensive")  # comprehensive, special, pickup, guide
    state = CharField(default="closed", constraints=[Check("state IN ('closed', 'open', 'paused')")])
    pause_reason = CharField(null=True)
    agent = ForeignKeyField(Staff, null=True)
    since = BigIntegerField(null=True)  # in this state since

    class Meta:
        indexes = ((("hall", "number"), True),)


class CounterQueue(Table):
    counter = ForeignKeyField(Counter, backref="served", on_delete="CASCADE")
    queue = ForeignKeyField(Queue, backref="serving", on_delete="CASCADE")
    place = IntegerField(default=0)

    class Meta:
        indexes = ((("counter", "queue"), True),)


class Item(Table):
    """A service item of the catalogue (GB/T 39554.1: 31-character implementation code)."""

    constant = True
    hall = ForeignKeyField(Hall, backref="items")
    code = CharField()
    name = CharField()
    name_en = CharField(default="")
    department = CharField(default="")
    theme = CharField(default="")
    queue = ForeignKeyField(Queue, null=True)  # null = the general queue
    usual_minutes = DoubleField(null=True)
    identity = CharField(null=True)  # null = the queue's, with its kinds
    identity_kinds = JSONField(default=list)
    papers = JSONField(default=list)  # what to bring, one text each
    common = IntegerField(default=0)  # how often it is asked for; "common today" starts from it
    initials = CharField(default="")  # pinyin initials of the name, upper case
    pinyin = CharField(default="")  # full pinyin without tones, lower case
    place = IntegerField(default=0)

    class Meta:
        indexes = ((("hall", "code"), True),)


class Bundle(Table):
    """Items done together under one number."""

    constant = True
    hall = ForeignKeyField(Hall, backref="bundles")
    code = CharField()
    name = CharField()
    name_en = CharField(default="")
    items = JSONField(default=list)  # item codes in order
    queue = ForeignKeyField(Queue, null=True)

    class Meta:
        indexes = ((("hall", "code"), True),)


class NumberSequence(Table):
    """The last number given per hall, prefix and business day; it moves in the transaction that issues."""

    hall = ForeignKeyField(Hall)
    prefix = CharField()
    business_date = CharField(max_length=10)
    last = IntegerField()

    class Meta:
        indexes = ((("hall", "prefix", "business_date"), True),)


class Ticket(Table):
    id = CharField(primary_key=True, max_length=32)  # unguessable, URL-safe, 132 random bits
    hall = ForeignKeyField(Hall)
    business_date = CharField(max_length=10)
    number = CharField()
    queue = ForeignKeyField(Queue)
    state = CharField(constraints=[Check("state IN (" + ", ".join(f"'{s}'" for s in STATES) + ")")])
    priority = CharField(default="normal")  # the class that counts now
    asked_priority = CharField(null=True)  # declared, waiting for a desk to see the certificate
    channel = CharField()
    issue_seq = BigIntegerField()  # seq of the issue event: the issue order
    issued_at = BigIntegerField()
    arrived_at = BigIntegerField()  # waited seconds count from here
    front_seq = BigIntegerField(null=True)  # put in front by this event: earlier fronts first
    reserved_for = ForeignKeyField(Counter, null=True, backref="reserved")
    counter = ForeignKeyField(Counter, null=True, backref="tickets")  # the one that has or last had it
    agent = ForeignKeyField(Staff, null=True)
    calls = IntegerField(default=0)  # of the present turn
    called_at = BigIntegerField(null=True)  # first call of the present turn
    last_called_at = BigIntegerField(null=True)
    begun_at = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)
    hold_kind = CharField(null=True)  # papers, kept, waiting
    held_at = BigIntegerField(null=True)
    held_ms = BigIntegerField(default=0)
    postpones = IntegerField(default=0)
    no_shows = IntegerField(default=0)
    reinstates = IntegerField(default=0)
    transfers = IntegerField(default=0)
    identity_hash = CharField(null=True)  # keyed hash of the id number, to find a second live ticket
    sealed = TextField(null=True)  # name, phone, id number: encrypted (ticketing/keyring.py)
    principal_hash = CharField(null=True)  # the same of the person for whom the applicant came

    class Meta:
        indexes = (
            (("hall", "business_date", "number"), True),
            (("queue", "state", "priority", "arrived_at"), False),
            (("hall", "business_date", "state"), False),
        )


Ticket.add_index(
    Ticket.index(Ticket.counter, unique=True, name="one_live_ticket_a_counter").where(
        SQL("state IN ('" + "', '".join(LIVE) + "')")
    )
)
# What is in hand or on hold now is a few dozen rows, however many tickets a year has made.
Ticket.add_index(
    Ticket.index(Ticket.hall, name="live_ticket_of_hall").where(SQL("state IN ('" + "', '".join(LIVE) + "')"))
)
Ticket.add_index(Ticket.index(Ticket.hall, name="held_ticket_of_hall").where(SQL(f"state = '{HELD}'")))
Ticket.add_index(
    Ticket.index(Ticket.queue, Ticket.front_seq, name="front_of_queue").where(SQL("front_seq IS NOT NULL"))
)
Ticket.add_index(
    Ticket.index(Ticket.hall, Ticket.identity_hash, name="ticket_by_identity").where(SQL("identity_hash IS NOT NULL"))
)


Ticket.add_index(
    Ticket.index(Ticket.hall, Ticket.principal_hash, name="ticket_by_principal").where(
        SQL("principal_hash IS NOT NULL")
    )
)


class TicketItem(Table):
    ticket = ForeignKeyField(Ticket, backref="items")
    item = ForeignKeyField(Item)
    place = IntegerField(default=0)
    outcome = CharField(null=True)  # done, accepted, supplement, rejected, withdrawn, advice
    note = CharField(null=True)

    class Meta:
        indexes = ((("ticket", "item"), True),)


class Turn(Table):
    """One time of a ticket at a counter. wait = called_at - waited_from, walk = begun_at - called_at,
    service = ended_at - begun_at; after a hold a new turn goes on, so held time is between two turns."""

    ticket = ForeignKeyField(Ticket, backref="turns")
    hall = ForeignKeyField(Hall)
    business_date = CharField(max_length=10)
    counter = ForeignKeyField(Counter)
    agent = ForeignKeyField(Staff, null=True)
    queue = ForeignKeyField(Queue)
    waited_from = BigIntegerField(null=True)  # null: resumed after a hold, nobody waited in line
    called_at = BigIntegerField(null=True)
    begun_at = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)
    ended_by = CharField(null=True)  # finish, no_show, hold, transfer, cancel, expire

    class Meta:
        indexes = (
            (("hall", "business_date", "queue"), False),
            (("counter", "business_date"), False),
        )


class HallEvent(Table):
    """The hall's log: append-only, seq = 1, 2, 3 … in commit order without holes."""

    id = AutoField()
    hall = ForeignKeyField(Hall)
    seq = BigIntegerField()
    at = BigIntegerField()
    business_date = CharField(max_length=10)
    type = CharField()
    ticket_id = CharField(null=True, max_length=32)
    public = JSONField(null=True)  # what boards may show; null = a bare tick
    staff = JSONField(default=dict)  # what staff see besides

    class Meta:
        indexes = ((("hall", "seq"), True), (("hall", "business_date", "seq"), False))


class IdempotentAnswer(Table):
    """The answer of a change that was made under an Idempotency-Key, kept 24 hours."""

    key = CharField(primary_key=True)  # hash of who + method + path + key
    body_hash = CharField()
    status = IntegerField()
    answer = JSONField(null=True)
    at = BigIntegerField(index=True)


class Notice(Table):
    hall = ForeignKeyField(Hall)
    zone = ForeignKeyField(Zone, null=True)
    text = CharField()
    posted_at = BigIntegerField()
    until = BigIntegerField(null=True)
    withdrawn_at = BigIntegerField(null=True)
    posted_by = ForeignKeyField(Staff, null=True)


class Rating(Table):
    # No foreign key: the ticket goes to history, and may be rated there.
    ticket = CharField(column_name="ticket_id", primary_key=True, max_length=32)
    level = IntegerField(constraints=[Check("level BETWEEN 1 AND 5")])
    reasons = JSONField(default=list)
    comment = CharField(null=True, max_length=500)
    at = BigIntegerField()


Rating.add_index(Rating.index(Rating.at, name="rating_with_comment").where(SQL("comment IS NOT NULL")))


class Unblocking(Table):
    """A manager took a block after no-shows away: those before it no longer count."""

    hall = ForeignKeyField(Hall)
    identity_hash = CharField()
    at = BigIntegerField()
    by = ForeignKeyField(Staff, null=True)

    class Meta:
        indexes = ((("hall", "identity_hash"), True),)


class Token(Table):
    """A device's or program's bearer token, kept as a hash."""

    hash = CharField(unique=True)
    role = CharField()  # kiosk, board, counter, integration
    hall = ForeignKeyField(Hall)
    counter = ForeignKeyField(Counter, null=True)
    label = CharField(default="")
    created_at = BigIntegerField()
    revoked_at = BigIntegerField(null=True)


class SchemaVersion(Table):
    """One row: which version the tables are of (ticketing/schema.py)."""

    version = IntegerField()


# -- history: what closed days leave behind (ticketing/history.py) -----------------------------------------------


def plain(field: Field) -> Field:
    """A column of the same name and kind that refers to nothing."""
    to = field.rel_field if isinstance(field, ForeignKeyField) else field
    kind: Any = IntegerField if isinstance(to, AutoField) else type(to)
    facts = {"max_length": to.max_length} if isinstance(to, CharField) else {}
    return kind(column_name=field.column_name, null=field.null, primary_key=field.primary_key, **facts)


def past(live: Any, *indexes: tuple[tuple[str, ...], bool]) -> Any:
    """The table that takes the rows of `live` in: the same columns, plain. An id that is only a count is made anew,
    because the live table may give its highest ones again."""
    columns = {field.name: plain(field) for field in live._meta.sorted_fields if not isinstance(field, AutoField)}
    meta = type("Meta", (), {"indexes": indexes})
    return type(f"Past{live.__name__}", (Table,), columns | {"Meta": meta, "__module__": __name__})


PastTicket = past(
    Ticket, (("hall", "business_date", "number"), True), (("hall", "business_date", "queue", "state"), False)
)
PastTicket.add_index(
    PastTicket.index(PastTicket.hall, PastTicket.identity_hash, name="past_ticket_by_identity").where(
        SQL("identity_hash IS NOT NULL")
    )
)
# What is still to be forgotten is the last weeks, however many years there are.
PastTicket.add_index(
    PastTicket.index(PastTicket.hall, PastTicket.business_date, name="past_ticket_sealed").where(
        SQL("sealed IS NOT NULL")
    )
)
# Who was told of, to be forgotten: few among years of visits.
for table in (Ticket, PastTicket):
    name = f"{table._meta.table_name}_told"
    table.add_index(table.index(table.hall, table.business_date, name=name).where(SQL("sealed IS NOT NULL")))
PastTicketItem = past(TicketItem, (("ticket", "item"), True))
PastTurn = past(Turn, (("hall", "business_date", "queue"), False))
PastHallEvent = past(HallEvent, (("hall", "seq"), True))

# Everything that is a hall's own, each table behind those it refers to.
TABLES = (
    Hall,
    Zone,
    PriorityClass,
    Queue,
    Staff,
    Counter,
    CounterQueue,
    Item,
    Bundle,
    NumberSequence,
    Ticket,
    TicketItem,
    Turn,
    HallEvent,
    IdempotentAnswer,
    Notice,
    Rating,
    Unblocking,
    Token,
    PastTicket,
    PastTicketItem,
    PastTurn,
    PastHallEvent,
)
