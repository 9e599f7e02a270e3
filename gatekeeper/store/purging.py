"""The purge: what may be kept no longer goes, in small steps, each a short transaction beside the requests."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from gatekeeper.core import days
from gatekeeper.core.decisions import Status
from gatekeeper.core.retention import DAY, ENDED_DAYS, Rules, Stage, rules_of_nobody, without_names
from gatekeeper.core.sites import MAX_CHOICE_DAYS

from . import schema, sealing, writes
from .contract import Purged
from .engine import Connection, Who
from .purge_statements import EventWords, words
from .statements import Statements, names
from .transactions import Work

#: Under which name it is noted when all of it was last done.
FINISHED = ("", "finished")

_Rows = list[tuple[Any, ...]]
#: A row of an event that has become nobody's, and that nobody as a row of ``subjects``.
_Moved = tuple[tuple[Any, ...], tuple[str, bytes, bytes]]


class Purge:
    """One purge of everything.

    :param read: runs a statement that reads, and returns its rows.
    :param do: has a transaction written, and returns after its commit.
    :param now: seconds since the epoch.
    :param dry_run: only say what would go.
    """

    def __init__(
        self,
        sql: Statements,
        read: Callable[..., list[tuple[Any, ...]]],
        do: Callable[[Work], None],
        *,
        now: int,
        dry_run: bool,
    ) -> None:
        self._sql = sql
        self._words = words(sql)
        self._read = read
        self._write = do
        self._now = now
        self._dry = dry_run
        self._nobody: dict[tuple[str, int], tuple[bytes, bytes]] = {}

    def steps(self, rules: Sequence[Rules]) -> Iterator[Purged]:
        """Do all of it, a step for each value that is taken: what the step did, on which site.

        :param rules: of the sites that are declared; others that have data have the longest that any may have.
        """
        known = {each.site for each in rules}
        gone = [rules_of_nobody(site) for site in sorted(self._sites() - known)]
        for each in [*rules, *gone]:
            yield from self._expire(each)
            yield from self._forget(each.site)
            for stage in each.stages:
                yield from self._pass(each.site, stage)
            yield from self._drop_counts(each)
        self._do(lambda connection: connection.execute(self._words.go, (*FINISHED, self._now)))

    def _do(self, work: Callable[[Connection], object]) -> None:
        if not self._dry:
            self._write(partial(_run, work))

    def _sites(self) -> set[str]:
        """Return the sites that anything is kept of."""
        found = set()
        for statement in self._words.sites:
            site = ""
            while (site := self._read(statement, site)[0][0]) is not None:
                found.add(site)
        return found

    # Records

    def _expire(self, rules: Rules) -> Iterator[Purged]:
        """End the grants that have run out by themselves, at the moment when they did."""
        before, after = rules.expired_before(self._now), b""
        while rows := self._read(self._words.expired, rules.site, after, before):
            subjects = [subject for subject, _ in rows]

            self._do(partial(self._expire_all, rules.site, subjects, before))
            after = subjects[-1]
            yield Purged(rules.site, "grants that have run out", len(rows))

    def _expire_all(self, site: str, subjects: list[bytes], before: int, connection: Connection) -> None:
        for subject in subjects:
            writes.expire(connection, (site, subject), before=before, now=self._now)

    def _forget(self, site: str) -> Iterator[Purged]:
        """Take the subject out of what has ended long enough ago, and drop the subjects nobody can name any more."""
        after = b""
        while rows := self._read(self._words.blocked, site, after):
            after = rows[-1][0]
            for subject, status, at, key in rows:
                who = (site, subject)
                yield from self._forget_one(who, status, at, key)
                if at < self._now - (MAX_CHOICE_DAYS + 1) * DAY and status in _FORGOTTEN:
                    self._do(partial(self._drop, who))
                    yield Purged(site, "ids of visitors who left", 1)

    def _forget_one(self, who: Who, status: str, at: int, key: bytes | None) -> Iterator[Purged]:
        site = who[0]
        if status == Status.ERASED.value:
            yield from self._empty(who, None)
        elif status == writes.WITHDRAWN and key is not None and at <= self._now - ENDED_DAYS * DAY:
            yield from self._empty(who, key)
        else:
            return
        records = self._read(self._words.records, *who)
        if records or key is not None:
            self._do(partial(self._part, who, [record for (record,) in records]))
            yield Purged(site, "records that lost their subject", len(records))

    def _empty(self, who: Who, key: bytes | None) -> Iterator[Purged]:
        """Make a subject's events nobody's; delete those that cannot be opened."""
        site = who[0]
        for sql in self._words.events.values():
            while rows := self._read(sql.of_subject, *who):
                moved = list(self._as_nobodys(who, rows, key)) if key else []
                self._do(partial(self._move, who, sql, rows, moved))
                yield Purged(site, "events that lost their subject" if key else "events of the erased", len(rows))
                if self._dry:
                    break

    def _as_nobodys(self, who: Who, rows: _Rows, key: bytes) -> Iterator[_Moved]:
        """Yield events as those of nobody, with that nobody, but for those that cannot be opened.

        Those of one day share a subject that stands for nothing, whoever they were of; their ids are new.
        """
        opener, site = sealing.opener(key), who[0]
        for event, at, kind, tracker, body in rows:
            changed = sealing.change_fields(opener, body, site, who[1], event, without_names)
            if changed is None:
                continue
            nobody = self._nobody.setdefault((site, at // DAY), (os.urandom(16), sealing.new_key()))
            fresh = os.urandom(16)
            sealed = sealing.seal(sealing.opener(nobody[1]), changed, site, nobody[0], fresh)
            values = {"site": site, "subject": nobody[0], "event": fresh, "at": at, "kind": kind, "tracker": tracker}
            row = {**values, "body": sealed}
            yield tuple(row[name] for name in names(schema.events)), (site, *nobody)

    def _move(self, who: Who, sql: EventWords, rows: _Rows, moved: list[_Moved], connection: Connection) -> None:
        connection.executemany(sql.delete, [(*who, row[0]) for row in rows])
        connection.executemany(connection.sql.add_subject, sorted({nobody for _, nobody in moved}))
        connection.executemany(self._words.add_nobodys, [row for row, _ in moved])

    def _part(self, who: Who, records: list[bytes], connection: Connection) -> None:
        """Give each record a subject of its own that stands for nothing; forget what else there is of the subject."""
        for record in records:
            nobody = os.urandom(16)
            connection.execute(connection.sql.add_subject, (who[0], nobody, None))
            connection.execute(self._words.hand_over, (nobody, *who, record))
        for statement in self._words.forget_about:
            connection.execute(statement, who)
        connection.execute(connection.sql.forget_key, (None, *who))

    def _drop(self, who: Who, connection: Connection) -> None:
        connection.execute(self._words.unblock, who)
        connection.execute(self._words.drop_subject, who)

    # Events

    def _pass(self, site: str, stage: Stage) -> Iterator[Purged]:
        """Look at the rows that have reached a stage since the last time."""
        what, before = stage.name, stage.before(self._now)
        through = next((row[0] for row in self._read(self._words.through, site, what)), -1)
        for sql in self._words.events.values():
            after = (through, b"", b"")
            while rows := self._read(sql.window, site, *after, before):
                after = rows[-1][:3]
                count = self._end(site, sql, stage, rows) if stage.ends else self._change(site, sql, stage, rows)
                if count:
                    yield Purged(site, _said(stage), count)
        if before > through:
            self._do(lambda connection: connection.execute(self._words.go, (site, what, before - 1)))

    def _end(self, site: str, sql: EventWords, stage: Stage, rows: _Rows) -> int:
        assert stage.ends is not None  # noqa: S101 - for the type checker
        over = [(site, subject, event) for _, subject, event, kind, tracker in rows if stage.ends(kind, tracker)]
        if over:
            self._do(partial(_each, sql.delete, over))
        return len(over)

    def _change(self, site: str, sql: EventWords, stage: Stage, rows: _Rows) -> int:
        """Open, change and seal again; what is erased meanwhile is not there any more when that is written."""
        assert stage.change is not None  # noqa: S101 - for the type checker
        sealed = []
        for _, subject, event, _, _ in rows:
            who = (site, subject)
            keys, bodies = self._read(self._sql.key, *who), self._read(sql.body, *who, event)
            if keys and keys[0][0] is not None and bodies:
                opener = sealing.opener(keys[0][0])
                body = sealing.change_fields(opener, bodies[0][0], *who, event, stage.change)
                if body is not None:
                    sealed.append((sealing.seal(opener, body, *who, event), *who, event))
        if sealed:
            self._do(partial(_each, sql.seal, sealed))
        return len(sealed)

    # Counts

    def _drop_counts(self, rules: Rules) -> Iterator[Purged]:
        before = days.day_of(self._now - rules.totals_days * DAY)
        for name, (old, drop) in self._words.counts.items():
            # A month goes with the last of its days.
            past = before if "day" in schema.metadata.tables[name].columns else days.month_of(before)
            while rows := self._read(old, rules.site, past):
                self._do(partial(_each, drop, rows))
                yield Purged(rules.site, f"rows of {name}", len(rows))
                if self._dry:
                    break


_FORGOTTEN = {writes.WITHDRAWN, Status.ERASED.value}


def _said(stage: Stage) -> str:
    if stage.ends:
        return "events past their time"
    return "addresses shortened" if stage.name.startswith("address") else "events that lost fields"


def _run(work: Callable[[Connection], object], connection: Connection) -> None:
    work(connection)


def _each(statement: str, rows: _Rows, connection: Connection) -> None:
    connection.executemany(statement, rows)


def last_finished(sql: Statements, read: Callable[..., _Rows]) -> int | None:
    """Return when a purge was last finished, in seconds since the epoch; None before the first."""
    rows = read(words(sql).through, *FINISHED)
    return int(rows[0][0]) if rows else None
