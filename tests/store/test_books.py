"""What every store promises about the books of staff: accounts, the audit trail, marks, alarms, checks, drafts."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.core.errors import InvalidInput, StoreUnavailable
from gatekeeper.core.staff import Right, Role
from gatekeeper.store import schema
from gatekeeper.store.books import (
    Account,
    Alarm,
    ApiToken,
    Draft,
    DraftState,
    Entry,
    LiveCheck,
    Mark,
    MarkKind,
    Session,
    StaffBook,
)
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import find_engine

from .conftest import OpenStore
from .things import NOW, SITE, new_id

DAY = 86_400


def account(**changes: Any) -> Account:
    values: dict[str, Any] = {
        "id": new_id(),
        "email": "ann@shop.test",
        "name": "Ann",
        "roles": {"*": Role.OWNER, SITE: Role.AUDITOR},
        "password": "$argon2id$1",
        "totp": "sealed",
        "recovery": ("one", "two"),
        "created_at": NOW,
    }
    return Account(**values | changes)


def entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {"id": new_id(), "at": NOW, "account": b"a" * 16, "who": "Ann", "site": SITE}
    return Entry(**values | {"action": "account.changed", "about": "x", "detail": "why"} | changes)


def session(whose: Account, **changes: Any) -> Session:
    values: dict[str, Any] = {"digest": new_id() + new_id(), "account": whose.id, "begun_at": NOW, "seen_at": NOW}
    return Session(**values | {"complete": True, "agent": "Firefox on Linux"} | changes)


def token(whose: Account, **changes: Any) -> ApiToken:
    values: dict[str, Any] = {"id": new_id(), "digest": new_id() + new_id(), "account": whose.id, "name": "nightly"}
    values |= {"rights": frozenset({Right.SEE, Right.EXPORT}), "sites": (SITE, "blog")}
    return ApiToken(**values | {"created_at": NOW, "until": NOW + DAY} | changes)


def entries(store: Store, **changes: Any) -> list[Entry]:
    asked: dict[str, Any] = {"first": 0, "before": NOW + DAY, "limit": 100}
    return store.staff.entries(changes.pop("sites", None), **asked | changes)


def test_an_account_is_kept_as_it_is_and_found_by_its_address(store: Store, open_another: OpenStore) -> None:
    ann, bob = account(), account(email="bob@shop.test", name="Bob", roles={}, ended_at=NOW, failures=3, failed_at=NOW)
    store.staff.keep(bob)
    store.staff.keep(ann)

    assert store.staff.accounts() == [ann, bob]
    assert store.staff.account(bob.id) == bob
    assert open_another().staff.find("ann@shop.test") == ann
    assert store.staff.find("nobody@shop.test") is None


def test_no_two_accounts_share_an_address(store: Store) -> None:
    ann = account()
    store.staff.keep(ann)

    with pytest.raises(InvalidInput, match=r"ann@shop\.test has an account already"):
        store.staff.keep(account(name="Other"), entry())
    store.staff.keep(replace(ann, name="Anna"))

    assert [each.name for each in store.staff.accounts()] == ["Anna"]
    assert entries(store) == []


def test_an_account_is_changed_as_it_is_at_that_moment(store: Store, open_another: OpenStore) -> None:
    ann, bob = account(), account(email="bob@shop.test", name="Bob")
    for each in (ann, bob):
        store.staff.keep(each)
    others: list[Account] = []

    def fail(held: Account, rest: Sequence[Account]) -> Account:
        others[:] = rest
        return replace(held, failures=held.failures + 1)

    def count(book: StaffBook) -> None:
        for _ in range(20):
            book.change(ann.id, fail, entry())

    books = [store.staff, store.staff, open_another().staff]
    with ThreadPoolExecutor(len(books)) as pool:
        list(pool.map(count, books))

    assert store.staff.account(ann.id) == replace(ann, failures=60)
    assert others == [bob]
    assert len(entries(store)) == 60
    assert store.staff.change(new_id(), fail) is None


def test_a_change_that_is_refused_changes_nothing(store: Store) -> None:
    ann = account()
    store.staff.keep(ann)

    def refuse(held: Account, rest: Sequence[Account]) -> Account:
        raise InvalidInput("not this one")

    with pytest.raises(InvalidInput, match="not this one"):
        store.staff.change(ann.id, refuse, entry())

    assert store.staff.account(ann.id) == ann
    assert entries(store) == []


def test_a_token_that_has_ended_stays_ended(store: Store) -> None:
    held = token(account())
    store.staff.keep_token(replace(held, ended_at=NOW))
    store.staff.keep_token(replace(held, used_at=NOW))

    assert store.staff.token(held.digest) == replace(held, used_at=NOW, ended_at=NOW)


def test_entries_are_limited_after_they_are_chosen(store: Store) -> None:
    for at in range(30):
        store.staff.note(entry(at=NOW + at, action="session.begun" if at % 10 else "a%_c.d"))

    assert [each.at for each in entries(store, action="a%", limit=2)] == [NOW + 20, NOW + 10]
    assert entries(store, action="s%") == []
    assert [each.at for each in entries(store, action="a%_c.d", sites=[SITE], limit=1)] == [NOW + 20]


@pytest.mark.row("SE-26")
@pytest.mark.parametrize("change", [{"password": "$argon2id$2"}, {"ended_at": NOW + 5}])
def test_a_new_password_or_a_closed_account_ends_every_session_and_token(store: Store, change: dict[str, Any]) -> None:
    ann, bob = account(), account(email="bob@shop.test")
    for each in (ann, bob):
        store.staff.keep(each)
        store.staff.begin(session(each))
        store.staff.keep_token(token(each))

    store.staff.keep(replace(ann, name="Anna"))
    assert len(store.staff.sessions(ann.id)) == 1
    store.staff.keep(replace(ann, **change), entry(at=NOW + 5))

    assert store.staff.sessions(ann.id) == []
    assert [each.ended_at for each in store.staff.tokens(ann.id)] == [NOW + 5]
    assert len(store.staff.sessions(bob.id)) == 1
    assert [each.ended_at for each in store.staff.tokens(bob.id)] == [None]


def test_sessions_are_used_ended_and_forgotten(store: Store) -> None:
    ann = account()
    store.staff.keep(ann)
    first, second, third = (session(ann, seen_at=NOW + more) for more in (0, 1, 2))
    for each in (first, second, third):
        store.staff.begin(each)

    store.staff.touch(first.digest, at=NOW + 9)
    assert [each.digest for each in store.staff.sessions(ann.id)] == [first.digest, third.digest, second.digest]
    store.staff.end_session(second.digest, entry(action="session.ended"))
    assert store.staff.session(second.digest) is None
    store.staff.end_sessions(ann.id, but=third.digest)
    assert store.staff.sessions(ann.id) == [third]
    store.staff.forget_sessions(seen_before=NOW + 3, begun_before=0)
    assert store.staff.session(third.digest) is None
    assert [each.action for each in entries(store)] == ["session.ended"]


def test_a_session_that_began_long_ago_is_forgotten_however_it_is_used(store: Store) -> None:
    ann = account()
    store.staff.begin(session(ann, begun_at=NOW - DAY))
    store.staff.begin(session(ann))

    store.staff.forget_sessions(seen_before=0, begun_before=NOW)

    assert [each.begun_at for each in store.staff.sessions(ann.id)] == [NOW]


def test_a_token_is_kept_as_it_is_and_may_change(store: Store) -> None:
    ann = account()
    one, two = token(ann), token(ann, created_at=NOW + 1)
    for each in (one, two):
        store.staff.keep_token(each)

    store.staff.keep_token(replace(one, used_at=NOW, ended_at=NOW), entry())

    assert store.staff.token(one.digest) == replace(one, used_at=NOW, ended_at=NOW)
    assert store.staff.tokens(ann.id) == store.staff.tokens() == [two, replace(one, used_at=NOW, ended_at=NOW)]
    assert store.staff.token(b"x" * 32) is None


def test_the_audit_trail_is_read_by_site_time_and_action(store: Store) -> None:
    told = [
        entry(at=NOW + n, site=site, action=action)
        for n, (site, action) in enumerate(
            [(SITE, "visitor.seen"), ("blog", "visitor.seen"), ("", "account.opened"), (SITE, "draft.approved")]
        )
    ]
    for each in told:
        store.staff.note(each)

    assert entries(store) == told[::-1]
    assert entries(store, sites=[SITE]) == [told[3], told[0]]
    assert entries(store, sites=["blog", SITE]) == [told[3], told[1], told[0]]
    assert entries(store, action="visitor.") == [told[1], told[0]]
    assert entries(store, first=NOW + 1, before=NOW + 3) == [told[2], told[1]]
    assert entries(store, limit=1) == [told[3]]
    assert entries(store, sites=[]) == []


@pytest.mark.parametrize("statement", ["UPDATE audit SET who = 'Eve'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_the_audit_trail(store: Store, url: str, statement: str) -> None:
    store.staff.note(entry())
    engine = find_engine(url)
    connection = engine.connect()

    with pytest.raises(engine.errors, match="audit is only added to"):
        connection.execute(statement)
    connection.close()

    assert [each.who for each in entries(store)] == ["Ann"]


def test_a_change_is_kept_together_with_its_entry_or_not_at_all(store: Store) -> None:
    once = entry()
    store.staff.note(once)

    with pytest.raises(StoreUnavailable):
        store.staff.keep(account(), once)

    assert store.staff.accounts() == []


def test_marking_again_changes_nothing(store: Store) -> None:
    published = Mark(SITE, "2026-11-20", MarkKind.NOTICE, "2", "notice 2 was published", "", NOW)
    note = Mark(SITE, "2026-11-21", MarkKind.NOTE, "1", "the sale began", "Ann", NOW)

    assert store.marks.mark(published)
    assert not store.marks.mark(replace(published, text="something else"), entry())
    assert store.marks.mark(note, entry(action="mark.made"))

    assert store.marks.marks(SITE, "2026-11-20", "2026-11-21") == [note, published]
    assert store.marks.marks(SITE, "2026-11-21", "2026-11-30") == [note]
    assert store.marks.marks("blog", "2026-11-20", "2026-11-21") == []
    assert [each.action for each in entries(store)] == ["mark.made"]


def test_only_what_people_noted_is_taken_away(store: Store) -> None:
    published = Mark(SITE, "2026-11-20", MarkKind.NOTICE, "2", "notice 2 was published")
    note = Mark(SITE, "2026-11-20", MarkKind.NOTE, "2", "the sale began", "Ann", NOW)
    store.marks.mark(published)
    store.marks.mark(note)

    store.marks.unmark(note, entry())
    with pytest.raises(InvalidInput, match="only notes are taken away"):
        store.marks.unmark(published)

    assert store.marks.marks(SITE, "2026-11-20", "2026-11-20") == [published]


def test_an_alarm_is_open_once_and_may_come_again(store: Store) -> None:
    silent = Alarm(SITE, "silent", "tallyhouse", NOW, "tallyhouse has been silent since yesterday")

    assert store.alarms.raise_alarm(silent)
    assert not store.alarms.raise_alarm(replace(silent, since=NOW + 5))
    store.alarms.told(silent, at=NOW + 6)
    store.alarms.end_alarm(SITE, "silent", "tallyhouse", at=NOW + 7)
    store.alarms.end_alarm(SITE, "silent", "other", at=NOW + 7)
    over = replace(silent, told_at=NOW + 6, ended_at=NOW + 7)
    assert store.alarms.alarms(SITE, since=NOW) == [over]

    again = replace(silent, since=NOW + 9)
    assert store.alarms.raise_alarm(again)

    assert store.alarms.alarms(SITE, since=NOW) == [again, over]
    assert store.alarms.alarms(SITE, since=NOW + 8) == [again]
    assert store.alarms.alarms("blog", since=0) == []


def test_the_last_checks_are_kept_for_a_year(store: Store) -> None:
    old, late, new = (
        LiveCheck(SITE, at, passed, json.dumps({}))
        for at, passed in ((NOW, True), (NOW + 300 * DAY, False), (NOW + 400 * DAY, True))
    )
    for check in (old, late):
        store.alarms.keep_check(check)
    assert store.alarms.checks(SITE, limit=9) == [late, old]

    store.alarms.keep_check(new)

    assert store.alarms.checks(SITE, limit=9) == [new, late]
    assert store.alarms.checks(SITE, limit=1) == [new]


def test_a_draft_is_decided_once(store: Store) -> None:
    draft = Draft(new_id(), SITE, "trackers.seen.description", "Counts.", "Counts pages.", "Ann", NOW)
    store.drafts.propose(draft, entry(action="draft.proposed"))

    assert store.drafts.draft(draft.id) == draft
    assert store.drafts.decide(draft.id, DraftState.APPROVED, entry(action="draft.approved"), by="Bob", at=NOW + 1)
    assert not store.drafts.decide(draft.id, DraftState.REJECTED, entry(action="draft.rejected"), by="Eve", at=NOW + 2)

    decided = replace(draft, state=DraftState.APPROVED, decided_by="Bob", decided_at=NOW + 1)
    assert store.drafts.drafts(SITE) == [decided]
    assert store.drafts.drafts("blog") == []
    assert {each.action for each in entries(store)} == {"draft.proposed", "draft.approved"}


def test_books_have_a_column_for_each_field() -> None:
    for value, table in (
        (Account, schema.staff), (Session, schema.sessions), (ApiToken, schema.api_tokens), (Entry, schema.audit),
        (Mark, schema.marks), (Alarm, schema.alarms), (LiveCheck, schema.live_checks), (Draft, schema.drafts),
    ):  # fmt: skip
        assert set(value.__dataclass_fields__) == {column.name for column in table.columns}
