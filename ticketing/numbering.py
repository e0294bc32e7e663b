"""The next number of a queue: prefix + zero-padded sequence per hall, prefix and business day."""

from ticketing.db import Change
from ticketing.models import NumberSequence, Queue


def next_number(change: Change, queue: Queue) -> str:
    """Take the next number. It moves in the caller's transaction, so a failed request skips none; the hall's
    lock keeps two takers apart and the unique constraint on tickets stands behind it."""
    sequence, is_first = NumberSequence.get_or_create(
        hall=change.hall, prefix=queue.prefix, business_date=change.today, defaults={"last": queue.first}
    )
    if not is_first:
        sequence.last += queue.step
        NumberSequence.update(last=sequence.last).where(NumberSequence.id == sequence.id).execute()
    return written(queue.prefix, sequence.last, queue.width)


def written(prefix: str, sequence: int, width: int) -> str:
    """A001 … A999, A1000: padded, never cut."""
    return f"{prefix}{sequence:0{width}d}"
