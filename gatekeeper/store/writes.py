"""What each write does, inside a transaction that somebody else began and will commit."""

import math
import os
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatekeeper.core.choices import State
from gatekeeper.core.days import UTC, day_of
from gatekeeper.core.decisions import Reason, Status
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.events import Event
from gatekeeper.core.learners import Invitation
from gatekeeper.core.notices import Notice
from gatekeeper.core.sightings import Sighting

from . import sealing
from .contract import ConsentRecord, Total
from .engine import REPLACED, Connection, Granted, Who

#: An event that may be kept, its body as :func:`gatekeeper.store.sealing.encode_body` made it, and the consent record
#: that permits it; empty where that is not known.
Encoded = tuple[Event, bytes, bytes]

#: The status of a subject whose record has ended; the others are those of a subject's own requests.
WITHDRAWN = State.WITHDRAWN.value
#: How a record ended that ran out by itself.
EXPIRED = "expired"
# A subject has one status: a stronger one replaces a weaker, never the reverse.
_STRENGTH = {WITHDRAWN: 1, Status.OBJECTING.value: 2, Status.RESTRICTED.value: 3, Status.ERASED.value: 4}

_REMEMBERED_KEYS = 4096
#: A site has fewer; more come only of a page that makes up addresses.
MAX_SIGHTINGS = 5000

#: A value as the row of its table. ``dataclasses.astuple`` would copy every field deeply, for 20 us a record.
_row_of_record: Callable[[ConsentRecord], tuple[Any, ...]] = attrgetter(*(each.name for each in fields(ConsentRecord)))
_row_of_sighting: Callable[[Sighting], tuple[Any, ...]] = attrgetter(*(each.name for each in fields(Sighting)))


def publish(connection: Connection, notice: Notice) -> None:
    """Add a notice; its content is kept as canonical JSON (RFC 8785), of which its hash is the SHA-256."""
    (last,) = connection.execute(connection.sql.last_notice, (notice.site,)).fetchone()
    expected = (last or 0) + 1
    if notice.no != expected:
        raise InvalidInput(f"notice {notice.no} of site {notice.site!r} cannot be published: the next is {expected}")
    content = rfc8785.dumps(notice.content).decode()
    row = (notice.site, notice.no, notice.hash, content, notice.published_day)
    if not connection.execute(connection.sql.publish, row).rowcount:
        raise InvalidInput(f"notice {notice.no} of site {notice.site!r} has just been published by somebody else")


def lift(connection: Connection, site: str, at: int, *, lifted: bool) -> None:
    """Note that a site's policy is lifted, or is not."""
    if lifted:
        connection.execute(connection.sql.lift, (site, at))
    else:
        connection.execute(connection.sql.restore, (site,))


def record(connection: Connection, record: ConsentRecord) -> None:
    """Add a grant; the subject's earlier one ends as replaced."""
    sql = connection.sql
    who = (record.site, record.subject)
    # Most grants are a new subject's, which has no status and no records yet: nothing more is asked about it.
    if not connection.execute(sql.add_subject, (*who, sealing.new_key())).rowcount:
        _hold(connection, who)
        if status_of(connection, who) is not None:
            raise InvalidInput("this subject has ended: a new grant is a new subject")
        open_records = [ConsentRecord(*row) for row in connection.execute(sql.open_records, who).fetchall()]
        if record in open_records:
            return  # tried again, as the answer was lost
        connection.executemany(sql.replace, [(*who, replaced.record) for replaced in open_records])
        connection.execute(sql.end_record, (record.at, "replaced", *who))
    if not connection.execute(sql.add_record, _row_of_record(record)).rowcount:
        raise InvalidInput("this record or receipt is already kept: both ids must be new")


def end(connection: Connection, who: Who, state: State, at: int) -> None:
    """End a subject's record, and block the subject."""
    if _hold(connection, who):
        connection.execute(connection.sql.end_record, (at, state.value, *who))
        _raise_status(connection, who, WITHDRAWN, at)


def expire(connection: Connection, who: Who, *, before: int, now: int) -> None:
    """End a subject's record that was given before a moment and has run out since, and block the subject.

    :param before: a record that is given at this moment runs out now.
    """
    if not _hold(connection, who):
        return
    records = [ConsentRecord(*row) for row in connection.execute(connection.sql.open_records, who).fetchall()]
    if records and all(record.at < before for record in records):
        ran_out = max(record.at for record in records) + now - before
        connection.execute(connection.sql.end_record, (ran_out, EXPIRED, *who))
        _raise_status(connection, who, WITHDRAWN, ran_out)


def block(connection: Connection, who: Who, status: Status, at: int) -> None:
    """Block a subject; if it is to be erased, destroy its key."""
    if _hold(connection, who):
        _raise_status(connection, who, status.value, at)
        if status is Status.ERASED:
            connection.execute(connection.sql.forget_key, (None, *who))
            connection.execute(connection.sql.forget_visitor, who)


def status_of(connection: Connection, who: Who) -> str | None:
    """Return why a subject is blocked, None where it is not."""
    row = connection.execute(connection.sql.blocked, who).fetchone()
    return None if row is None else str(row[0])


def add_totals(connection: Connection, counts: Mapping[Total, int]) -> None:
    """Add to totals, in an order in which two processes do not wait for one another."""
    connection.executemany(connection.sql.add_total, sorted((*total, n) for total, n in counts.items()))


def see(connection: Connection, seen: Mapping[Sighting, int]) -> None:
    """Add to sightings; what is new while a site has too many is left out."""
    for key, n in sorted((_row_of_sighting(sighting), n) for sighting, n in seen.items()):
        if connection.execute(connection.sql.see_again, (n, *key)).rowcount:
            continue
        (kept,) = connection.execute(connection.sql.count_sightings, key[:1]).fetchone()
        if kept < MAX_SIGHTINGS:
            connection.execute(connection.sql.see_first, (*key, n))


def forget_sightings(connection: Connection, site: str) -> None:
    """Forget a site's sightings."""
    connection.execute(connection.sql.forget_sightings, (site,))


def use_invitation(connection: Connection, invitation: Invitation, at: int) -> None:
    """Note that an invitation has been used, and forget those that have run out."""
    connection.execute(connection.sql.drop_invitations, (at,))
    row = (invitation.site, invitation.nonce, invitation.until)
    if not connection.execute(connection.sql.use_invitation, row).rowcount:
        raise InvalidInput("this code has been used: each is good for one browser")


def take_lease(connection: Connection, name: str, holder: bytes, seconds: float) -> bool:
    """Take a lease, or prolong one's own; tell whether that worked. Who takes it has its row until the commit.

    One that is another's is only read: nobody waits for it.
    """
    now = connection.now()
    row = connection.execute(connection.sql.lease, (name,)).fetchone()
    if row is not None and row[0] != holder and row[1] > now:
        return False
    until = math.ceil(now + seconds)
    return connection.execute(connection.sql.take_lease, (name, holder, until, math.floor(now))).rowcount == 1


def give_lease_back(connection: Connection, name: str, holder: bytes) -> None:
    """Let others take a lease, if it is one's own."""
    connection.execute(connection.sql.give_lease_back, (name, holder))


def beat(connection: Connection, at: int, room: int) -> None:
    """Write the heartbeat.

    :param room: how many bytes to ask room for; random ones, which no engine makes smaller.
    """
    connection.execute(connection.sql.heartbeat, (1, at, os.urandom(room)))


def _hold(connection: Connection, who: Who) -> bool:
    """Keep everybody else from appending to a subject or ending it until the transaction is over.

    Return whether there is such a subject.
    """
    return connection.execute(connection.sql.hold, who).fetchone() is not None


def _raise_status(connection: Connection, who: Who, status: str, at: int) -> None:
    now = status_of(connection, who)
    if now is None or _STRENGTH[now] < _STRENGTH[status]:
        connection.execute(connection.sql.block, (*who, status, at))


class Appender:
    """Appends events of those who may still be logged. Used by one thread at a time.

    It remembers keys, so that a visitor's next event needs no look-up, but asks the database every time whether the
    subject is blocked: another process may have done that.

    :param zones: the time zones of sites; UTC for one that is not there.
    """

    def __init__(self, zones: Mapping[str, str]) -> None:
        self._zones = zones
        self._sealers: OrderedDict[Who, AESGCM] = OrderedDict()

    def forget(self) -> None:
        """Forget all keys: after a roll-back one may be of a subject that was never kept."""
        self._sealers.clear()

    def append(self, connection: Connection, events: Iterable[Encoded], at: int) -> list[Total]:
        """Append events, and return the totals of those that were dropped, one for each.

        :param at: the time now, in seconds since the epoch.
        """
        events = list(events)
        if not events:
            return []
        sealers = self._sealers_for(connection, {(event.site, event.subject, permit) for event, _, permit in events})
        rows = []
        dropped = []
        for (event, body, permit), nonce in zip(events, sealing.new_nonces(len(events)), strict=True):
            sealer = sealers[event.site, event.subject, permit]
            if isinstance(sealer, Reason):
                day = day_of(at, self._zones.get(event.site, UTC))
                dropped.append(Total(event.site, day, "hit", event.tracker, sealer.value))
                continue
            sealed = sealing.seal(sealer, body, event.site, event.subject, event.id, nonce=nonce)
            rows.append((event.site, event.subject, event.id, event.at, event.kind.value, event.tracker, sealed))
        if rows:
            connection.append(rows)
        return dropped

    def _sealers_for(self, connection: Connection, granted: Collection[Granted]) -> dict[Granted, AESGCM | Reason]:
        """Return what seals the events of each, or the reason why there must be none."""
        keys = connection.keys({each[:2] for each in granted}, self._sealers)
        ended = connection.ended(granted)
        return {each: self._sealer(each[:2], keys, ended.get(each)) for each in granted}

    def _sealer(self, who: Who, keys: Mapping[Who, bytes | None], ended: str | None) -> AESGCM | Reason:
        if ended == REPLACED:
            return Reason.WITHDRAWN
        if ended is not None:
            self._sealers.pop(who, None)
            return Reason.WITHDRAWN if ended == WITHDRAWN else Reason.RESTRICTED
        sealer = self._sealers.get(who)
        if sealer is not None:
            self._sealers.move_to_end(who)
            return sealer
        key = keys.get(who)
        return Reason.FAIL_CLOSED if key is None else self._remember(who, sealing.opener(key))

    def _remember(self, who: Who, sealer: AESGCM) -> AESGCM:
        self._sealers[who] = sealer
        if len(self._sealers) > _REMEMBERED_KEYS:
            self._sealers.popitem(last=False)
        return sealer


def encode(event: Event, body: bytes, record: bytes) -> Encoded:
    """Check the shape of an event before it waits among others, so that a mistake fails alone."""
    if len(event.id) != 16 or len(event.subject) != 16:
        raise InvalidInput("an event's id and subject have 16 bytes each")
    if not 0 <= event.at < 2**63:
        raise InvalidInput("an event's time is in seconds since the epoch")
    return event, body, record
