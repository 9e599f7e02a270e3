"""What the command line asks of a database: is it new, who serves from it, what is published."""

from collections.abc import Mapping
from contextlib import closing

from gatekeeper.config import Config
from gatekeeper.core.notices import Notice
from gatekeeper.core.sites import Site
from gatekeeper.store.engines import find_engine, open_store
from gatekeeper.web.service import published_now


def is_new(url: str) -> bool:
    """Tell whether nobody has made this database yet.

    :raises ConfigError: no engine serves this address.
    """
    return find_engine(url).is_new()


def check_unserved(url: str) -> None:
    """Check that a process may serve from this database.

    :raises StoreLocked: another does, and it takes only one; the message names both ways out.
    """
    engine = find_engine(url)
    engine.begin_serving()
    engine.end_serving()


def is_served(url: str) -> bool:
    """Tell whether a process serves from this database and keeps others from doing so. Makes no file."""
    return find_engine(url).is_served()


def current(config: Config) -> Mapping[str, Site]:
    """Return each site as it is published now, lifted where `gatekeeper off` says so.

    :raises GatekeeperError: the database is there and cannot be read.
    """
    if is_new(config.database_url):
        return config.sites
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        return {name: published_now(site, store) for name, site in config.sites.items()}


def published(config: Config) -> Mapping[str, list[Notice]]:
    """Return what each site has published, oldest first; nothing where there is no database yet.

    :raises GatekeeperError: the database is there and cannot be read.
    """
    if is_new(config.database_url):
        return {site: [] for site in config.sites}
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        return {site: store.notices(site) for site in config.sites}
