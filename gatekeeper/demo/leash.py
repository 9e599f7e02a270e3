"""Start a command that ends with its parent, whatever ends the parent: ``python -m gatekeeper.demo.leash PARENT CMD…``.

Linux tells a process of its parent's end if it asks to be told, and keeps that through ``exec`` (prctl(2),
PR_SET_PDEATHSIG). Elsewhere the demo relies on its parent to stop the children.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the command."""
    parent, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # The parent may have ended before we asked.
    if os.getppid() != int(parent):
        sys.exit("the demo has ended already")
    os.execv(command[0], command)  # noqa: S606  # our own interpreter and module, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
