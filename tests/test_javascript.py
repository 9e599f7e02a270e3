"""``static/js/decide.js`` decides as Python does: tables and thousands of made-up visitors, in a real browser."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright import sync_api as playwright

from gatekeeper import assets
from gatekeeper.core.choices import Choice, State, read_choice, write_choice
from gatekeeper.core.decisions import DAY, Decision, Status, Visitor, decide, decide_purpose
from gatekeeper.core.errors import BadChoice
from gatekeeper.core.guard import guard_settings
from gatekeeper.core.purposes import BUILT_IN, AgeBand
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Site
from gatekeeper.web.names import shorten

from .core.cases import choice_site, decision_cases, publish_all, read_choice_row, read_table

#: `make test` names the browser; empty means the one that Playwright brings.
CHROMIUM = os.environ.get("GATEKEEPER_TEST_BROWSER", shutil.which("chromium"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
#: How many made-up visitors each made-up site has; with the number of sites, the size of the comparison.
VISITORS = 25
SITES = 100
TODAY = date(2026, 11, 22)
NOON = 1_795_348_800  # 2026-11-22 12:00 UTC


class Page:
    """An empty page with decide.js and write.js alone in it, as ``js``.

    It lives in a thread of its own: Playwright allows one browser a thread, and other tests may have theirs.
    """

    def __init__(self, thread: ThreadPoolExecutor, page: playwright.Page) -> None:
        self._thread = thread
        self._page = page

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        return self._thread.submit(self._page.evaluate, expression, argument).result()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with ThreadPoolExecutor(1) as thread:
        driver = thread.submit(lambda: playwright.sync_playwright().start()).result()
        browser = thread.submit(driver.chromium.launch, executable_path=CHROMIUM, args=FLAGS).result()
        page = Page(thread, thread.submit(browser.new_page).result())
        source = "".join(assets.static("js", name).read_text("utf-8") for name in ("decide.js", "write.js"))
        names = "{decide, decidePurpose, readChoice, writeChoice}"
        # As it is served, with short names.
        page.evaluate(shorten(f'window.js = (function () {{"use strict"; {source}; return {names}; }})()'))
        yield page
        thread.submit(browser.close).result()
        thread.submit(driver.stop).result()


def told(choice: Choice | None) -> dict[str, Any] | None:
    """Return a choice as decide.js has it."""
    if choice is None:
        return None
    return {
        "site": choice.site,
        "notice": choice.notice,
        "day": choice.day.strftime("%Y%m%d"),
        "state": choice.state.value,
        "purposes": sorted(choice.purposes),
        "trackers": sorted(choice.trackers),
        "override": sorted(choice.override),
        "age_band": None if choice.age_band is None else int(choice.age_band),
        "pending": choice.pending,
        "objects": choice.objects,
    }


def question(what: str, name: str, visitor: Visitor, site: Site, now: int) -> dict[str, Any]:
    """Return a question as the browser is asked it."""
    return {
        "what": what,
        "name": name,
        "site": guard_settings(site),
        "now": now,
        "visitor": {
            "choice": told(visitor.choice),
            "signals": sorted(visitor.signals),
            "age_band": None if visitor.age_band is None else int(visitor.age_band),
            "status": visitor.status.value,
        },
    }


def answers(page: Page, questions: list[dict[str, Any]]) -> list[tuple[bool, str]]:
    """Ask the browser all questions at once. They travel as text, as the settings do in the guard."""
    rows = page.evaluate(
        """text => JSON.parse(text).map(({what, name, visitor, site, now}) =>
            (what === "tracker" ? js.decide : js.decidePurpose)(name, visitor, site, now))""",
        json.dumps(questions),
    )
    return [(row["allowed"], row["reason"]) for row in rows]


def said(decision: Decision) -> tuple[bool, str]:
    return bool(decision), decision.reason.value


# --- the tables


@pytest.mark.row("EU-01", "SE-19", "GPC-02", "DNT-01")
def test_every_row_of_the_table_comes_out_in_the_browser_as_the_design_says(page: Page):
    cases = decision_cases()
    asked = [
        question(
            "tracker" if "tracker" in case.row else "purpose",
            case.tracker or case.purpose,
            case.visitor,
            case.site,
            case.now,
        )
        for case in cases
    ]

    found = answers(page, asked)

    wrong = [
        (case.row["name"], browser, said(case.decide()))
        for case, browser in zip(cases, found, strict=True)
        if not browser == said(case.decide()) == (case.allowed, case.reason)
    ]
    assert wrong == []


def test_the_browser_reads_each_readable_choice_as_the_table_says(page: Page):
    rows = read_table("choices")["readable"]
    site = guard_settings(choice_site())

    found = page.evaluate(
        "([values, site]) => values.map(value => js.readChoice(value, site))", [[row["value"] for row in rows], site]
    )

    for row, choice in zip(rows, found, strict=True):
        assert as_sets(choice) == as_sets(told(read_choice_row(row["choice"]))), row["value"]


def test_the_browser_writes_each_readable_choice_as_python_does(page: Page):
    site = choice_site()
    choices = [read_choice(row["value"], site.notices) for row in read_table("choices")["readable"]]

    found = page.evaluate(
        "([choices, site]) => choices.map(choice => js.writeChoice(choice, site))",
        [[told(choice) for choice in choices], guard_settings(site)],
    )

    assert found == [write_choice(choice, site.notices[choice.notice]) for choice in choices]


@pytest.mark.row("SE-16", "SE-19")
def test_the_browser_reads_no_choice_out_of_any_other_value(page: Page):
    values = [*read_table("choices")["unreadable"], None, 7, {}, []]
    site = guard_settings(choice_site())

    found = page.evaluate("([values, site]) => values.map(value => js.readChoice(value, site))", [values, site])

    assert [value for value, choice in zip(values, found, strict=True) if choice is not None] == []


@pytest.mark.row("SE-19")
@pytest.mark.parametrize(
    "broken",
    [
        "js.decide('stats', null, site, now)",
        "js.decide('stats', {}, site, now)",
        "js.decide('stats', {...granted, signals: undefined}, null, now)",
        "js.decide('stats', granted, null, now)",
        "js.decide('stats', granted, {...site, notices: null}, now)",
        "js.decide('stats', granted, {...site, purposes: undefined}, now)",
        "js.decide('stats', {...granted, choice: {...granted.choice, day: 'today'}}, site, now)",
        "js.decide('__proto__', granted, site, now)",
        "js.decide('toString', granted, site, now)",
        "js.decide('hasOwnProperty', granted, site, now)",
        "js.decide(undefined, granted, site, now)",
        "js.decide({}, granted, site, now)",
        "js.decidePurpose('__proto__', granted, site, now)",
        "js.decidePurpose('constructor', granted, site, now)",
    ],
)
def test_whatever_is_broken_is_denied(page: Page, broken: str):
    site = choice_site()
    granted = question("tracker", "", Visitor(everything(site)), site, NOON)["visitor"]

    sound, found = page.evaluate(
        f"([site, granted, now]) => [js.decide('visit', granted, site, now), {broken}]",
        [guard_settings(site), granted, NOON],
    )

    assert sound == {"allowed": True, "reason": "granted"}
    assert found == {"allowed": False, "reason": "fail_closed"}


@pytest.mark.parametrize("now", ["NaN", "undefined", "Infinity", "-NaN"])
def test_without_a_clock_a_choice_has_run_out(page: Page, now: str):
    site = choice_site()
    granted = question("tracker", "", Visitor(everything(site)), site, NOON)["visitor"]

    found = page.evaluate(
        f"([site, granted]) => js.decide('visit', granted, site, {now})", [guard_settings(site), granted]
    )

    assert found == {"allowed": False, "reason": "expired"}


def everything(site: Site) -> Choice:
    assert site.notice
    return Choice(site.id, site.notice.no, TODAY, State.GRANTED, purposes=frozenset(site.notice.purposes))


def as_sets(choice: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return choice and {key: sorted(value) if isinstance(value, list) else value for key, value in choice.items()}


# --- made-up sites and visitors

_VENDORS = {"one": {"name": "One", "country": "IE"}, "two": {"name": "Two", "country": "US"}}
#: Ids that every JavaScript object inherits are among them.
_NAMES = ["a", "b", "c", "d", "e", "f", "g", "h", "constructor", "value"]
_OWN = ["own", "constructor"]


def _tracker() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["script", "embed", "beacon"]),
            "purpose": st.sampled_from([*BUILT_IN, *_OWN]),
            "vendor": st.sampled_from(sorted(_VENDORS)),
            "retention_days": st.sampled_from([30, 60]),
            "description": st.just("Does its work."),
            "hosts": st.just(["cdn.example"]),
            "justification": st.just("Nothing works without it."),
            "reviewed_by": st.just("counsel"),
        }
    )


def _with_loader(trackers: dict[str, Any], wanted: bool) -> dict[str, Any]:
    """Make the first tracker a tag manager that loads the others."""
    first, *others = trackers or [None]
    if not (wanted and others):
        return trackers
    return {**trackers, first: {**trackers[first], "kind": "loader", "loads": others}}


@st.composite
def _histories(draw: st.DrawFn) -> Site:
    """A site that has published one to three notices of different trackers."""
    own = {
        name: {
            "title": name,
            "description": name,
            "denied_by": draw(st.lists(st.sampled_from(["gpc", "dnt"]), unique=True)),
        }
        for name in _OWN
    }
    if draw(st.booleans()):
        own["analytics"] = {"denied_by": ["gpc"], "min_age": draw(st.sampled_from([0, 13, 16, 18]))}
    fixed = {
        "name": "Shop",
        "origins": ["https://shop.example"],
        "controller": {"name": "Shop", "address": "Street", "contact": "us@shop.example"},
        "vendors": _VENDORS,
        "purposes": own,
        "choice_days": draw(st.sampled_from([1, 180, 395])),
    }
    trackers = st.dictionaries(st.sampled_from(_NAMES), _tracker(), max_size=len(_NAMES))
    declared = [_with_loader(draw(trackers), draw(st.booleans())) for _ in range(draw(st.integers(1, 3)))]
    site = publish_all("shop", [{**fixed, "trackers": each} for each in declared])
    # Sometimes the site has moved on since its last notice.
    return site if draw(st.booleans()) else site.with_notices(list(site.notices.values())[:-1])


def _choices(site: Site) -> st.SearchStrategy[Choice]:
    purposes = st.frozensets(st.sampled_from([*BUILT_IN, *_OWN]))
    return st.builds(
        Choice,
        site=st.sampled_from([site.id] * 9 + ["other"]),
        notice=st.sampled_from([*site.notices, *site.notices, 3]),
        day=st.integers(-400, 2).map(lambda days: TODAY + timedelta(days=days)),
        state=st.sampled_from([State.GRANTED] * 4 + [State.REFUSED, State.WITHDRAWN]),
        purposes=purposes,
        trackers=st.frozensets(st.sampled_from(["visit", *_NAMES]), max_size=3),
        override=purposes,
        age_band=st.sampled_from([None] * 12 + list(AgeBand)),
        pending=st.booleans(),
        objects=st.booleans(),
    ).map(_only_others_wait)


def _only_others_wait(choice: Choice) -> Choice:
    """A grant is never pending: it counts once the server has it."""
    return replace(choice, pending=choice.pending and choice.state is not State.GRANTED)


def _visitors(site: Site) -> st.SearchStrategy[Visitor]:
    return st.builds(
        Visitor,
        choice=st.one_of(_choices(site), _choices(site), st.none()),
        signals=st.frozensets(st.sampled_from(list(Signal))),
        age_band=st.sampled_from([None] * 12 + list(AgeBand)),
        status=st.sampled_from([Status.ACTIVE] * 5 + list(Status)),
    )


def test_no_made_up_visitor_is_decided_otherwise_in_the_browser(page: Page):
    asked: list[dict[str, Any]] = []
    wanted: list[tuple[bool, str]] = []

    @settings(max_examples=SITES, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        site = data.draw(_histories())
        for _ in range(VISITORS):
            visitor, now = data.draw(_visitors(site)), NOON + data.draw(st.integers(0, 3 * DAY))
            ask, what, names = data.draw(
                st.sampled_from(
                    [
                        (decide, "tracker", [*site.trackers, "unknown", "constructor"]),
                        (decide_purpose, "purpose", [*site.purposes, "x"]),
                    ]
                )
            )
            name = data.draw(st.sampled_from(names))
            asked.append(question(what, name, visitor, site, now))
            wanted.append(said(ask(name, visitor, site, now=now)))

    collect()
    found = answers(page, asked)

    different = [row for row in zip(asked, found, wanted, strict=True) if row[1] != row[2]]
    assert different == []
    # The comparison is worth something: it has seen every answer there is.
    assert len(asked) >= 2_000
    assert len({reason for _, reason in wanted}) == 12


def test_no_made_up_choice_is_written_or_read_otherwise_in_the_browser(page: Page):
    rows: list[tuple[dict[str, Any], dict[str, Any] | None, str]] = []

    @settings(max_examples=SITES, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def collect(data: st.DataObject) -> None:
        site = data.draw(_histories())
        if site.notice is None:
            return
        for _ in range(5):
            choice = data.draw(_choices(site).filter(lambda choice: choice.notice in site.notices))
            rows.append((guard_settings(site), told(choice), write_choice(choice, site.notices[choice.notice])))

    collect()
    found = page.evaluate(
        """text => JSON.parse(text).map(([site, choice]) => {
            const value = js.writeChoice(choice, site);
            return [value, js.readChoice(value, site)];
        })""",
        json.dumps([row[:2] for row in rows]),
    )

    for (settings_, choice, value), (written, read) in zip(rows, found, strict=True):
        assert written == value
        if choice and choice["site"] == settings_["site"]:
            # Names that the notice does not have get no bit.
            notice = settings_["notices"][str(choice["notice"])]
            for key, listed in (("purposes", "purposes"), ("trackers", "trackers"), ("override", "purposes")):
                assert sorted(read[key]) == sorted(set(choice[key]) & set(notice[listed]))
        else:
            assert read is None


def test_python_and_the_browser_agree_on_which_values_are_choices(page: Page):
    site = choice_site()
    characters = st.text("0123456789abcdef.-grwpxshopGRW \n\u0660\u212a", max_size=40)
    mutated = st.sampled_from([row["value"] for row in read_table("choices")["readable"]]).flatmap(
        lambda value: st.tuples(
            st.integers(0, len(value)), st.integers(0, 3), characters.filter(lambda text: len(text) < 4)
        ).map(lambda cut: value[: cut[0]] + cut[2] + value[cut[0] + cut[1] :])
    )
    values: list[str] = []

    @settings(max_examples=1_000)
    @given(st.one_of(mutated, characters))
    def collect(value: str) -> None:
        values.append(value)

    collect()
    found = page.evaluate(
        "([values, site]) => values.map(value => js.readChoice(value, site))", [values, guard_settings(site)]
    )

    for value, choice in zip(values, found, strict=True):
        assert as_sets(choice) == as_sets(_read(value, site)), repr(value)


def _read(value: str, site: Site) -> dict[str, Any] | None:
    try:
        return told(read_choice(value, site.notices))
    except BadChoice:
        return None
