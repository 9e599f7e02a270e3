"""Proposals: what was met, as tables of gatekeeper.toml that a person has to fill in."""

import tomllib
from typing import Any

import pytest

from gatekeeper.core.learning import domain_of, propose, to_toml
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.core.sites import Site
from gatekeeper.core.trackers import Kind

SHOP: dict[str, Any] = {
    "name": "Shop",
    "origins": ["https://shop.example"],
    "controller": {"name": "Shop Ltd", "address": "1 Street", "contact": "a@shop.example"},
    "vendors": {"adco": {"name": "AdCo", "country": "US"}},
    "trackers": {
        "ads": {
            "kind": "script",
            "purpose": "marketing",
            "vendor": "adco",
            "hosts": ["cdn.ads.example"],
            "cookies": [{"name": "_ad", "days": 30}],
            "retention_days": 30,
            "description": "Advertises.",
        }
    },
}


@pytest.fixture
def shop() -> Site:
    sites, problems = read_registry({"sites": {"shop": SHOP}})
    assert problems == []
    return sites["shop"]


def saw(what: Seen, name: str, path: str = "/", day: str = "2026-11-22") -> Sighting:
    return Sighting("shop", day, what, name, "" if what.kept else path)


def proposed(shop: Site, *seen: Sighting) -> dict[str, Any]:
    """Return the tables proposed, as a file that holds the site besides would have them."""
    return tomllib.loads(to_toml(shop, propose(shop, dict.fromkeys(seen, 1))))["sites"]["shop"]


def test_one_vendor_and_one_tracker_are_proposed_for_the_hosts_of_a_domain(shop: Site) -> None:
    tables = proposed(
        shop,
        saw(Seen.SCRIPT, "www.stats.example", "/js"),
        saw(Seen.CONNECT, "region1.stats.example", "/g/collect"),
        saw(Seen.IMAGE, "stats.example"),
        saw(Seen.FRAME, "player.tube.example"),
    )

    assert list(tables["vendors"]) == list(tables["trackers"]) == ["stats", "tube"]
    stats = tables["trackers"]["stats"]
    assert stats["hosts"] == ["region1.stats.example", "stats.example", "www.stats.example"]
    assert (stats["kind"], stats["purpose"], stats["vendor"]) == ("script", "marketing", "stats")
    assert tables["trackers"]["tube"]["kind"] == "embed"


def test_check_refuses_a_proposal_until_a_person_has_filled_it_in(shop: Site) -> None:
    tables = proposed(
        shop,
        saw(Seen.SCRIPT, "www.stats.example"),
        saw(Seen.CONNECT, "in.google-analytics.com"),
        saw(Seen.COOKIE, "_ga"),
        saw(Seen.LOCAL, "theme"),
    )
    both = {**SHOP, **{key: {**SHOP[key], **tables[key]} for key in ("vendors", "trackers")}}

    _, problems = read_registry({"sites": {"shop": both}})

    where = {problem.key.removeprefix("sites.shop.") for problem in problems}
    assert where == {
        *(f"vendors.{name}.{key}" for name in ("stats", "google-analytics") for key in ("name", "country")),
        *(
            f"trackers.{name}.{key}"
            for name in ("stats", "google-analytics", "storage-seen")
            for key in ("retention_days", "description")
        ),
        "trackers.google-analytics.cookies.0.days",
        "trackers.storage-seen.cookies.0.days",
        "trackers.storage-seen.vendor",
    }


def test_a_filled_in_proposal_is_taken(shop: Site) -> None:
    text = to_toml(shop, propose(shop, {saw(Seen.SCRIPT, "www.stats.example"): 1}))
    for empty, filled in (("name", '"Stats Ltd"'), ("country", '"IE"'), ("retention_days", "30"), ("desc", '"x"')):
        text = "\n".join(
            f"{line.partition(' =')[0]} = {filled}" if line.startswith(empty) else line for line in text.splitlines()
        )
    tables = tomllib.loads(text)["sites"]["shop"]

    sites, problems = read_registry({"sites": {"shop": {**SHOP, **tables}}})

    assert problems == []
    assert sites["shop"].trackers["stats"].hosts == ("www.stats.example",)


@pytest.mark.parametrize(
    ("used", "kind"),
    [
        ({Seen.SCRIPT, Seen.FRAME, Seen.IMAGE}, Kind.SCRIPT),
        ({Seen.FRAME, Seen.IMAGE}, Kind.EMBED),
        ({Seen.FONT, Seen.STYLE}, Kind.EMBED),
        ({Seen.MEDIA}, Kind.EMBED),
        ({Seen.FORM, Seen.CONNECT}, Kind.FORM),
        ({Seen.IMAGE}, Kind.BEACON),
        ({Seen.CONNECT, Seen.OTHER}, Kind.BEACON),
        ({Seen.COOKIE}, Kind.COOKIE),
    ],
)
def test_the_kind_is_guessed_by_how_a_host_is_used(shop: Site, used: set[Seen], kind: Kind) -> None:
    (proposal,) = propose(shop, {saw(what, "x.stats.example"): 1 for what in used})

    assert proposal.kind is kind


def test_what_is_declared_is_not_proposed(shop: Site) -> None:
    seen = [saw(Seen.SCRIPT, "cdn.ads.example"), saw(Seen.SCRIPT, "shop.example"), saw(Seen.COOKIE, "_ad")]

    assert propose(shop, dict.fromkeys(seen, 1)) == []


def test_another_host_of_a_declared_vendor_is_proposed_with_that_vendor(shop: Site) -> None:
    seen = {saw(Seen.IMAGE, "px.ads.example"): 1}
    tables = proposed(shop, *seen)

    assert "vendors" not in tables
    assert tables["trackers"]["ads-example"]["vendor"] == "adco"
    assert "The tracker ads has hosts of ads.example too" in to_toml(shop, propose(shop, seen))


def test_names_go_where_their_vendor_says_they_are_from_and_else_stand_alone(shop: Site) -> None:
    tables = proposed(
        shop,
        saw(Seen.SCRIPT, "www.googletagmanager.com"),
        saw(Seen.CONNECT, "region1.google-analytics.com"),
        *(saw(Seen.COOKIE, name) for name in ("_ga", "_ga_*", "_fbp", "mystery")),
        *(saw(what, "theme") for what in (Seen.LOCAL, Seen.SESSION)),
    )

    kept = {name: [one["name"] for one in row.get("cookies", [])] for name, row in tables["trackers"].items()}
    assert kept == {
        "google-analytics": ["_ga", "_ga_*"],
        "googletagmanager": [],
        "cookie-seen": ["_fbp", "mystery"],
        "storage-seen": ["theme"],
    }


def test_ids_are_free_and_of_the_form_that_is_asked(shop: Site) -> None:
    hosts = ["a.ads.example", "a.ads.test", "ads.invalid", "4you.example", "127.0.0.2:8080", "localhost:9", "visit.net"]
    proposals = propose(shop, {saw(Seen.SCRIPT, host): 1 for host in hosts})

    names = [proposal.id for proposal in proposals]
    assert names == [
        *("host-127-0-0-2-8080", "host-4you", "ads-example", "ads-invalid", "ads-test", "localhost-9", "visit-net"),
    ]


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.stats.example", "stats.example"),
        ("stats.example:8080", "stats.example"),
        ("a.b.stats.co.uk", "stats.co.uk"),
        ("b.stats.com.br:8443", "stats.com.br"),
        ("127.0.0.2:8080", "127.0.0.2:8080"),
        ("localhost:9", "localhost:9"),
    ],
)
def test_hosts_that_share_their_last_labels_are_taken_together(host: str, domain: str) -> None:
    assert domain_of(host) == domain


def test_a_proposal_says_how_often_when_and_where_it_was_met(shop: Site) -> None:
    seen = {
        saw(Seen.SCRIPT, "www.stats.example", "/js", "2026-11-20"): 4,
        saw(Seen.IMAGE, "www.stats.example", "/i.gif", "2026-11-22"): 2,
        **{saw(Seen.IMAGE, "www.stats.example", f"/{no}", "2026-11-21"): 1 for no in range(5)},
    }

    first = to_toml(shop, propose(shop, seen)).splitlines()[0]

    assert first == "# Seen 11 times, last on 2026-11-22, as script, image; for example /js /i.gif /0"
