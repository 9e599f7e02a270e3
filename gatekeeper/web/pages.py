"""The visitor's pages: the choice without JavaScript, and the notice. Everything works as plain forms and links."""

from functools import lru_cache
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader

from gatekeeper import assets
from gatekeeper.core.errors import BadToken, GatekeeperError, InvalidInput, StaleNotice, StoreUnavailable
from gatekeeper.core.languages import accepted, choose, direction
from gatekeeper.core.regimes import regime_lines
from gatekeeper.core.sites import Audience, Site
from gatekeeper.core.visits import Visit
from gatekeeper.languages import own_name, words

from . import choice
from .access import is_navigation
from .choice import Answer, Outcome, describe, take
from .errors import NotFound, status_of
from .http import NO_STORE, OWN, Request, Response, json_response
from .printed import Printer
from .regime import regime
from .service import Service
from .trees import tree
from .visits import read_visit

_DAY = 86_400
_AGAIN_SOON = ("Retry-After", "1")

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
    return _choices(service, request, read_visit(service, request, site))


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
    answer = _answer(fields, visit, _language(request, visit.site))
    if answer.grants and not (is_navigation(request) and _has_ticket(service, visit, fields)):
        return _choices(service, request, visit, asked=answer)
    try:
        outcome = take(service, request, visit, answer)
    except StaleNotice as error:
        return _choices(service, request, visit, asked=answer, error=error)
    except StoreUnavailable as error:
        return _choices(service, request, visit, error=error).adding(_AGAIN_SOON)
    return _choices(service, request, visit, outcome=outcome)


def show_notice(service: Service, request: Request, site: str, no: int | None = None) -> Response:
    """Show a notice as it was published, any version.

    As a page; as a fragment of one, in HTML or as a tree for a script to build it of; or as JSON with its hash.
    """
    declared = service.published(site).site
    notices = declared.notices
    found = notices.get(max(notices, default=0) if no is None else no)
    if found is None:
        raise NotFound(f"site {site} has published no notice {no or ''}".rstrip())
    fragment = "1" in _query(request, "fragment")
    as_json = "application/json" in request.header("HTTP_ACCEPT")
    if as_json and not fragment:
        told = {"no": found.no, "hash": found.hash, "published_day": found.published_day, "content": found.content}
        return json_response(told)
    values = {**_values(service, request, declared), "notice": found, "notices": notices}
    if not fragment:
        # The page may lie one level deeper than the site's other pages.
        return _varying(html_page("visitor/notice.html", **values, base="" if no is None else "../"))
    page = html_page("visitor/fragment.html", **values, base=_absolute_base(request))
    return _varying(json_response(tree(page.body.decode())) if as_json else page)


def style(service: Service, request: Request, site: str) -> Response:
    """Send the style sheet of the visitor's pages."""
    service.published(site)
    headers = (("Content-Type", "text/css; charset=utf-8"), ("Cache-Control", "public, max-age=60"), *OWN)
    return Response(200, headers, assets.static("pages.css").read_bytes())


def _choices(
    service: Service,
    request: Request,
    visit: Visit,
    *,
    outcome: Outcome | None = None,
    asked: Answer | None = None,
    error: GatekeeperError | None = None,
) -> Response:
    """Return the page of choices.

    :param outcome: what an answer has become.
    :param asked: an answer that the visitor has to confirm.
    :param error: why an answer was not taken.
    """
    site = visit.site
    notice = site.notice
    if notice is None:
        raise InvalidInput(f"site {site.id} has published no notice yet, so nothing is asked and nothing fires")
    held = outcome.choice if outcome else visit.visitor.choice
    page = html_page(
        "visitor/choices.html",
        **_values(service, request, site),
        notice=notice,
        choice=describe(held, visit),
        before=site.notices.get(held.notice) if held else None,
        receipt=outcome.receipt if outcome else None,
        asked=[purpose for purpose in notice.purposes if asked and purpose in asked.granted],
        objected={purpose.id for purpose in site.optional_purposes if purpose.denied_by & visit.visitor.signals},
        ticket=service.forms.sign([site.id, site.day_of(visit.now)]),
        saved=outcome is not None,
        failed=isinstance(error, StoreUnavailable),
        base="",
    )
    status = status_of(error) if error else page.status
    return _varying(Response(status, page.headers, page.body, outcome.cookies if outcome else ()))


def _values(service: Service, request: Request, site: Site) -> dict[str, object]:
    """Return what every page of a site needs: its language, the others, and what the law asks where the visitor is."""
    here = regime(service, request, site)
    spoken = words(_language(request, site))
    several = len(site.languages) > 1
    # On a site for everybody nothing is said of children.
    apart = site.optional_purposes if site.audience is not Audience.GENERAL else []
    return {
        "site": site,
        "print": Printer(spoken),
        "language": spoken.tag,
        "direction": spoken.direction,
        "languages": [(tag, own_name(tag), direction(tag)) for tag in site.languages] if several else [],
        "query": f"?lang={spoken.tag}" if several else "",
        "regime": regime_lines(here),
        "children_age": min((here.min_age(purpose) for purpose in apart), default=0),
    }


def _language(request: Request, site: Site) -> str:
    """Return the language of a page: the one its address asks for, or its visitor's browser, as far as it is there."""
    return choose([*_query(request, "lang"), *accepted(request.header("HTTP_ACCEPT_LANGUAGE"))], site.languages)


def _query(request: Request, name: str) -> list[str]:
    """Return what the query says under a name. What may stand there needs no decoding."""
    pairs = (part.partition("=") for part in request.header("QUERY_STRING").split("&"))
    return [value for found, _, value in pairs if found == name]


def _absolute_base(request: Request) -> str:
    """Return where the site's pages lie on its own origin: a fragment's links stand on another page."""
    path = request.header("SCRIPT_NAME") + request.header("PATH_INFO")
    return path.rpartition("/notice")[0] + "/"


def _varying(page: Response) -> Response:
    return page.adding(("Vary", "Accept, Accept-Language"))


def form_fields(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form.

    :raises InvalidInput: the body is none.
    """
    try:
        return parse_qs(request.body().decode(), max_num_fields=600)
    except ValueError as error:
        raise InvalidInput(f"not a form: {error}") from error


def _answer(fields: dict[str, list[str]], visit: Visit, spoken: str) -> Answer:
    optional = [purpose.id for purpose in visit.site.optional_purposes]
    do = fields.get("do", ["reject"])[0]
    granted = {"accept": optional, "save": fields.get("purpose", [])}.get(do, [])
    notice = fields.get("notice", [""])[0]
    return Answer(
        granted=granted,
        refused=[purpose for purpose in optional if purpose not in granted],
        override=fields.get("override", []) if granted else [],
        notice=int(notice) if notice.isdecimal() and len(notice) < 7 else None,
        language=spoken,
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
