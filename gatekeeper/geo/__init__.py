"""Where addresses are, from files on this machine: read, kept in memory, looked up, and fetched by an operator.

The formats are in ``ranges`` (iptoasn.com's tables) and ``maxmind`` (MMDB); ``places`` answers for what serves, and
``update`` is the only module that asks the network for anything: for a file, never about an address.
"""

from gatekeeper.core.errors import GatekeeperError


class GeoError(GatekeeperError):
    """A file is missing, is not what it should be, or could not be fetched."""
