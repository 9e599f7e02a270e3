"""Why a number has changed: into what its rise or fall splits, which tracker broke and when, and what was marked.

Everything here is of visitors who let their visits be logged, but for the answers to the banner.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from gatekeeper.core.changes import (
    Break,
    Factor,
    Fate,
    Split,
    Step,
    factors_of,
    find_break,
    split,
    spread,
    whole,
)
from gatekeeper.core.choices import State
from gatekeeper.core.days import days_between
from gatekeeper.core.decisions import Reason
from gatekeeper.core.panels import Asked, Cell, Chart, Column, Panel, Shape, Unit
from gatekeeper.core.rollups import What
from gatekeeper.core.trackers import GUARD, VISIT, Outcome, fires_as
from gatekeeper.store.books import Mark, MarkKind
from gatekeeper.store.contract import Row

from .reasons import words_of, words_of_blocked
from .sources import Listed, Sources

#: The numbers whose change can be asked about.
CONVERSIONS, COUNTED, VIEWS, LOADS = "conversions", "counted", "views", "loads"
NUMBERS = (CONVERSIONS, COUNTED, VIEWS, LOADS)
#: The counts on the way to each.
_STEPS: Mapping[str, tuple[str, ...]] = {
    CONVERSIONS: ("answers", "grants", "visits", "conversions"),
    COUNTED: ("answers", "grants", "visits", "conversions", "counted"),
    VIEWS: ("answers", "grants", "visits", "views"),
    LOADS: ("answers", "grants", "visits", "views", "loads"),
}
_NAMES = {
    "answers": "answers",
    "grants": "grants",
    "visits": "visits",
    "views": "page views",
    "conversions": "conversions",
}
#: Names in outcomes that are no tracker of the site's.
_NO_TRACKERS = frozenset({GUARD, VISIT, "unknown"})

#: Why a tracker did not fire: what its tags or its addresses met.
FAILED, POLICY, UNANSWERED, ABSENT = "failed", "policy", "unanswered", "absent"
_BLOCKED = "blocked_"
#: What nobody chose, and leaves no doubt.
FAULTS = frozenset({FAILED, POLICY, f"{_BLOCKED}{Reason.FAIL_CLOSED}", f"{_BLOCKED}{Reason.STALE_NOTICE}"})
#: What visitors chose, or what follows from what they are.
CHOSEN = frozenset(f"{_BLOCKED}{reason}" for reason in Reason) - FAULTS
_WHY = {
    FAILED: "failed to load",
    POLICY: "kept out by a policy of the page",
    UNANSWERED: "let go, but nothing more was heard of it",
    ABSENT: "not on the page",
}

#: For so many days, up to the last that is asked for, it is looked at each when something broke.
LOOK_BACK = 100
_NOTE = "Of visitors who let their visits be logged."
_KINDS = {
    MarkKind.NOTICE: "Notice",
    MarkKind.REGISTRY: "Registry",
    MarkKind.MODE: "Policy",
    MarkKind.GUARD: "Guard",
    MarkKind.HOST: "Host",
    MarkKind.NOTE: "Note",
}


def why(reason: str) -> str:
    """Return in words why a tracker did not fire."""
    blocked = words_of_blocked(reason.removeprefix(_BLOCKED)).title
    return _WHY.get(reason) or f"blocked: {blocked[0].lower()}{blocked[1:]}"


def outcome_words(outcome: str, reason: str) -> str:
    """Return in words what became of a tracker on one page."""
    if outcome == Outcome.BLOCKED:
        return why(f"{_BLOCKED}{reason}")
    return (
        outcome
        if not reason or reason in {Reason.GRANTED, Reason.NECESSARY}
        else f"{outcome}: {words_of(reason).title}"
    )


@dataclass(frozen=True, slots=True)
class Period:
    """What was counted on some days.

    :param answers: to the banner; None for machines, whose answers are not told apart.
    :param fates: what became of each tracker on the pages.
    """

    answers: int | None
    grants: int | None
    visits: int
    views: int
    conversions: int
    fates: Mapping[str, Fate]

    def step(self, name: str, tracker: str) -> float | None:
        """Return a step on the way to a number."""
        match name:
            case "answers":
                return self.answers
            case "grants":
                return self.grants
            case "visits":
                return self.visits
            case "views":
                return self.views
            case "conversions":
                return self.conversions
            case "loads":
                return self.fate(tracker).fired
        rate = self.fate(tracker).rate
        return None if rate is None else self.conversions * rate

    def fate(self, tracker: str) -> Fate:
        """Return what became of a tracker; where nothing was told, it was on no page."""
        return self.fates.get(tracker, Fate(self.views, 0, {ABSENT: self.views}))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a change.

    :param id: of a factor, or the reason for which a tracker did not fire.
    :param before: of the first a count; of all others, for each of ``of``.
    :param effect: what it added to the number, or took from it.
    """

    id: str
    of: str
    before: float | None
    now: float | None
    effect: float | None


@dataclass(frozen=True, slots=True)
class Change:
    """A number's change, and all its parts. Their effects add up to it.

    :param about: the tracker, or the name of the events, that the number is about; empty for all events.
    """

    number: str
    about: str
    before: float
    now: float
    factors: tuple[Part, ...]
    reasons: tuple[Part, ...] = ()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, the last factor by its reasons where it has any."""
        return (*self.factors[:-1], *self.reasons) if self.reasons else self.factors


def period_of(sources: Sources, first: str, last: str, *, bot: bool = False, event: str = "") -> Period:
    """Return what was counted on some days.

    :param event: the name of the events that are conversions; empty for all of them.
    """
    return sources.once(
        ("period", first, last, bot, event), lambda: _read_period(sources, first, last, bot=bot, event=event)
    )


def _read_period(sources: Sources, first: str, last: str, *, bot: bool, event: str) -> Period:
    store, site = sources.store, sources.site.id
    views = sum(amount.n for amount in store.by_day(site, What.PAGE, first, last, bot=bot).values())
    visits = sum(amount.n for amount in store.by_day(site, What.VISIT, first, last, bot=bot).values())
    events = store.by_day(site, What.EVENT, first, last, name=event or None, bot=bot)
    answers = _answers(sources, first, last)
    rows = defaultdict(list)
    for row in store.panel(site, What.OUTCOME, first, last, bot=bot, limit=100_000):
        rows[row.name].append(row)
    return Period(
        None if bot else answers[State.GRANTED] + answers[State.REFUSED],
        None if bot else answers[State.GRANTED],
        visits,
        views,
        sum(amount.n for amount in events.values()),
        {
            name: fate_of(found, views, fires_as({row.outcome for row in found}))
            for name, found in rows.items()
            if name not in _NO_TRACKERS
        },
    )


def _answers(sources: Sources, first: str, last: str) -> Counter[str]:
    """Return what was answered about the purpose of the visit log; where that is not told, about anything."""
    log = sources.site.trackers.get(VISIT)
    about_it: Counter[str] = Counter()
    for total, n in sources.sums("purpose", first, last).items():
        if log is not None and total.name == log.purpose:
            about_it[total.outcome] += n
    if about_it:
        return about_it
    about_anything: Counter[str] = Counter()
    for total, n in sources.sums("choice", first, last).items():
        about_anything[total.name] += n
    return about_anything


def fate_of(rows: Iterable[Row], views: int, fires_as: str) -> Fate:
    """Return what became of a tracker on so many page views."""
    told: Counter[str] = Counter()
    blocked: Counter[str] = Counter()
    for row in rows:
        told[row.outcome] += row.n
        if row.outcome == Outcome.BLOCKED:
            blocked[row.reason] += row.n
    # What was allowed and blocked all the same met a policy: of a tag, that is why it failed.
    kept_out = blocked.pop(Reason.GRANTED, 0) + blocked.pop(Reason.NECESSARY, 0)
    fired = told[fires_as]
    lost = {f"{_BLOCKED}{reason}": n for reason, n in blocked.items()}
    if fires_as == Outcome.LOADED:
        by_policy = min(kept_out, told[Outcome.FAILED])
        lost |= {POLICY: by_policy, FAILED: told[Outcome.FAILED] - by_policy}
        lost[UNANSWERED] = told[Outcome.RELEASED] - fired - told[Outcome.FAILED]
    else:
        lost[POLICY] = kept_out
    lost[ABSENT] = views - fired - sum(lost.values())
    return Fate(views, fired, {reason: n for reason, n in lost.items() if n})


def change_of(sources: Sources, asked: Asked, number: str) -> Change:
    """Return a number's change, split.

    :param asked: about a tracker for what a tracker counts or loads, about an event's name for conversions.
    """
    event = asked.about if number == CONVERSIONS else ""
    read = partial(period_of, sources, bot=asked.bot, event=event)
    before, now = read(asked.before_first, asked.before_last), read(asked.first, asked.last)
    return change_between(before, now, number, asked.about)


def change_between(before: Period, now: Period, number: str, about: str) -> Change:
    """Return a number's change from one period to another, split."""
    steps = [Step(name, before.step(name, about), now.step(name, about)) for name in _STEPS[number]]
    factors = factors_of(steps)
    done = split(factors)
    parts = [
        Part(factor.id, factor.of, factor.before, factor.now, effect)
        for factor, effect in zip(factors, done.effects, strict=True)
    ]
    reasons: tuple[Part, ...] = ()
    if parts and parts[-1].id in {COUNTED, LOADS}:
        reasons = _reasons(factors[-1], parts[-1], done, before.fate(about), now.fate(about))
    return Change(number, about, done.before, done.now, tuple(parts), reasons)


def _reasons(factor: Factor, part: Part, done: Split, before: Fate, now: Fate) -> tuple[Part, ...]:
    if factor.before is None or factor.now is None or part.effect is None:
        return ()
    lost = {reason: (before.lost_for(reason), now.lost_for(reason)) for reason in {**before.lost, **now.lost}}
    effects = spread(part.effect, done.weight, (factor.before, factor.now), lost)
    return tuple(Part(reason, "views", *lost[reason], effect) for reason, effect in sorted(effects.items()))


@dataclass(frozen=True, slots=True)
class Broken:
    """A tracker that fired less than it usually does, on some days.

    :param last: the last of these days; where that is the last of all, it still is so.
    """

    tracker: str
    first: str
    last: str
    found: Break


def broken(sources: Sources, asked: Asked) -> list[Broken]:
    """Return the trackers that broke on the days that are asked about, what lost most first."""
    days = (asked.before_first, asked.first, asked.last)
    return sources.once(("broken", *days, asked.bot), lambda: _look_for_breaks(sources, asked))


def _look_for_breaks(sources: Sources, asked: Asked) -> list[Broken]:
    store, site = sources.store, sources.site.id
    begin = max(asked.before_first, (date.fromisoformat(asked.last) - timedelta(days=LOOK_BACK - 1)).isoformat())
    begin = min(begin, asked.last)
    days = list(days_between(begin, asked.last))
    views = store.by_day(site, What.PAGE, begin, asked.last, bot=asked.bot)
    rows: defaultdict[str, dict[str, list[Row]]] = defaultdict(dict)
    for day, found in store.each_day(site, What.OUTCOME, begin, asked.last, bot=asked.bot).items():
        for row in found:
            rows[row.name].setdefault(day, []).append(row)
    breaks = []
    for tracker in rows.keys() - _NO_TRACKERS:
        said = fires_as({row.outcome for some in rows[tracker].values() for row in some})
        pages = {day: views[day].n if day in views else 0 for day in days}
        fates = [fate_of(rows[tracker].get(day, ()), pages[day], said) for day in days]
        worst = find_break(fates, faults=FAULTS, choices=CHOSEN)
        if worst is not None and days[worst.last] >= asked.first:
            breaks.append(Broken(tracker, days[worst.first], days[worst.last], worst))
    return sorted(breaks, key=lambda one: (-one.found.lost, one.tracker))


def analytics_of(sources: Sources, trackers: Iterable[str]) -> list[str]:
    """Return those trackers that are for what the visit log is for, too: what else counts conversions."""
    declared = sources.site.trackers
    purpose = declared[VISIT].purpose if VISIT in declared else ""
    return [name for name in trackers if name in declared and declared[name].purpose == purpose and name != VISIT]


def _split_panel(sources: Sources, asked: Asked, *, number: str) -> Panel:
    change = change_of(sources, asked, number)
    columns = (
        Column("part", "Part", Unit.TEXT),
        Column("before", "Before"),
        Column("now", "Now"),
        Column("effect", f"Its part in {_SAYS[number]}"),
    )
    missing = ""
    if number in {COUNTED, LOADS} and not any(part.id == number for part in change.factors):
        missing = "No page was viewed in one of the two periods."
    rows = () if missing or not (change.before or change.now) else _rows(change)
    before, now = round(change.before), round(change.now)
    told = f"From {before:,} to {now:,}: the parts add up to {now - before:+,}, whatever their order."
    if change.reasons:
        told = f"{told} What {asked.about} met is of 100 page views."
    return Panel(
        f"change-{number}",
        title_of(number, asked.about),
        columns,
        rows,
        Chart(Shape.BARS, "part", ("effect",)),
        note=f"{told} {_NOTE}" if rows else _NOTE,
        missing=missing,
    )


_SAYS = {
    CONVERSIONS: "the change of conversions",
    COUNTED: "the change of what it could count",
    VIEWS: "the change of page views",
    LOADS: "the change of loads",
}


def title_of(number: str, about: str = "") -> str:
    """Return what a number is called."""
    match number:
        case "counted":
            return f"Conversions that {about} could count" if about else "Conversions that a tracker could count"
        case "views":
            return "Page views"
        case "loads":
            return f"Loads of {about}" if about else "Loads of a tracker"
    return f"Conversions: {about}" if about else "Conversions"


def _rows(change: Change) -> tuple[tuple[Cell, ...], ...]:
    total = round(change.now) - round(change.before)
    known = [part.effect for part in change.parts if part.effect is not None]
    effects = iter(whole(known, total))
    return tuple(
        (
            part_title(part, change.about),
            _times(part.before, part.of),
            _times(part.now, part.of),
            None if part.effect is None else next(effects),
        )
        for part in change.parts
    )


def _times(value: float | None, of: str) -> Cell:
    """Return a part's number as people read it: so many for 100 of the step before, but for the first step."""
    return None if value is None else round(value) if not of else value * 100


def part_title(part: Part, about: str) -> str:
    """Return what a part of a change is called."""
    if part.id in {COUNTED, LOADS}:
        return f"Loads of {about} for 100 page views"
    if part.id not in _NAMES:
        return f"{about}: {why(part.id)}"
    name = _NAMES[part.id]
    if part.of:
        return f"{name.capitalize()} for 100 {_NAMES[part.of]}"
    return "Answers to the banner" if part.id == "answers" else name.capitalize()


def _trackers(sources: Sources, asked: Asked) -> Panel:
    read = partial(period_of, sources, bot=asked.bot)
    before, now = read(asked.before_first, asked.before_last), read(asked.first, asked.last)
    breaks = {one.tracker: one for one in broken(sources, asked)}
    names = sorted(
        before.fates.keys() | now.fates.keys(),
        key=lambda name: (-breaks[name].found.lost if name in breaks else 0.0, name),
    )
    rows = []
    for name in names:
        was, rate = before.fate(name).rate, now.fate(name).rate
        one = breaks.get(name)
        change = None if was is None or rate is None else rate - was
        told = why(one.found.why) if one else ""
        rows.append((name, was, rate, change, told, one.first if one else "", one.last if one else ""))
    return Panel(
        "change-trackers",
        "Which tracker broke",
        (
            Column("tracker", "Tracker", Unit.TEXT),
            Column("before", "Before", Unit.SHARE),
            Column("now", "Now", Unit.SHARE),
            Column("change", "Change", Unit.SHARE),
            Column("why", "Why", Unit.TEXT),
            Column("since", "Since", Unit.DAY),
            Column("until", "Until", Unit.DAY),
        ),
        tuple(rows),
        links=tuple(f"trackers/{name}" for name in names),
        note=f"How often each fired for each page view. {_NOTE} Why and when is looked for on the last {LOOK_BACK} "
        "days; empty where nothing stands out.",
    )


def _by_day(sources: Sources, asked: Asked) -> Panel:
    store, site = sources.store, sources.site.id
    counted = [
        store.by_day(site, what, asked.first, asked.last, bot=asked.bot) for what in (What.VISIT, What.PAGE, What.EVENT)
    ]
    marked = defaultdict(list)
    for mark in reversed(store.marks.marks(site, asked.first, asked.last)):
        marked[mark.day].append(mark.text)
    rows: list[tuple[Cell, ...]] = [
        (day, *(found[day].n if day in found else 0 for found in counted), "; ".join(marked[day]))
        for day in days_between(asked.first, asked.last)
    ]
    return Panel(
        "change-days",
        "Day by day",
        (
            Column("day", "Day", Unit.DAY),
            Column("visits", "Visits"),
            Column("views", "Page views"),
            Column("conversions", "Conversions"),
            Column("marks", "What happened", Unit.TEXT),
        ),
        tuple(rows),
        Chart(Shape.LINES, "day", ("visits", "views", "conversions")),
        note=_NOTE,
    )


def _marks(sources: Sources, asked: Asked) -> Panel:
    marks = marks_of(sources, asked)
    return Panel(
        "marks",
        "What happened",
        (
            Column("day", "Day", Unit.DAY),
            Column("kind", "What", Unit.TEXT),
            Column("text", "In words", Unit.TEXT),
            Column("who", "Marked by", Unit.TEXT),
        ),
        tuple((mark.day, _KINDS[mark.kind], mark.text, mark.who or "Gatekeeper") for mark in marks),
        note="Of both periods, the newest first.",
    )


def marks_of(sources: Sources, asked: Asked) -> Sequence[Mark]:
    """Return the marks of both periods, the newest first."""
    found = sources.store.marks.marks(sources.site.id, min(asked.before_first, asked.first), asked.last)
    spans = ((asked.before_first, asked.before_last), (asked.first, asked.last))
    shown = [mark for mark in found if any(first <= mark.day <= last for first, last in spans)]
    return sorted(shown, key=lambda mark: (mark.day, mark.at), reverse=True)


PANELS: tuple[Listed, ...] = (
    *(
        Listed(
            f"change-{number}",
            title_of(number),
            "changes",
            partial(_split_panel, number=number),
            about="tracker" if number in {COUNTED, LOADS} else "",
        )
        for number in NUMBERS
    ),
    Listed("change-trackers", "Which tracker broke", "changes", _trackers),
    Listed("change-days", "Day by day", "changes", _by_day),
    Listed("marks", "What happened", "changes", _marks),
)
