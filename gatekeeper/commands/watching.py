"""Watching: what is wrong with sites, who is told, and the check of their pages in a real browser."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

import click

from gatekeeper.config import Config, load_config
from gatekeeper.core.alarms import TEST, WORDS, Kind
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.rounds import VISITORS, Run
from gatekeeper.core.sites import Site
from gatekeeper.databases import current, is_new
from gatekeeper.store.books import Alarm
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import open_store
from gatekeeper.watching.letters import due, send_due
from gatekeeper.watching.mail import Undelivered
from gatekeeper.watching.rounds import check, outcome
from gatekeeper.watching.schedule import LEASE, LEASED, LOOK_EVERY
from gatekeeper.watching.telling import Teller, headline, site_name
from gatekeeper.watching.watch import Changes, Watch
from gatekeeper.web.service import published_now

from .common import site_of, with_config


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what is wrong, and what would be sent.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@with_config
def watch(*, dry_run: bool, once: bool) -> None:
    """Look at what is wrong with the sites, and tell whom [alerts] names; send the reports that are due.

    A Gatekeeper that serves does it by itself, every few minutes, and only one process does it at a time. By hand it
    goes on until it is stopped (Ctrl-C), and leaves the check of pages to `gatekeeper check --live`.
    """
    config = load_config()
    if is_new(config.database_url):
        click.echo("Nothing is counted yet.")
        return
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        watch = Watch(config, store, began=int(time.time()))
        while True:
            _look(config, store, watch, dry_run=dry_run)
            if dry_run or once:
                return
            time.sleep(LOOK_EVERY)


def _look(config: Config, store: Store, watch: Watch, *, dry_run: bool) -> None:
    if not dry_run and not store.lease(LEASE, LEASED):
        raise InvalidInput("another process watches now, most likely the one that serves: see its log, or --dry-run")
    store.settle()
    now = int(time.time())
    sites = {name: published_now(site, store) for name, site in config.sites.items()}
    found = watch.look(sites, now=now)
    if not dry_run:
        watch.keep(found, now=now)
    _show(config, found)
    _tell(config, store, watch, found, dry_run=dry_run, now=now)
    _send_reports(config, store, sites, dry_run=dry_run, now=now)


def _show(config: Config, found: Sequence[Changes]) -> None:
    begun, over = [alarm for each in found for alarm in each.begun], [alarm for each in found for alarm in each.over]
    for word, alarms in (("new", begun), ("over", over)):
        for alarm in alarms:
            click.echo(f"{word:<5} {site_name(config, alarm)}: {headline(alarm)}\n      {alarm.text}")
    if not begun and not over:
        click.echo("Nothing has changed.")


def _tell(config: Config, store: Store, watch: Watch, found: Sequence[Changes], *, dry_run: bool, now: int) -> None:
    ways = watch.teller.ways
    if dry_run:
        left = [*watch.untold(now=now), *(alarm for each in found for alarm in (*each.begun, *each.over))]
        to = f"by {' and '.join(ways)}" if ways else "to nobody: [alerts] in gatekeeper.toml names none"
        click.echo(f"Would be told: {len(left)} alarms, {to}. Nothing was kept or sent: this was a dry run.")
        return
    told = watch.tell(now=now)
    if told.done:
        click.echo(f"Told {len(told.done)} alarms by {' and '.join(ways)}.")
    for trouble in told.troubles:
        click.echo(f"Not told, and tried again by the next look: {trouble}", err=True)


def _send_reports(config: Config, store: Store, sites: Mapping[str, Site], *, dry_run: bool, now: int) -> None:
    if dry_run:
        for site, first, last in due(config, store, sites, now=now):
            click.echo(f"Would be sent: the report of {site.id}, {first} to {last}.")
        return
    try:
        for sent in send_due(config, store, sites, now=now):
            click.echo(f"Sent the report of {sent}.")
    except Undelivered as error:
        click.echo(f"A report was not sent, and is tried again by the next look: {error}", err=True)


@click.group()
def alerts() -> None:
    """Say who is told what is wrong."""


@alerts.command("test")
@with_config
def alerts_test() -> None:
    """Send a message by every way that [alerts] names, and say what came of it.

    The exit code is 1 where any of them did not take it.
    """
    config = load_config()
    teller = Teller(config)
    if not teller.ways:
        raise InvalidInput(f"[alerts] in {config.path} names nobody: write `to` with `smtp` and `from`, or `webhook`")
    now = int(time.time())
    site = next(iter(config.sites))
    alarm = Alarm(site, TEST, "", now, "It was asked for on the command line. Nothing is wrong.")
    told = teller.tell([alarm], now=now)
    for trouble in told.troubles:
        click.echo(f"Failed: {trouble}", err=True)
    if told.troubles:
        raise SystemExit(1)
    to = [", ".join(config.alerts.to)] if config.alerts.by_mail else []
    click.echo(f"Sent to {' and '.join([*to, *(['the webhook'] if config.alerts.webhook else [])])}.")


def check_live(config: Config, name: str | None) -> None:
    """Check the pages of a site, or of all, in a real browser; end with status 1 where anything is wrong."""
    sites = current(config)
    asked = [sites[site_of(config, name).id]] if name else list(sites.values())
    failed = False
    for site in asked:
        began = time.monotonic()
        runs = check(config, site)
        click.echo("\n".join(table(site, runs, time.monotonic() - began)))
        _keep(config, site, runs)
        failed = failed or not all(run.passed for run in runs)
    if failed:
        click.echo(f"What to do: {WORDS[Kind.CHECK].to_do}")
        raise SystemExit(1)


def _keep(config: Config, site: Site, runs: list[Run]) -> None:
    if not is_new(config.database_url):
        with closing(open_store(config.database_url, zones=config.zones)) as store:
            store.alarms.keep_check(outcome(site, runs, now=int(time.time())))


def table(site: Site, runs: Sequence[Run], seconds: float) -> Iterator[str]:
    """Yield what was done on which page, and what went out, as lines."""
    pages = list(dict.fromkeys(run.page for run in runs))
    faults = sum(len(run.faults) + bool(run.trouble) for run in runs)
    count = "nothing went out that may not" if not faults else f"{faults} fault{'s' if faults > 1 else ''}"
    yield f"{site.id}: {len(pages)} page{'s' if len(pages) > 1 else ''}, {seconds:.0f} s: {count}"
    for page in pages:
        yield f"  {page}"
        for run in [run for run in runs if run.page == page]:
            yield f"    {'ok' if run.passed else 'FAIL':<5} {VISITORS[run.visitor]:<32} {', '.join(run.did)}"
            for fault in run.faults:
                yield f"          {fault.what} ({fault.whose or 'nothing declares it'})"
            if run.trouble:
                yield f"          {run.trouble}"
