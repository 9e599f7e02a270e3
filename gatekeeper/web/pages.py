"""The visitor's pages: the choice without JavaScript, and the notice. Everything works as plain forms and links."""

from functools import lru_cache
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader

from gatekeeper import assets
from gatekeeper.core.errors import BadToken, InvalidInput
from gatekeeper.core.notices import Notice
from gatekeeper.core.trackers import OWN_VENDOR
from gatekeeper.core.visits import Visit

from . import choice
from .access import is_navigation
from .choice import Answer, Outcome, describe, take
from .errors import NotFound
from .http import NO_STORE, OWN, Request, Response, json_response
from .service import Service
from .visits import read_visit

_DAY = 86_400

#: Our pages load nothing from anywhere, run no script, and nobody may frame them or hold on to their window.
_PAGE = (
    ("Content-Type", "text/html; charset=utf-8"),
    *OWN,
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    # Not no-referrer: under that, browsers post our own forms with the origin "null".
    ("Referrer-Policy", "same-origin"),
)


def show_choices(service: Service, request: Request, site: str) -> Response:
    """Show the choice as a form."""
    visit = read_visit(service, request, site)
    return _choices(service, visit)


def post_choice(service: Service, request: Request, site: str) -> Response:
    """Take an answer, as JSON from the guard or as a form from a page without JavaScript."""
    if request.content_type == "application/x-www-form-urlencoded":
        return post_choices(service, request, site)
    return choice.post(service, request, site)


def post_choices(service: Service, request: Request, site: str) -> Response:
    """Take an answer as a form.

    A grant needs the ticket that only our own page holds, and scripts cannot read that page: a form that a script
    submits in the visitor's name ends at a page that asks the visitor. A script's owner may read the page elsewhere
    and hand the ticket on, so that a grant must also come in a window of its own, where the visitor sees it.
    """
    visit = read_visit(service, request, site)
    fields = form_fields(request)
    answer = _answer(fields, visit)
    if answer.grants and not (is_navigation(request) and _has_ticket(service, visit, fields)):
        return _choices(service, visit, asked=answer)
    return _choices(service, visit, outcome=take(service, request, visit, answer))


def show_notice(service: Service, request: Request, site: str, no: int | None = None) -> Response:
    """Show a notice as it was published, any version: as a page, as a fragment of one, or as JSON with its hash."""
    notices = service.published(site).site.notices
    found = notices.get(max(notices, default=0) if no is None else no)
    if found is None:
        raise NotFound(f"site {site} has published no notice {no or ''}".rstrip())
    if "application/json" in request.header("HTTP_ACCEPT"):
        told = {"no": found.no, "hash": found.hash, "published_day": found.published_day, "content": found.content}
        return json_response(told)
    name = "fragment" if "fragment=1" in request.header("QUERY_STRING") else "notice"
    # The page may lie one level deeper than the site's other pages.
    return html_page(f"visitor/{name}.html", notice=found, newest=max(notices), base="" if no is None else "../")


def style(service: Service, request: Request, site: str) -> Response:
    """Send the style sheet of the visitor's pages."""
    service.published(site)
    headers = (("Content-Type", "text/css; charset=utf-8"), ("Cache-Control", "public, max-age=60"), *OWN)
    return Response(200, headers, assets.static("pages.css").read_bytes())


def _choices(
    service: Service, visit: Visit, *, outcome: Outcome | None = None, asked: Answer | None = None
) -> Response:
    notice = visit.site.notice
    if notice is None:
        raise InvalidInput(f"site {visit.site.id} has published no notice yet, so nothing is asked and nothing fires")
    held = outcome.choice if outcome else visit.visitor.choice
    page = html_page(
        "visitor/choices.html",
        site=visit.site,
        notice=notice,
        choice=describe(held, visit),
        receipt=outcome.receipt if outcome else None,
        asked=[row for row in notice.content["purposes"] if asked and row["id"] in asked.granted],
        objected={purpose.id for purpose in visit.site.optional_purposes if purpose.denied_by & visit.visitor.signals},
        recipients=_by_purpose(notice),
        ticket=service.forms.sign([visit.site.id, visit.site.day_of(visit.now)]),
        saved=outcome is not None,
        base="",
    )
    return Response(page.status, page.headers, page.body, outcome.cookies if outcome else ())


def _by_purpose(notice: Notice) -> dict[str, list[str]]:
    rows = notice.content["trackers"]
    names = {row["purpose"]: set[str]() for row in rows}
    for row in rows:
        own = row["vendor"]["id"] == OWN_VENDOR
        names[row["purpose"]].add("this site" if own else f"{row['vendor']['name']} ({row['vendor']['country']})")
    return {purpose: sorted(found) for purpose, found in names.items()}


def form_fields(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form.

    :raises InvalidInput: the body is none.
    """
    try:
        return parse_qs(request.body().decode(), max_num_fields=600)
    except ValueError as error:
        raise InvalidInput(f"not a form: {error}") from error


def _answer(fields: dict[str, list[str]], visit: Visit) -> Answer:
    optional = [purpose.id for purpose in visit.site.optional_purposes]
    do = fields.get("do", ["reject"])[0]
    granted = {"accept": optional, "save": fields.get("purpose", [])}.get(do, [])
    notice = fields.get("notice", [""])[0]
    return Answer(
        granted=granted,
        refused=[purpose for purpose in optional if purpose not in granted],
        override=fields.get("override", []) if granted else [],
        notice=int(notice) if notice.isdecimal() and len(notice) < 7 else None,
        language=visit.site.language,
        method=f"form:{do}" if do in {"accept", "reject", "save", "withdraw"} else "form",
    )


def _has_ticket(service: Service, visit: Visit, fields: dict[str, list[str]]) -> bool:
    try:
        ticket = service.forms.verify(fields.get("ticket", [""])[0])
    except BadToken:
        return False
    days = [visit.site.day_of(visit.now), visit.site.day_of(visit.now - _DAY)]
    return ticket in [[visit.site.id, day] for day in days]


def html_page(template: str, **values: object) -> Response:
    """Return a page of our own: it loads nothing but its style, runs nothing, and nobody may keep it."""
    return Response(200, (*_PAGE, NO_STORE), _templates().get_template(template).render(**values).encode())


@lru_cache(maxsize=1)
def _templates() -> Environment:
    # Not Flask's own: a form that is posted to a hot route is answered outside Flask.
    return Environment(
        loader=FileSystemLoader(assets.templates()), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
