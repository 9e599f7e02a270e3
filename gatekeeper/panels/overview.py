"""The overview: choices, trackers fired and blocked, visits, pages and conversions, each beside the days before."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from functools import partial
from typing import TypeVar

from gatekeeper.core.choices import State
from gatekeeper.core.days import days_between
from gatekeeper.core.decisions import Reason
from gatekeeper.core.panels import Asked, Cell, Chart, Column, Hidden, Panel, Shape, Unit
from gatekeeper.core.rollups import UNITS, What
from gatekeeper.core.trackers import GUARD, Outcome, fires_as
from gatekeeper.store.contract import PARTIAL, Row, Total

from .sources import Listed, Sources

_PAGE = "overview"
#: What all of the site's visitors are asked, and what only those tell who let their visits be logged.
_OF_ALL = "Of everybody who was asked and answered."
_OF_LOGGED = "Of visitors who let their visits be logged: others are not counted."
_NO_MACHINES = "Choices are counted without anything about who gives them, so that machines are not told apart."

_GRANTED, _PARTLY, _REFUSED, _WITHDRAWN = "granted", "partly", "refused", "withdrawn"
_STATES = {_GRANTED: "Accepted all", _PARTLY: "Accepted some", _REFUSED: "Refused all", _WITHDRAWN: "Withdrawn"}
#: More rows than a site's trackers can have of outcomes and reasons.
_MOST = 100_000
#: What became of a tag, in the order in which it happens.
_OUTCOMES = {
    Outcome.RELEASED: "Released",
    Outcome.REQUESTED: "Requested",
    Outcome.LOADED: "Loaded",
    Outcome.FAILED: "Failed",
    Outcome.BLOCKED: "Blocked",
    Outcome.SLIPPED: "Slipped through",
}
#: By what outcomes of trackers are told apart; their reasons are many.
_OF_TRACKER = ("name", "outcome")
_ALLOWED = frozenset({Reason.GRANTED, Reason.NECESSARY})

T = TypeVar("T")
#: Counts by day.
Daily = Counter[str]

_BESIDE = (Column("now", "Now"), Column("before", "Before"), Column("change", "Change", Unit.CHANGE))


def _glance(sources: Sources, asked: Asked) -> Panel:
    """Make the numbers that are looked at first."""

    def of(what: What) -> tuple[int, int]:
        return _twice(asked, lambda *days: _daily(sources, asked, what, *days).total())

    answers = _twice(asked, lambda *days: _answers(sources, *days).total())
    visitors = None  # who a visitor is, filters cannot tell
    if not asked.where:
        visitors = _twice(asked, lambda *days: sources.store.visitors(sources.site.id, *days, bot=asked.bot).total)
    (fired, blocked), (fired_before, blocked_before) = _twice(asked, partial(_fates, sources, asked))
    told: list[tuple[str, str, tuple[int, int] | None]] = [
        ("Choices", "", None if asked.bot else answers),
        ("Visits", "visits", of(What.VISIT)),
        ("Visitors", "visits", visitors),
        ("Page views", "visits", of(What.PAGE)),
        ("Trackers fired", "trackers", (fired, fired_before)),
        ("Trackers blocked", "trackers", (blocked, blocked_before)),
        ("Conversions", "changes", of(What.EVENT)),
    ]
    rows = [(title, *_beside(sources, asked, counts)) for title, _, counts in told]
    if asked.where:
        title, visits, visits_before, _ = rows[1]
        least = sources.site.smallest_group
        rows[1] = (title, _few(visits, least), _few(visits_before, least), None)
    filtered = " Filters apply to visits alone." if asked.where else ""
    return Panel(
        "glance",
        "At a glance",
        (Column("measure", "What", Unit.TEXT), *_BESIDE),
        tuple(rows),
        links=tuple(link for _, link, _ in told),
        note=f"Choices are of everybody who answered, visits of those who agreed.{filtered}{_began(sources, asked)}",
    )


def _rates(sources: Sources, asked: Asked) -> Panel:
    """Make the shares of those who answered the banner."""
    now, before = _twice(asked, partial(_answers, sources))
    rows = [
        (title, *_rates_of(now, before, states))
        for title, states in (("Accepted something", (_GRANTED, _PARTLY)), ("Accepted all", (_GRANTED,)))
    ]
    return Panel(
        "rates",
        "Choice rate",
        (
            Column("measure", "Of those who answered", Unit.TEXT),
            Column("now", "Now", Unit.SHARE),
            Column("before", "Before", Unit.SHARE),
            Column("change", "Change", Unit.POINTS),
        ),
        () if asked.bot else tuple(rows),
        note="Whoever withdraws later has answered before: that is counted by itself.",
        missing=_NO_MACHINES if asked.bot else "",
    )


def _choices(sources: Sources, asked: Asked) -> Panel:
    now, before = _twice(asked, partial(_answers, sources))
    rows = [(title, *_beside(sources, asked, (now[state], before[state]))) for state, title in _STATES.items()]
    return Panel(
        "choices",
        "Choices",
        (Column("choice", "Choice", Unit.TEXT), *_BESIDE),
        () if asked.bot else tuple(rows),
        Chart(Shape.BARS, "choice", ("now", "before")),
        note=_OF_ALL + _began(sources, asked),
        missing=_NO_MACHINES if asked.bot else "",
    )


def _choices_by_day(sources: Sources, asked: Asked) -> Panel:
    by_state: dict[str, Daily] = defaultdict(Counter)
    for total, n in sources.sums("choice", asked.first, asked.last, ("day", "name", "outcome")).items():
        by_state[_state(total)][total.day] += n
    return Panel(
        "choices-by-day",
        "Choices by day",
        (Column("day", "Day", Unit.DAY), *(Column(state, title) for state, title in _STATES.items())),
        () if asked.bot else _by_day(sources, asked, [by_state[state] for state in _STATES]),
        Chart(Shape.LINES, "day", tuple(_STATES)),
        note=_OF_ALL,
        missing=_NO_MACHINES if asked.bot else "",
    )


def _choices_by_purpose(sources: Sources, asked: Asked) -> Panel:
    now, before = _twice(asked, lambda *days: _by_name(sources.sums("purpose", *days), lambda total: total.name))
    declared = sources.site.purposes
    titles = {name: declared[name].title for name in declared if name in {*now, *before}}
    titles |= {name: name for name in sorted({*now, *before}) if name not in titles}
    return _of_states("choices-by-purpose", "Choices by purpose", "Purpose", titles, now, before, asked)


def _choices_by_notice(sources: Sources, asked: Asked) -> Panel:
    def read(first: str, last: str) -> defaultdict[str, Counter[str]]:
        found = sources.sums("choice", first, last, ("what", "name", "notice"))
        return _by_name(found, lambda total: str(total.notice))

    now, before = _twice(asked, read)
    titles = {name: f"Notice {name}" for name in sorted({*now, *before}, key=int, reverse=True)}
    return _of_states("choices-by-notice", "Choices by notice", "Notice", titles, now, before, asked)


def _of_states(
    id: str,
    title: str,
    column: str,
    titles: Mapping[str, str],
    now: defaultdict[str, Counter[str]],
    before: defaultdict[str, Counter[str]],
    asked: Asked,
) -> Panel:
    """Return a panel of how many granted, refused and withdrew something."""
    told = (State.GRANTED, State.REFUSED, State.WITHDRAWN)
    rows = [
        (name, *(now[key][state] for state in told), *_rates_of(now[key], before[key], (State.GRANTED,)))
        for key, name in titles.items()
    ]
    return Panel(
        id,
        title,
        (
            Column("name", column, Unit.TEXT),
            Column("granted", "Granted"),
            Column("refused", "Refused"),
            Column("withdrawn", "Withdrawn"),
            Column("rate", "Granted, share", Unit.SHARE),
            Column("rate_before", "Share before", Unit.SHARE),
            Column("change", "Change", Unit.POINTS),
        ),
        () if asked.bot else tuple(rows),
        Chart(Shape.STACKED, "name", ("granted", "refused", "withdrawn")),
        note=_OF_ALL,
        missing=_NO_MACHINES if asked.bot else "",
    )


def _rates_of(now: Counter[str], before: Counter[str], states: Collection[str]) -> tuple[Cell, Cell, Cell]:
    this, that = _rate(now, states), _rate(before, states)
    return this, that, None if this is None or that is None else this - that


def _outcomes(sources: Sources, asked: Asked) -> Panel:
    """Make what became of all tags, as pages told, and of what has no tag."""
    now, before = _twice(asked, lambda *days: _by_outcome(_told(sources, asked, *days)))
    beacons = _twice(asked, lambda *days: _daily(sources, asked, What.BEACON, *days).total())
    kept_back = _twice(asked, lambda *days: _kept_back(sources, *days).total())
    others = _twice(asked, partial(_blocked_of_others, sources)) if sources.site.anonymous_totals else None
    told: list[tuple[str, tuple[int, int] | None]] = [
        *((title, (now[outcome], before[outcome])) for outcome, title in _OUTCOMES.items()),
        ("Beacons let through", beacons),
        ("Hits that were not logged", None if asked.bot else kept_back),
        ("Blocked without a log", None if asked.bot else others),
    ]
    rows = [(title, *_beside(sources, asked, counts)) for title, counts in told]
    return Panel(
        "outcomes",
        "What trackers did",
        (Column("outcome", "Outcome", Unit.TEXT), *_BESIDE),
        tuple(rows),
        Chart(Shape.BARS, "outcome", ("now", "before")),
        links=("trackers",) * len(rows),
        note=f"{_told_by(sources, asked)} Hits are of the site's own beacons, links and pixels.",
    )


def _trackers_by_day(sources: Sources, asked: Asked) -> Panel:
    fired, blocked, slipped = _fates_by_day(sources, asked)
    return Panel(
        "trackers-by-day",
        "Trackers fired and blocked by day",
        (
            Column("day", "Day", Unit.DAY),
            Column("fired", "Fired"),
            Column("blocked", "Blocked"),
            Column("slipped", "Slipped through"),
        ),
        _by_day(sources, asked, [fired, blocked, slipped]),
        Chart(Shape.LINES, "day", ("fired", "blocked", "slipped")),
        note=_told_by(sources, asked),
    )


def _of_days(id: str, title: str, column: str, what: What, sources: Sources, asked: Asked) -> Panel:
    """Make a panel of one number by day, beside the days before."""
    now, before = _twice(asked, partial(_daily, sources, asked, what))
    rows = _beside_by_day(sources, asked, now, before)
    hides, least = bool(asked.where) and what is What.VISIT, sources.site.smallest_group
    if hides:
        rows = tuple((day, *(_few(cell, least) for cell in cells)) for day, *cells in rows)
    return Panel(
        id,
        title,
        (Column("day", "Day", Unit.DAY), Column("n", column), Column("before", "The days before")),
        rows,
        Chart(Shape.LINES, "day", ("n", "before")),
        note=f"{_OF_LOGGED} Of fewer than {least} visits a day no number is told." if hides else _OF_LOGGED,
    )


def _conversions(sources: Sources, asked: Asked) -> Panel:
    """Make the site's own events, with what they are worth in each currency."""

    def read(first: str, last: str) -> dict[tuple[str, str], Row]:
        found = sources.store.panel(sources.site.id, What.EVENT, first, last, bot=asked.bot)
        return {(row.name, row.currency): row for row in found}

    now, before = _twice(asked, read)
    counts = {
        key: (now[key].n if key in now else 0, before[key].n if key in before else 0) for key in {**now, **before}
    }
    rows = [
        (
            name,
            *_beside(sources, asked, counts[name, currency]),
            currency or "–",
            *(_worth(found.get((name, currency)), currency) for found in (now, before)),
        )
        for name, currency in sorted(counts, key=lambda key: (-counts[key][0], key))
    ]
    return Panel(
        "conversions",
        "Conversions",
        (
            Column("event", "Event", Unit.TEXT),
            *_BESIDE,
            Column("currency", "Currency", Unit.TEXT),
            Column("value", "Value", Unit.MONEY),
            Column("value_before", "Value before", Unit.MONEY),
        ),
        tuple(rows),
        note=f"The site's own events. {_OF_LOGGED}",
    )


def _worth(row: Row | None, currency: str) -> float | None:
    """Return the sum of the values of an event; None where none has a currency."""
    return (row.value / UNITS if row else 0.0) if currency else None


def _twice(asked: Asked, read: Callable[[str, str], T]) -> tuple[T, T]:
    """Return what is read of the days that are asked about, and of those before."""
    return read(asked.first, asked.last), read(asked.before_first, asked.before_last)


def _state(total: Total) -> str:
    return _PARTLY if total.outcome == PARTIAL else total.name


def _answers(sources: Sources, first: str, last: str) -> Counter[str]:
    """Return how many choices were given, by what they amount to."""
    found: Counter[str] = Counter()
    for total, n in sources.sums("choice", first, last).items():
        found[_state(total)] += n
    return found


def _by_name(totals: Mapping[Total, int], name: Callable[[Total], str]) -> defaultdict[str, Counter[str]]:
    """Return totals of choices or purposes by a name, and by state."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for total, n in totals.items():
        found[name(total)][total.outcome if total.what == "purpose" else total.name] += n
    return found


def _rate(answers: Mapping[str, int], states: Collection[str]) -> float | None:
    """Return the share of some answers among all; None where nobody answered."""
    answered = sum(n for state, n in answers.items() if state != _WITHDRAWN)
    return sum(answers.get(state, 0) for state in states) / answered if answered else None


def _told(sources: Sources, asked: Asked, first: str, last: str) -> Counter[tuple[str, str]]:
    """Return the outcomes of trackers: as visit logs tell them, and as totals do, which name nobody."""

    def read() -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for row in sources.store.panel(sources.site.id, What.OUTCOME, first, last, bot=asked.bot, limit=_MOST):
            found[row.name, row.outcome] += row.n
        for total, n in () if asked.bot else sources.sums("outcome", first, last, _OF_TRACKER).items():
            found[total.name, total.outcome] += n
        # What the guard tells of itself is about no tracker.
        return Counter({key: n for key, n in found.items() if key[0] != GUARD})

    return sources.once(("outcomes", first, last, asked.bot), read)


def _by_outcome(told: Mapping[tuple[str, str], int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, outcome), n in told.items():
        found[outcome] += n
    return found


def _signs(told: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return, by tracker, the outcome that says that it fired."""
    outcomes: defaultdict[str, set[str]] = defaultdict(set)
    for name, outcome in told:
        if name != GUARD:
            outcomes[name].add(outcome)
    return {name: fires_as(some) for name, some in outcomes.items()}


def _fates(sources: Sources, asked: Asked, first: str, last: str) -> tuple[int, int]:
    """Return how often trackers fired, and how often they were blocked."""
    told = _told(sources, asked, first, last)
    counted = _counted_by_hits(sources, asked, first, last)
    fired = sum(told[name, sign] for name, sign in _signs(told).items() if name not in counted)
    fired += _daily(sources, asked, What.BEACON, first, last).total()
    blocked = _by_outcome(told)[Outcome.BLOCKED]
    return fired, blocked if asked.bot else blocked + _kept_back(sources, first, last).total()


def _fates_by_day(sources: Sources, asked: Asked) -> tuple[Daily, Daily, Daily]:
    """Return how often trackers fired, were blocked and slipped through on each day."""
    days = asked.first, asked.last
    logged = sources.store.panel(sources.site.id, What.OUTCOME, *days, bot=asked.bot, limit=_MOST)
    totals = {} if asked.bot else sources.sums("outcome", *days, ("day", *_OF_TRACKER))
    named = {(row.name, row.outcome) for row in logged}
    signs = _signs([*named, *((total.name, total.outcome) for total in totals)])
    of_outcome = partial(_of_outcome, sources, asked, named, totals)
    fired = _daily(sources, asked, What.BEACON, *days)
    told = signs.keys() - _counted_by_hits(sources, asked, *days)
    for sign in sorted({*signs.values()}):
        fired.update(of_outcome(sign, {name for name in told if signs[name] == sign}))
    blocked, slipped = (of_outcome(outcome, {*signs}) for outcome in (Outcome.BLOCKED, Outcome.SLIPPED))
    if not asked.bot:
        blocked.update(_kept_back(sources, *days, daily=True))
    return fired, blocked, slipped


def _counted_by_hits(sources: Sources, asked: Asked, first: str, last: str) -> set[str]:
    """Return the beacons whose hits are logged: what pages tell of their tags is about the same, and counts no more."""
    rows = sources.store.panel(sources.site.id, What.BEACON, first, last, bot=asked.bot, limit=_MOST)
    return {row.name for row in rows}


def _of_outcome(
    sources: Sources,
    asked: Asked,
    logged: Set[tuple[str, str]],
    totals: Mapping[Total, int],
    outcome: str,
    trackers: Collection[str],
) -> Daily:
    """Return how often some trackers had an outcome, by day.

    :param logged: the trackers and outcomes of which the log tells anything; it is not asked about others.
    :param totals: what totals tell of all outcomes.
    """
    days = asked.first, asked.last
    had = sorted(name for name in trackers if (name, outcome) in logged)
    daily: Daily = Counter(sources.store.outcomes_by_day(sources.site.id, outcome, had, *days, bot=asked.bot))
    for total, n in totals.items():
        if total.outcome == outcome and total.name in trackers:
            daily[total.day] += n
    return daily


def _kept_back(sources: Sources, first: str, last: str, *, daily: bool = False) -> Daily:
    """Return how many hits of beacons, links and pixels were answered and not logged.

    :param daily: of each day, which takes longer; otherwise they go by no day.
    """
    found: Daily = Counter()
    for total, n in sources.sums("hit", first, last, ("day", "reason") if daily else ("reason",)).items():
        if total.reason not in _ALLOWED:
            found[total.day] += n
    return found


def _blocked_of_others(sources: Sources, first: str, last: str) -> int:
    """Return how often tags were blocked for visitors whose visits are not logged."""
    return sum(
        n for total, n in sources.sums("outcome", first, last, _OF_TRACKER).items() if total.outcome == Outcome.BLOCKED
    )


def _told_by(sources: Sources, asked: Asked) -> str:
    if asked.bot:
        return "Of machines that say what they are."
    if sources.site.anonymous_totals:
        return "As the pages of visitors tell; those who granted nothing are counted without anything about them."
    return "As the pages of visitors tell who granted something: others tell nothing, as anonymous totals are off."


def _daily(sources: Sources, asked: Asked, what: What, first: str, last: str) -> Daily:
    store, site = sources.store, sources.site.id
    if asked.where and what is What.VISIT:
        return Counter(store.visits(site, what, first, last, where=asked.where, bot=asked.bot).by_day)
    return Counter({day: found.n for day, found in store.by_day(site, what, first, last, bot=asked.bot).items()})


def _beside(sources: Sources, asked: Asked, counts: tuple[int, int] | None) -> tuple[Cell, Cell, Cell]:
    """Return a number, the same of the days before, and its change.

    :param counts: both; None where neither is measured.
    """
    if counts is None:
        return None, None, None
    now, before = counts
    # None where those days were before anything was counted.
    known = before if before or asked.before_first >= _begun(sources) else None
    return now, known, _change(now, known)


def _change(now: int, before: int | None) -> Cell:
    if before is None:
        return None
    return (now - before) / before if before else "new" if now else 0.0


def _by_day(sources: Sources, asked: Asked, counts: list[Daily]) -> tuple[tuple[Cell, ...], ...]:
    """Return a row for each day, with its counts."""
    days = days_between(asked.first, asked.last)
    return tuple((day, *(_measured(sources, day, daily[day]) for daily in counts)) for day in days)


def _beside_by_day(sources: Sources, asked: Asked, now: Daily, before: Daily) -> tuple[tuple[Cell, ...], ...]:
    """Return a row for each day, with its count and that of the day at the same place in the period before."""
    pairs = zip(days_between(asked.first, asked.last), days_between(asked.before_first, asked.before_last), strict=True)
    return tuple(
        (day, _measured(sources, day, now[day]), _measured(sources, other, before[other])) for day, other in pairs
    )


def _begun(sources: Sources) -> str:
    """Return the day from which on anything can have been counted: before a notice nobody can agree."""
    return min((notice.published_day for notice in sources.site.notices.values()), default="9999")


def _measured(sources: Sources, day: str, n: int) -> int | None:
    """Return a day's count; None where nothing was counted because nothing could be."""
    return n if n or _begun(sources) <= day <= sources.site.day_of(sources.now) else None


def _began(sources: Sources, asked: Asked) -> str:
    begun = _begun(sources)
    return f" Counting began on {begun}." if asked.before_first < begun <= asked.last else ""


def _few(cell: Cell, least: int) -> Cell:
    """Hide a number of visits that share something, where they are few."""
    return Hidden.FEW if isinstance(cell, int) and 0 < cell < least else cell


_BY_DAY = (
    ("visits-compared", "Visits", What.VISIT),
    ("views-compared", "Page views", What.PAGE),
    ("conversions-compared", "Conversions", What.EVENT),
)
PANELS: tuple[Listed, ...] = (
    Listed("glance", "At a glance", _PAGE, _glance, filtered=True),
    Listed("rates", "Choice rate", _PAGE, _rates),
    Listed("choices-by-day", "Choices by day", _PAGE, _choices_by_day),
    Listed("choices", "Choices", _PAGE, _choices),
    Listed("choices-by-purpose", "Choices by purpose", _PAGE, _choices_by_purpose),
    Listed("choices-by-notice", "Choices by notice", _PAGE, _choices_by_notice),
    Listed("trackers-by-day", "Trackers fired and blocked by day", _PAGE, _trackers_by_day),
    Listed("outcomes", "What trackers did", _PAGE, _outcomes),
    *(
        Listed(
            id,
            f"{column} by day",
            _PAGE,
            partial(_of_days, id, f"{column} by day", column, what),
            filtered=what is What.VISIT,
        )
        for id, column, what in _BY_DAY
    ),
    Listed("conversions", "Conversions", _PAGE, _conversions),
)
