"""Providers and countries: the files that tell them from addresses."""

import sys
import time
from collections.abc import Callable
from typing import Any

import click

from gatekeeper.config import load_config
from gatekeeper.core.errors import InvalidInput

from .common import with_config


@click.group()
def geo() -> None:
    """Tell providers and countries from addresses.

    By files on this machine, named under [geo] in gatekeeper.toml. No address is ever looked up online.
    """


@geo.command("status")
@with_config
def geo_status() -> None:
    """Say which files there are, how old, and under which licence.

    The exit code is 1 where one is missing or cannot be read.
    """
    from gatekeeper.geo.status import examine

    config = load_config()
    found = examine(config.geo, config.path.parent, now=time.time())
    click.echo("\n".join(found.lines))
    if not found.well:
        raise SystemExit(1)


@geo.command("update")
@click.option("--force", is_flag=True, help="Also where a file lost more than half of its entries.")
@with_config
def geo_update(*, force: bool) -> None:
    """Fetch the files, check them, and put them in place.

    A running Gatekeeper notices within minutes. A file that cannot be fetched, or is not what it should be, leaves
    the one that was there.
    """
    from gatekeeper.geo.update import update

    config = load_config()
    if not config.geo.urls:
        raise InvalidInput('there is nothing to fetch: write kind and urls under [geo], for example kind = "ip2asn"')
    for file, url in zip(config.geo.files, config.geo.urls, strict=False):
        with click.progressbar(length=1, label=url, file=sys.stderr) as bar:
            done = update(config.geo.kind, config.path.parent / file, url, _progress(bar), force=force)
        before = "" if done.before is None else f", {done.before} before"
        click.echo(f"{done.path} has {done.entries} entries{before}.")


def _progress(bar: Any) -> Callable[[int, int], None]:
    def show(came: int, expected: int) -> None:
        bar.length = expected or came
        bar.update(came - bar.pos)

    return show
