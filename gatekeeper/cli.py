"""The command line: the group, and what is in it. The commands are in :mod:`gatekeeper.commands`."""

from typing import Any

import click

from gatekeeper import __version__, copying
from gatekeeper.commands import (
    beginning,
    health,
    keeping,
    learning,
    places,
    publishing,
    reporting,
    running,
    users,
    watching,
)
from gatekeeper.config import VARIABLES
from gatekeeper.core.errors import GatekeeperError


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


main.add_command(beginning.init)
main.add_command(beginning.check)
main.add_command(publishing.publish)
main.add_command(publishing.off)
main.add_command(publishing.snippets)
main.add_command(learning.learn)
main.add_command(running.serve)
main.add_command(running.demo)
main.add_command(keeping.purge)
main.add_command(keeping.upgrade)
main.add_command(copying.store)
main.add_command(places.geo)
main.add_command(health.doctor)
main.add_command(reporting.report)
main.add_command(users.users)
main.add_command(watching.watch)
main.add_command(watching.alerts)
