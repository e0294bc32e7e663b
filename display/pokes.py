"""Pokes between the processes of one installation, through Redis. Nothing depends on them: they only save time."""

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

import redis

logger = logging.getLogger(__name__)

CHANNEL = "yichuang:poke"
REDIS_SECONDS = 5.0  # for one answer
AGAIN_SECONDS = 1.0  # between two tries


class Pokes:
    """Through Redis a commit in one process pokes the others at once. Without it they look once a second."""

    def __init__(self, url: str, poke: Callable[[], None], sleep: Callable[[float], None]):
        self.client = redis.from_url(url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS)
        self.poke = poke
        self.sleep = sleep
        self.me = f"{os.getpid()}-{id(self)}".encode()
        self.committed = threading.Event()

    def announce(self, *_: Any) -> None:
        self.committed.set()

    def publish(self) -> None:
        while True:
            self.committed.wait()
            self.committed.clear()
            try:
                self.client.publish(CHANNEL, self.me)
            except redis.RedisError as error:
                logger.warning("redis: could not poke: %s", error)
                self.sleep(AGAIN_SECONDS)

    def subscribe(self) -> None:
        while True:
            try:
                with self.client.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.subscribe(CHANNEL)
                    self.poke()  # whatever was poked while away
                    self.hear(channel)
            except redis.RedisError as error:
                logger.warning("redis: not listening: %s", error)
            self.sleep(AGAIN_SECONDS)

    def hear(self, channel: Any) -> None:
        while True:
            message = channel.get_message(timeout=REDIS_SECONDS)
            if message is None:
                channel.ping()  # a connection that died silently is noticed here
            elif message.get("data") != self.me and message["type"] == "message":
                self.poke()
