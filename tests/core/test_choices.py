"""The ``gk_choice`` value: read and written, and whatever else a cookie may hold."""

from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.choices import MAX_VALUE, Choice, State, read_choice, write_choice
from gatekeeper.core.errors import BadChoice
from gatekeeper.core.purposes import AgeBand

from .cases import choice_site, decision_sites, read_choice_row, read_table

SITE = choice_site()
TABLE = read_table("choices")


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:40]}… of {len(text)}"


@st.composite
def choices(draw: st.DrawFn) -> Choice:
    notice = SITE.notices[draw(st.sampled_from(sorted(SITE.notices)))]
    state = draw(st.sampled_from(State))
    return Choice(
        "shop",
        notice.no,
        draw(st.dates()),
        state,
        purposes=draw(st.frozensets(st.sampled_from(notice.purposes))),
        trackers=draw(st.frozensets(st.sampled_from(notice.trackers))),
        override=draw(st.frozensets(st.sampled_from(notice.purposes))),
        age_band=draw(st.none() | st.sampled_from(AgeBand)),
        pending=state is not State.GRANTED and draw(st.booleans()),
        objects=draw(st.booleans()),
    )


@pytest.mark.parametrize("row", TABLE["readable"], ids=lambda row: shown(row["value"]))
def test_every_readable_value_of_the_table_is_read(row: dict[str, Any]):
    assert read_choice(row["value"], SITE.notices) == read_choice_row(row["choice"])


@pytest.mark.row("SE-19")
@pytest.mark.parametrize("value", TABLE["unreadable"], ids=shown)
def test_every_unreadable_value_of_the_table_is_refused(value: str):
    with pytest.raises(BadChoice):
        read_choice(value, SITE.notices)


@given(choices())
def test_what_is_written_is_read_back(choice: Choice):
    value = write_choice(choice, SITE.notices[choice.notice])

    assert read_choice(value, SITE.notices) == choice


@given(choices())
def test_a_value_is_short_and_of_harmless_characters(choice: Choice):
    value = write_choice(choice, SITE.notices[choice.notice])

    assert len(value) <= MAX_VALUE
    assert set(value) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@given(choices(), choices())
def test_different_choices_are_different_values(one: Choice, other: Choice):
    same = write_choice(one, SITE.notices[one.notice]) == write_choice(other, SITE.notices[other.notice])

    assert same is (one == other)


@given(st.binary(max_size=600))
def test_any_bytes_as_a_cookie_are_a_choice_or_refused(raw: bytes):
    for value in (raw.decode("latin-1"), raw.decode("utf-8", "surrogateescape")):
        with suppress(BadChoice):
            read_choice(value, SITE.notices)


@given(choices(), st.integers(0, 60), st.characters())
def test_a_value_with_one_character_changed_is_a_choice_or_refused(choice: Choice, at: int, character: str):
    value = write_choice(choice, SITE.notices[choice.notice])

    with suppress(BadChoice):
        read_choice(value[:at] + character + value[at + 1 :], SITE.notices)


@pytest.mark.row("CR-08")
def test_two_visitors_who_refuse_on_one_day_hold_the_same_bytes():
    notice = SITE.notices[1]
    refusals = {write_choice(Choice("shop", 1, date(2026, 11, 22), State.REFUSED), notice) for _ in range(2)}

    assert refusals == {"1.shop.1.20261122.r.0.0.-.0"}


@pytest.mark.row("CR-08")
def test_a_value_holds_nothing_but_the_choice():
    # Site, notice, day, state, three lists of bits and an age band: no room for an id or a time.
    assert set(Choice.__slots__) == {
        "site",
        "notice",
        "day",
        "state",
        "purposes",
        "trackers",
        "override",
        "age_band",
        "pending",
        "objects",
    }


def test_a_value_for_one_site_is_worthless_on_another():
    value = "1.shop.1.20261122.g.7.0.-.0"

    with pytest.raises(BadChoice, match="never published here"):
        read_choice(value, decision_sites()["strict"].notices)


def test_a_site_that_published_nothing_reads_no_choice():
    with pytest.raises(BadChoice):
        read_choice("1.shop.1.20261122.g.7.0.-.0", {})


def test_bits_are_read_by_the_lists_of_their_own_notice():
    value = "1.shop.{}.20261122.g.0.2.-.0"

    assert read_choice(value.format(1), SITE.notices).trackers == {"video"}
    assert read_choice(value.format(2), SITE.notices).trackers == {"t01"}


def test_names_that_the_notice_does_not_list_are_not_written():
    choice = Choice("shop", 1, date(2026, 11, 22), State.GRANTED, frozenset({"necessary", "mail_open", "analytics"}))

    assert write_choice(choice, SITE.notices[1]) == "1.shop.1.20261122.g.2.0.-.0"


@pytest.mark.parametrize(
    ("purposes", "trackers", "granted"),
    [
        ({"marketing"}, set(), True),
        ({"marketing"}, {"pixel"}, False),
        (set(), {"pixel"}, True),
        (set(), set(), False),
        ({"analytics"}, {"video"}, False),
    ],
)
def test_an_exception_is_the_opposite_of_its_purpose(purposes: set[str], trackers: set[str], granted: bool):
    choice = Choice("shop", 1, date(2026, 11, 22), State.GRANTED, frozenset(purposes), frozenset(trackers))

    assert choice.grants("marketing", "pixel") is granted
