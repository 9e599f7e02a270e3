"""Whether the service can do its work, and the site's statement about Global Privacy Control."""

from typing import Literal

import msgspec

from gatekeeper.core.errors import StoreUnavailable
from gatekeeper.core.retention import OVERDUE

from .http import Request, Response, json_response
from .service import Service

#: When the statement below was last changed.
STATED = "2026-11-22"
#: Clocks of machines that share a database differ by less than this, in seconds.
_ASKEW = 3600


class Health(msgspec.Struct):
    """Whether the service can do its work.

    :param problems: what is wrong, each with what mends it.
    :param warnings: what is not as it should be, but works.
    """

    status: Literal["ok", "degraded"]
    problems: list[str]
    warnings: tuple[str, ...]


class Support(msgspec.Struct, rename="camel"):
    """That Global Privacy Control is honoured, and when that was last stated."""

    gpc: bool
    last_update: str


def healthz(service: Service, request: Request) -> Response:
    """Say whether everything works, and if not, what is wrong."""
    problems = find_problems(service)
    told = Health("degraded" if problems else "ok", problems, (*service.warnings, *service.notes.values()))
    return json_response(told, 503 if problems else 200)


def find_problems(service: Service) -> list[str]:
    """Return what is wrong, each with what mends it."""
    problems = [
        f"site {site}: no notice is published, so everything is denied; run `gatekeeper publish {site}`"
        for site in service.config.sites
        if service.published(site).site.notice is None
    ]
    problems += service.troubles.values()
    try:
        service.store.check()
        problems += _about_purging(service)
    except StoreUnavailable as error:
        problems.append(f"store: {error}")
    return problems


def _about_purging(service: Service) -> list[str]:
    at, now = service.store.purged_at(), service.now()
    if at is not None and at > now + _ASKEW:
        return ["clock: it stands before the last purge; set it, as what is kept is dated and let go by it"]
    if now - (service.began if at is None else at) > OVERDUE:
        return ["purge: overdue for more than 48 hours; `gatekeeper purge` does it by hand and says what is wrong"]
    return []


def purge_age(service: Service) -> int | None:
    """Return how long ago the last purge was finished, in seconds; None before the first, or where nobody knows."""
    try:
        at = service.store.purged_at()
    except StoreUnavailable:
        return None
    return None if at is None else service.now() - at


def gpc(service: Service, request: Request) -> Response:
    """State that Global Privacy Control is honoured (W3C GPC, "GPC Support Resource")."""
    return json_response(Support(gpc=True, last_update=STATED))
