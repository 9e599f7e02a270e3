"""A Gatekeeper of its own process, which can be made to hang."""

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

from gatekeeper.config import load_sites
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sites import Site
from gatekeeper.publishing import next_notice
from gatekeeper.store.engines import migrate, open_store
from tests.ports import free_port

from .conftest import KEYS, publish
from .servers import PATIENCE, answers, ask, wait_until

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "gatekeeper.toml"


def example_site() -> Site:
    """Return the example's site, with its notice published."""
    sites, problems = load_sites(EXAMPLE)
    assert problems == []
    return publish(sites["shop"])


def declared_site(declared: str) -> Site:
    """Return the site that a text declares, with its notice published."""
    sites, problems = read_registry(tomllib.loads(declared))
    assert problems == []
    return publish(sites["shop"])


@contextmanager
def gatekeeper(site: Site, directory: Path, declared: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run a real Gatekeeper for a site, with its notice published; see :func:`port_of`.

    :param declared: what the site declares, as TOML; empty means the example's.
    """
    (directory / "gatekeeper.toml").write_text(declared or EXAMPLE.read_text("utf-8"))
    url = f"sqlite:///{directory}/gatekeeper.db"
    migrate(url)
    store = open_store(url)
    store.publish(next_notice(site, [], today=date(2026, 11, 22)))
    store.close()
    port = free_port()
    environ = {**os.environ, "GATEKEEPER_CONFIG": f"{directory}/gatekeeper.toml", "GATEKEEPER_SECRET_KEYS": KEYS[0]}
    command = [sys.executable, "-m", "gatekeeper", "serve", "--port", str(port), "--threads", "4"]
    log = directory / "gatekeeper.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env=environ, start_new_session=True)
    try:
        wait_until(lambda: (answers(port) and ask(port, "/healthz").status == 200) or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def port_of(process: subprocess.Popen[bytes]) -> int:
    assert isinstance(process.args, list)
    return int(process.args[process.args.index("--port") + 1])


def hang(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and its workers where they stand. They stop a little after they are told."""
    os.killpg(process.pid, signal.SIGSTOP)
    wait_until(lambda: set(states(process.pid)) == {"T"})


def states(group: int) -> Iterator[str]:
    """Yield the states of the threads of a process group, as Linux shows them."""
    for stat in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with suppress(OSError):
            state, _, found = stat.read_text().rpartition(")")[2].split()[:3]
            if int(found) == group:
                yield state
