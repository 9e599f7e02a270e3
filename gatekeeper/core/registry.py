"""Read ``gatekeeper.toml``: its parsed tables become sites, and its mistakes become problems, every one of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from .choices import MAX_VALUE
from .purposes import BUILT_IN, Basis, Purpose
from .schema import SCHEMA
from .signals import Signal
from .sites import Gate, Ip, Mode, OnGrant, Scope, Site
from .trackers import OWN_VENDOR, VISIT, Consent, Cookie, Kind, Tracker, Vendor

#: 25 months: the longest that audience data may be kept (CNIL, deliberation of 4 July 2025).
MAX_LOG_DAYS = 760


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in the configuration: where it is, what stands there, what rule it breaks, how to mend it."""

    key: str
    value: str
    rule: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key} = {self.value}\n    rule: {self.rule}\n    fix:  {self.fix}"


def read_registry(tables: Mapping[str, Any]) -> tuple[dict[str, Site], list[Problem]]:
    """Read the parsed tables of a ``gatekeeper.toml``.

    :return: the sites by id, and every problem found. While there is any problem there are no sites.
    """
    problems = [_problem(error) for error in _errors(tables)]
    problems += [problem for site_id, table in _rows(tables, "sites").items() for problem in _check(site_id, table)]
    if problems:
        return {}, problems
    return {site_id: _site(site_id, table) for site_id, table in tables["sites"].items()}, []


def _is_whole(_checker: object, value: object) -> bool:
    # JSON Schema takes 30.0 for an integer; in a cookie's Max-Age it is none.
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = extend(  # type: ignore[no-untyped-call]  # its stubs leave it out
    Draft202012Validator, type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole)
)


def _errors(tables: Mapping[str, Any]) -> Iterator[ValidationError]:
    errors = _Validator(SCHEMA).iter_errors(tables)
    yield from sorted(errors, key=lambda error: [str(part) for part in error.absolute_path])


def _problem(error: ValidationError) -> Problem:
    key = ".".join(str(part) for part in error.absolute_path) or "the file"
    if error.validator == "required":
        return _missing(key, error)
    if error.validator == "additionalProperties":
        return _unknown(key, error)
    if "pattern" in error.absolute_schema_path and "propertyNames" in error.absolute_schema_path:
        rule = f"an id of the form {error.validator_value}"
        return Problem(f"{key}.{error.instance}", "(a table)", rule, "rename it: lower-case letters, digits, hyphens")
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    rule = schema.get("x-rule", error.message)
    if error.validator == "maxLength":
        rule = f"{rule}, in at most {error.validator_value} characters"
    return Problem(key, _shown(error.instance), rule, schema.get("x-fix", "see `gatekeeper init` for the form"))


def _missing(key: str, error: ValidationError) -> Problem:
    # jsonschema reports each missing key on its own; the message starts with its name in quotes.
    name = error.message.split("'")[1]
    schema = error.schema["properties"][name] if isinstance(error.schema, Mapping) else {}
    where = name if key == "the file" else f"{key}.{name}"
    rule = schema.get("x-rule", f"required, a table with {', '.join(schema.get('required', []))}")
    return Problem(where, "(missing)", rule, schema.get("x-fix", f"add [{where}]"))


def _unknown(key: str, error: ValidationError) -> Problem:
    known = list(error.schema["properties"]) if isinstance(error.schema, Mapping) else []
    strange = sorted(set(error.instance) - set(known)) if isinstance(error.instance, Mapping) else []
    near = [match for name in strange for match in get_close_matches(name, known, n=1)]
    fix = f"did you mean {', '.join(near)}?" if near else f"remove it; known keys: {', '.join(known)}"
    where = ", ".join(strange if key == "the file" else [f"{key}.{name}" for name in strange])
    return Problem(where, "(unknown key)", "only keys that Gatekeeper knows", fix)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _site(site_id: str, table: Mapping[str, Any]) -> Site:
    controller = table["controller"]
    own = Vendor(OWN_VENDOR, table["name"], "--", "")
    vendors = {name: Vendor(name, **row) for name, row in table.get("vendors", {}).items()}
    declared = {name: _tracker(name, row) for name, row in table.get("trackers", {}).items()}
    visit = Tracker(
        VISIT,
        Kind.LOG,
        "analytics",
        OWN_VENDOR,
        table.get("log_days", MAX_LOG_DAYS),
        "Keeps which pages you read and when, your browser, language, address and provider.",
    )
    return Site(
        id=site_id,
        name=table["name"],
        origins=tuple(table["origins"]),
        purposes=_purposes(table.get("purposes", {})),
        vendors={OWN_VENDOR: own, **vendors},
        trackers={VISIT: visit, **declared},
        controller=dict(controller),
        scope=Scope(table.get("scope", Scope.HOST)),
        domain=table.get("domain", ""),
        language=table.get("language", "en"),
        choice_days=table.get("choice_days", Site.choice_days),
        ip=Ip(table.get("ip", Ip.FULL)),
        ip_full_days=table.get("ip_full_days", Site.ip_full_days),
        anonymous_totals=table.get("anonymous_totals", False),
        hosts=tuple(table.get("hosts", ())),
        gate=_gate(table.get("gate", {})),
    )


def _gate(row: Mapping[str, Any]) -> Gate:
    return Gate(
        mode=Mode(row.get("mode", Mode.ENFORCE)),
        strict=row.get("strict", False),
        on_grant=OnGrant(row.get("on_grant", OnGrant.NEXT)),
        no_reload=tuple(row.get("no_reload", ())),
        tags_only=tuple(row.get("tags_only", ())),
    )


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


# The checks run on whatever the file holds, so that a wrong form in one place hides no mistake in another. What has
# the wrong form has been reported already: they read it as absent.


def _check(site_id: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    where = f"sites.{site_id}"
    yield from _check_origins(where, table)
    yield from _check_purposes(where, _rows(table, "purposes"))
    purposes = {**BUILT_IN, **_rows(table, "purposes")}
    vendors = {OWN_VENDOR, *_rows(table, "vendors")}
    for name, row in _rows(table, "trackers").items():
        yield from _check_tracker(f"{where}.trackers.{name}", name, row, purposes, vendors)
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
        yield Problem(f"{where}.origins", _shown(origins), rule, "declare the http ones as a site of their own")
    scope, domain = _word(table, "scope") or Scope.HOST, _word(table, "domain")
    if scope == Scope.HOST and domain:
        yield Problem(f"{where}.domain", _shown(domain), 'only with scope = "domain"', "remove it, or set the scope")
    if scope != Scope.DOMAIN:
        return
    if not domain:
        fix = 'write the domain that all origins share, for example "shop.example"'
        yield Problem(f"{where}.domain", "(missing)", 'required with scope = "domain"', fix)
    for origin in origins:
        host = origin.split("://", 1)[1].split(":", 1)[0]
        if domain and host != domain and not host.endswith(f".{domain}"):
            rule = f'with scope = "domain" every origin is {domain} or below it'
            yield Problem(f"{where}.origins", _shown(origin), rule, "move it to another site, or widen the domain")


def _check_purposes(where: str, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    for name, row in rows.items():
        key = f"{where}.purposes.{name}"
        if name == Basis.NECESSARY and "denied_by" in row:
            fix = "remove it; give what a signal should stop another purpose"
            yield Problem(f"{key}.denied_by", _shown(row["denied_by"]), "nothing denies what is necessary", fix)
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
    purpose, vendor = _word(row, "purpose"), _word(row, "vendor")
    if purpose.strip() and purpose not in purposes:
        known = ", ".join(purposes)
        near = get_close_matches(purpose, purposes, n=1)
        fix = f"did you mean {near[0]}?" if near else "declare it under purposes, or use one of those"
        yield Problem(f"{key}.purpose", _shown(purpose), f"a purpose of this site: {known}", fix)
    if vendor.strip() and vendor not in vendors:
        fix = f"add [{key.split('.trackers.')[0]}.vendors.{vendor}] with name and country"
        yield Problem(f"{key}.vendor", _shown(vendor), "a vendor of this site", fix)
    necessary = purpose == Basis.NECESSARY
    if necessary:
        for field in [field for field in ("justification", "reviewed_by") if field not in row]:
            rule = "what is called necessary needs a written reason and who checked it"
            yield Problem(f"{key}.{field}", "(missing)", rule, "write it, or choose a purpose that visitors are asked")
    if _word(row, "basis") == (Basis.CONSENT if necessary else Basis.NECESSARY):
        fix = "remove it; the purpose says it"
        yield Problem(f"{key}.basis", _shown(row["basis"]), "the basis follows from the purpose", fix)


def _check_choice_size(where: str, site_id: str, table: Mapping[str, Any]) -> Iterator[Problem]:
    purposes = len({**BUILT_IN, **_rows(table, "purposes")})
    trackers = len(_rows(table, "trackers")) + 1
    longest = len(f"1.{site_id}.999999.20260101.rpx...18.") + 2 * (purposes // 4 + 1) + trackers // 4 + 1
    if longest > MAX_VALUE:
        rule = f"a choice about all of them fits in a cookie of {MAX_VALUE} bytes; this one needs {longest}"
        yield Problem(f"{where}.trackers", f"{trackers} trackers", rule, "declare fewer, or split the site")
