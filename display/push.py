"""From the log to the screens: the only module that emits.

Each process tails the log: a cursor per hall, poked after a commit, looking by itself once a second. What it emits is
read from the log in order, so neither order nor completeness depends on who committed, on Redis or on a poke."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

from flask import Flask, request
from flask_socketio import ConnectionRefusedError, Namespace, SocketIO

from display import board
from display.phones import Phones
from display.pokes import Pokes
from display.voice import Voice
from door.api import problem
from door.who import Who, current_who, identify_token
from ticketing import clock, db, history, log
from ticketing.errors import Refusal, invalid
from ticketing.log import PAGE, SPOKEN
from ticketing.models import Hall, HallEvent

logger = logging.getLogger(__name__)

BOARD, COUNTER, MANAGER, TICKET = "/board", "/counter", "/manager", "/ticket"
FEEDS = {BOARD: "public", COUNTER: "staff", MANAGER: "staff"}  # namespace: whose part of an event
LOOK_SECONDS = 1.0  # a lost poke costs at most this
BEAT_SECONDS = 5.0
SLICE_SECONDS = 0.02  # the tail emits at most so long without letting others go on
REPLAY_MAX = 500  # missed events; who missed more gets a snapshot
STALLED_PACKETS = 5000  # a client that leaves so many unread is cut off; it comes back and catches up
CONNECT_SECONDS = 5.0
LET_GO_SECONDS = 1.0

Wire = Callable[[HallEvent, Hall], dict[str, Any]]
WIRE: dict[str, Wire] = {"public": log.as_public, "staff": log.as_staff}

# namespace: what a newcomer on that staff feed is given; set by app.py, because staff views are not this package's.
snapshots: dict[str, Callable[[str], dict[str, Any]]] = {BOARD: board.snapshot}


def room_of(namespace: str, hall_code: str) -> str:
    return f"{FEEDS[namespace]}:{hall_code}"


# -- who may hear -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listener:
    """One client of a feed: the hall it hears, and the seq it knows already."""

    hall: str
    hall_id: int
    after: int | None


def admit(namespace: str, auth: Any) -> Listener:
    """The order of the contract: 401, 404, 403, 422."""
    facts = auth if isinstance(auth, dict) else {}
    who = identified(facts.get("token"))
    code = facts.get("hall", who.hall)
    hall = Hall.get_or_none(Hall.code == code) if can_be_looked_up(code) else None
    if hall is None:
        raise Refusal("unknown_hall")
    may_hear = who.may_hear_public if FEEDS[namespace] == "public" else who.may_hear_staff
    if not may_hear(hall.code):
        raise Refusal("forbidden")
    after = facts.get("after")
    return Listener(hall.code, hall.id, None if after is None else seq_in(after))


def can_be_looked_up(value: Any) -> TypeGuard[str]:
    """A text without a zero byte or half a character: no database takes those, not even to say that there is none."""
    return isinstance(value, str) and not any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in value)


def identified(token: Any) -> Who:
    who = identify_token(token) if isinstance(token, str) and token else current_who()
    if who is None:
        raise Refusal("unauthorized")
    return who


def seq_in(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise invalid("after", "a whole number from 0")
    return value


def refuse(refusal: Refusal) -> ConnectionRefusedError:
    return ConnectionRefusedError(refusal.code, problem(refusal))


# -- what was missed --------------------------------------------------------------------------------------------


def missed(hall_code: str, after: int | None) -> tuple[Hall, list[HallEvent] | None]:
    """The events after `after`, or None when a snapshot is due: nothing known, too many missed, another business
    day, or an `after` from the future."""
    with db.snapshot():
        hall = Hall.get(Hall.code == hall_code)
        if after is None or not after <= hall.last_seq <= after + REPLAY_MAX:
            return hall, None
        known = HallEvent.get_or_none((HallEvent.hall == hall) & (HallEvent.seq == max(after, 1)))
        if hall.last_seq and (known is None or known.business_date != db.today(hall, clock.now())):
            return hall, None
        return hall, log.since(hall.id, after, REPLAY_MAX)


# -- the tail ---------------------------------------------------------------------------------------------------


class Tail:
    """One task a process: reads each followed hall's log behind its cursor and emits it; beats the heart."""

    def __init__(self, push: "Push"):
        self.push = push
        self.cursors: dict[int, int] = {}  # hall id: seq of the newest event emitted
        self.poked = threading.Event()
        self.went_on_at = 0.0

    def poke(self, *_: Any) -> None:
        self.poked.set()

    def follow(self, hall_id: int, seq: int) -> None:
        """Emit this hall's events after `seq`. Call before joining a room and reading what the client is told."""
        self.cursors.setdefault(hall_id, seq)

    def work(self) -> None:
        beat_at = time.monotonic()
        while True:
            self.poked.wait(min(LOOK_SECONDS, max(0.0, beat_at - time.monotonic())))
            self.poked.clear()
            beat = time.monotonic() >= beat_at
            if beat:
                beat_at = max(beat_at + BEAT_SECONDS, time.monotonic())
            self.look(beat)

    def look(self, beat: bool) -> None:
        """One pass over the followed halls; one that fails does not hold up the others."""
        for hall_id in list(self.cursors):
            try:
                hall = self.catch_up(hall_id)
                if beat:
                    self.push.beat(hall)
            except db.UNAVAILABLE as error:
                logger.warning("push: hall %s can not be read: %s", hall_id, error)
            except Exception:
                logger.exception("push: hall %s", hall_id)
        if beat:
            self.push.cut_off_stalled()

    def catch_up(self, hall_id: int) -> Hall:
        """Emit what is behind the cursor, in order; the hall as of the newest event emitted."""
        while True:
            hall, events = self.read(hall_id)
            self.went_on_at = time.monotonic()
            for event in events:
                self.push.tell(hall, event)
                self.cursors[hall_id] = event.seq
                self.give_way()
            if len(events) < PAGE:
                return hall

    def give_way(self) -> None:
        """Let the writers of many clients go on, but not after every event: on a busy server each turn of the loop
        serves many requests, and a tail of one event a turn fell 20 s behind the log."""
        if time.monotonic() - self.went_on_at > SLICE_SECONDS:
            self.push.socketio.sleep(0)
            self.went_on_at = time.monotonic()

    def read(self, hall_id: int) -> tuple[Hall, list[HallEvent]]:
        with db.snapshot():
            hall = Hall.get_by_id(hall_id)
            if self.cursors[hall_id] > hall.last_seq or not self.push.is_heard(hall):
                self.cursors[hall_id] = hall.last_seq  # the log was restored, or there is nobody to tell
                return hall, []
            if self.cursors[hall_id] == hall.last_seq:
                return hall, []
            return hall, log.since(hall_id, self.cursors[hall_id])


# -- everything together ----------------------------------------------------------------------------------------


class Push:
    """Tail, phones, pokes and voice of one process."""

    def __init__(self, socketio: SocketIO, voice: Voice, redis_url: str = ""):
        self.socketio = socketio
        self.voice = voice
        self.tail = Tail(self)
        self.phones = Phones(self.tell_phone, socketio.sleep)
        self.pokes = Pokes(redis_url, self.tail.poke, socketio.sleep) if redis_url else None
        log.listen(self.screens_first)
        if self.pokes:
            log.listen(self.pokes.announce)

    def screens_first(self, *_: Any) -> None:
        """A commit: the tail takes its turn before the answer is written, so that a call is on its way to the boards
        half a millisecond earlier than back at the counter."""
        self.tail.poke()
        self.socketio.sleep(0)

    def start(self) -> None:
        tasks = [self.tail.work, self.phones.work, self.voice.work]
        if self.pokes:
            tasks += [self.pokes.publish, self.pokes.subscribe]
        for task in tasks:
            self.socketio.start_background_task(task)

    def emit(self, name: str, what: dict[str, Any], namespace: str, to: str) -> None:
        """One packet for everybody in the room; nothing is made for an empty one."""
        if self.has_clients(namespace, to):
            self.socketio.emit(name, what, namespace=namespace, to=to)

    def has_clients(self, namespace: str, room: str) -> bool:
        return bool(self.socketio.server.manager.rooms.get(namespace, {}).get(room))

    def is_heard(self, hall: Hall) -> bool:
        return bool(self.phones.watched) or any(
            self.has_clients(namespace, room_of(namespace, hall.code)) for namespace in FEEDS
        )

    def tell(self, hall: Hall, event: HallEvent) -> None:
        for namespace, part in FEEDS.items():
            room = room_of(namespace, hall.code)
            if self.has_clients(namespace, room):
                self.emit("event", WIRE[part](event, hall), namespace, room)
        if event.type in SPOKEN and event.public and self.has_clients(BOARD, room_of(BOARD, hall.code)):
            for language, text in event.public.get("spoken", {}).items():
                self.voice.prepare(text, language)
        self.phones.hear(hall, event)

    def tell_phone(self, ticket_id: str, told: dict[str, Any]) -> None:
        self.emit("changed", told, TICKET, f"ticket:{ticket_id}")

    def beat(self, hall: Hall) -> None:
        for namespace in FEEDS:
            self.emit("heartbeat", heartbeat(hall, hall.last_seq), namespace, room_of(namespace, hall.code))

    def cut_off_stalled(self) -> None:
        """Packets for a client that does not read wait in its own queue; it must not grow for ever."""
        for socket in list(self.socketio.server.eio.sockets.values()):
            if socket.queue.qsize() > STALLED_PACKETS:
                logger.warning("push: a client that does not read is cut off")
                socket.close(wait=False, abort=True)

    def let_go(self, deadline: float) -> None:
        """End every client's line, because this process stops. Without a word: a client that is told "disconnect" by
        the server takes it for a wish, and stays away; one whose line ends comes back by itself."""
        sockets = self.socketio.server.eio.sockets
        for socket in list(sockets.values()):
            socket.close(wait=False, abort=True)
        deadline = min(deadline, time.monotonic() + LET_GO_SECONDS)
        while sockets and time.monotonic() < deadline:  # what waits in their queues is still sent
            self.socketio.sleep(0.01)

    def listening(self) -> dict[str, int]:
        """Clients connected to this process, by namespace."""
        rooms = self.socketio.server.manager.rooms
        return {namespace: len(rooms.get(namespace, {}).get(None, ())) for namespace in (*FEEDS, TICKET)}

    def is_connected(self, client: str, namespace: str) -> bool:
        """Wait until the client has its answer to connect; False when it has gone."""
        deadline = time.monotonic() + CONNECT_SECONDS
        manager = self.socketio.server.manager
        while not manager.is_connected(client, namespace):
            if time.monotonic() > deadline or manager.eio_sid_from_sid(client, namespace) is None:
                return False
            self.socketio.sleep(0.001)
        return True


def heartbeat(hall: Hall, seq: int) -> dict[str, Any]:
    return {"seq": seq, "at": clock.rfc3339(clock.now(), hall.timezone)}


class Client(Namespace):
    """A namespace whose clients are admitted by `admit`, and greeted once they have the answer to connect."""

    def __init__(self, namespace: str, push: Push):
        super().__init__(namespace)
        self.push = push
        self.clients: dict[str, Any] = {}

    def on_connect(self, auth: Any = None) -> None:
        try:
            with db.connection():
                admitted = db.healed(lambda: self.admit(auth))
        except Refusal as refusal:
            raise refuse(refusal) from refusal
        except db.UNAVAILABLE as error:
            logger.warning("push: nobody can be admitted: %s", error)
            raise refuse(Refusal("busy")) from error
        except Exception as error:
            logger.exception("push: a client could not be admitted")
            raise refuse(Refusal("internal")) from error
        client = request.sid  # type: ignore[attr-defined]
        self.clients[client] = admitted
        self.push.socketio.start_background_task(self.welcome, client, admitted)

    def welcome(self, client: str, admitted: Any) -> None:
        if not self.push.is_connected(client, self.namespace):
            return
        try:
            self.greet(client, admitted)
        except db.UNAVAILABLE as error:
            logger.warning("push: a client could not be greeted: %s", error)
            self.push.socketio.server.disconnect(client, namespace=self.namespace)
        except (KeyError, ValueError):
            if self.push.socketio.server.manager.eio_sid_from_sid(client, self.namespace) is not None:
                raise
            # else it left between two lines: there is no room to join any more

    def on_disconnect(self, *reason: Any) -> None:
        self.forget(request.sid)  # type: ignore[attr-defined]

    def forget(self, client: str) -> None:
        self.clients.pop(client, None)

    def send_to(self, client: str, name: str, what: dict[str, Any]) -> None:
        self.push.emit(name, what, self.namespace, client)

    def admit(self, auth: Any) -> Any:
        raise NotImplementedError

    def greet(self, client: str, admitted: Any) -> None:
        raise NotImplementedError


class Feed(Client):
    """/board, /counter, /manager: one hall's log, whole and in order (contract §4)."""

    def admit(self, auth: Any) -> Listener:
        return admit(self.namespace, auth)

    def greet(self, client: str, admitted: Listener) -> None:
        with db.connection():
            self.push.tail.follow(admitted.hall_id, log.newest(admitted.hall_id))
        # Joined first, read then: what is committed between the two comes by the room.
        self.push.socketio.server.enter_room(client, room_of(self.namespace, admitted.hall), self.namespace)
        self.bring_up_to_date(client, admitted.hall, admitted.after)

    def bring_up_to_date(self, client: str, hall_code: str, after: int | None) -> int:
        """The missed events or a snapshot, then a heartbeat that says: from here on it is live."""
        hall, events = missed(hall_code, after)
        if events is None:
            snapshot = self.snapshot(hall)
            self.send_to(client, "snapshot", snapshot)
            seq = snapshot["seq"]
        else:
            for event in events:
                self.send_to(client, "event", WIRE[FEEDS[self.namespace]](event, hall))
            seq = hall.last_seq
        self.send_to(client, "heartbeat", heartbeat(hall, seq))
        return seq

    def snapshot(self, hall: Hall) -> dict[str, Any]:
        make = snapshots.get(self.namespace)
        return make(hall.code) if make else {"seq": hall.last_seq}

    def on_replay(self, *payload: Any) -> dict[str, Any]:
        """The missed events, then as the acknowledgement the seq they lead to."""
        client = request.sid  # type: ignore[attr-defined]
        listener = self.clients.get(client)
        try:
            if len(payload) != 1 or not isinstance(payload[0], dict):
                raise invalid("after", "replay takes one object")
            after = seq_in(payload[0].get("after"))
            if listener is None:
                raise Refusal("unauthorized")
            return {"seq": self.bring_up_to_date(client, listener.hall, after)}
        except Refusal as refusal:
            return problem(refusal)
        except db.UNAVAILABLE as error:
            logger.warning("push: no replay: %s", error)
            return problem(Refusal("busy"))
        except Exception:
            logger.exception("push: no replay")
            return problem(Refusal("internal"))


class TicketFeed(Client):
    """/ticket: one applicant's own number; its id is the key to it and to nothing else."""

    def admit(self, auth: Any) -> str:
        id = auth.get("ticket") if isinstance(auth, dict) else None
        if not can_be_looked_up(id) or history.ticket(id) is None:
            raise Refusal("unknown_ticket")
        return id

    def greet(self, client: str, admitted: str) -> None:
        with db.connection():
            ticket = history.ticket(admitted)
            if ticket is None:
                return
            self.push.tail.follow(ticket.hall_id, log.newest(ticket.hall_id))
            self.push.phones.join(ticket, client)
        if client not in self.clients:  # it left meanwhile
            self.push.phones.leave(admitted, client)
            return
        self.push.socketio.server.enter_room(client, f"ticket:{admitted}", self.namespace)
        self.push.phones.tell_of_itself(admitted)

    def forget(self, client: str) -> None:
        ticket_id = self.clients.pop(client, None)
        if ticket_id:
            self.push.phones.leave(ticket_id, client)


def tolerant(application: Callable[..., Any]) -> Callable[..., Any]:
    """Engine.IO lets a line that is no packet at all fall through to the web server, which prints a stack trace."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        try:
            return application(environ, start_response)
        except ValueError as error:
            if not environ.get("PATH_INFO", "").startswith("/socket.io"):
                raise
            logger.warning("push: not a packet: %r", error)
            return []

    return answer


def in_one_line(record: logging.LogRecord) -> bool:
    """What a client sent wrong, without the library's stack: our own faults are logged by our own handlers."""
    if record.exc_info and record.exc_info[1]:
        record.msg, record.exc_info = f"{record.msg}: {record.exc_info[1]!r}", None
    return True


def init_push(socketio: SocketIO, app: Flask) -> Push:
    push = Push(socketio, app.extensions["voice"], app.config["SETTINGS"].redis_url)
    for namespace in FEEDS:
        socketio.on_namespace(Feed(namespace, push))
    socketio.on_namespace(TicketFeed(TICKET, push))
    app.extensions["push"] = push
    logging.getLogger("engineio.server").addFilter(in_one_line)
    app.wsgi_app = tolerant(app.wsgi_app)  # type: ignore[method-assign]
    return push


def start(app: Flask) -> None:
    """Begin to tail the log: in a serving process only, once."""
    app.extensions["push"].start()
