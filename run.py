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

        server = pywsgi.WSGIServer((host, port), app, log=None, backlog=BACKLOG)
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
        eventlet.wsgi.server(Door(), app, max_size=20_000, log_output=False, debug=False)

    return serve_for_ever, door.close


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
