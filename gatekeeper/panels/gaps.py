"""The gap: why a vendor counts another number than pages were viewed, step by step, and what remains unexplained."""

from collections.abc import Iterator
from dataclasses import dataclass

from gatekeeper.core.decisions import Reason
from gatekeeper.core.panels import Asked
from gatekeeper.core.rollups import What
from gatekeeper.core.trackers import GUARD, VISIT, Outcome

from .outcomes import Fired, read
from .reasons import OF_NOBODY
from .sources import Sources

#: The reasons of those who agree to nothing, as steps put them together.
_NOT_ANSWERED = (Reason.NO_CHOICE, Reason.EXPIRED, Reason.OTHER_SITE)
_OBJECTED = (Reason.SIGNAL, Reason.MINOR, Reason.STALE_NOTICE, Reason.RESTRICTED, Reason.FAIL_CLOSED)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the way.

    :param n: None where it is not measured.
    """

    id: str
    title: str
    n: int | None
    means: str


@dataclass(frozen=True, slots=True)
class Reached:
    """How often a tracker has reached its vendor, as far as pages told.

    :param by: what told it: that a tag loaded, that its host was asked, or hits of its own address.
    """

    n: int
    by: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the difference between two numbers."""

    title: str
    n: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A vendor's number, and what it is made of.

    :param parts: what explains it; with what is unexplained they add up to the vendor's number.
    """

    vendor: int
    parts: tuple[Part, ...]
    unexplained: int

    @property
    def share(self) -> float | None:
        """What is unexplained, as a part of the vendor's number."""
        return abs(self.unexplained) / self.vendor if self.vendor else None


def reached(fired: Fired, tracker: str) -> Reached:
    """Return how often a tracker has reached its vendor.

    A tag that the guard lets go says when it has loaded; of one that runs by itself only its requests are seen; and
    the site's own beacons and links are counted where they arrive.
    """
    for outcome in (Outcome.LOADED, Outcome.REQUESTED):
        told = fired.n(outcome, tracker)
        if told or (outcome is Outcome.LOADED and fired.n(Outcome.FAILED, tracker)):
            return Reached(told, outcome.value)
    hits = fired.allowed_hits(tracker) + fired.denied_hits(tracker)
    if hits:
        return Reached(hits, "hits")
    return Reached(fired.n(Outcome.RELEASED, tracker), Outcome.RELEASED.value)


def settle(vendor: int, steps: list[Step]) -> Settled:
    """Return what a vendor's number is made of.

    What may add to it, such as machines, explains no more of it than is left.
    """
    n = {step.id: step.n or 0 for step in steps}
    parts = [Part("Reached the vendor, as pages told", n["reached"]), Part("Slipped through", n["slipped"])]
    left = vendor - n["reached"] - n["slipped"]
    for id, title in (
        ("machines_reached", "Machines, if the vendor counts them"),
        ("unreported", "Pages without a guard report, at most"),
    ):
        taken = max(0, min(left, n[id]))
        parts.append(Part(title, taken))
        left -= taken
    return Settled(vendor, tuple(parts), left)


def reports_by_day(sources: Sources, asked: Asked) -> dict[str, int]:
    """Return, by day, how many page views of the visit log have a guard report."""
    found = sources.store.by_day(sources.site.id, What.PAGE, asked.first, asked.last, bot=asked.bot)
    return {day: amount.value for day, amount in found.items() if amount.value}


def uncovered(sources: Sources, asked: Asked) -> int | None:
    """Return how many page views have no guard report, since the first day that has any; None where none has."""
    reports = reports_by_day(sources, asked)
    if not reports:
        return None
    views = sources.store.by_day(sources.site.id, What.PAGE, min(reports), asked.last, bot=asked.bot)
    return max(0, sum(amount.n for amount in views.values()) - sum(reports.values()))


def coverage(sources: Sources, asked: Asked) -> float | None:
    """Return the part of all page views that have a guard report; None where that is not measured."""
    reports = reports_by_day(sources, asked)
    missing = uncovered(sources, asked)
    if missing is None:
        return None
    n = sum(reports.values())
    return n / (n + missing)


def steps_of(sources: Sources, asked: Asked) -> list[Step]:
    """Return the steps from page views to what the vendor of a tracker can count."""
    days = asked.first, asked.last
    fired = read(sources, *days, bot=asked.bot, tracker=asked.about)
    return [
        *_page_steps(sources, asked),
        *_held_steps(sources, asked, fired),
        *_fired_steps(fired, asked.about),
        *_apart_steps(sources, asked),
    ]


def _page_steps(sources: Sources, asked: Asked) -> Iterator[Step]:
    """Yield whose page views they were.

    The visit log has those that it was allowed; of other grants the guard tells each page that has loaded; and of
    those who agree to nothing, where that is counted, that the visit log was held back on it.
    """
    store, site = sources.store, sources.site.id
    guard, held = (read(sources, asked.first, asked.last, bot=asked.bot, tracker=name) for name in (GUARD, VISIT))

    def of_nobody(*reasons: Reason) -> int | None:
        n = held.n(Outcome.BLOCKED, VISIT, reasons)
        return None if asked.bot or not (n or sources.site.anonymous_totals) else n

    visits = sum(amount.n for amount in store.by_day(site, What.VISIT, asked.first, asked.last, bot=asked.bot).values())
    views = sum(amount.n for amount in store.by_day(site, What.PAGE, asked.first, asked.last, bot=asked.bot).values())
    yield Step("visits", "Visits in the visit log", visits, "For vendors that count visits and not pages.")
    yield Step("views", "Page views in the visit log", views, "Of visitors who agreed to the visit log.")
    yield Step(
        "views_granted",
        "Page views of those who agreed to something else",
        None if asked.bot else sum(n for became, n in guard.others.items() if became.outcome == Outcome.LOADED),
        "Counted as totals, by the guard's own report.",
    )
    yield Step(
        "views_unanswered",
        "Page views before an answer",
        of_nobody(*_NOT_ANSWERED),
        "Not asked, undecided, or the answer has run out. Nothing of theirs may reach a vendor.",
    )
    yield Step("views_refused", "Page views after a refusal", of_nobody(Reason.REFUSED), "Likewise.")
    yield Step("views_withdrawn", "Page views after a withdrawal", of_nobody(Reason.WITHDRAWN), "Likewise.")
    yield Step(
        "views_objected",
        "Page views of those whose browser objects, who are too young, or who read an older notice",
        of_nobody(*_OBJECTED),
        "Likewise.",
    )


def _held_steps(sources: Sources, asked: Asked, fired: Fired) -> Iterator[Step]:
    """Yield for what reasons the tracker was held back."""

    def held(*reasons: Reason) -> int | None:
        n = fired.n(Outcome.BLOCKED, asked.about, reasons)
        unseen = not sources.site.anonymous_totals and set(reasons) <= OF_NOBODY
        return None if not n and (unseen or asked.bot) else n

    partly = "" if sources.site.anonymous_totals else " Of those who refused everything it is not measured."
    yield Step(
        "held_unanswered", "Held back: not answered", held(*_NOT_ANSWERED), "Its tags, on pages before an answer."
    )
    yield Step(
        "held_refused",
        "Held back: not granted",
        held(Reason.REFUSED),
        f"The visitor refused its purpose, or this recipient.{partly}",
    )
    yield Step("held_withdrawn", "Held back: withdrawn", held(Reason.WITHDRAWN), "The visitor took the grant back.")
    yield Step(
        "held_objected",
        "Held back: browser objects, too young, older notice, not declared",
        held(*_OBJECTED),
        "See why it was blocked.",
    )
    yield Step(
        "held_policy",
        "Allowed, but stopped by a policy",
        held(Reason.GRANTED, Reason.NECESSARY),
        "The page's policy did not let it through.",
    )


def _fired_steps(fired: Fired, tracker: str) -> Iterator[Step]:
    """Yield what became of it where it was allowed."""
    n = {outcome: fired.n(outcome, tracker) for outcome in Outcome}
    yield Step(
        "released",
        "Released",
        n[Outcome.RELEASED],
        "Tags that the guard let go. None where its tags run by themselves.",
    )
    yield Step("requested", "Requested", n[Outcome.REQUESTED], "Pages on which the browser asked its hosts.")
    yield Step("loaded", "Loaded", n[Outcome.LOADED], "Released tags that loaded, or ran.")
    yield Step(
        "failed",
        "Failed",
        n[Outcome.FAILED],
        "Released tags that could not load: mostly ad blockers. The vendor counts none of them.",
    )
    yield Step(
        "hits",
        "Hits of its own address",
        fired.allowed_hits(tracker),
        "Beacons and links of the site's own, as they arrived.",
    )
    yield Step(
        "hits_denied",
        "Hits not logged",
        fired.denied_hits(tracker),
        "They arrived too, from visitors who do not allow more.",
    )
    told = reached(fired, tracker)
    yield Step("reached", "So reached the vendor", told.n, f"Taken from what pages told: {told.by}.")
    yield Step("slipped", "Slipped", n[Outcome.SLIPPED], "Reached the vendor although it was not allowed.")


def _apart_steps(sources: Sources, asked: Asked) -> Iterator[Step]:
    """Yield what is counted apart, and what is not known."""
    machines = read(sources, asked.first, asked.last, bot=True, tracker=asked.about)
    n = reached(machines, asked.about).n
    yield Step(
        "machines_reached", "Machines that say so", n, "Not in the numbers above. Most vendors leave them out, not all."
    )
    yield Step(
        "unreported",
        "Page views without a guard report",
        uncovered(sources, asked),
        "Left before the page had loaded, or the guard was kept from telling. It may have run there.",
    )
