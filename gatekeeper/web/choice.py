"""The choice: give it, read it, withdraw it. Refusing needs nobody's leave; only a grant waits for the commit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any

import msgspec

from gatekeeper.core import cookies
from gatekeeper.core.choices import Choice, State, write_choice
from gatekeeper.core.decisions import expired
from gatekeeper.core.errors import InvalidInput, StaleNotice
from gatekeeper.core.languages import recorded
from gatekeeper.core.notices import Notice
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.sites import Site
from gatekeeper.core.tokens import SubjectToken
from gatekeeper.core.visits import Visit
from gatekeeper.languages import words
from gatekeeper.store.contract import PARTIAL, ConsentRecord, Total

from .ages import asks_age
from .erase import ticket
from .http import Request, Response, json_response, read_json
from .ids import random_id, receipt_code
from .leftovers import leftovers
from .regime import regime
from .service import Service
from .visits import read_visit

Name = Annotated[str, msgspec.Meta(max_length=64)]
Names = Annotated[list[Name], msgspec.Meta(max_length=500)]

#: What is answered to a grant of which nothing is left; it hints at no age (a neutral age screen, FTC).
TOO_YOUNG = "nothing was granted: whoever asks is too young to allow it"


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """What a visitor said. An empty one is a refusal.

    :param trackers: exceptions to what was said of their purpose.
    :param override: purposes to allow although the browser's signal objects; from the separate switch only.
    :param method: which control was used.
    """

    granted: Names = []
    refused: Names = []
    trackers: dict[Name, bool] = {}
    override: Names = []
    notice: int | None = None
    language: Annotated[str, msgspec.Meta(max_length=35)] = ""
    method: Annotated[str, msgspec.Meta(max_length=32, pattern="^[a-z0-9_:-]*$")] = ""
    age_band: AgeBand | None = None
    objects: bool = False

    @property
    def grants(self) -> bool:
        return bool(self.granted) or any(self.trackers.values())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer has become: the choice as it now holds, the cookies that this sets and removes, its receipt.

    :param denied: why a grant has become a refusal; empty where it has not.
    """

    choice: Choice
    cookies: tuple[str, ...]
    receipt: dict[str, Any] | None = None
    denied: str = ""


def post(service: Service, request: Request, site: str) -> Response:
    """Take an answer as JSON."""
    visit = read_visit(service, request, site)
    answer = read_json(request.body(), Answer)

    try:
        outcome = take(service, request, visit, answer)
    except StaleNotice as error:
        settings = service.published(site).bundles.all_settings
        return json_response({"error": str(error), "notice": error.current, "settings": settings}, 409)

    told = {**describe(outcome.choice, visit), "receipt": outcome.receipt, **_erasable(service, visit, outcome)}
    if outcome.denied:
        return json_response({"error": outcome.denied, **told}, 403, cookies=outcome.cookies)
    return json_response(told, cookies=outcome.cookies)


def get(service: Service, request: Request, site: str) -> Response:
    """Tell what this browser's choice is, before any choice too. It names nobody: no subject, no record."""
    visit = read_visit(service, request, site)
    return json_response(describe(visit.visitor.choice, visit))


def delete(service: Service, request: Request, site: str) -> Response:
    """Withdraw everything."""
    visit = read_visit(service, request, site)
    outcome = take(service, request, visit, Answer())
    told = {**describe(outcome.choice, visit), **_erasable(service, visit, outcome)}
    return json_response(told, cookies=outcome.cookies)


def _erasable(service: Service, visit: Visit, outcome: Outcome) -> dict[str, str]:
    told = withdrawal_ticket(service, visit, outcome)
    return {"erase": told} if told else {}


def withdrawal_ticket(service: Service, visit: Visit, outcome: Outcome) -> str:
    """Return the ticket by which a visitor who has withdrawn may have the log deleted as well; empty for others."""
    return ticket(service, visit) if visit.token and outcome.choice.state is State.WITHDRAWN else ""


def take(service: Service, request: Request, visit: Visit, answer: Answer) -> Outcome:
    """Make an answer the visitor's choice. What the browser holds of denied trackers is removed, as far as it tells.

    :raises InvalidInput: it names what the notice does not know, or contradicts itself.
    :raises StaleNotice: it grants something under a notice that is not the current one.
    :raises StoreUnavailable: a grant, or the end of one, could not be kept. Nothing was granted then.
    """
    outcome = _take(service, request, visit, answer)
    if not outcome.denied:
        _count(service, visit, outcome.choice)
    left = leftovers(service, request, visit, outcome.choice)
    return replace(outcome, cookies=(*outcome.cookies, *left)) if left else outcome


def _count(service: Service, visit: Visit, choice: Choice) -> None:
    """Count a choice, and what it says of each purpose that its notice asks about: numbers, with nobody in them."""
    site, day, tally = visit.site, visit.site.day_of(visit.now), service.store.tally
    asked, granted = site.notices[choice.notice].purposes, choice.state is State.GRANTED
    part = granted and (bool(choice.trackers) or not choice.purposes.issuperset(asked))
    tally(Total(site.id, day, "choice", choice.state, outcome=PARTIAL if part else "", notice=choice.notice))
    for purpose in asked:
        told = State.REFUSED if granted and purpose not in choice.purposes else choice.state
        tally(Total(site.id, day, "purpose", purpose, outcome=told.value, notice=choice.notice))


def _take(service: Service, request: Request, visit: Visit, answer: Answer) -> Outcome:
    notice = _current(visit.site)
    answer = _heeding(answer, visit)
    if not answer.grants:
        return _refuse(service, visit, answer, notice)
    answer = _of_age(service, request, answer, visit)
    if not answer.grants:
        return replace(_refuse(service, visit, answer, notice), denied=TOO_YOUNG)
    if answer.notice != notice.no:
        raise StaleNotice(answer.notice or 0, notice.no)
    _check_names(answer, notice)
    return _grant(service, visit, answer, notice)


def _heeding(answer: Answer, visit: Visit) -> Answer:
    """Leave out of an answer what the browser objects to, but for what its own switch allows.

    Nothing that was accepted under an objection comes to life when the signal is gone (4 CCR 904-3, Rule 5.08).
    """
    signals = visit.visitor.signals
    if not signals:
        return answer
    against = {purpose.id for purpose in visit.site.purposes.values() if purpose.denied_by & signals}
    return _without(against - {*answer.override}, answer, visit.site)


def _of_age(service: Service, request: Request, answer: Answer, visit: Visit) -> Answer:
    """Leave out of an answer what its visitor is too young to grant, where they are and on this site.

    Where nobody has said how old they are, nobody looks where they are either; on a site that asks, whoever has not
    said it is taken for a child (16 CFR 312.2).
    """
    band = _youngest(visit, answer)
    if band is None:
        if not asks_age(visit.site):
            return answer
        band = AgeBand.UNDER_13
    here = regime(service, request, visit.site)
    too_young = {purpose.id for purpose in visit.site.purposes.values() if band < here.min_age(purpose)}
    return _without(too_young, answer, visit.site)


def _without(purposes: set[str], answer: Answer, site: Site) -> Answer:
    """Return an answer that grants nothing of some purposes."""

    def of_them(tracker: str) -> bool:
        return tracker in site.trackers and site.trackers[tracker].purpose in purposes

    return msgspec.structs.replace(
        answer,
        granted=[purpose for purpose in answer.granted if purpose not in purposes],
        trackers={name: yes for name, yes in answer.trackers.items() if not (yes and of_them(name))},
    )


def _current(site: Site) -> Notice:
    if site.notice is None:
        raise InvalidInput(f"site {site.id} has published no notice yet: `gatekeeper publish {site.id}` does it")
    return site.notice


def _check_names(answer: Answer, notice: Notice) -> None:
    _known("purpose", [*answer.granted, *answer.refused, *answer.override], notice.purposes)
    _known("tracker", answer.trackers, notice.trackers)
    both = sorted(set(answer.granted) & set(answer.refused))
    if both:
        raise InvalidInput(f"purpose {both[0]!r} is both granted and refused: it can be one of them")


def _known(what: str, names: Iterable[str], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise InvalidInput(f"{what} {name!r} is not one of {', '.join(known)}")


def _refuse(service: Service, visit: Visit, answer: Answer, notice: Notice) -> Outcome:
    before = visit.visitor.choice
    had_grant = visit.token is not None or (before is not None and before.state is not State.REFUSED)
    state = State.WITHDRAWN if had_grant else State.REFUSED
    if visit.token is not None:
        service.store.end(visit.site.id, visit.token.subject, state, at=visit.now)
    # One that could not be told at once holds from the day it was given, unless it has run out meanwhile.
    waited = before is not None and before.pending and not expired(before, visit.site, now=visit.now)
    day = before.day if before and waited else datetime.fromtimestamp(visit.now, UTC).date()
    choice = Choice(visit.site.id, notice.no, day, state, age_band=_youngest(visit, answer), objects=answer.objects)
    kept = (cookies.set_choice(visit.site, write_choice(choice, notice)), cookies.forget_subject(visit.site))
    return Outcome(choice, kept)


def _grant(service: Service, visit: Visit, answer: Answer, notice: Notice) -> Outcome:
    granted = frozenset(answer.granted)
    choice = Choice(
        site=visit.site.id,
        notice=notice.no,
        day=datetime.fromtimestamp(visit.now, UTC).date(),
        state=State.GRANTED,
        purposes=granted,
        trackers=_exceptions(answer.trackers, granted, visit.site),
        override=frozenset(answer.override) & granted,
        age_band=_youngest(visit, answer),
        objects=answer.objects,
    )
    value = write_choice(choice, notice)
    code = receipt_code()
    record = _keep(service, visit, answer, value, code)
    token = service.subject_tokens.sign(SubjectToken(record.subject, record.record, value))
    kept = (cookies.set_choice(visit.site, value), cookies.set_subject(visit.site, token))
    return Outcome(choice, kept, {"code": code, "record": receipt(record, choice, visit.site)})


def _exceptions(trackers: dict[str, bool], granted: frozenset[str], site: Site) -> frozenset[str]:
    return frozenset(name for name, yes in trackers.items() if yes != (site.trackers[name].purpose in granted))


def _keep(service: Service, visit: Visit, answer: Answer, value: str, code: str) -> ConsentRecord:
    def record(subject: bytes) -> ConsentRecord:
        return ConsentRecord(
            site=visit.site.id,
            subject=subject,
            record=random_id(),
            receipt=receipt_hash(code),
            notice=answer.notice or 0,
            choice=value,
            language=_language(answer.language, visit.site),
            method=answer.method,
            at=visit.now,
        )

    if visit.token is not None:
        try:
            again = record(visit.token.subject)
            service.store.record(again)
        except InvalidInput:
            pass  # That subject has withdrawn, perhaps in another tab: a new grant is a new subject.
        else:
            return again
    first = record(random_id())
    service.store.record(first)
    return first


def _language(tag: str, site: Site) -> str:
    """Return the language that an answer was given in as its record keeps it; nothing where the site has none such."""
    return recorded(tag, reviewed=words(tag).reviewed) if tag in site.languages else ""


def receipt_hash(code: str) -> bytes:
    """Return what is stored of a receipt code."""
    return sha256(code.replace("-", "").upper().encode()).digest()


def receipt(record: ConsentRecord, choice: Choice, site: Site) -> dict[str, Any]:
    """Return a consent record as its visitor receives it: what was said, to whom, about which notice."""
    notice = site.notices[record.notice]
    return {
        "record": record.record.hex(),
        "site": site.id,
        "controller": dict(site.controller),
        "notice": notice.no,
        "notice_hash": notice.hash,
        "language": record.language,
        "method": record.method,
        "given_at": datetime.fromtimestamp(record.at, UTC).isoformat(),
        "until": until(choice, site).isoformat(),
        "granted": sorted(choice.purposes),
        "exceptions": sorted(choice.trackers),
        "override": sorted(choice.override),
        "recipients": _recipients(choice, notice),
        "withdraw": f"{site.id}/choices",
    }


def _recipients(choice: Choice, notice: Notice) -> list[str]:
    rows = [row for row in notice.content["trackers"] if choice.grants(row["purpose"], row["id"])]
    return sorted({row["vendor"]["name"] for row in rows})


def describe(choice: Choice | None, visit: Visit) -> dict[str, Any]:
    """Return a choice as plain JSON values, with what it amounts to now."""
    site = visit.site
    current = site.notice.no if site.notice else 0
    if choice is None:
        return {"state": "none", "notice": None, "current": current}
    return {
        "state": _state(choice, visit),
        "notice": choice.notice,
        "current": current,
        "purposes": sorted(choice.purposes),
        "trackers": sorted(choice.trackers),
        "override": sorted(choice.override),
        "day": choice.day.isoformat(),
        "until": until(choice, site).isoformat(),
    }


def _state(choice: Choice, visit: Visit) -> str:
    site = visit.site
    if expired(choice, site, now=visit.now):
        return "expired"
    if choice.state is not State.GRANTED:
        return choice.state.value
    optional = {purpose.id for purpose in site.optional_purposes}
    asked = [tracker for tracker in site.trackers.values() if tracker.purpose in optional]
    if any(not site.told[choice.notice][tracker.id] for tracker in asked):
        return "stale"
    return "granted" if choice.purposes >= optional and not choice.trackers else "partial"


def until(choice: Choice, site: Site) -> date:
    """Return the last day on which a choice holds."""
    return choice.day + timedelta(days=site.choice_days)


def _youngest(visit: Visit, answer: Answer) -> AgeBand | None:
    bands = [band for band in (visit.visitor.age_band, answer.age_band) if band is not None]
    return min(bands) if bands else None
