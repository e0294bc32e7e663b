"""The next number of a queue: prefix + zero-padded sequence per hall, prefix and business day."""

from ticketing.db import Change
from ticketing.models import NumberSequence, Queue
from ticketing.table import rows

NEXT = """UPDATE number_sequence SET last = last + ?
    WHERE hall_id = ? AND prefix = ? AND business_date = ? RETURNING last"""


def next_number(change: Change, queue: Queue) -> str:
    """Take the next number. It moves in the caller's transaction, so a failed request skips none; the hall's
    lock keeps two takers apart and the unique constraint on tickets stands behind it."""
    this = (change.hall.id, queue.prefix, change.today)
    last = rows(NEXT, queue.step, *this)
    if not last:
        NumberSequence.create(hall=this[0], prefix=this[1], business_date=this[2], last=queue.first)
    return written(queue.prefix, last[0][0] if last else queue.first, queue.width)


def written(prefix: str, sequence: int, width: int) -> str:
    """A001 … A999, A1000: padded, never cut."""
    return f"{prefix}{sequence:0{width}d}"
