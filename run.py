#!/usr/bin/env python3
"""The command line: serve, demo, load, token, user, close-day, backup, restore, move, keys, privacy, check."""

import os
import sys
import warnings

SERVING = ("serve", "demo")
# How long PostgreSQL may say nothing, in seconds: a process that is stopped, or a machine that hangs, still has its
# network answer, so nothing in TCP notices. Longer than a write waits for its lock (5 s, ticketing/db.py).
CONNECT_SECONDS, ANSWER_SECONDS = 3, 7
BACKLOG = 1024  # when a server starts again, a hall's boards all knock at once


def patch() -> None:
    """The event loop must replace the standard library's blocking parts before anything else is imported: with
    peewee imported earlier, three greenlets shared one connection."""
    mode = os.environ.get("ASYNC_MODE") or "eventlet"
    if mode == "eventlet":
        # Its own page discourages new use; ASYNC_MODE=gevent is the tested way out, so a warning tells nothing new.
        warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
        import eventlet

        eventlet.monkey_patch()
        wait_for_postgresql(mode)
    elif mode == "gevent":
        from gevent import monkey

        monkey.patch_all()
        wait_for_postgresql(mode)


def offload(work, *parts):
    """Run heavy computing in a real thread while the event loop goes on."""
    mode = os.environ.get("ASYNC_MODE") or "eventlet"
    if mode == "eventlet":
        from eventlet import tpool

        return tpool.execute(work, *parts)
    if mode == "gevent":
        import gevent

        return gevent.get_hub().threadpool.apply(work, parts)
    return work(*parts)


def listen(app, host, port):
    """Begin to listen; what serves for ever, and what takes in nobody any more while those inside are served on."""
    mode = os.environ.get("ASYNC_MODE") or "eventlet"
    # Not before: bringing a database up to date may take long.
    wait_for_postgresql(mode, ANSWER_SECONDS)
    if mode == "eventlet":
        return listen_with_eventlet(app, host, port)
    if mode == "gevent":
        from gevent import pywsgi

        server = pywsgi.WSGIServer((host, port), app, log=None, backlog=BACKLOG, handler_class=gevent_handler())
        server.init_socket()
        return server.serve_forever, server.close
    from werkzeug.serving import make_server

    server = make_server(host, port, app, threaded=True)
    return server.serve_forever, server.shutdown


def listen_with_eventlet(app, host, port):
    import eventlet
    import eventlet.wsgi
    from eventlet.green import socket

    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    door = eventlet.listen(address, family, backlog=BACKLOG, reuse_port=False)

    class Door:
        """When the real one is shut, accept waits for ever: eventlet.wsgi would cut off whoever is inside and has not
        spoken yet."""

        family, getsockname, close = door.family, door.getsockname, door.close

        def accept(self):
            try:
                return door.accept()
            except OSError:
                if door.fileno() >= 0:
                    raise
                return eventlet.Event().wait()

    def serve_for_ever():
        # It stops answering at 1024 sockets unless told otherwise, and shows a client its stack when in debug.
        eventlet.wsgi.server(Door(), app, max_size=20_000, log_output=False, debug=False, protocol=eventlet_handler())

    return serve_for_ever, door.close


def eventlet_handler():
    """Reads a request within the times of door/wire.py, and refuses what two readers could read in two ways."""
    import eventlet
    from eventlet.wsgi import HttpProtocol

    from door import wire

    class Handler(HttpProtocol):
        head = None

        def handle_one_request(self):
            try:
                super().handle_one_request()
            finally:
                self.end_of_head()

        def _read_request_line(self):
            with eventlet.Timeout(wire.IDLE_SECONDS, wire.TooSlow()):
                self.rfile.peek(1)
            self.head = eventlet.Timeout(wire.HEAD_SECONDS, wire.TooSlow())
            return super()._read_request_line()

        def end_of_head(self):
            if self.head is not None:
                self.head.cancel()

        def parse_request(self):
            if not super().parse_request():
                return False
            every = self.headers.get_all
            if wire.is_ambiguous(every("content-length", []), every("transfer-encoding", [])):
                self.close_connection = True
                self.send_error(400)
                return False
            return True

        def get_environ(self):
            self.end_of_head()
            environ = super().get_environ()
            body = environ["eventlet.input"]
            body.rfile = wire.Body(self.rfile, eventlet.Timeout, self)
            if body.chunked_input:
                environ["wsgi.input_terminated"] = True  # it knows its end without a length
            return environ

    return Handler


def gevent_handler():
    """The same for gevent."""
    from http.client import HTTPException

    import gevent
    from gevent.pywsgi import WSGIHandler

    from door import wire

    class Handler(WSGIHandler):
        head = None

        def MessageClass(self, *parts):
            headers = super().MessageClass(*parts)
            if wire.is_ambiguous(headers.get_all("content-length", []), headers.get_all("transfer-encoding", [])):
                raise ValueError("the request's length is ambiguous")
            return headers

        def read_requestline(self):
            with gevent.Timeout(wire.IDLE_SECONDS, wire.TooSlow()):
                self.rfile.peek(1)
            self.head = gevent.Timeout.start_new(wire.HEAD_SECONDS, wire.TooSlow())
            return super().read_requestline()

        def read_request(self, line):
            try:
                return super().read_request(line)
            except (wire.TooSlow, HTTPException) as fault:  # else it prints where it found the client's mistake
                raise ValueError(f"no request: {type(fault).__name__}") from fault

        def handle_one_request(self):
            try:
                return super().handle_one_request()
            finally:
                self.end_of_head()

        def end_of_head(self):
            if self.head is not None:
                self.head.close()

        def get_environ(self):
            self.end_of_head()
            environ = super().get_environ()
            self.wsgi_input.rfile = wire.Body(self.rfile, gevent.Timeout, self)
            return environ

    return Handler


def wait_for_postgresql(mode, seconds=None):
    """Let others run while psycopg2 waits, but for so long only; then the connection is given up. libpq's own limits
    (connect_timeout) do not hold where somebody else waits for it."""
    if mode not in ("eventlet", "gevent"):
        return  # libpq waits by itself
    import psycopg2
    from psycopg2 import extensions

    wait_for = {"eventlet": wait_with_eventlet, "gevent": wait_with_gevent}[mode]

    def wait(connection):
        limit = seconds if connection.status in ESTABLISHED else CONNECT_SECONDS
        silent = psycopg2.OperationalError(f"PostgreSQL said nothing for {limit} s")
        while (state := connection.poll()) != extensions.POLL_OK:
            if state not in (extensions.POLL_READ, extensions.POLL_WRITE):
                raise psycopg2.OperationalError(f"unexpected answer of poll: {state}")
            wait_for(connection.fileno(), state == extensions.POLL_WRITE, limit, silent)

    ESTABLISHED = (extensions.STATUS_READY, extensions.STATUS_BEGIN)
    extensions.set_wait_callback(wait)


def wait_with_eventlet(file, to_write, limit, silent):
    from eventlet.hubs import trampoline

    trampoline(file, read=not to_write, write=to_write, timeout=limit, timeout_exc=silent)


def wait_with_gevent(file, to_write, limit, silent):
    from gevent.socket import wait_read, wait_write

    (wait_write if to_write else wait_read)(file, timeout=limit, timeout_exc=silent)


if __name__ == "__main__" and len(sys.argv) > 1 and sys.argv[1] in SERVING:
    from dotenv import load_dotenv

    load_dotenv(os.path.join(os.getcwd(), ".env"))
    patch()

from commands import main  # noqa: E402  # after the patch

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], offload, listen))
