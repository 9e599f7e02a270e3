"""The overview as a page: what surrounds it, what it links to, and what it weighs."""

import gzip
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from gatekeeper.core.staff import Role
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.store.contract import Store, Total
from tests.web.conftest import SHOP, Browser

from .conftest import Staff, signed_in

OVERVIEW = "/dashboard/shop/"
KB = 1024


@pytest.fixture
def tables() -> dict[str, Any]:
    return {**SHOP, "name": 'Tea & "Cups" <b>'}


class Page(HTMLParser):
    """Collects a page's links by their words, its pictures, and its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.current: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self._open: dict[str, str | None] | None = None
        self._words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        self.addresses += [told[name] or "" for name in ("href", "src", "srcset", "action") if name in told]
        if tag == "a":
            self._open, self._words = told, ""

    def handle_data(self, data: str) -> None:
        self._words += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._open is not None:
            words = " ".join(self._words.split())
            self.links[words] = self._open.get("href") or ""
            self.current += [words] if "aria-current" in self._open else []
            self._open = None


def test_the_way_in_leads_to_the_first_site_one_may_see(staff: Staff) -> None:
    assert staff.get("/dashboard/").headers["Location"].endswith(OVERVIEW)


def test_who_may_see_no_site_is_told_so(app: Any) -> None:
    nobody = signed_in(app, {"elsewhere": Role.MARKETING}).get("/dashboard/")

    assert nobody.status_code == 404
    assert "an owner can give you a role" in nobody.text


def test_the_overview_shows_what_was_chosen(staff: Staff, browser: Browser, store: Store) -> None:
    browser.choose("analytics")
    browser.choose("functional", "analytics", "marketing")
    browser.choose()

    page = staff.get(OVERVIEW).text

    cards = dict(zip(*(iter_text(page, "h3"), iter_text(page, 'p class="now')), strict=True))
    assert cards["Choices"] == "3"
    assert cards["Accepted something"] == "100.0 %"
    assert cards["Accepted all"] == "50.0 %"
    assert "before: not measured" in page


def iter_text(page: str, tag: str) -> list[str]:
    """Return what stands in each element of a kind, without what is inside it."""
    found = []
    for part in page.split(f"<{tag}")[1:]:
        inner = part.partition(">")[2].partition(f"</{tag.split()[0]}>")[0]
        found.append("".join(piece.rpartition(">")[2] for piece in f">{inner}".split("<")).strip())
    return found


def test_every_panel_of_the_overview_is_on_it(staff: Staff) -> None:
    page = staff.get(OVERVIEW).text

    for listed in PANELS.values():
        if listed.page == "overview":
            assert f"panels/{listed.id}." in page or f'id="{listed.id}"' in page


def test_all_that_the_page_links_to_is_there(staff: Staff) -> None:
    page = Page(staff.get(f"{OVERVIEW}?days=7").text)
    panels = [address for address in page.addresses if "/panels/" in address or address.endswith(".css")]

    assert len(panels) > 20
    for address in panels:
        assert staff.get(address).status_code == 200, address
        assert address.endswith(".css") or "days=7" in address


def test_links_go_on_with_days_and_filters(staff: Staff) -> None:
    page = Page(staff.get(f"{OVERVIEW}?days=7&f.browser=Firefox&other=1").text)

    for words in ("Overview", "Trackers", "Visits", "Changes", "Alarms", "Live", "Registry"):
        assert page.links[words].endswith("?days=7&f.browser=Firefox")
    assert {"Overview", "7 days", "People"} <= {*page.current}
    assert page.links["28 days"] == "?f.browser=Firefox&days=28"
    assert page.links["Machines"] == "?days=7&f.browser=Firefox&bot=1"


def test_a_filter_can_be_taken_away(staff: Staff) -> None:
    page = Page(staff.get(f"{OVERVIEW}?days=7&f.browser=Firefox+146").text)

    assert page.links["Browser: Firefox 146 × – take this filter away"] == "?days=7"


def test_another_year_can_stand_beside_these_days(staff: Staff) -> None:
    page = staff.get(f"{OVERVIEW}?days=7").text
    yearly = Page(page).links["rather the same days of the week a year ago"]

    assert "beside the days before, 2026-11-09 to 2026-11-15" in page
    assert yearly == "?days=7&compare=year"
    a_year_ago = staff.get(f"{OVERVIEW}{yearly}").text
    assert "beside the same days of the week a year ago, 2025-11-17 to 2025-11-23" in a_year_ago
    assert Page(a_year_ago).links["rather the days before"] == "?days=7"


def test_what_does_not_heed_filters_says_so(staff: Staff) -> None:
    assert "Filters do not apply here." in staff.get(f"{OVERVIEW}?f.browser=Firefox").text
    assert "Filters do not apply here." not in staff.get(OVERVIEW).text


@pytest.mark.parametrize("query", ["days=never", "first=2026-13-01", "f.provider=x", "bot=maybe", "compare=x"])
def test_a_bad_query_is_answered_by_a_page_that_names_it(staff: Staff, query: str) -> None:
    page = staff.get(f"{OVERVIEW}?{query}")

    assert page.status_code == 400
    assert page.content_type == "text/html; charset=utf-8"
    assert 'role="alert"' in page.text
    assert query.partition("=")[2] in page.text or query.partition("=")[0] in page.text


def test_a_bad_query_executes_nothing(staff: Staff) -> None:
    page = staff.get(OVERVIEW, query_string={"days": '"><img src=x onerror=alert(1)>'})

    assert "<img" not in page.text


def test_the_page_runs_nothing_and_keeps_to_itself(staff: Staff) -> None:
    page = staff.get(OVERVIEW)

    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none';"
        " base-uri 'none'"
    )
    assert page.headers["Cache-Control"] == "no-store"
    assert "script" not in Page(page.text).tags
    assert "style=" not in page.text


def test_names_are_text_wherever_they_stand(staff: Staff) -> None:
    page = staff.get(OVERVIEW).text

    assert "Tea &amp; &#34;Cups&#34; &lt;b&gt;" in page
    assert "<b>" not in page


def test_a_year_weighs_little(staff: Staff, store: Store) -> None:
    for month in range(1, 12):
        for day in range(1, 29):
            for state in ("granted", "refused", "withdrawn"):
                store.tally(Total("shop", f"2026-{month:02}-{day:02}", "choice", state, notice=1), 1000 + day * month)
    sent = {"Accept-Encoding": "gzip"}

    page = staff.get(f"{OVERVIEW}?days=365", headers=sent)
    addresses = Page(gzip.decompress(page.data).decode()).addresses
    charts = {address for address in addresses if ".svg" in address and "narrow" not in address}
    whole = sum(len(staff.get(address, headers=sent).data) for address in {*charts, "/dashboard.css"})

    assert len(charts) > 5
    assert len(page.data) + whole <= 150 * KB


def test_a_page_is_whole_for_who_takes_no_gzip(staff: Staff) -> None:
    page = staff.get(OVERVIEW, headers={"Accept-Encoding": "identity"})

    assert "Content-Encoding" not in page.headers
    assert page.text.endswith("</html>")


class TestSites:
    @pytest.fixture
    def config(self, config: Any) -> Any:
        shop = config.sites["shop"]
        return replace(config, sites={"shop": shop, "laden": replace(shop, id="laden", name="Laden")})

    def test_one_can_go_over_to_the_same_page_of_another_site(self, staff: Staff) -> None:
        page = Page(staff.get(f"{OVERVIEW}?days=7").text)

        assert page.links["Laden"] == "/dashboard/laden/?days=7"

    def test_a_site_that_is_not_ones_own_is_not_offered(self, staff: Staff) -> None:
        page = Page(staff.as_(Role.MARKETING, "shop").get(OVERVIEW).text)

        assert "Laden" not in page.links
