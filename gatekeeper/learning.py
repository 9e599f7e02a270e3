"""What `gatekeeper learn` does: invite a browser, and put proposals into ``gatekeeper.toml``.

The file is only ever added to, at its end: what its owner wrote stays as it is, comments and all.
"""

import difflib
import secrets
import tomllib
from collections.abc import Sequence
from pathlib import Path

from gatekeeper.config import Config
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.learners import CODE_LASTS, Invitation, sign_invitation
from gatekeeper.core.learning import Proposal, to_toml
from gatekeeper.core.sites import Site

_HEADING = (
    "# Proposed by `gatekeeper learn`. Fill in what is empty, review the rest; `gatekeeper check` says what is left."
)


def address(config: Config, site: Site) -> str:
    """Return the address of the page on which a browser goes into learn mode."""
    return f"{site.origins[0]}{config.prefix}/{site.id}/learn"


def invite(config: Config, site: Site, *, now: int) -> str:
    """Return a new code: good once, and for a quarter of an hour.

    :param now: seconds since the epoch.
    """
    return sign_invitation(config.keys, Invitation(site.id, secrets.token_bytes(16), now + CODE_LASTS))


def addition(path: Path, site: Site, proposals: Sequence[Proposal]) -> str:
    """Return what is to be added to a ``gatekeeper.toml``.

    :raises InvalidInput: nothing can be added to it in this way.
    """
    text = _read(path)
    gap = "\n" if text.endswith("\n") else "\n\n"
    added = f"{gap}{_HEADING}\n\n{to_toml(site, proposals)}"
    try:
        tomllib.loads(text + added)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(
            f"the proposals cannot be put at the end of {path} ({error}): it says `vendors` or `trackers` of site "
            f"{site.id} in one line. Write them as [sites.{site.id}.trackers.…] tables, or copy the proposals by hand"
        ) from error
    return added


def difference(path: Path, added: str) -> str:
    """Return what an addition changes, as a unified diff."""
    old = _read(path)
    lines = difflib.unified_diff(old.splitlines(), (old + added).splitlines(), str(path), str(path), lineterm="")
    return "\n".join(lines)


def add(path: Path, added: str) -> None:
    """Add to the file, at its end.

    :raises InvalidInput: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(added)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}") from error


def _read(path: Path) -> str:
    return path.read_text("utf-8")
