"""The scripts: the same bytes for every visitor. No cookie is read or set."""

from .bundles import Bundle
from .errors import NotFound
from .http import Request, Response
from .service import Service

_SCRIPT = (
    ("Content-Type", "text/javascript; charset=utf-8"),
    ("X-Content-Type-Options", "nosniff"),
    # A page may check the script against a hash, which needs CORS (W3C Subresource Integrity section 3.3).
    ("Access-Control-Allow-Origin", "*"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("Vary", "Accept-Encoding"),
)
#: `gatekeeper off` is heard within a minute, and nobody who was here within a day waits for the answer.
_FRESH = ("Cache-Control", "public, max-age=60, stale-while-revalidate=86400")
_IMMUTABLE = ("Cache-Control", "public, max-age=31536000, immutable")


def guard(service: Service, request: Request, site: str) -> Response:
    """Send the guard under the name that pages embed."""
    return _script(request, service.published(site).bundles.guard, _FRESH)


def guard_version(service: Service, request: Request, site: str, hash: str) -> Response:
    """Send the guard under the name of its content, for pages that check its integrity."""
    bundle = service.published(site).bundles.guard
    if bundle.hash != hash:
        raise NotFound(f"no guard {hash[:16]!r}: the current one is gatekeeper.{bundle.hash}.js")
    return _script(request, bundle, _IMMUTABLE)


def banner(service: Service, request: Request, site: str, language: str) -> Response:
    """Send whoever asks for a language's banner to the current one."""
    return _later(service, request, site, "banner", language, "")


def banner_version(service: Service, request: Request, site: str, language: str, hash: str) -> Response:
    """Send the banner in one language."""
    return _later(service, request, site, "banner", language, hash)


def panel(service: Service, request: Request, site: str, language: str, hash: str) -> Response:
    """Send the preferences in one language."""
    return _later(service, request, site, "panel", language, hash)


def part(service: Service, request: Request, site: str, name: str, language: str, hash: str) -> Response:
    """Send a part of the guard that is loaded when it is needed."""
    return _later(service, request, site, f"part.{name}", language, hash)


def _later(service: Service, request: Request, site: str, name: str, language: str, version: str) -> Response:
    """Send what the guard loads.

    A page that was opened before a new notice, or a new release, asks for an older one: it is sent to the current one,
    as what it shows must be the current notice.
    """
    bundles = service.published(site).bundles
    bundle = bundles.later.get((name, language))
    if bundle is None:
        names = ", ".join(f"{there}.{tag}" for there, tag in bundles.later)
        raise NotFound(f"no {name[:24]!r} in {language[:24]!r}: there is {names}")
    if version != bundles.version:
        location = ("Location", f"{name}.{language}.{bundles.version}.js")
        return Response(302, (location, ("Cache-Control", "no-cache")))
    return _script(request, bundle, _IMMUTABLE)


def _script(request: Request, bundle: Bundle, cache: tuple[str, str]) -> Response:
    etag = f'"{bundle.hash}"'
    headers = (*_SCRIPT, cache, ("ETag", etag))
    if etag in request.header("HTTP_IF_NONE_MATCH"):
        return Response(304, headers)
    encoding, data = bundle.encoded(request.header("HTTP_ACCEPT_ENCODING"))
    return Response(200, (*headers, ("Content-Encoding", encoding)) if encoding else headers, data)
