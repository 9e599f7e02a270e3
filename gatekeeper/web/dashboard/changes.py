"""Why a number has changed, and the marks beside it."""

from datetime import date, timedelta

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.panels import Asked
from gatekeeper.core.rollups import What
from gatekeeper.core.staff import Right
from gatekeeper.panels.answers import default_number, sentences
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.changes import (
    CONVERSIONS,
    COUNTED,
    LOADS,
    NUMBERS,
    VIEWS,
    Broken,
    analytics_of,
    broken,
    change_of,
    marks_of,
    period_of,
    title_of,
)
from gatekeeper.panels.sources import Sources
from gatekeeper.store.books import Mark, MarkKind
from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.ids import event_id
from gatekeeper.web.pages import form_fields
from gatekeeper.web.service import Service

from .asked import asked_of, fields_of, is_ours, query_of
from .audit import entry_of
from .members import see_other
from .page import dashboard_page, heeding, sources_of

_MAX_TEXT = 200
#: A day further ahead is a slip of the keyboard.
_AHEAD = timedelta(days=366)


def show(service: Service, request: Request, site: str, *, error: str = "") -> Response:
    """Show what a change splits into."""
    sources = sources_of(service, site)
    everything = asked_of(service, request, site)
    breaks = broken(sources, everything)
    number, about, choices = _number(sources, everything, breaks, dict(fields_of(request)).get("number", ""))
    asked = asked_of(service, request, site, about)
    change = change_of(sources, asked, number)
    marks = marks_of(sources, asked)
    ids = (f"change-{number}", "change-trackers", "change-days")
    return dashboard_page(
        service,
        request,
        "dashboard/changes.html",
        site,
        status=400 if error else 200,
        title="Why did it change?",
        error=error,
        asked=asked,
        told=sentences(change, breaks, marks, asked),
        panels=[heeding(PANELS[id].make(sources, asked), asked, filtered=PANELS[id].filtered) for id in ids],
        panel_query=query_of(request, about=about),
        numbers=choices,
        chosen=f"{number}:{about}",
        marks=marks,
        kept=[(name, value) for name, value in fields_of(request) if is_ours(name) and name != "number"],
        kinds=MarkKind,
        may_mark=request.member.may(Right.MARK, site),
        today=sources.site.day_of(sources.now),
        most=_MAX_TEXT,
        here_query=query_of(request, number=f"{number}:{about}"),
    )


def _number(sources: Sources, asked: Asked, breaks: list[Broken], told: str) -> tuple[str, str, list[tuple[str, str]]]:
    """Return the number that is asked about, what it is about, and all that can be asked about.

    :param told: such as ``counted:tallyhouse``; empty for what most would ask about.
    """
    before = period_of(sources, asked.before_first, asked.before_last, bot=asked.bot)
    now = period_of(sources, asked.first, asked.last, bot=asked.bot)
    seen = sorted({*before.fates, *now.fates})
    lost = [one.tracker for one in breaks]
    # First what broke; then what fires most.
    seen.sort(key=lambda name: (lost.index(name) if name in lost else len(lost), -before.fate(name).fired))
    counting = analytics_of(sources, seen)
    events = {
        row.name: None
        for first, last in ((asked.first, asked.last), (asked.before_first, asked.before_last))
        for row in sources.store.panel(sources.site.id, What.EVENT, first, last, bot=asked.bot)
    }
    known = [
        (CONVERSIONS, ""),
        *((CONVERSIONS, name) for name in sorted(events)),
        *((COUNTED, name) for name in counting),
        (VIEWS, ""),
        *((LOADS, name) for name in seen),
    ]
    choices = [(f"{number}:{about}", title_of(number, about)) for number, about in known]
    number, _, about = told.partition(":")
    if not told:
        number = default_number(before.conversions + now.conversions, counting)
        about = counting[0] if number in {COUNTED, LOADS} else ""
    elif number not in NUMBERS:
        raise InvalidInput(f"number={told[:32]!r} is not known: use one of {', '.join(NUMBERS)}")
    elif (number, about) not in known:
        if number in {COUNTED, LOADS} and about not in sources.site.trackers:
            raise NotFound(f"there is no tracker {about[:32]!r} here")
        choices.append((f"{number}:{about}", title_of(number, about)))
    return number, about, choices


def mark(service: Service, request: Request, site: str) -> Response:
    """Mark a day, or take a mark away."""
    fields = {name: values[0] for name, values in form_fields(request).items()}
    try:
        if fields.get("do") == "remove":
            _unmark(service, request, site, fields)
        else:
            _mark(service, request, site, fields)
    except InvalidInput as error:
        return show(service, request, site, error=str(error))
    query = query_of(request, number=dict(fields_of(request)).get("number", ""))
    return see_other(f"{request.header('SCRIPT_NAME')}/dashboard/{site}/changes{'?' if query else ''}{query}#marks")


def _mark(service: Service, request: Request, site: str, fields: dict[str, str]) -> None:
    today = date.fromisoformat(service.published(site).site.day_of(service.now()))
    day, text = fields.get("day", ""), " ".join(fields.get("text", "").split())
    try:
        meant = date.fromisoformat(day)
    except ValueError:
        raise InvalidInput(f"{day[:32]!r} is no day: write it as year-month-day, such as {today}") from None
    if not date(2000, 1, 1) <= meant <= today + _AHEAD:
        raise InvalidInput(f"{meant} is too far away: mark a day since 2000, and at most a year ahead")
    if not text or len(text) > _MAX_TEXT:
        raise InvalidInput(f"say in 1 to {_MAX_TEXT} characters what happened")
    note = Mark(site, meant.isoformat(), MarkKind.NOTE, event_id().hex(), text, request.member.name, service.now())
    service.store.marks.mark(
        note, entry_of(service, request.member, "mark.added", site=site, about=note.day, detail=text)
    )


def _unmark(service: Service, request: Request, site: str, fields: dict[str, str]) -> None:
    day, name = fields.get("day", ""), fields.get("name", "")
    held = [
        one
        for one in service.store.marks.marks(site, day, day)
        if one.kind is MarkKind.NOTE and (one.day, one.name) == (day, name)
    ]
    # Somebody else may have taken it away meanwhile: then it is as was wanted.
    for one in held:
        told = entry_of(service, request.member, "mark.removed", site=site, about=one.day, detail=one.text)
        service.store.marks.unmark(one, told)
