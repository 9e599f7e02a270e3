"""Ports for servers that tests start."""

import random
import socket

#: Below what systems give to outgoing connections, so that none of those takes a port between the look and its use.
_LOW, _HIGH = 12_000, 32_000
#: Stand-ins listen on addresses of their own, on the same port.
_ADDRESSES = tuple(f"127.0.0.{last}" for last in range(1, 10))


def free_port(count: int = 1) -> int:
    """Return a port that is free, as are the ones after it.

    :param count: how many ports in a row are needed.
    """
    while True:
        port = random.randrange(_LOW, _HIGH)
        if all(_is_free(address, each) for address in _ADDRESSES for each in range(port, port + count)):
            return port


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True
