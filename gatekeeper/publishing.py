"""Publish: what a site's configuration would change in its notice, and the next notice of it."""

from collections.abc import Sequence
from datetime import date

from gatekeeper.core.notices import Change, Notice, changes, content_hash
from gatekeeper.core.sites import Site, notice_content


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
