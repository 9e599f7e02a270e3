"""Read ``gatekeeper.toml``: its parsed tables become sites, and its mistakes become problems, every one of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .checks import check_sites
from .fields import FIELDS
from .form import check_form
from .problems import Problem
from .purposes import BUILT_IN, MAX_KEEP_DAYS, Purpose
from .signals import Signal
from .sites import Audience, Gate, Ip, Mode, OnGrant, Region, Scope, Search, Site, Undeclared
from .texts import VISIT_DESCRIPTION
from .themes import DARK, LIGHT, Banner, Position, Theme
from .trackers import OWN_COUNTRY, OWN_VENDOR, VISIT, Consent, Cookie, Kind, Tracker, Vendor


def read_registry(tables: Mapping[str, Any]) -> tuple[dict[str, Site], list[Problem]]:
    """Read the parsed tables of a ``gatekeeper.toml``.

    :return: the sites by id, and every problem found. While there is any problem there are no sites.
    """
    problems = [*check_form(tables), *check_sites(tables)]
    if problems:
        return {}, problems
    return {site_id: _site(site_id, table) for site_id, table in tables["sites"].items()}, []


def _site(site_id: str, table: Mapping[str, Any]) -> Site:
    controller = table["controller"]
    language = table.get("language", Site.language)
    own = Vendor(OWN_VENDOR, table["name"], OWN_COUNTRY, "")
    vendors = {name: Vendor(name, **row) for name, row in table.get("vendors", {}).items()}
    declared = {name: _tracker(name, row) for name, row in table.get("trackers", {}).items()}
    purposes = _purposes(table.get("purposes", {}))
    visit = Tracker(
        VISIT,
        Kind.LOG,
        "analytics",
        OWN_VENDOR,
        min(table.get("log_days", MAX_KEEP_DAYS), purposes["analytics"].keep_days),
        VISIT_DESCRIPTION,
    )
    return Site(
        id=site_id,
        name=table["name"],
        origins=tuple(table["origins"]),
        purposes=purposes,
        vendors={OWN_VENDOR: own, **vendors},
        trackers={VISIT: visit, **declared},
        controller=dict(controller),
        scope=Scope(table.get("scope", Scope.HOST)),
        domain=table.get("domain", ""),
        language=language,
        languages=tuple(table.get("languages", (language,))),
        texts=dict(table.get("texts", {})),
        time_zone=table.get("time_zone", Site.time_zone),
        choice_days=table.get("choice_days", Site.choice_days),
        ip=Ip(table.get("ip", Ip.FULL)),
        ip_full_days=table.get("ip_full_days", Site.ip_full_days),
        anonymous_totals=table.get("anonymous_totals", False),
        smallest_group=table.get("smallest_group", Site.smallest_group),
        hosts=tuple(table.get("hosts", ())),
        gate=_gate(table.get("gate", {})),
        search=_search(table.get("search", {})),
        moved=dict(table.get("fields", {})),
        events={name: row.get("purpose", FIELDS["event"]) for name, row in table.get("events", {}).items()},
        banner=_banner(table.get("banner", {})),
        audience=Audience(table.get("audience", Audience.GENERAL)),
        region=Region(**table.get("region", {})),
    )


def _gate(row: Mapping[str, Any]) -> Gate:
    return Gate(
        mode=Mode(row.get("mode", Mode.ENFORCE)),
        strict=row.get("strict", False),
        on_grant=OnGrant(row.get("on_grant", OnGrant.NEXT)),
        no_reload=tuple(row.get("no_reload", ())),
        tags_only=tuple(row.get("tags_only", ())),
        undeclared=Undeclared(row.get("undeclared", Undeclared.DENY)),
    )


def _search(row: Mapping[str, Any]) -> Search:
    return Search(tuple(row.get("paths", ())), tuple(row.get("parameters", ())))


def _banner(row: Mapping[str, Any]) -> Banner:
    return Banner(
        position=Position(row.get("position", Position.BOTTOM)),
        light=_theme(LIGHT, row.get("light", {})),
        dark=_theme(DARK, row.get("dark", {})),
        radius=row.get("radius", Banner().radius),
    )


def _theme(base: Theme, row: Mapping[str, str]) -> Theme:
    return replace(base, **{key: colour.lower() for key, colour in row.items()})


def _purposes(tables: Mapping[str, Any]) -> dict[str, Purpose]:
    added = {name: _purpose(name, row) for name, row in tables.items()}
    return {**BUILT_IN, **added}


def _purpose(name: str, row: Mapping[str, Any]) -> Purpose:
    base = BUILT_IN.get(name, Purpose(name, name, ""))
    return replace(
        base,
        title=row.get("title", base.title),
        description=row.get("description", base.description),
        # A site may widen what a signal denies, never narrow it.
        denied_by=base.denied_by | {Signal(signal) for signal in row.get("denied_by", ())},
        min_age=row.get("min_age", base.min_age),
        keep_days=row.get("retention_days", base.keep_days),
    )


def _tracker(name: str, row: Mapping[str, Any]) -> Tracker:
    return Tracker(
        id=name,
        kind=Kind(row["kind"]),
        purpose=row["purpose"],
        vendor=row["vendor"],
        retention_days=row["retention_days"],
        description=row["description"],
        hosts=tuple(row.get("hosts", ())),
        cookies=tuple(Cookie(**cookie) for cookie in row.get("cookies", ())),
        marked=row.get("marked", False),
        loads=tuple(row.get("loads", ())),
        consent=Consent(row["consent"]) if "consent" in row else None,
        justification=row.get("justification", ""),
        reviewed_by=row.get("reviewed_by", ""),
    )
