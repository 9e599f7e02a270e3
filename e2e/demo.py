"""A running demo, for tests: started as a user starts it, on free ports, with data of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from gatekeeper.demo.state import State
from gatekeeper.demo.vendors import ASK_HEADER, VENDORS
from tests.ports import free_port

_READY_WITHIN = 60  # seconds


@dataclass
class Demo:
    """A demo and its processes.

    :param folder: where it keeps its data.
    :param port: the shop's.
    """

    folder: Path
    port: int = 0
    process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start it and wait until the shop and Gatekeeper answer."""
        self.port = self.port or free_port(3)
        with (self.folder / "output").open("w") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "gatekeeper",
                    "demo",
                    "--no-history",
                    "--port",
                    str(self.port),
                    "--state",
                    str(self.folder),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.wait_for("Ctrl-C stops everything")
        return self

    def wait_for(self, text: str) -> None:
        """Wait until it has printed a text."""
        deadline = time.monotonic() + _READY_WITHIN
        while text not in self.output:
            assert self.process is not None
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def stop(self) -> int:
        """Tell it to stop, as Ctrl-C does, and return its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    @property
    def output(self) -> str:
        """What it has printed."""
        return (self.folder / "output").read_text()

    @property
    def host(self) -> str:
        """The shop's host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def keys(self) -> list[str]:
        """Gatekeeper's signing keys."""
        return State(self.folder).keys.read_text().split()

    def url(self, path: str) -> str:
        """Return the address of a page of the shop."""
        return f"http://{self.host}{path}"

    def pid(self, part: str) -> int:
        """Return the process id of a part, which is its process group's too."""
        return int(State(self.folder).pid(part).read_text())

    def signal(self, part: str, number: signal.Signals) -> None:
        """Send a signal to all processes of a part."""
        os.killpg(self.pid(part), number)

    def answers(self, port: int, path: str) -> bool:
        """Tell whether something answers well."""
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def received(self) -> list[dict[str, Any]]:
        """Return what the vendors received, oldest first."""
        return list(json.loads(self._ask("GET", "/hits")))

    def receivers(self) -> Counter[str]:
        """Return how many requests each vendor received."""
        return Counter(hit["vendor"] for hit in self.received())

    def reset(self) -> None:
        """Let the vendors forget what they received."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str) -> bytes:
        connection = HTTPConnection(VENDORS[0].address, self.port + 2, timeout=5)
        connection.request(method, path, headers={ASK_HEADER: "1"})
        body = connection.getresponse().read()
        connection.close()
        return body
