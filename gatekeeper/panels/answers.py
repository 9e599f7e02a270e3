"""Why a number has changed, in a few plain sentences: the largest cause first, and every tracker that broke."""

from collections.abc import Iterable, Sequence

from gatekeeper.core.panels import Asked, Unit
from gatekeeper.store.books import Mark

from .changes import (
    ABSENT,
    CONVERSIONS,
    COUNTED,
    LOADS,
    VIEWS,
    Broken,
    Change,
    Part,
    title_of,
    why,
)
from .writing import say

#: A cause that has less than this of the change is not told in words.
_WORTH_TELLING = 0.2
#: How a part of a change is called, from the largest down.
_MUCH = ((1.05, "More than all of it"), (0.9, "Nearly all of it"), (0.6, "Most of it"), (0.4, "About half of it"))
_CAUSES = {
    "answers": ("more people answered the banner", "fewer people answered the banner"),
    "grants": ("more of those who answered agreed", "fewer of those who answered agreed"),
    "visits": ("more visits for each that agreed", "fewer visits for each that agreed"),
    "views": ("more pages were read in a visit", "fewer pages were read in a visit"),
    "conversions": ("more visits ended in a conversion", "fewer visits ended in a conversion"),
}


def sentences(change: Change, breaks: Sequence[Broken], marks: Iterable[Mark], asked: Asked) -> list[str]:
    """Return why a number has changed, in words.

    :param breaks: what loses most first.
    """
    marked = list(marks)
    told = [_headline(change)]
    named = set()
    for part in _causes(change):
        words = f"{_much(part, change, first=len(told) == 1)}: {_cause(part, change)}"
        if part.id in {COUNTED, LOADS}:
            named.add(change.about)
            own = next((one for one in breaks if one.tracker == change.about), None)
            words = f"{words}{_since(own, marked, asked) if own else ''}"
        told.append(f"{words}.")
    told += [f"Against that: {_cause(part, change)}." for part in _causes(change, against=True)]
    told += [_broke(one, marked, asked) for one in breaks if one.tracker not in named]
    return told


def _headline(change: Change) -> str:
    name = title_of(change.number, change.about)
    before, now = round(change.before), round(change.now)
    if before == now:
        return f"{name}: {now:,}, as many as before."
    verb = "rose" if now > before else "fell"
    part = f" ({_signed((now - before) / before)})" if before else ""
    return f"{name} {verb} by {abs(now - before):,}{part}, from {before:,} to {now:,}."


def _signed(share: float) -> str:
    return f"{share:+,.0%}".replace("%", " %").replace("-", "−")


def _causes(change: Change, *, against: bool = False) -> list[Part]:
    """Return the parts that pull the way the number went, or against it, as far as they are worth telling.

    The largest comes first.
    """
    apart = (change.before - change.now) if against else (change.now - change.before)
    if round(change.now) == round(change.before):
        return []
    return sorted(
        (part for part in change.factors if part.effect is not None and part.effect / apart >= _WORTH_TELLING),
        key=lambda part: -abs(part.effect or 0.0),
    )


def _much(part: Part, change: Change, *, first: bool) -> str:
    share = (part.effect or 0.0) / (change.now - change.before)
    words = next((words for least, words in _MUCH if share >= least), "")
    of_it = f"{share:.0%}".replace("%", " %")
    return (words or f"The largest part, {of_it}") if first else f"Then {of_it} of it"


def _cause(part: Part, change: Change) -> str:
    if part.before is None or part.now is None:
        return "not measured in one of the two periods"
    if part.id in {COUNTED, LOADS}:
        return _fired_less(change.about, part.before, part.now, _worst(change))
    more, fewer = _CAUSES[part.id]
    words = more if part.now > part.before else fewer
    if not part.of:
        return f"{words}: {part.now:,.0f} instead of {part.before:,.0f}"
    return f"{words}: {part.now * 100:,.1f} for 100 instead of {part.before * 100:,.1f}"


def _worst(change: Change) -> str:
    """Return the reason that had the largest part in what a tracker fired less; or more, where it did."""
    apart = change.factors[-1].effect or 0.0
    pulling = [part for part in change.reasons if (part.effect or 0.0) * apart > 0]
    return max(pulling, key=lambda part: abs(part.effect or 0.0)).id if pulling else ""


def _fired_less(tracker: str, before: float, now: float, reason: str) -> str:
    words = f"{tracker} loaded on {_share(now)} of page views instead of {_share(before)}"
    if not reason or now > before:
        return words
    return f"{words}: {'it is not on the page any more' if reason == ABSENT else why(reason)}"


def _share(rate: float) -> str:
    return say(rate, Unit.SHARE)


def _since(one: Broken, marks: Iterable[Mark], asked: Asked) -> str:
    when = f", since {one.first}" if one.last == asked.last else f", from {one.first} to {one.last}"
    beside = [mark.text for mark in marks if mark.day == one.first]
    return f"{when} (on that day: {'; '.join(beside)})" if beside else when


def _broke(one: Broken, marks: Iterable[Mark], asked: Asked) -> str:
    return f"{_fired_less(one.tracker, one.found.usual, one.found.rate, one.found.why)}{_since(one, marks, asked)}."


def default_number(conversions: int, trackers: Sequence[str]) -> str:
    """Return the number that is asked about where nothing is said.

    :param trackers: what counts conversions beside the log.
    """
    if conversions:
        return COUNTED if trackers else CONVERSIONS
    return LOADS if trackers else VIEWS
