"""The gate in front of a WSGI site: what leaves, for whom."""

import logging
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from gatekeeper.core.choices import State
from gatekeeper.core.learners import sign_learner
from gatekeeper.core.policy import HINTS, content_policy, gate_headers
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.sites import Site

from .conftest import HTML, KEYS, NOW, SHOP, Host, Visitors, choice, declare, held, policies, publish

OWN = ["www.shop.example", "images.shop.example", "js.pay.example"]
MARKED = ["player.tube.example"]
STATS = ["cdn.stats.example", "in.stats.example"]
ADS = ["*.ads.example"]
STRICTEST = content_policy([*OWN, *MARKED])


def test_a_visitor_who_has_said_nothing_reaches_only_what_is_necessary(visitors: Visitors) -> None:
    assert policies(visitors.ask()) == [STRICTEST]


@pytest.mark.parametrize(
    ("granted", "hosts"),
    [
        ((), [*OWN, *MARKED]),
        (("functional",), [*OWN, *MARKED]),
        (("analytics",), [*OWN, *STATS, *MARKED]),
        (("marketing",), [*OWN, *ADS, *MARKED]),
        (("functional", "analytics", "marketing"), [*OWN, *STATS, *ADS, *MARKED]),
    ],
)
def test_a_visitor_reaches_what_they_granted(visitors: Visitors, granted: tuple[str, ...], hosts: list[str]) -> None:
    cookie = held(visitors.site, choice(visitors.site, *granted))

    assert policies(visitors.ask(cookie=cookie)) == [content_policy(hosts)]


def test_a_script_can_narrow_a_grant_and_never_make_one(visitors: Visitors) -> None:
    site = visitors.site
    everything = choice(site, "functional", "analytics", "marketing")
    some = choice(site, "analytics")

    claimed = held(site, everything, signed=some)
    refused = held(site, choice(site, state=State.WITHDRAWN), signed=everything)
    unsigned = held(site, everything).partition(";")[0]
    alone = held(site, everything).partition("; ")[2]
    forged = held(site, everything, keys=("another-key-that-is-long-enough-to-be-one",))

    assert policies(visitors.ask(cookie=claimed)) == [content_policy([*OWN, *STATS, *MARKED])]
    for cookie in (refused, unsigned, alone, forged):
        assert policies(visitors.ask(cookie=cookie)) == [STRICTEST]


@pytest.mark.parametrize(
    "garbage", ["__Host-gk_choice=x", "__Host-gk_choice=1.shop.1", "=;;==", "a" * 9000, "\xff\x00"]
)
def test_what_cannot_be_read_grants_nothing(visitors: Visitors, garbage: str) -> None:
    response = visitors.ask(cookie=garbage)

    assert response.status_code == 200
    assert policies(response) == [STRICTEST]


def test_without_keys_no_grant_counts(site: Site, host: Host) -> None:
    cookie = held(site, choice(site, "analytics"))

    assert policies(Visitors(site, host, keys=()).ask(cookie=cookie)) == [STRICTEST]


@pytest.mark.row("GPC-03")
@pytest.mark.parametrize(("header", "hosts"), [("Sec-GPC", STATS), ("DNT", STATS)])
def test_a_browser_that_objects_is_heard(visitors: Visitors, header: str, hosts: list[str]) -> None:
    cookie = held(visitors.site, choice(visitors.site, "analytics", "marketing"))

    response = visitors.ask(cookie=cookie, **{header: "1"})

    assert policies(response) == [content_policy([*OWN, *hosts, *MARKED])]
    assert visitors.host.seen[f"HTTP_{header.upper().replace('-', '_')}"] == "1"


def test_minors_and_expired_choices_reach_only_what_is_necessary(visitors: Visitors) -> None:
    site = visitors.site
    young = choice(site, "analytics", age_band=AgeBand.FROM_13)
    old = replace(choice(site, "analytics"), day=_days_ago(181))

    for said in (young, old):
        assert policies(visitors.ask(cookie=held(site, said))) == [STRICTEST]


def _days_ago(days: int) -> date:
    return datetime.fromtimestamp(NOW - days * 86_400, UTC).date()


def test_the_policy_stands_beside_the_sites_own_which_stays_as_it_is(visitors: Visitors) -> None:
    own = "default-src 'self' *.ads.example; script-src 'nonce-abc'"
    visitors.host.headers = [HTML, ("Content-Security-Policy", own), ("X-Frame-Options", "DENY")]

    response = visitors.ask()

    assert policies(response) == [own, STRICTEST]
    assert response.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("status", ["200 OK", "301 Moved Permanently", "404 Not Found", "500 Internal Server Error"])
@pytest.mark.parametrize("kind", ["text/html", "text/javascript", "image/svg+xml", "application/json", "image/png", ""])
def test_every_response_has_a_policy(visitors: Visitors, status: str, kind: str) -> None:
    visitors.host.status = status
    visitors.host.headers = [("Content-Type", kind)] if kind else []

    assert policies(visitors.ask("/anything")) == [STRICTEST]


@pytest.mark.parametrize("used_as", ["worker", "sharedworker", "serviceworker"])
def test_a_worker_has_its_visitors_policy(visitors: Visitors, used_as: str) -> None:
    visitors.host.headers = [("Content-Type", "text/javascript"), ("Cache-Control", "public, max-age=60")]
    cookie = held(visitors.site, choice(visitors.site, "analytics"))

    response = visitors.ask("/sw.js", cookie=cookie, Sec_Fetch_Dest=used_as)

    assert policies(response) == [content_policy([*OWN, *STATS, *MARKED])]
    assert response.headers["Cache-Control"] == "private, max-age=60"


def test_what_is_the_same_for_everyone_stays_as_cacheable_as_it_was(visitors: Visitors) -> None:
    visitors.host.headers = [("Content-Type", "text/javascript"), ("Cache-Control", "public, max-age=31536000")]
    cookie = held(visitors.site, choice(visitors.site, "analytics"))

    response = visitors.ask("/app.js", cookie=f"{cookie}; _ad=1", Sec_Fetch_Dest="script")

    assert response.headers["Cache-Control"] == "public, max-age=31536000"
    assert "Vary" not in response.headers
    assert "Set-Cookie" not in response.headers
    assert policies(response) == [STRICTEST]


@pytest.mark.row("GPC-06")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, "private"),
        ("public, max-age=60", "private, max-age=60"),
        ("max-age=60, s-maxage=600", "private, max-age=60"),
        ("private", "private"),
        ("private, max-age=5", "private, max-age=5"),
        ("no-store", "no-store"),
        ("no-cache", "private, no-cache"),
        ('private="set-cookie, x", max-age=5', "private, max-age=5"),
    ],
)
def test_no_shared_cache_gives_one_visitors_page_to_another(
    visitors: Visitors, said: str | None, expected: str
) -> None:
    visitors.host.headers = [HTML, ("Vary", "Accept-Encoding"), ("CDN-Cache-Control", "max-age=600")]
    visitors.host.headers += [("Cache-Control", said)] if said else []

    response = visitors.ask()

    assert response.headers["Cache-Control"] == expected
    assert response.headers["Vary"] == "Accept-Encoding, Cookie, Sec-GPC, DNT"
    assert "CDN-Cache-Control" not in response.headers


def test_a_page_is_asked_for_again_whenever_its_policy_is_another(visitors: Visitors) -> None:
    visitors.host.headers = [HTML, ("ETag", '"v1"')]
    site = visitors.site
    granted = held(site, choice(site, "analytics"))

    tag = visitors.ask(cookie=granted).headers["ETag"]
    since = {"If_Modified_Since": "Sun, 22 Nov 2026 11:00:00 GMT", "Sec_Fetch_Dest": "document"}

    visitors.ask(cookie=granted, If_None_Match=tag, **since)
    assert visitors.host.seen["HTTP_IF_NONE_MATCH"] == '"v1"'
    assert "HTTP_IF_MODIFIED_SINCE" not in visitors.host.seen
    visitors.ask(cookie=held(site, choice(site)), If_None_Match=f'{tag}, "v1", W/"v0"', **since)
    assert "HTTP_IF_NONE_MATCH" not in visitors.host.seen


def test_what_is_no_page_is_compared_as_ever(visitors: Visitors) -> None:
    date = "Sun, 22 Nov 2026 11:00:00 GMT"

    visitors.ask("/logo.png", If_None_Match='"v1"', If_Modified_Since=date, Sec_Fetch_Dest="image")

    assert visitors.host.seen["HTTP_IF_NONE_MATCH"] == '"v1"'
    assert visitors.host.seen["HTTP_IF_MODIFIED_SINCE"] == date


@pytest.mark.row("EU-08")
def test_cookies_of_denied_and_undeclared_names_are_not_set(
    visitors: Visitors, caplog: pytest.LogCaptureFixture
) -> None:
    kept = ["session=1; HttpOnly", "csrftoken=2; Path=/", "__Host-gk_choice=x; Path=/"]
    gone = ["_ad=1; Max-Age=99; HttpOnly", "_st_7=1", "who-knows=1; Path=/", "nameless"]
    visitors.host.headers = [HTML, *(("Set-Cookie", value) for value in (*kept, *gone))]

    with caplog.at_level(logging.WARNING, "gatekeeper.gate"):
        response = visitors.ask()
        visitors.ask()

    assert response.headers.getlist("Set-Cookie") == kept
    assert [record.message.partition(" was")[0] for record in caplog.records] == [
        "the cookie 'who-knows'",
        "the cookie ''",
    ]


def test_a_site_may_keep_the_cookies_that_nobody_declared(host: Host) -> None:
    host.headers = [HTML, ("Set-Cookie", "unknown=1"), ("Set-Cookie", "_ad=1")]

    response = Visitors(declare(gate={"undeclared": "keep"}), host).ask()

    assert response.headers.getlist("Set-Cookie") == ["unknown=1"]
    assert policies(response) == [STRICTEST]


def test_a_granted_trackers_cookies_are_set(visitors: Visitors) -> None:
    visitors.host.headers = [HTML, ("Set-Cookie", "_st_7=1; Path=/"), ("Set-Cookie", "_ad=1")]
    cookie = held(visitors.site, choice(visitors.site, "analytics"))

    assert visitors.ask(cookie=cookie).headers.getlist("Set-Cookie") == ["_st_7=1; Path=/"]


@pytest.mark.row("EU-12")
@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("_st=1; Path=/; Max-Age=7776000", "_st=1; Path=/; Max-Age=7776000"),
        ("_st=1; Path=/; Max-Age=7776001; Secure", "_st=1; Path=/; Secure; Max-Age=7776000"),
        ("_st=1; max-age=99999999999999999999", "_st=1; Max-Age=7776000"),
        ("_st=1; Expires=Fri, 31 Dec 2060 23:59:59 GMT; Path=/", "_st=1; Path=/; Max-Age=7776000"),
        ("_st=1; Expires=Fri, 31 Dec 2060 23:59:59 GMT; Max-Age=60", None),
        ("_st=1; Expires=whenever", "_st=1; Max-Age=7776000"),
        ("_st=1; HttpOnly", None),
        ("csrftoken=1; Max-Age=99999999", None),
    ],
)
def test_a_trackers_cookie_lives_no_longer_than_visitors_were_told(
    visitors: Visitors, asked: str, sent: str | None
) -> None:
    visitors.host.headers = [HTML, ("Set-Cookie", asked)]
    cookie = held(visitors.site, choice(visitors.site, "analytics"))

    assert visitors.ask(cookie=cookie).headers.getlist("Set-Cookie") == [sent or asked]


@pytest.mark.row("EU-12")
def test_another_visit_does_not_prolong_the_life_of_a_trackers_cookie(visitors: Visitors) -> None:
    same, other = "_st=7f3a; Path=/; Max-Age=7776000", "_st=8b; Path=/; Max-Age=7776000"
    basket = "csrftoken=5; Max-Age=60"
    carried = f"{held(visitors.site, choice(visitors.site, 'analytics'))}; _st=7f3a; csrftoken=5"

    for value, sent in ((same, []), (other, [other]), (basket, [basket])):
        visitors.host.headers = [HTML, ("Set-Cookie", value)]
        assert visitors.ask(cookie=carried).headers.getlist("Set-Cookie") == sent


@pytest.mark.parametrize(
    "removal", ["_ad=; Max-Age=0", "x=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 'y=""; max-age=-1; Path=/']
)
def test_a_site_may_always_remove_a_cookie(visitors: Visitors, removal: str) -> None:
    visitors.host.headers = [HTML, ("Set-Cookie", removal)]

    assert visitors.ask().headers.getlist("Set-Cookie") == [removal]


@pytest.mark.row("EU-08")
def test_cookies_of_denied_trackers_are_removed_wherever_they_were_set(visitors: Visitors) -> None:
    cookie = f"{held(visitors.site, choice(visitors.site, 'analytics'))}; session=1; _ad=2; _st=3; unknown=4"

    removed = visitors.ask("/shoes/red", cookie=cookie).headers.getlist("Set-Cookie")

    assert removed == [
        "_ad=; Max-Age=0; Path=/; Secure",
        "_ad=; Max-Age=0; Path=/; Domain=www.shop.example; Secure",
        "_ad=; Max-Age=0; Path=/; Domain=shop.example; Secure",
        "_ad=; Max-Age=0; Path=/shoes; Secure",
        "_ad=; Max-Age=0; Path=/shoes; Domain=www.shop.example; Secure",
        "_ad=; Max-Age=0; Path=/shoes; Domain=shop.example; Secure",
    ]


def test_a_cookie_that_knows_no_domain_is_removed_as_it_was_set(site: Site, host: Host) -> None:
    trackers = {**SHOP["trackers"], "ads": {**SHOP["trackers"]["ads"], "cookies": [{"name": "__Host-ad", "days": 9}]}}
    visitors = Visitors(declare(trackers=trackers), host)

    removed = visitors.ask("/shoes/red", cookie="__Host-ad=1").headers.getlist("Set-Cookie")

    assert removed == ["__Host-ad=; Max-Age=0; Path=/; Secure"]


def test_a_response_carries_only_so_many_removals(visitors: Visitors) -> None:
    cookie = "; ".join(f"_st_{number}=1" for number in range(100))

    assert len(visitors.ask(cookie=cookie).headers.getlist("Set-Cookie")) == 24


@pytest.mark.parametrize("path", ["/checkout", "/checkout/card", "/pay"])
def test_a_page_left_to_the_tags_has_no_policy_and_holds_declared_cookies(visitors: Visitors, path: str) -> None:
    visitors.host.headers = [HTML, ("Set-Cookie", "unknown=1"), ("Set-Cookie", "_ad=1"), ("Cache-Control", "public")]

    response = visitors.ask(path)

    assert policies(response) == []
    assert response.headers.getlist("Set-Cookie") == ["unknown=1"]
    assert response.headers["Cache-Control"] == "public"
    assert policies(visitors.ask("/pay/other")) == [STRICTEST]


def test_a_lifted_gate_sets_no_policy_and_holds_declared_cookies(visitors: Visitors) -> None:
    visitors.host.headers = [HTML, ("Set-Cookie", "unknown=1"), ("Set-Cookie", "_ad=1")]
    visitors.ask()

    visitors.lift()

    response = visitors.ask()
    assert policies(response) == []
    assert response.headers.getlist("Set-Cookie") == ["unknown=1"]
    assert policies(visitors.ask("/app.js", Sec_Fetch_Dest="script")) == []


def test_only_those_who_granted_the_log_are_asked_for_details_of_their_browser(visitors: Visitors) -> None:
    site = visitors.site

    assert "Accept-CH" not in visitors.ask().headers
    assert "Accept-CH" not in visitors.ask(cookie=held(site, choice(site, "marketing"))).headers
    assert visitors.ask(cookie=held(site, choice(site, "analytics"))).headers["Accept-CH"] == HINTS


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_tells_the_guard_how_it_was_asked_for(visitors: Visitors, method: str) -> None:
    visitors.host.headers = [HTML, ("Server-Timing", "db;dur=5")]

    page = visitors.ask(method=method)
    visitors.host.headers = [("Content-Type", "text/javascript"), ("Server-Timing", "db;dur=5")]
    other = visitors.ask("/app.js", method=method)

    assert page.headers.getlist("Server-Timing") == ["db;dur=5", f'gk;desc="{method}"']
    assert other.headers.getlist("Server-Timing") == ["db;dur=5"]


def test_a_staff_browser_that_learns_is_told_what_would_be_stopped_and_nothing_is(visitors: Visitors) -> None:
    site = visitors.site
    cookie = f"__Host-gk_learn={sign_learner(KEYS, site, until=NOW + 60)}"

    response = visitors.ask(cookie=cookie)

    assert policies(response) == []
    assert response.headers["Content-Security-Policy-Report-Only"].endswith("; report-uri /gk/shop/reports")
    assert response.headers["Cache-Control"] == "private"


def test_nobody_puts_a_browser_into_learn_mode_without_a_fresh_signature(visitors: Visitors) -> None:
    site = visitors.site
    values = [
        sign_learner(KEYS, site, until=NOW),
        sign_learner(("another-key-that-is-long-enough-to-be-one",), site, until=NOW + 60),
        "shop",
        held(site, choice(site, "analytics")).rpartition("=")[2],
    ]

    for value in values:
        assert policies(visitors.ask(cookie=f"__Host-gk_learn={value}")) == [STRICTEST]


def test_gatekeepers_own_answers_are_left_alone(visitors: Visitors) -> None:
    visitors.host.headers = [("Content-Type", "text/html"), ("Set-Cookie", "anything=1")]

    response = visitors.ask("/gk/shop/choices", cookie="_ad=1")

    assert policies(response) == []
    assert response.headers.getlist("Set-Cookie") == ["anything=1"]


def test_a_new_notice_is_heeded_at_once(visitors: Visitors) -> None:
    cookie = held(visitors.site, choice(visitors.site, "marketing"))
    trackers = visitors.site.trackers
    assert ADS[0] in policies(visitors.ask(cookie=cookie))[0]

    moved = declare(vendors={**SHOP["vendors"], "ads": {"name": "Ads Inc", "country": "CN"}})
    visitors.site = publish(moved.with_notices(visitors.site.notices.values()))

    assert trackers.keys() == visitors.site.trackers.keys()
    assert policies(visitors.ask(cookie=cookie)) == [STRICTEST]


def test_strict_mode_adds_its_header(host: Host) -> None:
    site = declare(gate={"strict": True})

    response = Visitors(site, host).ask()

    expected = dict(gate_headers(site, lambda tracker: tracker == "payment", "/"))
    assert response.headers["Connection-Allowlist"] == expected["Connection-Allowlist"]


def test_a_gate_that_fails_sets_the_strictest_policy_and_the_page_goes_out(
    site: Site, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    visitors = Visitors(site, host)
    cookie = f"{held(site, choice(site, 'analytics'))}; _st=1"
    assert STATS[0] in policies(visitors.ask(cookie=cookie))[0]

    def fail() -> Site:
        raise OSError("gone")

    visitors.gate._site = fail
    response = visitors.ask(cookie=cookie)

    assert response.status_code == 200
    assert policies(response) == [STRICTEST]
    assert "Set-Cookie" not in response.headers
    assert "the strictest policy holds" in caplog.text


def test_the_sites_own_body_is_passed_on_untouched_and_closed(visitors: Visitors) -> None:
    response = visitors.ask()
    response.close()

    assert response.data == b"".join(visitors.host.body)
    assert visitors.host.closed
