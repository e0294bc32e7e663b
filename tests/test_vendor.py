"""What is vendored is what its manifest says: nothing edited by hand, nothing without a licence."""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = (ROOT / "static/vendor/manifest.json", ROOT / "tests/vendor/manifest.json")
ENTRIES = [(path.parent, entry) for path in MANIFESTS for entry in json.loads(path.read_text())]


@pytest.mark.parametrize(("folder", "entry"), ENTRIES, ids=[entry["file"] for _, entry in ENTRIES])
def test_a_vendored_file_has_the_hash_of_its_manifest(folder, entry):
    assert hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


@pytest.mark.parametrize(("folder", "entry"), ENTRIES, ids=[entry["file"] for _, entry in ENTRIES])
def test_a_vendored_file_has_name_version_and_licence_text(folder, entry):
    assert entry["name"] and entry["version"] and entry["licence"]
    assert len((folder / entry["licence_file"]).read_text()) > 500


@pytest.mark.parametrize("manifest", MANIFESTS, ids=["static", "tests"])
def test_nothing_is_vendored_without_an_entry(manifest):
    named = {manifest.name}
    for entry in json.loads(manifest.read_text()):
        named |= {entry["file"], entry["licence_file"]}
    assert {path.name for path in manifest.parent.iterdir()} == named
