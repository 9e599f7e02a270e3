"""What all tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from .postgres import Postgres

# The same examples on every run: a red test is red for everyone. No deadline: machines differ, rules do not.
settings.register_profile("gatekeeper", derandomize=True, deadline=None, max_examples=100, database=None)
settings.load_profile("gatekeeper")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; started for the first test that wants one."""
    server = Postgres()
    yield server
    server.stop()
