"""Why did this not fire? A decision about a visitor whom a form describes, rule by rule, as the decision tells it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gatekeeper.core.choices import Choice, State, read_choice
from gatekeeper.core.decisions import Decision, Reason, Rule, Status, Step, Visitor, decide, explain
from gatekeeper.core.errors import BadChoice
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Site
from gatekeeper.panels.reasons import REASONS, RULES, Words
from gatekeeper.web.http import Request, Response, first_of
from gatekeeper.web.service import Service

from .asked import fields_of
from .page import dashboard_page

AGES = {
    AgeBand.UNDER_13: "under 13",
    AgeBand.FROM_13: "13 to 15",
    AgeBand.FROM_16: "16 or 17",
    AgeBand.ADULT: "18 or older",
}
SIGNALS = {Signal.GPC: "Global Privacy Control", Signal.DNT: "Do Not Track"}
STATES = {
    "": "none: the banner is not answered",
    State.GRANTED: "agreed to what is ticked below",
    State.REFUSED: "refused everything",
    State.WITHDRAWN: "agreed, and took it back",
}
STATUSES = {
    Status.ACTIVE: "nothing",
    Status.OBJECTING: "objected",
    Status.RESTRICTED: "had their data restricted",
    Status.ERASED: "had their data deleted",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a form says.

    :param value: a ``gk_choice`` value to take in place of the fields about a choice.
    :param apart: trackers whose answer is the opposite of their purpose's.
    """

    tracker: str
    state: str
    notice: int
    purposes: list[str]
    apart: list[str]
    override: list[str]
    signals: list[str]
    age: str
    status: str
    expired: bool
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """A rule, as it is shown.

    :param about: which tracker was asked about, where it is another one than that of the form.
    :param state: ``passed``, ``allowed``, ``denied`` or ``open``: not asked any more.
    """

    no: int
    asks: str
    state: str
    says: str
    about: str = ""


def show(service: Service, request: Request, site: str) -> Response:
    """Explain a decision step by step."""
    published = service.published(site).site
    now = service.now()
    told = _read(request, published)
    choice, mistake = _choice(told, published, now)
    return dashboard_page(
        service,
        request,
        "dashboard/why.html",
        site,
        title="Why did this not fire?",
        told=told,
        mistake=mistake,
        ages={"": "not known", **{str(int(band)): words for band, words in AGES.items()}},
        signals=SIGNALS,
        states=STATES,
        statuses=STATUSES,
        asked_purposes=_asked_purposes(published),
        **(_answer(told, choice, published, now) if told.tracker else {}),
    )


def _asked_purposes(site: Site) -> list[tuple[str, str]]:
    """Return the purposes that any notice asked about, with what they are called today."""
    asked = dict.fromkeys(purpose for notice in site.notices.values() for purpose in notice.purposes)
    return [(id, site.purposes[id].title if id in site.purposes else id) for id in asked]


def _read(request: Request, site: Site) -> Told:
    fields: dict[str, list[str]] = {}
    for name, value in fields_of(request):
        fields.setdefault(name, []).append(value)

    def one(name: str) -> str:
        return first_of(fields, name)

    notice = one("notice")
    return Told(
        tracker=one("tracker")[:64],
        state=one("choice") if one("choice") in STATES else "",
        notice=int(notice)
        if notice.isascii() and notice.isdecimal() and len(notice) < 7
        else max(site.notices, default=0),
        purposes=fields.get("purpose", []),
        apart=fields.get("apart", []),
        override=fields.get("override", []),
        signals=[signal for signal in fields.get("signal", []) if signal in set(Signal)],
        age=one("age") if one("age") in {str(int(band)) for band in AgeBand} else "",
        status=one("status") if one("status") in set(Status) else Status.ACTIVE,
        expired=bool(one("expired")),
        value=one("value").strip(),
    )


def _choice(told: Told, site: Site, now: int) -> tuple[Choice | None, str]:
    """Return the choice that a form describes, and what is wrong with it."""
    if told.value:
        try:
            return read_choice(told.value, site.notices), ""
        except BadChoice as error:
            return None, f"This value cannot be read, so it counts as no answer: {error}."
    notice = site.notices.get(told.notice)
    if not told.state or notice is None:
        return None, ""
    today = _today(now)
    granted = told.state == State.GRANTED
    return (
        Choice(
            site.id,
            notice.no,
            today - timedelta(days=site.choice_days + 1) if told.expired else today,
            State(told.state),
            frozenset(told.purposes if granted else ()) & {*notice.purposes},
            frozenset(told.apart if granted else ()) & {*notice.trackers},
            frozenset(told.override) & {*notice.purposes},
        ),
        "",
    )


def _today(now: int) -> date:
    return datetime.fromtimestamp(now, UTC).date()


def _answer(told: Told, choice: Choice | None, site: Site, now: int) -> dict[str, Any]:
    visitor = Visitor(
        choice,
        frozenset(Signal(signal) for signal in told.signals),
        AgeBand(int(told.age)) if told.age else None,
        Status(told.status),
    )
    steps = explain(told.tracker, visitor, site, now=now)
    decision = decide(told.tracker, visitor, site, now=now)
    return {
        "allowed": bool(decision),
        "verdict": REASONS[decision.reason],
        "facts": list(_facts(decision, told.tracker, visitor, site)),
        "lines": list(_lines(steps, told.tracker)),
        "mends": _mends(told.tracker, visitor, site, now),
        "read_choice": choice if told.value else None,
    }


def _lines(steps: list[Step], tracker: str) -> Iterator[Line]:
    """Yield the rules that were asked, and those that were not."""
    for step in steps:
        question = RULES[step.rule]
        about = step.tracker if step.tracker != tracker else ""
        if step.decision is None:
            yield Line(step.rule, question.asks, "passed", question.passed, about)
        else:
            state = "allowed" if step.decision else "denied"
            yield Line(step.rule, question.asks, state, REASONS[step.decision.reason].means, about)
    for rule in Rule:
        if rule > steps[-1].rule:
            yield Line(rule, RULES[rule].asks, "open", "Not asked: the rule above has decided.")


def _facts(decision: Decision, name: str, visitor: Visitor, site: Site) -> Iterator[str]:
    """Yield what of the site and the visitor the decision was about, where a number or a name says it better."""
    tracker, choice = site.trackers.get(name), visitor.choice
    purpose = site.purposes.get(tracker.purpose) if tracker else None
    if tracker is None or purpose is None:
        yield f"The site declares no tracker “{name}”." if tracker is None else "Its purpose is not declared."
    elif site.notice is None:
        yield "The site has published no notice yet."
    elif decision.reason is Reason.NECESSARY:
        yield f"Why it is necessary: {tracker.justification}"
    elif decision.reason is Reason.MINOR:
        yield f"One has to be {purpose.min_age} to agree to “{purpose.title}”."
    elif decision.reason is Reason.SIGNAL:
        said = [SIGNALS[signal] for signal in Signal if signal in visitor.signals & purpose.denied_by]
        yield f"“{purpose.title}” is denied by {' and '.join(said)}."
    elif decision.reason is Reason.EXPIRED:
        yield f"An answer holds for {site.choice_days} days on this site."
    elif decision.reason is Reason.STALE_NOTICE and choice is not None:
        yield f"The visitor answered notice {choice.notice}; the current one is {site.notice.no}."
    elif decision.reason is Reason.REFUSED and choice is not None and choice.state is State.GRANTED:
        agreed = tracker.purpose in choice.purposes
        yield f"The visitor {'agreed to' if agreed else 'did not agree to'} “{purpose.title}”" + (
            ", but not to this recipient." if agreed else "."
        )


def _mends(tracker: str, visitor: Visitor, site: Site, now: int) -> list[Words]:
    """Return all that would have to be different, one after the other, until the decision is yes.

    Found out by asking again each time: behind one rule, the next may be in the way.
    """
    found: list[Words] = []
    for _ in Reason:
        decision = decide(tracker, visitor, site, now=now)
        if decision:
            break
        found.append(REASONS[decision.reason])
        mended = _mended(decision.reason, tracker, visitor, site, now)
        if mended is None:
            break
        visitor = mended
    return found


def _mended(reason: Reason, tracker: str, visitor: Visitor, site: Site, now: int) -> Visitor | None:
    """Return a visitor of whom a reason no longer holds; None where only the site can change that."""
    if reason is Reason.FAIL_CLOSED or site.notice is None:
        return None
    choice = visitor.choice
    if reason is Reason.MINOR:
        return replace(visitor, age_band=None, choice=replace(choice, age_band=None) if choice else None)
    if reason is Reason.RESTRICTED:
        return replace(visitor, status=Status.ACTIVE)
    if reason is Reason.SIGNAL:
        return replace(visitor, signals=frozenset())
    everything = Choice(site.id, site.notice.no, _today(now), State.GRANTED, frozenset(site.notice.purposes))
    return None if choice == everything else replace(visitor, choice=everything)
