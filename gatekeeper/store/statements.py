"""The statements, written in SQLAlchemy Core and compiled once to text that the driver runs as it is.

Compiling on every batch would cost more than the writes. Each begins with a comment that names where it is used, so
that a log of slow queries points home.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, delete, func, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql import ClauseElement

from . import schema

_DIALECT = sqlite.dialect(paramstyle="qmark")


def _compile(name: str, statement: ClauseElement, parameters: Sequence[str]) -> str:
    """Return a statement as text.

    :param parameters: in the order in which callers give them; a mistake here shows on import.
    """
    compiled = statement.compile(dialect=_DIALECT)
    order = tuple(getattr(compiled, "positiontup", None) or ())
    if order != tuple(parameters):
        raise AssertionError(f"{name} takes {order}, not {tuple(parameters)}")
    return f"/* store.{name} */ {compiled}"


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _of(table: Table, *names: str) -> ColumnElement[bool]:
    """Return the condition that columns equal parameters of the same name."""
    first, *rest = (table.c[name] == bindparam(name) for name in names)
    condition: ColumnElement[bool] = first
    for part in rest:
        condition = condition & part
    return condition


def _insert(table: Table) -> Any:
    return insert(table).values({name: bindparam(name) for name in _names(table)})


_SUBJECT = ("site", "subject")
_SIGHTING = ("site", "day", "what", "name", "path")

# Notices
PUBLISH = _compile("publish", _insert(schema.notices), _names(schema.notices))
LAST_NOTICE = _compile("publish", select(func.max(schema.notices.c.no)).where(_of(schema.notices, "site")), ["site"])
NOTICES = _compile(
    "notices",
    select(schema.notices).where(_of(schema.notices, "site")).order_by(schema.notices.c.no),
    ["site"],
)

# Lifted sites
LIFT = _compile("lift", _insert(schema.lifted).on_conflict_do_nothing(), _names(schema.lifted))
RESTORE = _compile("lift", delete(schema.lifted).where(_of(schema.lifted, "site")), ["site"])
IS_LIFTED = _compile("is_lifted", select(schema.lifted.c.at).where(_of(schema.lifted, "site")), ["site"])

# Subjects and their records
ADD_SUBJECT = _compile("record", _insert(schema.subjects).on_conflict_do_nothing(), _names(schema.subjects))
KEY = _compile("append", select(schema.subjects.c.key).where(_of(schema.subjects, *_SUBJECT)), _SUBJECT)
FORGET_KEY = _compile(
    "block", update(schema.subjects).values(key=None).where(_of(schema.subjects, *_SUBJECT)), ["key", *_SUBJECT]
)
ADD_RECORD = _compile("record", _insert(schema.records), _names(schema.records))
END_RECORD = _compile(
    "end",
    update(schema.records)
    .values(ended_at=bindparam("end_at"), ended_as=bindparam("end_as"))
    .where(_of(schema.records, *_SUBJECT) & schema.records.c.ended_at.is_(None)),
    ["end_at", "end_as", *_SUBJECT],
)
RECORDS = _compile(
    "records",
    select(schema.records)
    .where(_of(schema.records, *_SUBJECT))
    .order_by(schema.records.c.at, schema.records.c.ended_at.is_(None), schema.records.c.ended_at),
    _SUBJECT,
)
OPEN_RECORDS = _compile(
    "record",
    select(schema.records.c.record).where(_of(schema.records, *_SUBJECT) & schema.records.c.ended_at.is_(None)),
    _SUBJECT,
)
REPLACE = _compile("record", _insert(schema.replaced), _names(schema.replaced))
REPLACED = _compile(
    "append",
    select(schema.replaced.c.record).where(_of(schema.replaced, *_SUBJECT, "record")),
    [*_SUBJECT, "record"],
)
FIND_RECEIPT = _compile(
    "find_receipt", select(schema.records).where(_of(schema.records, "site", "receipt")), ["site", "receipt"]
)

# Blocked subjects
BLOCKED = _compile("append", select(schema.blocked.c.status).where(_of(schema.blocked, *_SUBJECT)), _SUBJECT)
BLOCK = _compile(
    "block",
    (_block := _insert(schema.blocked)).on_conflict_do_update(
        index_elements=list(_SUBJECT), set_={"status": _block.excluded.status, "at": _block.excluded.at}
    ),
    _names(schema.blocked),
)

# Events
APPEND = _compile("append", _insert(schema.fresh_events).on_conflict_do_nothing(), _names(schema.fresh_events))
EVENTS = _compile(
    "events",
    select(schema.fresh_events)
    .where(_of(schema.fresh_events, *_SUBJECT))
    .order_by(schema.fresh_events.c.at, schema.fresh_events.c.event),
    _SUBJECT,
)

# Totals
ADD_TOTAL = _compile(
    "flush",
    (_total := _insert(schema.totals)).on_conflict_do_update(
        index_elements=list(schema.totals.primary_key.columns),
        set_={"n": schema.totals.c.n + _total.excluded.n},
    ),
    _names(schema.totals),
)
TOTALS = _compile("totals", select(schema.totals).where(_of(schema.totals, "site")), ["site"])

# Sightings
SEE_AGAIN = _compile(
    "see",
    update(schema.sightings)
    .values(n=schema.sightings.c.n + bindparam("more"))
    .where(_of(schema.sightings, *_SIGHTING)),
    ["more", *_SIGHTING],
)
SEE_FIRST = _compile("see", _insert(schema.sightings), _names(schema.sightings))
COUNT_SIGHTINGS = _compile(
    "see", select(func.count()).select_from(schema.sightings).where(_of(schema.sightings, "site")), ["site"]
)
SIGHTINGS = _compile("sightings", select(schema.sightings).where(_of(schema.sightings, "site")), ["site"])
FORGET_SIGHTINGS = _compile("forget_sightings", delete(schema.sightings).where(_of(schema.sightings, "site")), ["site"])
USE_INVITATION = _compile("use_invitation", _insert(schema.used_invitations), _names(schema.used_invitations))
DROP_INVITATIONS = _compile(
    "use_invitation",
    delete(schema.used_invitations).where(schema.used_invitations.c.until <= bindparam("now")),
    ["now"],
)

# Health
HEARTBEAT = _compile(
    "check",
    (_beat := _insert(schema.heartbeat)).on_conflict_do_update(
        index_elements=["id"], set_={"at": _beat.excluded.at, "padding": _beat.excluded.padding}
    ),
    _names(schema.heartbeat),
)
