"""Settings, from the environment or a `.env` file; each has a safe default."""

import math
import os
import re
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import load_dotenv

ROOT = Path(__file__).resolve().parent
# What examples and guessers begin with; it counts for nothing in a key.
WELL_KNOWN = re.compile(
    r"(?i)secret|change|me|key|dev|pass|word|wd|your|my|test|demo|example|default|admin|root|flask|django|yichuang|super"
    r"|at least 16 characters that nobody can guess|abcdef[g-z]*|qwert[a-z]*|asdf[a-z]*"
    r"|0?1234\d*|9?8765\d*|(.)\1{2,}|[\W_]+"
)
LEAST_LENGTH, LEAST_BITS = 16, 48
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::\d{1,5})?|https?://\[[0-9a-f:]+\](?::\d{1,5})?")


class BadSetting(Exception):
    """A setting that cannot be used; the text names it."""


@dataclass(frozen=True)
class Settings:
    data_dir: Path = ROOT / "var"  # DATA_DIR: database, secret key, voice clips
    database_url: str = ""  # DATABASE_URL: postgresql://… ; empty = SQLite under data_dir
    redis_url: str = ""  # REDIS_URL: pokes other processes of the same installation
    host: str = "127.0.0.1"  # HOST
    port: int = 8000  # PORT
    async_mode: str = "eventlet"  # ASYNC_MODE: eventlet or gevent (threading for tests)
    secret_key: str = field(default="", repr=False)  # SECRET_KEY: signs sessions, seals kept answers
    keyring: str = field(default="", repr=False)  # KEYRING: seals identities; empty = keys.json under data_dir
    public_url: str = ""  # PUBLIC_URL: what QR codes point to; empty = the address the request came to
    cors_origins: tuple[str, ...] = ()  # CORS_ORIGINS: other sites whose pages may ask the API and listen
    rate_limits: bool = True  # RATE_LIMITS: off only for benchmarks
    log_level: str = "INFO"  # LOG_LEVEL
    log_format: str = ""  # LOG_FORMAT: json or text; empty = text on a terminal, else json
    trusted_proxies: int = 0  # TRUSTED_PROXIES: how many in a row may say whom they speak for
    sweep_seconds: float = 5.0  # SWEEP_SECONDS: how often the timed passes run

    @property
    def sqlite_path(self) -> Path:
        return self.data_dir / "yichuang.sqlite3"

    @property
    def keyring_path(self) -> Path:
        return self.data_dir / "keys.json"


def load_settings(environ: dict[str, str] | None = None) -> Settings:
    """Read the settings; makes DATA_DIR and, at the first start, a secret key with mode 600."""
    if environ is None:
        load_dotenv(Path.cwd() / ".env")
        environ = dict(os.environ)
    data_dir = Path(environ.get("DATA_DIR") or ROOT / "var").resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    return Settings(
        data_dir=data_dir,
        database_url=environ.get("DATABASE_URL", ""),
        redis_url=environ.get("REDIS_URL", ""),
        host=environ.get("HOST") or "127.0.0.1",
        port=whole_number(environ, "PORT", 8000, most=65535),
        async_mode=one_of(environ, "ASYNC_MODE", ("eventlet", "gevent", "threading")),
        secret_key=secret(environ.get("SECRET_KEY"), data_dir / "secret.key"),
        keyring=environ.get("KEYRING", ""),
        public_url=environ.get("PUBLIC_URL", "").rstrip("/"),
        cors_origins=origins(environ.get("CORS_ORIGINS", "")),
        rate_limits=environ.get("RATE_LIMITS", "on").lower() not in ("off", "0", "no"),
        log_level=one_of(environ, "LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
        log_format=one_of(environ, "LOG_FORMAT", ("", "json", "text")),
        trusted_proxies=whole_number(environ, "TRUSTED_PROXIES", 0),
        sweep_seconds=float(environ.get("SWEEP_SECONDS") or 5),
    )


def whole_number(environ: dict[str, str], name: str, default: int, most: int = 2**31) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or int(text) > most:
        raise BadSetting(f"{name} must be a whole number up to {most}, not {text!r}")
    return int(text)


def one_of(environ: dict[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = environ.get(name) or choices[0]
    if text not in choices:
        raise BadSetting(f"{name} must be one of {', '.join(filter(None, choices))}, not {text!r}")
    return text


def origins(text: str) -> tuple[str, ...]:
    """Exact origins, by commas or blanks. No patterns: one that is a little too wide lets in everybody."""
    named = tuple(text.replace(",", " ").split())
    for origin in named:
        if not ORIGIN.fullmatch(origin):
            raise BadSetting(f"CORS_ORIGINS must be origins like https://portal.example.cn, not {origin!r}")
    return named


def secret(given: str | None, kept: Path) -> str:
    if given is not None:
        return strong(given, "SECRET_KEY")
    if not kept.exists():
        make_secret(kept)
    return strong(kept.read_text().strip(), str(kept))


def make_secret(kept: Path) -> None:
    """Written whole beside its place and linked there: of two first starts at once, one makes the key and both read
    it, and neither meets half of one."""
    handle, name = tempfile.mkstemp(dir=kept.parent, prefix=".secret-")  # mode 600
    with os.fdopen(handle, "w") as out:
        out.write(secrets.token_urlsafe(48))
    try:
        os.link(name, kept)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)


def strong(key: str, where: str) -> str:
    if len(key) < LEAST_LENGTH or bits(key) < LEAST_BITS:
        raise BadSetting(
            f"{where} is too weak: it must be at least {LEAST_LENGTH} characters that nobody can guess, "
            "for example the output of: openssl rand -base64 48"
        )
    return key


def bits(key: str) -> float:
    """What is left without well-known words, times what one of its letters can tell: an upper bound of its strength."""
    left = WELL_KNOWN.sub("", key)
    return sum(-math.log2(left.count(letter) / len(left)) for letter in left)
