"""What is wrong here, and how to mend it."""

import json
import os
from dataclasses import asdict

import click

from .common import with_config


@click.command()
@click.option("--url", metavar="URL", help="A page of your site: looks at it as a browser would.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@with_config
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
