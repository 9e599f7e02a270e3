"""``gatekeeper.toml``: what a right one becomes, and every mistake of a wrong one."""

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.languages import TAGS
from gatekeeper.core.problems import Problem
from gatekeeper.core.registry import read_registry
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Audience, Region, Search, notice_content
from gatekeeper.core.trackers import Kind

GOOD = """
[sites.shop]
name = "The Shop"
origins = ["https://shop.example", "https://www.shop.example"]
scope = "domain"
domain = "shop.example"
language = "en"
choice_days = 180
ip = "truncated"
ip_full_days = 30
log_days = 395
time_zone = "Europe/Dublin"
anonymous_totals = true

[sites.shop.controller]
name = "Shop Ltd"
address = "1 High Street, Dublin"
contact = "privacy@shop.example"

[sites.shop.purposes.research]
title = "Research"
description = "Helps a university."
denied_by = ["gpc"]
min_age = 16

[sites.shop.vendors.bank]
name = "Bank Ltd"
country = "IE"
policy = "https://bank.example/privacy"

[sites.shop.vendors.statly]
name = "Statly GmbH"
country = "DE"

[sites.shop.trackers.payments]
kind = "script"
purpose = "necessary"
vendor = "bank"
hosts = ["pay.bank.example"]
retention_days = 365
description = "Takes your payment."
justification = "Nobody can pay without it."
reviewed_by = "Legal"

[sites.shop.trackers.stats]
kind = "script"
purpose = "research"
vendor = "statly"
hosts = ["*.statly.example", "cdn.statly.example:8443"]
cookies = [{ name = "_st", days = 395 }]
retention_days = 395
description = "Counts how often a page is read."
basis = "consent"
"""

REQUIRED = [
    "sites",
    "sites.shop.name",
    "sites.shop.origins",
    "sites.shop.controller",
    "sites.shop.controller.name",
    "sites.shop.controller.address",
    "sites.shop.controller.contact",
    "sites.shop.domain",
    "sites.shop.purposes.research.title",
    "sites.shop.purposes.research.description",
    "sites.shop.vendors.bank.name",
    "sites.shop.vendors.bank.country",
    "sites.shop.vendors.statly.name",
    "sites.shop.vendors.statly.country",
    "sites.shop.trackers.payments.kind",
    "sites.shop.trackers.payments.purpose",
    "sites.shop.trackers.payments.vendor",
    "sites.shop.trackers.payments.retention_days",
    "sites.shop.trackers.payments.description",
    "sites.shop.trackers.payments.justification",
    "sites.shop.trackers.payments.reviewed_by",
    "sites.shop.trackers.stats.kind",
    "sites.shop.trackers.stats.purpose",
    "sites.shop.trackers.stats.vendor",
    "sites.shop.trackers.stats.retention_days",
    "sites.shop.trackers.stats.description",
    "sites.shop.trackers.stats.cookies.0.name",
    "sites.shop.trackers.stats.cookies.0.days",
]


def good() -> dict[str, Any]:
    return tomllib.loads(GOOD)


def step(name: str) -> str | int:
    return int(name) if name.isdigit() else name


def find(tables: Any, key: str) -> tuple[Any, str | int]:
    """Return the table that holds a key, and the key's last part."""
    *above, last = (step(name) for name in key.split("."))
    for name in above:
        tables = tables[name]
    return tables, last


def put(tables: dict[str, Any], key: str, value: Any) -> None:
    table, last = find(tables, key)
    table[last] = value


def without(key: str) -> dict[str, Any]:
    tables = good()
    table, last = find(tables, key)
    del table[last]
    return tables


def problems(**values: Any) -> list[Problem]:
    """Return the problems of the good file with some values changed; two underscores stand for a dot."""
    tables = good()
    for key, value in values.items():
        put(tables, f"sites.shop.{key.replace('__', '.')}", value)
    return read_registry(tables)[1]


def complete(problem: Problem) -> bool:
    return all((problem.key, problem.value, problem.rule, problem.fix))


# --- a right file


def test_a_right_file_becomes_sites():
    sites, found = read_registry(good())

    assert not found
    shop = sites["shop"]
    assert shop.origins == ("https://shop.example", "https://www.shop.example")
    assert list(shop.trackers) == ["visit", "payments", "stats"]
    assert shop.trackers["visit"].retention_days == 395
    assert shop.trackers["stats"].kind is Kind.SCRIPT
    assert shop.trackers["stats"].hosts == ("*.statly.example", "cdn.statly.example:8443")
    assert shop.trackers["stats"].cookies[0].days == 395
    assert shop.purposes["research"].min_age == 16
    assert shop.vendors["self"].name == "The Shop"


def test_what_the_log_holds_is_shaped_by_the_file():
    tables = good()
    search = {"paths": ["/search*"], "parameters": ["q", "query"]}
    events = {"purchase": {"purpose": "marketing"}, "signup": {}}
    tables["sites"]["shop"] |= {"search": search, "events": events, "fields": {"search": "research"}}

    sites, found = read_registry(tables)

    assert not found
    shop = sites["shop"]
    assert shop.search == Search(("/search*",), ("q", "query"))
    assert (shop.event_purpose("purchase"), shop.event_purpose("signup")) == ("marketing", "analytics")
    assert (shop.fields["search"], shop.fields["path"]) == ("research", "analytics")


def test_a_site_speaks_the_language_of_its_file_unless_it_lists_others():
    def languages(**keys: Any) -> tuple[str, tuple[str, ...]]:
        tables = good()
        tables["sites"]["shop"].update(keys)
        shop = read_registry(tables)[0]["shop"]
        return shop.language, shop.languages

    assert languages() == ("en", ("en",))
    assert languages(language="pt-br") == ("pt-br", ("pt-br",))
    assert languages(languages=["de", "en", "zh-hant"]) == ("en", ("de", "en", "zh-hant"))
    assert languages(languages=list(TAGS)) == ("en", TAGS)


def test_whom_a_site_is_for_and_how_it_knows_where_they_are():
    tables = good()
    region = {"header": "CF-IPCountry", "subdivision_header": "CF-Region-Code", "geo": True}

    before = read_registry(tables)[0]["shop"]
    tables["sites"]["shop"] |= {"audience": "child_directed", "region": region}
    after = read_registry(tables)[0]["shop"]

    assert (before.audience, before.region) == (Audience.GENERAL, Region("", "", geo=False))
    assert (after.audience, after.region) == (
        Audience.CHILD_DIRECTED,
        Region("CF-IPCountry", "CF-Region-Code", geo=True),
    )


def test_several_sites_are_read():
    tables = good()
    blog = {"name": "The Blog", "origins": ["https://blog.shop.example"]}
    tables["sites"]["blog"] = {**tables["sites"]["shop"], **blog}

    sites, found = read_registry(tables)

    assert not found
    assert {site.name for site in sites.values()} == {"The Shop", "The Blog"}


def test_two_sites_cannot_share_an_origin():
    tables = good()
    tables["sites"]["blog"] = {**tables["sites"]["shop"], "name": "The Blog"}

    _, found = read_registry(tables)

    assert {problem.key for problem in found} == {"sites.blog.origins"}
    assert "it is site shop's too" in found[0].rule


@pytest.mark.parametrize(
    ("origin", "fix"),
    [("https://shop.example:443", "write 'https://shop.example'"), ("https://shop.example:8443", None)],
)
def test_an_origin_is_written_as_browsers_send_it(origin: str, fix: str | None):
    found = problems(origins=[origin])

    assert [problem.fix for problem in found] == ([fix] if fix else [])


def test_no_vendor_can_take_the_name_of_the_site_itself():
    tables = good()
    tables["sites"]["shop"]["vendors"]["self"] = {"name": "Other Ltd", "country": "IE"}

    _, found = read_registry(tables)

    assert [problem.key for problem in found] == ["sites.shop.vendors.self"]


@pytest.mark.row("GPC-01", "DNT-01", "SIG-01")
def test_a_site_may_widen_what_a_signal_denies_and_never_narrow_it():
    def denied(purpose: str, by: list[str]) -> frozenset[Signal]:
        tables = good()
        put(tables, f"sites.shop.purposes.{purpose}", {"denied_by": by})
        return read_registry(tables)[0]["shop"].purposes[purpose].denied_by

    assert denied("marketing", []) == {Signal.GPC, Signal.DNT}
    assert denied("marketing", ["gpc"]) == {Signal.GPC, Signal.DNT}
    assert denied("functional", []) == {Signal.DNT}
    assert denied("functional", ["gpc"]) == {Signal.GPC, Signal.DNT}
    assert denied("analytics", []) == frozenset()
    assert denied("analytics", ["dnt"]) == {Signal.DNT}


# --- EU-06: no field may be left out


@pytest.mark.row("EU-06", "EU-15")
@pytest.mark.parametrize("key", REQUIRED)
def test_a_field_left_out_is_reported(key: str):
    sites, found = read_registry(without(key))

    assert sites == {}
    assert key.removesuffix(".0") in {problem.key for problem in found}
    assert all(complete(problem) for problem in found)
    assert "(missing)" in {problem.value for problem in found}


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
@pytest.mark.row("EU-06", "EU-15")
def test_an_empty_text_is_as_good_as_none(text: str):
    for key in REQUIRED:
        tables = good()
        table, last = find(tables, key)
        if not isinstance(table[last], str):
            continue
        table[last] = text

        assert key in {problem.key for problem in read_registry(tables)[1]}


# --- one mistake at a time: the key, the rule and the fix


@pytest.mark.parametrize(
    ("key", "value", "rule", "fix"),
    [
        ("search", {"paths": ["/search"]}, "a list of the parameters", '["q"]'),
        ("search", {"paths": ["search"], "parameters": ["q"]}, "a path", "/checkout*"),
        ("search", {"paths": ["/search"], "parameters": ["q=1"]}, "the name of a parameter", '"q"'),
        ("search", {"paths": [], "parameters": ["q"]}, "a list of paths", "/search*"),
        ("fields", {"address": "necessary"}, "visitors are asked about", "analytics, marketing, research"),
        ("fields", {"address": "mail_open"}, "visitors are asked about", "analytics, marketing, research"),
        ("fields", {"address": "ads"}, "visitors are asked about", "analytics, marketing, research"),
        ("fields", {"birthday": "research"}, "only keys that Gatekeeper knows", "known keys"),
        ("fields", {"order": "marketing"}, "only keys that Gatekeeper knows", "did you mean"),
        (
            "events",
            {"purchase": {"purpose": "necessary"}},
            "visitors are asked about",
            "analytics, marketing, research",
        ),
        ("events", {"Purchase": {}}, "an id of the form", "lower-case"),
        ("origins", [], "exact origins", "https://shop.example"),
        ("origins", ["shop.example"], "an exact origin: scheme, host and port", "https://shop.example"),
        ("origins", ["https://shop.example/"], "an exact origin", "https://shop.example"),
        ("origins", ["https://shop.example\n"], "an exact origin", "https://shop.example"),
        ("origins", ["https://*.shop.example"], "an exact origin", "https://shop.example"),
        ("origins", ["https://SHOP.example"], "an exact origin", "https://shop.example"),
        ("origins", ["null"], "an exact origin", "https://shop.example"),
        ("origins", "https://shop.example", "exact origins", "https://shop.example"),
        ("origins", ["https://shop.example", "http://shop.example"], "all origins https, or all http", "of their own"),
        ("origins", ["https://shop.example", "https://evilshop.example"], "every origin is shop.example or below", ""),
        ("origins", ["https://shop.example.evil.example"], "every origin is shop.example or below it", "widen"),
        ("scope", "hots", "one of host, domain", "domain"),
        ("scope", "host", 'only with scope = "domain"', "remove it, or set the scope"),
        ("domain", "https://shop.example", "the domain that all origins share", "shop.example"),
        ("domain", "other.example", "every origin is other.example or below it", "another site"),
        ("language", "English", "the language of the texts", "en"),
        ("language", "en\n", "the language of the texts", "en"),
        ("language", "", "the language of the texts", "en"),
        ("language", "pt-BR", "one of bg, cs, da", "did you mean pt-br?"),
        ("language", "de_AT", "one of bg, cs, da", "did you mean de?"),
        ("language", "zh", "one of bg, cs, da", "did you mean zh-hans?"),
        ("language", "ptbr", "one of bg, cs, da", "did you mean pt-br?"),
        ("language", 1, "the language of the texts", "en"),
        ("languages", [], "a list of the languages that visitors can read", '["en", "de"]'),
        ("languages", "en", "a list of the languages that visitors can read", '["en", "de"]'),
        ("languages", ["en", 1], "the tag of a language", "en"),
        ("languages", ["en", ""], "the tag of a language", "en"),
        ("languages", ["en", "xx"], "languages that there are words for: bg, cs", "write a tag"),
        ("languages", ["en", "zh-TW"], "languages that there are words for", "did you mean zh-hant?"),
        ("languages", ["en", "de", "de"], "each language once", "remove what is repeated"),
        ("languages", ["de", "fr"], "the language of the texts in this file is among them", "add 'en'"),
        ("audience", "kids", "one of general, mixed, child_directed", "whom the site is for"),
        ("region", {"header": "CF IPCountry"}, "a request header that holds a country", "CF-IPCountry"),
        ("region", {"header": "CF-IPCountry\n"}, "a request header that holds a country", "CF-IPCountry"),
        ("region", {"subdivision_header": ":path"}, "a state or province", "CF-Region-Code"),
        ("region", {"geo": 1}, "true or false", "[geo]"),
        ("region", {"country": "IE"}, "only keys that Gatekeeper knows", "known keys: header, subdivision_header"),
        ("time_zone", "Dublin", "a name in the IANA time zone database", "did you mean Europe/Dublin?"),
        ("time_zone", "europe/dublin ", "a name in the IANA time zone database", "did you mean Europe/Dublin?"),
        ("time_zone", "America", "a name in the IANA time zone database", "America/"),
        ("time_zone", "../../etc/passwd", "a name in the IANA time zone database", "Europe/Dublin"),
        ("time_zone", "/etc/localtime", "a name in the IANA time zone database", ""),
        ("time_zone", 1, "the time zone in which its days begin", "Europe/Dublin"),
        ("choice_days", 0, "a whole number of days, 1 to 395", "180"),
        ("choice_days", 396, "a whole number of days, 1 to 395", "180"),
        ("choice_days", 180.0, "a whole number of days, 1 to 395", "180"),
        ("choice_days", True, "a whole number of days, 1 to 395", "180"),
        ("choice_days", "180", "a whole number of days, 1 to 395", "180"),
        ("ip", "partial", "one of full, truncated, none", "address"),
        ("ip_full_days", 396, "a whole number of days, 0 to 395", "shortened"),
        ("ip_full_days", -1, "a whole number of days, 0 to 395", "shortened"),
        ("log_days", 761, "a whole number of days, 1 to 760", "25 months"),
        ("log_days", 0, "a whole number of days, 1 to 760", "25 months"),
        ("smallest_group", 4, "a whole number, 5 to 1000", "10"),
        ("smallest_group", 1001, "a whole number, 5 to 1000", "10"),
        ("anonymous_totals", "yes", "true or false", "totals"),
        ("anonymous_totals", 1, "true or false", "totals"),
        ("name", "x" * 2001, "in at most 2000 characters", "as they know it"),
        ("colour", "red", "only keys that Gatekeeper knows", "known keys"),
        ("orgins", ["https://shop.example"], "only keys that Gatekeeper knows", "did you mean origins?"),
        ("controller.phone", "1", "only keys that Gatekeeper knows", "known keys: name, address, contact"),
        ("controller", "Shop Ltd", "is not of type 'object'", "gatekeeper init"),
        ("purposes.Ads", {"title": "A", "description": "B"}, "an id of the form", "lower-case"),
        ("purposes.research.denied_by", ["gcp"], "one of gpc, dnt", "signals"),
        ("purposes.research.denied_by", "gpc", "a list of signals", "gpc"),
        ("purposes.research.min_age", 12, "one of 0, 13, 16, 18", "youngest age"),
        ("purposes.research.basis", "legitimate_interest", "only keys that Gatekeeper knows", "known keys"),
        ("purposes.necessary", {"denied_by": ["gpc"]}, "nothing denies what is necessary", "remove it"),
        ("purposes.ads", {"description": "Ads."}, "words that visitors understand", "plain words"),
        ("vendors.bank.country", "Ireland", "two capital letters", "IE"),
        ("vendors.bank.country", "ie", "two capital letters", "IE"),
        ("vendors.bank.country", "IE\n", "two capital letters", "IE"),
        ("vendors.bank.policy", "javascript:alert(1)", "the address of its privacy policy", "https://"),
        ("trackers.stats.kind", "pixel", "one of script, loader, cookie", "technically"),
        ("trackers.stats.kind", "log", "the visit log is built in", "remove it"),
        ("trackers.stats.purpose", "ads", "a purpose of this site: necessary, functional", "declare it"),
        ("trackers.stats.purpose", "marketting", "a purpose of this site", "did you mean marketing?"),
        ("trackers.stats.purpose", "research ", "a purpose of this site", "did you mean research?"),
        ("trackers.stats.vendor", "nobody", "a vendor of this site", "[sites.shop.vendors.nobody]"),
        ("trackers.stats.retention_days", -1, "a whole number of days, 0 to 3650", "how long"),
        ("trackers.stats.retention_days", 3651, "a whole number of days, 0 to 3650", "how long"),
        ("trackers.stats.retention_days", 30.0, "a whole number of days, 0 to 3650", "how long"),
        ("trackers.stats.hosts", ["https://cdn.statly.example/x"], "a host name", "leave out https://"),
        ("trackers.stats.hosts", ["cdn.statly.example; script-src *"], "a host name", "leave out"),
        ("trackers.stats.hosts", ["*"], "a host name", "leave out"),
        ("trackers.stats.hosts", ["a.example\n"], "a host name", "leave out"),
        ("trackers.stats.basis", "necessary", "the basis follows from the purpose", "remove it"),
        ("trackers.payments.basis", "consent", "the basis follows from the purpose", "remove it"),
        ("trackers.visit", {"kind": "script"}, "the visit log is built in", "`log_days`"),
        ("trackers.gatekeeper", {"kind": "script"}, "what the guard tells of itself", "another name"),
        ("trackers.Stats", {}, "an id of the form", "lower-case"),
        ("trackers.__proto__", {}, "an id of the form", "lower-case"),
    ],
)
def test_a_mistake_names_its_rule_and_how_to_mend_it(key: str, value: Any, rule: str, fix: str):
    tables = good()
    put(tables, f"sites.shop.{key}", value)

    sites, found = read_registry(tables)

    assert sites == {}
    assert all(complete(problem) for problem in found)
    assert any(rule in problem.rule and fix in problem.fix for problem in found), [*map(str, found)]
    assert all(problem.key.startswith(("sites.shop", "shop")) for problem in found)


@pytest.mark.parametrize(
    "site_id", ["Shop", "s", "1shop", "shop.example", "shop_x", "shop\n", "a" * 33, "", "\u0455hop"]
)
def test_a_site_id_that_would_not_fit_into_a_path_or_a_cookie_is_refused(site_id: str):
    _, found = read_registry({"sites": {site_id: good()["sites"]["shop"]}})

    assert any("an id of the form" in problem.rule for problem in found)


@pytest.mark.parametrize("site_id", ["api", "dashboard", "healthz", "metrics"])
def test_a_site_id_that_is_a_path_of_our_own_is_refused(site_id: str):
    _, found = read_registry({"sites": {site_id: good()["sites"]["shop"]}})

    assert [problem.key for problem in found] == [f"sites.{site_id}"]


@pytest.mark.parametrize("kind", ["script", "loader", "embed"])
def test_what_nothing_could_hold_after_reject_is_refused(kind: str):
    tables = good()
    stats = tables["sites"]["shop"]["trackers"]["stats"]
    stats["kind"] = kind
    hosts = stats.pop("hosts")

    def refused(tables: dict[str, Any]) -> bool:
        return "sites.shop.trackers.stats.hosts" in [problem.key for problem in read_registry(tables)[1]]

    assert refused(tables)
    assert refused(_changed(tables, hosts=[]))
    assert not refused(_changed(tables, marked=True))
    assert not refused(_changed(tables, hosts=hosts))


@pytest.mark.parametrize("kind", ["cookie", "storage"])
def test_what_is_kept_under_no_name_is_refused(kind: str):
    tables = good()
    stats = tables["sites"]["shop"]["trackers"]["stats"]
    stats["kind"] = kind
    del stats["cookies"]

    assert [problem.key for problem in read_registry(tables)[1]] == ["sites.shop.trackers.stats.cookies"]


def _changed(tables: dict[str, Any], **fields: Any) -> dict[str, Any]:
    changed = deepcopy(tables)
    changed["sites"]["shop"]["trackers"]["stats"].update(fields)
    return changed


@pytest.mark.parametrize(
    "tables", [{}, {"sites": {}}, {"sites": 5}, {"sites": {"shop": 5}}, {"sites": []}, {"site": {}}]
)
def test_a_file_without_a_site_is_refused(tables: dict[str, Any]):
    sites, found = read_registry(tables)

    assert sites == {}
    assert found
    assert all(complete(problem) for problem in found)


# --- the rows of law


@pytest.mark.row("EU-14")
@pytest.mark.parametrize("basis", ["legitimate_interest", "li", "legitimate-interest", "contract", "", 1])
def test_legitimate_interest_is_no_ground(basis: object):
    found = problems(trackers__stats__basis=basis)

    assert [problem.key for problem in found] == ["sites.shop.trackers.stats.basis"]
    assert "legitimate interest is no ground" in found[0].rule
    assert "ePrivacy" in found[0].fix


@pytest.mark.row("EU-14")
def test_what_is_asked_about_cannot_be_called_necessary_by_its_basis():
    assert [problem.key for problem in problems(trackers__stats__basis="necessary")] == [
        "sites.shop.trackers.stats.basis"
    ]


@pytest.mark.row("EU-15")
@pytest.mark.parametrize("field", ["justification", "reviewed_by"])
def test_what_is_called_necessary_needs_a_reason_and_a_reviewer(field: str):
    for tables in (without(f"sites.shop.trackers.payments.{field}"), good()):
        table = tables["sites"]["shop"]["trackers"]["payments"]
        if field in table:
            table[field] = "  "

        _, found = read_registry(tables)

        assert [problem.key for problem in found] == [f"sites.shop.trackers.payments.{field}"]


@pytest.mark.row("EU-15")
def test_a_tracker_that_is_asked_about_needs_no_justification():
    assert problems(trackers__payments__purpose="functional") == []


@pytest.mark.row("EU-12")
@pytest.mark.parametrize(("days", "right"), [(0, True), (395, True), (396, False), (730, False), (-1, False)])
def test_no_cookie_of_a_tracker_stays_longer_than_13_months(days: int, right: bool):
    found = problems(trackers__stats__cookies=[{"name": "_st", "days": days}])

    assert (not found) is right
    assert all("13 months" in problem.fix for problem in found)


@pytest.mark.row("EU-12")
@pytest.mark.parametrize(("days", "right"), [(760, True), (761, False)])
def test_no_visit_log_is_kept_longer_than_25_months(days: int, right: bool):
    assert (not problems(log_days=days)) is right


@pytest.mark.row("EU-11")
@pytest.mark.parametrize(("days", "right"), [(1, True), (395, True), (396, False)])
def test_no_choice_holds_longer_than_13_months(days: int, right: bool):
    assert (not problems(choice_days=days)) is right


# --- all of them, not only the first


def test_every_mistake_is_reported_at_once():
    tables = good()
    shop = tables["sites"]["shop"]
    shop["origins"] = ["https://shop.example", "http://shop.example", "nonsense"]
    shop["ip"] = "partial"
    shop["colour"] = "red"
    del shop["controller"]["contact"]
    shop["vendors"]["bank"]["country"] = "Ireland"
    shop["purposes"]["necessary"] = {"denied_by": ["gpc"]}
    shop["purposes"]["ads"] = {"title": "Ads"}
    shop["trackers"]["payments"]["justification"] = " "
    shop["trackers"]["stats"]["basis"] = "legitimate_interest"
    shop["trackers"]["stats"]["purpose"] = "reserch"
    shop["trackers"]["stats"]["cookies"][0]["days"] = 1000
    shop["trackers"]["chat"] = {"kind": "embed", "vendor": "talk", "purpose": "functional"}
    tables["sites"]["Blog"] = {**deepcopy(good()["sites"]["shop"]), "origins": ["https://blog.shop.example"]}
    tables["users"] = {}

    _, found = read_registry(tables)

    assert {problem.key for problem in found} == {
        "users",
        "sites.Blog",
        "sites.shop.colour",
        "sites.shop.origins",
        "sites.shop.origins.2",
        "sites.shop.ip",
        "sites.shop.controller.contact",
        "sites.shop.vendors.bank.country",
        "sites.shop.purposes.necessary.denied_by",
        "sites.shop.purposes.ads.description",
        "sites.shop.trackers.payments.justification",
        "sites.shop.trackers.stats.basis",
        "sites.shop.trackers.stats.purpose",
        "sites.shop.trackers.stats.cookies.0.days",
        "sites.shop.trackers.chat.retention_days",
        "sites.shop.trackers.chat.description",
        "sites.shop.trackers.chat.vendor",
        "sites.shop.trackers.chat.hosts",
    }
    assert all(complete(problem) for problem in found)
    assert len(found) == len({str(problem) for problem in found})


def test_the_same_mistakes_are_reported_in_the_same_order():
    tables = good()
    tables["sites"]["shop"]["purposes"]["ads"] = {}
    keys = [problem.key for problem in read_registry(tables)[1]]

    assert keys == ["sites.shop.purposes.ads.title", "sites.shop.purposes.ads.description"]


def test_a_problem_reads_as_three_lines():
    problem = Problem("sites.shop.ip", "'partial'", "one of full, truncated, none", "write one of them")

    assert str(problem) == (
        "sites.shop.ip = 'partial'\n    rule: one of full, truncated, none\n    fix:  write one of them"
    )


def test_more_trackers_than_fit_into_the_cookie_are_refused():
    def site_with(count: int) -> list[Problem]:
        row = good()["sites"]["shop"]["trackers"]["stats"]
        return problems(trackers={f"t{number}": row for number in range(count)})

    assert site_with(1000) == []
    assert [problem.key for problem in site_with(2000)] == ["sites.shop.trackers"]


# --- whatever stands there


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from paths(value[key], (*path, key))


toml_values = st.recursive(
    st.sampled_from(["", " ", "x", "necessary", "visit", "self", "log", "domain"])
    | st.integers(-2, 400)
    | st.booleans()
    | st.floats()
    | st.just(date(2026, 11, 22)),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "days", "visit", "", "a b"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.data())
def test_any_value_anywhere_is_read_or_reported(data: st.DataObject):
    tables = good()
    for path in data.draw(st.lists(st.sampled_from(list(paths(tables))), min_size=1, max_size=3)):
        table: Any = tables
        for name in path[:-1]:
            table = table[name] if isinstance(table, dict) and name in table else {}
        if isinstance(table, dict) and path[-1] in table:
            table[path[-1]] = data.draw(toml_values)

    sites, found = read_registry(tables)

    assert bool(sites) is not bool(found)
    assert all(complete(problem) for problem in found)
    for site in sites.values():
        assert notice_content(site)


def test_what_a_tag_manager_loads_must_not_be_open_to_it_after_reject():
    tables = good()
    row = {"purpose": "marketing", "vendor": "self", "retention_days": 1, "description": "Does it.", "marked": True}
    put(tables, "sites.shop.trackers.manager", {**row, "kind": "loader", "loads": ["child"]})
    put(tables, "sites.shop.trackers.child", {**row, "kind": "script"})

    _, found = read_registry(tables)

    assert [problem.key for problem in found] == ["sites.shop.trackers.child.marked"]
    put(tables, "sites.shop.trackers.child", {**row, "kind": "script", "marked": False, "hosts": ["child.example"]})
    assert read_registry(tables)[1] == []
