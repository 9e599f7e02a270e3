"""Changing a text of the registry in its place."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.editing import MAX_LENGTH, edited, texts_of
from gatekeeper.core.errors import InvalidInput

SOURCE = """\
# The shop, by Ann.
[sites.shop]
name = "Tea Shop"  # as on the door
origins = ["https://shop.example"]
languages = ["en", "de"]
controller = { name = "Tea Ltd", address = "1 Road", contact = "ann@shop.example" }

[sites.shop.vendors.adco]
name = "AdCo"
country = "US"

[sites.shop.trackers.pixel]
kind = "beacon"
purpose = "marketing"
vendor = "adco"
retention_days = 30
description = '''Tells the advertiser
that an ad was seen.'''   # agreed with counsel

[sites.shop.texts.de]
trackers.pixel.description = "Sagt es dem Werber."
"""
PIXEL = "trackers.pixel.description"


def change(place: str = PIXEL, after: str = "Counts ads.", before: str | None = None, source: str = SOURCE) -> str:
    known = texts_of(SOURCE, "shop")
    return edited(source, "shop", place, known.get(place, "") if before is None else before, after)


def test_what_visitors_read_can_be_changed_and_nothing_else() -> None:
    assert list(texts_of(SOURCE, "shop")) == ["name", PIXEL, "texts.de.trackers.pixel.description"]


@pytest.mark.parametrize("place", texts_of(SOURCE, "shop"))
def test_a_change_changes_one_text_and_leaves_every_other_line(place: str) -> None:
    after = change(place)

    expected: Any = tomllib.loads(SOURCE)
    *tables, key = place.split(".")
    table = expected["sites"]["shop"]
    for name in tables:
        table = table[name]
    table[key] = "Counts ads."
    assert tomllib.loads(after) == expected
    comments = [line.partition("#")[2] for line in SOURCE.splitlines() if "#" in line]
    assert [line.partition("#")[2] for line in after.splitlines() if "#" in line] == comments
    kept = [line for line in SOURCE.splitlines() if line in after.splitlines()]
    assert len(kept) >= len(SOURCE.splitlines()) - 2


@given(text=st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zs", "Zl", "Zp", "Co", "Cn"]), min_size=1))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    assert tomllib.loads(change(after=text))["sites"]["shop"]["trackers"]["pixel"]["description"] == text


@pytest.mark.parametrize("quote", ['"', "'", '"""', "'''", "\\", "# no comment", "two\nlines", "]\n[sites.evil]"])
def test_no_text_can_say_more_than_a_text(quote: str) -> None:
    after = tomllib.loads(change(after=f"a {quote} b"))

    assert after["sites"]["shop"]["trackers"]["pixel"]["description"] == f"a {quote} b"
    assert list(after["sites"]) == ["shop"]


@pytest.mark.parametrize(
    ("place", "after", "told"),
    [
        ("trackers.pixel.purpose", "necessary", "no text of site"),
        ("trackers.pixel.vendor", "self", "no text of site"),
        ("trackers.other.description", "x", "no text of site"),
        ("controller.name", "x", "no text of site"),
        (PIXEL, "  \n ", "empty"),
        (PIXEL, "x" * (MAX_LENGTH + 1), f"at most {MAX_LENGTH}"),
        (PIXEL, "a\u202eb", "U\\+202E"),
        (PIXEL, "a\x00b", "U\\+0000"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_rule(place: str, after: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        change(place, after)


def test_whoever_changed_it_meanwhile_is_not_overruled() -> None:
    with pytest.raises(InvalidInput, match="says something else by now"):
        change(before="Something else.")


def test_a_file_that_is_broken_just_now_is_left_alone() -> None:
    with pytest.raises(InvalidInput, match="no TOML just now"):
        change(source=SOURCE + "\n[sites.shop")
