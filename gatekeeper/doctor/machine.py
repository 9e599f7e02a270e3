"""What can be seen from this machine alone: settings, keys, database, notices, clock, cookies, proxies."""

import ipaddress
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from gatekeeper import beginning
from gatekeeper.config import KEYS, Config, Network
from gatekeeper.core.cookies import CHOICE, SUBJECT, cookie_name
from gatekeeper.core.errors import GatekeeperError
from gatekeeper.core.findings import Finding, fail, ok, warn
from gatekeeper.core.notices import Notice
from gatekeeper.core.sites import Scope, Site
from gatekeeper.databases import is_new, is_served
from gatekeeper.publishing import pending
from gatekeeper.store.engines import find_engine, is_sqlite, sqlite_path
from gatekeeper.watching.rounds import why_not

#: Below this much free space the store will soon refuse to write, in bytes.
LOW_SPACE = 1_000_000_000
NO_SPACE = 50_000_000
#: SQLite before this version has no RETURNING and no STRICT tables.
MIN_SQLITE = (3, 37, 0)
#: Files that hold what visitors said and did are for the service's own user.
_SHARED = stat.S_IRWXG | stat.S_IRWXO
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH
#: File systems on which locks are not safe to build on (https://www.sqlite.org/wal.html, section 1).
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs"})


def platform() -> Iterator[Finding]:
    """Look at Python and the SQLite library."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield ok("platform", f"Python {version}, SQLite {sqlite3.sqlite_version}, {sys.platform}")
    if sqlite3.sqlite_version_info < MIN_SQLITE:
        rule = f"SQLite {'.'.join(map(str, MIN_SQLITE))} or newer"
        yield fail("platform", f"SQLite {sqlite3.sqlite_version}", rule, "use a Python built with a newer SQLite")
    if sys.platform == "win32":
        yield warn("platform", "Windows", "tested on Linux", "serve from Linux")


def configuration(config: Config) -> Iterator[Finding]:
    """Look at what the rules allow but nobody wants to publish."""
    yield ok("configuration", f"{config.path} declares {', '.join(config.sites)} and has no mistakes")
    if config.development:
        fix = "unset it wherever visitors can reach the service"
        yield warn("configuration", "GATEKEEPER_DEVELOPMENT=1 allows short keys", "a developer's own machine only", fix)
    for site in config.sites.values():
        left = beginning.left_as_written(dict(site.controller))
        if left:
            found = f"controller: {', '.join(left)} as `gatekeeper init` wrote it"
            rule = "visitors are told who answers for the site (GDPR Art. 13(1)(a))"
            yield warn(f"site {site.id}", found, rule, f"edit [sites.{site.id}.controller] in {config.path}")


def keys(environ: Mapping[str, str], config: Config) -> Iterator[Finding]:
    """Look at how many signing keys there are, and who can read them."""
    file = _key_file(environ, config)
    if file is None:
        yield ok("keys", f"{len(config.keys)} from GATEKEEPER_SECRET_KEYS; the last one signs")
    else:
        yield ok("keys", f"{len(config.keys)} from {file}; the last one signs")
        if _mode(file.parent) & stat.S_IWOTH and not _mode(file.parent) & stat.S_ISVTX:
            rule = "nobody else can replace the key file"
            yield fail("keys", f"everybody may write to {file.parent}", rule, f"chmod o-w {file.parent}")
    if len(config.keys) > 2:
        days = max(site.choice_days for site in config.sites.values())
        rule = "an old key is needed only as long as a cookie that it signed lives"
        yield warn("keys", f"{len(config.keys)} keys", rule, f"remove those replaced more than {days} days ago")


def _key_file(environ: Mapping[str, str], config: Config) -> Path | None:
    if named := environ.get("GATEKEEPER_SECRET_KEYS_FILE"):
        return Path(named).resolve()
    return None if environ.get("GATEKEEPER_SECRET_KEYS") else config.path.with_name(KEYS)


def database(config: Config) -> Iterator[Finding]:
    """Look at the database: is it there, may others read it, is there room, who serves from it."""
    try:
        if not is_sqlite(config.database_url):
            yield from _server(config)
            return
        path = sqlite_path(config.database_url)
    except GatekeeperError as error:
        yield fail("database", str(error), "a database that answers", "mend that, or GATEKEEPER_DATABASE_URL")
        return
    if is_new(config.database_url):
        yield warn("database", f"{path} is not there yet", "it is made by `publish` or `serve`", "gatekeeper publish")
        yield from _room(path)
        return
    yield from _permissions(path)
    yield from _room(path)
    served = is_served(config.database_url)
    yield ok("database", "a serving process has the writer's lock" if served else "no process serves from it now")


def _server(config: Config) -> Iterator[Finding]:
    if is_new(config.database_url):
        yield warn("database", "it has no tables yet", "they are made by `publish` or `serve`", "gatekeeper publish")
        return
    find_engine(config.database_url).check_tables()
    yield ok("database", "the server answers, and the tables are of this version")


def _permissions(path: Path) -> Iterator[Finding]:
    rule = "what visitors did is for the service's own user (GDPR Art. 32)"
    files = [path, *sorted(path.parent.glob(f"{path.name}-*")), *sorted(path.parent.glob(f"{path.name}.*"))]
    for file in files:
        if _mode(file) & _SHARED:
            found = f"others may {'write' if _mode(file) & _WRITABLE else 'read'} {file}"
            yield fail("database", found, rule, f"chmod 600 {file}")
    if _mode(path.parent) & stat.S_IWOTH and not _mode(path.parent) & stat.S_ISVTX:
        yield fail("database", f"everybody may write to {path.parent}", rule, f"chmod o-w {path.parent}")
    if os.geteuid() != 0 and not os.access(path, os.W_OK):
        fix = f"run as the service's user, or chown {path}"
        yield fail("database", f"{path} is not writable by this user", "the service writes to it", fix)


def _room(path: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(path.parent).free
    found = f"{free // 1_000_000} MB free at {path.parent}"
    rule = "without room every event is answered 503"
    if free < NO_SPACE:
        yield fail("database", found, rule, "make room, or move the database (GATEKEEPER_DATABASE_URL)")
    elif free < LOW_SPACE:
        yield warn("database", found, rule, "make room soon")
    else:
        yield ok("database", found)
    system = _file_system(path.parent)
    if system in _NETWORK:
        fix = "move the database to a local disk (GATEKEEPER_DATABASE_URL)"
        yield fail("database", f"{path.parent} is on {system}", "SQLite's log needs a local disk", fix)


def _file_system(folder: Path) -> str:
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return ""
    above = [(len(point), system) for point, system in mounts if folder.resolve().is_relative_to(point)]
    return max(above, default=(0, ""))[1]


def notices(config: Config, notices: Mapping[str, list[Notice]]) -> Iterator[Finding]:
    """Look at whether visitors are told what the configuration says.

    :param notices: what each site has published.
    """
    for site in config.sites.values():
        about, fix = f"site {site.id}", f"gatekeeper publish {site.id}"
        published = notices[site.id]
        behind = pending(site, published)
        if not published:
            yield fail(about, "no notice is published, so everything optional is denied", "told before asked", fix)
        elif behind:
            again = sum(change.material for change in behind)
            found = (
                f"notice {published[-1].no} is behind the configuration: {len(behind)} changed, {again} to ask about"
            )
            yield warn(about, found, "visitors are told what happens (GDPR Art. 13)", fix)
        else:
            yield ok(about, f"notice {published[-1].no} says what the configuration says")


def clock(notices: Mapping[str, list[Notice]], *, now: float) -> Iterator[Finding]:
    """Look at whether this machine's clock can be right. The days of choices and their end depend on it.

    :param notices: what each site has published.
    :param now: seconds since the epoch.
    """
    rule, fix = "choices expire by the calendar, and proofs carry the time", "set the clock, and keep it set by NTP"
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    last = max((notice.published_day for published in notices.values() for notice in published), default="")
    if last > today:
        yield fail("clock", f"it is {today} here, but a notice was published on {last}", rule, fix)
    else:
        yield ok("clock", f"it is {today} here (UTC), not before anything that was published")


def cookies(config: Config) -> Iterator[Finding]:
    """Look at what browsers will hold for each site."""
    for site in config.sites.values():
        about = f"site {site.id}"
        if not site.secure and not all(_is_local(origin) for origin in site.origins):
            rule = "without https anybody on the way can read and write a visitor's choice"
            fix = f"serve the site over https, and say so in sites.{site.id}.origins"
            yield fail(about, f"{_cookies(site)} without the protection of a prefix: its origins are http", rule, fix)
        else:
            yield ok(about, f"{_cookies(site)} for {site.choice_days} days, {_reach(site)}")


def _cookies(site: Site) -> str:
    return f"cookies {cookie_name(site, CHOICE)} and {cookie_name(site, SUBJECT)}"


def _reach(site: Site) -> str:
    return f"on {site.domain} and below" if site.scope is Scope.DOMAIN else "on exactly the host that sets them"


def _is_local(origin: str) -> bool:
    host = urlsplit(origin).hostname or ""
    return host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost") or host.startswith("127.")


def browser(config: Config) -> Iterator[Finding]:
    """Look whether the site's own pages can be checked every day."""
    if reason := why_not(config):
        rule = "a refusal that does not hold is found by a browser that refuses, or by a visitor"
        yield warn("daily check", f"your pages are not checked: {reason}", rule, "see docs/alerts.md")
    else:
        yield ok("daily check", "a browser is here that can look at your pages every day")


def proxies(config: Config) -> Iterator[Finding]:
    """Look at whose word about a visitor's address is taken."""
    name = "GATEKEEPER_TRUSTED_PROXIES"
    for network in config.trusted_proxies:
        if _is_wide(network):
            rule = "only your own proxies: whoever is trusted may say any address"
            yield fail("proxies", f"{name} has {network}", rule, "name their addresses, for example 127.0.0.1")
    if config.trusted_proxies:
        yield ok("proxies", f"X-Forwarded-For is believed from {', '.join(map(str, config.trusted_proxies))}")
    elif any(site.secure for site in config.sites.values()):
        found = f"{name} is empty, but something in front of `gatekeeper serve` speaks https for it"
        rule = "with nobody trusted, the visit log holds the proxy's address for every visitor"
        yield warn("proxies", found, rule, f"{name}=127.0.0.1 where the web server runs on this machine")
    else:
        yield ok("proxies", "X-Forwarded-For is never believed; the visit log holds the address of the connection")


def _is_wide(network: Network) -> bool:
    narrow = 8 if isinstance(network, ipaddress.IPv4Network) else 16
    return network.prefixlen < narrow


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
