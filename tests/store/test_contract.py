"""What every store promises, on every engine."""

import threading
from dataclasses import fields, replace

import pytest

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Allowed, Reason, Status
from gatekeeper.core.errors import InvalidInput, StoreUnavailable
from gatekeeper.core.events import Permitted
from gatekeeper.core.notices import content_hash
from gatekeeper.store import schema
from gatekeeper.store.contract import ConsentRecord, Store, Sum, Total

from .conftest import OpenStore
from .things import FIELDS, NOW, PERMIT, SITE, new_event, new_id, new_notice, new_record

DAY = "2026-11-18"


def hit(reason: str) -> Total:
    return Total(SITE, DAY, "hit", "visit", reason)


@pytest.fixture
def subject(store: Store) -> bytes:
    """A consenting visitor."""
    record = new_record()
    store.record(record)
    return record.subject


# Notices


@pytest.mark.row("CR-09")
def test_notices_come_back_as_published_oldest_first_with_the_hash_of_their_content(store: Store) -> None:
    published = [new_notice(1), new_notice(2)]

    for notice in published:
        store.publish(notice)

    assert store.notices(SITE) == published
    assert [content_hash(notice.content) for notice in store.notices(SITE)] == [notice.hash for notice in published]
    assert store.notices("blog") == []


@pytest.mark.parametrize("no", [1, 3])
def test_a_notice_must_have_the_next_number(store: Store, no: int) -> None:
    store.publish(new_notice(1))

    with pytest.raises(InvalidInput, match="the next is 2"):
        store.publish(new_notice(no))

    assert [notice.no for notice in store.notices(SITE)] == [1]


def test_a_lifted_site_is_lifted_until_it_is_put_back(store: Store) -> None:
    for _ in range(2):
        store.lift(SITE, lifted=True, at=NOW)
    assert (store.is_lifted(SITE), store.is_lifted("blog")) == (True, False)

    for _ in range(2):
        store.lift(SITE, lifted=False, at=NOW)
    assert not store.is_lifted(SITE)


def test_each_site_numbers_its_own_notices(store: Store) -> None:
    store.publish(new_notice(1))

    store.publish(new_notice(1, "blog"))

    assert [notice.site for notice in store.notices("blog")] == ["blog"]


# Records


def test_a_record_is_found_by_its_subject_and_by_its_receipt(store: Store) -> None:
    record = new_record()

    store.record(record)

    assert store.records(SITE, record.subject) == [record]
    assert store.find_receipt(SITE, record.receipt) == record
    assert store.find_receipt("blog", record.receipt) is None
    assert store.find_receipt(SITE, bytes(32)) is None


@pytest.mark.row("CR-08")
def test_the_proof_of_a_grant_has_no_room_for_an_address_or_a_browser(store: Store) -> None:
    columns = [column.name for column in schema.records.columns]

    assert columns == [field.name for field in fields(ConsentRecord)]
    assert not {"address", "ip", "agent", "browser", "user_agent"} & set(columns)


def test_a_second_grant_replaces_the_first(store: Store) -> None:
    first = new_record()
    second = new_record(first.subject, at=NOW + 60, method="save")

    store.record(first)
    store.record(second)

    ended = replace(first, ended_at=NOW + 60, ended_as="replaced")
    assert store.records(SITE, first.subject) == [ended, second]
    assert store.find_receipt(SITE, first.receipt) == ended


def test_a_second_grant_keeps_the_events_readable(store: Store, subject: bytes) -> None:
    before, after = new_event(subject, at=NOW), new_event(subject, at=NOW + 1)

    store.append(before, PERMIT)
    store.record(new_record(subject))
    store.append(after, PERMIT)

    assert store.events(SITE, subject) == [before, after]


@pytest.mark.parametrize("state", [State.WITHDRAWN, State.REFUSED])
def test_an_ended_record_says_when_and_how(store: Store, state: State) -> None:
    record = new_record()
    store.record(record)

    store.end(SITE, record.subject, state, at=NOW + 5)
    store.end(SITE, record.subject, State.WITHDRAWN, at=NOW + 9)

    assert store.records(SITE, record.subject) == [replace(record, ended_at=NOW + 5, ended_as=state.value)]


def test_a_record_cannot_end_as_granted(store: Store, subject: bytes) -> None:
    with pytest.raises(ValueError, match="refused or withdrawn"):
        store.end(SITE, subject, State.GRANTED, at=NOW)


def test_a_new_grant_of_an_ended_subject_is_refused(store: Store, subject: bytes) -> None:
    store.end(SITE, subject, State.WITHDRAWN, at=NOW)

    with pytest.raises(InvalidInput, match="a new grant is a new subject"):
        store.record(new_record(subject))

    assert len(store.records(SITE, subject)) == 1


def test_ids_of_records_and_receipts_are_taken_once(store: Store) -> None:
    record = new_record()
    store.record(record)

    with pytest.raises(InvalidInput, match="must be new"):
        store.record(new_record(receipt=record.receipt))
    with pytest.raises(InvalidInput, match="must be new"):
        store.record(new_record(record.subject, record=record.record, at=NOW + 1))

    assert store.records(SITE, record.subject) == [record], "a refused write leaves nothing half done"


def test_a_record_that_comes_again_as_its_answer_was_lost_is_kept_once(store: Store) -> None:
    record = new_record()

    store.record(record)
    store.record(record)

    assert store.records(SITE, record.subject) == [record]


def test_ending_or_blocking_somebody_who_never_was_keeps_nothing_of_them(store: Store) -> None:
    stranger = new_id()

    store.end(SITE, stranger, State.WITHDRAWN, at=NOW)
    store.block(SITE, stranger, Status.ERASED, at=NOW)

    record = new_record(stranger)
    store.record(record)
    assert store.records(SITE, stranger) == [record]


# Events


def test_events_come_back_opened_oldest_first(store: Store, subject: bytes) -> None:
    late, early = new_event(subject, at=NOW + 9), new_event(subject, at=NOW)

    store.append(late, PERMIT)
    store.append(early, PERMIT)

    assert store.events(SITE, subject) == [early, late]


def test_a_batch_is_kept_whole(store: Store, subject: bytes) -> None:
    batch = [new_event(subject, at=NOW + number) for number in range(20)]

    store.append_all([Permitted(event, PERMIT) for event in batch])
    store.append_all([])

    assert store.events(SITE, subject) == batch


def test_a_repeated_event_is_kept_once(store: Store, subject: bytes) -> None:
    event = new_event(subject)

    store.append(event, PERMIT)
    store.append_all([Permitted(event, PERMIT), Permitted(event, PERMIT)])

    assert store.events(SITE, subject) == [event]


def test_two_subjects_may_have_events_of_one_id(store: Store, subject: bytes) -> None:
    other = new_record()
    store.record(other)
    mine = new_event(subject)
    theirs = replace(mine, subject=other.subject)

    store.append(mine, PERMIT)
    store.append(theirs, PERMIT)

    assert store.events(SITE, subject) == [mine]
    assert store.events(SITE, other.subject) == [theirs]


@pytest.mark.row("CK-04")
def test_an_id_of_one_site_means_nothing_on_another(store: Store, subject: bytes) -> None:
    elsewhere = replace(PERMIT, site="blog")

    store.append(new_event(subject), PERMIT)
    store.append(new_event(subject, site="blog"), elsewhere)

    assert store.events("blog", subject) == []
    assert store.records("blog", subject) == []


@pytest.mark.parametrize(
    "permit",
    [replace(PERMIT, site="blog"), replace(PERMIT, reason=Reason.NECESSARY), None, True],
    ids=["of another site", "necessary", "none", "a mere yes"],
)
@pytest.mark.row("SE-19")
def test_without_a_grant_for_this_site_there_is_no_append(store: Store, subject: bytes, permit: Allowed) -> None:
    good = Permitted(new_event(subject), PERMIT)

    with pytest.raises(ValueError, match="needs a grant"):
        store.append_all([good, Permitted(new_event(subject), permit)])

    assert store.events(SITE, subject) == [], "all or none"


@pytest.mark.parametrize(
    "event",
    [
        new_event(b"short"),
        new_event(new_id(), id=b"short"),
        new_event(new_id(), at=-1),
        new_event(new_id(), at=2**63),
        new_event(new_id(), fields={"path": "/\ud800"}),
    ],
    ids=["subject", "id", "before the epoch", "after all time", "half a surrogate pair"],
)
def test_an_event_of_a_wrong_shape_is_refused(store: Store, event: object) -> None:
    with pytest.raises(InvalidInput):
        store.append(event, PERMIT)  # type: ignore[arg-type]


@pytest.mark.row("EU-08")
@pytest.mark.parametrize("state", [State.WITHDRAWN, State.REFUSED])
def test_after_a_withdrawal_nothing_is_appended_and_each_hit_counted(
    store: Store, subject: bytes, state: State
) -> None:
    kept = new_event(subject)
    store.append(kept, PERMIT)

    store.end(SITE, subject, state, at=NOW)
    store.append(new_event(subject), PERMIT)
    store.append_all([Permitted(new_event(subject), PERMIT)] * 2)

    assert store.events(SITE, subject) == [kept]
    assert store.totals(SITE) == {hit("withdrawn"): 3}


@pytest.mark.row("EU-08")
def test_a_withdrawal_by_another_process_holds_on_the_very_next_event(serving: Store, command: Store) -> None:
    record = new_record()
    serving.record(record)
    for _ in range(3):
        serving.append(new_event(record.subject), PERMIT)

    command.end(SITE, record.subject, State.WITHDRAWN, at=NOW)
    serving.append(new_event(record.subject), PERMIT)

    assert len(serving.events(SITE, record.subject)) == 3
    assert serving.totals(SITE) == {hit("withdrawn"): 1}


@pytest.mark.row("EU-08")
def test_a_withdrawal_holds_for_every_append_that_begins_after_it(serving: Store) -> None:
    record = new_record()
    serving.record(record)
    before, after = [], []
    ended = threading.Event()

    def visit() -> None:
        for _ in range(40):
            late = ended.is_set()
            event = new_event(record.subject)
            serving.append(event, PERMIT)
            (after if late else before).append(event.id)

    visitors = [threading.Thread(target=visit) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    serving.end(SITE, record.subject, State.WITHDRAWN, at=NOW)
    ended.set()
    for visitor in visitors:
        visitor.join()

    kept = {event.id for event in serving.events(SITE, record.subject)}
    assert after, "the race was run"
    assert kept.isdisjoint(after)


@pytest.mark.parametrize("status", [Status.RESTRICTED, Status.OBJECTING, Status.ERASED])
def test_a_blocked_subject_is_not_logged(store: Store, subject: bytes, status: Status) -> None:
    store.block(SITE, subject, status, at=NOW)

    store.append(new_event(subject), PERMIT)

    assert store.events(SITE, subject) == []
    assert store.totals(SITE) == {hit("restricted"): 1}


def test_a_subject_is_not_blocked_as_active(store: Store, subject: bytes) -> None:
    with pytest.raises(ValueError, match="restricted, objecting or erased"):
        store.block(SITE, subject, Status.ACTIVE, at=NOW)


@pytest.mark.row("SE-19")
def test_an_unknown_subject_is_not_logged(store: Store) -> None:
    stranger = new_id()

    store.append(new_event(stranger), PERMIT)

    assert store.events(SITE, stranger) == []
    assert store.totals(SITE) == {hit("fail_closed"): 1}


def test_in_one_batch_only_the_blocked_subjects_events_are_dropped(store: Store, subject: bytes) -> None:
    other = new_record()
    store.record(other)
    store.end(SITE, other.subject, State.WITHDRAWN, at=NOW)
    kept = new_event(subject)

    store.append_all([Permitted(new_event(other.subject), PERMIT), Permitted(kept, PERMIT)])

    assert store.events(SITE, subject) == [kept]
    assert store.events(SITE, other.subject) == []


def test_restricted_and_withdrawn_subjects_can_still_see_what_is_held(store: Store, subject: bytes) -> None:
    event = new_event(subject)
    store.append(event, PERMIT)

    store.block(SITE, subject, Status.RESTRICTED, at=NOW)
    store.end(SITE, subject, State.WITHDRAWN, at=NOW)

    assert store.events(SITE, subject) == [event]


@pytest.mark.parametrize("status", [Status.OBJECTING, Status.RESTRICTED, Status.ERASED])
def test_what_a_subject_asked_for_is_known(store: Store, subject: bytes, status: Status) -> None:
    assert store.status(SITE, subject) is Status.ACTIVE

    store.end(SITE, subject, State.WITHDRAWN, at=NOW)
    assert store.status(SITE, subject) is Status.ACTIVE
    store.block(SITE, subject, status, at=NOW + 1)

    assert store.status(SITE, subject) is status
    assert store.status(SITE, new_id()) is Status.ACTIVE


def test_nothing_undoes_an_erasure(store: Store, subject: bytes) -> None:
    store.append(new_event(subject), PERMIT)

    store.block(SITE, subject, Status.ERASED, at=NOW)
    store.block(SITE, subject, Status.RESTRICTED, at=NOW + 1)
    store.end(SITE, subject, State.WITHDRAWN, at=NOW + 2)

    assert store.events(SITE, subject) == []
    with pytest.raises(InvalidInput):
        store.record(new_record(subject))
    store.append(new_event(subject), PERMIT)
    assert store.totals(SITE) == {hit("restricted"): 1}


def test_fields_may_hold_anything_that_is_text(store: Store, subject: bytes) -> None:
    event = new_event(subject, fields=FIELDS | {"path": "/ñ/\x00\u202e🦊'\";--" * 20})

    store.append(event, PERMIT)

    assert store.events(SITE, subject) == [event]


# Totals


def test_totals_add_up_before_and_after_they_are_written(store: Store, open_another: OpenStore) -> None:
    refused = Total(SITE, DAY, "choice", "refused", notice=3)

    store.tally(refused)
    store.tally(refused, 2)
    store.tally(refused._replace(site="blog"))
    waiting = store.totals(SITE)
    store.flush()
    store.tally(refused)

    assert waiting == {refused: 3}
    assert store.totals(SITE) == {refused: 4}
    assert open_another().totals(SITE) == {refused: 3}


def test_every_part_of_a_total_tells_it_from_others(store: Store) -> None:
    total = Total(SITE, DAY, "outcome", "meta-pixel", "granted", "loaded", 2)
    others = [total._replace(**{name: 9 if name == "notice" else "x"}) for name in Total._fields if name != "site"]

    for each in [total, *others]:
        store.tally(each)
    store.flush()

    assert store.totals(SITE) == dict.fromkeys([total, *others], 1)
    assert [column.name for column in schema.totals.primary_key.columns] == [*Total._fields]


def test_the_tally_is_written_on_closing(store: Store, open_another: OpenStore) -> None:
    store.tally(hit("refused"))

    store.close()
    store.close()

    assert open_another().totals(SITE) == {hit("refused"): 1}


def test_totals_are_exact_while_they_are_written(serving: Store) -> None:
    counted = 300
    seen = []

    def count() -> None:
        for _ in range(counted):
            serving.tally(hit("refused"))

    def flush() -> None:
        for _ in range(20):
            serving.flush()

    workers = [threading.Thread(target=work) for work in (count, count, flush)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        seen.append(serving.totals(SITE).get(hit("refused"), 0))
    for worker in workers:
        worker.join()

    assert seen == sorted(seen), "a total never goes back, and nothing is counted twice on the way"
    assert serving.totals(SITE) == {hit("refused"): 2 * counted}


# Its life


def test_a_closed_store_says_so(store: Store, subject: bytes) -> None:
    store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        store.append(new_event(subject), PERMIT)
    with pytest.raises(StoreUnavailable, match="closed"):
        store.check()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.notices(SITE)
    store.tally(hit("refused"))


def test_what_was_kept_is_there_when_it_is_opened_again(store: Store, subject: bytes, open_another: OpenStore) -> None:
    event = new_event(subject)
    store.append(event, PERMIT)
    store.close()

    again = open_another(started=True)
    again.start()

    again.check()
    assert again.events(SITE, subject) == [event]


def test_totals_are_told_of_some_days_written_or_not(store: Store) -> None:
    days = ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"]
    totals = [Total(SITE, day, "outcome", "ads", "refused", "blocked") for day in days]
    for total in totals[::2]:
        store.tally(total)
    store.flush()
    for total in totals[1::2]:
        store.tally(total)

    assert store.totals(SITE, days[1], days[2]) == {totals[1]: 1, totals[2]: 1}
    assert store.totals(SITE, days[3]) == {totals[3]: 1}
    assert store.totals(SITE, last=days[0]) == {totals[0]: 1}
    assert set(store.totals(SITE)) == set(totals)
    assert store.totals(SITE, name="other") == {}
    assert set(store.totals(SITE, name="ads")) == set(totals)
    assert store.totals(SITE, what="choice") == {}
    assert store.totals(SITE, what="outcome", name="ads") == store.totals(SITE)
    assert store.totals(SITE, what="outcome", name="other") == {}


def test_totals_of_some_days_are_added_up_written_or_not(store: Store) -> None:
    days = ["2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20"]
    for no, day in enumerate(days):
        store.tally(Total(SITE, day, "outcome", "ads", "refused", "blocked"), 10**no)
        store.tally(Total(SITE, day, "hit", "seen", "refused", notice=no))
        if no == 1:
            store.flush()

    blocked, hit = Total(SITE, "", "outcome", "ads", "refused", "blocked"), Total(SITE, "", "hit", "seen", "refused")
    assert store.sums(SITE, days[0], days[3]) == {blocked: Sum(1111, days[0], days[3]), hit: Sum(4, days[0], days[3])}
    assert store.sums(SITE, days[1], days[2]) == {blocked: Sum(110, days[1], days[2]), hit: Sum(2, days[1], days[2])}
    assert store.sums(SITE, days[1], days[2], name="seen") == {hit: Sum(2, days[1], days[2])}
    assert store.sums("other", days[0], days[3]) == {}


def test_totals_are_added_up_by_what_is_told_apart_and_only_those_asked_for_written_or_not(store: Store) -> None:
    days = ["2026-11-17", "2026-11-18"]
    for no, day in enumerate(days):
        for weight, (name, reason) in enumerate([("ads", "refused"), ("ads", "no_choice"), ("map", "refused")]):
            store.tally(Total(SITE, day, "outcome", name, reason, "blocked"), 10**weight)
        store.tally(Total(SITE, day, "hit", "ads", "refused"), 1000)
        store.tally(Total(SITE, day, "choice", "granted", notice=no + 1), 10_000)
        if no == 0:
            store.flush()

    one, both = (days[0], days[0]), (days[0], days[1])
    by_day = {Total(SITE, day, "", "ads", outcome="blocked"): Sum(11, day, day) for day in days}
    by_day |= {Total(SITE, day, "", "map", outcome="blocked"): Sum(100, day, day) for day in days}
    assert store.sums(SITE, *both, what="outcome", by=("day", "name", "outcome")) == by_day
    assert store.sums(SITE, *one, what="outcome", by=("reason",)) == {
        Total(SITE, "", "", "", "refused"): Sum(101, *one),
        Total(SITE, "", "", "", "no_choice"): Sum(10, *one),
    }
    assert store.sums(SITE, *both, what="choice", by=("name", "notice")) == {
        Total(SITE, "", "", "granted", notice=no + 1): Sum(10_000, day, day) for no, day in enumerate(days)
    }
    assert store.sums(SITE, *both, name="ads", by=("what",)) == {
        Total(SITE, "", "outcome", ""): Sum(22, *both),
        Total(SITE, "", "hit", ""): Sum(2000, *both),
    }
    assert store.sums(SITE, *both, what="hit") == {Total(SITE, "", "hit", "ads", "refused"): Sum(2000, *both)}
