"""What the tests of commands share."""

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

#: Runs a command in the folder.
Run = Callable[..., Result]


def edit(path: Path, old: str, new: str) -> None:
    """Put another text into a file in the place of one that is there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
