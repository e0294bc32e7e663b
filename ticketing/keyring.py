"""The keys that what applicants tell is sealed with, and the one their numbers are looked up by.

Kept in DATA_DIR/keys.json (mode 600, made at the first start) or given as KEYRING, the same JSON:

    {"active": "20261124-3fa91c", "hash": "…", "keys": [{"id": "20261124-3fa91c", "made": 1795395600000,
     "retired": null, "secret": "…"}]}

Secrets are 32 bytes in base64, instants milliseconds since the epoch. A sealed text names its key (`id:token`), so that
keys can be changed while the hall works; one without a name is of the time before the keyring, sealed by SECRET_KEY."""

import base64
import os
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from cryptography.fernet import Fernet

from ticketing import clock, identity

BYTES = 32
# A number that was sealed just before a rotation is committed soon after it: so long a key stays, whatever is counted.
RETIRED_MS = 3600 * 1000
OLD = ""  # stands for SECRET_KEY where keys are told apart


class BadKeyring(Exception):
    """The keyring can not be used; the text says why, and never what is in it."""


class UnknownKey(Exception):
    """A text is sealed with a key that this keyring does not have."""


@dataclass(frozen=True)
class Key:
    id: str
    made: int
    retired: int | None
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Keys:
    """What a keyring holds at a moment."""

    active: str
    hash: str = field(repr=False)
    keys: tuple[Key, ...]

    def key(self, id: str) -> Key | None:
        return next((key for key in self.keys if key.id == id), None)

    @property
    def active_key(self) -> Key:
        return next(key for key in self.keys if key.id == self.active)

    def text(self) -> str:
        facts = {"active": self.active, "hash": self.hash, "keys": [vars(key) for key in self.keys]}
        return orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode()


def new_secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(BYTES)).decode()


def new_key(now: int) -> Key:
    day = clock.local(now, "UTC").strftime("%Y%m%d")
    return Key(f"{day}-{secrets.token_hex(3)}", now, None, new_secret())


def new_keys(now: int) -> Keys:
    key = new_key(now)
    return Keys(key.id, new_secret(), (key,))


def rotated(keys: Keys, now: int) -> Keys:
    """A new active key; those before it still open what they sealed. The look-up key stays."""
    key = new_key(now)
    before = tuple(Key(old.id, old.made, old.retired or now, old.secret) for old in keys.keys)
    return Keys(key.id, keys.hash, (*before, key))


def without(keys: Keys, unused: set[str]) -> Keys:
    return Keys(keys.active, keys.hash, tuple(key for key in keys.keys if key.id not in unused))


def read_keys(text: str) -> Keys:
    """Raises BadKeyring."""
    try:
        facts = orjson.loads(text)
        rows = tuple(Key(row["id"], row["made"], row.get("retired"), row["secret"]) for row in facts["keys"])
        keys = Keys(facts["active"], facts["hash"], rows)
        lengths = {len(base64.urlsafe_b64decode(secret)) for secret in (keys.hash, *(row.secret for row in rows))}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadKeyring("the keyring is no valid JSON of the form that docs/operations.md shows") from error
    if lengths != {BYTES} or keys.key(keys.active) is None:
        raise BadKeyring("the keyring names no active key, or a secret has not 32 bytes")
    return keys


class Keyring:
    """Seals and opens. A file that another process has changed is read again at the next use."""

    def __init__(self, secret_key: str, path: Path | None = None, keys: Keys | None = None):
        self.secret_key, self.path = secret_key, path
        self.seen: tuple[int, int] | None = None
        self.kept = keys

    @property
    def keys(self) -> Keys:
        if self.path is not None and self.seen != (now := stamp(self.path)):
            self.kept, self.seen = read_keys(self.path.read_text()), now
        if self.kept is None:
            raise BadKeyring("there is no keyring")
        return self.kept

    def seal(self, facts: dict[str, Any]) -> str:
        key = self.keys.active_key
        return f"{key.id}:{fernet(key.secret).encrypt(orjson.dumps(facts)).decode()}"

    def unseal(self, text: str) -> dict[str, Any]:
        """Raises UnknownKey, or cryptography.fernet.InvalidToken when the text was changed."""
        id = key_of(text)
        if id == OLD:
            return identity.unseal(self.secret_key, text)
        key = self.keys.key(id)
        if key is None:
            raise UnknownKey(id)
        return orjson.loads(fernet(key.secret).decrypt(text.partition(":")[2].encode()))

    def identity_hash(self, hall_code: str, id_number: str) -> str:
        return identity.identity_hash(self.keys.hash, hall_code, id_number)

    def replace(self, keys: Keys) -> None:
        """Write the file anew, at once and whole; raises BadKeyring where the keyring comes from the environment."""
        if self.path is None:
            raise BadKeyring("the keyring comes from KEYRING: change it there")
        partial = written(self.path, keys)
        partial.replace(self.path)


def stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino


def key_of(text: str) -> str:
    """The id of the key a text is sealed with."""
    id, colon, _ = text.partition(":")
    return id if colon else OLD


@lru_cache(maxsize=64)
def fernet(secret: str) -> Fernet:
    return Fernet(secret.encode())


def open_keyring(secret_key: str, path: Path, given: str = "") -> Keyring:
    """`given` (KEYRING) when there is one, else the file, made at the first start."""
    if given:
        return Keyring(secret_key, keys=read_keys(given))
    if not path.exists():
        make(path)
    keyring = Keyring(secret_key, path)
    keyring.seal({})  # a file that can not be used is found at the start
    return keyring


def make(path: Path) -> None:
    """Of two first starts at once one makes the file, whole, and both read it."""
    partial = written(path, new_keys(clock.now()))
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def written(path: Path, keys: Keys) -> Path:
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
        out.write(keys.text())
        out.flush()
        os.fsync(out.fileno())
    return partial
