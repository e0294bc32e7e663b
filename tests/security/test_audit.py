"""`make audit` tells what it knows, and says so when it could not look."""

import pytest

from tools import audit

GOOD = {"name": "flask", "version": "3.1.0", "vulns": []}
HOLE = {"name": "old", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}
SKIPPED = {"name": "ours", "skip_reason": "not on this index"}
AWAY = "requests.exceptions.ConnectionError: no route"


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        ([(None, AWAY), (None, AWAY)], 0, "Skipped: no advisory database is in reach."),
        ([([SKIPPED], ""), ([SKIPPED], "")], 0, "Skipped: no advisory database is in reach."),
        ([(None, AWAY), ([GOOD], "")], 0, "1 packages looked up, 0 known holes."),
        ([([GOOD, HOLE], "")], 1, "old 1: CVE-1, mended in 2"),
        ([([GOOD, SKIPPED], "")], 0, "not audited: not on this index"),
    ],
)
def test_it_is_honest(monkeypatch, capsys, answers, status, words):
    told = iter(answers)
    monkeypatch.setattr(audit, "ask", lambda *_: next(told))
    assert audit.main(["requirements.txt"]) == status
    assert words in capsys.readouterr().out


def test_what_it_does_not_understand_is_a_failure(monkeypatch):
    monkeypatch.setattr(audit, "ask", lambda *_: (None, "no such option"))
    assert audit.main(["requirements.txt"]) == 1
