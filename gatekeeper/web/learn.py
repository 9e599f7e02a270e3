"""The page on which a staff browser goes into learn mode, and out of it. It needs no script, like all our pages.

The code is typed into a form, so that it stands in no address, no history and no log.
"""

from gatekeeper.core.errors import BadToken, InvalidInput
from gatekeeper.core.learners import (
    LEARNS_FOR,
    forget_learner,
    is_learner,
    read_invitation,
    set_learner,
    sign_learner,
)
from gatekeeper.core.sites import Site

from .access import check_navigation
from .http import Request, Response, first_of
from .pages import form_fields, html_page
from .service import Service


def show(service: Service, request: Request, site: str) -> Response:
    """Show whether this browser learns, and the form."""
    published = service.published(site).site
    learns = is_learner(service.config.keys, published, request.header("HTTP_COOKIE"), now=service.now())
    return html_page("staff/learn.html", site=published, learns=learns, hours=LEARNS_FOR // 3600)


def change(service: Service, request: Request, site: str) -> Response:
    """Take a code, or stop. Only in a window of its own: no script can put a browser into learn mode out of sight."""
    check_navigation(request)
    published = service.published(site).site
    fields = form_fields(request)
    if fields.get("do") == ["stop"]:
        return _answer(published, cookies=forget_learner(published))
    now = service.now()
    try:
        invitation = read_invitation(service.config.keys, published, first_of(fields, "code"), now=now)
        service.store.use_invitation(invitation, at=now)
    except (BadToken, InvalidInput):
        return _answer(published, refused=True, status=403)
    value = sign_learner(service.config.keys, published, until=now + LEARNS_FOR)
    return _answer(published, learns=True, cookies=set_learner(published, value))


def _answer(
    site: Site, *, learns: bool = False, refused: bool = False, status: int = 200, cookies: tuple[str, ...] = ()
) -> Response:
    page = html_page(
        "staff/learn.html", site=site, learns=learns, refused=refused, changed=not refused, hours=LEARNS_FOR // 3600
    )
    return Response(status, page.headers, page.body, cookies)
