"""Marks that the product makes by itself: what happened on a day that numbers may show.

Each process looks; nothing is marked twice, as a mark that is there already stays as it is.
"""

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import lru_cache
from typing import Any

import msgspec

from gatekeeper import __version__, assets
from gatekeeper.beside import Beside
from gatekeeper.config import Config
from gatekeeper.core.errors import StoreClosed, StoreUnavailable, where
from gatekeeper.core.sites import Site
from gatekeeper.store.books import Mark, MarkKind
from gatekeeper.store.contract import Store

log = logging.getLogger(__name__)

#: How often is looked, in seconds.
LOOK_EVERY = 60.0
_ALWAYS = ("0001-01-01", "9999-12-31")


def mark_start(site: Site, store: Store, *, now: int) -> None:
    """Mark another registry, or another guard, than the process before had.

    Only at the start: processes that run beside each other with two registries would mark each other's for ever.

    :param site: as it is declared.
    """
    marks = _marks_of(site, store)
    begun = any(mark.kind is MarkKind.REGISTRY for mark in marks)
    said = "The registry was changed" if begun else "The registry was read for the first time"
    _mark_next(site, store, marks, MarkKind.REGISTRY, digest_of(site), said, now=now)
    version, guard = __version__, guard_hash()
    text = f"The guard of version {version} is served ({guard})"
    _mark_next(site, store, marks, MarkKind.GUARD, f"{version}-{guard}", text, now=now)


def mark_news(site: Site, store: Store, *, now: int) -> None:
    """Mark notices, a policy that was lifted or put back, and hosts that are seen for the first time."""
    marks = _marks_of(site, store)
    done = {(mark.kind, mark.name) for mark in marks}
    for notice in store.notices(site.id):
        if (MarkKind.NOTICE, str(notice.no)) not in done:
            text = f"Notice {notice.no} was published"
            store.marks.mark(Mark(site.id, notice.published_day, MarkKind.NOTICE, str(notice.no), text, at=now))
    _mark_mode(site, store, marks, now=now)
    for host, day in _first_seen(site, store).items():
        # What was seen long ago may be forgotten, and then be met again: the first time stays the first.
        if (MarkKind.HOST, host) not in done:
            text = f"{host} was seen for the first time, and nothing declares it"
            store.marks.mark(Mark(site.id, day, MarkKind.HOST, host, text, at=now))


def _mark_mode(site: Site, store: Store, marks: list[Mark], *, now: int) -> None:
    lifted = store.is_lifted(site.id)
    known = any(mark.kind is MarkKind.MODE for mark in marks)
    if lifted or known:
        name, text = ("lifted", "The policy was lifted") if lifted else ("restored", "The policy was put back")
        _mark_next(site, store, marks, MarkKind.MODE, name, text, now=now)


def _marks_of(site: Site, store: Store) -> list[Mark]:
    """Return the product's own marks of a site, the newest first."""
    return [mark for mark in store.marks.marks(site.id, *_ALWAYS) if mark.kind is not MarkKind.NOTE]


def _mark_next(site: Site, store: Store, marks: list[Mark], kind: MarkKind, name: str, text: str, *, now: int) -> None:
    """Mark what became of something, unless it was that already.

    Marks of a kind are numbered, so that what becomes as it was before on one day is a mark of its own; processes that
    find the same at once give it the same number.
    """
    numbers = {int(number): of for mark in marks if mark.kind is kind for number, _, of in [mark.name.partition(":")]}
    last = max(numbers, default=0)
    if numbers.get(last) != name:
        store.marks.mark(Mark(site.id, site.day_of(now), kind, f"{last + 1}:{name}", text, at=now))


def _first_seen(site: Site, store: Store) -> dict[str, str]:
    """Return the first day of each host that was met and is not declared."""
    found: dict[str, str] = {}
    for sighting in store.sightings(site.id):
        if not sighting.what.kept:
            found[sighting.name] = min(sighting.day, found.get(sighting.name, sighting.day))
    return found


def digest_of(site: Site) -> str:
    """Return a short hash of a site as it is declared, whatever it has published."""
    declared = msgspec.json.encode(_said(site.with_notices(())), order="deterministic")
    return hashlib.sha256(declared).hexdigest()[:16]


def _said(value: Any) -> Any:
    """Return a value without what is as usual: what a later version knows besides is no change of a registry."""
    if is_dataclass(value):
        return {
            field.name: _said(told) for field in fields(value) if (told := getattr(value, field.name)) != _usual(field)
        }
    if isinstance(value, Mapping):
        return {str(name): _said(told) for name, told in value.items()}
    return [_said(each) for each in value] if isinstance(value, list | tuple) else value


def _usual(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


@lru_cache(maxsize=1)
def guard_hash() -> str:
    """Return a short hash of the sources of the guard and all that it loads."""
    sources = sorted(assets.static("js").glob("*.js"))
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:8]


class Marking(Beside):
    """Looks for what is to be marked, in a thread of its own."""

    NAME = "gatekeeper-marks"

    def __init__(self, config: Config, store: Store, clock: Callable[[], float]) -> None:
        super().__init__()
        self._config = config
        self._store = store
        self._clock = clock
        self._started = False

    def _run(self) -> None:
        pause = threading.Event()
        with suppress(StoreClosed):
            while True:
                self.look()
                pause.wait(LOOK_EVERY)

    def look(self) -> None:
        """Mark what is new. What cannot be kept now is marked at the next look.

        :raises StoreClosed: the process ends.
        """
        now = int(self._clock())
        try:
            for site in self._config.sites.values():
                if not self._started:
                    mark_start(site, self._store, now=now)
                mark_news(site, self._store, now=now)
            self._started = True
        except StoreClosed:
            raise
        except StoreUnavailable as error:
            log.warning("what happened could not be marked, and is tried again: %s", error)
        except Exception as error:
            log.error("what happened could not be marked: %s", where(error))
