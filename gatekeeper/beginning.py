"""Begin: a first ``gatekeeper.toml`` and a first key."""

import json
import os
import re
import secrets
import tomllib
from pathlib import Path

from gatekeeper.config import Invalid
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.registry import read_registry

EXAMPLE = Path(__file__).with_name("example.toml")
#: 32 random bytes, as long as the hash that signs with them.
KEY_BYTES = 32
_BARE = re.compile("[A-Za-z0-9_-]+")


def write_example(path: Path, *, site: str, name: str, origin: str) -> None:
    """Write a commented configuration of one site.

    :raises InvalidInput: there is a file already.
    :raises Invalid: the given values break the rules of ``gatekeeper.toml``.
    """
    text = render(site=site, name=name, origin=origin)
    _, problems = read_registry(tomllib.loads(text))
    if problems:
        raise Invalid("the given values", problems)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InvalidInput(f"{path} exists already and stays as it is; remove it, or name another file") from error
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}") from error


def render(*, site: str, name: str, origin: str) -> str:
    """Return the example with a site of the given id, name and origin in place of its own."""
    text = EXAMPLE.read_text("utf-8")
    text = text.replace("sites.shop", f"sites.{site if _BARE.fullmatch(site) else _quoted(site)}")
    text = text.replace('name = "Example Shop"', f"name = {_quoted(name)}")
    text = text.replace('origins = ["https://shop.example"]', f"origins = [{_quoted(origin)}]")
    # Only https can set a cookie with a prefix; see gatekeeper.core.cookies.
    return text if origin.startswith("https:") else text.replace('"__Host-', '"')


def write_key(path: Path) -> bool:
    """Write a new signing key, readable by its owner alone, unless there is a file; return whether it was written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{secrets.token_urlsafe(KEY_BYTES)}\n")
    return True


def left_as_written(controller: dict[str, str]) -> list[str]:
    """Return the keys of a site's controller that still say what the example says."""
    (example,) = tomllib.loads(EXAMPLE.read_text("utf-8"))["sites"].values()
    return [key for key, value in example["controller"].items() if controller.get(key) == value]


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string.
    return json.dumps(text, ensure_ascii=False)
