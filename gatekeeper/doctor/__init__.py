"""``gatekeeper doctor``: look at everything an installation stands on, and say what is wrong and how to mend it.

It changes nothing, and asks the network only for the page it is given.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from gatekeeper.config import Config, Invalid, load_config
from gatekeeper.core.errors import GatekeeperError
from gatekeeper.core.findings import Finding, Sign, fail
from gatekeeper.databases import published

from . import machine, page, weblogs

__all__ = ["Finding", "Sign", "examine"]


def examine(environ: Mapping[str, str], *, url: str | None = None, root: Path = Path("/")) -> list[Finding]:
    """Return everything found.

    :param environ: the environment that the service is started with.
    :param url: a page of a site, to be looked at as well.
    :param root: the folder in which the web server's configuration is looked for.
    """
    return list(_examine(environ, url, root))


def _examine(environ: Mapping[str, str], url: str | None, root: Path) -> Iterator[Finding]:
    yield from machine.platform()
    config = None
    try:
        config = load_config(environ)
    except Invalid as error:
        for problem in error.problems:
            yield fail("configuration", f"{problem.key} = {problem.value}", problem.rule, problem.fix)
    if config:
        yield from _examine_config(environ, config, url)
    yield from weblogs.examine(root)


def _examine_config(environ: Mapping[str, str], config: Config, url: str | None) -> Iterator[Finding]:
    yield from machine.configuration(config)
    yield from machine.keys(environ, config)
    yield from machine.database(config)
    try:
        notices = published(config)
    except GatekeeperError as error:
        yield fail("database", str(error), "a database that this version can read", "gatekeeper upgrade")
        notices = {}
    if notices:
        yield from machine.notices(config, notices)
        yield from machine.clock(notices, now=time.time())
    yield from machine.cookies(config)
    yield from machine.browser(config)
    yield from machine.proxies(config)
    if url is not None:
        yield from page.examine(config, url)
