"""Reports: what the dashboard shows, on the terminal and as files."""

import os
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

from gatekeeper import reporting
from gatekeeper.config import Config, load_config
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.panels import Asked
from gatekeeper.core.sites import Site
from gatekeeper.databases import current, is_new
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.sources import Sources
from gatekeeper.panels.writing import csv_of
from gatekeeper.reporting import Report
from gatekeeper.store.books import Entry
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.web.ids import event_id

from .common import only_site, with_config

_FORMATS = ("text", "csv", "json", "html")


@click.command()
@click.option("--site", metavar="SITE", help="Which site; needed only where there are several.")
@click.option("--days", default=28, show_default=True, type=click.IntRange(1, reporting.MOST_DAYS), help="Up to today.")
@click.option("--first", default="", metavar="DAY", help="The first day, as 2026-11-01; instead of --days.")
@click.option("--last", default="", metavar="DAY", help="The last day, which is included. [today]")
@click.option("--panel", "names", multiple=True, metavar="ID", help="Which panel; several times for several. [all]")
@click.option("--about", default="", metavar="TRACKER", help="Which tracker, for the panels about one.")
@click.option("--format", "form", default="text", show_default=True, metavar="FORM", help=f"{', '.join(_FORMATS)}.")
@click.option("--rows", default=20, show_default=True, type=click.IntRange(0), help="Of a table as text; 0 is all.")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it there; CSV of several into a folder."
)
@click.option("--list", "only_list", is_flag=True, help="List the panels instead.")
@with_config
def report(
    site: str | None,
    days: int,
    first: str,
    last: str,
    names: Sequence[str],
    about: str,
    form: str,
    rows: int,
    output: Path | None,
    *,
    only_list: bool,
) -> None:
    """Print what the dashboard shows, or write it to a file.

    Numbers are those of the dashboard. "not measured" is not 0; "too few to tell" hides how many.

    \b
    For example:
      gatekeeper report --days 7
      gatekeeper report --site shop --panel outcomes --panel trackers
      gatekeeper report --about tallyhouse --first 2026-11-01 --last 2026-11-30
      gatekeeper report --panel choices-by-day --format csv > choices.csv
      gatekeeper report --format html --output report.html
    """
    if only_list:
        _list_panels()
        return
    if form not in _FORMATS:
        raise InvalidInput(f"--format {form[:32]!r} is not one of {', '.join(_FORMATS)}")
    config = load_config()
    one = only_site(config, site)
    if is_new(config.database_url):
        raise InvalidInput(f"nothing is kept of {one.id} yet: the database is made by `gatekeeper publish {one.id}`")
    asked = reporting.asked_of(one, now=int(time.time()), days=days, first=first, last=last, about=about)
    made = _make(config, current(config)[one.id], asked, names)
    if form == "csv":
        _write_csv(made, output)
    else:
        _write(made, form, output, rows)


def _list_panels() -> None:
    width = max(len(name) for name in PANELS)
    for listed in PANELS.values():
        about = f" (with --about {listed.about.upper()})" if listed.about else ""
        click.echo(f"{listed.id:<{width}}  {listed.title}{about}")


def _make(config: Config, site: Site, asked: Asked, names: Sequence[str]) -> Report:
    migrate(config.database_url)
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        # Where nothing serves, nobody has counted what came last.
        store.settle()
        now = int(time.time())
        made = reporting.make(Sources(site, store, now), asked, names)
        detail = f"{asked.first} to {asked.last}: {', '.join(panel.id for panel in made.panels)}"
        store.staff.note(Entry(event_id(), now, b"", "command line", site.id, "export", "report", detail))
        return made


def _write(made: Report, form: str, output: Path | None, rows: int) -> None:
    match form:
        case "json":
            text = reporting.to_json(made).decode()
        case "html":
            text = reporting.to_html(made)
        case _:
            text = reporting.to_text(made, most=rows)
    if output is None:
        click.echo(text, nl=False)
    else:
        _keep(output, text.encode())


def _write_csv(made: Report, output: Path | None) -> None:
    several = len(made.panels) > 1
    if several and output is None:
        raise InvalidInput("a CSV file holds one panel: name one with --panel, or a folder with --output")
    for panel in made.panels:
        lines = b"".join(csv_of(panel))
        if output is None:
            click.echo(lines, nl=False)
        else:
            into = several or output.is_dir()
            _keep(output / f"{made.site.id}-{panel.id}.csv" if into else output, lines)


def _keep(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise InvalidInput(f"--output {str(path)!r} cannot be written: {error.strerror}; name another place") from error
    click.echo(f"Wrote {path}.", err=True)
