"""Settling: events that have arrived are counted, and moved to where those of their subject are.

Both happen in one transaction, so that after a kill each event is either waiting or counted, and counted once.
"""

import logging
import math
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatekeeper.core.days import UTC
from gatekeeper.core.events import FIELDS, Event, EventKind
from gatekeeper.core.histories import History
from gatekeeper.core.rollups import Rollup

from . import sealing
from .engine import Connection, Who
from .rollups import Books
from .transactions import Job

log = logging.getLogger(__name__)

#: What the visit log's own permission is for.
_LOG = FIELDS["path"]
#: What stands for an event's id where a history is sealed; ids have 16 bytes.
_HISTORY = b"history"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(History).decode


#: How soon after they arrive events are settled, in seconds: more at once cost less each.
SOON = 0.5
#: How many are settled at once, and how many while requests come in, who wait for that long at most. An event costs
#: 75 us of CPU in batches of 400, 100 in batches of 100, 150 in batches of 25.
BATCH = 200
BATCH_WHILE_BUSY = 32
#: How long to pause then, in times of what the last batch took.
_PAUSE_WHILE_BUSY = 3
#: Who is behind for longer than this takes more of the writer's time, in seconds.
_BEHIND = 5.0
#: How long to wait where settling failed, or another process does it, in seconds.
_LATER = 2.0


class Schedule:
    """When to settle next, and how much. Times are of the monotonic clock, in seconds.

    :ivar due: when to settle.
    :ivar counting: whether to count, too: an event that cannot be counted must not keep the others from it.
    """

    def __init__(self) -> None:
        self.due = -math.inf  # what a process before this one has left
        self.counting = True
        self._most = BATCH
        self._behind_since = math.inf

    def limit(self, now: float, *, busy: bool) -> int:
        """Return how many events to settle at most.

        :param busy: whether requests come in.
        """
        wanted = BATCH_WHILE_BUSY * (3 if now - self._behind_since > _BEHIND else 1) if busy else BATCH
        return min(self._most, wanted)

    def arrived(self, now: float) -> None:
        """Note that an event has arrived."""
        self.due = min(self.due, now + SOON)

    def settled(self, taken: int | None, limit: int, took: float, now: float, *, busy: bool) -> None:
        """Note how many events were settled, of how many at most, and in what time.

        :param taken: None where another process settles.
        :param busy: whether requests come in.
        """
        if taken is None:
            self.due = now + SOON
        elif taken < limit:
            self.due = self._behind_since = math.inf
        else:
            self._behind_since = min(self._behind_since, now)
            pause = 1 if now - self._behind_since > _BEHIND else _PAUSE_WHILE_BUSY
            self.due = now + (took * pause if busy else 0)
        self.counting = True
        self._most = min(BATCH, 4 * self._most)

    def failed(self, limit: int, now: float, *, mistake: bool) -> None:
        """Note that settling failed.

        :param mistake: by what is in an event. Ever fewer are tried at once, until the one that cannot be counted is
            alone; it is then settled uncounted.
        """
        self.due = now + (0 if mistake else _LATER)
        if mistake:
            self.counting = limit > 1
            self._most = max(1, limit // 4)


class Settler:
    """Settles events, in transactions that others begin and commit. Used by one thread at a time.

    :param zones: the time zones of sites; UTC for one that is not there.
    """

    def __init__(self, zones: Mapping[str, str]) -> None:
        self._zones = zones

    def job(self, asked: Job, limit: int, *, count: bool = True) -> Job:
        """Return the job that settles, as one was asked to, and tells it how much was settled."""

        def work(connection: Connection) -> None:
            asked.settled = self.settle(connection, limit, count=count)

        return Job(work=work)

    def settle(self, connection: Connection, limit: int, *, count: bool = True) -> int | None:
        """Settle the events that have waited longest, and return how many that were; None where another process does.

        :param count: whether to count them, too.
        """
        taken, rows = connection.take_fresh(limit) or (None, [])
        if count and rows:
            rows.sort(key=itemgetter(0, 3, 2))  # by site, as they happened
            subjects = sorted({(row[0], row[1]) for row in rows})
            keys = connection.keys(subjects, {})
            sealers = {who: sealing.opener(key) for who, key in keys.items() if key is not None}
            for site, own in groupby(rows, key=itemgetter(0)):
                here = {who: sealer for who, sealer in sealers.items() if who[0] == site}
                self._count(connection, site, list(own), here)
        return taken

    def _count(self, connection: Connection, site: str, rows: list[Any], sealers: Mapping[Who, AESGCM]) -> None:
        books = Books(connection, site)
        rollup = Rollup(self._zones.get(site, UTC), books)
        histories = _Histories(connection, sealers)
        for row in rows:
            sealer = sealers.get((site, row[1]))
            if sealer is None:  # erased meanwhile: nobody can read it any more, so nobody can count it
                continue
            body = sealing.unseal(sealer, row[6], *row[:3])
            if body is None:
                log.error("an event of site %r cannot be opened: it is kept, and not counted", site)
                continue
            fields, (_, purpose, _) = sealing.decode_body(body)
            event = Event(row[2], site, row[1], row[3], EventKind(row[4]), row[5], fields)
            histories.follow(rollup, event, logged=purpose == _LOG)
        books.enter(rollup)
        histories.keep()


class _Histories:
    """The histories of those whose events are being settled."""

    def __init__(self, connection: Connection, sealers: Mapping[Who, AESGCM]) -> None:
        self._connection = connection
        self._sealers = sealers
        self._changed: set[Who] = set()
        found = connection.fetch_each(connection.sql.visitor, list(sealers))
        opened = ((who, self._open(who, row[0])) for who, row in zip(sealers, found, strict=True) if row)
        self._known = {who: history for who, history in opened if history}

    def follow(self, rollup: Rollup, event: Event, *, logged: bool) -> None:
        """Count an event, and remember where it leaves its visitor."""
        who = (event.site, event.subject)
        before = self._known.get(who)
        after = rollup.add(event, before, logged=logged)
        if after is not None and after != before:
            self._known[who] = after
            self._changed.add(who)

    def keep(self) -> None:
        """Keep those that have changed."""
        rows = [(*who, self._known[who].last_at, self._seal(who, self._known[who])) for who in sorted(self._changed)]
        self._connection.executemany(self._connection.sql.keep_visitor, rows)

    def _seal(self, who: Who, history: History) -> bytes:
        return sealing.seal(self._sealers[who], _encode(history), *who, _HISTORY)

    def _open(self, who: Who, sealed: bytes) -> History | None:
        body = sealing.unseal(self._sealers[who], sealed, *who, _HISTORY)
        if body is None:
            log.error("what is remembered of a visitor of site %r cannot be opened: they count as a new one", who[0])
            return None
        return _decode(body)
