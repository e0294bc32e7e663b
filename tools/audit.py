"""Look the pinned packages up in an advisory database: known holes fail, a database out of reach does not."""

import json
import subprocess
import sys

SERVICES = ("pypi", "osv")
UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "Timeout", "Could not connect")


def ask(service: str, files: list[str]) -> tuple[list[dict] | None, str]:
    """The packages with what is known of each, or None and why there is no answer."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, "--format", "json"]
    command += ["--require-hashes", "--disable-pip", "--timeout", "5", "--progress-spinner", "off"]
    for file in files:
        command += ["--requirement", file]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return None, "Timeout"
    try:
        return json.loads(done.stdout)["dependencies"], ""
    except ValueError:
        return None, done.stderr.strip()


def main(files: list[str]) -> int:
    for service in SERVICES:
        packages, why = ask(service, files)
        if packages is None:
            if any(word in why for word in UNREACHABLE):
                continue
            print(why, file=sys.stderr)
            return 1
        looked_up = [package for package in packages if "skip_reason" not in package]
        if not looked_up:  # a mirror that serves packages but no advisories
            continue
        holes = [(package, hole) for package in looked_up for hole in package["vulns"]]
        for package, hole in holes:
            fixed = ", ".join(hole["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {hole['id']}, mended in {fixed}")
        for package in packages:
            if "skip_reason" in package:
                print(f"not audited: {package['skip_reason']}")
        print(f"{len(looked_up)} packages looked up, {len(holes)} known holes.")
        return 1 if holes else 0
    print("Skipped: no advisory database is in reach.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
