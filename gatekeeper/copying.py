"""`gatekeeper store`: moving what is kept from a SQLite file to a PostgreSQL server."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, cast

import click

from gatekeeper.config import load_config
from gatekeeper.core.errors import ConfigError, StoreUnavailable
from gatekeeper.store.engines import find_engine
from gatekeeper.store.sqlite import SqliteEngine

if TYPE_CHECKING:
    from gatekeeper.store.copies import Copied
    from gatekeeper.store.postgres import PostgresEngine


@click.group()
def store() -> None:
    """Look after the database."""


@store.command()
@click.option(
    "--to",
    metavar="URL",
    required=True,
    help="postgresql://user@host/database; its password may come from ~/.pgpass or PGPASSWORD.",
)
@click.option("--dry-run", is_flag=True, help="Say what there is to copy, and whether it could be; write nothing.")
def copy(to: str, *, dry_run: bool) -> None:
    """Copy everything from the SQLite file to a PostgreSQL server.

    It may be served meanwhile, and the command may be interrupted: run again, it copies what is missing or came since.
    Run with nothing serving, it makes the copy complete. Then name the server in GATEKEEPER_DATABASE_URL, and serve.

    Both sides are counted and compared. A server that holds anything else, or a copy that has been in use, is refused.
    """
    source, target = _engines(load_config().database_url, to)
    try:
        if dry_run:
            _rehearse(source, target)
            return
        copied, complete = _run(source, target)
    except (*source.errors, *target.errors) as error:
        raise StoreUnavailable(f"copying was interrupted ({error}): run it again") from error
    click.echo(_table(copied))
    if complete:
        click.echo("\nThe copy is complete. Name the server in GATEKEEPER_DATABASE_URL, and serve from it.")
    else:
        click.echo("\nIt is being served from, so there will be more. Stop it, and run this once more: that is quick.")


def _engines(source_url: str, target_url: str) -> "tuple[SqliteEngine, PostgresEngine]":
    source = find_engine(source_url)
    if not isinstance(source, SqliteEngine):
        raise ConfigError("GATEKEEPER_DATABASE_URL names no SQLite file: what is copied comes from one")
    target = find_engine(target_url)
    if isinstance(target, SqliteEngine):
        raise ConfigError("--to names a SQLite file: write postgresql://user@host/database")
    if source.is_new():
        raise ConfigError(f"there is nothing to copy: {source.path} has no tables yet")
    return source, cast("PostgresEngine", target)


def _rehearse(source: SqliteEngine, target: "PostgresEngine") -> None:
    from gatekeeper.store import copies

    with copies.open_source(source) as (connection, at_rest):
        have = copies.count(connection)
        name = copies.known_name(connection)
    there: Mapping[str, int] = {}
    if not target.is_new():
        target.check_tables()
        with closing(target.connect()) as connected:
            copies.check_target(connected, name)
            there = copies.count(connected)
    rows = [(table, str(n), str(there.get(table, 0))) for table, n in have.items()]
    click.echo(_columns([("table", "in the file", "on the server"), *rows]))
    click.echo(f"\nIt can be copied; nothing was written.{'' if at_rest else ' It is being served from now.'}")


def _run(source: SqliteEngine, target: "PostgresEngine") -> "tuple[list[Copied], bool]":
    from gatekeeper.store import copies

    target.migrate()
    name = copies.name_of(source)
    with copies.open_source(source) as (connection, at_rest):
        to = copies.Target(target, name)
        try:
            length = 2 * sum(copies.count(connection).values())
            with click.progressbar(length=length, label="Copying", file=sys.stderr) as bar:
                return copies.copy(connection, to, finish=at_rest, progress=bar.update), at_rest
        finally:
            to.close()


def _table(copied: "Sequence[Copied]") -> str:
    rows = [(each.table, str(each.rows), str(each.written), str(each.removed), each.checksum[:12]) for each in copied]
    return _columns([("table", "rows", "written now", "removed", "checksum"), *rows])


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]))
    return "\n".join(lines)
