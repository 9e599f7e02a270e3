"""What the OpenAPI description says of each route beyond what the table of routes and the handlers say themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from gatekeeper.core.rollups import FACETS, What
from gatekeeper.panels.catalogue import PANELS

from . import choice, decide, erase, events, health, regime, reports
from .dashboard import api, asked


class Error(msgspec.Struct):
    """Why a request was refused.

    :param error: in words, for people.
    """

    error: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a request, beside those in its path.

    :param place: ``query``, ``header`` or ``cookie``.
    """

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    place: str = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a status means.

    :param types: of the JSON it brings, one of them.
    :param media: what it may be instead of JSON.
    :param headers: those that matter, and what they say.
    """

    about: str
    types: tuple[Any, ...] = ()
    media: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """What is said of a route.

    :param body: by media type, the type of what is read.
    :param errors: statuses that do not follow from the route.
    :param id: tells routes of one handler apart.
    """

    answers: Mapping[int, Answer]
    about: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[int, ...] = ()
    id: str = ""


# What visitors' routes send and read as plain values.


class Held(msgspec.Struct, forbid_unknown_fields=True):
    """A choice, and what it amounts to now.

    :param notice: to which it was given; ``null`` before any choice.
    :param current: the number of the notice that is published now; 0 where none is.
    :param trackers: exceptions to what was said of their purpose.
    :param until: the last day on which it holds.
    :param receipt: the visitor's own copy, after a grant.
    :param erase: by which a visitor who has withdrawn may have the log deleted as well.
    """

    state: Literal["none", "expired", "refused", "withdrawn", "stale", "granted", "partial"]
    notice: int | None
    current: int
    purposes: list[str] | msgspec.UnsetType = msgspec.UNSET
    trackers: list[str] | msgspec.UnsetType = msgspec.UNSET
    override: list[str] | msgspec.UnsetType = msgspec.UNSET
    day: str | msgspec.UnsetType = msgspec.UNSET
    until: str | msgspec.UnsetType = msgspec.UNSET
    receipt: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    erase: str | msgspec.UnsetType = msgspec.UNSET


class TooYoung(Held, forbid_unknown_fields=True, kw_only=True):
    """What a grant of which nothing is left has become."""

    error: str


class Stale(msgspec.Struct, forbid_unknown_fields=True):
    """A grant under a notice that is not the current one.

    :param notice: the current one's number.
    :param settings: what the guard needs to ask again.
    """

    error: str
    notice: int
    settings: dict[str, Any]


class Notice(msgspec.Struct, forbid_unknown_fields=True):
    """A notice as it was published.

    :param hash: SHA-256 of its content (RFC 8785).
    """

    no: int
    hash: str
    published_day: str
    content: dict[str, Any]


class Form(msgspec.Struct):
    """A form of our own pages. What its fields are is the pages' own affair, and may change."""


class BrowserReport(msgspec.Struct):
    """One report of many (Reporting API)."""

    type: str
    body: dict[str, Any] = {}


#: An element as its name, its attributes and its children, to build a notice of.
Tree = list[Any]

_TEXT = {"type": "string", "minLength": 1}
_SITE = {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,31}$"}
_HASH = {"type": "string", "pattern": "^[0-9a-f]+$"}
_LANGUAGE = {"type": "string", "pattern": "^[A-Za-z-]+$"}

#: By name, what a part of a path is.
PATH_PARAMETERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "site": ("The site's id, as gatekeeper.toml has it.", _SITE),
    "tracker": ("The tracker's id. One that is not declared is answered alike, and nothing of it is kept.", _TEXT),
    "token": ("A signed link, as `Links.sign` made it.", _TEXT),
    "hash": ("What the guard names; an older one leads to the current one.", _HASH),
    "language": ("A language of the site.", _LANGUAGE),
    "name": ("A part of the guard.", {"type": "string", "pattern": "^[a-z]+$"}),
    "no": ("The notice's number.", {"type": "integer", "minimum": 0}),
    "panel": ("The panel's id, as `/api/v1/panels` lists them.", {"type": "string", "enum": [*PANELS]}),
}

_NOTICE = Answer("The notice.", (Notice, Tree), media=("text/html",))
_AS = "As a page, or where `Accept` names it as JSON; with `fragment=1` as a part of a page, or as its tree."
_FRAGMENT = (Parameter("fragment", "`1` for a part of a page.", {"type": "string"}),)
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_COOKIES = (
    Parameter("gk_choice", "The visitor's choice, as the browser holds it.", place="cookie"),
    Parameter("gk_subject", "The signed subject; only after a grant.", place="cookie"),
)
_LEARNER = (Parameter("gk_learn", "Signed; only in browsers of the site's own staff that learn.", place="cookie"),)
_ETAG = {"ETag": "A hash of what is sent."}
_ONWARD = {"Location": "Where to."}
_SCRIPT = Answer("The script.", media=("text/javascript",), headers=_ETAG)
_UNCHANGED = Answer("It is what `If-None-Match` names.")
_CURRENT = Answer("There is a newer one.", headers=_ONWARD)
_PAGE = Answer("A page.", media=("text/html",))
_LATER = Operation({200: _SCRIPT, 302: _CURRENT, 304: _UNCHANGED})
_TRUE = {"type": "string", "enum": ["0", "1"]}
_DAY = {"type": "string", "format": "date", "pattern": "^2[0-9]{3}-[0-9]{2}-[0-9]{2}$"}

_DAYS = (
    Parameter("first", "The first day, in the site's time zone; without it, `last` and 27 days before it.", _DAY),
    Parameter("last", "The last day, which is included; without it, today.", _DAY),
    Parameter(
        "days",
        "So many days up to today, instead of `first` and `last`.",
        {"type": "integer", "minimum": 1, "maximum": asked.MOST_DAYS, "default": asked.USUAL},
    ),
)
_PANEL = (
    *_DAYS,
    Parameter("bot", "`1` for machines that say what they are, instead of people.", _TRUE),
    Parameter("about", "Which tracker, where the panel is about one.", {"type": "string", "minLength": 1}),
    Parameter("format", "Wins over `Accept`.", {"type": "string", "enum": ["json", "csv"]}),
    *(
        Parameter(
            f"f.{what}",
            f"Only visits with this {what}; `{asked.NONE}` for those without any.",
            {"type": "string", "minLength": 1, "maxLength": 2000},
        )
        for what in What
        if what in FACETS
    ),
)
_AUDIT = (
    Parameter("site", "Only of this site; without it, of all that the token may see.", _SITE),
    Parameter("action", "Only actions that begin so, such as `visitor`.", {"type": "string", "minLength": 1}),
    Parameter("limit", "How many at most.", {"type": "integer", "minimum": 1, "maximum": api.MOST_ENTRIES}),
    Parameter(
        "after", "What `next` was in the answer before.", {"type": "string", "pattern": "^[0-9]{1,11}-[0-9a-f]{32}$"}
    ),
)

_CHOICE = {200: Answer("The choice as it now holds.", (Held,))}

#: By method and path, as in the table of routes. A route for programs that is not here makes a test fail.
OPERATIONS: Mapping[str, Operation] = {
    "GET /api/v1/sites": Operation({200: Answer("The sites.", (api.Sites,))}),
    "GET /api/v1/panels": Operation({200: Answer("The panels.", (api.Panels,))}),
    "GET /api/v1/sites/<site>/panels/<panel>": Operation(
        {200: Answer("The panel.", (api.Panel,), media=(api.CSV,))},
        about="As CSV with `format=csv`, or where `Accept` names only that.",
        parameters=_PANEL,
    ),
    "GET /api/v1/sites/<site>/marks": Operation({200: Answer("The marks.", (api.Marks,))}, parameters=_DAYS),
    "GET /api/v1/sites/<site>/alarms": Operation({200: Answer("The alarms.", (api.Alarms,))}, parameters=_DAYS),
    "GET /api/v1/audit": Operation(
        {200: Answer("The lines.", (api.Audit,))},
        about="Needs the right `see_audit` on the site; without a site, all of those where it is held are told.",
        parameters=_AUDIT,
    ),
    "GET /openapi.json": Operation(
        {200: Answer("The description.", (dict[str, Any],), headers=_ETAG), 304: _UNCHANGED},
        about="On the staff hosts.",
    ),
    "GET /metrics": Operation({200: Answer("The numbers.", media=("text/plain",))}, about="On the staff hosts."),
    "GET /healthz": Operation(
        {200: Answer("Everything works.", (health.Health,)), 503: Answer("Something does not.", (health.Health,))}
    ),
    "GET /.well-known/gpc.json": Operation({200: Answer("The statement.", (health.Support,))}),
    "GET /<site>/b/<tracker>.gif": Operation(
        {200: Answer("A transparent pixel, the same whatever was decided.", media=("image/gif",))},
        parameters=_COOKIES,
        errors=(503,),
    ),
    "GET /l/<token>": Operation(
        {302: Answer("On to what was signed.", headers=_ONWARD)}, parameters=_COOKIES, errors=(503,)
    ),
    "GET /<site>/out": Operation(
        {302: Answer("On to where the link leads.", headers=_ONWARD)},
        about="Only for a person's click in a page of a strict site, by what the browser says of it (Fetch Metadata).",
        parameters=(Parameter("to", "Where the link leads."),),
    ),
    "POST /<site>/events": Operation(
        {204: Answer("What may be kept, is; the answer is the same where nothing may.")},
        body={_JSON: events.Batch},
        parameters=_COOKIES,
    ),
    "GET /<site>/choice": Operation(_CHOICE, parameters=_COOKIES),
    "POST /<site>/choice": Operation(
        {
            200: Answer("The choice as it now holds.", (Held,), media=("text/html",)),
            403: Answer("Another site's page asks, or whoever asks is too young.", (Error, TooYoung)),
            409: Answer("Another notice has been published; nothing was granted.", (Stale,)),
            503: Answer("A grant could not be kept; nothing was granted.", (Error,), media=("text/html",)),
        },
        body={_JSON: choice.Answer, _FORM: Form},
        parameters=_COOKIES,
    ),
    "DELETE /<site>/choice": Operation(_CHOICE, parameters=_COOKIES, errors=(400, 503)),
    "POST /<site>/erase": Operation({200: Answer("It is deleted.", (erase.Erased,))}, body={_JSON: erase.Erasure}),
    "POST /<site>/decide": Operation(
        {200: Answer("The decisions.", (decide.Decisions,))}, body={_JSON: decide.Question}, parameters=_COOKIES
    ),
    "GET /<site>/regime": Operation({200: Answer("The regime.", (regime.Here,))}),
    "GET /<site>/gate": Operation(
        {204: Answer("The headers that the page is to have.", headers={"Gatekeeper-Mode": "How it is gated."})},
        parameters=(*_COOKIES, Parameter("X-Forwarded-Uri", "Which page it is.", place="header")),
    ),
    "GET /<site>/gatekeeper.js": Operation({200: _SCRIPT, 304: _UNCHANGED}),
    "GET /<site>/gatekeeper.<hash>.js": Operation({200: _SCRIPT, 304: _UNCHANGED}),
    "GET /<site>/banner.<language>.js": Operation({302: _CURRENT}),
    "GET /<site>/banner.<language>.<hash>.js": _LATER,
    "GET /<site>/panel.<language>.<hash>.js": _LATER,
    "GET /<site>/part.<name>.<language>.<hash>.js": _LATER,
    "GET /<site>/choices": Operation({200: _PAGE}, parameters=_COOKIES),
    "POST /<site>/choices": Operation(
        {
            200: _PAGE,
            409: Answer("The page, with another notice.", media=("text/html",)),
            503: Answer("The page; nothing was granted.", (Error,), media=("text/html",)),
        },
        body={_FORM: Form},
        parameters=_COOKIES,
    ),
    "GET /<site>/notice": Operation({200: _NOTICE}, about=_AS, parameters=_FRAGMENT),
    "GET /<site>/notice/<int:no>": Operation({200: _NOTICE}, about=_AS, parameters=_FRAGMENT, id="_by_number"),
    "GET /<site>/pages.css": Operation({200: Answer("The style sheet.", media=("text/css",))}),
    "POST /<site>/reports": Operation(
        {
            204: Answer("It is kept."),
            429: Answer("There are too many; `Retry-After` says when more are taken.", (Error,)),
        },
        about="Only from browsers of the site's own staff that learn what pages call.",
        body={
            _JSON: reports.Guarded,
            "application/csp-report": reports.Enclosed,
            "application/reports+json": list[BrowserReport],
        },
        parameters=_LEARNER,
    ),
    "GET /<site>/learn": Operation({200: _PAGE}, parameters=_LEARNER),
    "POST /<site>/learn": Operation(
        {200: _PAGE, 403: Answer("The code is none, or it came in no window of its own.", (Error,), ("text/html",))},
        body={_FORM: Form},
    ),
}
