"""Beginning: writing the configuration, and finding what is wrong with it."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

import click

from gatekeeper import beginning
from gatekeeper.config import KEYS, load_config
from gatekeeper.core.choices import MAX_VALUE, Choice, State, write_choice
from gatekeeper.core.notices import Notice
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.regimes import check_regimes
from gatekeeper.core.sites import Site
from gatekeeper.core.texts import Lack, lacking
from gatekeeper.databases import published
from gatekeeper.gate.advice import advice
from gatekeeper.languages import words
from gatekeeper.publishing import next_notice, pending

from .common import with_config
from .publishing import shown


@click.command()
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


@click.command()
@click.option("--live", is_flag=True, help="Look at your own pages in a real browser that rejects, withdraws, objects.")
@click.option("--site", help="With --live: only this site.")
@with_config
def check(site: str | None, *, live: bool) -> None:
    """Find every mistake in the configuration; with --live, what your pages send after a refusal.

    Says also what has not been published yet, and which texts are not there in which language.

    Reads gatekeeper.toml and the environment. Each mistake comes with its key, its value, the rule it breaks and how
    to mend it; the exit code is then 1. So it is where a page sends anything to a vendor, or keeps anything, without a
    yes: --live shows what was done on which page, and what went out.
    """
    if site and not live:
        raise click.UsageError("--site goes with --live")
    config = load_config()
    if live:
        from .watching import check_live

        check_live(config, site)
        return
    notices = published(config)
    for one in config.sites.values():
        click.echo(_summary(one, notices[one.id], _size_of_choice(one)))
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
    return [behind, *(shown(change) for change in found)]


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
