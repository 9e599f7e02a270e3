"""The overview of a site, and the way to it."""

from gatekeeper.panels.catalogue import PANELS
from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import NO_STORE, Request, Response
from gatekeeper.web.service import Service

from .asked import asked_of
from .page import dashboard_page, panels_of

#: Whose numbers are shown as cards, before all others.
_CARDS = ("glance", "rates")


def choose_site(service: Service, request: Request) -> Response:
    """Send the browser to the first site it may see."""
    sites = request.member.sites(service.config.sites)
    if not sites:
        raise NotFound("no site is yours to see: an owner can give you a role on one")
    return Response(303, (("Location", f"{request.header('SCRIPT_NAME')}/dashboard/{sites[0]}/"), NO_STORE))


def show(service: Service, request: Request, site: str) -> Response:
    """Show the overview."""
    asked = asked_of(service, request, site)
    ids = [listed.id for listed in PANELS.values() if listed.page == "overview"]
    panels = panels_of(service, site, asked, ids)
    return dashboard_page(
        service,
        request,
        "dashboard/overview.html",
        site,
        title="Overview",
        asked=asked,
        glance=[panel for panel in panels if panel.id in _CARDS],
        panels=[panel for panel in panels if panel.id not in _CARDS],
    )
