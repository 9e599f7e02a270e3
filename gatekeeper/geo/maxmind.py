"""Files in MaxMind's format (MMDB), also of others who publish in it: DB-IP, IPinfo, Loyalsoldier."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import maxminddb

from gatekeeper.core.geo import NOWHERE, Place

from . import GeoError

#: Where each publisher writes the name of a provider.
_PROVIDERS = ("autonomous_system_organization", "as_name", "isp", "as_organization")
_MAX_NAME = 100


class MaxMind:
    """One file, mapped into memory: what is not looked up is not read."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        :raises GeoError: there is none, or it is not of that format.
        """
        try:
            self._reader = maxminddb.open_database(path)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            raise GeoError(f"{path} cannot be read as MMDB: {error}") from error

    def __len__(self) -> int:
        """Return how many nodes its tree has: the format does not count its entries."""
        return self._reader.metadata().node_count

    def locate(self, address: str) -> Place:
        """Return where an address is; blanks where the file does not say, or where it is no address."""
        try:
            found = self._reader.get(address)
        except (ValueError, maxminddb.InvalidDatabaseError):  # also for IPv6 in a file of IPv4
            return NOWHERE
        return Place(_provider(found), _country(found)) if isinstance(found, dict) else NOWHERE


def _provider(found: Mapping[str, Any]) -> str:
    names = (found.get(key) for key in _PROVIDERS)
    name = next((name for name in names if isinstance(name, str)), "")
    return "".join(filter(str.isprintable, name))[:_MAX_NAME]


def _country(found: Mapping[str, Any]) -> str:
    country = found.get("country")
    code = country.get("iso_code") if isinstance(country, Mapping) else found.get("country_code", country)
    return code if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isupper() else ""
