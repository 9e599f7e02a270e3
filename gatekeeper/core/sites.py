"""A site: its origins, purposes, trackers, and the notices it has published."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from . import days
from .fields import FIELDS, OF_EVENTS, TOLD_BY, field_rows, told_fields
from .notices import Notice
from .purposes import Purpose
from .themes import Banner
from .trackers import Tracker, Vendor

#: A choice holds for six months, granted or refused alike (CNIL, recommendation on cookies of 17 September 2020).
CHOICE_DAYS = 180
#: No site may make it longer than 13 months.
MAX_CHOICE_DAYS = 395


class Scope(StrEnum):
    """How far a site's cookies reach: one host, or a domain with its sub-domains."""

    HOST = "host"
    DOMAIN = "domain"


class Ip(StrEnum):
    """How much of an address the visit log keeps."""

    FULL = "full"
    TRUNCATED = "truncated"
    NONE = "none"


class Mode(StrEnum):
    """Whether the gate's policy is in force on a site's pages."""

    ENFORCE = "enforce"
    OFF = "off"


class OnGrant(StrEnum):
    """When newly granted trackers start, where the page's policy does not let them start at once."""

    NEXT = "next"
    RELOAD = "reload"


class Undeclared(StrEnum):
    """What becomes of a cookie or storage key that no tracker declares."""

    DENY = "deny"
    KEEP = "keep"


class Audience(StrEnum):
    """Whom a site is for: everybody, children among others, or children."""

    GENERAL = "general"
    MIXED = "mixed"
    CHILD_DIRECTED = "child_directed"


@dataclass(frozen=True, slots=True)
class Gate:
    """How the gate works on a site's pages. Patterns are paths; one that ends with ``*`` means all that begin so.

    :param strict: also send ``Connection-Allowlist``.
    :param no_reload: pages that are never reloaded on a grant.
    :param tags_only: pages without a policy: declared tags are held all the same.
    """

    mode: Mode = Mode.ENFORCE
    strict: bool = False
    on_grant: OnGrant = OnGrant.NEXT
    no_reload: tuple[str, ...] = ()
    tags_only: tuple[str, ...] = ()
    undeclared: Undeclared = Undeclared.DENY


@dataclass(frozen=True, slots=True)
class Search:
    """Where a site's own search is. Nothing else of any query is ever looked at.

    :param paths: of its pages of results; one that ends with ``*`` means all that begin so.
    :param parameters: that hold what was searched for; the first that is there counts.
    """

    paths: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Region:
    """By what a site knows which country a visitor is in.

    :param header: of a request, with two letters for the country; set by the operator's own edge.
    :param subdivision_header: likewise, with the state or province.
    :param geo: whether the file on this machine may tell it from the address.
    """

    header: str = ""
    subdivision_header: str = ""
    geo: bool = False


@dataclass(frozen=True)
class Site:
    """A website as its owner declared it, with the notices it has published.

    :param origins: exact origins (scheme, host, port) its pages are served from; all https, or all http.
    :param domain: the domain its cookies are set for, with scope ``domain``.
    :param language: in which its own texts are written.
    :param languages: that its visitors can read; the first is for those who want none of them.
    :param texts: its own texts in the others, by language, as its file has them.
    :param time_zone: in which its days begin and end, for all that is counted by day; an IANA name.
    :param choice_days: how long a choice holds.
    :param hosts: hosts of the site's own besides its origins, such as one for images; its pages always reach them.
    :param smallest_group: of fewer people nothing is told that they share: no browser, country, referrer, search.
    :param moved: the fields of an event that it keeps under another purpose than usual.
    :param events: the purposes of its own events; those that are not here are of the visit log's.
    :param notices: by number, published ones only; the highest number is current.
    """

    id: str
    name: str
    origins: tuple[str, ...]
    purposes: Mapping[str, Purpose]
    vendors: Mapping[str, Vendor]
    trackers: Mapping[str, Tracker]
    controller: Mapping[str, str]
    scope: Scope = Scope.HOST
    domain: str = ""
    language: str = "en"
    languages: tuple[str, ...] = ("en",)
    texts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    time_zone: str = days.UTC
    choice_days: int = CHOICE_DAYS
    ip: Ip = Ip.FULL
    ip_full_days: int = 30
    anonymous_totals: bool = False
    smallest_group: int = 10
    hosts: tuple[str, ...] = ()
    gate: Gate = Gate()
    search: Search = Search()
    moved: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)
    banner: Banner = field(default_factory=Banner)
    audience: Audience = Audience.GENERAL
    region: Region = Region()
    notices: Mapping[int, Notice] = field(default_factory=dict)

    @property
    def secure(self) -> bool:
        """Whether its pages are served over https. Declared, never read from a request."""
        return self.origins[0].startswith("https:")

    @cached_property
    def notice(self) -> Notice | None:
        """The current notice; None before the first is published."""
        return self.notices[max(self.notices)] if self.notices else None

    @cached_property
    def told(self) -> Mapping[int, Mapping[str, tuple[str, ...]]]:
        """By notice and tracker as declared now: the trackers by which that notice told visitors of it."""
        rows = self.tracker_rows
        return {no: {row["id"]: notice.told(row) for row in rows} for no, notice in self.notices.items()}

    @cached_property
    def tracker_rows(self) -> list[dict[str, Any]]:
        """The trackers as rows of a notice, in the order they were declared."""
        return [_tracker_row(self, tracker) for tracker in self.trackers.values()]

    @cached_property
    def fields(self) -> Mapping[str, str]:
        """The purpose that each field of an event needs on this site."""
        return {name: self.moved.get(TOLD_BY.get(name, name), purpose) for name, purpose in FIELDS.items()}

    def event_purpose(self, name: str) -> str:
        """Return the purpose of an event of the site's own."""
        return self.events.get(name, self.fields["event"])

    @cached_property
    def kept(self) -> Mapping[int, Mapping[str, str]]:
        """By notice: the fields that it told of, under the purposes that they need today. Others are not kept."""
        told = {no: told_fields(notice.log.get("fields", ())) for no, notice in self.notices.items()}
        return {no: {name: by for name, by in fields.items() if by == self.fields[name]} for no, fields in told.items()}

    def kept_of_event(self, no: int, name: str) -> Mapping[str, str]:
        """Return what :attr:`kept` says for one of the site's own events, whose fields need that event's purpose."""
        purpose = self.event_purpose(name)
        others = {field: needed for field, needed in self.kept[no].items() if field not in OF_EVENTS}
        told = "event" in self.kept[no] and self.notices[no].log["events"].get(name, self.fields["event"]) == purpose
        return {**others, **dict.fromkeys(OF_EVENTS, purpose)} if told else others

    @property
    def optional_purposes(self) -> list[Purpose]:
        """The purposes that the banner asks about, in their order."""
        return [purpose for purpose in self.purposes.values() if purpose.optional]

    def day_of(self, at: int) -> str:
        """Return the day of a moment, in seconds since the epoch, as it is counted on this site: an ISO date."""
        return days.day_of(at, self.time_zone)

    def with_notices(self, published: Iterable[Notice]) -> "Site":
        """Return this site with the notices published so far."""
        return replace(self, notices={notice.no: notice for notice in published})

    def lifted(self) -> "Site":
        """Return this site with its policy lifted. Its tags are held as ever, and its banner stays."""
        return replace(self, gate=replace(self.gate, mode=Mode.OFF))


def notice_content(site: Site) -> dict[str, Any]:
    """Return what a notice of this site says today, as plain JSON values: everything GDPR Art. 13 asks for."""
    asked = [purpose for purpose in site.purposes.values() if purpose.necessary or purpose.optional]
    content = {
        "site": site.id,
        "name": site.name,
        "language": site.language,
        "controller": dict(site.controller),
        "purposes": [_purpose_row(purpose) for purpose in asked],
        "trackers": [row for row in site.tracker_rows if site.purposes[row["purpose"]] in asked],
        "choice_days": site.choice_days,
        "address": {"kept": site.ip.value, "full_days": site.ip_full_days},
        "anonymous_totals": site.anonymous_totals,
        "log": _log(site),
    }
    # A site of one language has neither, so that its notice keeps the hash that it had before there were others.
    more = {"languages": list(site.languages) if len(site.languages) > 1 else [], "texts": _told_texts(site, content)}
    return {**content, **{key: value for key, value in more.items() if value}}


def _told_texts(site: Site, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the translations of what a notice says; those of what it leaves out are none of its words."""
    told = {part: {row["id"] for row in content[part]} for part in ("purposes", "trackers")}
    texts = {}
    for tag, table in site.texts.items():
        rows = {
            part: {name: dict(row) for name, row in table.get(part, {}).items() if row and name in told[part]}
            for part in told
        }
        texts[tag] = {key: value for key, value in {"name": table.get("name"), **rows}.items() if value}
    return {tag: table for tag, table in texts.items() if table}


def _log(site: Site) -> dict[str, Any]:
    never = {"search": not site.search.paths, "address": site.ip is Ip.NONE}
    rows = field_rows(site.fields, [name for name, left_out in never.items() if left_out])
    return {"fields": rows, "events": dict(site.events)}


def _purpose_row(purpose: Purpose) -> dict[str, Any]:
    return {
        "id": purpose.id,
        "title": purpose.title,
        "description": purpose.description,
        "necessary": purpose.necessary,
    }


def _tracker_row(site: Site, tracker: Tracker) -> dict[str, Any]:
    return {
        "id": tracker.id,
        "kind": tracker.kind.value,
        "purpose": tracker.purpose,
        "vendor": asdict(site.vendors[tracker.vendor]),
        "retention_days": tracker.retention_days,
        "description": tracker.description,
        "cookies": [asdict(cookie) for cookie in tracker.cookies],
        "justification": tracker.justification,
    }
