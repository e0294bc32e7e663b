"""Attacks on the server: each file of this folder belongs to `make security`."""

from pathlib import Path

import pytest

from tests.live.conftest import live_database_url, server, start_server  # noqa: F401  # fixtures

HERE = Path(__file__).resolve().parent


@pytest.hookimpl(tryfirst=True)  # before -m looks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.security)
