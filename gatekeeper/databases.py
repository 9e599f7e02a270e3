"""What the command line asks of a database: is it new, who serves from it, what is published."""

from collections.abc import Mapping
from contextlib import closing

from gatekeeper.config import Config
from gatekeeper.core.errors import StoreLocked
from gatekeeper.core.notices import Notice
from gatekeeper.core.sites import Site
from gatekeeper.store.engines import open_store, sqlite_path
from gatekeeper.store.locks import ServingLock
from gatekeeper.web.service import published_now


def is_new(url: str) -> bool:
    """Tell whether nobody has made this database yet.

    :raises ConfigError: no engine serves this address.
    """
    path = sqlite_path(url)
    return not path.exists() or path.stat().st_size == 0


def check_unserved(url: str) -> None:
    """Take the serving lock and let go of it.

    :raises StoreLocked: another process serves from this database; the message names both ways out.
    """
    lock = ServingLock(sqlite_path(url))
    lock.take()
    lock.release()


def is_served(url: str) -> bool:
    """Tell whether a process serves from this database. Makes no file."""
    path = sqlite_path(url)
    if not path.with_name(f"{path.name}.lock").exists():
        return False
    try:
        check_unserved(url)
    except StoreLocked:
        return True
    return False


def current(config: Config) -> Mapping[str, Site]:
    """Return each site as it is published now, lifted where `gatekeeper off` says so.

    :raises GatekeeperError: the database is there and cannot be read.
    """
    if is_new(config.database_url):
        return config.sites
    with closing(open_store(config.database_url)) as store:
        return {name: published_now(site, store) for name, site in config.sites.items()}


def published(config: Config) -> Mapping[str, list[Notice]]:
    """Return what each site has published, oldest first; nothing where there is no database yet.

    :raises GatekeeperError: the database is there and cannot be read.
    """
    if is_new(config.database_url):
        return {site: [] for site in config.sites}
    with closing(open_store(config.database_url)) as store:
        return {site: store.notices(site) for site in config.sites}
