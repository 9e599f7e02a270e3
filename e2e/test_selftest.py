"""The guard tells when it was not the first in a page, came late, or has been overridden, and of nothing else."""

import pytest
from playwright.sync_api import ConsoleMessage, Page

from tests.waiting import wait_until

from .site import STATS, Site
from .visiting import SETTLED, bodies, choose

GUARD = "/gk/shop/gatekeeper.js"
#: Notes what the page is told; and, as it is a script, it stands after the guard.
NOTING = """<script>told = [];
    (window.gatekeeper ||= []).push((api) =>
        api.on("outcome", (one) => one.tracker === "gatekeeper" && told.push(one)));
</script>"""


def html(site: Site, head: str, body: str = "") -> str:
    """Add a page of which a test writes the whole head, and return its address."""
    site.pages["/own.js"] = "0"
    site.pages["/"] = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">{head}</head>'
        f"<body><p>Shoes</p>{body}</body></html>"
    )
    return site.url("/")


TAG = f'<script src="{GUARD}"></script>'
#: Adds the guard by a script, in its place of the order.
PUT = f"const tag = Object.assign(document.createElement('script'), {{src: '{GUARD}', async: false}});"
#: As a tool does it that looks at what the page asks for, once the guard is there.
WRAP = """<script>gatekeeper.on("ready", () => {
    const { fetch } = window;
    window.fetch = (...args) => fetch(...args);
});</script>"""
STORE = "Object.defineProperty(window, 'localStorage', {get: () => ({})})"

FINE = {
    "first": TAG + NOTING,
    "after what does not run": f'<script type="application/ld+json">{{}}</script><style>p {{}}</style>{TAG}{NOTING}',
    "by another name of it": f'<script nonce="" src="{GUARD}?v=7"></script>{NOTING}',
    "and a later script goes before it": TAG
    + NOTING
    + """<script>
        for (const src of ['data:text/javascript,0', '/own.js']) {
            const later = document.createElement('script');
            Object.assign(later, {async: true, src});
            document.head.prepend(later);
        }
        const inline = document.createElement('script');
        inline.text = '0';
        document.head.prepend(inline);
    </script>""",
    "and a tool stands in for fetch": f"{TAG}{NOTING}{WRAP}",
}
FAULTY = {
    "an inline script before it": ("not_first", f"<script>0</script>{TAG}{NOTING}"),
    "a file before it": ("not_first", f'<script src="/own.js"></script>{TAG}{NOTING}'),
    "a module before it": ("not_first", f'<script type="module">0</script>{TAG}{NOTING}'),
    "async": ("late", f'<script async src="{GUARD}"></script>{NOTING}'),
    "defer": ("late", f'<script defer src="{GUARD}"></script>{NOTING}'),
    "a vendor's style sheet before it": ("late", f'<link rel="stylesheet" href="@STATS/style.css?slow">{TAG}{NOTING}'),
    "a cookie of the document's own": (
        "overridden",
        f"{TAG}{NOTING}<script>Object.defineProperty(document, 'cookie', {{value: ''}})</script>",
    ),
    "another localStorage": (
        "overridden",
        f"{TAG}{NOTING}<script>{STORE}</script>",
    ),
    "another sessionStorage, late": (
        "overridden",
        TAG + NOTING + f"<script>onload = () => {STORE.replace('local', 'session')}</script>",
    ),
    "another fetch": (
        "overridden",
        TAG + NOTING + WRAP.replace("fetch(...args)", "Promise.resolve()"),
    ),
    "a fetch that fails": (
        "overridden",
        f"{TAG}{NOTING}<script>gatekeeper.on('ready', () => fetch = () => {{ throw null }})</script>",
    ),
    "another setItem": (
        "overridden",
        f"{TAG}{NOTING}<script>gatekeeper.on('ready', () => Storage.prototype.setItem = () => 0)</script>",
    ),
}


def faults(page: Page, url: str) -> tuple[list[str], list[str]]:
    """Open a page; return what the guard told of itself there, and what it said in the console."""
    said: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "warning" and message.text.startswith("gatekeeper: "):
            said.append(message.text)

    page.on("console", hear)
    page.goto(url, wait_until="load")
    page.wait_for_timeout(SETTLED)
    told: list[dict[str, str]] = page.evaluate("told")
    assert {one["outcome"] for one in told} <= {"failed"}
    return [one["reason"] for one in told], said


@pytest.mark.parametrize("head", FINE.values(), ids=FINE)
def test_a_guard_that_stands_as_it_should_says_nothing(site: Site, page: Page, head: str) -> None:
    assert faults(page, html(site, head)) == ([], [])


def test_neither_does_one_from_the_browsers_cache(site: Site, page: Page) -> None:
    url = html(site, TAG + NOTING)
    page.goto(url)

    assert faults(page, url) == ([], [])
    assert faults(page, url) == ([], [])


@pytest.mark.parametrize(("fault", "head"), FAULTY.values(), ids=FAULTY)
def test_a_guard_that_does_not_tells_why_once_and_how_to_mend_it(site: Site, page: Page, fault: str, head: str) -> None:
    told, said = faults(page, html(site, head.replace("@STATS", site.vendor(STATS, ""))))

    assert told == [fault]
    (line,) = said
    assert line.startswith(f"gatekeeper: {fault}: ")
    assert "; " in line


@pytest.mark.parametrize(
    ("head", "body", "told"),
    [
        ("", TAG + NOTING, ["late"]),
        (f"<script>{PUT} document.head.append(tag)</script>{NOTING}", "", ["not_first", "late"]),
        (NOTING, f"<script>{PUT} document.head.prepend(tag)</script>", ["late"]),
    ],
    ids=["in the body", "by a script in the head", "by a script in the body"],
)
def test_a_guard_that_is_added_later_says_so(site: Site, page: Page, head: str, body: str, told: list[str]) -> None:
    assert faults(page, html(site, head, body))[0] == told


# --- who is told


@pytest.mark.row("EU-01")
def test_the_undecided_and_the_refusing_tell_nobody(site: Site, page: Page) -> None:
    url = html(site, f"<script>0</script>{TAG}{NOTING}")

    assert faults(page, url)[0] == ["not_first"]
    choose(page)
    wait_until(lambda: bodies(site, "choice"))
    assert faults(page, url)[0] == ["not_first"]
    page.goto("about:blank")

    assert {path for path, _ in site.posts} == {"/gk/shop/choice"}


def test_with_the_visit_log_granted_it_is_a_row_of_the_visit(site: Site, page: Page) -> None:
    url = html(site, f"<script>0</script>{TAG}{NOTING}")
    page.goto(url)
    choose(page, "analytics")

    page.goto(url)

    rows = wait_until(lambda: [event for event in site.events(page) if event.fields.get("outcome") == "failed"])
    assert ("outcome", "failed", "not_first") in {
        (row.kind, row.fields["outcome"], row.fields["reason"]) for row in rows
    }


def test_with_another_grant_it_is_a_total(site: Site, page: Page) -> None:
    url = html(site, f"<script>0</script>{TAG}{NOTING}")
    page.goto(url)
    choose(page, "marketing")

    page.goto(url)

    assert wait_until(lambda: [total for total in site.store.totals("shop") if total.reason == "not_first"])
