"""Measure panels: how long each takes to make over ten million events, on SQLite and on PostgreSQL.

Both are measured: what is asked of the store, and every panel of the dashboard as its page makes it.

Run it from the root of the project: ``python -m bench.panels``. The SQLite file is built once, in ``var/bench``, and
copied to a PostgreSQL of this run's own. Only rollups are built, by what settling writes them with: panels read no
events.
"""

import gc
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import click

from gatekeeper.core.panels import Asked, Panel
from gatekeeper.core.rollups import FACETS, NEW, OTHER, RETURNING, Count, Group, Rollup, What
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.core.trackers import GUARD, Kind
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.sources import Listed, Sources
from gatekeeper.store import schema, writes
from gatekeeper.store.books import Mark, MarkKind
from gatekeeper.store.contract import PARTIAL, Store, Total
from gatekeeper.store.engine import Connection
from gatekeeper.store.engines import find_engine, migrate, open_store
from gatekeeper.store.postgres_connections import PostgresConnection
from gatekeeper.store.rollups import Books

from . import report, twenty
from .accounts import processor_time
from .servers import ROOT

#: The most that a panel may take, and one with a second filter, in milliseconds.
PANEL, FILTERED = 50, 200
#: How many events a visit has, in the data: two views, a time spent, and what became of a tracker.
_EVENTS = 4
#: The last day there is. No other day of a month has as many days before it that are read one by one.
_LAST = date(2026, 11, 14)
#: Over how many days panels are asked.
_RANGES = (28, 90, 365)
_SITE = "shop"
_NOW = int(datetime(_LAST.year, _LAST.month, _LAST.day, 12, tzinfo=UTC).timestamp())
#: How many rows are copied at once.
_BATCH = 10_000
#: How many of a day's visits are by new visitors, and how many of the others' were there shortly before.
_NEW, _RECENT = 0.55, 0.5
#: How many others came since a visitor who was there shortly before, on average.
_SINCE = 20_000


class Names:
    """Names of which some are frequent and most are rare: the nth as often as one in n (Zipf's law).

    :param known: the names, where they have no common form.
    """

    def __init__(self, form: str, n: int, known: Sequence[str] = ()) -> None:
        self.names = list(known) or [form.format(number) for number in range(n)]
        self._weights = list(accumulate(1 / number for number in range(1, n + 1)))

    def draw(self, chance: random.Random, n: int) -> list[str]:
        """Return so many of them, by chance."""
        return chance.choices(self.names, cum_weights=self._weights, k=n)


_PATHS = Names("/shelf-{0}/a-thing-of-number-{0}", 3000)
_TERMS = Names("looking for {}", 20_000)
_OUT = Names("to-{}.example", 300)
_DECLARED = twenty.published()
#: Long before the first of all days.
_PUBLISHED = _DECLARED.with_notices(replace(_DECLARED.notices[1], no=no, published_day="2024-01-01") for no in (1, 2))
_FIRED = [tracker.id for tracker in _DECLARED.trackers.values() if tracker.kind is Kind.SCRIPT and tracker.marked][:8]
_TRACKERS = Names("", len(_FIRED), _FIRED)
#: What has an address of its own.
_OWN = ("newsletter", "banner-of-ours")
#: The site's own events, with their currency and how many visits have one.
_CONVERSIONS = {("purchase", "EUR"): 30, ("purchase", "GBP"): 90, ("donation", "EUR"): 200, ("sign-up", ""): 50}
#: How many page views have a guard report.
_REPORTED = 0.95
_OUTCOMES = [("released", "granted"), ("requested", "granted"), ("loaded", "granted"), ("failed", "granted")]
#: By what is known of each visit, its values.
_OF_VISIT = {
    What.ENTRY: Names("/shelf-{0}/a-thing-of-number-{0}", 1000),
    What.REFERRER: Names("from-{}.example", 600),
    What.CAMPAIGN: Names("campaign-{}", 40),
    What.SOURCE: Names("source-{}", 20),
    What.MEDIUM: Names("medium-{}", 6),
    What.BROWSER: Names("Browser {}", 25),
    What.SYSTEM: Names("System {}", 8),
    What.DEVICE: Names("device-{}", 4),
    What.LANGUAGE: Names("language-{}", 60),
    What.PROVIDER: Names("Provider {}", 400),
    What.COUNTRY: Names("country-{}", 120),
}


def _one(what: What) -> str:
    """Return a frequent value."""
    return _OF_VISIT[what].names[1]


def build(place: Path, events: int, many_days: int) -> Path:
    """Return a SQLite file with the rollups of so many events, made if it is not there.

    :param place: where files are kept for the next time.
    """
    made = place / f"dashboard-of-{events}-events-on-{many_days}-days.db"
    if made.exists():
        migrate(f"sqlite:///{made}")
        return made
    place.mkdir(parents=True, exist_ok=True)
    being_made = made.with_suffix(".new")
    being_made.unlink(missing_ok=True)
    migrate(f"sqlite:///{being_made}")
    with closing(find_engine(f"sqlite:///{being_made}").connect()) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        _fill(connection, events // _EVENTS // many_days, many_days)
    with closing(open_store(f"sqlite:///{being_made}")) as store:
        _remark(store, many_days)
    with closing(find_engine(f"sqlite:///{being_made}").connect()) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return being_made.rename(made)


def _fill(connection: Connection, visits: int, many_days: int) -> None:
    chance = random.Random(1)
    seen = 0
    with click.progressbar(range(many_days - 1, -1, -1), label=f"{visits * many_days:,} visits") as bar:
        for ago in bar:
            day = (_LAST - timedelta(days=ago)).isoformat()
            connection.execute(connection.BEGIN)
            books = Books(connection, _SITE)
            rollup = Rollup("UTC", books)
            seen = _happen(rollup, books, chance, day, visits, seen)
            books.enter(rollup)
            writes.add_totals(connection, dict(_totals(chance, day)))
            connection.execute("COMMIT")


def _happen(rollup: Rollup, books: Books, chance: random.Random, day: str, visits: int, seen: int) -> int:
    """Have a day's visits happen, and return how many visitors have been seen by then."""
    counts: Counter[Count] = Counter()
    returning = []
    for _ in range(visits):
        known = seen > 0 and chance.random() > _NEW
        returning.append(RETURNING if known else NEW)
        recent = chance.random() < _RECENT
        back = int(chance.expovariate(1 / _SINCE)) if recent else chance.randrange(seen or 1)
        rollup.members[Group(What.VISITOR, False, day)].add(max(0, seen - 1 - back) if known else seen)
        seen += not known
    drawn = {what: names.draw(chance, visits) for what, names in _OF_VISIT.items()} | {What.VISIT: returning}
    for what, names in drawn.items():
        counts.update({Count(what, False, day, name): n for name, n in Counter(names).items()})
        if what in FACETS:
            _describe(rollup, books, what, day, names)
    views = [*drawn[What.ENTRY], *_PATHS.draw(chance, visits)]
    counts.update(Count(What.PAGE, False, day, path) for path in views)
    counts.update(Count(What.EXIT, False, day, path) for path in views[visits:])
    counts.update(Count(What.SEARCH, False, day, term) for term in _TERMS.draw(chance, visits // 20))
    for path, tracker in zip(views, _TRACKERS.draw(chance, visits), strict=False):
        became = chance.choice(_OUTCOMES)
        counts[Count(What.OUTCOME, False, day, tracker, "", *became)] += 1
        counts[Count(What.PAGE_OUTCOME, False, day, tracker, path, *became)] += 1
    reported = Counter(path for path in views if chance.random() < _REPORTED)
    counts[Count(What.OUTCOME, False, day, GUARD, "", "loaded", "granted")] = reported.total()
    counts.update(Count(What.OUT, False, day, host) for host in _OUT.draw(chance, visits // 10))
    counts.update(Count(what, False, day, name) for what in (What.BEACON, What.CLICK) for name in _OWN * 100)
    rollup.counts = {count: (n, reported[count.name] if count.what is What.PAGE else 0) for count, n in counts.items()}
    for (event, currency), one_in in _CONVERSIONS.items():
        worth = 400_000 if currency else 0
        n = visits // one_in
        rollup.counts[Count(What.EVENT, False, day, event, currency=currency)] = n, n * worth
    spent = Counter(views[:visits])
    rollup.counts |= {Count(What.TIME, False, day, path): (n, 30 * n) for path, n in spent.items()}
    for _ in range(visits):
        books.take(day)
    return seen


def _remark(store: Store, many_days: int) -> None:
    """Keep two marks a week, and what browsers of staff met."""
    days = [(_LAST - timedelta(days=ago)).isoformat() for ago in range(many_days)]
    for day in days[::3]:
        store.marks.mark(Mark(_SITE, day, MarkKind.NOTE, day, "Something happened."))
    hosts = [Sighting(_SITE, day, Seen.SCRIPT, f"cdn.met-{no % 20}.example", "/") for no, day in enumerate(days)]
    store.see(dict.fromkeys(hosts, 3))


def _describe(rollup: Rollup, books: Books, what: What, day: str, names: Sequence[str]) -> None:
    for ordinal, name in enumerate(names):
        group = Group(what, False, day, name)
        if group not in rollup.members and not books.tells_apart(group):
            group = group._replace(name=OTHER)
        rollup.members[group].add(ordinal)


def _totals(chance: random.Random, day: str) -> Iterator[tuple[Total, int]]:
    """Yield what tallies count of everybody's choices, of the undecided and of those who refuse, on a day."""
    for state, became in (("granted", ""), ("granted", PARTIAL), ("refused", ""), ("withdrawn", "")):
        for notice in (1, 2):
            yield Total(_SITE, day, "choice", state, outcome=became, notice=notice), chance.randrange(5000)
    for purpose in _DECLARED.purposes.values():
        for state in ("granted", "refused", "withdrawn") if purpose.optional else ():
            yield Total(_SITE, day, "purpose", purpose.id, outcome=state, notice=1), chance.randrange(5000)
    for tracker in _TRACKERS.names:
        for reason in ("no_choice", "refused", "signal", "expired"):
            yield Total(_SITE, day, "hit", tracker, reason), chance.randrange(5000)
            yield Total(_SITE, day, "outcome", tracker, reason, "blocked"), chance.randrange(5000)


def copy(made: Path, url: str) -> None:
    """Copy a file's rollups to a PostgreSQL database, and leave it as its own upkeep would after a while."""
    migrate(url)
    tables = [schema.rollups, schema.monthly_rollups, schema.daily_sums, schema.facet_names, schema.facet_codes]
    tables += [schema.visitor_sets, schema.monthly_visitor_sets, schema.numbers, schema.totals]
    tables += [schema.marks, schema.sightings]
    with closing(find_engine(url).connect()) as target, closing(find_engine(f"sqlite:///{made}").connect()) as source:
        assert isinstance(target, PostgresConnection)
        target.driver.limit = 600.0
        with click.progressbar(tables, label="copying to PostgreSQL") as bar:
            for table in bar:
                rows = source.execute(f"SELECT * FROM {table.name}").fetchall()
                for begin in range(0, len(rows), _BATCH):
                    target.copy(table.name, rows[begin : begin + _BATCH])
        target.execute("VACUUM ANALYZE")


#: The processes of the server that the store keeps connections to.
_ITS_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'gatekeeper' AND pid <> pg_backend_pid()"

Ask = Callable[[Store, str, str], object]


def panels() -> dict[str, tuple[Ask, int]]:
    """Return all panels of the dashboard, each with what it may take. Those that heed filters are there twice."""
    about = _TRACKERS.names[0]
    found = {}
    for listed in PANELS.values():
        name = f"{listed.id} of {about}" if listed.about else listed.id
        found[f"panel {name}"] = partial(_make, listed, {"about": about if listed.about else ""}), PANEL
        if listed.filtered:
            where = {What.DEVICE: _one(What.DEVICE)}
            found[f"panel {name} of one device"] = partial(_make, listed, {"where": where}), FILTERED
    return found


def _make(listed: Listed, more: Mapping[str, Any], store: Store, first: str, last: str) -> Panel:
    """Make a panel as its page does, beside the days before."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    before = begin - (end - begin) - timedelta(days=1), begin - timedelta(days=1)
    asked = Asked(first, last, before[0].isoformat(), before[1].isoformat(), **more)
    return listed.make(Sources(_PUBLISHED, store, _NOW), asked)


def questions() -> dict[str, tuple[Ask, int]]:
    """Return what panels ask of the store, each with what it may take."""

    def panel(what: What, name: str | None = None) -> tuple[Ask, int]:
        return lambda store, first, last: store.panel(_SITE, what, first, last, name=name), PANEL

    def by_day(what: What, name: str | None = None) -> tuple[Ask, int]:
        return lambda store, first, last: store.by_day(_SITE, what, first, last, name=name), PANEL

    def visits(what: What, where: Mapping[What, str]) -> tuple[Ask, int]:
        return lambda store, first, last: store.visits(_SITE, what, first, last, where=where), FILTERED

    return {
        "pages": panel(What.PAGE),
        "times spent": panel(What.TIME),
        "searches": panel(What.SEARCH),
        "entry pages": panel(What.ENTRY),
        "referrers": panel(What.REFERRER),
        "browsers": panel(What.BROWSER),
        "outcomes": panel(What.OUTCOME),
        "outcomes by day": (lambda store, first, last: store.each_day(_SITE, What.OUTCOME, first, last), PANEL),
        "pages of one tracker": panel(What.PAGE_OUTCOME, _TRACKERS.names[1]),
        "views by day": by_day(What.PAGE),
        "views of one page by day": by_day(What.PAGE, _PATHS.names[1]),
        "unique visitors": (lambda store, first, last: store.visitors(_SITE, first, last), PANEL),
        "totals": (lambda store, first, last: store.sums(_SITE, first, last), PANEL),
        "choices": (lambda store, first, last: store.totals(_SITE, first, last, what="choice"), PANEL),
        "browsers of one device": visits(What.BROWSER, {What.DEVICE: _one(What.DEVICE)}),
        "entry pages of one device": visits(What.ENTRY, {What.DEVICE: _one(What.DEVICE)}),
        "entry pages of returning visits": visits(What.ENTRY, {What.VISIT: RETURNING}),
        "browsers of one entry page": visits(What.BROWSER, {What.ENTRY: _one(What.ENTRY)}),
        "entry pages of one device and language": visits(
            What.ENTRY, {What.DEVICE: _one(What.DEVICE), What.LANGUAGE: _one(What.LANGUAGE)}
        ),
        "countries of one referrer": visits(What.COUNTRY, {What.REFERRER: _one(What.REFERRER)}),
        "referrers of one country": visits(What.REFERRER, {What.COUNTRY: _one(What.COUNTRY)}),
    }


@dataclass
class Took:
    """What a question took, in milliseconds: medians, of processor time in this process and in the server's."""

    question: str
    days: int
    engine: str
    wall: float
    longest: float
    cpu: float
    limit: int

    @property
    def kept(self) -> bool:
        return self.cpu <= self.limit

    @property
    def said(self) -> str:
        return f"{self.cpu:.0f} ms of processor time instead of {self.limit}"


def measure(engine: str, store: Store, ranges: Sequence[int], runs: int, spent: Callable[[], float]) -> Iterator[Took]:
    """Ask everything, in turn and several times over: a moment in which the machine is slow takes one answer of many.

    :param spent: the processor time that it has taken so far, with that of the server, in seconds.
    """
    every = [
        (question, ask, limit, length)
        for question, (ask, limit) in {**questions(), **panels()}.items()
        for length in ranges
    ]
    walls, cpus = ({(question, length): [] for question, _, _, length in every} for _ in range(2))
    gc.freeze()  # as a service does once it has started
    for number in range(runs + 1):
        for question, ask, _, length in every:
            first, last = (_LAST - timedelta(days=length - 1)).isoformat(), _LAST.isoformat()
            gc.collect()  # or this one would pay for what those before it have left
            before, began = spent(), time.perf_counter()
            ask(store, first, last)
            if number:  # the first only warms up
                walls[question, length].append((time.perf_counter() - began) * 1000)
                cpus[question, length].append((spent() - before) * 1000)
    for question, _, limit, length in every:
        wall, cpu = walls[question, length], cpus[question, length]
        yield Took(question, length, engine, median(wall), max(wall), median(cpu), limit)


def _spent(backends: Sequence[int]) -> float:
    return time.process_time() + sum(map(processor_time, backends))


def table(found: Sequence[Took]) -> str:
    """Return what was found in Markdown, a line for each question and length."""
    engines = sorted({took.engine for took in found}, reverse=True)
    heads = "".join(f" {engine}, ms | CPU |" for engine in engines)
    rows = [f"| panel | days |{heads} budget | |", f"|---|--:|{'--:|--:|' * len(engines)}--:|---|"]
    by_key: dict[tuple[str, int], dict[str, Took]] = {}
    for took in found:
        by_key.setdefault((took.question, took.days), {})[took.engine] = took
    for (question, length), each in by_key.items():
        cells = "".join(f" {each[engine].wall:.1f} | {each[engine].cpu:.1f} |" for engine in engines)
        limit = next(iter(each.values())).limit
        verdict = "kept" if all(took.kept for took in each.values()) else "BROKEN"
        rows.append(f"| {question} | {length} |{cells} {limit} | {verdict} |")
    return "\n".join(rows)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--events", default=10_000_000, show_default=True, type=click.IntRange(10_000))
@click.option("--days", default=365, show_default=True, type=click.IntRange(1), help="On how many days they lie.")
@click.option("--runs", default=7, show_default=True, type=click.IntRange(1), help="How often each is asked.")
@click.option("--sqlite-only", is_flag=True)
@click.option("--out", default=ROOT / "var" / "bench", type=click.Path(path_type=Path), help="Where data is kept.")
def main(events: int, days: int, runs: int, out: Path, *, sqlite_only: bool) -> None:
    """Measure what panels take on both engines. Ends with 1 where a budget is broken."""
    made = build(out, events, days)
    ranges = [length for length in _RANGES if length <= days]
    with ExitStack() as stack:
        store = stack.enter_context(closing(open_store(f"sqlite:///{made}")))
        store.start()
        store.check()  # from now on it keeps its connections, as a service does
        found = list(measure("SQLite", store, ranges, runs, time.process_time))
        if not sqlite_only:
            # Only here: it needs PostgreSQL's programs.
            from tests.postgres import Postgres

            server = Postgres(shared_buffers="128MB", max_parallel_workers_per_gather="0")
            stack.callback(server.stop)
            url = stack.enter_context(server.fresh())
            copy(made, url)
            store = stack.enter_context(closing(open_store(url)))
            store.start()
            store.check()
            with closing(find_engine(url).connect()) as connection:
                backends = [pid for (pid,) in connection.execute(_ITS_BACKENDS).fetchall()]
            found += measure("PostgreSQL", store, ranges, runs, partial(_spent, backends))
    notes = [f"{events:,} events on {days} days; medians of {runs}. {report.machine()}, load {report.busy():.1f}"]
    broken = [f"{one.question} over {one.days} days on {one.engine}: {one.said}" for one in found if not one.kept]
    click.echo("\n".join([table(found), "", *notes, *broken]))
    told = {"notes": notes, "took": [asdict(took) for took in found]}
    (out / "panels.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    sys.exit(not all(took.kept for took in found))


if __name__ == "__main__":
    main(prog_name="python -m bench.panels")
