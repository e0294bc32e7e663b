"""`make security`: every test that stands for a promise of docs/security.md, and how many cases each had.

A test joins by the marker `security`, or with its whole file by standing in PATHS."""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as Tree
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATHS = (
    "tests/door/test_sign_in.py",
    "tests/door/test_roles.py",
    "tests/door/test_order.py",
    "tests/door/test_problems.py",
    "tests/door/test_logs.py",
    "tests/door/test_pages.py",
    "tests/ticketing/test_identity.py",
    "tests/ticketing/test_privacy.py",
)
LIVE_PATHS = ("tests/live/test_malformed.py",)
# Those that start servers keep a file to a worker: a server each.
RUNS: tuple[tuple[str, ...], ...] = (
    ("-m", "security and not live", "tests"),
    PATHS,
    ("--dist", "loadfile", "-m", "security and live", "tests"),
    ("--dist", "loadfile", *LIVE_PATHS),
)
EXAMPLES = "8"  # of schemathesis for each operation, role and kind of data; `make test` sends fewer


def run(part: tuple[str, ...], report: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-n", os.environ.get("WORKERS", "2")]
    environ = os.environ | {"SECURITY_EXAMPLES": EXAMPLES}
    return subprocess.run([*command, f"--junitxml={report}", *part], cwd=ROOT, env=environ).returncode


def counts(report: Path) -> dict[tuple[str, str], list[int]]:
    """(file, test): [cases, failed, skipped]"""
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for case in Tree.parse(report).iter("testcase"):  # noqa: S314  # pytest's own file
        row = found[case.get("classname", "").replace(".", "/") + ".py", case.get("name", "").split("[")[0]]
        row[0] += 1
        row[1] += any(case.find(word) is not None for word in ("failure", "error"))
        row[2] += case.find("skipped") is not None
    return found


def table(found: dict[tuple[str, str], list[int]]) -> None:
    print(f"\n{'cases':>6}  {'failed':>6}  {'skipped':>7}  promise")
    file_before = ""
    for (file, test), (cases, failed, skipped) in sorted(found.items()):
        if file != file_before:
            whole = [row for (one, _), row in found.items() if one == file]
            print(f"{sum(row[0] for row in whole):6}  {sum(row[1] for row in whole):6}  {'':7}  {file}")
            file_before = file
        words = test.removeprefix("test_").replace("_", " ")
        print(f"{cases:6}  {failed or '':>6}  {skipped or '':>7}    {words}")
    rows = found.values()
    print(f"{sum(row[0] for row in rows):6}  {sum(row[1] for row in rows):6}  cases in all\n", flush=True)


def main() -> int:
    found: dict[tuple[str, str], list[int]] = {}
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate(RUNS):
            report = Path(folder) / f"{number}.xml"
            failed |= run(part, report) != 0
            found |= counts(report) if report.exists() else {}
    table(found)
    audit = [sys.executable, "tools/audit.py", "requirements.txt", "requirements-dev.txt"]
    failed |= subprocess.run(audit, cwd=ROOT).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
