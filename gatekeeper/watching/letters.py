"""Reports by mail: the overview's tables, with pictures of its charts, of the last period that is over.

Plain text says the same as HTML. Nothing in a mail is fetched from anywhere: nobody learns that it was read.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from email.message import EmailMessage
from functools import lru_cache
from hashlib import sha256

from jinja2 import Environment, FileSystemLoader, Template

from gatekeeper import assets
from gatekeeper.config import Config
from gatekeeper.core.alerts import Every, last_period
from gatekeeper.core.panels import Asked, Panel, Unit
from gatekeeper.core.sites import Site
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.sources import Sources
from gatekeeper.panels.writing import say
from gatekeeper.store.books import Entry
from gatekeeper.store.contract import Store
from gatekeeper.web.ids import event_id

from .mail import new_mail, plain, send
from .telling import secret

#: Of a long table a mail shows the beginning; the dashboard has the rest.
MOST_ROWS = 15
_PAGE = "overview"
_ACTION = "report.sent"
#: How long after its days a report may still be sent, in seconds: an old one is no news.
_LOOKS_BACK = 400 * 86_400
_WHO = "Gatekeeper"
_TITLES = {Every.DAY: "Yesterday", Every.WEEK: "Last week", Every.MONTH: "Last month"}


def asked_of(first: str, last: str) -> Asked:
    """Return what is asked of panels: some days, and as many before them."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    before_last = begin - timedelta(days=1)
    return Asked(first, last, (before_last - (end - begin)).isoformat(), before_last.isoformat())


def panels_of(site: Site, store: Store, asked: Asked, *, now: int) -> list[Panel]:
    """Return the panels of a report.

    :param site: as it is published.
    """
    sources = Sources(site, store, now)
    return [listed.make(sources, asked) for listed in PANELS.values() if listed.page == _PAGE]


def write_report(config: Config, site: Site, panels: Sequence[Panel], asked: Asked, *, now: int) -> EmailMessage:
    """Return a report as a mail: text, HTML, and the pictures that the HTML shows."""
    alerts = config.alerts
    title = f"{site.name}: {_TITLES[alerts.reports.every].lower()}, {asked.first} to {asked.last}"
    id = sha256("\n".join([site.id, asked.first, asked.last, *alerts.reports.to]).encode()).hexdigest()[:32]
    text = write_text(title, panels, asked)
    mail = new_mail(sender=alerts.sender, to=alerts.reports.to, subject=title, text=text, id=id, now=now)
    pictures = {f"{panel.id}.{id}": picture for panel in panels if (picture := _picture(panel))}
    link = f"{alerts.dashboard}/dashboard/{site.id}/?first={asked.first}&last={asked.last}" if alerts.dashboard else ""
    names = {name.partition(".")[0]: name for name in pictures}
    html = _template().render(
        title=title, site=site, asked=asked, panels=panels, pictures=names, link=link, most=MOST_ROWS
    )
    mail.add_alternative(html, subtype="html")
    shown = mail.get_body(("html",))
    assert isinstance(shown, EmailMessage)  # noqa: S101  # it was added in the line above
    for name, picture in pictures.items():
        shown.add_related(
            picture, "image", "png", cid=f"<{name}>", disposition="inline", filename=f"{name.partition('.')[0]}.png"
        )
    return mail


def write_text(title: str, panels: Sequence[Panel], asked: Asked) -> str:
    """Return a report as plain text."""
    parts = [title, f"Beside it: {asked.before_first} to {asked.before_last}."]
    return "\n\n".join([*parts, *(_text_of(panel) for panel in panels)]) + "\n"


def _text_of(panel: Panel) -> str:
    lines = [panel.title, "-" * len(panel.title)]
    if panel.missing:
        return "\n".join([*lines, f"Not measured. {panel.missing}"])
    if not panel.rows:
        return "\n".join([*lines, "Nothing was counted on these days."])
    rows = [[column.title for column in panel.columns]]
    rows += [
        [plain(say(cell, column.unit)) or "(none)" for cell, column in zip(row, panel.columns, strict=True)]
        for row in panel.rows[:MOST_ROWS]
    ]
    widths = [max(len(row[no]) for row in rows) for no in range(len(panel.columns))]
    words = [column.unit in {Unit.TEXT, Unit.DAY} for column in panel.columns]
    lines += [_line(row, widths, words) for row in rows]
    more = len(panel.rows) - MOST_ROWS
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else []), *([panel.note] if panel.note else [])])


def _line(row: Sequence[str], widths: Sequence[int], words: Sequence[bool]) -> str:
    cells = zip(row, widths, words, strict=True)
    return "  ".join(cell.ljust(width) if word else cell.rjust(width) for cell, width, word in cells).rstrip()


def _picture(panel: Panel) -> bytes | None:
    if panel.chart is None or panel.missing or not panel.rows:
        return None
    # It takes as long to load as all else of a process that serves.
    from gatekeeper.panels.charts import picture

    return picture(panel)


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(assets.templates()), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["say"] = say
    return environment.get_template("staff/report-mail.html")


# --- when


def send_due(config: Config, store: Store, sites: Mapping[str, Site], *, now: int) -> Iterator[str]:
    """Send the reports that are due, each once, and say which.

    :param sites: as they are published.
    :raises Undelivered: the server did not take one: it is tried again by the next call.
    """
    for site, first, last in due(config, store, sites, now=now):
        asked = asked_of(first, last)
        mail = write_report(config, site, panels_of(site, store, asked, now=now), asked, now=now)
        server = config.alerts.mail
        if server is None:
            return
        send(mail, server, secret(config, server.password_file))
        store.staff.note(_entry(config, site, first, last, now))
        yield f"{site.id} {first} to {last}"


def due(config: Config, store: Store, sites: Mapping[str, Site], *, now: int) -> list[tuple[Site, str, str]]:
    """Return the reports that are due: of which site, from which day, to which."""
    reports = config.alerts.reports
    if not reports.to:
        return []
    periods = {name: last_period(reports.every, sites[name].time_zone, now) for name in reports.sites if name in sites}
    return [(sites[name], *period) for name, period in periods.items() if not _was_sent(store, name, period, now)]


def _was_sent(store: Store, site: str, period: tuple[str, str], now: int) -> bool:
    sent = store.staff.entries([site], first=now - _LOOKS_BACK, before=now + 86_400, limit=1000, action=_ACTION)
    return any(entry.about == "/".join(period) for entry in sent)


def _entry(config: Config, site: Site, first: str, last: str, now: int) -> Entry:
    to = ", ".join(config.alerts.reports.to)
    return Entry(event_id(), now, b"", _WHO, site.id, _ACTION, f"{first}/{last}", f"to {to}")
