"""The way out of a strict site: there, browsers follow no link to a host that the page may not reach, but redirects.

``static/js/out.js`` sends a visitor's own click on such a link here, and here it is sent on. The destination stands in
the address, so it is read only where a browser says that a person went there from the site's own page: this is no
redirect for anybody else's links. Nothing is logged, no cookie is read or set, and the destination learns nothing.
"""

import re
from urllib.parse import parse_qs

from .errors import NotFound
from .http import NO_STORE, Request, Response
from .service import Service

#: What a browser says of a person's click in a page of the same origin (W3C Fetch Metadata). No page can say it.
_CLICKED = {
    "HTTP_SEC_FETCH_SITE": "same-origin",
    "HTTP_SEC_FETCH_MODE": "navigate",
    "HTTP_SEC_FETCH_DEST": "document",
    "HTTP_SEC_FETCH_USER": "?1",
}
# As browsers write addresses (WHATWG URL, "URL serializing"): ASCII, no user, and a backslash never before the path.
_DESTINATION = re.compile(r"https?://[^\s/?#@\\]+/[!-~]*", re.ASCII)


def leave(service: Service, request: Request, site: str) -> Response:
    """Send a visitor on to where a link of the site's page leads.

    :raises NotFound: it was no such click, it leads to no web address, or the site's links need no such way.
    """
    strict = service.published(site).site.gate.strict
    clicked = all(request.header(name) == value for name, value in _CLICKED.items())
    if not (strict and clicked):
        raise NotFound("there is nothing here but for links in pages of a strict site")
    told = parse_qs(request.header("QUERY_STRING")).get("to", [])
    if len(told) != 1 or not told[0].isascii() or not _DESTINATION.fullmatch(told[0]):
        raise NotFound("this leads to no web address")
    return Response(302, (("Location", told[0]), NO_STORE, ("Referrer-Policy", "no-referrer")))
