"""Run by ``test_forks``, one function a run: forks with a store open, and says how it went."""

import os
import sys
import threading
from collections.abc import Callable

from gatekeeper.core.errors import StoreUnavailable
from gatekeeper.store.contract import Store, Total
from gatekeeper.store.engines import open_store

from .things import PERMIT, SITE, new_event, new_record

URL = sys.argv[2]
HIT = Total(SITE, "2026-11-22", "hit", "visit", "refused")


def in_child(action: Callable[[], object]) -> object:
    """Do something in a forked process, and return what it says."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = action()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(write, str(said).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as pipe:
        return pipe.read().decode()


def started() -> Store:
    store = open_store(URL)
    store.start()
    return store


def append_one(store: Store) -> str:
    record = new_record()
    store.record(record)
    store.append(new_event(record.subject), PERMIT)
    return f"kept {len(store.events(SITE, record.subject))}"


def before_any_use() -> None:
    """A server that loads the application, then forks its one worker."""
    store = started()
    print(in_child(lambda: append_one(store)))
    print(append_one(store))


def after_use() -> None:
    """The parent writes already: the child must not."""
    store = started()
    append_one(store)
    print(in_child(lambda: append_one(store)))
    print(append_one(store))
    store.close()


def the_child_takes_over() -> None:
    """What the parent let go of, the child may take."""
    store = started()
    append_one(store)
    ready, go = os.pipe()

    def wait_and_write() -> str:
        try:
            append_one(store)
        except StoreUnavailable:
            store.totals(SITE)  # from here on it has the database open
            os.write(opened, b"x")
            os.read(ready, 1)
        for _ in range(1000):
            try:
                return append_one(store)
            except StoreUnavailable:
                threading.Event().wait(0.01)
        return "never"

    read, write = os.pipe()
    waiting, opened = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, wait_and_write().encode())
        os._exit(0)
    os.read(waiting, 1)
    store.close()
    os.write(go, b"x")
    os.waitpid(child, 0)
    print(os.read(read, 100).decode())


def with_a_tally() -> None:
    """The parent's counts are the parent's to write."""
    store = started()
    store.tally(HIT)

    def child() -> int:
        store.tally(HIT, 10)
        return store.totals(SITE)[HIT]

    print(in_child(child))
    store.close()
    print(open_store(URL).totals(SITE)[HIT])


def while_busy() -> None:
    """Forks while threads read and write: nobody is stuck, nothing is lost."""
    store = started()
    record = new_record()
    store.record(record)
    done = threading.Event()
    kept = [0] * 4

    def visit(number: int) -> None:
        while not done.is_set():
            store.append(new_event(record.subject), PERMIT)
            kept[number] += 1
            store.records(SITE, record.subject)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert in_child(lambda: len(store.records(SITE, record.subject))) == "1"
    done.set()
    for thread in threads:
        thread.join()
    print(len(store.events(SITE, record.subject)) == sum(kept))
    store.close()


globals()[sys.argv[1]]()
