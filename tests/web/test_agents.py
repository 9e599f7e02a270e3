"""User agents are read in one thread, which a forked process has to have as well."""

import subprocess
import sys
import threading

import pytest

from gatekeeper.core import agents
from gatekeeper.web.agents import read_agent

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0"


def test_all_threads_have_their_agents_read_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    readers = set()
    read = agents.read_agent

    def spy(text: str) -> agents.Agent:
        readers.add(threading.get_ident())
        return read(text)

    monkeypatch.setattr(agents, "read_agent", spy)
    found: dict[int, str] = {}

    def ask(version: int) -> None:
        found[version] = read_agent(FIREFOX.format(version, version)).browser

    asking = [threading.Thread(target=ask, args=(version,)) for version in range(100, 116)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()

    assert found == {version: f"Firefox {version}" for version in range(100, 116)}
    assert len(readers) == 1


def test_a_forked_process_reads_agents_too() -> None:
    # A program of its own: newer Pythons warn of forking where there are threads, which is what happens here.
    done = subprocess.run([sys.executable, "-c", _FORKS], timeout=60, check=False)

    assert done.returncode == 0


_FORKS = f"""
import os, signal
from gatekeeper.web.agents import read_agent
read_agent({FIREFOX.format(140, 140)!r})
if os.fork() == 0:
    signal.alarm(20)  # where nobody reads, there would be no end
    os._exit(read_agent({FIREFOX.format(141, 141)!r}).browser != "Firefox 141")
os._exit(os.waitstatus_to_exitcode(os.wait()[1]) != 0)
"""
