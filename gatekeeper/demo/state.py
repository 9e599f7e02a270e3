"""Where the demo keeps its data, and by which variables Gatekeeper finds it."""

import os
from dataclasses import dataclass
from pathlib import Path

SITE = "shop"
#: Where staff look at the preview and the metrics. Browsers and resolvers take it for this machine (RFC 6761).
STAFF = "staff.localhost"
#: With which address the shop's owner signs in there.
OWNER = "owner@bluekettle.example"


@dataclass(frozen=True, slots=True)
class State:
    """Where the demo keeps what it keeps."""

    folder: Path

    @property
    def registry(self) -> Path:
        """The shop's ``gatekeeper.toml``."""
        return self.folder / "gatekeeper.toml"

    @property
    def keys(self) -> Path:
        """The file with the signing key."""
        return self.folder / "gatekeeper.keys"

    @property
    def password(self) -> Path:
        """The file with the owner's password."""
        return self.folder / "owner.password"

    def pid(self, name: str) -> Path:
        """The file with the process id of a part: demo, shop, gatekeeper or vendors."""
        return self.folder / f"{name}.pid"

    def log(self, name: str) -> Path:
        """What a part printed since it was started last."""
        return self.folder / f"{name}.log"

    @property
    def shown(self) -> Path:
        """The folder, as short as one would type it."""
        here = Path.cwd()
        return self.folder.relative_to(here) if self.folder.is_relative_to(here) else self.folder

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which Gatekeeper finds all this; nothing else of its name is passed on."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")}
        return inherited | {
            "GATEKEEPER_CONFIG": str(self.registry),
            "GATEKEEPER_DATABASE_URL": f"sqlite:///{self.folder / 'gatekeeper.db'}",
            "GATEKEEPER_SECRET_KEYS_FILE": str(self.keys),
            # The shop's proxy: what it says about a visitor's address is believed.
            "GATEKEEPER_TRUSTED_PROXIES": "127.0.0.1/32",
            "GATEKEEPER_STAFF_HOSTS": STAFF,
        }
