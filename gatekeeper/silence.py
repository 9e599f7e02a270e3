"""Clients that have fallen silent in the middle of a request, while a thread waits for the rest of it.

granian gives a body no limit of time, and a thread that reads one cannot be called back. But the system knows of each
connection when it last heard from the other side, and a connection that is shut ends the read.
"""

import os
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

#: A client that sends nothing for so long is given up while somebody waits for it, in seconds.
SILENCE = 10.0
_EVERY = 2.0
#: Where ``struct tcp_info`` (linux/tcp.h) has ``tcpi_last_data_recv``, in milliseconds.
_LAST_DATA_RECEIVED = 52


def watch(slowest: Callable[[], float], *, silence: float = SILENCE) -> None:
    """Shut silent connections, in a thread of its own, for as long as the process lives.

    Whatever has been silent for so long while a body is waited for is shut; a connection that was merely kept open for
    the next request is opened again by its client.

    :param slowest: says for how long the slowest body has been waited for, in seconds.
    """

    def run() -> None:
        pause = threading.Event()
        while not pause.wait(_EVERY):
            if slowest() >= silence:
                shut(silence)

    threading.Thread(target=run, name="gatekeeper-silence", daemon=True).start()


def shut(silence: float) -> None:
    """Shut the connections to this process's listening sockets that have been silent for so many seconds."""
    with ExitStack() as stack:
        opened = [stack.enter_context(one) for one in _sockets()]
        ports = {one.getsockname()[1] for one in opened if _is_listening(one)}
        for one in opened:
            # A connection that ends by itself meanwhile is none to look after.
            with suppress(OSError):
                if one.getsockname()[1] in ports and _silent_for(one) >= silence:
                    one.shutdown(socket.SHUT_RDWR)


def _sockets() -> Iterator[socket.socket]:
    """Yield this process's TCP sockets, under descriptors of their own; none where the system does not list them."""
    try:
        descriptors = [int(path.name) for path in Path("/proc/self/fd").iterdir()]
    except OSError:
        return
    for descriptor in descriptors:
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            one = socket.socket(fileno=os.dup(descriptor))
        except OSError:
            continue
        if one.family in {socket.AF_INET, socket.AF_INET6} and one.type == socket.SOCK_STREAM:
            yield one
        else:
            one.close()


def _is_listening(one: socket.socket) -> bool:
    return bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _silent_for(one: socket.socket) -> float:
    """Return for how long nothing was heard on a connection, in seconds; 0 for what is no connection."""
    if _is_listening(one):
        return 0.0
    told = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    (milliseconds,) = struct.unpack_from("I", told, _LAST_DATA_RECEIVED)
    return float(milliseconds) / 1000
