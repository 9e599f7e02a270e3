"""A small shop with trackers, to see Gatekeeper at work: the shop, Gatekeeper itself, and stand-in vendors.

Three processes in the foreground, all on this machine's own addresses. Nothing here is part of the service.
"""

from pathlib import Path


def run(port: int, state: Path, *, history: bool = True) -> None:
    """Run the demo until it is told to stop by Ctrl-C or SIGTERM.

    :param port: the shop's; the next two are used as well.
    :param state: where its data is kept, for the next time too.
    :raises GatekeeperError: it cannot start, or a part it needs has ended.
    """
    # Here, because the parts import this package too, and the shop needs no database.
    from .parent import run

    run(port, state, history=history)
