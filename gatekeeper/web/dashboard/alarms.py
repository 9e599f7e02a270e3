"""What is wrong with a site, what was, and what the daily check of its pages found."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from gatekeeper.core.alarms import WORDS, words_of
from gatekeeper.core.alerts import Alerts, next_round
from gatekeeper.core.days import local_time
from gatekeeper.core.rounds import VISITORS, Run, read_runs
from gatekeeper.core.sites import Site
from gatekeeper.core.staff import EVERY_SITE
from gatekeeper.store.books import Alarm, LiveCheck
from gatekeeper.web.http import Request, Response
from gatekeeper.web.service import Service

from .page import dashboard_page

#: How long alarms that are over are shown, in seconds, and how many checks.
_SHOWN_FOR = 90 * 86_400
_SHOWN_CHECKS = 14
_HOUR, _DAY = 3600, 86_400


@dataclass(frozen=True, slots=True)
class _Shown:
    """An alarm in words."""

    alarm: Alarm
    title: str
    to_do: str
    since: str
    lasted: str
    ended: str
    told: str


@dataclass(frozen=True, slots=True)
class _Checked:
    """A check in words.

    :param pages: each with what every visitor did there.
    """

    check: LiveCheck
    at: str
    pages: list[tuple[str, list[tuple[str, Run]]]]
    faults: int


def show(service: Service, request: Request, site: str) -> Response:
    """Show alarms and checks."""
    published, now = service.published(site).site, service.now()
    book, alerts = service.store.alarms, service.config.alerts
    found = [alarm for place in (site, EVERY_SITE) for alarm in book.alarms(place, since=now - _SHOWN_FOR)]
    alarms = [_shown(published, alerts, alarm, now) for alarm in sorted(found, key=lambda alarm: -alarm.since)]
    checks = [_checked(published, check) for check in book.checks(site, limit=_SHOWN_CHECKS)]
    return dashboard_page(
        service,
        request,
        "dashboard/alarms.html",
        site,
        title="Alarms",
        open_alarms=[shown for shown in alarms if shown.alarm.ended_at is None],
        ended=[shown for shown in alarms if shown.alarm.ended_at is not None],
        checks=checks,
        next_check=_next_check(service, published, now),
        plan=alerts.rounds.get(site),
        unchecked=service.unchecked,
        untold=service.notes.get("alerts", ""),
        alerts=alerts,
        limits=alerts.limits.get(site),
        watched=list(WORDS.items()),
    )


def _shown(site: Site, alerts: Alerts, alarm: Alarm, now: int) -> _Shown:
    words = words_of(alarm.kind)
    return _Shown(
        alarm,
        title=words.title,
        to_do=words.to_do,
        since=_when(site, alarm.since),
        lasted=lasting((now if alarm.ended_at is None else alarm.ended_at) - alarm.since),
        ended="" if alarm.ended_at is None else _when(site, alarm.ended_at),
        told=_told(site, alerts, alarm),
    )


def _told(site: Site, alerts: Alerts, alarm: Alarm) -> str:
    if alarm.told_at is not None:
        return f"told {_when(site, alarm.told_at)}"
    return "not told yet" if alerts.by_mail or alerts.webhook else "told to nobody"


def _checked(site: Site, check: LiveCheck) -> _Checked:
    runs = read_runs(check.detail)
    faults = sum(len(run.faults) + bool(run.trouble) for run in runs)
    by_page = groupby(runs, key=lambda run: run.page)
    pages = [(page, [(VISITORS[run.visitor], run) for run in found]) for page, found in by_page]
    return _Checked(check, _when(site, check.at), pages, faults)


def _next_check(service: Service, site: Site, now: int) -> str:
    """Return when the pages are checked next; empty where that is not by itself."""
    plan = service.config.alerts.rounds.get(site.id)
    if plan is None or not plan.daily or service.unchecked:
        return ""
    return _when(site, next_round(plan.at, site.time_zone, now))


def _when(site: Site, at: int) -> str:
    local: datetime = local_time(at, site.time_zone)
    return f"{local:%Y-%m-%d %H:%M}"


def lasting(seconds: int) -> str:
    """Return how long something has lasted, in words."""
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (60, "minute")):
        if seconds >= unit:
            count = seconds // unit
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"
