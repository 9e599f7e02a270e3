"""Whether the service can do its work, and the site's statement about Global Privacy Control."""

from gatekeeper.core.errors import StoreUnavailable

from .http import Request, Response, json_response
from .service import Service

#: When the statement below was last changed.
STATED = "2026-11-22"


def healthz(service: Service, request: Request) -> Response:
    """Say whether everything works, and if not, what is wrong."""
    problems = find_problems(service)
    return json_response({"status": "degraded" if problems else "ok", "problems": problems}, 503 if problems else 200)


def find_problems(service: Service) -> list[str]:
    """Return what is wrong, each with what mends it."""
    problems = [
        f"site {site}: no notice is published, so everything is denied; run `gatekeeper publish {site}`"
        for site in service.config.sites
        if service.published(site).site.notice is None
    ]
    try:
        service.store.check()
    except StoreUnavailable as error:
        problems.append(f"store: {error}")
    return problems


def purge_age(service: Service) -> int | None:
    """Return how long ago the last purge was finished, in seconds; None before the first."""
    return None


def gpc(service: Service, request: Request) -> Response:
    """State that Global Privacy Control is honoured (W3C GPC, "GPC Support Resource")."""
    return json_response({"gpc": True, "lastUpdate": STATED})
