"""The visitor's pages: the choice without JavaScript, and the notice. Everything works as plain forms and links."""

from functools import lru_cache
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader

from gatekeeper import assets
from gatekeeper.core.errors import BadToken, GatekeeperError, InvalidInput, StaleNotice, StoreUnavailable
from gatekeeper.core.languages import accepted, choose, direction
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.regimes import regime_lines
from gatekeeper.core.sites import Site
from gatekeeper.core.visits import Visit
from gatekeeper.languages import own_name, words

from . import choice, erase
from .access import is_navigation
from .ages import asks_age, known_age, open_to, read_age, twice, write_age
from .choice import Answer, Outcome, describe, take, withdrawal_ticket
from .errors import NotFound, status_of
from .http import NO_STORE, OWN, Request, Response, first_of, json_response
from .printed import Printer
from .regime import regime
from .service import Service
from .trees import tree
from .visits import read_visit

_DAY = 86_400
_AGAIN_SOON = ("Retry-After", "1")
#: What a ticket covers beside the site and the day, where a form has it: an age that is kept nowhere, a second step.
_COVERED = ("age", "step")

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
    if fields.get("do") in (["erase"], ["keep"]):
        return _choices(service, request, visit, log=_end_log(service, site, fields))
    answer = _answer(fields, visit, _language(request, visit.site))
    ours = is_navigation(request) and _has_ticket(service, visit, fields)
    if asks_age(visit.site) and (first := _before(service, request, visit, fields, answer, ours=ours)):
        return first
    if answer.grants and not ours:
        return _choices(service, request, visit, asked=answer, age=answer.age_band)
    try:
        outcome = take(service, request, visit, answer)
    except StaleNotice as error:
        return _choices(service, request, visit, asked=answer, error=error, age=answer.age_band)
    except StoreUnavailable as error:
        return _choices(service, request, visit, error=error).adding(_AGAIN_SOON)
    return _choices(service, request, visit, outcome=outcome)


def _end_log(service: Service, site: str, fields: dict[str, list[str]]) -> str:
    """Do with the log what a visitor who has withdrawn says, and return the sentence that tells them."""
    if fields["do"] == ["keep"]:
        return "erase_kept"
    try:
        erase.delete(service, site, first_of(fields, "erase"))
    except (InvalidInput, StoreUnavailable):
        return "erase_failed"
    return "erased"


def _before(
    service: Service, request: Request, visit: Visit, fields: dict[str, list[str]], answer: Answer, *, ours: bool
) -> Response | None:
    """Return what comes before an answer on a site that children use: an age, a second step. None where nothing does.

    :param answer: gets the age that the form says.
    :param ours: whether our own page sent the form, so that what it says of earlier answers holds.
    """
    asking = fields.get("do") == ["age"]
    answer.age_band = read_age(fields) if asking or ours else None
    band = known_age(visit, answer.age_band)
    # An adult's age is kept only with a choice; one that is kept already changes nothing.
    if asking and band in (None, AgeBand.ADULT, visit.visitor.age_band):
        return _choices(service, request, visit, age=band)
    if answer.grants and band is None:
        return _choices(service, request, visit)
    objected = _objected(visit) - {*answer.override}
    answer.granted = [purpose for purpose in answer.granted if purpose not in objected]
    if ours and not {"step", "sure"} <= fields.keys() and twice(band, answer.granted, visit.site):
        return _choices(service, request, visit, asked=answer, step="sure")
    return None


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
    age: AgeBand | None = None,
    step: str = "",
    log: str = "",
) -> Response:
    """Return the page of choices; on a site that children use, what comes before it.

    :param outcome: what an answer has become.
    :param asked: an answer that the visitor has to confirm.
    :param error: why an answer was not taken.
    :param age: what the visitor said, where no cookie keeps it.
    :param step: what the visitor is asked first; see ``age.html``.
    :param log: the sentence that tells what became of the log.
    """
    site = visit.site
    notice = site.notice
    if notice is None:
        raise InvalidInput(f"site {site.id} has published no notice yet, so nothing is asked and nothing fires")
    held = outcome.choice if outcome else visit.visitor.choice
    allowed = list(notice.purposes)
    if asks_age(site):
        band = outcome.choice.age_band if outcome else known_age(visit, age)
        allowed = open_to(band, allowed, site) if band is not None else []
        step = step or ("age" if band is None else "" if allowed else "child")
    covered = {"step": step} if step == "sure" else {} if age is None else {"age": write_age(age)}
    granted = [purpose for purpose in allowed if asked and purpose in asked.granted]
    page = html_page(
        "visitor/age.html" if step else "visitor/choices.html",
        **_values(service, request, site),
        notice=notice,
        choice=describe(held, visit),
        before=site.notices.get(held.notice) if held else None,
        receipt=outcome.receipt if outcome else None,
        asked=granted,
        asked_twice=twice(AgeBand.FROM_13, granted, site) if step == "sure" else [],
        override=asked.override if asked else [],
        allowed=allowed,
        step=step,
        ages=[(write_age(band), int(band)) for band in AgeBand],
        covered=covered,
        objected=_objected(visit),
        ticket=service.forms.sign([site.id, site.day_of(visit.now), *covered.values()]),
        saved=outcome is not None,
        erase=withdrawal_ticket(service, visit, outcome) if outcome else "",
        log=log,
        failed=isinstance(error, StoreUnavailable),
        base="",
    )
    status = status_of(error) if error else page.status
    return _varying(Response(status, page.headers, page.body, outcome.cookies if outcome else ()))


def _objected(visit: Visit) -> set[str]:
    """Return the purposes that the visitor's browser objects to."""
    return {purpose.id for purpose in visit.site.optional_purposes if purpose.denied_by & visit.visitor.signals}


def _values(service: Service, request: Request, site: Site) -> dict[str, object]:
    """Return what every page of a site needs: its language, the others, and what the law asks where the visitor is."""
    here = regime(service, request, site)
    spoken = words(_language(request, site))
    several = len(site.languages) > 1
    # On a site for everybody nothing is said of children.
    apart = site.optional_purposes if asks_age(site) else []
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
    sure = first_of(fields, "sure")
    do = "save" if sure else fields.get("do", ["reject"])[0]
    granted = {"accept": optional, "save": fields.get("purpose", [])}.get(do, [])
    if sure and sure != "yes":
        kept_off = twice(AgeBand.FROM_13, granted, visit.site)
        granted = [purpose for purpose in granted if purpose not in kept_off]
    notice = first_of(fields, "notice")
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
        ticket = service.forms.verify(first_of(fields, "ticket"))
    except BadToken:
        return False
    days = [visit.site.day_of(visit.now), visit.site.day_of(visit.now - _DAY)]
    covered = [fields[key][0] for key in _COVERED if key in fields]
    return ticket in [[visit.site.id, day, *covered] for day in days]


def html_page(template: str, **values: object) -> Response:
    """Return a page of our own: it loads nothing but its style, runs nothing, and nobody may keep it."""
    return Response(200, (*_PAGE, NO_STORE), _templates().get_template(template).render(**values).encode())


@lru_cache(maxsize=1)
def _templates() -> Environment:
    # Not Flask's own: a form that is posted to a hot route is answered outside Flask.
    return Environment(
        loader=FileSystemLoader(assets.templates()), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
