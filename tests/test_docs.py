"""What the documents name exists: links, code paths, commands, states. No private folder or host is named.

The documents are checked once there is a README.md: before that they run ahead of the code.
"""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = (".venv", "node_modules", "static/vendor", "tests/vendor")

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)|<(?:img|a)\b[^>]*?\b(?:src|href)=\"([^\"]+)\"")
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^ *```.*?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"^[\w.-]+(?:/[\w.-]+)+\.(?:py|js|css|html|md|json|toml|yml|yaml|csv|po|sh|service|conf)$")
RUN_PY = re.compile(r"\brun\.py ([a-z][a-z-]*)")
MAKE = re.compile(r"(?:^|[;&$#] ?)make ([a-z][a-z-]*)", re.MULTILINE)
# Somebody's own folder, or the host of a package registry or of a mirror of one.
PRIVATE = re.compile(
    rf"{re.escape(str(ROOT))}\b|(?<![\w.:])/(?:home/\w|root/|Users/)"
    r"|\b(?:pypi|npmjs|registry|mirrors?)\.[a-z.]*[a-z]{2,}\b"
)


def documents(root: Path) -> list[Path]:
    found = (path for path in root.rglob("*.md") if not path.relative_to(root).as_posix().startswith(SKIPPED))
    return sorted(found)


def prose(text: str) -> str:
    """The text without its code, where a bracket is only a bracket."""
    return SPAN.sub("", FENCE.sub("", text))


def code(text: str) -> list[str]:
    return FENCE.findall(text) + SPAN.findall(FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """As GitHub and Gitee make them from headings: lower case, punctuation dropped, blanks to hyphens."""
    headings = re.findall(r"^#+ +(.+?) *#*$", FENCE.sub("", text), re.MULTILINE)
    named = re.findall(r"\b(?:id|name)=\"([^\"]+)\"", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(named)


def broken_links(root: Path) -> list[str]:
    found = []
    for page in documents(root):
        for target in (one or other for one, other in LINK.findall(prose(page.read_text(encoding="utf-8")))):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            path = (page.parent / file) if file else page
            lost = not path.exists()
            if not lost and anchor and path.suffix == ".md":
                lost = anchor.lower() not in anchors(path.read_text(encoding="utf-8"))
            found += [f"{page.relative_to(root)}: {target}"] if lost else []
    return found


def missing_paths(root: Path) -> list[str]:
    """Code paths in backticks whose first folder is one of ours; `<name>` and `*` stand for no one file."""
    found = []
    for page in documents(root):
        for span in SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
            path = span.split(":")[0].rstrip("/")
            if PATH.match(path) and (root / path.split("/")[0]).is_dir() and not (root / path).exists():
                found.append(f"{page.relative_to(root)}: {span}")
    return found


def named_commands(root: Path, pattern: re.Pattern) -> set[str]:
    pages = (page.read_text(encoding="utf-8") for page in documents(root))
    return {name for text in pages for piece in code(text) for name in pattern.findall(piece)}


@cache
def command_exists(name: str) -> bool:
    command = [sys.executable, "run.py", name, "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60).returncode == 0


def make_targets(root: Path) -> set[str]:
    lines = re.findall(r"^([a-z][a-z -]*):(?!=)", (root / "Makefile").read_text(), re.MULTILINE)
    return {target for line in lines for target in line.split()}


def private_words(root: Path) -> list[str]:
    files = [*documents(root), *root.glob("requirements*"), root / "Makefile", root / "pyproject.toml"]
    found = []
    for file in files:
        if file.exists():
            hits = PRIVATE.finditer(file.read_text(encoding="utf-8"))
            found += [f"{file.relative_to(root)}: {hit.group()}" for hit in hits]
    return found


with_readme = pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="there is no README.md yet")


@with_readme
def test_every_relative_link_and_anchor_resolves():
    assert broken_links(ROOT) == []


@with_readme
def test_every_code_path_named_exists():
    assert missing_paths(ROOT) == []


@with_readme
def test_every_run_py_command_named_exists():
    assert [name for name in sorted(named_commands(ROOT, RUN_PY)) if not command_exists(name)] == []


@with_readme
def test_every_make_target_named_exists():
    assert sorted(named_commands(ROOT, MAKE) - make_targets(ROOT)) == []


def test_the_changelog_has_an_unreleased_section():
    assert re.search(r"^## \[?Unreleased\]?", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_every_direct_dependency_has_its_reason():
    reasons = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    named = re.findall(r"^([a-z][\w-]*)", "\n".join(f.read_text() for f in ROOT.glob("requirements*.in")), re.M)
    assert [name for name in named if not re.search(rf"(?<![\w-]){name}(?![\w-])", reasons)] == []


@pytest.mark.skipif(not (ROOT / "docs/glossary.md").exists(), reason="there is no glossary yet")
def test_the_glossary_has_every_state():
    from ticketing.status import STATES

    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    assert [state for state in STATES if not re.search(rf"\b{state}\b", glossary)] == []


def test_no_document_names_a_private_folder_or_a_registry():
    assert private_words(ROOT) == []


def test_a_planted_fault_is_found(tmp_path):
    (tmp_path / "display").mkdir()
    (tmp_path / "Makefile").write_text("PLACE := here\ntest lint: dev\n")
    (tmp_path / "there.md").write_text("# A ticket's life\n")
    (tmp_path / "README.md").write_text(
        "[good](there.md#a-tickets-life) [lost](gone.md) [no anchor](there.md#death) ![picture](gone.png)\n"
        "`[not a link](x)` `display/gone.py` `display/<page>.py` `elsewhere/gone.py`\n"
        "```sh\n$ make test && make nothing\npython run.py fly --high\n```\nWe make sense; `make lint`.\n"
        f"See {'/'}root/notes and {'registry'}.example.org.\n"
    )
    assert broken_links(tmp_path) == [
        "README.md: gone.md",
        "README.md: there.md#death",
        "README.md: gone.png",
    ]
    assert missing_paths(tmp_path) == ["README.md: display/gone.py"]
    assert named_commands(tmp_path, MAKE) - make_targets(tmp_path) == {"nothing"}
    assert named_commands(tmp_path, RUN_PY) == {"fly"}
    assert len(private_words(tmp_path)) == 2
