"""The books of staff, as :mod:`gatekeeper.store.books` promises them, on any engine.

Each change is one transaction together with the entry of the audit trail that tells of it. Asked for rarely, by few:
what counts here is that it reads plainly.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import astuple
from functools import cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Integer, Table, bindparam, delete, func, literal_column, select, update

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.staff import Right, Role

from . import schema
from .books import Account, Alarm, ApiToken, Draft, DraftState, Entry, LiveCheck, Mark, MarkKind, Session
from .engine import Connection
from .statements import Statements, equal, names

Value = TypeVar("Value")

_Read = Callable[..., list[tuple[Any, ...]]]
_Do = Callable[[Callable[[Connection], object]], None]

#: For how long live checks are kept, in seconds.
CHECKS_KEPT = 366 * 86_400


class _Words:
    """The statements of all books in one engine's words.

    SQLAlchemy would write OFFSET 0 as a parameter for SQLite; hence the literals.
    """

    def __init__(self, sql: Statements) -> None:
        self._sql = sql
        self._accounts()
        self._sessions()
        self._tokens()
        self._audit()
        self._marks()
        self._alarms()
        self._drafts()

    def _accounts(self) -> None:
        staff = schema.staff
        self.accounts = self._of("accounts", select(staff).order_by(staff.c.name, staff.c.id))
        self.account = self._by(staff, "id")
        self.find = self._by(staff, "email")
        self.keep = self._put(staff)
        #: Takes all accounts until the transaction is over: in their order, so that two who do wait for one another.
        self.hold = self._of("change", select(staff).order_by(staff.c.id).with_for_update())

    def _sessions(self) -> None:
        sessions = schema.sessions
        self.begin = self._put(sessions)
        self.session = self._by(sessions, "digest")
        self.sessions = self._of(
            "sessions",
            select(sessions).where(equal(sessions, "account")).order_by(sessions.c.seen_at.desc(), sessions.c.digest),
            "account",
        )
        seen = update(sessions).values(seen_at=bindparam("at")).where(sessions.c.digest == bindparam("which"))
        self.touch = self._of("touch", seen, "at", "which")
        self.end_session = self._of("end_session", delete(sessions).where(equal(sessions, "digest")), "digest")
        others = equal(sessions, "account") & (sessions.c.digest != bindparam("but"))
        self.end_sessions = self._of("end_sessions", delete(sessions).where(others), "account", "but")
        over = (sessions.c.seen_at < bindparam("seen_before")) | (sessions.c.begun_at < bindparam("begun_before"))
        self.forget_sessions = self._of("forget_sessions", delete(sessions).where(over), "seen_before", "begun_before")

    def _tokens(self) -> None:
        tokens = schema.api_tokens
        newest = (tokens.c.created_at.desc(), tokens.c.id)
        ended = func.coalesce(tokens.c.ended_at, self._sql.insert(tokens).excluded.ended_at)
        self.keep_token = self._put(tokens, ended_at=ended)
        self.token = self._by(tokens, "digest")
        self.tokens = self._of("tokens", select(tokens).order_by(*newest))
        self.tokens_of = self._of("tokens", select(tokens).where(equal(tokens, "account")).order_by(*newest), "account")
        end = update(tokens).values(ended_at=bindparam("at"))
        still = (tokens.c.account == bindparam("whose")) & tokens.c.ended_at.is_(None)
        self.end_tokens = self._of("end_tokens", end.where(still), "at", "whose")

    def _audit(self) -> None:
        audit = schema.audit
        self.note = self._of("note", self._sql.insert(audit), *names(audit))
        between = (audit.c.at >= bindparam("first")) & (audit.c.at < bindparam("before"))
        beginning = func.substr(audit.c.action, literal_column("1"), bindparam("length", type_=Integer))
        between &= beginning == bindparam("action")
        newest = (audit.c.at.desc(), audit.c.id.desc())
        listed = select(audit).where(between)
        most: Any = bindparam("most")
        asked = ("first", "before", "length", "action")
        of_all = listed.order_by(*newest).limit(most).offset(literal_column("0"))
        self.entries = self._of("entries", of_all, *asked, "most")
        of_site = listed.where(equal(audit, "site")).order_by(*newest).limit(most).offset(literal_column("0"))
        self.entries_of = self._of("entries", of_site, *asked, "site", "most")

    def _marks(self) -> None:
        marks = schema.marks
        self.mark = self._of("mark", self._sql.insert(marks).on_conflict_do_nothing(), *names(marks))
        which = ("site", "day", "kind", "name")
        self.unmark = self._of("unmark", delete(marks).where(equal(marks, *which)), *which)
        between = equal(marks, "site") & marks.c.day.between(bindparam("first"), bindparam("last"))
        newest = (marks.c.day.desc(), marks.c.kind, marks.c.name)
        self.marks = self._of("marks", select(marks).where(between).order_by(*newest), "site", "first", "last")

    def _alarms(self) -> None:
        alarms, checks = schema.alarms, schema.live_checks
        which = equal(alarms, "site", "kind", "name")
        is_open = which & alarms.c.ended_at.is_(None)
        self.open_alarm = self._of("raise_alarm", select(alarms.c.since).where(is_open), "site", "kind", "name")
        self.raise_alarm = self._of("raise_alarm", self._sql.insert(alarms).on_conflict_do_nothing(), *names(alarms))
        key = ("which_site", "which_kind", "which_name", "which_since")
        same = [alarms.c[name.removeprefix("which_")] == bindparam(name) for name in key]
        told = update(alarms).values(told_at=bindparam("at")).where(*same)
        self.told = self._of("told", told, "at", *key)
        ended = update(alarms).values(ended_at=bindparam("at"))
        of_it = [alarms.c[name.removeprefix("which_")] == bindparam(name) for name in key[:3]]
        self.end_alarm = self._of("end_alarm", ended.where(*of_it, alarms.c.ended_at.is_(None)), "at", *key[:3])
        recent = alarms.c.ended_at.is_(None) | (alarms.c.ended_at >= bindparam("after"))
        newest = (alarms.c.since.desc(), alarms.c.kind, alarms.c.name)
        listed = select(alarms).where(equal(alarms, "site") & recent).order_by(*newest)
        self.alarms = self._of("alarms", listed, "site", "after")
        self.keep_check = self._put(checks)
        old = equal(checks, "site") & (checks.c.at < bindparam("before"))
        self.forget_checks = self._of("keep_check", delete(checks).where(old), "site", "before")
        last = select(checks).where(equal(checks, "site")).order_by(checks.c.at.desc())
        self.checks = self._of("checks", last.limit(bindparam("most")).offset(literal_column("0")), "site", "most")

    def _drafts(self) -> None:
        drafts = schema.drafts
        self.propose = self._of("propose", self._sql.insert(drafts), *names(drafts))
        self.draft = self._by(drafts, "id")
        newest = (drafts.c.at.desc(), drafts.c.id)
        self.drafts = self._of("drafts", select(drafts).where(equal(drafts, "site")).order_by(*newest), "site")
        decided = update(drafts).values(state=bindparam("to"), decided_by=bindparam("by"), decided_at=bindparam("when"))
        which = (drafts.c.id == bindparam("which")) & (drafts.c.state == bindparam("was"))
        self.decide = self._of("decide", decided.where(which), "to", "by", "when", "which", "was")

    def _by(self, table: Table, column: str) -> str:
        return self._of(table.name, select(table).where(equal(table, column)), column)

    def _put(self, table: Table, **values: Any) -> str:
        """Return the INSERT of a row that takes the place of the one with the same key.

        :param values: what a column gets then, where it is not the new row's own value.
        """
        row = self._sql.insert(table)
        key = list(table.primary_key.columns)
        rest = {column.name: row.excluded[column.name] for column in table.columns if column not in key} | values
        return self._of(table.name, row.on_conflict_do_update(index_elements=key, set_=rest), *names(table))

    def _of(self, name: str, statement: Any, *parameters: str) -> str:
        return self._sql.compile(name, statement, parameters)


@cache
def _words(sql: Statements) -> _Words:
    return _Words(sql)


class Shelf:
    """All books of staff.

    :param read: runs a statement that reads, and returns its rows.
    :param do: has a transaction written, and returns after its commit.
    """

    def __init__(self, sql: Statements, read: _Read, do: _Do) -> None:
        self._words = _words(sql)
        self._read = read
        self._write = do

    # Accounts

    def accounts(self) -> list[Account]:
        """See :meth:`gatekeeper.store.books.StaffBook.accounts`; so for the others."""
        return [_account(row) for row in self._read(self._words.accounts)]

    def account(self, id: bytes) -> Account | None:
        return _first(_account, self._read(self._words.account, id))

    def find(self, email: str) -> Account | None:
        return _first(_account, self._read(self._words.find, email))

    def keep(self, account: Account, entry: Entry | None = None) -> None:
        def work(connection: Connection) -> None:
            before = _first(_account, connection.execute(self._words.account, (account.id,)).fetchall())
            self._keep(connection, before, account, entry)

        self._write(work)

    def change(
        self, id: bytes, make: Callable[[Account, Sequence[Account]], Account], entry: Entry | None = None
    ) -> Account | None:
        made: list[Account] = []

        def work(connection: Connection) -> None:
            found = [_account(row) for row in connection.execute(self._words.hold).fetchall()]
            before = next((account for account in found if account.id == id), None)
            if before is not None:
                made.append(make(before, [account for account in found if account.id != id]))
                self._keep(connection, before, made[-1], entry)

        self._write(work)
        return made[-1] if made else None

    def _keep(self, connection: Connection, before: Account | None, account: Account, entry: Entry | None) -> None:
        holder = connection.execute(self._words.find, (account.email,)).fetchone()
        if holder is not None and bytes(holder[0]) != account.id:
            raise InvalidInput(f"{account.email} has an account already: no two share an address")
        connection.execute(self._words.keep, _account_row(account))
        if account.ended_at is not None or (before is not None and before.password != account.password):
            at = account.ended_at if account.ended_at is not None else _latest(account, entry)
            connection.execute(self._words.end_sessions, (account.id, b""))
            connection.execute(self._words.end_tokens, (at, account.id))
        self._note(connection, entry)

    # Sessions

    def begin(self, session: Session, entry: Entry | None = None) -> None:
        row = (*astuple(session)[:4], int(session.complete), session.agent)
        self._run(self._words.begin, row, entry)

    def session(self, digest: bytes) -> Session | None:
        return _first(_session, self._read(self._words.session, digest))

    def sessions(self, account: bytes) -> list[Session]:
        return [_session(row) for row in self._read(self._words.sessions, account)]

    def touch(self, digest: bytes, *, at: int) -> None:
        self._run(self._words.touch, (at, digest))

    def end_session(self, digest: bytes, entry: Entry | None = None) -> None:
        self._run(self._words.end_session, (digest,), entry)

    def end_sessions(self, account: bytes, *, but: bytes = b"", entry: Entry | None = None) -> None:
        self._run(self._words.end_sessions, (account, but), entry)

    def forget_sessions(self, *, seen_before: int, begun_before: int) -> None:
        self._run(self._words.forget_sessions, (seen_before, begun_before))

    # Tokens

    def keep_token(self, token: ApiToken, entry: Entry | None = None) -> None:
        listed = (_json(sorted(token.rights)), _json(token.sites))
        times = (token.created_at, token.until, token.used_at, token.ended_at)
        row = (token.id, token.digest, token.account, token.name, *listed, *times)
        self._run(self._words.keep_token, row, entry)

    def token(self, digest: bytes) -> ApiToken | None:
        return _first(_token, self._read(self._words.token, digest))

    def tokens(self, account: bytes | None = None) -> list[ApiToken]:
        rows = self._read(self._words.tokens) if account is None else self._read(self._words.tokens_of, account)
        return [_token(row) for row in rows]

    # The audit trail

    def note(self, entry: Entry) -> None:
        self._write(lambda connection: self._note(connection, entry))

    def entries(
        self, sites: Sequence[str] | None, *, first: int, before: int, limit: int, action: str = ""
    ) -> list[Entry]:
        asked = (first, before, len(action), action)
        if sites is None:
            rows = self._read(self._words.entries, *asked, limit)
        else:
            rows = [row for site in sites for row in self._read(self._words.entries_of, *asked, site, limit)]
        found = [Entry(bytes(id), at, bytes(account), *rest) for id, at, account, *rest in rows]
        return sorted(found, key=lambda entry: (entry.at, entry.id), reverse=True)[:limit]

    # Marks

    def mark(self, mark: Mark, entry: Entry | None = None) -> bool:
        def work(connection: Connection) -> bool:
            new = connection.execute(self._words.mark, astuple(mark)).rowcount == 1
            self._note(connection, entry if new else None)
            return new

        return self._tell(work)

    def unmark(self, mark: Mark, entry: Entry | None = None) -> None:
        if mark.kind is not MarkKind.NOTE:
            raise InvalidInput(f"a mark of kind {mark.kind.value!r} stays: only notes are taken away")
        self._run(self._words.unmark, (mark.site, mark.day, mark.kind, mark.name), entry)

    def marks(self, site: str, first: str, last: str) -> list[Mark]:
        rows = self._read(self._words.marks, site, first, last)
        return [Mark(site, day, MarkKind(kind), *rest) for site, day, kind, *rest in rows]

    # Alarms

    def raise_alarm(self, alarm: Alarm) -> bool:
        def work(connection: Connection) -> bool:
            key = (alarm.site, alarm.kind, alarm.name)
            if connection.execute(self._words.open_alarm, key).fetchone() is not None:
                return False
            return connection.execute(self._words.raise_alarm, astuple(alarm)).rowcount == 1

        return self._tell(work)

    def told(self, alarm: Alarm, *, at: int) -> None:
        self._run(self._words.told, (at, alarm.site, alarm.kind, alarm.name, alarm.since))

    def end_alarm(self, site: str, kind: str, name: str, *, at: int) -> None:
        self._run(self._words.end_alarm, (at, site, kind, name))

    def alarms(self, site: str, *, since: int) -> list[Alarm]:
        return [Alarm(*row) for row in self._read(self._words.alarms, site, since)]

    def keep_check(self, check: LiveCheck) -> None:
        def work(connection: Connection) -> None:
            connection.execute(self._words.keep_check, (check.site, check.at, int(check.passed), check.detail))
            connection.execute(self._words.forget_checks, (check.site, check.at - CHECKS_KEPT))

        self._write(work)

    def checks(self, site: str, *, limit: int) -> list[LiveCheck]:
        rows = self._read(self._words.checks, site, limit)
        return [LiveCheck(site, at, bool(passed), detail) for site, at, passed, detail in rows]

    # Drafts

    def propose(self, draft: Draft, entry: Entry) -> None:
        self._run(self._words.propose, astuple(draft), entry)

    def decide(self, id: bytes, state: DraftState, entry: Entry, *, by: str, at: int) -> bool:
        def work(connection: Connection) -> bool:
            changed = (state.value, by, at, id, DraftState.OPEN.value)
            done = connection.execute(self._words.decide, changed).rowcount == 1
            self._note(connection, entry if done else None)
            return done

        return self._tell(work)

    def draft(self, id: bytes) -> Draft | None:
        return _first(_draft, self._read(self._words.draft, id))

    def drafts(self, site: str) -> list[Draft]:
        return [_draft(row) for row in self._read(self._words.drafts, site)]

    # How they are written

    def _run(self, statement: str, row: Sequence[Any], entry: Entry | None = None) -> None:
        def work(connection: Connection) -> None:
            connection.execute(statement, tuple(row))
            self._note(connection, entry)

        self._write(work)

    def _tell(self, work: Callable[[Connection], bool]) -> bool:
        told: list[bool] = []
        self._write(lambda connection: told.append(work(connection)))
        return told[-1]

    def _note(self, connection: Connection, entry: Entry | None) -> None:
        if entry is not None:
            connection.execute(self._words.note, astuple(entry))


def _first(make: Callable[[tuple[Any, ...]], Value], rows: Collection[tuple[Any, ...]]) -> Value | None:
    return next((make(row) for row in rows), None)


def _latest(account: Account, entry: Entry | None) -> int:
    return entry.at if entry is not None else max(account.created_at, account.failed_at)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _account_row(account: Account) -> tuple[Any, ...]:
    columns = (account.id, account.email, account.name, _json(account.roles), account.password, account.totp)
    later = (account.created_at, account.ended_at, account.failures, account.failed_at)
    return (*columns, _json(account.recovery), *later)


def _account(row: Sequence[Any]) -> Account:
    id, email, name, roles, password, totp, recovery, *later = row
    given = {site: Role(role) for site, role in msgspec.json.decode(roles).items()}
    return Account(bytes(id), email, name, given, password, totp, tuple(msgspec.json.decode(recovery)), *later)


def _session(row: Sequence[Any]) -> Session:
    digest, account, begun_at, seen_at, complete, agent = row
    return Session(bytes(digest), bytes(account), begun_at, seen_at, bool(complete), agent)


def _token(row: Sequence[Any]) -> ApiToken:
    id, digest, account, name, rights, sites, *times = row
    held = frozenset(Right(right) for right in msgspec.json.decode(rights))
    return ApiToken(bytes(id), bytes(digest), bytes(account), name, held, tuple(msgspec.json.decode(sites)), *times)


def _draft(row: Sequence[Any]) -> Draft:
    id, site, place, before, after, who, at, state, decided_by, decided_at = row
    return Draft(bytes(id), site, place, before, after, who, at, DraftState(state), decided_by, decided_at)
