"""A staff browser in learn mode behind the gate: nothing is held back, and what nothing declares is reported."""

import pytest

from gatekeeper.core.learners import sign_learner
from gatekeeper.core.policy import content_policy, reachable_hosts

from .conftest import HTML, KEYS, NOW, Visitors, policies

REPORT_ONLY = "Content-Security-Policy-Report-Only"


@pytest.fixture
def learner(visitors: Visitors) -> str:
    """The Cookie header of a browser that learns."""
    return f"__Host-gk_learn={sign_learner(KEYS, visitors.site, until=NOW + 60)}"


def test_only_what_nothing_declares_is_reported(visitors: Visitors, learner: str) -> None:
    response = visitors.ask(cookie=learner)

    declared = ["www.shop.example", "images.shop.example"]
    declared += [host for tracker in visitors.site.trackers.values() for host in tracker.hosts]
    assert policies(response) == []
    assert response.headers[REPORT_ONLY] == f"{content_policy(declared)}; report-uri /gk/shop/reports"
    assert "js.pay.example" in declared, "what is necessary is reachable, and so not reported"
    assert set(declared) == set(reachable_hosts(visitors.site, lambda _: True))


def test_no_cookie_is_held_back_or_removed(visitors: Visitors, learner: str) -> None:
    visitors.host.headers = [HTML, ("Set-Cookie", "unknown=1"), ("Set-Cookie", "_ad=1")]

    learning = visitors.ask(cookie=f"{learner}; _st=1").headers.getlist("Set-Cookie")
    visiting = visitors.ask(cookie="_st=1").headers.getlist("Set-Cookie")

    assert learning == ["unknown=1", "_ad=1"]
    assert "unknown=1" not in visiting
    assert any(cookie.startswith("_st=; Max-Age=0") for cookie in visiting)


def test_a_page_that_was_kept_before_is_not_taken_for_one_of_learn_mode(visitors: Visitors, learner: str) -> None:
    visitors.host.headers = [HTML, ("ETag", '"v1"')]
    before = visitors.ask(Sec_Fetch_Dest="document").headers["ETag"]

    visitors.ask(cookie=learner, Sec_Fetch_Dest="document", If_None_Match=before)
    assert "HTTP_IF_NONE_MATCH" not in visitors.host.seen

    during = visitors.ask(cookie=learner, Sec_Fetch_Dest="document").headers["ETag"]
    visitors.ask(Sec_Fetch_Dest="document", If_None_Match=during)
    assert "HTTP_IF_NONE_MATCH" not in visitors.host.seen
    visitors.ask(cookie=learner, Sec_Fetch_Dest="document", If_None_Match=during)
    assert visitors.host.seen["HTTP_IF_NONE_MATCH"] == '"v1"'
