"""What each write does, inside a transaction that somebody else began and will commit."""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import astuple

import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Reason, Status
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.events import Event
from gatekeeper.core.learners import Invitation
from gatekeeper.core.notices import Notice
from gatekeeper.core.sightings import Sighting

from . import sealing
from . import statements as sql
from .contract import ConsentRecord, Total

#: An event that may be kept, its body as :func:`gatekeeper.store.sealing.encode_body` made it, and the consent record
#: that permits it; empty where that is not known.
Encoded = tuple[Event, bytes, bytes]
#: A site and a subject.
Who = tuple[str, bytes]

#: The status of a subject whose record has ended; the others are those of a subject's own requests.
WITHDRAWN = State.WITHDRAWN.value
# A subject has one status: a stronger one replaces a weaker, never the reverse.
_STRENGTH = {WITHDRAWN: 1, Status.OBJECTING.value: 2, Status.RESTRICTED.value: 3, Status.ERASED.value: 4}

_REMEMBERED_KEYS = 4096
#: A site has fewer; more come only of a page that makes up addresses.
MAX_SIGHTINGS = 5000


def publish(connection: sqlite3.Connection, notice: Notice) -> None:
    """Add a notice; its content is kept as canonical JSON (RFC 8785), of which its hash is the SHA-256."""
    (last,) = connection.execute(sql.LAST_NOTICE, (notice.site,)).fetchone()
    expected = (last or 0) + 1
    if notice.no != expected:
        raise InvalidInput(f"notice {notice.no} of site {notice.site!r} cannot be published: the next is {expected}")
    content = rfc8785.dumps(notice.content).decode()
    connection.execute(sql.PUBLISH, (notice.site, notice.no, notice.hash, content, notice.published_day))


def lift(connection: sqlite3.Connection, site: str, at: int, *, lifted: bool) -> None:
    """Note that a site's policy is lifted, or is not."""
    if lifted:
        connection.execute(sql.LIFT, (site, at))
    else:
        connection.execute(sql.RESTORE, (site,))


def record(connection: sqlite3.Connection, record: ConsentRecord) -> None:
    """Add a grant; the subject's earlier one ends as replaced."""
    who = (record.site, record.subject)
    if status_of(connection, who) is not None:
        raise InvalidInput("this subject has ended: a new grant is a new subject")
    connection.execute(sql.ADD_SUBJECT, (*who, sealing.new_key()))
    open_records = connection.execute(sql.OPEN_RECORDS, who).fetchall()
    connection.executemany(sql.REPLACE, [(*who, replaced) for (replaced,) in open_records])
    connection.execute(sql.END_RECORD, (record.at, "replaced", *who))
    try:
        connection.execute(sql.ADD_RECORD, astuple(record))
    except sqlite3.IntegrityError as error:
        raise InvalidInput("this record or receipt is already kept: both ids must be new") from error


def end(connection: sqlite3.Connection, who: Who, state: State, at: int) -> None:
    """End a subject's record, and block the subject."""
    if _exists(connection, who):
        connection.execute(sql.END_RECORD, (at, state.value, *who))
        _raise_status(connection, who, WITHDRAWN, at)


def block(connection: sqlite3.Connection, who: Who, status: Status, at: int) -> None:
    """Block a subject; if it is to be erased, destroy its key."""
    if _exists(connection, who):
        _raise_status(connection, who, status.value, at)
        if status is Status.ERASED:
            connection.execute(sql.FORGET_KEY, (None, *who))


def status_of(connection: sqlite3.Connection, who: Who) -> str | None:
    """Return why a subject is blocked, None where it is not."""
    row = connection.execute(sql.BLOCKED, who).fetchone()
    return None if row is None else str(row[0])


def add_totals(connection: sqlite3.Connection, counts: Mapping[Total, int]) -> None:
    """Add to totals."""
    connection.executemany(sql.ADD_TOTAL, [(*astuple(total), n) for total, n in counts.items()])


def see(connection: sqlite3.Connection, seen: Mapping[Sighting, int]) -> None:
    """Add to sightings; what is new while a site has too many is left out."""
    for sighting, n in seen.items():
        key = astuple(sighting)
        if connection.execute(sql.SEE_AGAIN, (n, *key)).rowcount:
            continue
        (kept,) = connection.execute(sql.COUNT_SIGHTINGS, (sighting.site,)).fetchone()
        if kept < MAX_SIGHTINGS:
            connection.execute(sql.SEE_FIRST, (*key, n))


def forget_sightings(connection: sqlite3.Connection, site: str) -> None:
    """Forget a site's sightings."""
    connection.execute(sql.FORGET_SIGHTINGS, (site,))


def use_invitation(connection: sqlite3.Connection, invitation: Invitation, at: int) -> None:
    """Note that an invitation has been used, and forget those that have run out."""
    connection.execute(sql.DROP_INVITATIONS, (at,))
    try:
        connection.execute(sql.USE_INVITATION, (invitation.site, invitation.nonce, invitation.until))
    except sqlite3.IntegrityError as error:
        raise InvalidInput("this code has been used: each is good for one browser") from error


def beat(connection: sqlite3.Connection, at: int, room: int) -> None:
    """Write the heartbeat.

    :param room: how many bytes to ask room for.
    """
    connection.execute(sql.HEARTBEAT, (1, at, bytes(room)))


def _exists(connection: sqlite3.Connection, who: Who) -> bool:
    return connection.execute(sql.KEY, who).fetchone() is not None


def _raise_status(connection: sqlite3.Connection, who: Who, status: str, at: int) -> None:
    now = status_of(connection, who)
    if now is None or _STRENGTH[now] < _STRENGTH[status]:
        connection.execute(sql.BLOCK, (*who, status, at))


class Appender:
    """Appends events of those who may still be logged. Used by one thread at a time.

    It remembers keys, so that a visitor's next event needs no look-up, but asks the database every time whether the
    subject is blocked: another process may have done that.
    """

    def __init__(self) -> None:
        self._sealers: OrderedDict[Who, AESGCM] = OrderedDict()

    def forget(self) -> None:
        """Forget all keys: after a roll-back one may be of a subject that was never kept."""
        self._sealers.clear()

    def append(self, connection: sqlite3.Connection, events: Iterable[Encoded], day: str) -> list[Total]:
        """Append events, and return the totals of those that were dropped, one for each."""
        known: dict[tuple[str, bytes, bytes], AESGCM | Reason] = {}
        rows = []
        dropped = []
        for event, body, permit in events:
            granted = (event.site, event.subject, permit)
            sealer = known.get(granted)
            if sealer is None:
                sealer = known[granted] = self._sealer(connection, (event.site, event.subject), permit)
            if isinstance(sealer, Reason):
                dropped.append(Total(event.site, day, "hit", event.tracker, sealer.value))
                continue
            sealed = sealing.seal(sealer, body, event.site, event.subject, event.id)
            rows.append((event.site, event.subject, event.id, event.at, event.kind.value, event.tracker, sealed))
        if rows:
            connection.executemany(sql.APPEND, rows)
        return dropped

    def _sealer(self, connection: sqlite3.Connection, who: Who, permit: bytes) -> AESGCM | Reason:
        """Return what seals a subject's events, or the reason why there must be none."""
        if permit and connection.execute(sql.REPLACED, (*who, permit)).fetchone() is not None:
            return Reason.WITHDRAWN
        status = status_of(connection, who)
        if status is not None:
            self._sealers.pop(who, None)
            return Reason.WITHDRAWN if status == WITHDRAWN else Reason.RESTRICTED
        sealer = self._sealers.get(who)
        if sealer is not None:
            self._sealers.move_to_end(who)
            return sealer
        row = connection.execute(sql.KEY, who).fetchone()
        if row is None or row[0] is None:
            return Reason.FAIL_CLOSED
        return self._remember(who, sealing.opener(row[0]))

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
