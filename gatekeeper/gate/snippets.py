"""Static configuration for a site's web server: the gate without a question asked of anybody.

The server picks the policy by the visitor's cookies itself, so a Gatekeeper that is down or hangs costs pages nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gatekeeper.core.sites import Site

from . import apache, caddy, nginx
from .choices import Table, table_of
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
    :raises InvalidInput: it asks about more purposes than a web server can be told of.
    """
    head = _head(site, server)
    return [Snippet(name, head + text) for name, text in _WRITERS[server](table_of(site), place).items()]


def _head(site: Site, server: Server) -> str:
    notice = f"notice {site.notice.no}" if site.notice else "no notice: nothing is published, so nothing is allowed"
    return (
        f"# Gatekeeper's gate for site {site.id}, {notice}.\n"
        f"# Written by `gatekeeper snippets {server} --site {site.id}`. Write it again after every\n"
        "# `gatekeeper publish` and `gatekeeper off`; until then, choices for a newer notice get the strictest.\n"
    )
