"""Build databases of a given size, once: through the store's own writes, many in a transaction, and resumably."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import count, islice
from pathlib import Path
from typing import cast

import click

from e2e.served import Served
from gatekeeper.core.decisions import Allowed, Reason
from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.tokens import SubjectToken, SubjectTokens
from gatekeeper.store import writes
from gatekeeper.store.contract import ConsentRecord
from gatekeeper.store.engine import Connection
from gatekeeper.store.engines import open_store
from gatekeeper.store.keeper import Keeper
from gatekeeper.store.transactions import Job, Transactions

from .stored import stored

#: Signs the cookies of visitors who were never asked.
KEY = "a-key-of-the-measurements-which-nobody-else-uses"
CHOICE = "1.shop.1.20261122.g.6.0.-.0"
#: When the first event happened: 24 August 2026. They lie on 90 days.
BEGAN = 1_787_529_600
DAYS = 90
_AT_ONCE = 2000
#: How many pages a visit has, a minute each.
_PAGES = 4
_WORDS = ("tea", "cups", "pots", "green", "black", "white", "oolong", "gifts", "sale", "about")
_PERMIT = Allowed(Reason.GRANTED, "shop", "visit", "analytics", 1)


def identity(kind: str, number: int) -> bytes:
    """Return the id of something, always the same one: 16 bytes that look random."""
    return blake2b(f"{kind} {number}".encode(), digest_size=16).digest()


def cookies(number: int) -> dict[str, str]:
    """Return the cookies of one of the visitors that :func:`build` made."""
    token = SubjectToken(identity("subject", number), identity("record", number), CHOICE)
    return {"gk_choice": CHOICE, "gk_subject": SubjectTokens([KEY]).sign(token)}


@dataclass(frozen=True)
class Size:
    """How much a database holds."""

    choices: int
    events: int = 0

    @property
    def name(self) -> str:
        return f"{self.choices}-choices-{self.events}-events{'-in-visits' if self.events else ''}"


def build(place: Path, size: Size) -> Served:
    """Return a Gatekeeper whose database holds so much; what is missing is added.

    :param place: where databases are kept for the next time.
    """
    folder = place / size.name
    folder.mkdir(parents=True, exist_ok=True)
    served = Served(folder, key=KEY)
    have = stored(served.url)
    store = open_store(served.url)
    assert isinstance(store, Keeper)
    try:
        _fill(f"{size.choices:,} choices", have["records"], size.choices, partial(_grant, store))
        _fill(f"{size.events:,} events", have["events"], size.events, partial(_happen, store, size))
        if have["events"] < size.events:
            store.settle()
    finally:
        store.close()
    return served


def _fill(label: str, have: int, wanted: int, add: Callable[[int, int], None]) -> None:
    if have >= wanted:
        return
    with click.progressbar(length=wanted, label=label) as bar:
        bar.update(have)
        for begin in range(have, wanted, _AT_ONCE):
            end = min(begin + _AT_ONCE, wanted)
            add(begin, end)
            bar.update(end - begin)


def _grant(store: Keeper, begin: int, end: int) -> None:
    jobs = [Job(work=_recording(number)) for number in range(begin, end)]
    transactions = Transactions(lambda: float(BEGAN), {})
    transactions.run_on(store._connections, jobs)


def _recording(number: int) -> Callable[[Connection], None]:
    names = ("subject", "record", "receipt")
    subject, record, receipt = (identity(name, number) for name in names)
    kept = ConsentRecord("shop", subject, record, receipt * 2, 1, CHOICE, "en", "accept_all", BEGAN)
    return lambda connection: writes.record(connection, kept)


def _happen(store: Keeper, size: Size, begin: int, end: int) -> None:
    store.append_all(list(islice(_events(size, begin), end - begin)))
    transactions = Transactions(lambda: float(BEGAN), {})
    transactions.run_on(store._connections, [store._settler.job(Job(settle=True), end - begin)])


def _events(size: Size, begin: int) -> Iterator[Permitted]:
    """Yield page views, nearly in the order in which they happen."""
    for number in count(begin):
        visit, page = divmod(number, _PAGES)
        chance, of_visit = random.Random(number), random.Random(f"visit {visit}")
        at = BEGAN + visit * _PAGES * DAYS * 86_400 // size.events + page * 60
        fields = {
            "path": f"/{chance.choice(_WORDS)}/{chance.choice(_WORDS)}",
            "browser": of_visit.choice(("Chrome 142", "Firefox 145", "Safari 26", "Edge 142")),
            "system": of_visit.choice(("Windows", "Mac OS X", "Linux", "Android", "iOS")),
            "device": of_visit.choice(("desktop", "phone", "tablet")),
            "language": of_visit.choice(("en-GB", "de-CH", "fr-FR", "es-ES")),
            "referrer": of_visit.choice(("", "", "search.example", "news.example")),
        }
        subject = identity("subject", of_visit.randrange(size.choices))
        event = Event(identity("event", number), "shop", subject, at, EventKind.VIEW, "visit", fields)
        yield Permitted(event, cast(Allowed, _PERMIT))
