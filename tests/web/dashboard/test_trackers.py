"""Pages of trackers: what stands on them, what they link to, and why something did not fire."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from gatekeeper.core.choices import Choice, State, write_choice
from gatekeeper.core.decisions import Denied, Reason, Rule, Status, Visitor, decide
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.signals import Signal
from gatekeeper.core.staff import Role
from gatekeeper.panels.reasons import REASONS, RULES
from gatekeeper.store.contract import Total
from gatekeeper.web.dashboard import why
from gatekeeper.web.service import Service
from tests.panels.logged import TODAY, at, event, log
from tests.panels.logged import EventKind as Kind

from .conftest import Staff

SUBJECT = bytes(range(16))


def text_of(page: str) -> str:
    """Return what a page says, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def happen(service: Service, tracker: str, outcome: str, reason: str, n: int = 1, **fields: str) -> None:
    told = {"path": "/tea", "outcome": outcome, "reason": reason, **fields}
    log(service.store, [event(SUBJECT, at(TODAY), Kind.OUTCOME, tracker, **told) for _ in range(n)])


def read(staff: Staff, path: str) -> str:
    response = staff.get(f"/dashboard/shop/{path}")
    assert response.status_code == 200, response.text
    return response.text


# --- all of them


def test_the_page_says_in_short_what_needs_an_eye_and_links_to_each_tracker(staff: Staff, service: Service) -> None:
    happen(service, "video", "slipped", "refused")
    happen(service, "ad-pixel", "loaded", "granted")

    page = read(staff, "trackers?days=7")
    said = text_of(page)

    assert "1 reached a vendor, or kept something, without being allowed: video ." in said
    assert "1 fire where their visitors allow it: ad-pixel ." in said
    assert 'href="/dashboard/shop/trackers/video?days=7"' in page
    assert "Coverage: not measured , as no page view has a report of the guard" in said


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_see_trackers(staff: Staff, role: Role) -> None:
    one = staff.as_(role)

    for path in ("trackers", "trackers/video", "why"):
        assert one.get(f"/dashboard/shop/{path}").status_code == 200


def test_nobody_else_may(staff: Staff) -> None:
    for path in ("trackers", "trackers/video", "why"):
        assert staff.as_(None).get(f"/dashboard/shop/{path}").status_code != 200
        assert staff.as_(Role.OWNER, "other").get(f"/dashboard/shop/{path}").status_code in {403, 404}


@pytest.mark.parametrize("path", ["trackers", "trackers/video?counted=5", "why?tracker=video"])
def test_pages_run_nothing_and_load_nothing_from_elsewhere(staff: Staff, path: str) -> None:
    response = staff.get(f"/dashboard/shop/{path}")

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script|\son[a-z]+=|style=", response.text)


@pytest.mark.row("SE-07")
@pytest.mark.parametrize("hostile", ['"><img src=x onerror=alert(1)>', "</script><script>", "\u202egnp.exe\u200b"])
def test_what_was_stored_is_text(staff: Staff, service: Service, hostile: str) -> None:
    happen(service, "video", "slipped", hostile, path=f"/{hostile}")
    service.store.tally(Total("shop", TODAY, "outcome", hostile, hostile, "blocked"))

    pages = [read(staff, path) for path in ("trackers", "trackers/video", f"why?{urlencode({'tracker': hostile})}")]

    for page in pages:
        assert "<img src=x" not in page
        assert "<script>" not in page


# --- one of them


def test_a_tracker_page_says_what_it_is_what_became_of_it_and_why(staff: Staff, service: Service) -> None:
    happen(service, "video", "loaded", "granted", 3)
    happen(service, "video", "blocked", "refused", 2)

    said = text_of(read(staff, "trackers/video"))

    assert "Plays the product video." in said
    assert "Vendor Tube BV , data in NL" in said
    assert "Named in notices 1" in said
    assert "Loaded 3 3 0" in said
    assert f"Refused 2 0 {REASONS[Reason.REFUSED].means}" in said
    assert "/tea 0 0 3 0 2 0" in said


def test_files_of_a_tracker_say_which_tracker(staff: Staff, service: Service) -> None:
    happen(service, "video", "loaded", "granted", 3)
    page = read(staff, "trackers/video?days=7")

    links = [unescape(link) for link in re.findall(r'href="([^"]+tracker-outcomes\.csv[^"]*)"', page)]

    assert links == ["/dashboard/shop/panels/tracker-outcomes.csv?days=7&about=video"]
    assert '"Loaded","3","3","0"' in staff.get(links[0]).text


@pytest.mark.parametrize("path", ["trackers/made-up", "trackers/%3Cimg%3E"])
def test_a_tracker_that_nobody_has_met_has_no_page(staff: Staff, path: str) -> None:
    assert staff.get(f"/dashboard/shop/{path}").status_code == 404


def test_one_that_is_no_longer_declared_has_a_page_while_it_is_met(staff: Staff, service: Service) -> None:
    happen(service, "old-pixel", "blocked", "fail_closed")

    said = text_of(read(staff, "trackers/old-pixel"))

    assert "Nothing declares it." in said
    assert "Blocked 1 1 0" in said


def test_the_guard_and_the_undeclared_have_pages_without_a_vendor(staff: Staff, service: Service) -> None:
    happen(service, "gatekeeper", "failed", "late")
    happen(service, "unknown", "blocked", "fail_closed")

    guard, unknown = (text_of(read(staff, f"trackers/{name}")) for name in ("gatekeeper", "unknown"))

    assert "Came too late 1" in guard
    assert "Blocked 1 1 0" in unknown
    assert "vendor's number" not in guard + unknown


# --- the vendor's own number


def test_the_vendors_number_is_explained_and_kept_nowhere(staff: Staff, service: Service) -> None:
    happen(service, "video", "loaded", "granted", 8)
    happen(service, "video", "loaded", "granted", 3, device="bot")

    said = text_of(read(staff, "trackers/video?days=7&counted=1%2C020"))

    assert "The vendor's number 1,020 Reached the vendor, as pages told 8" in said
    assert "Machines, if the vendor counts them 3" in said
    assert "Unexplained 1,009" in said
    assert "Look for its tag on pages without the guard" in said
    assert "1,020" not in text_of(read(staff, "trackers/video?days=7"))


def test_a_number_that_all_is_explained_of_says_so(staff: Staff, service: Service) -> None:
    happen(service, "video", "loaded", "granted", 8)

    assert "All of it is explained." in text_of(read(staff, "trackers/video?counted=8"))
    assert "The vendor counts fewer than reached it." in text_of(read(staff, "trackers/video?counted=5"))


@pytest.mark.parametrize("number", ["-3", "1.5", "many", "9" * 13, "١٢"])
def test_what_is_no_whole_number_is_said_to_be_none(staff: Staff, number: str) -> None:
    page = read(staff, f"trackers/video?{urlencode({'counted': number})}")

    assert "is not a whole number" in text_of(page)
    assert 'aria-invalid="true"' in page
    assert "Unexplained" not in page


def test_the_form_of_the_number_keeps_the_days(staff: Staff) -> None:
    page = read(staff, "trackers/video?first=2026-11-01&last=2026-11-20")
    form = page[page.index('class="own-number"') :]

    assert '<input type="hidden" name="first" value="2026-11-01">' in form
    assert '<input type="hidden" name="last" value="2026-11-20">' in form


# --- why did this not fire?


def ask(staff: Staff, **fields: Any) -> tuple[str, list[str]]:
    """Ask why; return what the page says, and what became of each rule."""
    page = read(staff, f"why?{urlencode(fields, doseq=True)}")
    return text_of(page), re.findall(r'<li value="\d" class="(\w+)">', page)


def test_the_form_alone_explains_nothing_yet(staff: Staff) -> None:
    said, rules = ask(staff)

    assert rules == []
    assert "Value of gk_choice" in said


@pytest.mark.parametrize(
    ("fields", "reason", "rule"),
    [
        ({"tracker": "basket"}, Reason.NECESSARY, Rule.NECESSARY),
        ({"tracker": "gone"}, Reason.FAIL_CLOSED, Rule.KNOWN),
        ({"tracker": "video"}, Reason.NO_CHOICE, Rule.CONSENT),
        ({"tracker": "video", "choice": "refused"}, Reason.REFUSED, Rule.CONSENT),
        ({"tracker": "video", "choice": "withdrawn"}, Reason.WITHDRAWN, Rule.CONSENT),
        ({"tracker": "video", "choice": "granted", "purpose": ["analytics"]}, Reason.REFUSED, Rule.CONSENT),
        ({"tracker": "video", "choice": "granted", "purpose": ["functional"]}, Reason.GRANTED, Rule.GRANTED),
        ({"tracker": "video", "choice": "granted", "apart": ["video"]}, Reason.GRANTED, Rule.GRANTED),
        (
            {"tracker": "video", "choice": "granted", "purpose": ["functional"], "apart": ["video"]},
            Reason.REFUSED,
            Rule.CONSENT,
        ),
        (
            {"tracker": "video", "choice": "granted", "purpose": ["functional"], "expired": "1"},
            Reason.EXPIRED,
            Rule.CONSENT,
        ),
        (
            {"tracker": "ad-pixel", "choice": "granted", "purpose": ["marketing"], "signal": ["gpc"]},
            Reason.SIGNAL,
            Rule.SIGNAL,
        ),
        (
            {
                "tracker": "ad-pixel",
                "choice": "granted",
                "purpose": ["marketing"],
                "signal": ["gpc", "dnt"],
                "override": ["marketing"],
            },
            Reason.GRANTED,
            Rule.GRANTED,
        ),
        ({"tracker": "video", "choice": "granted", "purpose": ["functional"], "age": "13"}, Reason.MINOR, Rule.AGE),
        (
            {"tracker": "video", "choice": "granted", "purpose": ["functional"], "status": "objecting"},
            Reason.RESTRICTED,
            Rule.STATUS,
        ),
    ],
)
def test_each_answer_names_its_rule_and_the_ones_before_were_passed(
    staff: Staff, fields: dict[str, Any], reason: Reason, rule: Rule
) -> None:
    said, rules = ask(staff, **fields)

    decided = "allowed" if reason in {Reason.GRANTED, Reason.NECESSARY} else "denied"
    assert rules == ["passed"] * (rule - 1) + [decided] + ["open"] * (len(Rule) - rule)
    assert REASONS[reason].means in said
    fires = "fires" if decided == "allowed" else "does not fire"
    assert f"{fields['tracker']} {fires}: {REASONS[reason].title.lower()}" in said


def test_what_would_have_to_be_different_goes_on_behind_the_first_rule(staff: Staff) -> None:
    said, _ = ask(staff, tracker="ad-pixel", signal=["gpc"], age="0")

    assert " ".join(REASONS[reason].mend for reason in (Reason.MINOR, Reason.SIGNAL, Reason.NO_CHOICE)) in said


def test_nothing_has_to_be_different_where_it_fires(staff: Staff) -> None:
    said, _ = ask(staff, tracker="video", choice="granted", purpose=["functional"])

    assert "What would have to be different" not in said


def test_a_visitors_own_cookie_takes_the_place_of_the_form(staff: Staff, service: Service) -> None:
    site = service.published("shop").site
    notice = site.notices[1]
    day = why._today(service.now())
    value = write_choice(Choice("shop", 1, day, State.GRANTED, frozenset({"functional"})), notice)

    said, rules = ask(staff, tracker="video", value=value, choice="refused")

    assert rules[-1] == "allowed"
    assert "The value says: granted on 2026-11-22, to notice 1. Purposes: functional." in said


@pytest.mark.parametrize("value", ["nonsense", "1.shop.9.20261122.g.1.0.-.0", "<script>", "1" * 600])
def test_a_cookie_that_cannot_be_read_counts_as_no_answer(staff: Staff, value: str) -> None:
    said, rules = ask(staff, tracker="video", value=value)

    assert "This value cannot be read, so it counts as no answer" in said
    assert rules == ["passed"] * 5 + ["denied", "open"]


def test_every_rule_has_its_question() -> None:
    assert set(RULES) == set(Rule)
    assert len({question.asks for question in RULES.values()}) == len(Rule)


def test_the_form_knows_every_word_that_a_decision_knows() -> None:
    assert set(why.AGES) == set(AgeBand)
    assert set(why.SIGNALS) == set(Signal)
    assert set(why.STATES) == {"", *State}
    assert set(why.STATUSES) == set(Status)


@pytest.mark.parametrize("fields", ["notice=99", "notice=x", "choice=maybe", "age=7", "signal=loud", "status=gone"])
def test_what_the_form_cannot_say_is_taken_for_not_said(staff: Staff, service: Service, fields: str) -> None:
    page = read(staff, f"why?tracker=video&{fields}")
    site = service.published("shop").site

    assert decide("video", Visitor(), site, now=service.now()) == Denied(Reason.NO_CHOICE)
    assert "video does not fire: not answered" in text_of(page).replace("  ", " ")
