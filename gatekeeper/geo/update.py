"""Fetch the files that tell where addresses are, check them, and put them in place whole or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from gatekeeper import __version__
from gatekeeper.core.geo import GeoKind, is_safe

from . import GeoError
from .places import open_file

#: How long a server may be silent, in seconds.
PATIENCE = 30.0
#: Longer files are given up: the largest that is published has some 100 MB.
MAX_SIZE = 1 << 30
_CHUNK = 1 << 16
#: A file that lost more than half of its entries is more likely broken than right.
_SHRUNK = 0.5

#: Told of progress: the bytes that came, and how many will have come in the end; 0 where nobody knows.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Updated:
    """What became of one file.

    :param before: how many entries it had; None where it was not there or could not be read.
    """

    path: Path
    entries: int
    before: int | None


def update(kind: GeoKind, path: Path, url: str, progress: Progress, *, force: bool = False) -> Updated:
    """Fetch a file. The one that was there stays as it is unless the new one is right.

    :param force: also where it lost most of its entries.
    :raises GeoError: it could not be fetched, or is not what it should be.
    """
    before = _entries(kind, path)
    with _beside(path) as fetched:
        _fetch(url, fetched, progress)
        entries = len(open_file(kind, fetched))
        if before and entries < before * _SHRUNK and not force:
            raise GeoError(f"{url} has {entries} entries where {path} has {before}; to use it all the same: --force")
        # Not in one step with the fetch: who reads meanwhile reads the old file to its end.
        fetched.replace(path)
    return Updated(path, entries, before)


def _entries(kind: GeoKind, path: Path) -> int | None:
    try:
        return len(open_file(kind, path))
    except GeoError:
        return None


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a place for a new file, in the folder of the old one, and leave nothing there."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        yield new
    finally:
        new.unlink(missing_ok=True)


class _SafeRedirects(HTTPRedirectHandler):
    """Follows redirects to no worse an address than the settings may name."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if not is_safe(newurl):
            fp.close()
            raise GeoError(f"{req.full_url} leads to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(url: str, path: Path, progress: Progress) -> None:
    request = Request(url, headers={"User-Agent": f"gatekeeper/{__version__}"})  # noqa: S310  # the settings allow https
    try:
        with build_opener(_SafeRedirects).open(request, timeout=PATIENCE) as answer, path.open("wb") as file:
            expected = int(answer.headers.get("Content-Length") or 0)
            came = 0
            while chunk := answer.read(_CHUNK):
                came += len(chunk)
                if came > MAX_SIZE:
                    raise GeoError(f"{url} is longer than {MAX_SIZE >> 20} MB")
                file.write(chunk)
                progress(came, expected)
            file.flush()
            os.fsync(file.fileno())
    except (URLError, OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise GeoError(f"{url} could not be fetched: {error}") from error
    if expected and came != expected:
        raise GeoError(f"{url} broke off after {came} of {expected} bytes")
