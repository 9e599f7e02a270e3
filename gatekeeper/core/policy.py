"""The policy: which hosts a page may reach, made from the registry and the visitor's choice.

A browser enforces it before any script runs, also for the static markup that its preload scanner fetches. It speaks of
destinations only: inline code, ``eval``, ``data:`` and ``blob:`` go on as they are, and the site's own policy stays in
force beside it, because browsers intersect the policies they receive (CSP Level 3 section 4.4).
"""

from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from .sites import Gate, Mode, Site
from .trackers import VISIT

#: Everything a page can load or connect to falls back on the first directive; where it sends forms does not. Besides
#: hosts they allow all that is inside the page or the browser already.
DIRECTIVES = (
    "default-src 'self' data: blob: filesystem: about: 'unsafe-inline' 'unsafe-eval'",
    "form-action 'self'",
)
_ENFORCE = "Content-Security-Policy"
_REPORT = "Content-Security-Policy-Report-Only"
_STRICT = "Connection-Allowlist"
#: What a consenting visitor's browser is asked to tell (User-Agent Client Hints). Nobody else's: the answers tell one
#: browser from another; and no more than the visit log keeps (``gatekeeper.core.agents``).
HINTS = "Sec-CH-UA-Platform-Version"

Header = tuple[str, str]


def gate_headers(site: Site, allows: Callable[[str], bool], path: str) -> list[Header]:
    """Return the headers that put the gate on a page; none where the site has lifted it.

    :param allows: whether a tracker may fire for this visitor.
    :param path: of the page; some pages are left to the tags alone (``tags_only``).
    """
    if site.gate.mode is Mode.OFF or is_tags_only(site.gate, path):
        return []
    hosts = reachable_hosts(site, allows)
    headers = [(_ENFORCE, content_policy(hosts))]
    if site.gate.strict:
        headers.append((_STRICT, connection_allowlist(hosts, webrtc=hosts == reachable_hosts(site, lambda _: True))))
    return headers


def learn_headers(site: Site, report_to: str) -> list[Header]:
    """Return the header that lets everything through and reports what nothing declares.

    For the browsers of the site's own staff alone.

    :param report_to: where the browser sends its reports, on the site's own origin.
    """
    hosts = reachable_hosts(site, lambda _: True)
    # Not report-to: browsers that know it would leave report-uri out and hold their reports back for up to a minute.
    return [(_REPORT, f"{content_policy(hosts)}; report-uri {report_to}")]


def hint_headers(site: Site, allows: Callable[[str], bool]) -> list[Header]:
    """Return the header that asks a browser for :data:`HINTS`; none where the visit log is not granted."""
    return [("Accept-CH", HINTS)] if site.secure and allows(VISIT) else []


def reachable_hosts(site: Site, allows: Callable[[str], bool]) -> list[str]:
    """Return the hosts that a page may reach, in the order they were declared.

    The site's own; those of the trackers that may fire; and those of trackers declared ``marked``, whose tags are
    inert until the guard releases them, so that they can run in place on a grant.
    """
    return list(dict.fromkeys(_hosts(site, allows)))


def _hosts(site: Site, allows: Callable[[str], bool]) -> Iterator[str]:
    yield from own_hosts(site)
    for tracker in site.trackers.values():
        if tracker.marked or allows(tracker.id):
            yield from tracker.hosts


def own_hosts(site: Site) -> list[str]:
    """Return the hosts that are the site's own, with their ports: those of its origins, and those it names besides."""
    return [*(urlsplit(origin).netloc for origin in site.origins), *site.hosts]


def content_policy(hosts: Iterable[str]) -> str:
    """Return the value of a ``Content-Security-Policy`` header that allows some hosts, for everything."""
    added = "".join(f" {source}" for host in hosts for source in _sources(host))
    return "; ".join(f"{directive}{added}" for directive in DIRECTIVES)


def _sources(host: str) -> tuple[str, ...]:
    # A bare host means the page's own scheme and, on the usual ports, its secure twin; never web sockets.
    return host, f"https://{host}", f"wss://{host}", f"ws://{host}"


def connection_allowlist(hosts: Iterable[str], *, webrtc: bool = False) -> str:
    """Return the value of a ``Connection-Allowlist`` header (WICG draft; Chromium 152 and later).

    It also stops what no content policy covers: preconnections, name look-ups, speculation, WebRTC. It holds for every
    connection that a page begins, a click on a link to another site among them. Redirects are allowed: otherwise those
    of the site itself would fail too, and where they lead the content policy still checks.

    :param webrtc: whether pages may connect by WebRTC, to anybody: such connections know no hosts.
    """
    patterns = "".join(f' "*://{host}/*"' for host in hosts)
    return f"(response-origin{patterns});redirects=allow;webrtc={'allow' if webrtc else 'block'}"


def is_tags_only(gate: Gate, path: str) -> bool:
    """Tell whether a page has no policy, only held tags."""
    return any(matches(pattern, path) for pattern in gate.tags_only)


def matches(pattern: str, path: str) -> bool:
    """Tell whether a path is meant by a pattern: exactly, or everything below it where it ends with ``*``."""
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
