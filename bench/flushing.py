"""A disk whose flush takes longer: a small library laid under a server (bench/slow_flush.c), and for PostgreSQL a
cluster of our own, since it flushes in its own processes."""

import contextlib
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.servers import HOST, ROOT, free_port

POSTGRES_BINARIES = "/usr/lib/postgresql"  # where Debian keeps them, off the PATH
PATIENCE = 30


class Missing(Exception):
    """What this figure needs is not on this machine."""


@dataclass
class Disk:
    """`environ` for the process that flushes; `flushes` so far."""

    environ: dict[str, str]
    counted: Path

    @property
    def flushes(self) -> int:
        return struct.unpack("q", self.counted.read_bytes())[0]


@contextlib.contextmanager
def disk(more_ms: int) -> Iterator[Disk]:
    if not (compiler := shutil.which("cc")):
        raise Missing("no C compiler (cc)")
    with tempfile.TemporaryDirectory(prefix="yichuang-flush-") as folder:
        os.chmod(folder, 0o711)  # noqa: S103  # PostgreSQL runs as another user than root
        library, counted = Path(folder) / "slow_flush.so", Path(folder) / "flushes"
        source = ROOT / "bench" / "slow_flush.c"
        subprocess.run(f"{compiler} -shared -fPIC -O2 -o {library} {source} -ldl".split(), check=True)
        counted.write_bytes(bytes(8))
        counted.chmod(0o666)
        environ = {
            "LD_PRELOAD": str(library),
            "SLOW_FLUSH_MS": str(more_ms),
            "SLOW_FLUSH_COUNT": str(counted),
        }
        yield Disk(environ, counted)


@contextlib.contextmanager
def postgres(disk: Disk) -> Iterator[str]:
    """The address of a database in a cluster of its own on this disk, with PostgreSQL's own settings."""
    binaries = postgres_binaries()
    user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="yichuang-postgres-") as folder:
        if user:
            shutil.chown(folder, user)
        data, port = f"{folder}/data", free_port()
        make = f"{binaries}/initdb -D {data} -U postgres -A trust -E UTF8 --locale=C --no-sync"
        subprocess.run(make.split(), check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)
        serve = f"{binaries}/postgres -D {data} -p {port} -k {folder} -h {HOST}"
        with open(f"{folder}/log", "wb") as log:
            running = subprocess.Popen(
                serve.split(), env=os.environ | disk.environ, stdout=log, stderr=log, user=user, cwd=folder
            )
        try:
            wait_until_it_takes(binaries, port)
            yield f"postgresql://postgres@{HOST}:{port}/yichuang_bench"
        finally:
            running.terminate()
            running.wait()


def postgres_binaries() -> Path:
    found = [Path(path).resolve().parent for path in (shutil.which("initdb"),) if path]
    found += sorted(Path(POSTGRES_BINARIES).glob("*/bin"), reverse=True)
    if not found:
        raise Missing("no initdb of PostgreSQL")
    return found[0]


def wait_until_it_takes(binaries: Path, port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    asked = f"{binaries}/pg_isready -q -h {HOST} -p {port}"
    while subprocess.run(asked.split()).returncode:
        if time.monotonic() > deadline:
            raise Missing("a PostgreSQL of our own did not start")
        time.sleep(0.05)
