"""What handlers share: the sites with their published notices, the keys, the store and the clock."""

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from wsgiref.types import WSGIEnvironment

from gatekeeper.config import Config
from gatekeeper.core.choices import Choice, read_choice
from gatekeeper.core.cookies import read_ours
from gatekeeper.core.decisions import DAY
from gatekeeper.core.errors import BadChoice, BadToken, StoreUnavailable
from gatekeeper.core.findings import Finding
from gatekeeper.core.geo import Locate, nowhere
from gatekeeper.core.jar import Jar
from gatekeeper.core.links import Links
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Site
from gatekeeper.core.tokens import SubjectToken, SubjectTokens, Tokens
from gatekeeper.core.visits import Visit, visit_of
from gatekeeper.store.contract import Store

from .addresses import bucket
from .agents import read_agent
from .bodies import Bodies
from .bundles import Bundles
from .errors import NotFound
from .rates import Limit, Rate

#: How soon a notice published by another process is served, in seconds.
REFRESH = 2.0
#: How many reports of a site are taken a minute: more than a few people cause who click as fast as they can.
REPORTS = 1200
#: How many of the staff may look at decisions as they happen, in one process.
LISTENERS = 8
_REMEMBERED = 16_384
#: For how many visitors what was decided is remembered: a decision costs 5 us, and an event needs up to six.
_VISITS = 8192


def published_now(declared: Site, store: Store, held: Site | None = None) -> Site:
    """Return a site as the store has it: with its notices, and lifted where `gatekeeper off` says so.

    :param held: what was returned before; returned again where nothing has changed.
    """
    notices = store.notices(declared.id)
    site = declared.lifted() if store.is_lifted(declared.id) else declared
    if held is not None and (len(held.notices), held.gate) == (len(notices), site.gate):
        return held
    return site.with_notices(notices)


class Published:
    """A site as it is published now, with what is made from it: the readers of choices and visits, and the scripts."""

    def __init__(self, site: Site, read_token: Callable[[str], SubjectToken | None]) -> None:
        self.site = site
        self.bundles = Bundles(site)
        self.jar = Jar(site)
        self.read_choice = lru_cache(maxsize=_REMEMBERED)(self._read_choice)
        self._read_token = read_token
        self._visit_on = lru_cache(maxsize=_VISITS)(self._read_visit)

    def visit(self, cookies: str, signals: frozenset[Signal], *, now: int) -> Visit:
        """Return the visit of a request, with what was decided before about one with the same cookies on the same day.

        :param cookies: its ``Cookie`` header.
        """
        value, sealed = read_ours(self.site, cookies)
        return self._visit_on(value, sealed, signals, now // DAY).at(now)

    def _read_visit(self, value: str, sealed: str, signals: frozenset[Signal], day: int) -> Visit:
        return visit_of(self.site, value, sealed, signals, self.read_choice, self._read_token, now=day * DAY)

    def _read_choice(self, value: str) -> Choice | None:
        try:
            return read_choice(value, self.site.notices)
        except BadChoice:
            return None


class Service:
    """The running service. One per process; handlers get it as their first argument."""

    def __init__(
        self, config: Config, store: Store, *, clock: Callable[[], float] = time.time, locate: Locate = nowhere
    ) -> None:
        self.config = config
        self.locate = locate
        self.store = store
        self.links = Links(config.keys)
        self.forms = Tokens(config.keys, "form")
        self.erasures = Tokens(config.keys, "erasure")
        self.reports = Rate(REPORTS)
        #: Taken by whoever looks at what happens, and given back: each holds a thread of the server's.
        self.listeners = threading.BoundedSemaphore(LISTENERS)
        self._bodies = Bodies()
        self._limit = Limit(config.rate_limit)
        self.subject_tokens = SubjectTokens(config.keys)
        self.read_token = lru_cache(maxsize=_REMEMBERED)(self._read_token)
        #: What is wrong with what runs beside the requests, by its name; and what is not as it should be, but works.
        self.troubles: dict[str, str] = {}
        self.warnings: tuple[str, ...] = ()
        #: What is worth knowing of what runs beside the requests, by its name; visitors are served all the same.
        self.notes: dict[str, str] = {}
        #: Why the site's own pages cannot be checked in a browser here; empty where they can.
        self.unchecked = ""
        #: Called now and then while requests come in: begins what runs beside them, where it does not run.
        self.look_after: Callable[[], None] = lambda: None
        #: Returns the OpenAPI description of all routes, and its ETag. The wiring sets it: handlers know no routes.
        self.describe: Callable[[], tuple[bytes, str]] = lambda: (b"{}", '""')
        #: Return what a site's owner should know, and what an examination of the installation finds. The wiring sets
        #: them: they look at what the web may not.
        self.advise: Callable[[Site], list[str]] = lambda site: []
        self.examine: Callable[[], list[Finding]] = list
        self.began = int(clock())
        self._clock = clock
        self._published: dict[str, Published] = {}
        self._refreshed = 0.0
        self._refreshing = threading.Lock()
        self.refresh()

    def now(self) -> int:
        """Return the time, in seconds since the epoch."""
        return int(self._clock())

    def published(self, site_id: str) -> Published:
        """Return a site as it is published now.

        :raises NotFound: no such site is declared.
        """
        if time.monotonic() - self._refreshed > REFRESH:
            self._refresh_in_turn()
        try:
            return self._published[site_id]
        except KeyError:
            raise NotFound(f"no site {site_id[:32]!r} is declared here") from None

    def prepare(self) -> None:
        """Make what takes long before anybody asks: a page's proxy may wait no longer than this can take.

        That is the scripts of each site, and the reader of user agents, whose first takes 0.3 s.
        """
        read_agent("")
        for published in self._published.values():
            published.bundles.make()

    def asks(self, environ: WSGIEnvironment, weight: int) -> None:
        """Count what somebody asks.

        :raises TooOften: it is more than one address may.
        """
        self._limit.check(bucket(environ, self.config.trusted_proxies), weight)

    def read_body(self, environ: WSGIEnvironment, wanted: int) -> bytes:
        """Read the body of a request; see :class:`gatekeeper.web.bodies.Bodies`."""
        return self._bodies.read(environ["wsgi.input"].read, wanted, lambda: self._bucket(environ))

    def slowest_body(self) -> float:
        """Return for how long the slowest body has been waited for, in seconds."""
        return self._bodies.slowest()

    def _bucket(self, environ: WSGIEnvironment) -> str:
        return bucket(environ, self.config.trusted_proxies)

    def refresh(self) -> None:
        """Read again what is published; a site that has not changed keeps all that is made from it."""
        for declared in self.config.sites.values():
            held = self._published.get(declared.id)
            site = published_now(declared, self.store, held.site if held else None)
            if held is None or held.site is not site:
                self._published[site.id] = Published(site, self.read_token)
        self._refreshed = time.monotonic()

    def _refresh_in_turn(self) -> None:
        # One thread looks; the others go on with what is known. A store that is down changes no notice.
        if self._refreshing.acquire(blocking=False):
            try:
                self.look_after()
                self.refresh()
            except StoreUnavailable:
                self._refreshed = time.monotonic()
            finally:
                self._refreshing.release()

    def _read_token(self, value: str) -> SubjectToken | None:
        try:
            return self.subject_tokens.verify(value)
        except BadToken:
            return None
