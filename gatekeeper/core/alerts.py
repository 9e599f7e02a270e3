"""Alerts: who is told what is wrong, what counts as wrong on a site, when its pages are checked, and who gets reports.

This is the settings; ``gatekeeper.watching`` does it. No secret is in them, only the names of the files that hold one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from .alarms import Kind
from .days import local_time
from .geo import is_safe
from .problems import Problem, shown

#: Ports of mail servers, by scheme (RFC 5321, RFC 8314).
PORTS = {"smtp": 25, "smtps": 465}
#: When a site's pages are checked, in its own time: when few are there.
AT = "04:30"
#: When a report is sent, in hours after the end of its days: late events of the last evening are settled by then.
REPORT_AFTER = 6
_ADDRESS = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")
_HOST = re.compile(r"[A-Za-z0-9.\-:]+")


class Every(StrEnum):
    """How often a report is sent."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something is wrong on a site.

    :param silent_hours: without a sign of a tag while it would have fired.
    :param silent_expected: how often it would have fired in that time, going by the days before. Where that is 10,
        chance alone is silent once in 20,000 times.
    :param choice_points: by how many percentage points the share of those who agree may change.
    :param choice_least: choices a day; of fewer the share says little.
    :param off: what nobody wants to hear of.
    """

    silent_hours: int = 24
    silent_expected: int = 10
    choice_points: int = 10
    choice_least: int = 200
    off: frozenset[Kind] = frozenset()


@dataclass(frozen=True, slots=True)
class Round:
    """The daily check of a site's own pages in a real browser.

    :param pages: addresses on the site's origins.
    :param at: in the site's time, as ``04:30``.
    :param daily: whether it is done every day without anybody asking.
    """

    pages: tuple[str, ...]
    at: str = AT
    daily: bool = True


@dataclass(frozen=True, slots=True)
class Mail:
    """The server that takes mail.

    :param scheme: ``smtps`` for TLS from the first byte; with ``smtp`` it is begun where the server offers it.
    :param user: empty where it asks for none.
    :param password_file: its path, beside gatekeeper.toml unless it begins with ``/``.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password_file: str = ""


@dataclass(frozen=True, slots=True)
class Reports:
    """Who gets reports by mail, how often, and of which sites."""

    to: tuple[str, ...] = ()
    every: Every = Every.WEEK
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who is told, and of what.

    :param webhook: an address to which what is wrong is posted; empty for none.
    :param secret_file: the path of the file with the key that its posts are signed with; empty for none.
    :param dashboard: where staff reach the dashboard, for links in mails; empty where it is not said.
    :param limits: by site; so are the rounds.
    """

    to: tuple[str, ...] = ()
    sender: str = ""
    mail: Mail | None = None
    webhook: str = ""
    secret_file: str = ""
    dashboard: str = ""
    reports: Reports = Reports()
    limits: Mapping[str, Limits] = field(default_factory=dict)
    rounds: Mapping[str, Round] = field(default_factory=dict)

    @property
    def by_mail(self) -> bool:
        """Whether what is wrong is told by mail."""
        return bool(self.to and self.mail)

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """The keys under which files with secrets are named, with their paths."""
        named = {
            "alerts.webhook_secret_file": self.secret_file,
            "alerts.smtp_password_file": self.mail.password_file if self.mail else "",
        }
        return tuple((key, path) for key, path in named.items() if path)


def read_alerts(tables: Mapping[str, Any]) -> tuple[Alerts, list[Problem]]:
    """Read ``[alerts]``, ``[reports]`` and what the sites say of both, from tables whose form was checked."""
    sites: Mapping[str, Mapping[str, Any]] = tables.get("sites", {})
    row, reports = tables.get("alerts", {}), tables.get("reports", {})
    found = [*_check_alerts(row), *_check_reports(reports, row, sites)]
    found += [problem for name, site in sites.items() for problem in _check_site(f"sites.{name}", site)]
    if found:
        return Alerts(), found
    alerts = Alerts(
        to=tuple(row.get("to", ())),
        sender=row.get("from", ""),
        mail=_mail(row),
        webhook=row.get("webhook", ""),
        secret_file=row.get("webhook_secret_file", ""),
        dashboard=row.get("dashboard", "").rstrip("/"),
        reports=Reports(
            tuple(reports.get("to", ())), Every(reports.get("every", Every.WEEK)), tuple(reports.get("sites", sites))
        ),
        limits={name: _limits(site.get("alerts", {})) for name, site in sites.items()},
        rounds={name: _round(site) for name, site in sites.items()},
    )
    return alerts, []


def _mail(row: Mapping[str, Any]) -> Mail | None:
    if "smtp" not in row:
        return None
    parts = urlsplit(row["smtp"])
    port = parts.port or PORTS[parts.scheme]
    return Mail(parts.scheme, parts.hostname or "", port, row.get("smtp_user", ""), row.get("smtp_password_file", ""))


def _limits(row: Mapping[str, Any]) -> Limits:
    numbers = {key: value for key, value in row.items() if key != "off"}
    return Limits(**numbers, off=frozenset(Kind(kind) for kind in row.get("off", ())))


def _round(site: Mapping[str, Any]) -> Round:
    row = site.get("live_check", {})
    pages = tuple(_address(site, page) for page in row.get("pages", ("/",)))
    return Round(pages, row.get("at", AT), row.get("daily", True))


def _address(site: Mapping[str, Any], page: str) -> str:
    origin: str = site["origins"][0]
    return f"{origin}{page}" if page.startswith("/") else page


# --- checking


def _check_alerts(row: Mapping[str, Any]) -> Iterator[Problem]:
    for address in row.get("to", ()):
        yield from _check_address("alerts.to", address)
    if "from" in row:
        yield from _check_address("alerts.from", row["from"])
    if row.get("to"):
        yield from _check_sending("alerts", row)
    if "smtp" in row and not _is_server(row["smtp"]):
        rule = "a mail server, as smtp://host:port, or smtps:// with TLS from the first byte"
        yield Problem("alerts.smtp", shown(row["smtp"]), rule, 'write for example "smtp://127.0.0.1:25"')
    if "smtp_user" in row and "smtp_password_file" not in row:
        fix = "write the path of a file that holds it; chmod 600"
        yield Problem("alerts.smtp_password_file", "(missing)", "a user has a password", fix)
    if "webhook" in row and not is_safe(row["webhook"]):
        rule = "an https address, or an http one on this machine"
        yield Problem("alerts.webhook", shown(row["webhook"]), rule, 'write "https://…"')
    if "webhook_secret_file" in row and "webhook" not in row:
        fix = "write the address, or remove this"
        yield Problem("alerts.webhook", "(missing)", "there is a key to sign posts with, and nowhere to post to", fix)


def _check_sending(key: str, row: Mapping[str, Any]) -> Iterator[Problem]:
    rule = f"to send mail, as {key}.to asks for, a server and a sender are needed"
    if "smtp" not in row:
        yield Problem("alerts.smtp", "(missing)", rule, 'write for example "smtp://127.0.0.1:25"')
    if "from" not in row:
        yield Problem("alerts.from", "(missing)", rule, 'write for example "gatekeeper@shop.example"')


def _check_reports(reports: Mapping[str, Any], row: Mapping[str, Any], sites: Mapping[str, Any]) -> Iterator[Problem]:
    for address in reports.get("to", ()):
        yield from _check_address("reports.to", address)
    if reports.get("to") and not row.get("to"):
        yield from _check_sending("reports", row)
    for name in [name for name in reports.get("sites", ()) if name not in sites]:
        yield Problem("reports.sites", shown(name), "a site of this file", f"write one of {', '.join(sites)}")


def _check_address(key: str, address: str) -> Iterator[Problem]:
    if not _ADDRESS.fullmatch(address):
        fix = 'write for example "privacy@shop.example"'
        yield Problem(key, shown(address), "an e-mail address, without a name beside it", fix)


def _check_site(key: str, site: Mapping[str, Any]) -> Iterator[Problem]:
    for page in site.get("live_check", {}).get("pages", ()):
        if page.startswith("/") and not page.startswith("//"):
            continue
        parts = urlsplit(page)
        if f"{parts.scheme}://{parts.netloc}" not in site["origins"]:
            rule = f"a page of this site: a path, or an address on {', '.join(site['origins'])}"
            yield Problem(f"{key}.live_check.pages", shown(page), rule, 'write for example "/"')


def _is_server(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    more = parts.path or parts.query or parts.fragment or parts.username or parts.password
    return parts.scheme in PORTS and bool(_HOST.fullmatch(host)) and port != 0 and not more


# --- when


def last_round(at: str, time_zone: str, now: int) -> int:
    """Return when a check was due last: today at its time, or yesterday.

    :param at: as ``04:30``, in the time zone.
    :param now: seconds since the epoch.
    """
    hour, minute = map(int, at.split(":"))
    local = local_time(now, time_zone)
    due = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return _seconds(due if due <= local else due - timedelta(days=1))


def next_round(at: str, time_zone: str, now: int) -> int:
    """Return when a check is due next."""
    hour, minute = map(int, at.split(":"))
    local = local_time(now, time_zone)
    due = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return _seconds(due if due > local else due + timedelta(days=1))


def _seconds(local: datetime) -> int:
    return int(local.astimezone(UTC).timestamp())


def last_period(every: Every, time_zone: str, now: int) -> tuple[str, str]:
    """Return the first and the last day of the period that a report is due about: the last that is over."""
    today = date.fromisoformat(local_time(now - REPORT_AFTER * 3600, time_zone).date().isoformat())
    if every is Every.DAY:
        last = today - timedelta(days=1)
        return last.isoformat(), last.isoformat()
    if every is Every.WEEK:
        last = today - timedelta(days=today.weekday() + 1)
        return (last - timedelta(days=6)).isoformat(), last.isoformat()
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1).isoformat(), last.isoformat()
