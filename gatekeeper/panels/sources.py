"""What panels are made of: a site, the store's counts of it, and the time."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from gatekeeper.core.panels import Asked, Panel
from gatekeeper.core.sites import Site
from gatekeeper.store.contract import KINDS, Store, Total

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a panel is made of.

    :param site: with its published notices.
    :param now: seconds since the epoch.
    """

    site: Site
    store: Store
    now: int
    _read: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def sums(self, what: str, first: str, last: str, by: tuple[str, ...] = KINDS) -> Mapping[Total, int]:
        """Return the site's totals of one kind and of some days, added up: see the store's sums."""

        def read() -> dict[Total, int]:
            found = self.store.sums(self.site.id, first, last, what=what, by=by)
            return {total: amount.n for total, amount in found.items()}

        return self.once(("sums", what, first, last, by), read)

    def once(self, key: Hashable, read: Callable[[], Read]) -> Read:
        """Return what is read, once for all panels that are made of the same sources.

        :param key: tells it apart from all else that is read.
        """
        if key not in self._read:
            self._read[key] = read()
        return cast(Read, self._read[key])


#: Makes a panel. It reads counts, never events.
Make = Callable[[Sources, Asked], Panel]


@dataclass(frozen=True, slots=True)
class Listed:
    """A panel that can be asked for by its name.

    :param id: the same as that of the panel it makes.
    :param page: on which page of the dashboard it is.
    :param about: what has to be named beside the days: ``tracker``; empty for nothing.
    :param filtered: whether it heeds filters.
    """

    id: str
    title: str
    page: str
    make: Make
    about: str = ""
    filtered: bool = False
