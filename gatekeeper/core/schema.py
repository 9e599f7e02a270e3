"""The form of ``gatekeeper.toml``, as a JSON Schema. Each rule says in words what it asks and how to mend it.

``x-rule`` and ``x-fix`` are ours: they become the text of a :class:`gatekeeper.core.registry.Problem`.
"""

from dataclasses import fields
from typing import Any

from .alarms import Kind as AlarmKind
from .alerts import Every
from .fields import MOVABLE
from .geo import IP2ASN_URL, GeoKind
from .purposes import MAX_KEEP_DAYS, AgeBand, Basis
from .sign_in import SecondFactor
from .signals import Signal
from .sites import CHOICE_DAYS, MAX_CHOICE_DAYS, Audience, Ip, Mode, OnGrant, Scope, Undeclared
from .themes import COLOUR, MAX_RADIUS, Position, Theme
from .trackers import Consent, Kind


def _text(rule: str, fix: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "pattern": r"\S", "maxLength": 2000, "x-rule": rule, "x-fix": fix, **more}


def _one_of(values: Any, fix: str) -> dict[str, Any]:
    names = [value.value for value in values]
    return {"enum": names, "x-rule": f"one of {', '.join(map(str, names))}", "x-fix": fix}


def _days(low: int, high: int, fix: str) -> dict[str, Any]:
    rule = f"a whole number of days, {low} to {high}"
    return {"type": "integer", "minimum": low, "maximum": high, "x-rule": rule, "x-fix": fix}


def _yes_no(fix: str) -> dict[str, Any]:
    return {"type": "boolean", "x-rule": "true or false", "x-fix": fix}


def _number(low: int, high: int, rule: str, fix: str) -> dict[str, Any]:
    rule = f"{rule}: a whole number, {low} to {high}"
    return {"type": "integer", "minimum": low, "maximum": high, "x-rule": rule, "x-fix": fix}


def _addresses(rule: str) -> dict[str, Any]:
    return {
        "type": "array",
        "items": _text("an e-mail address", 'write for example "privacy@shop.example"'),
        "x-rule": rule,
        "x-fix": 'write for example ["privacy@shop.example"]',
    }


def _table(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


# Patterns end in \Z: Python's $ lets a newline follow.
_SITE_ID = r"^[a-z][a-z0-9-]{1,31}\Z"
_ID = r"^[a-z][a-z0-9_-]{0,63}\Z"
_HOST = r"^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?\Z"

_COOKIE = _table(
    {
        "name": _text("the name of a cookie or storage key", 'write the name, for example "_ga"'),
        "days": _days(0, MAX_CHOICE_DAYS, "13 months are the longest a tracker's cookie may stay; 0 is a session"),
    },
    ["name", "days"],
)

_VENDOR = _table(
    {
        "name": _text("the company that receives the data", "write its full legal name"),
        "country": _text(
            "the country it keeps the data in, as two capital letters (ISO 3166-1)",
            'write for example "IE"',
            pattern=r"^[A-Z]{2}\Z",
        ),
        "policy": _text("the address of its privacy policy", 'write "https://…"', pattern="^https?://"),
    },
    ["name", "country"],
)

_PURPOSE = _table(
    {
        "title": _text("the purpose's name in the banner", "write two or three plain words"),
        "description": _text("what happens for this purpose, for visitors", "write one plain sentence"),
        "denied_by": {
            "type": "array",
            "items": _one_of(Signal, "name signals whose senders are never asked for this purpose"),
            "x-rule": "a list of signals",
            "x-fix": 'write for example ["gpc", "dnt"]',
        },
        "min_age": _one_of(AgeBand, "the youngest age at which consent to this purpose counts"),
        "retention_days": _days(1, MAX_KEEP_DAYS, "how long what is kept for it is kept; 25 months is the longest"),
    },
    [],
)

_TRACKER = _table(
    {
        "kind": _one_of(Kind, "say what it technically is"),
        "purpose": _text("the id of a purpose of this site", "name one purpose; one that is served only after a yes"),
        "vendor": _text("the id of a vendor of this site", 'declare it under "vendors", or write "self"'),
        "hosts": {
            "type": "array",
            "items": _text("a host name, with *. for all below it", "leave out https:// and path", pattern=_HOST),
            "x-rule": "a list of the hosts it loads from and sends to",
            "x-fix": 'write for example ["cdn.vendor.example"]',
        },
        "cookies": {
            "type": "array",
            "items": _COOKIE,
            "x-rule": "a list of what it keeps in the browser",
            "x-fix": 'write for example [{ name = "_ga", days = 365 }]',
        },
        "retention_days": _days(0, 3650, "say how long the vendor keeps what it receives"),
        "description": _text("what it does, for visitors", "write one plain sentence"),
        "marked": _yes_no("whether every tag of it in the site's pages carries data-gk and is inert without the guard"),
        "loads": {
            "type": "array",
            "items": _text("the id of a tracker of this site", "name what this loader loads"),
            "x-rule": "a list of the trackers that this loader loads",
            "x-fix": 'write for example ["ga", "meta-pixel"]',
        },
        "consent": _one_of(Consent, "the vendor's own consent interface, to be told of the visitor's choice"),
        "basis": {
            "enum": [Basis.CONSENT.value, Basis.NECESSARY.value],
            "x-rule": "consent, or necessary: legitimate interest is no ground for reading a visitor's device",
            "x-fix": "remove it: visitors are asked (ePrivacy Directive Art. 5(3))",
        },
        "justification": _text("why the site cannot work without it", "write why, for the notice"),
        "reviewed_by": _text("who checked that justification", "write a name or a role"),
    },
    ["kind", "purpose", "vendor", "retention_days", "description"],
)

_PATHS = {
    "type": "array",
    "items": _text("a path, with * at its end for all that begin so", 'write for example "/checkout*"', pattern="^/"),
    "x-rule": "a list of paths",
    "x-fix": 'write for example ["/checkout*"]',
}

_ASKED = _text("the id of a purpose that visitors are asked about", 'write for example "marketing"')

_SEARCH = _table(
    {
        "paths": {**_PATHS, "minItems": 1, "x-fix": 'write for example ["/search*"]'},
        "parameters": {
            "type": "array",
            "minItems": 1,
            "items": _text("the name of a parameter", 'write for example "q"', pattern=r"^[^\s&=#?]{1,64}\Z"),
            "x-rule": "a list of the parameters that hold what was searched for",
            "x-fix": 'write for example ["q"]',
        },
    },
    ["paths", "parameters"],
)

_GATE = _table(
    {
        "mode": _one_of(Mode, '"enforce", or "off" while something is being mended'),
        "strict": _yes_no("whether Connection-Allowlist is sent too"),
        "on_grant": _one_of(OnGrant, "when newly granted trackers start where the page cannot start them at once"),
        "no_reload": _PATHS,
        "tags_only": _PATHS,
        "undeclared": _one_of(Undeclared, "what becomes of cookies and storage keys that no tracker declares"),
    },
    [],
)

_COLOUR = _text("a colour as #rrggbb", 'write for example "#1c2733"', pattern=COLOUR)
_THEME = _table(dict.fromkeys([field.name for field in fields(Theme)], _COLOUR), [])

_BANNER = _table(
    {
        "position": _one_of(Position, "where in the window it stands"),
        "light": _THEME,
        "dark": _THEME,
        "radius": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_RADIUS,
            "x-rule": f"a whole number of pixels, 0 to {MAX_RADIUS}",
            "x-fix": "how round its corners are; 0 is square",
        },
    },
    [],
)

_HEADER = r"^[A-Za-z][A-Za-z0-9-]{0,63}\Z"

_REGION = _table(
    {
        "header": _text(
            "the name of a request header that holds a country", 'write for example "CF-IPCountry"', pattern=_HEADER
        ),
        "subdivision_header": _text(
            "the name of a request header that holds a state or province",
            'write for example "CF-Region-Code"',
            pattern=_HEADER,
        ),
        "geo": _yes_no("whether the files under [geo] may tell the country from the address"),
    },
    [],
)

_TEXTS = _table(
    {
        "name": _text("the site's name in that language", "write it as those visitors know it"),
        "purposes": {
            "type": "object",
            "additionalProperties": _table(
                {
                    "title": _text("the purpose's name in that language", "write two or three plain words"),
                    "description": _text("what happens for this purpose, in that language", "write one plain sentence"),
                },
                [],
            ),
            "propertyNames": {"pattern": _ID},
        },
        "trackers": {
            "type": "object",
            "additionalProperties": _table(
                {
                    "description": _text("what it does, in that language", "write one plain sentence"),
                    "justification": _text(
                        "why the site cannot work without it, in that language", "write why, for the notice"
                    ),
                },
                [],
            ),
            "propertyNames": {"pattern": _ID},
        },
    },
    [],
)

_LANGUAGE = _text("the language of the texts in this file", 'write for example "en"')

_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z"
_HOURS = "after how many hours a tag that fired before is silent"

_LIMITS = _table(
    {
        "silent_hours": _number(
            24, 720, "after how many hours a tag that fired before is silent", "write for example 24"
        ),
        "silent_expected": _number(
            3, 10_000, "how often it would have fired in that time, going by the days before", "write for example 10"
        ),
        "choice_points": _number(
            1, 100, "by how many percentage points the share of those who agree may change", "write for example 10"
        ),
        "choice_least": _number(20, 1_000_000, "how many choices a day must have", "write for example 200"),
        "off": {
            "type": "array",
            "items": _one_of(AlarmKind, "name what you do not want to hear of"),
            "x-rule": "a list of what is no alarm on this site",
            "x-fix": 'write for example ["host"]',
        },
    },
    [],
)

_LIVE_CHECK = _table(
    {
        "pages": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": _text("a page of this site, by its path or address", 'write for example "/basket"'),
            "x-rule": "a list of the pages to look at in a real browser, 1 to 20",
            "x-fix": 'write for example ["/", "/basket"]',
        },
        "at": _text(
            "the time of day, in the site's time zone",
            'write for example "04:30"',
            pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z",
        ),
        "daily": _yes_no("whether it is done every day by itself"),
    },
    [],
)

_SITE = _table(
    {
        "name": _text("the site's name, for its visitors", "write it as they know it"),
        "origins": {
            "type": "array",
            "minItems": 1,
            "items": _text(
                "an exact origin: scheme, host and port, nothing after it",
                'write for example "https://shop.example"',
                pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?\Z",
            ),
            "x-rule": "the exact origins its pages are served from",
            "x-fix": 'write for example ["https://shop.example"]',
        },
        "scope": _one_of(Scope, '"host", or "domain" to share the choice among sub-domains'),
        "domain": _text("the domain that all origins share", 'write for example "shop.example"', pattern=_HOST),
        "language": _LANGUAGE,
        "languages": {
            "type": "array",
            "minItems": 1,
            "items": _text("the tag of a language", 'write for example "en"'),
            "x-rule": "a list of the languages that visitors can read, the first for those who want none of them",
            "x-fix": 'write for example ["en", "de"]',
        },
        "time_zone": _text(
            "the time zone in which its days begin and end, by its IANA name", 'write for example "Europe/Dublin"'
        ),
        "choice_days": _days(1, MAX_CHOICE_DAYS, f"{CHOICE_DAYS} days is what regulators expect, both ways"),
        "ip": _one_of(Ip, "how much of an address the visit log keeps"),
        "ip_full_days": _days(0, 395, "after how many days full addresses are shortened"),
        "log_days": _days(1, MAX_KEEP_DAYS, "how long the visit log is kept; 25 months is the longest"),
        "hosts": {
            "type": "array",
            "items": _text("a host name, with *. for all below it", "leave out https:// and path", pattern=_HOST),
            "x-rule": "a list of hosts of your own besides the origins",
            "x-fix": 'write for example ["images.shop.example"]',
        },
        "texts": {"type": "object", "additionalProperties": _TEXTS, "propertyNames": {"pattern": _ID}},
        "banner": _BANNER,
        "audience": _one_of(Audience, "whom the site is for"),
        "region": _REGION,
        "gate": _GATE,
        "alerts": _LIMITS,
        "live_check": _LIVE_CHECK,
        "search": _SEARCH,
        "fields": _table(dict.fromkeys(MOVABLE, _ASKED), []),
        "events": {
            "type": "object",
            "additionalProperties": _table({"purpose": _ASKED}, []),
            "propertyNames": {"pattern": _ID},
        },
        "smallest_group": _number(5, 1000, "how many people share what is told of them", "10 is usual"),
        "anonymous_totals": _yes_no("whether totals are counted of those who have not agreed; the notice says so"),
        "controller": _table(
            {
                "name": _text("who answers for this site", "write the company's full legal name"),
                "address": _text("its postal address", "write it on one line"),
                "contact": _text("how a visitor reaches whoever deals with privacy", "write an e-mail address"),
            },
            ["name", "address", "contact"],
        ),
        "purposes": {
            "type": "object",
            "additionalProperties": _PURPOSE,
            "propertyNames": {"pattern": _ID},
        },
        "vendors": {"type": "object", "additionalProperties": _VENDOR, "propertyNames": {"pattern": _ID}},
        "trackers": {"type": "object", "additionalProperties": _TRACKER, "propertyNames": {"pattern": _ID}},
    },
    ["name", "origins", "controller"],
)

_GEO = _table(
    {
        "kind": _one_of(GeoKind, "what the files are that tell where an address is"),
        "files": {
            "type": "array",
            "items": _text(
                "a path, beside gatekeeper.toml unless it begins with /", 'write for example "ip2asn.tsv.gz"'
            ),
            "x-rule": "a list of files",
            "x-fix": 'write for example ["ip2asn.tsv.gz"]',
        },
        "urls": {
            "type": "array",
            "items": _text("an address", 'write "https://…"'),
            "x-rule": "a list of the addresses that `gatekeeper geo update` fetches the files from, in their order",
            "x-fix": f'write for example ["{IP2ASN_URL}"]',
        },
        "licence": _text("under which the data may be used", "write its name"),
    },
    ["kind"],
)

_ALERTS = _table(
    {
        "to": _addresses("a list of who is told what is wrong, by mail"),
        "from": _text("the address that mails come from", 'write for example "gatekeeper@shop.example"'),
        "smtp": _text("the mail server", 'write for example "smtp://127.0.0.1:25"'),
        "smtp_user": _text("the name that the mail server knows you by", "write it, or remove it"),
        "smtp_password_file": _text("the path of a file that holds the password", 'write for example "smtp.password"'),
        "webhook": _text("the address that what is wrong is posted to", 'write "https://…"'),
        "webhook_secret_file": _text(
            "the path of a file that holds the key that posts are signed with", 'write for example "webhook.secret"'
        ),
        "dashboard": _text(
            "where staff reach the dashboard, for links in mails",
            'write for example "https://gatekeeper.internal"',
            pattern="^https?://",
        ),
    },
    [],
)

_REPORTS = _table(
    {
        "to": _addresses("a list of who gets reports, by mail"),
        "every": _one_of(Every, "how often a report is sent"),
        "sites": {
            "type": "array",
            "items": _text("the id of a site", "write the id of a site of this file"),
            "x-rule": "a list of the sites that reports are sent of",
            "x-fix": "remove it: then it is all of them",
        },
    },
    ["to"],
)

_STAFF = _table(
    {
        "second_factor": _one_of(SecondFactor, "remove it: then it is asked of whoever has switched it on"),
        "oidc": _table(
            {
                "issuer": _text(
                    "the address of the provider, as it names itself",
                    'write for example "https://login.example.com"',
                    pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
                ),
                "client_id": _text("how the provider knows Gatekeeper", "copy it from where you registered Gatekeeper"),
                "client_secret_file": _text(
                    "the path of a file with the secret that the provider gave", "write the secret to a file of its own"
                ),
                "name": _text("what the provider is called on the page", "write two or three plain words"),
            },
            ["issuer", "client_id", "client_secret_file"],
        ),
    },
    [],
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    **_table(
        {
            "sites": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": _SITE_ID},
                "additionalProperties": _SITE,
                "x-rule": "at least one site",
                "x-fix": "write a [sites.<id>] table; `gatekeeper init` shows how",
            },
            "geo": _GEO,
            "alerts": _ALERTS,
            "reports": _REPORTS,
            "staff": _STAFF,
        },
        ["sites"],
    ),
}
