"""What the libraries can do on this machine with nothing of ours around them: Flask-SocketIO on eventlet.

`POST /same` parses its JSON and answers what it was last given at `POST /answer`; `POST /fan-out` emits what it was
last given at `POST /event` to everybody on /board, and answers the time at which it began. A process of its own:
`python -m bench.yardstick`, listening at PORT."""

import gc
import os
import time
from typing import Any

import orjson
from flask import Flask, Response, request
from flask_socketio import SocketIO

app = Flask(__name__)
# The settings of the hall's own server (app.py).
socketio = SocketIO(
    app, async_mode="eventlet", ping_interval=25, ping_timeout=20, max_http_buffer_size=64 * 1024, manage_session=False
)
given: dict[str, Any] = {"answer": {}, "event": {}}


def json_answer(status: int, what: Any) -> Response:
    return Response(orjson.dumps(what), status, mimetype="application/json")


@app.get("/ready")
def ready() -> Response:
    return json_answer(200, {})


@app.post("/<any(answer, event):what>")
def keep(what: str) -> Response:
    given[what] = orjson.loads(request.get_data())
    return json_answer(200, {})


@app.post("/same")
def same() -> Response:
    orjson.loads(request.get_data())
    return json_answer(201, given["answer"])


@app.post("/fan-out")
def fan_out() -> Response:
    began = time.time()
    socketio.emit("event", given["event"], namespace="/board")
    return json_answer(200, {"began": began})


@socketio.on("connect", namespace="/board")
def connect() -> None:
    """Everybody may come in."""


if __name__ == "__main__":
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)  # as app.settle_memory does
    socketio.run(app, os.environ["HOST"], int(os.environ["PORT"]), max_size=20_000, log_output=False, debug=False)
