"""The database: its form, its copies, and what may be kept no longer."""

import sys
import time
from collections import Counter
from contextlib import closing

import click

from gatekeeper import copying, purging
from gatekeeper.config import load_config
from gatekeeper.databases import is_new
from gatekeeper.store.engines import migrate, open_store

from .common import with_config


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@with_config
def purge(*, dry_run: bool) -> None:
    """Let go of what may be kept no longer: events, addresses, who it was that has left, counts.

    A Gatekeeper that serves does it by itself, once a day. By hand it may run beside it; what is stopped is gone on
    with by the next.
    """
    config = load_config()
    if is_new(config.database_url):
        click.echo("Nothing is kept yet.")
        return
    done: Counter[tuple[str, str]] = Counter()
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        for step in purging.steps(config, store, now=int(time.time()), dry_run=dry_run):
            done[step.site, step.what] += step.count
            _show_progress(f"{done.total()} rows")
    _show_progress("")
    _show_purged(done, dry_run=dry_run)


def _show_progress(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{text:<30}\r", nl=False, err=True)


def _show_purged(done: Counter[tuple[str, str]], *, dry_run: bool) -> None:
    for (site, what), count in sorted(done.items()):
        click.echo(f"{site:<16} {what:<32} {count:>10}")
    if dry_run:
        click.echo("Nothing was changed: this was a dry run." if done else "Nothing would go.")
    elif not done:
        click.echo("Nothing was due.")


@click.command()
@with_config
def upgrade() -> None:
    """Bring the database to this version's form. `serve` does it too, before it starts."""
    migrate(load_config().database_url)
    click.echo("The database has the form that this version needs.")


with_config(copying.copy)
