"""Notices: publishing them, lifting the policy, and the gate as configuration for a web server."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from gatekeeper.config import Config, load_config
from gatekeeper.core.notices import Change, Notice
from gatekeeper.core.sites import Site
from gatekeeper.databases import current, is_new, published
from gatekeeper.gate.serving import Place
from gatekeeper.gate.snippets import Server, write_snippets
from gatekeeper.publishing import next_notice, pending, write_scripts
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import migrate, open_store

from .common import only_site, site_of, with_config


@click.command()
@click.argument("site", required=False)
@click.option("--dry-run", is_flag=True, help="Show what would change, and publish nothing.")
@click.option(
    "--static",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the scripts too, below the folder that your web server takes for /.",
)
@with_config
def publish(site: str | None, *, dry_run: bool, static: Path | None) -> None:
    """Publish the configuration as a notice.

    It is what visitors are told and asked about. Of SITE, or of every site. Shows what changed, and what visitors are
    asked again. A notice is never changed afterwards: the next one gets the next number. Where nothing changed,
    nothing is published.
    """
    config = load_config()
    sites = [site_of(config, site)] if site else list(config.sites.values())
    notices = published(config)
    for one in sites:
        _show_notice(one, notices[one.id])
    changed = [one for one in sites if pending(one, notices[one.id])]
    if dry_run or not changed:
        click.echo("Nothing was published: this was a dry run." if dry_run else "Nothing was published.")
    else:
        _publish_all(config, changed, notices)
    if static and not dry_run:
        _write_static(config, sites, static)


def _publish_all(config: Config, changed: Sequence[Site], notices: Mapping[str, Sequence[Notice]]) -> None:
    if is_new(config.database_url):
        migrate(config.database_url)
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        for one in changed:
            _publish(store, one, notices[one.id])
    click.echo("A web server with Gatekeeper's static configuration needs it written again: gatekeeper snippets")


def _write_static(config: Config, sites: Sequence[Site], root: Path) -> None:
    now = current(config)
    for one in sites:
        tag = write_scripts(now[one.id], root, prefix=config.prefix)
        click.echo(f"Wrote the scripts of {one.id} below {root}{config.prefix}/{one.id}/. By version: {tag}")


def _show_notice(site: Site, notices: Sequence[Notice]) -> None:
    found = pending(site, notices)
    if not found:
        click.echo(f"{site.id}: nothing changed; notice {notices[-1].no} stays.")
        return
    click.echo(f"{site.id}: what notice {len(notices) + 1} changes")
    for change in found:
        click.echo(shown(change))
    if any(change.material for change in found):
        click.echo("  Visitors who chose before are asked again about what is marked; until then it does not fire.")


def shown(change: Change) -> str:
    """Return a change as a line, and whether visitors are asked again for it."""
    return f"    {'asks again' if change.material else 'new       '}  {change.what}"


def _publish(store: Store, site: Site, notices: Sequence[Notice]) -> None:
    notice = next_notice(site, notices, today=datetime.now(UTC).date())
    store.publish(notice)
    click.echo(f"Published notice {notice.no} of {site.id}, {notice.hash} (SHA-256 of its content).")


@click.command()
@click.option("--site", help="Which site; needed only where there are several.")
@click.option("--on", is_flag=True, help="Put the policy back.")
@with_config
def off(site: str | None, *, on: bool) -> None:
    """Lift a site's policy, while something is being mended.

    The pages of the site may then reach every host again. Marked tags are still held, and the banner stays. Known
    within seconds to a Gatekeeper that is serving and to its middleware.
    """
    config = load_config()
    one = only_site(config, site)
    migrate(config.database_url)
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        store.lift(one.id, lifted=not on, at=int(datetime.now(UTC).timestamp()))
    done = "is in force again" if on else f"is lifted; put it back with: gatekeeper off --site {one.id} --on"
    click.echo(f"The policy of {one.id} {done}")
    click.echo("Write these again where you use them: gatekeeper snippets, gatekeeper publish --static")


@click.command()
@click.argument("server", type=click.Choice([server.value for server in Server]))
@click.option("--site", help="Which site; needed only where there are several.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write files here instead of printing.")
@click.option("--upstream", default="127.0.0.1:8100", show_default=True, help="Where Gatekeeper listens.")
@click.option(
    "--static", default="", metavar="DIR", help="Where `gatekeeper publish --static` writes: serve the scripts from it."
)
@click.option("--ask", is_flag=True, help="Ask Gatekeeper for the policy of every page (nginx, Caddy).")
@with_config
def snippets(server: str, site: str | None, out: Path | None, upstream: str, static: str, *, ask: bool) -> None:
    """Write the gate as configuration for your web server.

    The server then puts the policy on every response by itself, by the visitor's own cookies: with Gatekeeper down,
    pages are as fast as ever and nothing fires. Write it again after each publish. With --ask it asks Gatekeeper
    instead, which knows every choice exactly; pages that get no answer in time have the strictest policy.
    """
    config = load_config()
    one = current(config)[only_site(config, site).id]
    place = Place(upstream, config.prefix, str(Path(static).resolve()) if static else "", asks=ask)
    for snippet in write_snippets(Server(server), one, place):
        if out is None:
            click.echo(f"# ---- {snippet.name} ----\n{snippet.text}")
            continue
        out.mkdir(parents=True, exist_ok=True)
        (out / snippet.name).write_text(snippet.text, "utf-8")
        click.echo(f"Wrote {out / snippet.name}")
