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
_FRESH = ("Cache-Control", "public, max-age=300, stale-while-revalidate=86400")
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
    bundle = _banner(service, site, language)
    return Response(302, (("Location", f"banner.{language}.{bundle.hash}.js"), ("Cache-Control", "no-cache")))


def banner_version(service: Service, request: Request, site: str, language: str, hash: str) -> Response:
    """Send the banner in one language."""
    bundle = _banner(service, site, language)
    if bundle.hash != hash:
        # A page that was opened before a new notice was published: what it shows must be the current notice.
        return banner(service, request, site, language)
    return _script(request, bundle, _IMMUTABLE)


def part(service: Service, request: Request, site: str, name: str, hash: str) -> Response:
    """Send a part of the guard that is loaded when it is needed."""
    parts = service.published(site).bundles.parts
    if name not in parts or parts[name].hash != hash:
        raise NotFound(f"no part {name[:16]!r} of this name and content")
    return _script(request, parts[name], _IMMUTABLE)


def _banner(service: Service, site: str, language: str) -> Bundle:
    banners = service.published(site).bundles.banners
    if language not in banners:
        raise NotFound(f"no banner in {language[:8]!r}: there is {', '.join(banners)}")
    return banners[language]


def _script(request: Request, bundle: Bundle, cache: tuple[str, str]) -> Response:
    etag = f'"{bundle.hash}"'
    headers = (*_SCRIPT, cache, ("ETag", etag))
    if etag in request.header("HTTP_IF_NONE_MATCH"):
        return Response(304, headers)
    encoding, data = bundle.encoded(request.header("HTTP_ACCEPT_ENCODING"))
    return Response(200, (*headers, ("Content-Encoding", encoding)) if encoding else headers, data)
