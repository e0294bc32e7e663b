"""Settings, from the environment or a `.env` file; each has a safe default."""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import load_dotenv

ROOT = Path(__file__).resolve().parent
WEAK_SECRETS = {"", "secret", "changeme", "dev", "password"}


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


def secret(given: str | None, kept: Path) -> str:
    if given is not None:
        if given.lower() in WEAK_SECRETS or len(given) < 16:
            raise BadSetting("SECRET_KEY is too weak: at least 16 characters that nobody can guess")
        return given
    if not kept.exists():
        # O_EXCL: of two first starts at once, one makes the key and both read it.
        try:
            with os.fdopen(os.open(kept, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
                out.write(secrets.token_urlsafe(48))
        except FileExistsError:
            pass
    return kept.read_text().strip()
