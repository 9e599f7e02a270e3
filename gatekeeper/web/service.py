"""What handlers share: the sites with their published notices, the keys, the store and the clock."""

import threading
import time
from collections.abc import Callable
from functools import lru_cache

from gatekeeper.config import Config
from gatekeeper.core.choices import Choice, read_choice
from gatekeeper.core.errors import BadChoice, BadToken, StoreUnavailable
from gatekeeper.core.geo import Locate, nowhere
from gatekeeper.core.links import Links
from gatekeeper.core.sites import Site
from gatekeeper.core.tokens import SubjectToken, SubjectTokens, Tokens
from gatekeeper.store.contract import Store

from .bundles import Bundles
from .errors import NotFound
from .rates import Rate

#: How soon a notice published by another process is served, in seconds.
REFRESH = 2.0
#: How many reports of a site are taken a minute: more than a few people cause who click as fast as they can.
REPORTS = 1200
_REMEMBERED = 16_384


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
    """A site as it is published now, with what is made from it: the choice reader and the scripts."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.bundles = Bundles(site)
        self.read_choice = lru_cache(maxsize=_REMEMBERED)(self._read_choice)

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
        self.reports = Rate(REPORTS)
        self.subject_tokens = SubjectTokens(config.keys)
        self.read_token = lru_cache(maxsize=_REMEMBERED)(self._read_token)
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

    def refresh(self) -> None:
        """Read again what is published; a site that has not changed keeps all that is made from it."""
        for declared in self.config.sites.values():
            held = self._published.get(declared.id)
            site = published_now(declared, self.store, held.site if held else None)
            if held is None or held.site is not site:
                self._published[site.id] = Published(site)
        self._refreshed = time.monotonic()

    def _refresh_in_turn(self) -> None:
        # One thread looks; the others go on with what is known. A store that is down changes no notice.
        if self._refreshing.acquire(blocking=False):
            try:
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
