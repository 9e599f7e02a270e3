"""Trackers: what became of each, why, and on which pages. What explains a vendor's own number is in gaps.py."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from urllib.parse import quote

from gatekeeper.core.days import days_between
from gatekeeper.core.decisions import Reason
from gatekeeper.core.learning import Proposal, kept_by, propose
from gatekeeper.core.panels import Asked, Cell, Chart, Column, Panel, Shape, Unit
from gatekeeper.core.rollups import What
from gatekeeper.core.sightings import Sighting
from gatekeeper.core.trackers import GUARD, VISIT, Kind, Outcome, Tracker
from gatekeeper.store.contract import Amount

from . import gaps
from .outcomes import DENIED_HITS, HITS, MOST, UNKNOWN, Fired, each_day, read, seen_between, who
from .reasons import OF_NOBODY, OUTCOMES, words_of, words_of_blocked
from .sources import Listed, Sources

#: Of pages, those with most are listed.
MOST_PAGES = 200
#: Where a tracker stands that nothing declares any more, or never did.
NOT_DECLARED = "not declared"

#: What has no tag and no address of its own, so that no page tells whether it fires.
_NEVER_MET = frozenset({Kind.COOKIE, Kind.STORAGE, Kind.FORM, Kind.MAIL})

_OUTCOMES = tuple(Column(outcome.value, OUTCOMES[outcome].title) for outcome in Outcome)
_HITS = (Column(HITS, "Hits"), Column(DENIED_HITS, "Hits not logged"))
_DAYS = (Column("first_day", "First seen", Unit.DAY), Column("last_day", "Last seen", Unit.DAY))


# --- all trackers


def trackers_panel(sources: Sources, asked: Asked) -> Panel:
    """Return all trackers that are declared or were met, those of which most was counted first."""
    fired = read(sources, asked.first, asked.last, bot=asked.bot)
    days = seen_between(sources, asked.first, asked.last, fired, bot=asked.bot)
    views = sum(amount.n for amount in _views(sources, asked).values())
    names = [*sources.site.trackers, *sorted(fired.trackers() - set(sources.site.trackers))]
    rows = {name: _tracker_row(sources, fired, name, days, views, bot=asked.bot) for name in names}
    ranked = sorted(names, key=lambda name: -sum(cell for cell in rows[name][5:13] if isinstance(cell, int)))
    return Panel(
        "trackers",
        "Trackers",
        (
            Column("tracker", "Tracker", Unit.TEXT),
            Column("state", "In short", Unit.TEXT),
            Column("vendor", "Vendor", Unit.TEXT),
            Column("purpose", "Purpose", Unit.TEXT),
            Column("kind", "Kind", Unit.TEXT),
            *_OUTCOMES,
            *_HITS,
            *_DAYS,
        ),
        tuple(rows[name] for name in ranked),
        Chart(Shape.STACKED, "tracker", (Outcome.REQUESTED, HITS, Outcome.BLOCKED, Outcome.SLIPPED)),
        tuple(link_of(name) for name in ranked),
        f"{who(sources, bot=asked.bot)} Hits are of the site's own beacons and links; for the visit log itself, they "
        f"are page views. “{UNKNOWN}” is whatever no tracker declares.",
    )


def _tracker_row(
    sources: Sources, fired: Fired, name: str, days: Mapping[str, tuple[str, str]], views: int, *, bot: bool
) -> tuple[Cell, ...]:
    declared = sources.site.trackers.get(name)
    became = [fired.n(outcome, name) for outcome in Outcome]
    hits = views if name == VISIT else fired.allowed_hits(name)
    denied = None if bot else fired.denied_hits(name)
    return (
        name,
        state_of(fired, name, hits, declared.kind if declared else None),
        sources.site.vendors[declared.vendor].name if declared else NOT_DECLARED,
        sources.site.purposes[declared.purpose].title if declared else NOT_DECLARED,
        declared.kind.value if declared else "",
        *became,
        hits,
        denied,
        *days.get(name, ("", "")),
    )


def state_of(fired: Fired, name: str, hits: int, kind: Kind | None) -> str:
    """Return in a word or two what became of a tracker: what needs somebody's eye first.

    :param kind: None where it is not declared.
    """
    n = {outcome: fired.n(outcome, name) for outcome in Outcome}
    ran = n[Outcome.LOADED] or n[Outcome.REQUESTED]
    if n[Outcome.SLIPPED]:
        return "Slipped through"
    if n[Outcome.FAILED] > n[Outcome.LOADED]:
        return "Mostly fails"
    if ran or hits:
        return "Fires"
    if n[Outcome.RELEASED]:
        return "Released"
    if n[Outcome.BLOCKED] or fired.denied_hits(name):
        return "Only blocked"
    return "Not counted" if kind in _NEVER_MET else "Silent"


def link_of(name: str) -> str:
    """Return where more is told of a tracker, relative to the site's dashboard."""
    return f"trackers/{quote(name, safe='')}"


def blocked_panel(sources: Sources, asked: Asked) -> Panel:
    """Return why things did not run, all trackers together."""
    return _blocked(sources, asked, "trackers-blocked", "Why trackers were blocked", None)


def _blocked(sources: Sources, asked: Asked, id: str, title: str, tracker: str | None) -> Panel:
    fired = read(sources, asked.first, asked.last, bot=asked.bot, tracker=tracker)
    blocked = reasons_of(fired, Outcome.BLOCKED, tracker)
    hits: Counter[str] = Counter()
    for (_, reason), n in fired.unlogged.items():
        if reason != Reason.NECESSARY:
            hits[reason] += n
    unseen = [] if sources.site.anonymous_totals or asked.bot else sorted(OF_NOBODY - {Reason.OTHER_SITE})
    found = sorted({*blocked, *hits, *unseen}, key=lambda reason: (-blocked[reason], -hits[reason], reason))
    rows = [
        (
            words_of_blocked(reason).title if reason in blocked else words_of(reason).title,
            blocked[reason] or (None if reason in unseen else 0),
            None if asked.bot else hits[reason],
            words_of_blocked(reason).means,
        )
        for reason in found
    ]
    return Panel(
        id,
        title,
        (
            Column("reason", "Why", Unit.TEXT),
            Column("blocked", "Blocked"),
            Column("hits_denied", "Hits not logged"),
            Column("means", "What that means", Unit.TEXT),
        ),
        tuple(rows) if blocked or hits else (),
        Chart(Shape.BARS, "reason", ("blocked",)),
        note=f"{who(sources, bot=asked.bot)}{'' if tracker else _OF_LOG}",
    )


_OF_LOG = " The visit log is one of them: of those who agreed to nothing it is held back once on each page view."


def reasons_of(fired: Fired, outcome: Outcome, tracker: str | None = None) -> Counter[str]:
    """Return for which reasons a tracker, or any of them, became something."""
    found: Counter[str] = Counter()
    for counts in (fired.log, fired.others):
        for became, n in counts.items():
            if became.outcome == outcome and (became.tracker != GUARD if tracker is None else True):
                found[became.reason] += n
    return found


def undeclared_panel(sources: Sources, asked: Asked) -> Panel:
    """Return what browsers of the site's staff met and nothing declares."""
    seen = {
        sighting: n
        for sighting, n in sources.store.sightings(sources.site.id).items()
        if asked.first <= sighting.day <= asked.last
    }
    proposals = sorted(propose(sources.site, seen), key=lambda one: (-one.times, one.id))
    return Panel(
        "undeclared",
        "Seen, and not declared",
        (
            Column("name", "Domain, or names", Unit.TEXT),
            Column("used", "Used as", Unit.TEXT),
            Column("hosts", "Hosts", Unit.TEXT),
            Column("times", "Times met"),
            *_DAYS,
            Column("pages", "Pages", Unit.TEXT),
        ),
        tuple(_proposal_row(proposal, seen) for proposal in proposals),
        note="Met by browsers of the site's own staff in learn mode, never by visitors' browsers. To declare them, "
        "begin with the draft on the page Registry.",
    )


def _proposal_row(proposal: Proposal, seen: Iterable[Sighting]) -> tuple[Cell, ...]:
    first = min(sighting.day for sighting in seen if sighting.name in {*proposal.hosts, *proposal.names})
    return (
        proposal.domain or ", ".join(proposal.names),
        ", ".join(proposal.used),
        ", ".join(proposal.hosts),
        proposal.times,
        first,
        proposal.last,
        ", ".join(proposal.paths),
    )


# --- how much of it all is known


def coverage_panel(sources: Sources, asked: Asked) -> Panel:
    """Return, by day, of how many of the page views the guard told to the end what happened."""
    views = {day: amount.n for day, amount in _views(sources, asked).items()}
    reports = gaps.reports_by_day(sources, asked)
    rows = [(day, *_covered(views.get(day, 0), reports.get(day))) for day in sorted({*views, *reports})]
    return Panel(
        "coverage",
        "Coverage: pages with a guard report",
        (Column("day", "Day", Unit.DAY), *_COVERED),
        tuple(rows),
        Chart(Shape.LINES, "day", ("coverage",)),
        note=_COVERAGE_NOTE,
    )


def coverage_pages_panel(sources: Sources, asked: Asked) -> Panel:
    """Return the pages with most page views that have no guard report."""
    pages = sources.store.panel(sources.site.id, What.PAGE, asked.first, asked.last, bot=asked.bot, limit=MOST)
    reported = any(page.value for page in pages)
    ranked = sorted(pages, key=lambda page: (page.value - page.n, page.name))[:MOST_PAGES]
    return Panel(
        "coverage-pages",
        "Coverage by page",
        (Column("page", "Page", Unit.TEXT), *_COVERED),
        tuple((page.name, *_covered(page.n, page.value)) for page in ranked) if reported else (),
        note=f"{_COVERAGE_NOTE} The {MOST_PAGES} pages with most views that have none.",
        missing="" if reported or not pages else "No page has sent a guard report on these days.",
    )


_COVERED = (
    Column("views", "Page views"),
    Column("reports", "With a guard report"),
    Column("coverage", "Coverage", Unit.SHARE),
)
_COVERAGE_NOTE = (
    "Of visitors who agreed to the visit log: of the others no page views are counted. A page view has a report when "
    "the page has loaded to its end with the guard in it. Of the rest, nobody knows what became of all tags."
)


def _covered(views: int, reports: int | None) -> tuple[int, int | None, float | None]:
    """Return page views, those with a report, and their share. A report may come after midnight."""
    share = None if reports is None or not views else min(1.0, reports / views)
    return views, reports, share


def faults_panel(sources: Sources, asked: Asked) -> Panel:
    """Return what the guard found wrong with itself."""
    fired = read(sources, asked.first, asked.last, bot=asked.bot, tracker=GUARD)
    found = reasons_of(fired, Outcome.FAILED, GUARD)
    return Panel(
        "guard-faults",
        "What the guard found wrong with itself",
        (
            Column("fault", "Fault", Unit.TEXT),
            Column("pages", "Pages"),
            Column("means", "What that means", Unit.TEXT),
            Column("mend", "How to mend it", Unit.TEXT),
        ),
        tuple(
            (words.title, n, words.means, words.mend)
            for words, n in ((words_of(reason), n) for reason, n in found.most_common())
        ),
        note=who(sources, bot=asked.bot),
    )


def _views(sources: Sources, asked: Asked) -> Mapping[str, Amount]:
    return sources.store.by_day(sources.site.id, What.PAGE, asked.first, asked.last, bot=asked.bot)


# --- one tracker


def by_day_panel(sources: Sources, asked: Asked) -> Panel:
    """Return what became of a tracker, day by day."""
    found = each_day(sources, asked.first, asked.last, tracker=asked.about, bot=asked.bot)
    days = [*days_between(asked.first, asked.last)] if found else []
    names = [column.id for column in (*_OUTCOMES, *_HITS)]
    return Panel(
        "tracker-by-day",
        "What became of it, day by day",
        (Column("day", "Day", Unit.DAY), *_OUTCOMES, *_HITS),
        tuple((day, *(found.get(day, Counter())[name] for name in names)) for day in days),
        # A line for each that there was any of: those that lie on the ground hide one another.
        Chart(Shape.LINES, "day", tuple(name for name in names if any(counts[name] for counts in found.values()))),
        note=who(sources, bot=asked.bot),
    )


def outcomes_panel(sources: Sources, asked: Asked) -> Panel:
    """Return what became of a tracker, with what each outcome means and whom it was counted of."""
    fired = read(sources, asked.first, asked.last, bot=asked.bot, tracker=asked.about)
    logged, others = (
        {outcome: sum(n for became, n in counts.items() if became.outcome == outcome) for outcome in Outcome}
        for counts in (fired.log, fired.others)
    )
    rows: list[tuple[Cell, ...]] = [
        (
            words.title,
            fired.n(outcome, asked.about),
            logged[outcome],
            None if asked.bot else others[outcome],
            words.means,
        )
        for outcome, words in OUTCOMES.items()
    ]
    rows += _hit_rows(fired, asked)
    return Panel(
        "tracker-outcomes",
        "What became of it",
        (
            Column("outcome", "Outcome", Unit.TEXT),
            Column("all", "All"),
            Column("log", "In the visit log"),
            Column("others", "As totals"),
            Column("means", "What that means", Unit.TEXT),
        ),
        tuple(rows),
        note=who(sources, bot=asked.bot),
    )


def _hit_rows(fired: Fired, asked: Asked) -> Iterator[tuple[Cell, ...]]:
    """Yield what hits a tracker had, where it had any: only the site's own beacons and links do."""
    name = asked.about
    necessary, denied, late = fired.allowed_hits(name) - fired.hits[name], fired.denied_hits(name), fired.late[name]
    if fired.hits[name] or necessary:
        totals = None if asked.bot else necessary
        yield (
            "Hit",
            fired.allowed_hits(name),
            fired.hits[name],
            totals,
            "Its address was asked for, and it may count that.",
        )
    if denied:
        yield "Hit, not logged", denied, 0, denied, "Its address was asked for, and the visitor does not allow more."
    if late:
        yield (
            "Clicked, not waited",
            late,
            None,
            late,
            "Clicks that went on before the log had them. It may have, since.",
        )


def tracker_blocked_panel(sources: Sources, asked: Asked) -> Panel:
    """Return why a tracker did not run."""
    return _blocked(sources, asked, "tracker-blocked", "Why it was blocked", asked.about)


def pages_panel(sources: Sources, asked: Asked) -> Panel:
    """Return the pages on which anything became of a tracker, those with most first."""
    rows = partial(sources.store.panel, sources.site.id, first=asked.first, last=asked.last, bot=asked.bot, limit=MOST)
    told = [(row.page, row.outcome, row.n) for row in rows(What.PAGE_OUTCOME, name=asked.about, by=("page", "outcome"))]
    if asked.about == GUARD:
        told += [(row.name, Outcome.LOADED, row.value) for row in rows(What.PAGE) if row.value]
    totals: Counter[str] = Counter()
    for path, _, n in told:
        totals[path] += n
    ranked = sorted(totals, key=lambda path: (-totals[path], path))[:MOST_PAGES]
    found: dict[str, Counter[str]] = {path: Counter() for path in ranked}
    for path, outcome, n in told:
        if path in found:
            found[path][outcome] += n
    return Panel(
        "tracker-pages",
        "On which pages",
        (Column("page", "Page", Unit.TEXT), *_OUTCOMES),
        tuple((path, *(found[path][outcome] for outcome in Outcome)) for path in ranked),
        note=f"Of visitors who agreed to the visit log: totals hold no pages. At most {MOST_PAGES} pages.",
    )


def kept_panel(sources: Sources, asked: Asked) -> Panel:
    """Return what a tracker keeps in browsers: what is declared of it, and what staff's browsers found besides."""
    tracker = sources.site.trackers.get(asked.about)
    declared = [(cookie.name, _kept_for(cookie.days), None, "") for cookie in tracker.cookies] if tracker else []
    return Panel(
        "tracker-kept",
        "What it keeps in browsers",
        (
            Column("name", "Name", Unit.TEXT),
            Column("declared", "Declared", Unit.TEXT),
            Column("times", "Times found"),
            Column("last_day", "Last found", Unit.DAY),
        ),
        (*declared, *(_found(sources, asked, tracker) if tracker else ())),
        note="Cookies and other storage. Only browsers of the site's own staff, in learn mode, say what they find, and "
        "only what is not declared: of declared names it is not measured.",
    )


def _kept_for(days: int) -> str:
    return f"for {days} days" if days else "until the browser closes"


def _found(sources: Sources, asked: Asked, tracker: Tracker) -> Iterator[tuple[Cell, ...]]:
    times: Counter[str] = Counter()
    last: dict[str, str] = {}
    for sighting, n in sources.store.sightings(sources.site.id).items():
        on_time = asked.first <= sighting.day <= asked.last
        if sighting.what.kept and on_time and kept_by(tracker.hosts, sighting.name):
            times[sighting.name] += n
            last[sighting.name] = max(last.get(sighting.name, ""), sighting.day)
    yield from ((name, NOT_DECLARED, n, last[name]) for name, n in times.most_common())


def gap_panel(sources: Sources, asked: Asked) -> Panel:
    """Return the way from page views to what the vendor can count, step by step."""
    steps = gaps.steps_of(sources, asked)
    return Panel(
        "tracker-gap",
        "From page views to what the vendor counts",
        (
            Column("step", "Step", Unit.TEXT),
            Column("n", "Number"),
            Column("means", "What that means", Unit.TEXT),
        ),
        tuple((step.title, step.n, step.means) for step in steps),
        note=who(sources, bot=asked.bot),
    )


PANELS: tuple[Listed, ...] = (
    Listed("trackers", "Trackers", "trackers", trackers_panel),
    Listed("trackers-blocked", "Why trackers were blocked", "trackers", blocked_panel),
    Listed("undeclared", "Seen, and not declared", "trackers", undeclared_panel),
    Listed("coverage", "Coverage: pages with a guard report", "trackers", coverage_panel),
    Listed("coverage-pages", "Coverage by page", "guard", coverage_pages_panel),
    Listed("guard-faults", "What the guard found wrong with itself", "guard", faults_panel),
    Listed("tracker-by-day", "What became of it, day by day", "tracker", by_day_panel, "tracker"),
    Listed("tracker-outcomes", "What became of it", "tracker", outcomes_panel, "tracker"),
    Listed("tracker-blocked", "Why it was blocked", "tracker", tracker_blocked_panel, "tracker"),
    Listed("tracker-pages", "On which pages", "tracker", pages_panel, "tracker"),
    Listed("tracker-gap", "From page views to what the vendor counts", "tracker", gap_panel, "tracker"),
    Listed("tracker-kept", "What it keeps in browsers", "tracker", kept_panel, "tracker"),
)
