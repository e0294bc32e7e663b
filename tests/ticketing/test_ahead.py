"""`ahead` and the next to be called, as the database counts them, are what sorting the whole line with the rule says;
and a place asked for is the place got."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ticketing import line, status
from ticketing.models import PriorityClass, Ticket
from ticketing.routing import NEVER, Place, Policy, arrival_behind, in_order, key

NOW = 1_795_395_600_000
MINUTE = 60_000
WEIGHTS = {"normal": 1.0, "appointment": 2.0, "army": 4.0, "patient": 0.5}
RANKS = {"army": 0, "appointment": 1, "normal": 2, "patient": 3}

same_cases = settings(
    derandomize=True,
    deadline=None,
    max_examples=120,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# Waits in quarter minutes, so that equal scores and waits of exactly the guard come up often, or a few milliseconds
# beside one; some not begun yet.
quarters = st.integers(-40, 480).map(lambda quarters: quarters * 15_000)
waits = st.tuples(quarters, st.sampled_from([0, 0, 0, -1, 1, 3])).map(sum)
people = st.tuples(waits, st.sampled_from(sorted(WEIGHTS)), st.sampled_from([None, None, None, None, 1, 2, 3]))
lines = st.lists(people, min_size=1, max_size=12)
rules = st.tuples(st.sampled_from([15.0, 60.0, 7.5, 1e9]), st.booleans())


def policy(guard_minutes, strict):
    return Policy(WEIGHTS, RANKS, guard_minutes * MINUTE, strict)


def places(line):
    """Issue order is the order of the list, whatever they waited; two in front never by the same event."""
    fronts = [number for number, (_, _, front) in enumerate(line) if front]
    return [
        Place(str(number), priority, NOW - waited, fronts.index(number) if front else None, number)
        for number, (waited, priority, front) in enumerate(line)
    ]


def stand(cast, queue, standing, start=0):
    """The line as rows of the database; those in front came there in the order of `front_seq`."""
    rows = [
        {
            "id": place.id,
            "hall": cast.hall.id,
            "business_date": "2026-11-23",
            "number": f"{queue.prefix}{start + number}",
            "queue": queue.id,
            "state": status.WAITING,
            "priority": place.priority,
            "channel": "kiosk",
            "issue_seq": place.issue_seq,
            "issued_at": place.arrived_at,
            "arrived_at": place.arrived_at,
            "front_seq": place.front_seq,
        }
        for number, place in enumerate(standing)
    ]
    Ticket.insert_many(rows).execute()


@given(lines, rules)
@example([(7_200_000, "normal", None), (3_600_000, "appointment", None)][::-1], (60.0, False))
@same_cases
def test_ahead_is_the_place_in_the_sorted_line(cast, line_of, rule):
    """The example: two hours of weight 1 score as one hour of weight 2, but only the first is beyond the guard."""
    Ticket.delete().execute()
    standing = places(line_of)
    stand(cast, cast.general, standing)
    stand(cast, cast.tax, [one._replace(id=f"tax {one.id}") for one in standing])
    by_rule = [place.id for place in in_order(standing, NOW, policy(*rule))]
    counted = {one.id: line.ahead(Ticket.get_by_id(one.id), NOW, policy(*rule)) for one in standing}
    assert counted == {id: before for before, id in enumerate(by_rule)}


@given(
    st.lists(st.tuples(people, st.sampled_from(["general", "tax", "pickup"]), st.sampled_from([0, 0, 0, 1, 2]))), rules
)
@same_cases
def test_the_next_is_the_first_of_everybody_the_counter_may_call(cast, crowd, rule):
    """Counter 1 serves general and tax; a ticket reserved for counter 2 is not its own, one for counter 1 always is."""
    Ticket.delete().execute()
    standing = places([person for person, _, _ in crowd])
    for place, (_, queue, reserved) in zip(standing, crowd, strict=True):
        stand(cast, getattr(cast, queue), [place], start=place.issue_seq)
        if reserved:
            Ticket.update(reserved_for=reserved).where(Ticket.id == place.id).execute()
    own = [
        place
        for place, (_, queue, reserved) in zip(standing, crowd, strict=True)
        if reserved == 1 or (reserved == 0 and queue != "pickup")
    ]
    heads = line.candidates(1, [cast.general.id, cast.tax.id], policy(*rule))
    assert {head.id for head in heads} <= {place.id for place in own}
    best = in_order(own, NOW, policy(*rule))[:1]
    assert in_order(heads, NOW, policy(*rule))[:1] == best


def test_a_hall_without_a_class_normal_still_calls_those_who_declare_nothing(cast, at):
    PriorityClass.delete().where(PriorityClass.code == "normal").execute()
    cast.open(1)
    first = cast.issue()
    at.later(60)
    second = cast.issue(priority="army")
    rule = line.policy_of(cast.hall, cast.write(lambda change: change.rules))
    assert [line.ahead(cast.fresh(one), at.now, rule) for one in (first, second)] == [0, 1]
    assert cast.call(1).id == first.id


def test_those_who_declare_nothing_come_last_in_a_strict_hall_without_a_class_for_them(cast, at):
    PriorityClass.delete().where(PriorityClass.code == "normal").execute()
    cast.rules(order="strict")
    cast.open(1)
    cast.issue()
    second = cast.issue(priority="appointment")
    assert cast.call(1).id == second.id


# -- a place asked for --------------------------------------------------------------------------------------------


def position(arrival, others, priority, rule):
    """Where a ticket of this arrival stands among others, when it was issued after all of them."""
    mine = Place("mine", priority, arrival, None, len(others) + 1)
    return in_order([*others, mine], NOW, rule).index(mine)


def reachable(others, priority, rule):
    """Every place that some arrival until now leads to."""
    edges = {0.0, rule.guard_ms if rule.guard_ms < 1e12 else 0.0}
    edges |= {(NOW - one.arrived_at) * rule.weight(one.priority) / rule.weight(priority) for one in others}
    edges |= {float(NOW - one.arrived_at) for one in others}
    arrivals = {NOW - round(edge) + step for edge in edges for step in (-2, -1, 0, 1, 2)}
    return {position(arrival, others, priority, rule) for arrival in arrivals if arrival <= NOW}


# Far enough apart that there is room between any two scores.
begun = st.integers(1, 480).map(lambda quarters: quarters * 15_000)
standing_lines = st.lists(
    st.tuples(begun, st.sampled_from(sorted(WEIGHTS)), st.sampled_from([None, None, None, None, 1])), max_size=9
)


@given(standing_lines, st.integers(0, 10), st.sampled_from(sorted(WEIGHTS)), rules)
@settings(derandomize=True, deadline=None, max_examples=1500, database=None)
def test_a_ticket_is_put_behind_so_many_asked_now(line_of, behind, priority, rule):
    """Exactly there when an arrival leads there; else (equal scores, the guard, another class in the strict order) to
    the next possible place."""
    rule = policy(*rule)
    others = in_order(places(line_of), NOW, rule)
    arrival = arrival_behind(others, behind, priority, NOW, rule)
    possible = reachable(others, priority, rule)
    assert arrival <= NOW
    goal = min(behind, len(others))
    if rule.strict and behind < len(others):
        own = [others.index(place) + 1 for place in others[:behind] if place[1:4:2] == (priority, None)]
        before_class = sum(key(place, NOW, rule)[:2] < (NEVER, RANKS[priority]) for place in others)
        goal = max(own, default=before_class)
    goal = min((place for place in possible if place >= goal), default=max(possible))
    assert position(arrival, others, priority, rule) == goal
