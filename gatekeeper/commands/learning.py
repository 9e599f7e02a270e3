"""Learning what pages call, and proposing what to declare."""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime

import click

from gatekeeper import learning
from gatekeeper.config import Config, load_config
from gatekeeper.core.learners import CODE_LASTS, LEARNS_FOR
from gatekeeper.core.learning import propose, to_toml
from gatekeeper.core.sightings import Sighting
from gatekeeper.core.sites import Site
from gatekeeper.databases import is_new
from gatekeeper.store.engines import open_store

from .common import only_site, with_config


@click.command()
@click.option("--site", help="Which site; needed only where there are several.")
@click.option("--invite", is_flag=True, help="Print a code for one more browser.")
@click.option("--show", is_flag=True, help="Print what is proposed, as TOML.")
@click.option("--write", is_flag=True, help="Show what would be added to gatekeeper.toml; with --yes, add it.")
@click.option("--yes", is_flag=True, help="With --write: write.")
@click.option("--forget", is_flag=True, help="Forget what was met.")
@with_config
def learn(site: str | None, *, invite: bool, show: bool, write: bool, yes: bool, forget: bool) -> None:
    """Propose what to declare, from what your pages call.

    Staff open the site in a browser that learns: nothing is held back there, and what nothing in gatekeeper.toml
    declares is noted, host and path without query. Visitors are never looked at. Begins with a code for such a
    browser; once something was met, says what to declare. What only a person can know stays empty in the proposals,
    and `gatekeeper check` refuses them so.
    """
    if invite + show + write + forget > 1 or (yes and not write):
        raise click.UsageError("give one of --invite, --show, --write and --forget; --yes goes with --write")
    config = load_config()
    one = only_site(config, site)
    seen = _seen(config, one)
    if forget:
        _forget(config, one, len(seen))
    elif invite or not (seen or show or write):
        _invite(config, one)
    else:
        _propose(config, one, seen, write=write, yes=yes)


def _seen(config: Config, site: Site) -> dict[Sighting, int]:
    if is_new(config.database_url):
        return {}
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        return store.sightings(site.id)


def _forget(config: Config, site: Site, count: int) -> None:
    if count:
        with closing(open_store(config.database_url, zones=config.zones)) as store:
            store.forget_sightings(site.id)
    click.echo(f"Forgot what was met on {site.id}: {count} entries." if count else f"Nothing was met on {site.id}.")


def _invite(config: Config, site: Site) -> None:
    code = learning.invite(config, site, now=int(datetime.now(UTC).timestamp()))
    click.echo(f"""To learn what the pages of {site.id} call:

  1. While `gatekeeper serve` runs, open in the browser that is to learn:

     {learning.address(config, site)}

  2. Enter this code there. It is good once, for {CODE_LASTS // 60} minutes; give it to nobody outside your staff.

     {code}

  3. Visit every kind of page. The gate holds nothing back from this browser: those whom your pages call receive
     what they would without Gatekeeper. It ends after {LEARNS_FOR // 3600} hours, or by a button on that same page.
  4. gatekeeper learn --site {site.id}
""")


def _propose(config: Config, site: Site, seen: Mapping[Sighting, int], *, write: bool, yes: bool) -> None:
    proposals = propose(site, seen)
    if not proposals:
        met = "everything that was met is declared" if seen else "nothing was met yet"
        click.echo(f"Nothing to propose for {site.id}: {met}. gatekeeper learn --site {site.id} --invite", err=True)
        return
    if not write:
        click.echo(to_toml(site, proposals), nl=False)
        click.echo(_about(site, len(proposals)), err=True)
        return
    added = learning.addition(config.path, site, proposals)
    click.echo(learning.difference(config.path, added))
    if not yes:
        click.echo("Nothing was written: this was a dry run. Add --yes to write.", err=True)
        return
    learning.add(config.path, added)
    click.echo(
        f"Wrote {config.path}. Fill in what is empty: until `gatekeeper check` finds no mistake, a Gatekeeper that "
        "serves goes on as it is, but does not start again.",
        err=True,
    )


def _about(site: Site, count: int) -> str:
    command = f"gatekeeper learn --site {site.id}"
    return f"""
{count} proposed. Hosts whose last two labels are the same stand together: that is a guess, and so is each kind.

  {command} --write    shows what would be added to gatekeeper.toml
  {command} --invite   prints a code for one more browser
  {command} --forget   begins anew"""
