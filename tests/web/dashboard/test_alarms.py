"""The page of alarms: what is wrong in words, what to do, what was checked, and who is told."""

import html
import re
from dataclasses import replace

import pytest

from gatekeeper.core.alarms import WORDS, Kind
from gatekeeper.core.alerts import Alerts, Every, Limits, Mail, Reports, Round
from gatekeeper.core.rounds import Fault, Run, Visitor, write_runs
from gatekeeper.core.staff import EVERY_SITE, Role
from gatekeeper.store.books import Alarm, LiveCheck
from gatekeeper.web.dashboard.alarms import lasting
from gatekeeper.web.service import Service
from tests.web.conftest import DAY, NOON

from .conftest import Staff

PAGE = "/dashboard/shop/alarms"
HOUR = 3600


def shown(staff: Staff) -> str:
    """Return the text of the page, without its tags."""
    answer = staff.get(PAGE)
    assert answer.status_code == 200, answer.text
    text = re.sub(r"<(?:style|head).*?</(?:style|head)>", "", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_where_nothing_is_wrong_it_says_so(staff: Staff) -> None:
    text = shown(staff)

    assert "Nothing is wrong, as far as is looked." in text
    assert "There was none yet." in text
    assert "Nobody: [alerts] in gatekeeper.toml names none." in text
    assert "Over, in the last" not in text


def test_an_open_alarm_says_since_when_and_what_to_do(staff: Staff, service: Service) -> None:
    alarm = Alarm("shop", Kind.SLIPPED, "ad-pixel", NOON - 3 * HOUR, "Pages reached ad-pixel: 3 times.")
    service.store.alarms.raise_alarm(alarm)
    service.store.alarms.told(alarm, at=NOON - 2 * HOUR)

    text = shown(staff)

    assert "Something slipped through: ad-pixel Pages reached ad-pixel: 3 times." in text
    assert f"What to do: {WORDS[Kind.SLIPPED].to_do}" in text
    assert "Since 2026-11-22 09:00 , for 3 hours; told 2026-11-22 10:00." in text


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_told_in_its_words(staff: Staff, service: Service, kind: Kind) -> None:
    service.store.alarms.raise_alarm(Alarm("shop", kind, "", NOON, "Why."))

    text = shown(staff)

    assert WORDS[kind].title in text
    # Commands stand in elements of their own.
    assert WORDS[kind].to_do.replace("`", "").replace(" ", "") in text.replace(" ", "")


def test_what_is_wrong_everywhere_is_shown_on_each_site_and_what_is_anothers_is_not(
    staff: Staff, service: Service
) -> None:
    service.store.alarms.raise_alarm(Alarm(EVERY_SITE, Kind.PURGE, "", NOON, "The last was long ago."))
    service.store.alarms.raise_alarm(Alarm("other", Kind.HOST, "secret.test", NOON, "Not yours."))

    text = shown(staff)

    assert "The last was long ago." in text
    assert "It concerns all sites." in text
    assert "Not yours." not in text


def test_what_is_over_is_kept_for_90_days(staff: Staff, service: Service) -> None:
    for name, ago in (("recent", 89), ("long", 91)):
        alarm = Alarm("shop", Kind.HOST, f"{name}.test", NOON - (ago + 2) * DAY, f"{name} text")
        service.store.alarms.raise_alarm(alarm)
        service.store.alarms.end_alarm("shop", Kind.HOST, f"{name}.test", at=NOON - ago * DAY)

    text = shown(staff)

    assert "A host was seen for the first time: recent.test" in text
    assert "recent text 2026-08-23 12:00 to 2026-08-25 12:00 : 2 days; told to nobody." in text
    assert "long.test" not in text
    assert "Nothing is wrong, as far as is looked." in text


def test_a_check_shows_what_was_done_and_what_went_out(staff: Staff, service: Service) -> None:
    fault = Fault("ads.test/p.gif was asked after a refusal", "ad-pixel")
    runs = [
        Run("http://shop.test/", Visitor.REJECTS, ("opened the page", "pressed Reject all"), (fault, Fault("x.test/"))),
        Run("http://shop.test/", Visitor.SILENT, ("opened the page",), (), "the page answered 500"),
    ]
    service.store.alarms.keep_check(LiveCheck("shop", NOON - DAY, True, "[]"))
    service.store.alarms.keep_check(LiveCheck("shop", NOON - HOUR, False, write_runs(runs)))

    text = shown(staff)

    assert "2026-11-22 11:00 : failed , 3 faults" in text
    assert "2026-11-21 12:00 : well" in text
    assert "Failed : who rejects, and goes on. Done: opened the page, pressed Reject all ." in text
    assert "ads.test/p.gif was asked after a refusal ( ad-pixel )" in text
    assert "x.test/ (nothing declares it)" in text
    assert "the page answered 500" in text
    assert '<a href="/dashboard/shop/trackers/ad-pixel">' in staff.get(PAGE).text


def test_it_says_when_pages_are_checked_next_or_why_not(staff: Staff, service: Service) -> None:
    def with_round(plan: Round) -> str:
        service.config = replace(service.config, alerts=Alerts(rounds={"shop": plan}))
        return shown(staff)

    pages = ("http://shop.test/", "http://shop.test/basket")
    assert "The next one begins about 2026-11-23 04:30 (UTC), on 2 pages." in with_round(Round(pages))
    assert "The next one begins about 2026-11-22 12:30 (UTC), on 1 page." in with_round(Round(pages[:1], "12:30"))
    assert "It is done when somebody runs gatekeeper check --live ." in with_round(Round(pages, daily=False))

    service.unchecked = "no Chromium was found"
    assert "Not checked: no Chromium was found." in with_round(Round(pages))


def test_it_says_who_is_told(staff: Staff, service: Service) -> None:
    service.config = replace(
        service.config,
        alerts=Alerts(
            to=("privacy@shop.test", "web@shop.test"),
            sender="gk@shop.test",
            mail=Mail("smtp", "127.0.0.1", 25),
            webhook="https://hooks.shop.test/a-secret-path",
            secret_file="hook.secret",
            reports=Reports(("boss@shop.test",), Every.MONTH, ("shop",)),
            limits={"shop": Limits(off=frozenset({Kind.HOST}))},
        ),
    )
    service.store.alarms.raise_alarm(Alarm("shop", Kind.SLIPPED, "ad-pixel", NOON, "x"))
    service.notes["alerts"] = "alerts: mail by 127.0.0.1:25: it is gone"

    text = shown(staff)

    assert "By mail: privacy@shop.test, web@shop.test" in text
    assert "By webhook, signed" in text
    assert "a-secret-path" not in text, "whoever knows it could post there"
    assert "A report every month: boss@shop.test" in text
    assert "not told yet" in text
    assert "mail by 127.0.0.1:25: it is gone" in text
    assert "A host was seen for the first time (switched off)" in text


def test_names_from_pages_are_text(staff: Staff, service: Service) -> None:
    evil = '"><img src=x onerror=alert(1)></script>\u202e'
    service.store.alarms.raise_alarm(Alarm("shop", Kind.HOST, evil, NOON, evil))
    service.store.alarms.raise_alarm(Alarm("shop", evil, evil, NOON, evil))
    run = Run(evil, Visitor.REJECTS, (), (Fault(evil, evil),), evil)
    service.store.alarms.keep_check(LiveCheck("shop", NOON, False, write_runs([run])))

    page = staff.get(PAGE).text

    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 6
    assert page.count("\u202e") == page.count("\u202e</bdi>")


@pytest.mark.parametrize("role", Role)
def test_every_role_sees_what_is_wrong(staff: Staff, role: Role) -> None:
    assert staff.as_(role, "shop").get(PAGE).status_code == 200


#: Seconds, in words.
LASTING = [
    (0, "less than a minute"),
    (59, "less than a minute"),
    (60, "1 minute"),
    (3599, "59 minutes"),
    (3600, "1 hour"),
    (86_399, "23 hours"),
    (86_400, "1 day"),
    (200_000, "2 days"),
]


@pytest.mark.parametrize(("seconds", "words"), LASTING)
def test_how_long_something_lasts_is_told_in_words(seconds: int, words: str) -> None:
    assert lasting(seconds) == words
