"""The command line. Each command reads the settings, calls one thing, and says what happened and what comes next."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from gatekeeper import __version__, beginning, copying, learning, purging
from gatekeeper.config import KEYS, VARIABLES, Config, load_config
from gatekeeper.core.choices import MAX_VALUE, Choice, State, write_choice
from gatekeeper.core.errors import GatekeeperError, InvalidInput
from gatekeeper.core.learners import CODE_LASTS, LEARNS_FOR
from gatekeeper.core.learning import propose, to_toml
from gatekeeper.core.notices import Change, Notice
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.regimes import check_regimes
from gatekeeper.core.sightings import Sighting
from gatekeeper.core.sites import Site
from gatekeeper.core.texts import Lack, lacking
from gatekeeper.databases import check_unserved, current, is_new, published
from gatekeeper.gate.advice import advice
from gatekeeper.gate.serving import Place
from gatekeeper.gate.snippets import Server, write_snippets
from gatekeeper.languages import words
from gatekeeper.publishing import next_notice, pending, write_scripts
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import migrate, open_store


class _Commands(click.Group):
    """Shows our own errors as one message, without a traceback, and lists the environment variables in the help."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GatekeeperError as error:
            raise click.ClickException(str(error)) from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Environment variables"):
            formatter.write_dl(list(VARIABLES.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="gatekeeper")
def main() -> None:
    """Gatekeeper stands between a website's visitors and every tracker.

    Begin with `gatekeeper init`, then `gatekeeper check`, `gatekeeper publish` and `gatekeeper serve`. When something
    does not work as you expect, `gatekeeper doctor` says why.
    """


def _with_config(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--config`` to a command. What it names holds for the workers of `serve` too."""

    def use(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
        if value is not None:
            os.environ["GATEKEEPER_CONFIG"] = str(Path(value).resolve())

    return click.option(
        "--config",
        metavar="FILE",
        callback=use,
        expose_value=False,
        help="gatekeeper.toml to read; wins over GATEKEEPER_CONFIG.",
    )(command)


@main.command()
@click.argument("path", type=click.Path(path_type=Path), default="gatekeeper.toml")
@click.option("--site", default="shop", show_default=True, help="The site's id: lower-case letters, digits, hyphens.")
@click.option("--name", default="Example Shop", show_default=True, help="The site's name, as its visitors know it.")
@click.option("--origin", default="https://shop.example", show_default=True, help="Scheme, host and port of its pages.")
def init(path: Path, site: str, name: str, origin: str) -> None:
    """Write a commented gatekeeper.toml, and a key.

    The file goes to PATH, the signing key beside it; nothing that exists is overwritten. The file is lawful as
    written: nothing is granted in advance.
    """
    path = path / "gatekeeper.toml" if path.is_dir() else path
    beginning.write_example(path, site=site, name=name, origin=origin)
    keys = path.with_name(KEYS)
    written = beginning.write_key(keys)
    click.echo(f"Wrote {path}.")
    click.echo(f"Wrote {keys}; keep it secret and back it up." if written else f"Kept {keys}, which was there already.")
    option = "" if path == Path("gatekeeper.toml") else f" --config {path}"
    click.echo(f"""
Next:
  1. Edit {path}: who you are, and what your pages load.
  2. gatekeeper check{option}
  3. gatekeeper publish{option}
  4. gatekeeper serve{option}
  5. Let your web server pass /gk/ to it (docs/deploy.md), and put this first in the <head> of every page:

     {embed(site)}
""")


def embed(site: str, prefix: str = "/gk") -> str:
    """Return the one line that a page needs."""
    return f'<script src="{prefix}/{site}/gatekeeper.js"></script>'


@main.command()
@_with_config
def check() -> None:
    """Find every mistake in the configuration.

    Says also what has not been published yet, and which texts are not there in which language.

    Reads gatekeeper.toml and the environment. Each mistake comes with its key, its value, the rule it breaks and how
    to mend it; the exit code is then 1.
    """
    config = load_config()
    notices = published(config)
    for site in config.sites.values():
        click.echo(_summary(site, notices[site.id], _size_of_choice(site)))
    click.echo(f"No mistakes in {config.path}.")


def _summary(site: Site, notices: Sequence[Notice], size: int) -> str:
    asked = ", ".join(purpose.id for purpose in site.optional_purposes)
    trackers = ", ".join(f"{tracker.id} ({tracker.purpose})" for tracker in site.trackers.values())
    lines = [
        f"{site.id}: {site.name}, {', '.join(site.origins)}",
        f"  asks about  {asked}",
        f"  trackers    {trackers}",
        f"  gk_choice   {size} of {MAX_VALUE} bytes at most",
        *_notice_lines(site, notices),
        *(f"  to know     {line}" for line in (*advice(site), *check_regimes(site))),
        *_language_lines(site),
    ]
    left = beginning.left_as_written(dict(site.controller))
    if left:
        lines.append(f"  to edit     controller: {', '.join(left)} as `gatekeeper init` wrote it")
    return "\n".join(lines) + "\n"


def _notice_lines(site: Site, notices: Sequence[Notice]) -> list[str]:
    found = pending(site, notices)
    if not notices:
        return [f"  notice      none is published, so everything optional is denied: gatekeeper publish {site.id}"]
    if not found:
        return [f"  notice      {notices[-1].no}, up to date"]
    command = f"gatekeeper publish {site.id}"
    behind = f"  notice      {notices[-1].no}, behind the configuration: {command}"
    return [behind, *(_shown(change) for change in found)]


def _language_lines(site: Site) -> Iterator[str]:
    unread = [tag for tag in site.languages if not words(tag).reviewed]
    if unread:
        yield f"  to know     a machine translated our own words, and no person has read them yet: {', '.join(unread)}"
    lacks = lacking(site)
    alike: dict[tuple[tuple[str, str, str], ...], list[str]] = {}
    for tag in site.languages:
        missing = tuple((lack.part, lack.id, lack.field) for lack in lacks if lack.language == tag)
        alike.setdefault(missing, []).append(tag)
    for tags in [tags for missing, tags in alike.items() if missing]:
        more = ", and the same for each of the others" if tags[1:] else ""
        yield f"  to write    {', '.join(tags)}: visitors read these in {site.language} until they are translated{more}"
        yield from _tables_to_write(site, [lack for lack in lacks if lack.language == tags[0]])


def _tables_to_write(site: Site, lacks: Sequence[Lack]) -> Iterator[str]:
    for (tag, part, name), fields in groupby(lacks, key=lambda lack: (lack.language, lack.part, lack.id)):
        yield f"    [sites.{site.id}.texts.{tag}.{part}.{name}]"
        yield from (f'    {lack.field} = ""  # {" ".join(lack.text.split())}' for lack in fields)


def _shown(change: Change) -> str:
    return f"    {'asks again' if change.material else 'new       '}  {change.what}"


def _size_of_choice(site: Site) -> int:
    notice = Notice(site.id, 999_999, next_notice(site, [], today=date.min).content, "", "")
    everything = Choice(
        site.id,
        notice.no,
        date(2026, 1, 1),
        State.GRANTED,
        frozenset(notice.purposes),
        frozenset(notice.trackers),
        frozenset(notice.purposes),
        AgeBand.ADULT,
        pending=True,
        objects=True,
    )
    return len(write_choice(everything, notice))


@main.command()
@click.argument("site", required=False)
@click.option("--dry-run", is_flag=True, help="Show what would change, and publish nothing.")
@click.option(
    "--static",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the scripts too, below the folder that your web server takes for /.",
)
@_with_config
def publish(site: str | None, *, dry_run: bool, static: Path | None) -> None:
    """Publish the configuration as a notice.

    It is what visitors are told and asked about. Of SITE, or of every site. Shows what changed, and what visitors are
    asked again. A notice is never changed afterwards: the next one gets the next number. Where nothing changed,
    nothing is published.
    """
    config = load_config()
    sites = [_site(config, site)] if site else list(config.sites.values())
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


def _site(config: Config, name: str) -> Site:
    if name not in config.sites:
        raise InvalidInput(f"site {name!r} is not one of {', '.join(config.sites)} in {config.path}")
    return config.sites[name]


def _show_notice(site: Site, notices: Sequence[Notice]) -> None:
    found = pending(site, notices)
    if not found:
        click.echo(f"{site.id}: nothing changed; notice {notices[-1].no} stays.")
        return
    click.echo(f"{site.id}: what notice {len(notices) + 1} changes")
    for change in found:
        click.echo(_shown(change))
    if any(change.material for change in found):
        click.echo("  Visitors who chose before are asked again about what is marked; until then it does not fire.")


def _publish(store: Store, site: Site, notices: Sequence[Notice]) -> None:
    notice = next_notice(site, notices, today=datetime.now(UTC).date())
    store.publish(notice)
    click.echo(f"Published notice {notice.no} of {site.id}, {notice.hash} (SHA-256 of its content).")


@main.command()
@click.option("--site", help="Which site; needed only where there are several.")
@click.option("--on", is_flag=True, help="Put the policy back.")
@_with_config
def off(site: str | None, *, on: bool) -> None:
    """Lift a site's policy, while something is being mended.

    The pages of the site may then reach every host again. Marked tags are still held, and the banner stays. Known
    within seconds to a Gatekeeper that is serving and to its middleware.
    """
    config = load_config()
    one = _only_site(config, site)
    migrate(config.database_url)
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        store.lift(one.id, lifted=not on, at=int(datetime.now(UTC).timestamp()))
    done = "is in force again" if on else f"is lifted; put it back with: gatekeeper off --site {one.id} --on"
    click.echo(f"The policy of {one.id} {done}")
    click.echo("Write these again where you use them: gatekeeper snippets, gatekeeper publish --static")


@main.command()
@click.option("--site", help="Which site; needed only where there are several.")
@click.option("--invite", is_flag=True, help="Print a code for one more browser.")
@click.option("--show", is_flag=True, help="Print what is proposed, as TOML.")
@click.option("--write", is_flag=True, help="Show what would be added to gatekeeper.toml; with --yes, add it.")
@click.option("--yes", is_flag=True, help="With --write: write.")
@click.option("--forget", is_flag=True, help="Forget what was met.")
@_with_config
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
    one = _only_site(config, site)
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


@main.command()
@click.argument("server", type=click.Choice([server.value for server in Server]))
@click.option("--site", help="Which site; needed only where there are several.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write files here instead of printing.")
@click.option("--upstream", default="127.0.0.1:8100", show_default=True, help="Where Gatekeeper listens.")
@click.option(
    "--static", default="", metavar="DIR", help="Where `gatekeeper publish --static` writes: serve the scripts from it."
)
@click.option("--ask", is_flag=True, help="Ask Gatekeeper for the policy of every page (nginx, Caddy).")
@_with_config
def snippets(server: str, site: str | None, out: Path | None, upstream: str, static: str, *, ask: bool) -> None:
    """Write the gate as configuration for your web server.

    The server then puts the policy on every response by itself, by the visitor's own cookies: with Gatekeeper down,
    pages are as fast as ever and nothing fires. Write it again after each publish. With --ask it asks Gatekeeper
    instead, which knows every choice exactly; pages that get no answer in time have the strictest policy.
    """
    config = load_config()
    one = current(config)[_only_site(config, site).id]
    place = Place(upstream, config.prefix, str(Path(static).resolve()) if static else "", asks=ask)
    for snippet in write_snippets(Server(server), one, place):
        if out is None:
            click.echo(f"# ---- {snippet.name} ----\n{snippet.text}")
            continue
        out.mkdir(parents=True, exist_ok=True)
        (out / snippet.name).write_text(snippet.text, "utf-8")
        click.echo(f"Wrote {out / snippet.name}")


def _only_site(config: Config, name: str | None) -> Site:
    if name is None and len(config.sites) > 1:
        raise InvalidInput(f"name the site with --site: one of {', '.join(config.sites)}")
    return _site(config, name or next(iter(config.sites)))


@main.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@_with_config
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


@main.command()
@_with_config
def upgrade() -> None:
    """Bring the database to this version's form. `serve` does it too, before it starts."""
    migrate(load_config().database_url)
    click.echo("The database has the form that this version needs.")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8100, show_default=True, type=click.IntRange(1, 65535))
@click.option("--threads", default=32, show_default=True, type=click.IntRange(1, 512), help="Threads of a worker.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes; 1 on SQLite.")
@_with_config
def serve(host: str, port: int, threads: int, workers: int) -> None:
    """Serve, until it is stopped (Ctrl-C, SIGTERM). Brings the database up to date first.

    Speaks HTTP to a web server in front of it; keep it on an address that visitors cannot reach. Keeps no access log.
    Edited gatekeeper.toml? Restart. A notice that is published meanwhile is served within seconds.
    """
    from gatekeeper import serving

    config = load_config()
    serving.check_serving(config, workers=workers)
    check_unserved(config.database_url)
    serving.check_port(host, port)
    migrate(config.database_url)
    serving.serve(config, host=host, port=port, threads=threads, workers=workers)


_with_config(copying.copy)
main.add_command(copying.store)


@main.group()
def geo() -> None:
    """Tell providers and countries from addresses.

    By files on this machine, named under [geo] in gatekeeper.toml. No address is ever looked up online.
    """


@geo.command("status")
@_with_config
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
@_with_config
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


@main.command()
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65533), help="The shop's port.")
@click.option(
    "--state",
    default="var/demo",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps its data.",
)
def demo(port: int, state: Path) -> None:
    """Run a small shop to try Gatekeeper on.

    The companies behind its trackers are played by stand-ins, which show what they receive. The shop answers on PORT,
    Gatekeeper on PORT+1, the stand-ins on PORT+2. Nothing leaves this machine.
    """
    from gatekeeper.demo import run

    run(port, state)


@main.command()
@click.option("--url", metavar="URL", help="A page of your site: looks at it as a browser would.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@_with_config
def doctor(url: str | None, *, as_json: bool) -> None:
    """Say what is wrong here, and how to mend it.

    Looks at the configuration, keys, database, cookies, clock and the web server's own logs; with --url also at a
    page of the site: the script tag, where it is served from, and what that means for how long browsers remember a
    choice. The exit code is 1 when anything fails.
    """
    from gatekeeper.doctor import Sign, examine

    findings = examine(os.environ, url=url)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
        if url is None:
            click.echo("Give --url to look at a page of your site as well.")
    if any(finding.sign is Sign.FAIL for finding in findings):
        raise SystemExit(1)
