"""The servers that are compared: each a process of its own, on the same processor, run in the same way."""

import http.client
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from e2e.served import Served
from tests.ports import free_port

from . import accounts
from .references import THREADS

ROOT = Path(__file__).parent.parent
#: How much longer a slow disk takes for every fsync than this machine's, in microseconds: as one that turns.
SLOW_DISK = 10_000


class Settling(NamedTuple):
    """What is still to be settled, what has been, and the processor time that took, in seconds."""

    fresh: int = 0
    settled: int = 0
    seconds: float = 0.0


@dataclass
class Server:
    """Something that answers on a port, and the process whose accounts tell what that costs."""

    name: str
    port: int
    pid: int
    host: str = "127.0.0.1"
    settles: bool = False

    @property
    def processor_time(self) -> float:
        return accounts.processor_time(self.pid)

    @property
    def memory(self) -> int:
        return accounts.memory(self.pid)

    def settling(self) -> Settling:
        """Return what settling has come to so far, as Gatekeeper's own metrics tell; nothing of other servers."""
        if not self.settles:
            return Settling()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request("GET", "/metrics", headers={"Host": "localhost"})
            told = dict(re.findall(r"^(gatekeeper_\w+) (\S+)$", connection.getresponse().read().decode(), re.MULTILINE))
        finally:
            connection.close()
        names = ("fresh_events", "events_settled_total", "settling_cpu_seconds_total")
        fresh, settled, seconds = (float(told[f"gatekeeper_{name}"]) for name in names)
        return Settling(int(fresh), int(settled), seconds)

    def rest(self) -> None:
        """Wait until there is nothing left to settle."""
        until = time.monotonic() + 60
        while self.settling().fresh and time.monotonic() < until:
            time.sleep(0.1)


@contextmanager
def reference(program: str) -> Iterator[Server]:
    """Run one of :mod:`bench.references`."""
    port = free_port()
    call = [sys.executable, "-m", "bench.references", program, str(port)]
    with accounts.pinned(accounts.SERVERS):
        process = subprocess.Popen(call, cwd=ROOT, start_new_session=True)
    try:
        _wait_for(port)
        yield Server(program, port, process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


class Gatekeeper(Served):
    """Gatekeeper as anybody serves it: ``gatekeeper serve``, with a site that has one tracker of each kind."""

    @property
    def shared(self) -> bool:
        """Whether several processes may serve, each with metrics of its own."""
        return not self.url.startswith("sqlite")

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Serve until the end of the ``with`` block."""
        with accounts.pinned(accounts.SERVERS):
            self.start("--threads", str(THREADS))
        assert self.process is not None
        try:
            yield Server("gatekeeper", self.port, self.process.pid, settles=not self.shared)
        finally:
            self.stop()


class Folders:
    """Folders for what servers keep, on the disk that the project is on, gone in the end."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._place.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def new(self) -> Path:
        """Return a new folder."""
        path = self._place / f"run-{secrets.token_hex(4)}"
        path.mkdir()
        self._stack.callback(shutil.rmtree, path, ignore_errors=True)
        return path


#: Stands for a PostgreSQL server that is started for this run, and gone after it.
OWN = "own"


@contextmanager
def database(told: str) -> Iterator[str]:
    """Return the address of a database.

    :param told: an address, :data:`OWN`, or empty for SQLite, which needs none.
    """
    if told != OWN:
        yield told
        return
    # Only here: it needs PostgreSQL's programs.
    from tests.postgres import Postgres

    server = Postgres()
    try:
        with server.fresh() as url:
            yield url
    finally:
        server.stop()


def slow_disk(folder: Path) -> dict[str, str] | None:
    """Return the environment in which every fsync takes :data:`SLOW_DISK` longer; None without a C compiler.

    A library of ten lines stands before the system's own fsync(2) and fdatasync(2) and sleeps. The kernel could do it
    too (dm-delay), but only for root, and the whole device would be slow.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / "slowdisk.so"
    source = Path(__file__).with_name("slowdisk.c")
    call = [compiler, "-shared", "-fPIC", "-O1", f"-DDELAY={SLOW_DISK}", "-o", str(library), str(source), "-ldl"]
    if subprocess.run(call, capture_output=True, check=False).returncode:
        return None
    return {"LD_PRELOAD": os.pathsep.join(filter(None, [str(library), os.environ.get("LD_PRELOAD", "")]))}
