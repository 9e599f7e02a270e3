"""Publish: what a site's configuration would change in its notice, the next notice of it, and its scripts as files."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from gatekeeper.core.notices import Change, Notice, changes, content_hash
from gatekeeper.core.sites import Site, notice_content
from gatekeeper.web.bundles import Bundle, Bundles


def pending(site: Site, published: Sequence[Notice]) -> list[Change]:
    """Return what publishing would change, material changes first; nothing where the notice says it all already.

    :param published: the site's notices, oldest first.
    """
    return changes(published[-1] if published else None, notice_content(site))


def next_notice(site: Site, published: Sequence[Notice], *, today: date) -> Notice:
    """Return the notice that the site's configuration makes now, numbered after the last one.

    :param today: the day it is published, UTC.
    """
    content = notice_content(site)
    return Notice(site.id, len(published) + 1, content, today.isoformat(), content_hash(content))


def write_scripts(site: Site, root: Path, *, prefix: str) -> str:
    """Write a site's scripts for its own web server, each also compressed, under the paths that pages ask for.

    :param site: with the notices it has published.
    :param root: the folder that the web server takes for ``/``.
    :return: the script tag for the version just written, with the hash that browsers check it against.
    """
    folder = root / prefix.strip("/") / site.id
    folder.mkdir(parents=True, exist_ok=True)
    bundles = Bundles(site)
    # What a page names comes last: by then all that it leads to is there.
    for (name, language), bundle in bundles.later.items():
        _write(folder / f"{name}.{language}.{bundles.version}.js", bundle)
        if name == "banner":
            _write(folder / f"banner.{language}.js", bundle)
    version = f"gatekeeper.{bundles.guard.hash}.js"
    _write(folder / version, bundles.guard)
    _write(folder / "gatekeeper.js", bundles.guard)
    integrity = bundles.guard.integrity
    return f'<script src="{prefix}/{site.id}/{version}" integrity="{integrity}" crossorigin="anonymous"></script>'


def _write(path: Path, bundle: Bundle) -> None:
    for ending, data in (("", bundle.identity), (".br", bundle.br), (".gz", bundle.gzip)):
        part = path.with_name(f".{path.name}{ending}.new")
        part.write_bytes(data)
        part.chmod(0o644)  # read by the web server's user, whatever this one's umask
        part.replace(path.with_name(path.name + ending))
