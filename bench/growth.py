"""Measure growth: what costs as much with a million records as with a thousand, and what panels cost over events.

Run it from the root of the project: ``python -m bench.growth``. The databases are built once, in ``var/bench``.
"""

import random
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import click

from gatekeeper.core.rollups import What
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import open_store

from . import report, requests
from .accounts import OTHERS, pinned
from .build import BEGAN, DAYS, KEY, Size, build, cookies, identity
from .cases import Case
from .measure import Measured, measure, ratio
from .servers import ROOT, Folders, Gatekeeper, Server

#: The most that a cost may grow from the smallest database to the largest.
GROWTH = 1.2
#: The most that a panel may take, and one with a second filter, in milliseconds.
PANEL, FILTERED = 50, 200
#: How many visitors come to each database, drawn from all of its visitors.
ACTIVE = 500
_LOOKUPS = 500


def grow(place: Path, sizes: Sequence[int], rounds: int, seconds: float) -> list[report.Line]:
    """Compare what requests cost on databases of several sizes, side by side."""
    with ExitStack() as stack:
        stack.enter_context(pinned(OTHERS))
        folders = stack.enter_context(Folders(place))
        servers: dict[str, Server] = {}
        cases: list[Case] = []
        found: dict[str, list[float]] = {}
        for size in sizes:
            built = build(place, Size(size))
            found[f"{size}"] = lookups(built.url, size)
            served = Gatekeeper(folders.new(), key=KEY)
            _copy(built.database, served.database)
            servers[str(size)] = stack.enter_context(served.running())
            cases += _cases(size)
        with click.progressbar(length=len(cases) * rounds, label="measuring") as bar:
            measured = measure(cases, servers, rounds=rounds, seconds=seconds, tell=lambda: bar.update(1))
    lines = [_grown(measured, kind, sizes) for kind in _KINDS]
    smallest, largest = median(found[str(sizes[0])]), median(found[str(sizes[-1])])
    return [*lines, _line("receipt looked up, with its events", largest, largest / smallest)]


_KINDS = ("choice", "beacon, granted", "choice read")


def _cases(size: int) -> list[Case]:
    chance = random.Random(size)
    visitors = [cookies(chance.randrange(size)) for _ in range(ACTIVE)]
    read = [requests.get("/gk/shop/choice", each) for each in visitors]
    return [
        Case(f"choice {size}", str(size), requests.choices()),
        Case(f"beacon, granted {size}", str(size), requests.beacons(visitors)),
        Case(f"choice read {size}", str(size), requests.cycle(read)),
    ]


def _copy(source: Path, target: Path) -> None:
    for end in ("", "-wal"):
        file = source.with_name(source.name + end)
        if file.exists():
            shutil.copyfile(file, target.with_name(target.name + end))


def _grown(measured: Mapping[str, Measured], kind: str, sizes: Sequence[int]) -> report.Line:
    first, last = (measured[f"{kind} {size}"] for size in (sizes[0], sizes[-1]))
    return _line(kind, last.cpu, ratio(last, first))


def _line(name: str, micros: float, times: float) -> report.Line:
    verdict = "kept" if times <= GROWTH else "BROKEN"
    return report.Line(name, micros, times, None, None, None, f"{GROWTH:g}x of the smallest", verdict)


def lookups(url: str, size: int) -> list[float]:
    """Return what it costs to find a receipt, its record and its events, in microseconds of processor time."""
    chance = random.Random(1)
    store = open_store(url)
    store.start()
    store.check()  # from now on it keeps its connections, as a service does
    took = []
    try:
        for _ in range(_LOOKUPS):
            began = time.process_time()
            record = store.find_receipt("shop", identity("receipt", chance.randrange(size)) * 2)
            assert record is not None
            store.events("shop", record.subject)
            took.append((time.process_time() - began) * 1e6)
    finally:
        store.close()
    return took


def panels(place: Path, size: Size) -> list[report.Line]:
    """Return how long panels take over all days of a database, in milliseconds: the median of nine, and the longest."""
    built = build(place, size)
    store = open_store(built.url)
    first, last = (datetime.fromtimestamp(at, UTC).date().isoformat() for at in (BEGAN, BEGAN + DAYS * 86_400 - 1))
    asked: dict[str, tuple[Callable[[Store], object], float]] = {
        "pages": (lambda store: store.panel("shop", What.PAGE, first, last), PANEL),
        "browsers": (lambda store: store.panel("shop", What.BROWSER, first, last), PANEL),
        "views by day": (lambda store: store.by_day("shop", What.PAGE, first, last), PANEL),
        "unique visitors": (lambda store: store.visitors("shop", first, last), PANEL),
        "views of one page by day": (
            lambda store: store.by_day("shop", What.PAGE, first, last, name="/tea/cups"),
            PANEL,
        ),
        "browsers of one device": (
            lambda store: store.visits("shop", What.BROWSER, first, last, where={What.DEVICE: "phone"}),
            FILTERED,
        ),
        "browsers of one entry page": (
            lambda store: store.visits("shop", What.BROWSER, first, last, where={What.ENTRY: "/tea/cups"}),
            FILTERED,
        ),
        "entry pages of one device": (
            lambda store: store.visits("shop", What.ENTRY, first, last, where={What.DEVICE: "phone"}),
            FILTERED,
        ),
        "entry pages of one device and language": (
            lambda store: store.visits(
                "shop", What.ENTRY, first, last, where={What.DEVICE: "phone", What.LANGUAGE: "de-CH"}
            ),
            FILTERED,
        ),
    }
    try:
        return [_panel(f"{name}, {DAYS} days", partial(ask, store), limit) for name, (ask, limit) in asked.items()]
    finally:
        store.close()


def _panel(name: str, ask: Callable[[], object], limit: float) -> report.Line:
    took = []
    for _ in range(9):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return report.bound(f"{name} (at most {max(took):.3g} ms)", median(took), limit, "ms")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--choices", default=1_000_000, show_default=True, type=click.IntRange(1000), help="The largest database."
)
@click.option("--events", default=10_000_000, show_default=True, type=click.IntRange(0), help="For panels; 0 for none.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(2))
@click.option("--seconds", default=0.4, show_default=True, help="How long a turn lasts.")
@click.option("--out", default=ROOT / "var" / "bench", type=click.Path(path_type=Path), help="Where data is kept.")
def main(choices: int, events: int, rounds: int, seconds: float, out: Path) -> None:
    """Measure what grows with the number of records, and panels over events. Builds its data once, resumably."""
    sizes = [size for size in (1_000, 10_000, 100_000, 1_000_000) if size < choices] + [choices]
    lines = grow(out, sizes, rounds, seconds)
    if events:
        lines += panels(out, Size(min(40_000, events), events))
    names = f"from {sizes[0]:,} to {sizes[-1]:,} choices; panels over {events:,} events"
    result = report.Result(lines, 0.0, [f"Growth {names}. {report.machine()}"], "the smallest")
    click.echo(f"\n{report.table(result)}")
    report.write(result, out, "growth")
    sys.exit(not result.kept)


if __name__ == "__main__":
    main(prog_name="python -m bench.growth")
