"""The check of a site's own pages: what may go out and be kept after which answer, as a table."""

from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.core.registry import read_registry
from gatekeeper.core.rounds import (
    STANDS,
    VISITORS,
    Fault,
    Kept,
    Run,
    Seen,
    Stand,
    Visitor,
    Went,
    judge,
    read_runs,
    tell,
    write_runs,
)
from gatekeeper.core.sites import Gate, Site, Undeclared


def tracker(purpose: str, *hosts: str, cookies: tuple[str, ...] = ()) -> dict[str, Any]:
    row: dict[str, Any] = {"kind": "script", "purpose": purpose, "vendor": "self", "retention_days": 1}
    row |= {"description": "Does.", "hosts": list(hosts), "cookies": [{"name": name, "days": 1} for name in cookies]}
    return {**row, "justification": "It must.", "reviewed_by": "counsel"} if purpose == "necessary" else row


TABLES = {
    "name": "The Shop",
    "origins": ["https://shop.example"],
    "hosts": ["img.shop.example", "*.static.example"],
    "controller": {"name": "Shop Ltd", "address": "1 High Street", "contact": "privacy@shop.example"},
    "trackers": {
        "basket": tracker("necessary", "pay.bank.example", cookies=("basket", "csrf_*")),
        "stats": tracker("analytics", "*.stats.example", "cdn.example", cookies=("_st",)),
        "ads": tracker("marketing", "ads.example", "cdn.example", cookies=("_ad*",)),
        "wrong": tracker("necessary", "ads.example"),
    },
}


@pytest.fixture
def site() -> Site:
    sites, problems = read_registry({"sites": {"shop": TABLES}})
    assert problems == []
    return sites["shop"]


ANY = list(Stand)
NOT_GRANTED = [stand for stand in Stand if stand is not Stand.GRANTED]
REFUSING = [stand for stand in NOT_GRANTED if stand is not Stand.BOTH]

#: A host, a path, when asking it is a fault, and whose it is.
HOSTS: list[tuple[str, str, list[Stand], str]] = [
    ("shop.example", "/", [], ""),
    ("img.shop.example", "/a.png", [], ""),
    ("x.static.example", "/a.png", [], ""),
    ("static.example", "/a.png", REFUSING, ""),
    ("pay.bank.example", "/pay.js", [], ""),
    ("pay.bank.example:8443", "/pay.js", REFUSING, ""),
    ("a.stats.example", "/s.js", REFUSING, "stats"),
    ("stats.example", "/s.js", REFUSING, ""),
    ("ads.example", "/pixel.gif", REFUSING, "ads"),  # although a necessary tracker has the host as well
    ("cdn.example", "/lib.js", REFUSING, "stats"),
    ("unknown.example", "/x.js", REFUSING, ""),
    ("gate.example", "/gk/shop/gatekeeper.js", [], ""),  # Gatekeeper on a host of its own
    ("gate.example", "/gk/other/gatekeeper.js", REFUSING, ""),
]


@pytest.mark.parametrize(("host", "path", "faulty", "whose"), HOSTS)
@pytest.mark.parametrize("stand", ANY)
def test_what_goes_out_to_a_vendor_without_a_grant_is_a_fault(
    site: Site, stand: Stand, host: str, path: str, faulty: list[Stand], whose: str
) -> None:
    (run,) = judge(site, "/gk", [Seen("https://shop.example/", Visitor.REJECTS, went=(Went(stand, host, path),))])

    expected = (Fault(f"{host}{path} was asked {STANDS[stand]}", whose),) if stand in faulty else ()
    assert run.faults == expected
    assert run.passed == (not expected)


@pytest.mark.parametrize(
    ("tables", "whose"),
    [
        ({"ads": tracker("marketing", "ads.example")}, "ads"),
        ({"ads": tracker("marketing", "ads.example"), "more": tracker("analytics", "ads.example")}, ""),
        ({"ads": tracker("analytics", "ads.example")}, ""),
    ],
)
def test_accept_all_does_not_let_out_what_the_browser_objects_to(tables: dict[str, Any], whose: str) -> None:
    sites, _ = read_registry({"sites": {"shop": {**TABLES, "trackers": tables}}})

    went = Went(Stand.BOTH, "ads.example", "/pixel.gif")
    (run,) = judge(sites["shop"], "/gk", [Seen("https://shop.example/", Visitor.OBJECTS, went=(went,))])

    assert [fault.whose for fault in run.faults] == ([whose] if whose else [])


#: Where, a name, a domain; when keeping it is a fault, also where the gate keeps what nothing declares; whose it is.
NAMES: list[tuple[str, str, str, list[Stand], list[Stand], str]] = [
    ("cookie", "gk_choice", "shop.example", [], [], ""),
    ("cookie", "__Host-gk_subject", "shop.example", [], [], ""),
    ("session", "gk_asked", "", [], [], ""),
    ("cookie", "basket", "shop.example", [], [], ""),
    ("cookie", "csrf_12", ".shop.example", [], [], ""),
    ("cookie", "_st", "shop.example", REFUSING, REFUSING, "stats"),
    ("local", "_ad_1", "", REFUSING, REFUSING, "ads"),
    ("cookie", "session", "shop.example", REFUSING, [], ""),
    ("local", "theme", "", REFUSING, [], ""),
    ("database", "offline", "", REFUSING, [], ""),
    ("cookie", "id", "pay.bank.example", [], [], ""),
    ("cookie", "id", ".bank.example", [], [], ""),
    (
        "cookie",
        "uid",
        ".ads.example",
        [Stand.NOTHING, Stand.REFUSED, Stand.OBJECTED],
        [Stand.NOTHING, Stand.REFUSED, Stand.OBJECTED],
        "ads",
    ),
]


@pytest.mark.parametrize(("where", "name", "domain", "faulty", "kept_faulty", "whose"), NAMES)
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("stand", ANY)
def test_what_a_browser_keeps_without_a_grant_is_a_fault(
    site: Site,
    stand: Stand,
    keep: bool,
    where: str,
    name: str,
    domain: str,
    faulty: list[Stand],
    kept_faulty: list[Stand],
    whose: str,
) -> None:
    site = replace(site, gate=Gate(undeclared=Undeclared.KEEP if keep else Undeclared.DENY))
    seen = Seen("https://shop.example/", Visitor.REJECTS, kept=(Kept(stand, where, name, domain),))

    (run,) = judge(site, "/gk", [seen])

    assert bool(run.faults) == (stand in (kept_faulty if keep else faulty))
    assert [(name in fault.what, fault.whose) for fault in run.faults] == [(True, whose)] * len(run.faults)


def test_what_could_not_be_done_is_not_well(site: Site) -> None:
    (run,) = judge(site, "/gk", [Seen("https://shop.example/", Visitor.REJECTS, trouble="no banner was shown")])

    assert not run.passed
    assert tell([run]) == "https://shop.example/: no banner was shown"


def test_a_fault_is_told_once() -> None:
    fault = Fault("ads.example/a was asked after a refusal", "ads")
    runs = [
        Run("https://shop.example/", Visitor.REJECTS, (), (fault,)),
        Run("https://shop.example/", Visitor.WITHDRAWS, (), (fault,)),
        Run("https://shop.example/b", Visitor.REJECTS, (), ()),
    ]

    assert tell(runs) == "https://shop.example/: ads.example/a was asked after a refusal"


def test_many_faults_are_told_in_a_few_words() -> None:
    runs = [Run(f"https://shop.example/{no}", Visitor.REJECTS, (), (Fault("x"),)) for no in range(5)]

    assert tell(runs).endswith("https://shop.example/2: x; and 2 more")


def test_runs_are_read_as_they_were_written() -> None:
    runs = [Run("https://shop.example/", Visitor.REJECTS, ("opened",), (Fault("x", "ads"),), "and more")]

    assert read_runs(write_runs(runs)) == runs
    assert read_runs('{"of": "another form"}') == []


def test_everything_has_its_words() -> None:
    assert set(VISITORS) == set(Visitor)
    assert set(STANDS) == set(Stand)
