"""The server that the tests start ends with them, however they end."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from .postgres import Postgres

ROOT = Path(__file__).parents[1]
START = """
import sys
from tests.postgres import Postgres
server = Postgres()
print(server.folder, server.url("postgres"), flush=True)
sys.stdin.read()
"""


def test_a_server_of_tests_that_are_killed_is_gone_soon() -> None:
    tests = subprocess.Popen([sys.executable, "-c", START], cwd=ROOT, stdin=-1, stdout=-1, text=True)
    assert tests.stdout is not None
    folder, url = tests.stdout.readline().split()
    psycopg.connect(url).close()

    tests.send_signal(signal.SIGKILL)
    tests.communicate()

    deadline = time.monotonic() + 20
    while Path(folder).exists():
        assert time.monotonic() < deadline, "its folder is still there"
        time.sleep(0.05)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_fresh_database_is_gone_after_its_test(postgres: Postgres) -> None:
    with postgres.fresh() as address:
        psycopg.connect(address).close()

    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(address)
