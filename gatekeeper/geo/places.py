"""Look addresses up while serving, in files that an operator may replace at any time."""

import logging
import threading
import time
from pathlib import Path
from typing import Protocol

from gatekeeper.core.geo import NOWHERE, Geo, GeoKind, Locate, Place, nowhere

from . import GeoError
from .maxmind import MaxMind
from .ranges import open_ranges

log = logging.getLogger(__name__)

_UNREAD = object()
#: How soon a replaced file is noticed, in seconds.
LOOK_EVERY = 60.0


class Reader(Protocol):
    """A file that was read."""

    def __len__(self) -> int:
        """Return how many entries it has."""

    def locate(self, address: str) -> Place:
        """Return where an address is."""


def open_file(kind: GeoKind, path: Path) -> Reader:
    """Read a file.

    :raises GeoError: there is none, or it is not what the settings say.
    """
    return MaxMind(path) if kind is GeoKind.MMDB else open_ranges(path)


def locator(geo: Geo, folder: Path) -> Locate:
    """Return what locates addresses by the settings.

    :param folder: beside which relative paths are.
    """
    return Places(geo.kind, [folder / file for file in geo.files]).locate if geo.files else nowhere


class Places:
    """Some files, each answering what those before it did not. One that cannot be read answers nothing."""

    def __init__(self, kind: GeoKind, paths: list[Path]) -> None:
        self._kind = kind
        self._paths = paths
        self._signs: list[object] = [_UNREAD for _ in paths]
        self._readers: list[Reader | None] = [None for _ in paths]
        self._looking = threading.Lock()
        self._looked_at = time.monotonic()
        self.look()

    def locate(self, address: str) -> Place:
        """Return where an address is, as far as the files tell. Never asks anybody."""
        if time.monotonic() - self._looked_at > LOOK_EVERY and self._looking.acquire(blocking=False):
            self._looked_at = time.monotonic()
            threading.Thread(target=self._look_and_release, name="gatekeeper-geo", daemon=True).start()
        provider, country = NOWHERE
        for reader in self._readers:
            if reader is not None:
                found = reader.locate(address)
                provider, country = provider or found.provider, country or found.country
            if provider and country:
                break
        return Place(provider, country)

    def look(self) -> None:
        """Read again each file that has become another."""
        for at, path in enumerate(self._paths):
            sign = _sign(path)
            if sign != self._signs[at]:
                self._signs[at] = sign
                try:
                    self._readers[at] = open_file(self._kind, path)
                except GeoError as error:
                    # What was read before still holds; without it, providers and countries stay blank.
                    log.warning("where addresses are is not known: %s", error)

    def _look_and_release(self) -> None:
        try:
            self.look()
        finally:
            self._looking.release()


def _sign(path: Path) -> tuple[int, int, int] | None:
    """Return what a file's content can be told from another's by, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
