"""A ticket's states and the only moves between them (docs/architecture.md, "A ticket's life")."""

WAITING, CALLED, SERVING, HELD = "waiting", "called", "serving", "held"
FINISHED, NO_SHOW, CANCELLED, EXPIRED = "finished", "no_show", "cancelled", "expired"

STATES = (WAITING, CALLED, SERVING, HELD, FINISHED, NO_SHOW, CANCELLED, EXPIRED)
LIVE = (CALLED, SERVING)  # a counter holds at most one of these
UNFINISHED = (WAITING, CALLED, SERVING, HELD)  # the visit goes on

# verb: (states it may start from, state it ends in)
TRANSITIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "call": ((WAITING,), CALLED),
    "recall": ((CALLED,), CALLED),
    "begin": ((CALLED,), SERVING),
    "finish": ((SERVING,), FINISHED),
    "no_show": ((CALLED,), NO_SHOW),
    "reinstate": ((NO_SHOW,), WAITING),
    "hold": ((SERVING,), HELD),
    "resume": ((HELD,), SERVING),
    "transfer": ((CALLED, SERVING), WAITING),
    "cancel": ((WAITING, CALLED), CANCELLED),
    "expire": ((WAITING, CALLED, HELD), EXPIRED),
    "move": ((WAITING,), WAITING),
    "postpone": ((WAITING,), WAITING),
    "set_priority": ((WAITING,), WAITING),
}
