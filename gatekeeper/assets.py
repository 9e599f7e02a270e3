"""Where the scripts, styles and templates lie: inside the installed package, or at the top of a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_assets"
_ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


def static(*parts: str) -> Path:
    """Return the path of a file below ``static/``."""
    return _ROOT.joinpath("static", *parts)


def templates(*parts: str) -> Path:
    """Return the path of a file or folder below ``templates/``."""
    return _ROOT.joinpath("templates", *parts)
