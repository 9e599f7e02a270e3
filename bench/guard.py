"""Measure the guard: what its scripts weigh for a site with twenty trackers, and what they cost a page's main thread.

Run it from the root of the project: ``python -m bench.guard``. It ends with 1 where a script weighs more than it may.

The same page is loaded with and without the guard, in turn, each time by a browser that has never been there. What is
counted is the CPU time of the main thread in all of its tasks until the page has come to rest: script, compilation,
style, layout, and what they cause. Chromium's own throttle slows many short tasks by more than its factor: the table
shows what it makes of the page alone. With ``--peer`` a page with another banner is measured beside ours.
"""

import argparse
import logging
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from wsgiref.types import StartResponse, WSGIEnvironment

from playwright.sync_api import Browser, sync_playwright

from bench import peer, twenty
from bench.tabs import Tab, tab
from e2e.conftest import FLAGS, NAMES
from e2e.site import Site
from gatekeeper.core.choices import Choice, State, write_choice
from gatekeeper.web.bundles import Bundle, Bundles

KB = 1024
#: The most that scripts may weigh, in bytes of brotli.
GUARD, FIRST_VISIT = 4 * KB, 8 * KB
#: The most main-thread time that the guard may add, in milliseconds, by how many times slower the processor is.
SLOWDOWNS = {1: 5.0, 4: 15.0}
PAIRS = 15
#: How long a page is left alone after it was asked for, in seconds: whatever the guard loads comes within.
BLANK, REST = 0.3, 1.2
#: The vendors' names lead nowhere.
NOWHERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@dataclass(frozen=True)
class Visit:
    """Who comes, and to which page.

    :param reason: why the guard decides as it does about a tracker that is not necessary.
    :param silent: the files whose names begin so come empty.
    :param budgeted: whether the guard's budget is about this.
    """

    name: str
    state: State | None
    reason: str
    silent: tuple[str, ...] = ()
    embeds: bool = False
    budgeted: bool = False


#: Without these the page still waits for the guard itself, and only for that.
LATER = ("banner.", "part.")
ASKED = Visit("undecided, with the banner", None, "no_choice")
REFUSED = Visit("refused", State.REFUSED, "refused")
GRANTED = Visit("all granted", State.GRANTED, "granted")
VISITS = (
    Visit("undecided, the guard alone", None, "no_choice", silent=LATER, budgeted=True),
    Visit("refused, the guard alone", State.REFUSED, "refused", silent=LATER, budgeted=True),
    Visit("all granted, the guard alone", State.GRANTED, "granted", silent=LATER, budgeted=True),
    Visit("undecided, without the banner", None, "no_choice", silent=("banner.",)),
    ASKED,
    REFUSED,
    Visit("refused, page with three embeds", State.REFUSED, "refused", embeds=True),
    GRANTED,
)


@dataclass(frozen=True)
class Spent:
    """Main-thread CPU time of one page, in milliseconds.

    :param scripts: names of the guard's files that it loaded.
    """

    task: float
    script: float
    scripts: tuple[str, ...]


class Shop(Site):
    """The shop with twenty trackers, serving its pages and Gatekeeper."""

    silent: tuple[str, ...] = ()
    files: Mapping[str, tuple[str, bytes]] = {}

    def start(self) -> "Shop":
        self.declared = {**twenty.declared(), "origins": [self.url("")]}
        super().start()
        return self

    @property
    def bundles(self) -> Bundles:
        return self.service.published("shop").bundles

    def cookie(self, state: State) -> str:
        """Return the value of ``gk_choice`` after everything was granted or refused."""
        notice = self.service.published("shop").site.notices[1]
        granted = frozenset(notice.purposes) if state is State.GRANTED else frozenset[str]()
        return write_choice(Choice("shop", 1, datetime.now(UTC).date(), state, granted), notice)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in self.files:
            kind, content = self.files[environ["PATH_INFO"]]
            start_response("200 OK", [("Content-Type", kind)])
            return [content]
        if environ["PATH_INFO"].removeprefix("/gk/shop/").startswith(self.silent):
            start_response("200 OK", [("Content-Type", "text/javascript")])
            return [b""]
        return super().__call__(environ, start_response)


# --- what the scripts weigh


def weigh(bundles: Bundles, loaded: Mapping[Visit, Sequence[str]]) -> bool:
    """Print what each script weighs; tell whether all keep to their budgets.

    :param loaded: the files that each visitor's browser loaded.
    """
    rows: list[tuple[str, list[int], float | None]] = [("guard, with settings", _sizes(bundles.guard), GUARD)]
    rows += [(f"{name}, {language}", _sizes(bundle), None) for (name, language), bundle in bundles.later.items()]
    for visit, names in loaded.items():
        columns = zip(*(_sizes(_bundle(bundles, name)) for name in names), strict=True)
        row = f"{visit.name}: {', '.join(map(_short, names))}"
        rows.append((row, [sum(column) for column in columns], FIRST_VISIT if visit is ASKED else None))
    print("| script | bytes | gzip | brotli | budget | |\n|---|---|---|---|---|---|")
    for name, sizes, limit in rows:
        print(f"| {name} | {' | '.join(map(str, sizes))} | {_verdict(sizes[-1], limit)}")
    return all(limit is None or sizes[-1] <= limit for _, sizes, limit in rows)


def _bundle(bundles: Bundles, name: str) -> Bundle:
    """Return what is served under a file's name: the guard, a part of it, or a banner."""
    *kind, language, _, _ = name.split(".") if name.count(".") > 2 else [name, "", "", ""]
    return bundles.later.get((".".join(kind), language), bundles.guard)


def _sizes(bundle: Bundle) -> list[int]:
    return [len(bundle.identity), len(bundle.gzip), len(bundle.br)]


def _verdict(found: float, limit: float | None) -> str:
    if limit is None:
        return "- | |"
    return f"{limit:g} | {'kept' if found <= limit else 'BROKEN'} |"


# --- what they cost


def cost(browser: Browser, shop: Shop, visit: Visit, slowdown: int, pairs: int) -> str:
    """Load a visitor's page with and without the guard, in turn, and return a line of the table."""
    shop.silent = visit.silent
    # Beside a guard that releases its tags, the page alone has them live; beside one that holds them, they are inert.
    live = visit.state is State.GRANTED
    shop.pages["/bare"] = twenty.page(guarded=False, live=live, embeds=visit.embeds)
    shop.pages["/guarded"] = twenty.page(guarded=True, embeds=visit.embeds)
    found: dict[str, list[Spent]] = {"/bare": [], "/guarded": []}
    for number in range(pairs):
        for path in sorted(found, reverse=bool(number % 2)):
            found[path].append(_load(browser, shop, path, visit, slowdown))
    bare, guarded = found["/bare"], found["/guarded"]
    task = [one.task - other.task for one, other in zip(guarded, bare, strict=True)]
    script = median(one.script - other.script for one, other in zip(guarded, bare, strict=True))
    alone, along = (median(one.task for one in each) for each in (bare, guarded))
    low, middle, high = quantiles(task, n=4, method="inclusive")
    budget = _verdict(middle, SLOWDOWNS[slowdown] if visit.budgeted else None)
    scripts = ", ".join(sorted({_short(name) for one in guarded for name in one.scripts}))
    cells = f"{alone:.1f} | {along:.1f} | {middle:+.1f} ({low:+.1f} to {high:+.1f}) | {script:+.1f}"
    return f"| {visit.name} | {slowdown}x | {cells} | {budget} {scripts} |"


def beside(browser: Browser, shop: Shop, slowdown: int, pairs: int) -> str:
    """Load a first visit's page alone, with the guard and with the peer, in turn, and return a line of their table."""
    shop.silent = ()
    shop.pages["/bare"] = twenty.page(guarded=False)
    shop.pages["/guarded"] = twenty.page(guarded=True)
    shop.pages["/peer"] = peer.page(shop.pages["/bare"])
    paths = ["/bare", "/guarded", "/peer"]
    found: dict[str, list[Spent]] = {path: [] for path in paths}
    for number in range(pairs):
        for path in paths[number % 3 :] + paths[: number % 3]:
            found[path].append(_load(browser, shop, path, ASKED, slowdown))
    cells = []
    for of in ("script", "task"):
        bare = [getattr(one, of) for one in found["/bare"]]
        ours, theirs = (
            median(getattr(one, of) - alone for one, alone in zip(found[path], bare, strict=True)) for path in paths[1:]
        )
        cells.append(f"{ours:+.1f} | {theirs:+.1f} | {ours / theirs:.1f}")
    return f"| {slowdown}x | {' | '.join(cells)} |"


def first_load(browser: Browser, shop: Shop, visit: Visit) -> tuple[str, ...]:
    """Return the files of the guard that a visitor's browser loads when it holds none."""
    shop.pages["/guarded"] = twenty.page(guarded=True, embeds=visit.embeds)
    return _load(browser, shop, "/guarded", visit, 1).scripts


def _load(browser: Browser, shop: Shop, path: str, visit: Visit, slowdown: int) -> Spent:
    with tab(browser) as page:
        if visit.state:
            page.cookie("gk_choice", shop.cookie(visit.state), shop.url("/"))
        page.go(shop.url("/blank"), BLANK)
        # CPU time, not time of day: what else the machine does counts for neither page.
        page.send("Performance.enable", timeDomain="threadTicks")
        page.send("Emulation.setCPUThrottlingRate", rate=slowdown)

        page.go(shop.url(path), REST)

        told = {row["name"]: row["value"] * 1000 for row in page.send("Performance.getMetrics")["metrics"]}
        _check(page, path, visit)
        asked = page.ask("performance.getEntriesByType('resource').map(({ name }) => name)")
    scripts = (url.rpartition("/")[2] for url in asked if "/gk/shop/" in url and url.endswith(".js"))
    return Spent(told["TaskDuration"], told["ScriptDuration"], tuple(scripts))


def _check(page: Tab, path: str, visit: Visit) -> None:
    """Make sure that what was measured is what it is called."""
    if path == "/peer":
        assert page.ask("!!document.querySelector('#cc-main .cm')"), "the peer's banner"
        return
    guarded = path == "/guarded"
    reason = page.ask("window.gatekeeper ? gatekeeper.decision('criteo').reason : null")
    assert reason == (visit.reason if guarded else None), reason
    asks = page.ask("[...document.querySelectorAll('button')].some((one) => one.textContent === 'Reject all')")
    assert asks == (guarded and visit.state is None and not visit.silent), f"the banner, guarded: {guarded}"


def _short(name: str) -> str:
    """Return a script's name without the hash of its content."""
    return re.sub(r"\.[0-9a-f]{6}\.", ".", name)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how often each pair of pages is loaded")
    parser.add_argument("--peer", action="store_true", help=f"measure {peer.NAME} of npm beside")
    options = parser.parse_args()
    pairs = options.pairs
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        shop = Shop(Path(folder)).start()
        shop.pages["/blank"] = "<!doctype html><title>Blank</title>"
        path = os.environ.get("GATEKEEPER_TEST_BROWSER", next(filter(None, map(shutil.which, NAMES)), ""))
        browser = playwright.chromium.launch(executable_path=path or None, args=[*FLAGS, NOWHERE])
        kept = weigh(shop.bundles, {visit: first_load(browser, shop, visit) for visit in (ASKED, REFUSED, GRANTED)})
        print(
            f"\nMain thread, in milliseconds of CPU time: medians (and middle halves) of {pairs} pairs, "
            f"Chromium {browser.version}\n"
        )
        print("| visitor | processor | page | with the guard | difference | of it script | budget | | loaded |")
        print("|---|---|---|---|---|---|---|---|---|")
        for visit in VISITS:
            for slowdown in SLOWDOWNS:
                print(cost(browser, shop, visit, slowdown, pairs), flush=True)
        if options.peer:
            peer.fetch()
            shop.files = peer.served()
            print(f"\nA first visit, beside {peer.NAME}: milliseconds over the page alone\n")
            print(
                "| processor | script | peer's | ratio | main thread | peer's | ratio |\n|---|---|---|---|---|---|---|"
            )
            for slowdown in SLOWDOWNS:
                print(beside(browser, shop, slowdown, pairs), flush=True)
        browser.close()
        shop.stop()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
