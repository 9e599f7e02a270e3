"""Check what the parts of ``gatekeeper.toml`` say of each other.

The checks run on whatever the file holds, so that a wrong form in one place hides no mistake in another. What has the
wrong form has been reported already: they read it as absent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from .choices import MAX_VALUE
from .days import is_time_zone, near_time_zone
from .languages import TAGS, choose
from .problems import Problem, shown
from .purposes import BUILT_IN, Basis
from .sites import Scope, Site
from .themes import DARK, LIGHT, faults, is_colour
from .trackers import GUARD, OWN_VENDOR, VISIT, Kind

#: Kinds that a browser fetches from somewhere, and kinds that are nothing but names in a browser.
_FROM_HOSTS = {Kind.SCRIPT, Kind.LOADER, Kind.EMBED}
_BY_NAME = {Kind.COOKIE, Kind.STORAGE}
#: What follows the prefix in addresses that are no site's.
RESERVED = frozenset({"l", "o", "api", "dashboard", "healthz", "metrics", "preview"})
_USUAL_PORTS = {"https": "443", "http": "80"}


def check_sites(tables: Mapping[str, Any]) -> Iterator[Problem]:
    """Return what does not fit together, within each site and between them."""
    sites = _rows(tables, "sites")
    for site_id, table in sites.items():
        yield from _check_site(site_id, table)
    yield from _check_shared_origins(sites)


def _check_site(site_id: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    where = f"sites.{site_id}"
    if site_id in RESERVED:
        yield Problem(
            where, "(a table)", f"none of {', '.join(sorted(RESERVED))}: these are paths of our own", "rename it"
        )
    yield from _check_origins(where, table)
    yield from _check_time_zone(f"{where}.time_zone", _word(table, "time_zone"))
    yield from _check_languages(where, table)
    yield from _check_texts(where, table)
    yield from _check_banner(f"{where}.banner", _rows(table, "banner"))
    yield from _check_purposes(where, _rows(table, "purposes"))
    purposes = {**BUILT_IN, **_rows(table, "purposes")}
    vendors = {OWN_VENDOR, *_rows(table, "vendors")}
    if OWN_VENDOR in _rows(table, "vendors"):
        yield Problem(f"{where}.vendors.{OWN_VENDOR}", "(a table)", "this name stands for the site itself", "rename it")
    for name, row in _rows(table, "trackers").items():
        yield from _check_tracker(f"{where}.trackers.{name}", name, row, purposes, vendors)
    yield from _check_loaders(where, _rows(table, "trackers"))
    yield from _check_log(where, table)
    yield from _check_choice_size(where, site_id, table)


def _rows(table: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    value = table.get(key)
    rows = value if isinstance(value, Mapping) else {}
    return {name: row if isinstance(row, Mapping) else {} for name, row in rows.items()}


def _word(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""


def _origins(table: Mapping[str, Any]) -> list[str]:
    value = table.get("origins")
    return [item for item in value if isinstance(item, str) and "://" in item] if isinstance(value, list) else []


def _check_origins(where: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    origins = _origins(table)
    schemes = {origin.split(":", 1)[0] for origin in origins}
    if len(schemes) > 1:
        rule = "all origins https, or all http: cookies carry a prefix that only https can set"
        yield Problem(f"{where}.origins", shown(origins), rule, "declare the http ones as a site of their own")
    for origin in origins:
        scheme, port = origin.split(":", 1)[0], origin.rpartition(":")[2]
        if port == _USUAL_PORTS.get(scheme):
            rule = "an origin as browsers send it, without its usual port"
            yield Problem(f"{where}.origins", shown(origin), rule, f"write {shown(origin.removesuffix(f':{port}'))}")
    scope, domain = _word(table, "scope") or Scope.HOST, _word(table, "domain")
    if scope == Scope.HOST and domain:
        yield Problem(f"{where}.domain", shown(domain), 'only with scope = "domain"', "remove it, or set the scope")
    if scope != Scope.DOMAIN:
        return
    if not domain:
        fix = 'write the domain that all origins share, for example "shop.example"'
        yield Problem(f"{where}.domain", "(missing)", 'required with scope = "domain"', fix)
    for origin in origins:
        host = origin.split("://", 1)[1].split(":", 1)[0]
        if domain and host != domain and not host.endswith(f".{domain}"):
            rule = f'with scope = "domain" every origin is {domain} or below it'
            yield Problem(f"{where}.origins", shown(origin), rule, "move it to another site, or widen the domain")


def _check_time_zone(key: str, name: str) -> Iterator[Problem]:
    if name.strip() and not is_time_zone(name):
        near = near_time_zone(name)
        fix = f"did you mean {near}?" if near else 'write an area and a city, for example "Europe/Dublin"'
        yield Problem(key, shown(name), "a name in the IANA time zone database", fix)


def _check_languages(where: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    language, listed = _word(table, "language") or Site.language, _words(table, "languages")
    if language.strip():
        rule = f"the language of the texts in this file, one of {', '.join(TAGS)}"
        yield from _check_tag(f"{where}.language", language, rule)
    for tag in dict.fromkeys(tag for tag in listed if tag.strip()):
        yield from _check_tag(f"{where}.languages", tag, f"languages that there are words for: {', '.join(TAGS)}")
        if listed.count(tag) > 1:
            yield Problem(f"{where}.languages", shown(tag), "each language once", "remove what is repeated")
    if listed and language not in listed:
        rule = "the language of the texts in this file is among them"
        yield Problem(f"{where}.languages", shown(listed), rule, f"add {shown(language)}, or set `language`")


def _check_texts(where: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    language = _word(table, "language") or Site.language
    others = [tag for tag in _words(table, "languages") if tag != language]
    known = {
        "purposes": [*BUILT_IN, *_rows(table, "purposes")],
        "trackers": [VISIT, *_rows(table, "trackers")],
    }
    for tag, texts in _rows(table, "texts").items():
        key = f"{where}.texts.{tag}"
        if tag == language:
            rule = "the texts of this language are those of the file itself"
            yield Problem(key, "(a table)", rule, "write them where they belong, and remove it")
        elif tag not in others:
            fix = _near(tag, others) or f"add {shown(tag)} to `languages`, or remove it"
            yield Problem(key, "(a table)", "translations into a language of this site", fix)
        for part, ids in known.items():
            for name in [name for name in _rows(texts, part) if name not in ids]:
                rule = f"a translation of one of this site's {part}"
                fix = _near(name, ids) or f"remove it, or declare [{where}.{part}.{name}]"
                yield Problem(f"{key}.{part}.{name}", "(a table)", rule, fix)


def _near(name: str, known: Sequence[str]) -> str:
    return next((f"did you mean {near}?" for near in get_close_matches(name, known, n=1)), "")


def _check_tag(key: str, tag: str, rule: str) -> Iterator[Problem]:
    if tag in TAGS:
        return
    # "de-AT" and "zh" are not near in spelling to what they mean.
    meant = choose([tag], ("", *TAGS))
    fix = f"did you mean {meant}?" if meant else _near(tag.lower(), TAGS)
    yield Problem(key, shown(tag), rule, fix or 'write a tag, for example "en"')


def _check_banner(where: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    for name, base in {"light": LIGHT, "dark": DARK}.items():
        given = rows.get(name, {})
        known = {key: colour for key, colour in given.items() if hasattr(base, key) and is_colour(colour)}
        if len(known) < len(given):
            continue
        for fault in faults(replace(base, **known)):
            fix = f'write {fault.key} = "{fault.better}"'
            yield Problem(f"{where}.{name}.{fault.key}", shown(fault.colour), str(fault), fix)


def _check_shared_origins(sites: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for site_id, table in sites.items():
        for origin in _origins(table):
            owner = owners.setdefault(origin, site_id)
            if owner != site_id:
                rule = f"one site per origin: it is site {owner}'s too, and both would write the same cookies"
                yield Problem(f"sites.{site_id}.origins", shown(origin), rule, "remove it from one of them")


def _check_purposes(where: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    for name, row in rows.items():
        key = f"{where}.purposes.{name}"
        if name == Basis.NECESSARY and "denied_by" in row:
            fix = "remove it; give what a signal should stop another purpose"
            yield Problem(f"{key}.denied_by", shown(row["denied_by"]), "nothing denies what is necessary", fix)
        if name not in BUILT_IN:
            for missing in [field for field in ("title", "description") if field not in row]:
                rule = "a purpose of your own needs words that visitors understand"
                yield Problem(f"{key}.{missing}", "(missing)", rule, "write it in plain words")


def _check_tracker(
    key: str, name: str, row: Mapping[str, Any], purposes: Mapping[str, Any], vendors: set[str]
) -> Iterator[Problem]:
    if name == VISIT or _word(row, "kind") == Kind.LOG:
        fix = "remove it; `ip`, `log_days` and the purpose `analytics` shape the visit log"
        yield Problem(key, "(a table)", "the visit log is built in", fix)
    if name == GUARD:
        yield Problem(key, "(a table)", "what the guard tells of itself goes by this name", "give it another name")
    purpose, vendor = _word(row, "purpose"), _word(row, "vendor")
    if purpose.strip() and purpose not in purposes:
        known = ", ".join(purposes)
        near = get_close_matches(purpose, purposes, n=1)
        fix = f"did you mean {near[0]}?" if near else "declare it under purposes, or use one of those"
        yield Problem(f"{key}.purpose", shown(purpose), f"a purpose of this site: {known}", fix)
    if vendor.strip() and vendor not in vendors:
        fix = f"add [{key.split('.trackers.')[0]}.vendors.{vendor}] with name and country"
        yield Problem(f"{key}.vendor", shown(vendor), "a vendor of this site", fix)
    necessary = purpose == Basis.NECESSARY
    if necessary:
        for field in [field for field in ("justification", "reviewed_by") if field not in row]:
            rule = "what is called necessary needs a written reason and who checked it"
            yield Problem(f"{key}.{field}", "(missing)", rule, "write it, or choose a purpose that visitors are asked")
    yield from _check_held(key, row)
    if _word(row, "basis") == (Basis.CONSENT if necessary else Basis.NECESSARY):
        fix = "remove it; the purpose says it"
        yield Problem(f"{key}.basis", shown(row["basis"]), "the basis follows from the purpose", fix)


def _check_loaders(where: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    for name, row in rows.items():
        key = f"{where}.trackers.{name}.loads"
        loads = row.get("loads")
        is_loader = _word(row, "kind") == Kind.LOADER
        if is_loader and not loads:
            fix = 'write what it loads, for example ["ga"]: it runs when any of them may'
            yield Problem(key, "(missing)", "a loader loads trackers of this site", fix)
        if not is_loader and loads:
            yield Problem(
                key, shown(loads), 'only a tracker of kind "loader" loads others', "remove it, or set the kind"
            )
        for child in [child for child in loads if isinstance(child, str)] if isinstance(loads, list) else []:
            if child not in rows or _word(rows[child], "kind") == Kind.LOADER:
                rule = "a tracker of this site that is no loader itself"
                yield Problem(key, shown(child), rule, f"declare [{where}.trackers.{child}], or remove it")
            elif rows[child].get("marked") is True:
                # The page may reach the hosts of what is marked, as its tags wait; a manager waits for nobody.
                rule = "what a tag manager loads is held by its hosts, not by marks, or it would load after Reject"
                yield Problem(f"{where}.trackers.{child}.marked", "true", rule, "remove it, and list its hosts")


def _check_log(where: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    asked = [
        name for name in {**BUILT_IN, **_rows(table, "purposes")} if name not in BUILT_IN or BUILT_IN[name].optional
    ]
    fields = {f"{where}.fields.{name}": purpose for name, purpose in _rows_of_words(table, "fields")}
    events = {f"{where}.events.{name}.purpose": _word(row, "purpose") for name, row in _rows(table, "events").items()}
    for key, purpose in {**fields, **events}.items():
        if purpose.strip() and purpose not in asked:
            fix = f"write one of {', '.join(asked)}"
            yield Problem(key, shown(purpose), "a purpose that this site's visitors are asked about", fix)


def _rows_of_words(table: Mapping[str, Any], key: str) -> list[tuple[str, str]]:
    value = table.get(key)
    rows = value if isinstance(value, Mapping) else {}
    return [(name, word) for name, word in rows.items() if isinstance(word, str)]


def _words(table: Mapping[str, Any], key: str) -> list[str]:
    value = table.get(key)
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _check_held(key: str, row: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that a tracker can be held: a banner whose Reject does not reject is never served."""
    if _word(row, "purpose") == Basis.NECESSARY or row.get("marked") is True:
        return
    if _word(row, "kind") in _FROM_HOSTS and not row.get("hosts"):
        rule = "what loads must be known by its hosts or by its marks, or it would load after Reject"
        fix = "list its hosts; or mark every tag of it with data-gk and write marked = true"
        yield Problem(f"{key}.hosts", "(missing)", rule, fix)
    if _word(row, "kind") in _BY_NAME and not row.get("cookies"):
        rule = "what is kept in the browser must be known by its name, or it would be kept after Reject"
        yield Problem(f"{key}.cookies", "(missing)", rule, 'write for example [{ name = "_ga", days = 365 }]')


def _check_choice_size(where: str, site_id: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    purposes = len({**BUILT_IN, **_rows(table, "purposes")})
    trackers = len(_rows(table, "trackers")) + 1
    longest = len(f"1.{site_id}.999999.20260101.rpx...18.") + 2 * (purposes // 4 + 1) + trackers // 4 + 1
    if longest > MAX_VALUE:
        rule = f"a choice about all of them fits in a cookie of {MAX_VALUE} bytes; this one needs {longest}"
        yield Problem(f"{where}.trackers", f"{trackers} trackers", rule, "declare fewer, or split the site")
