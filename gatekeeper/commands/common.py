"""What commands share: which settings are read, and of which site they speak."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gatekeeper.config import Config
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.sites import Site


def with_config(command: Callable[..., Any]) -> Callable[..., Any]:
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


def only_site(config: Config, name: str | None) -> Site:
    """Return the site that is named, or the only one.

    :raises InvalidInput: it is not declared, or none is named and there are several.
    """
    if name is None and len(config.sites) > 1:
        raise InvalidInput(f"name the site with --site: one of {', '.join(config.sites)}")
    return site_of(config, name or next(iter(config.sites)))


def site_of(config: Config, name: str) -> Site:
    """Return the site that is named.

    :raises InvalidInput: it is not declared.
    """
    if name not in config.sites:
        raise InvalidInput(f"site {name!r} is not one of {', '.join(config.sites)} in {config.path}")
    return config.sites[name]
