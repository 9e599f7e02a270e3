"""Configuration for a site's web server: as a rule the gate without a question asked of anybody.

The server picks the policy by the visitor's cookies itself, so a Gatekeeper that is down or hangs costs pages nothing.
nginx and Caddy can also ask for it, page by page; who gets no answer in time goes on with the strictest policy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.sites import Site

from . import apache, caddy, nginx
from .choices import Table, bare_table_of, table_of
from .serving import Place


class Server(StrEnum):
    """The web servers that snippets are written for."""

    NGINX = "nginx"
    CADDY = "caddy"
    APACHE = "apache"


_WRITERS: Mapping[Server, Callable[[Table, Place], dict[str, str]]] = {
    Server.NGINX: nginx.write,
    Server.CADDY: caddy.write,
    Server.APACHE: apache.write,
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """A file to include in a web server's configuration."""

    name: str
    text: str


def write_snippets(server: Server, site: Site, place: Place) -> list[Snippet]:
    """Return a site's snippets for a web server.

    :param site: with the notices it has published.
    :raises InvalidInput: it asks about more purposes than a web server can be told of, or this one cannot ask.
    """
    if place.asks and server is Server.APACHE:
        raise InvalidInput("Apache cannot ask Gatekeeper for a policy: leave out --ask, or use nginx or Caddy")
    table = bare_table_of(site) if place.asks else table_of(site)
    head = _head(site, server, place)
    return [Snippet(name, head + text) for name, text in _WRITERS[server](table, place).items()]


def _head(site: Site, server: Server, place: Place) -> str:
    if place.asks:
        return (
            f"# Gatekeeper's gate for site {site.id}: asks Gatekeeper for the policy of every page.\n"
            f"# Written by `gatekeeper snippets {server} --site {site.id} --ask`. Write it again when hosts or\n"
            "# necessary trackers change: what holds while Gatekeeper is silent stands in here.\n"
        )
    notice = f"notice {site.notice.no}" if site.notice else "no notice: nothing is published, so nothing is allowed"
    return (
        f"# Gatekeeper's gate for site {site.id}, {notice}.\n"
        f"# Written by `gatekeeper snippets {server} --site {site.id}`. Write it again after every\n"
        "# `gatekeeper publish` and `gatekeeper off`; until then, choices for a newer notice get the strictest.\n"
    )
