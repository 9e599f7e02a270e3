"""A load generator: many keep-alive connections from one thread, each asking again as soon as it is answered.

What it costs does not matter: it runs on a processor of its own, and servers are measured by their own accounts.
"""

import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

#: How long an answer may take, in seconds.
PATIENCE = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BODILESS = {204, 304}


@dataclass
class Run:
    """What a run of requests came to. Latencies are in seconds, one for each answer."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def answers(self) -> int:
        return len(self.latencies)


class _Connection:
    __slots__ = ("buffer", "length", "sent", "socket", "status")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.length = 0
        self.status = 0
        self.sent = 0.0

    def send(self, request: bytes) -> None:
        # Requests are small, and nothing else is under way on the connection: the buffer takes them whole.
        self.sent = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Read what has come; tell whether the answer is whole."""
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the server hung up in the middle of an answer")
        self.buffer += data
        if not self.length:
            self.length = self._read_head()
        if not self.length or len(self.buffer) < self.length:
            return False
        self.buffer, self.length = self.buffer[self.length :], 0
        return True

    def _read_head(self) -> int:
        """Return how long the whole answer is; 0 while its head is not whole."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return 0
        self.status = int(self.buffer[9:12])
        if self.status in _BODILESS:
            return end + 4
        told = _LENGTH.search(self.buffer, 0, end)
        if told is None:
            raise ValueError("an answer without Content-Length, which this client cannot read")
        return end + 4 + int(told[1])


class Client:
    """So many connections to one server, open until the end of the ``with`` block."""

    def __init__(self, port: int, connections: int, host: str = "127.0.0.1") -> None:
        self._address = (host, port)
        self._count = connections

    def __enter__(self) -> Self:
        self._selector = selectors.DefaultSelector()
        self._connections = [_Connection(self._address) for _ in range(self._count)]
        for connection in self._connections:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections:
            connection.socket.close()
        self._selector.close()

    def run(self, requests: Iterator[bytes], seconds: float) -> Run:
        """Keep every connection busy for a time, then wait for the last answers.

        :param requests: as many as it takes; none is sent twice.
        """
        run = Run()
        began = time.perf_counter()
        until = began + seconds
        for connection in self._connections:
            connection.send(next(requests))
        busy = len(self._connections)
        while busy:
            ready = self._selector.select(PATIENCE)
            if not ready:
                raise TimeoutError(f"no answer within {PATIENCE:g} s")
            for key, _ in ready:
                connection = key.data
                if not connection.receive():
                    continue
                now = time.perf_counter()
                run.latencies.append(now - connection.sent)
                run.statuses[connection.status] += 1
                if now < until:
                    connection.send(next(requests))
                else:
                    busy -= 1
        run.seconds = time.perf_counter() - began
        return run
