"""``python -m gatekeeper.demo``: the demo without the rest of the command line."""

import argparse
import sys
from pathlib import Path

from gatekeeper.core.errors import GatekeeperError

from .parent import run


def main() -> int:
    """Run the demo until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m gatekeeper.demo", description=run.__doc__)
    parser.add_argument("--port", type=int, default=8080, help="of the shop; the next two are used as well")
    parser.add_argument("--state", type=Path, default=Path("var/demo"), help="where to keep the demo's data")
    options = parser.parse_args()
    try:
        run(options.port, options.state)
    except GatekeeperError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
