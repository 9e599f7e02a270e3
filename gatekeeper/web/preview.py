"""The preview, for whoever runs a site: what its visitors see, in every state, at a glance.

The layers are the real ones. A page that stands in for one of the site's puts them into a state, and the choice made
there reaches nobody: nothing is set, kept or counted.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from gatekeeper import assets
from gatekeeper.core.days import day_of
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.notices import Notice, content_hash, differences
from gatekeeper.core.sites import Site, notice_content
from gatekeeper.core.themes import Position
from gatekeeper.languages import words

from .ages import asks_age
from .bundles import Bundles
from .http import NO_STORE, OWN, Request, Response
from .pages import html_page
from .service import Service

#: Each state by its name in an address, and what it is called. ``preview.js`` knows how to reach each.
STATES = {
    "ask": "Asked for the first time",
    "honoured": "The browser objects, and that is honoured",
    "changed": "Something changed: asked again",
    "preferences": "Preferences",
    "details": "Preferences, recipients open",
    "saved": "Saved",
    "refused": "Refused",
    "withdrawn": "Withdrawn, and asked what becomes of the log",
    "failed": "Could not be saved",
    "unkept": "The browser keeps no cookies",
    "news": "A new notice that asks nothing",
}
#: Comes first of all where children are among the visitors.
AGE = {"age": "Asked how old they are"}
THEMES = ("light", "dark")
#: How high a window of each width is, in pixels; ``preview.css`` scales each to the same height.
HEIGHTS = {320: 568, 768: 1024, 1280: 852}
FIRST_WIDTHS = ("320", "1280")
ALL = "all"

#: The buttons that the stand-in presses.
_PRESSED = ("accept_all", "reject_all", "withdraw_all")
_EARLIER, _CURRENT = 1, 2
_CLOSED = "default-src 'none'; style-src 'self'; base-uri 'none';"
_GRID = f"{_CLOSED} form-action 'self'; frame-src 'self'; frame-ancestors 'none'"
_FRAME = f"{_CLOSED} script-src 'self'; form-action 'none'; frame-ancestors 'self'"


@dataclass(frozen=True, slots=True)
class Frame:
    """One window of the grid.

    :param query: of the address of what it shows.
    """

    theme: str
    width: int
    height: int
    query: str


def show(service: Service, request: Request, site: str) -> Response:
    """Show every state that is asked for, in each theme and width, in one language or all."""
    published = service.published(site).site
    query = _Query(request)
    known = _states(published)
    language = query.one("language", [*published.languages, ALL])
    position = query.one("position", _positions(published))
    states = query.several("states", known, list(known))
    widths = [int(width) for width in query.several("widths", [str(width) for width in HEIGHTS], FIRST_WIDTHS)]
    tags = published.languages if language == ALL else [language]
    rows = [(known[state], words(tag), [*_frames(state, tag, position, widths)]) for state in states for tag in tags]
    return _page(
        "staff/preview.html",
        _GRID,
        site=published,
        languages=[words(tag) for tag in published.languages],
        language=language,
        positions=[position.value for position in Position],
        position=position,
        known=known,
        states=states,
        heights=HEIGHTS,
        widths=widths,
        rows=rows,
    )


def frame(service: Service, request: Request, site: str) -> Response:
    """Show a page that stands in for one of the site's, in one state."""
    published = service.published(site).site
    query = _Query(request)
    told = _told(service, published, query.one("state", list(_states(published))), query)
    looks = {key: told[key] for key in ("language", "theme", "position")}
    spoken = words(told["language"])
    return _page("staff/preview-frame.html", _FRAME, site=published, told=told, spoken=spoken, query=urlencode(looks))


def first_layer(service: Service, request: Request, site: str) -> Response:
    """Send the first layer, in a language and a theme."""
    return _layer(service, request, site, "banner")


def preferences(service: Service, request: Request, site: str) -> Response:
    """Send the preferences, in a language and a theme."""
    return _layer(service, request, site, "panel")


def script(service: Service, request: Request, site: str) -> Response:
    """Send what is in the guard's place."""
    service.published(site)
    return _file("text/javascript", assets.static("js", "preview.js").read_bytes())


def style(service: Service, request: Request, site: str) -> Response:
    """Send the style sheet of both pages."""
    service.published(site)
    return _file("text/css", assets.static("preview.css").read_bytes())


def _layer(service: Service, request: Request, site: str, name: str) -> Response:
    published = service.published(site).site
    query = _Query(request)
    language = query.one("language", published.languages)
    theme, position = query.one("theme", THEMES), query.one("position", _positions(published))
    shown = _dressed(_previewed(published), theme, Position(position))
    return _file("text/javascript", Bundles(shown).layer(name, language).identity)


def _told(service: Service, site: Site, state: str, query: "_Query") -> dict[str, Any]:
    """Return what the stand-in has to know."""
    language = query.one("language", site.languages)
    content = _content(site)
    optional = [row["id"] for row in content["purposes"] if not row["necessary"]]
    spoken = words(language)
    return {
        "state": state,
        "language": language,
        "theme": query.one("theme", THEMES),
        "position": query.one("position", _positions(site)),
        "notice": _CURRENT,
        "earlier": _EARLIER,
        "purposes": optional,
        "objected": [name for name in optional if name in site.purposes and site.purposes[name].denied_by],
        "until": _until(service, site),
        "labels": {key: spoken.texts[key] for key in _PRESSED},
    }


def _until(service: Service, site: Site) -> str:
    return site.day_of(service.now() + int(timedelta(days=site.choice_days).total_seconds()))


def _states(site: Site) -> dict[str, str]:
    return {**AGE, **STATES} if asks_age(site) else STATES


def _positions(site: Site) -> list[str]:
    """Return the positions, the site's own first."""
    own = site.banner.position
    return [own.value, *(position.value for position in Position if position is not own)]


def _frames(state: str, tag: str, position: str, widths: list[int]) -> Iterator[Frame]:
    for width in widths:
        for theme in THEMES:
            asked = {"state": state, "theme": theme, "language": tag, "position": position}
            yield Frame(theme, width, HEIGHTS[width], urlencode(asked))


def _content(site: Site) -> dict[str, Any]:
    """Return what visitors are asked about: as published; before anything is, as declared."""
    return site.notice.content if site.notice else notice_content(site)


def _previewed(site: Site) -> Site:
    """Return a site with two notices: what visitors are asked about now, and what they were asked about before."""
    content = _content(site)
    asks_more = (no for no in sorted(site.notices, reverse=True) if _asks_more(site.notices[no], content))
    before = next(asks_more, None)
    earlier = site.notices[before].content if before else _without_newest(content)
    return site.with_notices([_notice(site, _EARLIER, earlier), _notice(site, _CURRENT, content)])


def _asks_more(old: Notice, content: dict[str, Any]) -> bool:
    return any(change.material for change in differences(old, content))


def _without_newest(content: dict[str, Any]) -> dict[str, Any]:
    """Return a notice as if the last recipient that visitors are asked about were not in it yet."""
    necessary = {row["id"] for row in content["purposes"] if row["necessary"]}
    asked = [_recipient(row) for row in content["trackers"] if row["purpose"] not in necessary]
    kept = [row for row in content["trackers"] if _recipient(row) not in asked[-1:]]
    return {**content, "trackers": kept}


def _recipient(row: dict[str, Any]) -> tuple[str, str]:
    return row["purpose"], row["vendor"]["id"]


def _notice(site: Site, no: int, content: dict[str, Any]) -> Notice:
    return Notice(site.id, no, content, day_of(0, site.time_zone), content_hash(content))


def _dressed(site: Site, theme: str, position: Position) -> Site:
    """Return a site whose banner has one theme, whatever the system of whoever looks at it prefers."""
    colours = site.banner.dark if theme == "dark" else site.banner.light
    return replace(site, banner=replace(site.banner, position=position, light=colours, dark=colours))


def _page(template: str, policy: str, **values: object) -> Response:
    page = html_page(template, **values)
    name = "Content-Security-Policy"
    return Response(200, (*(header for header in page.headers if header[0] != name), (name, policy)), page.body)


def _file(kind: str, body: bytes) -> Response:
    return Response(200, (("Content-Type", f"{kind}; charset=utf-8"), NO_STORE, *OWN), body)


class _Query:
    """What an address asks for.

    :raises InvalidInput: it is none of what there is.
    """

    def __init__(self, request: Request) -> None:
        try:
            self._fields = parse_qs(request.header("QUERY_STRING"), max_num_fields=100)
        except ValueError as error:
            raise InvalidInput(f"not a query: {error}") from error

    def one(self, name: str, known: Collection[str]) -> str:
        """Return what it says under a name; else the first that is known."""
        return self.several(name, known, [next(iter(known))])[0]

    def several(self, name: str, known: Collection[str], unsaid: Collection[str]) -> list[str]:
        """Return all that it says under a name, in the order in which they are known."""
        asked = self._fields.get(name) or list(unsaid)
        for value in asked:
            if value not in known:
                raise InvalidInput(f"{name} {value[:32]!r} is not one of {', '.join(known)}")
        return [value for value in known if value in asked]
