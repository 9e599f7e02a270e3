"""What a site declares and has published, as tables."""

from gatekeeper.core.panels import Asked, Column, Panel, Unit
from gatekeeper.core.trackers import OWN_COUNTRY, OWN_VENDOR

from .sources import Listed, Sources

_TEXT = Unit.TEXT


def _purposes(sources: Sources, asked: Asked) -> Panel:
    rows = [
        (
            purpose.id,
            purpose.title,
            "always on" if purpose.necessary else "asked",
            ", ".join(sorted(signal.value.upper() for signal in purpose.denied_by)),
            str(int(purpose.min_age)) if purpose.optional else "",
            purpose.keep_days,
        )
        for purpose in sources.site.purposes.values()
    ]
    columns = (
        Column("purpose", "Purpose", _TEXT),
        Column("title", "In the banner", _TEXT),
        Column("basis", "Basis", _TEXT),
        Column("denied_by", "Denied by", _TEXT),
        Column("min_age", "Youngest age", _TEXT),
        Column("keep_days", "Kept for days"),
    )
    return Panel("purposes", "Purposes", columns, tuple(rows))


def _declared(sources: Sources, asked: Asked) -> Panel:
    site = sources.site
    rows = []
    for tracker in site.trackers.values():
        vendor = site.vendors.get(tracker.vendor)
        name = site.name if tracker.vendor == OWN_VENDOR or vendor is None else vendor.name
        country = "" if vendor is None or vendor.country == OWN_COUNTRY else vendor.country
        held = ", ".join(cookie.name for cookie in tracker.cookies)
        where = ", ".join(tracker.hosts)
        marked = "marked" if tracker.marked else ""
        told = (tracker.kind.value, tracker.purpose, name, country, where, held, tracker.retention_days, marked)
        rows.append((tracker.id, *told))
    columns = (
        Column("tracker", "Tracker", _TEXT),
        Column("kind", "Kind", _TEXT),
        Column("purpose", "Purpose", _TEXT),
        Column("vendor", "Recipient", _TEXT),
        Column("country", "Country", _TEXT),
        Column("hosts", "Hosts", _TEXT),
        Column("sets", "Sets", _TEXT),
        Column("retention_days", "Kept for days"),
        Column("tags", "Tags", _TEXT),
    )
    links = tuple(f"trackers/{tracker}" for tracker in site.trackers)
    return Panel("declared-trackers", "Trackers, as declared", columns, tuple(rows), links=links)


def _notices(sources: Sources, asked: Asked) -> Panel:
    published = sorted(sources.site.notices.values(), key=lambda notice: -notice.no)
    rows = tuple((str(notice.no), notice.published_day, notice.hash) for notice in published)
    columns = (
        Column("notice", "Notice", _TEXT),
        Column("published", "Published", Unit.DAY),
        Column("hash", "SHA-256 of its content", _TEXT),
    )
    none = "" if rows else "No notice is published, so everything optional is denied: gatekeeper publish"
    return Panel("notices", "Notices, as published", columns, rows, missing=none)


PANELS: tuple[Listed, ...] = (
    Listed("notices", "Notices, as published", "registry", _notices),
    Listed("purposes", "Purposes", "registry", _purposes),
    Listed("declared-trackers", "Trackers, as declared", "registry", _declared),
)
