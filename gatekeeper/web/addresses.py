"""Whose request it is: the socket's address, unless a trusted proxy vouches for another."""

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(environ: Mapping[str, object], trusted: Sequence[Network]) -> str:
    """Return the address of the right-most hop that is not one of ours.

    ``X-Forwarded-For`` is read only from a trusted peer, and only as far as each hop is trusted: whatever a client
    writes there stands to the left of what our own proxies add (OWASP ASVS 4.1.3).

    :param trusted: networks of the operator's own proxies; empty means that the header is never read.
    """
    peer = str(environ.get("REMOTE_ADDR", ""))
    if not trusted:
        return peer
    hops = str(environ.get("HTTP_X_FORWARDED_FOR", ""))
    for hop in reversed([part.strip() for part in hops.split(",") if part.strip()]):
        if not _is_trusted(peer, tuple(trusted)):
            break
        peer = hop
    return peer


@lru_cache(maxsize=1024)
def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in trusted)


#: This machine, and what stands for no address at all, such as a Unix socket.
_OWN = ("127.", "::1", "::ffff:127.")
# RFC 1918, RFC 3927, RFC 4193, RFC 4291
_PRIVATE = ("10.", "192.168.", "169.254.", "fc", "fd", "fe80:", *(f"172.{n}." for n in range(16, 32)))


def bucket(environ: Mapping[str, object], trusted: Sequence[Network]) -> str:
    """Return what stands for whoever asks, where requests are counted: an address, or the /64 that one household has.

    Empty for this machine, and for a private address that forwards for others without being among the trusted
    proxies: it is a proxy all the same, and all visitors would share its count.
    """
    address = client_address(environ, trusted)
    if not address or address.startswith(_OWN):
        return ""
    if address.startswith(_PRIVATE) and "HTTP_X_FORWARDED_FOR" in environ and address == environ.get("REMOTE_ADDR"):
        return ""
    if "." in address:
        return address.rpartition(":")[2] or address
    try:
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    except ValueError:
        return address[:64]
