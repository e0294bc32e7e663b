"""Fetch the vendored browser files anew, as the manifests name them, with npm; writes licences and hashes.

To move to a newer version: change `version` in the manifest, run `make vendor`, commit what changed.
"""

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = (ROOT / "static/vendor/manifest.json", ROOT / "tests/vendor/manifest.json")


def packed(name: str, version: str, folder: str) -> Path:
    command = ["npm", "pack", "--silent", "--pack-destination", folder, f"{name}@{version}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Path(folder) / done.stdout.split()[-1]


def fetch(entry: dict, into: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(packed(entry["name"], entry["version"], folder)) as tar:
            tar.extractall(folder, filter="data")
        for member, file in ((entry["member"], entry["file"]), ("LICENSE", entry["licence_file"])):
            shutil.copyfile(Path(folder, "package", member), into / file)
    entry["sha256"] = hashlib.sha256((into / entry["file"]).read_bytes()).hexdigest()


def main() -> None:
    for path in MANIFESTS:
        entries = json.loads(path.read_text())
        for entry in entries:
            fetch(entry, path.parent)
            print(f"{entry['file']}: {entry['name']} {entry['version']}")
        path.write_text(json.dumps(entries, indent=2) + "\n")


if __name__ == "__main__":
    main()
