"""The way out of a strict site, by every means that a visitor has of following a link."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from playwright.sync_api import Page

from gatekeeper.mounting import Mounted, mount
from tests.ports import free_port
from tests.waiting import wait_until

from .serving import Servers
from .site import published

TEA = "127.0.0.2"
#: What the site's server sends with each page: its browser would tell where a visitor comes from.
REFERRER = ("Referrer-Policy", "unsafe-url")


@dataclass
class Strict:
    """A strict site behind the middleware, and a shop for tea elsewhere that notes who comes and what they bring.

    :param asked: the paths and queries that pages asked of the site, those of Gatekeeper among them.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    body: str = ""
    came: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _servers: Servers | None = None
    _site: Mounted | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tea(self) -> str:
        return f"http://{TEA}:{self.port}/caf%C3%A9?a=1|2&b=%20#part"

    def start(self) -> "Strict":
        table = {
            "name": "Test Shop",
            "origins": [self.origin],
            "controller": {"name": "Test Shop Ltd", "address": "1 Test Street", "contact": "privacy@shop.test"},
            "gate": {"strict": True},
        }
        config, store = published(self.folder, table)
        store.close()
        self._site = mount(self._page, config, inject=True)
        self._servers = Servers(self.port, {"127.0.0.1": self._noting, TEA: self._tea})
        return self

    def stop(self) -> None:
        if self._servers:
            self._servers.stop()
        if self._site:
            self._site.close()

    def _noting(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.asked.append(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}")
        assert self._site
        return self._site(environ, start_response)

    def _page(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), REFERRER])
        page = f'<!doctype html><html><head><link rel="icon" href="data:,"><title>Shop</title></head><body>{self.body}'
        return [page.encode()]

    def _tea(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
        query = environ["QUERY_STRING"]
        self.came.append({**headers, "path": environ["REQUEST_URI"], "query": query})
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<!doctype html><link rel=icon href='data:,'><title>Tea</title>"]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    site = Strict(tmp_path_factory.mktemp("strict")).start()
    yield site
    site.stop()


@pytest.fixture
def strict(serving: Strict) -> Strict:
    """The site, and nobody has been anywhere."""
    serving.came.clear()
    serving.asked.clear()
    return serving


def open_page(strict: Strict, page: Page, body: str) -> None:
    """Open a page of the site and wait until the way out is there."""
    strict.body = body
    with page.expect_response("**/part.out.*"):
        page.goto(f"{strict.origin}/page?basket=7")
    page.wait_for_load_state("networkidle")


def link(strict: Strict, more: str = "") -> str:
    return f'<p><a id="tea" href="{strict.tea}" {more}>Tea</a>'


def arrived(strict: Strict, page: Page) -> dict[str, str]:
    """Return the one request that the tea shop got, once its page is on the screen."""
    wait_until(lambda: strict.came)
    shown = lambda: strict.tea in {each.url for each in page.context.pages}  # noqa: E731
    wait_until(shown, pause=lambda seconds: page.wait_for_timeout(seconds * 1000))
    (came,) = strict.came
    return came


CLICKS: dict[str, Callable[[Page], None]] = {
    "a click": lambda page: page.get_by_text("Tea").click(),
    "the keyboard": lambda page: page.get_by_text("Tea").press("Enter"),
    "a click with Ctrl": lambda page: page.get_by_text("Tea").click(modifiers=["Control"]),
    "a click with Shift": lambda page: page.get_by_text("Tea").click(modifiers=["Shift"]),
    "the middle button": lambda page: page.get_by_text("Tea").click(button="middle"),
    "Enter with Ctrl": lambda page: page.get_by_text("Tea").press("Control+Enter"),
}


def test_without_it_a_strict_site_links_nowhere(strict: Strict, page: Page) -> None:
    page.route("**/part.out.*", lambda route: route.abort())
    strict.body = link(strict)
    page.goto(strict.origin)

    page.get_by_text("Tea").click()

    page.wait_for_url("chrome-error://**")
    assert strict.came == []


@pytest.mark.row("SE-13")
@pytest.mark.parametrize(
    ("way", "more"),
    [
        *((way, "") for way in CLICKS),
        *((way, 'target="_blank"') for way in ("a click", "the keyboard")),
        ("a click", 'target="_blank" rel="noopener noreferrer"'),
        ("the middle button", 'rel="noreferrer"'),
    ],
)
def test_a_visitor_arrives_where_the_link_leads_and_brings_nothing(
    strict: Strict, page: Page, way: str, more: str
) -> None:
    open_page(strict, page, link(strict, more))

    CLICKS[way](page)

    came = arrived(strict, page)
    assert came["path"] == "/caf%C3%A9?a=1|2&b=%20"
    assert "HTTP_REFERER" not in came
    assert "HTTP_COOKIE" not in came


def test_the_link_is_as_it_was_before_and_after_and_to_the_pages_own_scripts(strict: Strict, page: Page) -> None:
    seen = "seen.push(document.querySelector('#tea').getAttribute('href'))"
    own = f"""<script>
        seen = [];
        for (const type of ['mousedown', 'click']) addEventListener(type, () => {seen});
        document.addEventListener('click', () => {seen}, true);
    </script>"""
    open_page(strict, page, link(strict, 'target="_blank"') + own)

    page.get_by_text("Tea").hover()
    page.get_by_text("Tea").click()
    arrived(strict, page)

    assert page.evaluate("seen") == [strict.tea] * 3
    assert page.get_by_text("Tea").get_attribute("href") == strict.tea


@pytest.mark.parametrize(
    "script",
    [
        "document.querySelector('#tea').addEventListener('click', event => event.stopPropagation())",
        "document.querySelector('p').addEventListener('click', event => event.stopPropagation())",
        "document.addEventListener('click', event => event.stopPropagation(), true)",
    ],
)
def test_a_page_that_keeps_clicks_to_itself_is_left_too(strict: Strict, page: Page, script: str) -> None:
    open_page(strict, page, f"{link(strict)}<script>{script}</script>")

    page.get_by_text("Tea").click()

    assert arrived(strict, page)["path"].startswith("/caf")


def test_a_link_that_the_page_handles_itself_is_left_to_it(strict: Strict, page: Page) -> None:
    own = """<script>
        changes = 0;
        new MutationObserver(() => changes++).observe(document.querySelector('#tea'), {attributes: true});
        addEventListener('click', event => event.preventDefault());
    </script>"""
    open_page(strict, page, link(strict) + own)

    page.get_by_text("Tea").click()

    page.wait_for_timeout(300)
    assert page.evaluate("changes") == 0
    assert [path for path in strict.asked if "/out" in path] == []
    assert page.url.startswith(strict.origin)


def test_a_script_that_clicks_leads_nowhere(strict: Strict, page: Page) -> None:
    open_page(strict, page, link(strict))

    page.evaluate("document.querySelector('#tea').click()")

    page.wait_for_url("chrome-error://**")
    assert strict.came == []
    assert [path for path in strict.asked if "/out" in path] == []


def test_links_within_the_site_are_followed_as_ever(strict: Strict, page: Page) -> None:
    open_page(strict, page, '<a href="/next">Next</a>')

    page.get_by_text("Next").click()

    page.wait_for_url("**/next")
    assert [path for path in strict.asked if "/out" in path] == []


def test_a_picture_in_a_link_and_a_map_lead_out_too(strict: Strict, page: Page) -> None:
    area = f'<map name="m"><area shape="default" href="{strict.tea}" alt="Tea"></map>'
    gif = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
    open_page(strict, page, f'{area}<img id="map" usemap="#m" width="50" height="50" src="{gif}" alt="">')

    page.locator("#map").click()

    assert arrived(strict, page)["path"].startswith("/caf")


@pytest.mark.row("SE-06")
def test_an_address_of_ours_in_somebody_elses_page_leads_nowhere(strict: Strict, page: Page) -> None:
    way = f"{strict.origin}/gk/shop/out?to={quote(strict.tea, safe='')}"
    page.route(
        f"http://{TEA}:{strict.port}/",
        lambda route: route.fulfill(body=f"<a href='{way}'>Shop</a>", content_type="text/html"),
    )
    page.goto(f"http://{TEA}:{strict.port}/")

    with page.expect_response("**/out?**") as answer:
        page.get_by_text("Shop").click()

    assert answer.value.status == 404
    assert strict.came == []
