"""Coded refusals: every "no" of the system, its HTTP status and its words (English msgids, translated at the door)."""

from typing import Any


def _(msgid: str) -> str:
    return msgid  # marks the text for the catalogues


# code: (status, what the person reads)
REFUSALS: dict[str, tuple[int, str]] = {
    "bad_json": (400, _("The request is not valid JSON.")),
    "unauthorized": (401, _("Please sign in, or pair this device.")),
    "bad_credentials": (401, _("Name or password is wrong.")),
    "forbidden": (403, _("You may not do this here.")),
    "bad_csrf": (403, _("This page is out of date. Please reload it.")),
    "not_found": (404, _("There is nothing at this address.")),
    "unknown_hall": (404, _("There is no such hall.")),
    "unknown_counter": (404, _("There is no such counter.")),
    "unknown_ticket": (404, _("There is no such number.")),
    "unknown_queue": (404, _("There is no such queue.")),
    "unknown_notice": (404, _("There is no such notice.")),
    "no_voice": (404, _("There is no sound for this announcement.")),
    "method_not_allowed": (405, _("This address does not take that method.")),
    "too_large": (413, _("The request is too large.")),
    "not_json": (415, _("The request must be JSON (Content-Type: application/json).")),
    "invalid": (422, _("Some fields are wrong.")),
    "bad_id_number": (422, _("This identity number is not right. Please check each digit.")),
    "identity_required": (422, _("This business asks who you are: please give what it asks for.")),
    "identity_kind": (422, _("This business takes another kind of identity.")),
    "bad_idempotency_key": (422, _("The Idempotency-Key must be 1 to 128 visible ASCII characters.")),
    "idempotency_mismatch": (422, _("The same Idempotency-Key came with another request.")),
    "unknown_item": (422, _("There is no such service item.")),
    "unknown_bundle": (422, _("There is no such bundle.")),
    "unknown_priority": (422, _("There is no such priority class.")),
    "unknown_agent": (422, _("There is no such agent in this hall.")),
    "unknown_outcome_item": (422, _("This item is not on the ticket.")),
    "outcomes_required": (422, _("This hall asks for an outcome for each item.")),
    "in_progress": (409, _("The same request is still under way. Please wait.")),
    "hall_closed": (409, _("The hall is closed now.")),
    "queue_closed": (409, _("This business is not taking numbers now.")),
    "queue_full": (409, _("This business has no numbers left for now.")),
    "duplicate_ticket": (409, _("This person already has a number that is still valid.")),
    "identity_daily_limit": (409, _("This person has taken all numbers of today for this business.")),
    "blocked": (409, _("This person missed too many visits and can take no number for now. Please ask the staff.")),
    "not_blocked": (409, _("Nothing keeps this person from taking a number.")),
    "nothing_asked": (409, _("No priority was declared for this number.")),
    "not_waiting": (409, _("This number is not waiting.")),
    "not_called": (409, _("This number is not called now.")),
    "not_serving": (409, _("This number is not being served now.")),
    "not_held": (409, _("This number is not on hold.")),
    "not_no_show": (409, _("This number was not missed.")),
    "not_cancellable": (409, _("This number can no longer be cancelled.")),
    "not_transferable": (409, _("This number can not be transferred now.")),
    "not_expirable": (409, _("This number does not expire now.")),
    "not_finished": (409, _("This visit is not finished yet.")),
    "already_rated": (409, _("This visit has been rated already.")),
    "rating_over": (409, _("The time for rating this visit is over.")),
    "too_early": (409, _("It is too early for a no-show: call again and wait a little.")),
    "reinstate_limit": (409, _("This number was missed too often. Please take a new one.")),
    "postpone_limit": (409, _("This number can not be put back again.")),
    "day_over": (409, _("This number was for another day. Please take a new one.")),
    "stale_ticket": (409, _("This counter now has another number.")),
    "counter_busy": (409, _("This counter still has a number in hand.")),
    "counter_taken": (409, _("Another agent has this counter.")),
    "agent_elsewhere": (409, _("This agent has another counter open.")),
    "counter_not_open": (409, _("This counter is not open.")),
    "not_served": (409, _("This counter does not serve that business.")),
    "reserved": (409, _("This number is kept for another counter.")),
    "held_elsewhere": (409, _("The counter that keeps the papers must resume this number.")),
    "same_queue": (409, _("It already stands in that queue. Choose another one, or a counter.")),
    "too_many_requests": (429, _("Too many requests. Please wait a moment.")),
    "internal": (500, _("Something went wrong here. Nothing was changed.")),
    "no_storage": (503, _("Nothing can be stored at the moment. Please ask the staff.")),
    "busy": (503, _("The system is busy. Please try again.")),
}


class Refusal(Exception):
    """A coded "no". `facts` go out with the problem (never personal data)."""

    def __init__(self, code: str, errors: list[dict[str, str]] | None = None, **facts: Any):
        super().__init__(code)
        self.code = code
        self.status, self.detail = REFUSALS[code]
        self.errors = errors
        self.facts = facts


def invalid(field: str, message: str) -> Refusal:
    return Refusal("invalid", errors=[{"field": field, "message": message}])
