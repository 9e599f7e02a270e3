"""The registry on the screen: what is declared, published, served and proposed.

A text can be changed here, by two: one proposes it, an owner approves it. It lands in ``gatekeeper.toml``, and visitors
read it after the next publication. Nothing that decides what fires can be changed here.
"""

import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gatekeeper.core.days import day_of
from gatekeeper.core.editing import check_text, edited, texts_of
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.learning import propose, to_toml
from gatekeeper.core.notices import Change, changes
from gatekeeper.core.panels import Asked
from gatekeeper.core.problems import Problem
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sites import Mode, Site, notice_content
from gatekeeper.core.staff import Right
from gatekeeper.panels import gaps
from gatekeeper.store.books import Draft, DraftState
from gatekeeper.web.http import Request, Response
from gatekeeper.web.ids import event_id
from gatekeeper.web.pages import form_fields
from gatekeeper.web.service import Service

from .audit import entry_of
from .members import see_other
from .page import check_right, dashboard_page, panels_of, sources_of

_PANELS = ("notices", "purposes", "declared-trackers")
#: How far back is looked for the last page that told how it went, in seconds.
_LOOKED_BACK = 30 * 86_400


def show(service: Service, request: Request, site: str, *, error: str = "", status: int = 200) -> Response:
    """Show the registry."""
    published = service.published(site).site
    member = request.member
    today = published.day_of(service.now())
    source, problems, file_error = _read(service.config.path)
    examined = "examine=1" in request.header("QUERY_STRING") and member.may(Right.APPROVE, site)
    proposals = propose(published, service.store.sightings(site))
    return dashboard_page(
        service,
        request,
        "dashboard/registry.html",
        site,
        status=status,
        title="Registry",
        error=error,
        notice=published.notice,
        snippet=f'<script src="{service.config.prefix}/{site}/gatekeeper.js"></script>',
        gate=_gate(service, published, today),
        behind=_behind(published),
        panels=panels_of(service, site, Asked(today, today, today, today), _PANELS),
        problems=problems,
        file_error=file_error,
        restart=_differs(source, published),
        advice=service.advise(published),
        findings=service.examine() if examined else None,
        proposed=to_toml(published, proposals) if proposals else "",
        texts=texts_of(source, site) if source else {},
        drafts=[(each, day_of(each.at)) for each in service.store.drafts.drafts(site)],
        may_draft=member.may(Right.DRAFT, site),
        may_approve=member.may(Right.APPROVE, site),
    )


def draft(service: Service, request: Request, site: str) -> Response:
    """Propose a text, or decide on one that is proposed."""
    fields = {name: values[0] for name, values in form_fields(request).items()}
    do = fields.get("do", "")
    try:
        if do == "propose":
            _propose(service, request, site, fields)
        elif do in {"approve", "reject"}:
            _decide(service, request, site, fields.get("draft", ""), approve=do == "approve")
        else:
            raise InvalidInput(f"{do[:32]!r} cannot be done here: propose, approve or reject a text")
    except InvalidInput as error:
        return show(service, request, site, error=str(error), status=400)
    return see_other(f"{request.header('SCRIPT_NAME')}/dashboard/{site}/registry#texts")


def _propose(service: Service, request: Request, site: str, fields: Mapping[str, str]) -> None:
    place = fields.get("place", "")
    source = service.config.path.read_text("utf-8")
    known = texts_of(source, site)
    if place not in known:
        raise InvalidInput(f"{place[:100]!r} is no text of this site: choose one of the list")
    after = check_text(fields.get("after", ""))
    if after == known[place]:
        raise InvalidInput(f"{place} says that already: change something of it")
    edited(source, site, place, known[place], after)
    proposed = Draft(event_id(), site, place, known[place], after, request.member.name, service.now())
    told = entry_of(service, request.member, "draft.proposed", site=site, about=place, detail=after)
    service.store.drafts.propose(proposed, told)


def _decide(service: Service, request: Request, site: str, id: str, *, approve: bool) -> None:
    check_right(request, Right.APPROVE, site, "decide on texts")
    found = service.store.drafts.draft(bytes.fromhex(id)) if _is_id(id) else None
    if found is None or found.site != site:
        raise InvalidInput("there is no such draft: it may have been of another site")
    if found.state is not DraftState.OPEN:
        raise InvalidInput(f"{found.decided_by} has decided on this already: it is {found.state.value}")
    path = service.config.path
    changed = edited(path.read_text("utf-8"), site, found.place, found.before, found.after) if approve else ""
    state = DraftState.APPROVED if approve else DraftState.REJECTED
    member = request.member
    told = entry_of(service, member, f"draft.{state.value}", site=site, about=found.place, detail=found.after)
    if approve:
        _write(path, changed)  # first: what is noted as approved does stand in the file
    if not service.store.drafts.decide(found.id, state, told, by=member.name, at=service.now()):
        raise InvalidInput("somebody has decided on this just now: look again")


def _is_id(text: str) -> bool:
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)


def _write(path: Path, text: str) -> None:
    """Put a text in the place of a file, in one step: whoever reads it finds the old one or the new one.

    :raises InvalidInput: it cannot be written.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        rule = "the service must be able to write it, or whoever owns it changes the text there"
        raise InvalidInput(f"{path.name} cannot be written ({error.strerror}): {rule}") from error


def _read(path: Path) -> tuple[str, list[Problem], str]:
    """Return the file as it stands now, its mistakes, and why it cannot be read."""
    try:
        source = path.read_text("utf-8")
        _, problems = read_registry(tomllib.loads(source))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return "", [], f"{path.name} cannot be read just now: {error}"
    return source, problems, ""


def _differs(source: str, served: Site) -> bool:
    """Tell whether the file says something else of a site than what is served."""
    if not source:
        return False
    sites, problems = read_registry(tomllib.loads(source))
    stands = sites.get(served.id)
    return not problems and (stands is None or notice_content(stands) != notice_content(served))


def _behind(site: Site) -> list[Change]:
    """Return what the next notice would change."""
    content = notice_content(site)
    if site.notice is not None and site.notice.content == content:
        return []
    return changes(site.notice, content)


def _gate(service: Service, site: Site, today: str) -> dict[str, Any]:
    """Return how the gate is doing: its mode, when a page last told, and what it found wrong with itself."""
    first = site.day_of(service.now() - _LOOKED_BACK)
    asked = Asked(first, today, first, today)
    reports = gaps.reports_by_day(sources_of(service, site.id), asked)
    [faults] = panels_of(service, site.id, asked, ["guard-faults"])
    return {
        "lifted": site.gate.mode is Mode.OFF,
        "gate": site.gate,
        "seen": max((day for day, n in reports.items() if n), default=""),
        "faults": faults,
    }
