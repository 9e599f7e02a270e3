"""Run by ``test_kills``: serves from a store in a child process, kills it with SIGKILL, again and again.

The children append from several threads and tell every event that was acknowledged through a pipe, before it is
known to be so to anybody else. What was not acknowledged is tried again, with the same ids, by the next child.
Prints the acknowledged ids in the end, one a line.
"""

import os
import random
import signal
import sys
import threading
import time

from gatekeeper.core.errors import StoreUnavailable
from gatekeeper.store.engines import find_engine, open_store

from .things import PERMIT, new_event, new_id

URL, SUBJECT, KILLS = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3])
THREADS = 6
ID = 16


def serve(tell: int, retries: list[bytes]) -> None:
    store = open_store(URL)
    store.start()
    lock = threading.Lock()

    def visit() -> None:
        while True:
            with lock:
                event_id = retries.pop() if retries else new_id()
            os.write(tell, b"?" + event_id)
            try:
                store.append(new_event(SUBJECT, id=event_id), PERMIT)
            except StoreUnavailable:  # a slow disk
                retries.append(event_id)
            else:
                os.write(tell, b"!" + event_id)

    for _ in range(THREADS):
        threading.Thread(target=visit).start()


def main() -> None:
    find_engine(URL)  # imports what each child would have to import
    acknowledged: set[bytes] = set()
    tried: list[bytes] = []
    for _ in range(KILLS):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            serve(write, [event_id for event_id in tried if event_id not in acknowledged])
            threading.Event().wait()
        os.close(write)
        told = read_until(read, random.randint(5, 40))
        time.sleep(random.uniform(0, 0.01))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        tried = read_told(read, told, acknowledged)
    print("\n".join(event_id.hex() for event_id in acknowledged))


def read_until(read: int, acknowledgements: int) -> bytes:
    """Read what a child tells until it has told of some acknowledgements: only then it is under load."""
    told = b""
    while told[:: ID + 1].count(b"!") < acknowledgements:
        told += os.read(read, ID + 1)
    return told


def read_told(read: int, told: bytes, acknowledged: set[bytes]) -> list[bytes]:
    """Read what else a child told; return what it tried."""
    with os.fdopen(read, "rb") as pipe:
        told += pipe.read()
    messages = [told[start : start + ID + 1] for start in range(0, len(told), ID + 1)]
    acknowledged.update(message[1:] for message in messages if message[:1] == b"!")
    return [message[1:] for message in messages if message[:1] == b"?"]


main()
