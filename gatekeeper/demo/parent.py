"""The demo's parent process: starts the three parts, waits until they answer, watches them, stops them."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from gatekeeper.core.errors import ConfigError, GatekeeperError

from . import guide
from .addresses import SHOP, check_free, listening
from .prepare import prepare
from .state import State

_READY_WITHIN = 60  # seconds
_STOPS_WITHIN = 10
_LOOK_EVERY = 0.2
_TAIL = 15  # lines of a log


class DemoEnded(GatekeeperError):
    """A part without which there is no demo has ended."""


@dataclass(frozen=True, slots=True)
class Part:
    """A running part. It leads a process group of its own, so that all its processes can be stopped together."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def ended(self) -> DemoEnded:
        """Return what to say when it has ended by itself."""
        lines = self.log.read_text("utf-8", "replace").splitlines()[-_TAIL:]
        return DemoEnded("\n".join([f"{self.name} has ended (status {self.process.returncode}). It said:", *lines]))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all its processes, also those that its leader left behind."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def run(port: int, state: Path, *, history: bool = True) -> None:
    """Run the demo until it is told to stop by Ctrl-C or SIGTERM.

    :param port: the shop's; the next two are used as well.
    :param state: where its data is kept, for the next time too.
    :param history: whether a new shop has been open for some weeks already.
    :raises GatekeeperError: it cannot start, or a part it needs has ended.
    """
    stop = _stop_on_signals()
    state.mkdir(parents=True, exist_ok=True)
    with _alone(State(state.resolve())):
        check_free(port)
        prepared = prepare(state, port, history=history, say=_say)
        with _parts(prepared, port) as parts:
            _wait_until_ready(parts, port, stop)
            if not stop.is_set():
                print(guide.printed(port, prepared.shown, prepared.password.read_text("utf-8").strip()), flush=True)
            _watch(parts, stop)
    print("The demo has stopped.", flush=True)


def _say(text: str) -> None:
    """Say how far something is: in one line at a terminal, else not at all."""
    if sys.stdout.isatty():
        print(f"\r{text}  ", end="", flush=True)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextlib.contextmanager
def _alone(state: State) -> Iterator[None]:
    """Keep a second demo from the same data; the lock goes when this process ends, however it ends."""
    path = state.pid("demo")
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            other = file.read().strip()
            raise ConfigError(f"a demo is running already with {state.folder} (process {other})") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        path.unlink()


@contextlib.contextmanager
def _parts(state: State, port: int) -> Iterator[dict[str, Part]]:
    commands = {
        "vendors": ["gatekeeper.demo.vendors", "--port", str(port + 2)],
        "gatekeeper": ["gatekeeper", "serve", "--host", SHOP, "--port", str(port + 1)],
        "shop": ["gatekeeper.demo.shop", "--port", str(port), "--state", str(state.folder)],
    }
    parts: dict[str, Part] = {}
    try:
        for name, arguments in commands.items():
            parts[name] = _start(name, arguments, state)
        yield parts
    finally:
        _stop(parts.values())
        for name in parts:
            state.pid(name).unlink(missing_ok=True)


def _start(name: str, arguments: list[str], state: State) -> Part:
    leash = [sys.executable, "-m", "gatekeeper.demo.leash", str(os.getpid())]
    with state.log(name).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and modules, no shell
            [*leash, sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=state.environment,
            process_group=0,
        )
    state.pid(name).write_text(f"{process.pid}\n", "utf-8")
    return Part(name, process, state.log(name))


def _wait_until_ready(parts: dict[str, Part], port: int, stop: threading.Event) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while not (_healthy(port + 1) and all(_listens(*place) for place in listening(port))):
        for part in parts.values():
            if not part.running and not stop.is_set():
                raise part.ended()
        if stop.wait(_LOOK_EVERY):
            return
        if time.monotonic() > deadline:
            raise DemoEnded(f"not ready after {_READY_WITHIN} s; see the logs beside {parts['shop'].log}")


def _healthy(port: int) -> bool:
    connection = HTTPConnection(SHOP, port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def _watch(parts: dict[str, Part], stop: threading.Event) -> None:
    needed = [part for part in parts.values() if part.name != "gatekeeper"]
    gatekeeper: Part | None = parts["gatekeeper"]
    while not stop.wait(_LOOK_EVERY):
        for part in needed:
            if not part.running:
                raise part.ended()
        if gatekeeper and not gatekeeper.running:
            _say_gatekeeper_ended(gatekeeper)
            gatekeeper = None


def _say_gatekeeper_ended(part: Part) -> None:
    part.signal(signal.SIGKILL)
    print(
        f"{part.ended()}\n\nGatekeeper is gone. The shop goes on: its pages come as fast as ever, and nothing fires "
        "until you start the demo again.",
        flush=True,
    )


def _stop(parts: Collection[Part]) -> None:
    for part in parts:
        # The leader alone is told: it ends its own processes in order. One that hangs must go on to hear it.
        part.signal(signal.SIGCONT)
        part.process.terminate()
    deadline = time.monotonic() + _STOPS_WITHIN
    for part in parts:
        while part.running and time.monotonic() < deadline:
            # Told again and again: of what arrives while a process hangs, Linux may tell any of its threads, and
            # Python hears it in the main thread only.
            part.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                part.process.wait(_LOOK_EVERY)
        part.signal(signal.SIGKILL)
        part.process.wait()
