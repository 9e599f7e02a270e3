"""A yardstick: CookieConsent, the lightest banner in wide use, on the same page. It holds marked tags, and no others.

Milliseconds say as much of a machine as of a script; beside one that many know they can be compared. The package comes
from npm and is kept in ``var/bench``.
"""

import json
import subprocess
import tarfile
from pathlib import Path

#: The package and its version.
NAME = "vanilla-cookieconsent@3.1.0"
_KEPT = Path("var/bench/peer") / NAME

#: What it says of itself when it is told nothing else, as short as ours.
_TEXTS = {
    "consentModal": {
        "title": "Your privacy, your choice",
        "description": "This site asks whether it may use your visit for: visit log and advertising.",
        "acceptAllBtn": "Accept all",
        "acceptNecessaryBtn": "Reject all",
        "showPreferencesBtn": "Choose",
    },
    "preferencesModal": {"sections": [{"title": name, "linkedCategory": name} for name in ("analytics", "marketing")]},
}
_SETTINGS = {
    "hideFromBots": False,  # the browser that measures is one
    "categories": {"necessary": {"enabled": True, "readOnly": True}, "analytics": {}, "marketing": {}},
    "language": {"default": "en", "translations": {"en": _TEXTS}},
}


def fetch() -> None:
    """Have npm fetch the package, once.

    :raises subprocess.CalledProcessError: it cannot.
    """
    if _files().is_dir():
        return
    _KEPT.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "pack", "--silent", "--pack-destination", _KEPT, NAME], check=True, capture_output=True)
    (packed,) = _KEPT.glob("*.tgz")
    with tarfile.open(packed) as files:
        files.extractall(_KEPT, filter="data")


def _files() -> Path:
    return _KEPT / "package" / "dist"


def served() -> dict[str, tuple[str, bytes]]:
    """Return what its pages load: by path, the type and the content."""
    files = _files()
    return {
        "/peer.js": ("text/javascript", (files / "cookieconsent.umd.js").read_bytes()),
        "/peer.css": ("text/css", (files / "cookieconsent.css").read_bytes()),
    }


def page(bare: str) -> str:
    """Return a page with the peer on it, as its own guide says: a sheet in the head, the script at the end.

    :param bare: the page without it.
    """
    start = f"<script>CookieConsent.run({json.dumps(_SETTINGS)})</script>"
    end = f'<script src="/peer.js"></script>{start}</body>'
    return bare.replace("</title>", '</title><link rel="stylesheet" href="/peer.css">').replace("</body>", end)
