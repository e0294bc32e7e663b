"""Replay a day of a hall against a running server, check every promise, print how long things took.

It starts a server of its own (a demo hall in an empty folder), or measures the one at --url; tokens are made as
`run.py token` does, in the database that the environment names. Two parts: the day at --speed, and a rush in which
everybody does everything as fast as the server answers. Exits with 1 when a promise is broken."""

import argparse
import asyncio
import contextlib
import gc
import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from bench import plan, promises
from bench.actors import Acknowledged, Board, CounterAgent, Day, Phones, Server, visit
from bench.servers import DEMO, HOST, addresses, cpu_seconds, place_at, tokens_of
from bench.wire import Http
from config import load_settings
from ticketing import db

KIOSKS = 8
RESTARTS = 6  # boards that lose their line during a day
SETTLE_SECONDS = 15


def run(options: argparse.Namespace) -> int:
    with a_server(options) as (server, process):
        broken = asyncio.run(measure(server, options, process))
    for promise in broken[:20]:
        print(f"BROKEN: {promise}")
    print(f"{len(broken)} promises broken." if broken else "Every promise was kept.")
    return 1 if broken else 0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", help="a running server; else one is started")
    parser.add_argument("--hall", default=DEMO)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite", help="of the one started")
    parser.add_argument("--tickets", type=int, default=2000, help="of the day (2000)")
    parser.add_argument("--speed", type=float, default=120, help="hall seconds in a second (120); 0 = no day")
    parser.add_argument("--rush", type=int, default=600, help="tickets as fast as it can (600); 0 = no rush")
    parser.add_argument("--counters", type=int, default=30)
    parser.add_argument("--boards", type=int, default=20)
    parser.add_argument("--phones", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.set_defaults(run=run)


@contextlib.contextmanager
def a_server(options: argparse.Namespace) -> Iterator[tuple[Server, int | None]]:
    """A server, and its process id where it is ours."""
    if options.url:
        yield Server(*address(options.url), options.hall, tokens_at_hand(options.hall)), None
        return
    with place_at(*addresses(options.database, "day")) as place:
        process = place.start()
        try:
            process.wait_until_ready()
            yield place.server(process), process.pid
        finally:
            process.stop()
            for line in process.warnings()[:10]:
                print(f"server: {line}")


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or HOST, parts.port or 80


def tokens_at_hand(hall: str) -> dict[Any, str]:
    """Of a server that is running already: in the database that the environment names."""
    settings = load_settings()
    db.open_database(settings.database_url, settings.sqlite_path)
    with db.connection():
        return tokens_of(hall)


# -- the parts ----------------------------------------------------------------------------------------------------


async def measure(server: Server, options: argparse.Namespace, process: int | None) -> list[str]:
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)  # the client must not pause where it measures
    broken: list[str] = []
    figures: dict[str, Any] = {}
    if options.speed:
        day = f"The day: {options.tickets} tickets, {options.speed:g} times as fast as a hall"
        broken += await replay(server, options, options.tickets, options.speed, process, day, figures)
    if options.rush:
        rush = f"The rush: {options.rush} tickets, everybody as fast as the server answers"
        broken += await replay(server, options, options.rush, 0, process, rush, figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))
    return broken


async def replay(
    server: Server,
    options: argparse.Namespace,
    tickets: int,
    speed: float,
    process: int | None,
    title: str,
    figures: dict[str, Any],
) -> list[str]:
    hall = await hall_of(server, options.counters)
    server = Server(server.host, server.port, server.hall, only_open(server.tokens, hall))
    day = Day(server, speed, options.seed)
    boards = [Board(server, day)] + [Board(server) for _ in range(options.boards - 1)]
    for board in boards:
        await board.connect()
    phones = Phones(server, options.phones)
    people = plan.applicants(hall, tickets, options.seed)
    agents = [CounterAgent(day, number, queues) for number, queues in hall.counters.items()]
    began, cpu = time.perf_counter(), cpu_seconds(process)
    await live_through(day, people, agents, phones, boards)
    took, worked = time.perf_counter() - began, cpu_seconds(process) - cpu
    log = await settled(server, boards)
    broken = day.notes.broken + check(day, boards, phones, log)
    broken += await states_agree(server, people, promises.lives_lawful(log)[1])
    figures[title] = told = timings(day, boards, took, worked)
    show(title, told, day, boards, phones)
    for board in boards:
        if board.socket:
            board.socket.close()
    return broken


def only_open(all_tokens: dict[Any, str], hall: plan.Hall) -> dict[Any, str]:
    return {who: token for who, token in all_tokens.items() if not isinstance(who, int) or who in hall.counters}


async def hall_of(server: Server, counters: int) -> plan.Hall:
    http = server.http()
    facts = (await http.get(server.path(""))).body
    items: dict[str, list[dict[str, Any]]] = {}
    after = ""
    while True:
        page = (await http.get(server.path(f"/items?limit=500{after}"))).body
        for item in page["items"]:
            items.setdefault(item["queue"], []).append(item)
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    http.close()
    bundles = [bundle["code"] for bundle in facts["bundles"]]
    return plan.Hall(items, bundles, plan.open_counters(facts["counters"], counters))


async def live_through(
    day: Day, people: list[plan.Applicant], agents: list[CounterAgent], phones: Phones, boards: list[Board]
) -> None:
    """From the first counter opened to the last one closed."""
    day.visits = len(people)
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(agent.act("open") for agent in agents))
    at_work = [loop.create_task(agent.work()) for agent in agents]
    weather = loop.create_task(pull_cables(day, boards))
    kiosks = [day.server.http("kiosk") for _ in range(KIOSKS)]
    visits = await (arrive_in_time if day.speed else arrive_at_once)(day, people, kiosks, phones)
    await asyncio.gather(*visits)
    while day.visits > 0:
        await asyncio.sleep(0.02)
        if stopped := next((task for task in at_work if task.done()), None):
            stopped.result()
    weather.cancel()
    day.open = False
    for agent in agents:
        agent.wake()
    await asyncio.gather(*at_work)
    for http in (*kiosks, *(agent.http for agent in agents)):
        http.close()


async def arrive_in_time(
    day: Day, people: list[plan.Applicant], kiosks: list[Http], phones: Phones
) -> list["asyncio.Task[None]"]:
    loop = asyncio.get_running_loop()
    start, visits = loop.time(), []
    for place, who in enumerate(people):
        await asyncio.sleep(max(0.0, start + who.arrives / day.speed - loop.time()))
        visits.append(loop.create_task(visit(day, kiosks[place % KIOSKS], who, phones)))
    return visits


async def arrive_at_once(
    day: Day, people: list[plan.Applicant], kiosks: list[Http], phones: Phones
) -> list["asyncio.Task[None]"]:
    """A queue before each kiosk: the next presses when the one before has the number."""

    async def stand(kiosk: Http, queue: list[plan.Applicant]) -> None:
        for who in queue:
            await visit(day, kiosk, who, phones)

    return [
        asyncio.get_running_loop().create_task(stand(kiosk, people[place::KIOSKS]))
        for place, kiosk in enumerate(kiosks)
    ]


async def pull_cables(day: Day, boards: list[Board]) -> None:
    """Now and then a board loses its line and comes back; the first one listens all day."""
    chance = Random(7)
    for _ in range(RESTARTS if len(boards) > 1 else 0):
        await day.pass_time(plan.DAY / (RESTARTS + 1))
        if not day.speed:
            await asyncio.sleep(0.5)
        await chance.choice(boards[1:]).restart()


# -- afterwards ---------------------------------------------------------------------------------------------------


async def settled(server: Server, boards: list[Board]) -> list[dict[str, Any]]:
    """The log since the boards began, once they have all of it (or had time enough)."""
    http = server.http("board")
    first = boards[0].first or 0
    log: list[dict[str, Any]] = []
    while True:
        page = (await http.get(server.path(f"/events?after={first + len(log)}"))).body
        log += page["items"]
        if page["next"] is None:
            break
    http.close()
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline and any(board.last < first + len(log) for board in boards):
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.2)  # the phones' last message: a line is told at most once a second
    return log


def check(day: Day, boards: list[Board], phones: Phones, log: list[dict[str, Any]]) -> list[str]:
    broken, states = promises.lives_lawful(log)
    newest = (boards[0].first or 0) + len(log)
    issued = [a.number for a in day.notes.acknowledged if a.verb == "issue"]
    calls: dict[str, list[Acknowledged]] = {}
    ids = {who.number: ticket for ticket, who in day.by_ticket.items()}
    for told in day.notes.acknowledged:
        if told.verb == "call" and told.number in ids:
            calls.setdefault(ids[told.number], []).append(told)
    return (
        promises.numbers_whole(issued)
        + promises.boards_agree(boards, newest)
        + promises.log_agrees(log, boards[0].events)
        + promises.acknowledged_once(day.notes.acknowledged, log)
        + broken
        + promises.all_ended(states)
        + promises.phones_heard(phones.heard, calls, exactly=bool(day.speed))
    )


async def states_agree(server: Server, people: list[plan.Applicant], states: dict[str, str]) -> list[str]:
    """What an applicant is told of the ticket, and the waiting counts, are what the log says."""
    http, told = server.http(), []
    for who in [who for who in people if who.ticket][:: max(1, len(people) // 200)]:
        state = (await http.get(f"/api/v1/tickets/{who.ticket}")).body["state"]
        if state != states.get(who.number):
            told.append(f"{who.number} is {state}, by the log {states.get(who.number)}")
    waiting = still_waiting(states)
    for queue in (await http.get(server.path("/queues"))).body["items"]:
        if queue["waiting"] and not waiting:
            told.append(f"queue {queue['code']} counts {queue['waiting']} waiting")
    http.close()
    return told


def still_waiting(states: dict[str, str]) -> int:
    return sum(state == "waiting" for state in states.values())


# -- figures ------------------------------------------------------------------------------------------------------


def timings(day: Day, boards: list[Board], took: float, worked: float) -> dict[str, Any]:
    acknowledged = day.notes.acknowledged
    verbs = {verb: [a.heard_at - a.asked_at for a in acknowledged if a.verb == verb] for verb in promises.EVENT_OF}
    issued = len(verbs["issue"])
    return {
        "latency_ms": {verb: quantiles(values) for verb, values in verbs.items() if values}
        | {"call → board": quantiles(call_to_board(acknowledged, boards))},
        "seconds": round(took, 1),
        "tickets": issued,
        "tickets_a_second": round(issued / took, 1),
        "requests": day.notes.requests,
        "requests_a_second": round(day.notes.requests / took, 1),
        "events": len(boards[0].events),
        "server_cpu_ms_a_request": round(1000 * worked / max(1, day.notes.requests), 2) if worked else None,
        "server_cpu_share": round(worked / took, 2) if worked else None,
    }


def call_to_board(acknowledged: list[Acknowledged], boards: list[Board]) -> list[float]:
    """From a call's POST sent to its event applied by each board that listened all the time."""
    seqs: dict[tuple[str, int], list[int]] = {}
    for event in boards[0].events:
        if event["type"] == "ticket.called":
            seqs.setdefault((event["number"], event["counter"]), []).append(event["seq"])
    waits = []
    listening = [board for board in boards if not board.restarts]
    for told in (a for a in acknowledged if a.verb == "call"):
        if found := seqs.get((told.number, told.counter or 0)):
            seq = found.pop(0)
            waits += [board.came[seq] - told.asked_at for board in listening if seq in board.came]
    return waits


def quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        name: round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1)
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
    } | {"n": len(values)}


def show(title: str, told: dict[str, Any], day: Day, boards: list[Board], phones: Phones) -> None:
    print(f"\n{title}")
    print(
        f"  {told['tickets']} tickets, {told['requests']} requests, {told['events']} events in {told['seconds']} s:"
        f" {told['tickets_a_second']} tickets/s, {told['requests_a_second']} requests/s"
    )
    if told["server_cpu_share"]:
        share, each = told["server_cpu_share"], told["server_cpu_ms_a_request"]
        print(f"  server: {share:.0%} of one core, {each} ms of it a request")
    gaps, repeats = sum(board.gaps for board in boards), sum(board.repeats for board in boards)
    restarts = sum(board.restarts for board in boards)
    print(
        f"  {len(boards)} boards: {restarts} reconnected, {gaps} gaps asked again, {repeats} repeats dropped;"
        f" {len(phones.heard)} phones; {refusals(day)}"
    )
    print(f"  {'milliseconds':<16}{'p50':>8}{'p90':>8}{'p99':>8}{'n':>9}")
    for verb, row in told["latency_ms"].items():
        print(f"  {verb:<16}{row['p50']:>8}{row['p90']:>8}{row['p99']:>8}{row['n']:>9}")


def refusals(day: Day) -> str:
    tally: dict[tuple[str, str], int] = {}
    for refused in day.notes.refused:
        tally[refused] = tally.get(refused, 0) + 1
    told = ", ".join(f"{verb} {code} {times}" for (verb, code), times in sorted(tally.items()))
    return f"refused: {told or 'nothing'}"
