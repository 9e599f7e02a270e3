"""Run by ``test_settling``: settles what waits in a child process, kills it with SIGKILL, until nothing waits."""

import os
import random
import signal
import sys
import time

from gatekeeper.store.engines import open_store
from gatekeeper.store.settling import Settler

URL, KILLS = sys.argv[1], int(sys.argv[2])


def settle(url: str) -> None:
    open_store(url, zones={"shop": "Europe/Berlin"}).settle()


def main() -> None:
    kills = 0
    while True:
        child = os.fork()
        if child == 0:
            settle(URL)
            os._exit(0)
        # Ever later, so that it comes between any two writes, and in the end not at all.
        time.sleep(random.uniform(0, 0.002 * (1 + kills)))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        kills += 1
    assert kills >= KILLS, f"it was killed {kills} times only"
    print(kills)


Settler  # noqa: B018 - imported before the forks, so that a child begins at once
main()
