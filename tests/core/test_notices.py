"""Notices: their hash, the lists that bits index, what they told, and what a new one changes."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.notices import Change, changes, content_hash
from gatekeeper.core.sites import notice_content

from .cases import choice_site, decision_sites, declare, publish, read_table

SITES = decision_sites()
CONTENT = notice_content(SITES["strict"])
GROWN = SITES["grown"]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict) and value:
        for key in value:
            yield from leaves(value[key], (*path, key))
    elif isinstance(value, list) and value:
        for index in range(len(value)):
            yield from leaves(value[index], (*path, index))
    else:
        yield path


def at(content: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        content = content[step]
    return content


def with_value(content: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = deepcopy(content)
    at(changed, path[:-1])[path[-1]] = value
    return changed


def other_than(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return f"{value}x" if isinstance(value, str) else ["x"]


def reordered(value: Any, data: st.DataObject) -> Any:
    if isinstance(value, dict):
        keys = data.draw(st.permutations(list(value)))
        return {key: reordered(value[key], data) for key in keys}
    return [reordered(item, data) for item in value] if isinstance(value, list) else value


# --- the hash


def test_the_hash_is_of_the_canonical_json():
    # sha256 of {"a":"é","b":[1,true,null]} in UTF-8, taken with coreutils.
    expected = "170409917e32971e79e71df2c0a04cc84c3c089ef0c7c2a94dbde72cafebd52d"

    assert content_hash({"b": [1, True, None], "a": "\u00e9"}) == expected


@given(st.data())
@pytest.mark.row("CR-09")
def test_the_order_of_keys_does_not_change_the_hash(data: st.DataObject):
    assert content_hash(reordered(CONTENT, data)) == content_hash(CONTENT)


@pytest.mark.row("CR-09")
def test_any_changed_value_changes_the_hash():
    hashes = {content_hash(with_value(CONTENT, path, other_than(at(CONTENT, path)))) for path in leaves(CONTENT)}

    assert len(hashes) == len(list(leaves(CONTENT)))
    assert content_hash(CONTENT) not in hashes


@pytest.mark.row("CR-09")
def test_a_key_more_or_less_changes_the_hash():
    more = {**CONTENT, "more": ""}
    fewer = [{key: value for key, value in CONTENT.items() if key != gone} for gone in CONTENT]

    assert len({content_hash(content) for content in (CONTENT, more, *fewer)}) == len(CONTENT) + 2


@pytest.mark.row("CR-09")
def test_another_order_of_trackers_or_purposes_changes_the_hash():
    for key in ("trackers", "purposes"):
        assert content_hash({**CONTENT, key: CONTENT[key][::-1]}) != content_hash(CONTENT)


@pytest.mark.row("CR-09")
def test_a_notice_read_back_from_its_json_has_its_hash():
    for site in SITES.values():
        for notice in site.notices.values():
            assert content_hash(json.loads(json.dumps(notice.content))) == notice.hash


# --- the lists


def test_the_bits_index_what_visitors_were_asked_in_the_order_it_was_published():
    notice = SITES["shop"].notices[1]

    assert notice.purposes == ("functional", "analytics", "marketing")
    assert notice.trackers == ("visit", "video", "stats", "pixel", "audience", "constructor")


def test_an_old_notice_keeps_its_lists_when_the_site_declares_others():
    assert GROWN.notices[1].trackers[:4] == ("visit", "pixel", "longer", "shorter")
    assert "retarget" not in GROWN.notices[1].trackers
    assert "research" not in GROWN.notices[1].purposes
    assert GROWN.notices[2].purposes == ("functional", "analytics", "marketing", "research")


# --- what it told


@pytest.mark.row("EU-19")
@pytest.mark.parametrize(
    ("tracker", "told"),
    [
        ("visit", ("visit",)),
        ("pixel", ("pixel",)),
        ("longer", ()),
        ("shorter", ("shorter",)),
        ("map", ()),
        ("chat", ()),
        ("handed-over", ()),
        ("fraud", ()),
        ("retarget", ()),
        ("video-list", ("video",)),
        ("video-keep", ()),
        ("video-ads", ()),
        ("duo-both", ("duo-short", "duo-long")),
        ("duo-new", ("duo-long",)),
        ("duo-short", ("duo-short",)),
        ("survey", ()),
        ("login", ()),
    ],
)
def test_the_old_notice_told_of_a_tracker_by(tracker: str, told: tuple[str, ...]):
    assert GROWN.told[1][tracker] == told


@pytest.mark.row("EU-19")
def test_a_notice_told_of_everything_it_asked_about_by_itself():
    for site in (*SITES.values(), choice_site()):
        for notice in site.notices.values():
            for row in notice.content["trackers"]:
                if row["id"] in notice.trackers:
                    assert notice.told(row) == (row["id"],)


# --- what changed


def shop(change: str = "", **values: Any) -> dict[str, Any]:
    table = deepcopy(read_table("decisions")["sites"]["shop"]["history"][0])
    for path, value in values.items():
        *above, last = path.split("__")
        at(table, tuple(above))[last] = value
    if change:
        del table["trackers"][change]
    return table


SHOP = publish(declare("shop", shop()), 1)


def found(table: dict[str, Any]) -> list[Change]:
    return changes(SHOP, notice_content(declare("shop", table)))


def test_the_first_notice_asks_nobody_again():
    assert changes(None, SHOP.content) == [Change("first notice of this site", material=False)]


def test_the_same_content_is_no_change():
    assert found(shop()) == []


@pytest.mark.row("EU-19")
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"trackers__pixel__vendor": "statly"}, "tracker pixel: marketing, Adsoft Inc (US), 90 days"),
        ({"trackers__pixel__purpose": "analytics"}, "-> analytics, Adsoft Inc (US), 90 days"),
        ({"trackers__pixel__retention_days": 91}, "-> marketing, Adsoft Inc (US), 91 days"),
        ({"vendors__statly": {"name": "Statly GmbH", "country": "US"}}, "-> analytics, Statly GmbH (US), 395 days"),
    ],
)
def test_another_purpose_vendor_country_or_longer_retention_asks_again(changed: dict[str, Any], told: str):
    material = [change for change in found(shop(**changed)) if change.material]

    assert len(material) == 1
    assert told in material[0].what


@pytest.mark.row("EU-19")
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": "The better shop"}, "name changed"),
        ({"language": "de"}, "language changed"),
        ({"choice_days": 90}, "choice_days changed"),
        ({"ip": "none"}, "address changed"),
        ({"anonymous_totals": True}, "anonymous_totals changed"),
        ({"purposes": {"analytics": {"title": "Statistics"}}}, "purposes changed"),
        ({"trackers__pixel__description": "Says it better."}, "tracker pixel: "),
        ({"trackers__pixel__retention_days": 89}, "-> marketing, Adsoft Inc (US), 89 days"),
    ],
)
def test_other_changes_are_named(changed: dict[str, Any], told: str):
    assert any(told in change.what for change in found(shop(**changed)))


@pytest.mark.row("EU-19")
@pytest.mark.parametrize(
    "changed",
    [
        {"name": "The better shop"},
        {"language": "de"},
        {"choice_days": 90},
        {"ip": "none"},
        {"anonymous_totals": True},
        {"purposes": {"analytics": {"title": "Statistics"}}},
        {"trackers__pixel__description": "Says it better."},
        {"trackers__pixel__retention_days": 89},
        {"trackers__payments__vendor": "adsoft"},
        {"trackers__payments__retention_days": 3650},
    ],
)
def test_a_change_of_words_or_to_less_asks_nobody_again(changed: dict[str, Any]):
    told = found(shop(**changed))

    assert told
    assert not any(change.material for change in told)


def test_a_removed_tracker_is_named_and_asks_nobody_again():
    assert found(shop("audience")) == [Change("tracker audience removed", material=False)]


@pytest.mark.row("EU-19")
def test_a_new_recipient_asks_again_and_comes_first():
    told = changes(GROWN.notices[1], GROWN.notices[2].content)
    material = [change.what.split(":")[0] for change in told if change.material]

    assert material == [
        "tracker longer",
        "tracker map",
        "tracker chat",
        "tracker handed-over",
        "tracker fraud",
        "tracker retarget added",
        "tracker video-keep added",
        "tracker video-ads added",
        "tracker survey added",
    ]
    assert [change.material for change in told] == sorted((change.material for change in told), reverse=True)


def test_another_order_of_trackers_is_a_change_of_its_own():
    table = shop()
    table["trackers"] = dict(reversed(table["trackers"].items()))

    assert found(table) == [Change("trackers in another order", material=False)]


@pytest.mark.row("EU-19")
def test_whatever_changes_the_hash_is_named_as_a_change():
    for path in leaves(SHOP.content):
        content = with_value(SHOP.content, path, other_than(at(SHOP.content, path)))
        if path[0] == "purposes" and path[-1] in {"id", "necessary"}:
            continue  # no site can do that

        assert changes(SHOP, content), path
