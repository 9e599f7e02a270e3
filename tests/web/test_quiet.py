"""Beacons that are only counted come to the same as when they are looked at in full, whoever asks and however."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from gatekeeper.core.tokens import SubjectToken
from gatekeeper.web.collect import Collect
from gatekeeper.web.service import Service

from .conftest import DAY, Browser, Clock, publish

ALL = "1.shop.1.20261122.g.7.0.-.0"
REFUSED = "1.shop.1.20261122.r.0.0.-.0"
#: What the choice cookies of one request may be, those of other programs among them.
COOKIES = (
    "",
    "basket=12",
    f"gk_choice={REFUSED}",
    f"basket=12; gk_choice={REFUSED}; _seen=1",
    f"gk_choice={REFUSED};basket=12",
    f"gk_choice={ALL}",
    "gk_choice=1.shop.1.20250101.g.7.0.-.0",
    "gk_choice=1.shop.1.20261122.w.0.0.-.0",
    "gk_choice=1.shop.9.20261122.g.7.0.-.0",
    f"__Host-gk_choice={REFUSED}",
    f"gk_choice={REFUSED}; gk_choice={ALL}",
    f"gk_choice={ALL}; not_gk_choice={REFUSED}",
    "gk_choice=",
    "gk_choice",
    "gk_subject=forged",
    f"gk_choice={ALL}; gk_subject=forged",
    f"gk_choice={REFUSED}; gk_subject=SIGNED",
    f"gk_choice={ALL}; gk_subject=SIGNED",
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"HTTP_SEC_GPC": "1"},
    {"HTTP_SEC_GPC": "0"},
    {"HTTP_DNT": "1"},
    {"HTTP_SEC_GPC": "1", "HTTP_DNT": "1"},
    {"HTTP_SEC_PURPOSE": "prefetch"},
    {"HTTP_X_MOZ": "prefetch"},
    {"HTTP_PURPOSE": "something else"},
)
PATHS = (
    "/gk/shop/b/seen.gif",
    "/shop/b/ad-pixel.gif",
    "/gk/shop/b/basket.gif",
    "/gk/shop/b/made-up.gif",
    "/gk/nowhere/b/seen.gif",
    "/gk/shop/b/.gif",
    "/gk/shop/c/seen.gif",
    "/gkshop/b/seen.gif",
    "/gk/gk/shop/b/seen.gif",
    "/gk/shop/b/a/seen.gif",
    "/b/seen.gif",
)


class Answers:
    """What an application answers, and adds to the totals."""

    def __init__(self, app: Flask, service: Service) -> None:
        self.service = service
        self.collect = app.wsgi_app
        assert isinstance(self.collect, Collect)
        self.quietly = self.collect._quiet.answer
        self.quiet = 0

    def ask(self, environ: dict[str, Any], *, quietly: bool) -> tuple[object, ...]:
        before = Counter(self.service.store.totals("shop"))
        told: list[object] = []
        self.collect._quiet.answer = self._count if quietly else lambda *_: None  # type: ignore[method-assign]
        body = b"".join(self.collect(dict(environ), lambda *head, **_: told.append(head) or (lambda _: None)))
        counted = Counter(self.service.store.totals("shop"))
        counted.subtract(before)
        return str(told), body, {total: n for total, n in counted.items() if n}

    def _count(self, *asked: Any) -> Any:
        answer = self.quietly(*asked)
        self.quiet += answer is not None
        return answer


@pytest.fixture
def answers(app: Flask, service: Service) -> Answers:
    return Answers(app, service)


def environ(path: str, cookies: str, headers: dict[str, str], method: str = "GET") -> dict[str, Any]:
    told = {"PATH_INFO": path, "REQUEST_METHOD": method, "SCRIPT_NAME": "", "REMOTE_ADDR": "203.0.113.9", **headers}
    return told | ({"HTTP_COOKIE": cookies} if cookies else {}) | {"wsgi.url_scheme": "http", "HTTP_HOST": "shop.test"}


def requests(signed: str) -> Iterator[dict[str, Any]]:
    for path, cookies, headers in itertools.product(PATHS, COOKIES, HEADERS):
        yield environ(path, cookies.replace("SIGNED", signed), headers)
    for method in ("HEAD", "POST", "OPTIONS", "DELETE"):
        yield environ(PATHS[0], "", {}, method)


def test_what_is_answered_quietly_is_what_would_be_answered_in_full(answers: Answers, service: Service) -> None:
    # Of a subject that the store does not know, so that nothing is logged, whatever is granted.
    signed = service.subject_tokens.sign(SubjectToken(bytes(16), bytes(16), ALL))

    assert service.published("shop").read_choice(ALL) is not None

    for asked in requests(signed):
        full, first, again = (answers.ask(asked, quietly=quietly) for quietly in (False, True, True))

        assert full == first == again, asked

    assert answers.quiet > 400


@pytest.mark.parametrize("cookies", ["", "basket=12", f"basket=12; gk_choice={REFUSED}"])
def test_those_who_have_not_agreed_are_answered_quietly(answers: Answers, cookies: str) -> None:
    answers.ask(environ(PATHS[0], cookies, {}), quietly=True)

    assert answers.quiet == 1


def test_the_totals_are_those_of_the_day_that_it_is_now(answers: Answers, clock: Clock) -> None:
    clock.at += DAY / 2 - 1
    (evening,) = answers.ask(environ(PATHS[0], "", {}), quietly=True)[2]  # type: ignore[misc, attr-defined]
    clock.at += 1
    (night,) = answers.ask(environ(PATHS[0], "", {}), quietly=True)[2]  # type: ignore[misc, attr-defined]

    assert (evening.day, night.day) == ("2026-11-22", "2026-11-23")


def test_a_site_that_is_published_anew_is_decided_about_anew(answers: Answers, service: Service) -> None:
    asked = environ(PATHS[0], "", {})
    (before,) = answers.ask(asked, quietly=True)[2]  # type: ignore[misc, attr-defined]
    declared = service.config.sites["shop"]
    necessary = {**declared.trackers, "seen": replace(declared.trackers["seen"], purpose="necessary")}
    service.config = replace(service.config, sites={"shop": replace(declared, trackers=necessary)})

    publish(service.store, service.config.sites["shop"])
    service.refresh()
    (after,) = answers.ask(asked, quietly=True)[2]  # type: ignore[misc, attr-defined]

    assert (before.reason, after.reason) == ("no_choice", "necessary")


def test_a_burst_is_refused_all_the_same(new_browser: Any, service: Service) -> None:
    service._limit._limit = 3

    given = [new_browser().get(PATHS[0], environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code for _ in range(5)]

    assert given == [200, 200, 200, 429, 429]


def test_made_up_names_take_no_room(answers: Answers, browser: Browser) -> None:
    for number in range(5000):
        answers.collect._quiet._known(f"/gk/shop/b/made-up-{number}.gif", "", frozenset(), 0)  # type: ignore[attr-defined]

    assert answers.collect._quiet._known.cache_info().currsize <= 4096  # type: ignore[attr-defined]
