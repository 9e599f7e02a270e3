"""What the purge asks of the database, table by table.

Tables are found by their columns, so that none that is added later is forgotten: what has a subject and a sealed body
is an event, what has a day or a month is a count, what else has a subject is about that subject.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, select, text, tuple_, update

from . import schema
from .statements import Statements, equal, names

#: How many rows a step looks at. Requests wait for the transaction it ends in: about 10 ms of the processor's time.
STEP = 100

#: Kept for good, or looked after elsewhere.
KEPT = {"notices", "numbers", "lifted", "used_invitations", "leases", "heartbeat", "purged", "copies"}
KEPT |= {"staff", "sessions", "api_tokens", "audit", "alarms", "live_checks", "drafts"}
_KEY = ("site", "subject", "event")
_ROW = ("at", *_KEY[1:])


def _tables(*columns: str) -> list[Table]:
    return [table for table in schema.metadata.sorted_tables if {*columns} <= {*table.columns.keys()}]


EVENTS = _tables("site", "subject", "event", "at", "body")
COUNTS = [table for span in ("day", "month") for table in _tables("site", span) if "subject" not in table.columns]
#: Subjects, whether anything may be logged of them, and the proof of what they said: each in its own way.
SUBJECTS = [schema.subjects, schema.blocked, schema.records]
#: What is about a subject and goes when nobody is left in it.
ABOUT = [table for table in _tables("site", "subject") if table not in EVENTS and table not in SUBJECTS]


class Words:
    """The statements of the purge in one engine's words."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql
        subjects, records, blocked = schema.subjects, schema.records, schema.blocked
        self.through = self._of("purged", select(schema.purged.c.through), schema.purged, "site", "what")
        go = sql.insert(schema.purged)
        self.go = sql.compile(
            "purge",
            go.on_conflict_do_update(index_elements=["site", "what"], set_={"through": go.excluded.through}),
            names(schema.purged),
        )
        self.sites = [
            sql.compile("purge", select(func.min(table.c.site)).where(table.c.site > bindparam("site")), ["site"])
            for table in (subjects, *COUNTS)
        ]
        self.expired = sql.compile(
            "purge",
            select(records.c.subject, records.c.at)
            .where(
                equal(records, "site")
                & (records.c.subject > bindparam("subject"))
                & (records.c.at < bindparam("before"))
                & records.c.ended_at.is_(None)
            )
            .order_by(records.c.subject)
            .suffix_with(text(f"LIMIT {STEP}")),
            ["site", "subject", "before"],
        )
        self.blocked = sql.compile(
            "purge",
            select(blocked.c.subject, blocked.c.status, blocked.c.at, subjects.c.key)
            .join_from(blocked, subjects)
            .where((blocked.c.site == bindparam("site")) & (blocked.c.subject > bindparam("subject")))
            .order_by(blocked.c.subject)
            .suffix_with(text(f"LIMIT {STEP}")),
            ["site", "subject"],
        )
        self.records = self._of("purge", select(records.c.record), records, "site", "subject")
        self.hand_over = sql.compile(
            "purge",
            update(records).values(subject=bindparam("nobody")).where(equal(records, *names(records)[:3])),
            ["nobody", *names(records)[:3]],
        )
        self.unblock = self._of("purge", delete(blocked), blocked, "site", "subject")
        self.drop_subject = self._of("purge", delete(subjects), subjects, "site", "subject")
        self.forget_about = [self._of("purge", delete(table), table, "site", "subject") for table in ABOUT]
        # What is nobody's has been counted: it goes where that lies, and is not counted again.
        self.add_nobodys = sql.compile("purge", sql.insert(schema.events), names(schema.events))
        self.events = {table.name: self._events(table) for table in EVENTS}
        self.counts = {table.name: self._counts(table) for table in COUNTS}

    def _of(self, name: str, statement: Any, table: Table, *columns: str) -> str:
        return self._sql.compile(name, statement.where(equal(table, *columns)), columns)

    def _events(self, table: Table) -> "EventWords":
        c = table.c
        after = tuple_(c.at, c.subject, c.event) > tuple_(*(bindparam(f"after_{name}") for name in _ROW))
        window = select(c.at, c.subject, c.event, c.kind, c.tracker).where(
            equal(table, "site") & after & (c.at < bindparam("before"))
        )
        limited = window.order_by(*(c[name] for name in _ROW)).suffix_with(text(f"LIMIT {STEP}"))
        of_subject = select(c.event, c.at, c.kind, c.tracker, c.body)
        return EventWords(
            window=self._sql.compile("purge", limited, ["site", *(f"after_{name}" for name in _ROW), "before"]),
            body=self._of("purge", select(c.body), table, *_KEY),
            of_subject=self._sql.compile(
                "purge",
                of_subject.where(equal(table, "site", "subject")).suffix_with(text(f"LIMIT {STEP}")),
                ["site", "subject"],
            ),
            delete=self._of("purge", delete(table), table, *_KEY),
            seal=self._sql.compile(
                "purge", update(table).values(body=bindparam("sealed")).where(equal(table, *_KEY)), ["sealed", *_KEY]
            ),
        )

    def _counts(self, table: Table) -> tuple[str, str]:
        key = list(table.primary_key.columns)
        span = table.c.day if "day" in table.columns else table.c.month
        old = select(*key).where(equal(table, "site") & (span < bindparam("before")))
        limited = old.suffix_with(text(f"LIMIT {STEP}"))
        by_key = [column.name for column in key]
        return self._sql.compile("purge", limited, ["site", "before"]), self._of("purge", delete(table), table, *by_key)


@dataclass(frozen=True, slots=True)
class EventWords:
    """What is asked of a table of events."""

    window: str
    body: str
    of_subject: str
    delete: str
    seal: str


@cache
def words(sql: Statements) -> Words:
    """Return the purge's statements in an engine's words; they are made once."""
    return Words(sql)
