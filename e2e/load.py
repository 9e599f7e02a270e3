"""Pages that report events again and again until they are answered, as the guard does, and what came of it."""

import secrets
import threading
import time
from contextlib import suppress
from typing import Self

from gatekeeper.core.tokens import SubjectTokens
from gatekeeper.store.engines import open_store

from .served import Served


def event_id() -> str:
    """Return a new event's id, a UUIDv7, as the guard makes them."""
    stamp = time.time_ns() // 1_000_000
    return f"{stamp:012x}7{secrets.token_hex(2)[1:]}8{secrets.token_hex(8)[1:]}"


def stored_ids(served: Served, cookies: dict[str, str]) -> list[str]:
    """Return the ids of the events that are kept of a visitor."""
    subject = SubjectTokens([served.key]).verify(cookies["gk_subject"]).subject
    store = open_store(served.url)
    try:
        return [event.id.hex() for event in store.events("shop", subject)]
    finally:
        store.close()


class Load:
    """Pages that report batches of events, each until it is answered, with the same ids.

    ``answered`` holds the ids of what was; ``again`` says how often something was told once more.
    """

    def __init__(self, served: Served, cookies: dict[str, str], pages: int = 4) -> None:
        self.served = served
        self.cookies = cookies
        self.answered: list[str] = []
        self.again = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._page) for _ in range(pages)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _page(self) -> None:
        while not self._stop.is_set():
            ids = [event_id() for _ in range(3)]
            if self._report(ids):
                self.answered.extend(ids)

    def _report(self, ids: list[str]) -> bool:
        """Report a batch until it is answered; tell whether it was before the end."""
        batch = {"events": [{"id": each, "kind": "view", "path": "/tea"} for each in ids]}
        while True:
            with suppress(OSError):
                if self.served.post("/gk/shop/events", batch, self.cookies, timeout=5).status == 204:
                    return True
            if self._stop.wait(0.01):
                return False
            self.again += 1
