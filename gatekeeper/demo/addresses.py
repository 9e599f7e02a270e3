"""Where the demo's parts listen: only on this machine's own addresses, each vendor on one of its own.

To a browser, every address is another site, as vendors' hosts are on the real web.
"""

import socket

from gatekeeper.core.errors import ConfigError

from .vendors import VENDORS

SHOP = "127.0.0.1"


def listening(port: int) -> list[tuple[str, int]]:
    """Return every address and port that a demo on this port listens on: shop, Gatekeeper, vendors."""
    return [(SHOP, port), (SHOP, port + 1), *((vendor.address, port + 2) for vendor in VENDORS)]


def check_free(port: int) -> None:
    """Check that a demo can listen on all it needs.

    :raises ConfigError: something else listens there, or this machine lacks the address.
    """
    if not 1 <= port <= 65_533:
        raise ConfigError(f"port {port}: choose one from 1 to 65533, for example `make demo PORT=9000`")
    for address, number in listening(port):
        _check(address, number)


def _check(address: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {address} port {port}: {error.strerror}. The demo needs three ports in a row; "
                "choose others with `make demo PORT=9000` or `gatekeeper demo --port 9000`."
                + ("" if address == SHOP else f" On macOS, first run: sudo ifconfig lo0 alias {address}")
            ) from error
