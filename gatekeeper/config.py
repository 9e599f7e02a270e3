"""Settings: ``gatekeeper.toml`` for sites, ``GATEKEEPER_*`` for the machine. All are checked at start."""

import ipaddress
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gatekeeper.core.alerts import Alerts, read_alerts
from gatekeeper.core.errors import ConfigError
from gatekeeper.core.geo import Geo, read_geo
from gatekeeper.core.problems import Problem
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sign_in import SignIn, read_sign_in
from gatekeeper.core.sites import Site
from gatekeeper.core.tokens import MIN_KEY

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: The environment variables, with what each is for; ``--help`` and the docs print this table.
VARIABLES: Mapping[str, str] = {
    "GATEKEEPER_CONFIG": "path of gatekeeper.toml (default: gatekeeper.toml here)",
    "GATEKEEPER_DATABASE_URL": "where to keep data, also postgresql://user@host/database "
    "(default: sqlite:///gatekeeper.db beside gatekeeper.toml)",
    "GATEKEEPER_SECRET_KEYS": "signing keys, oldest first, separated by commas; the last one signs",
    "GATEKEEPER_SECRET_KEYS_FILE": "a file with one key a line, instead of GATEKEEPER_SECRET_KEYS "
    "(default: gatekeeper.keys beside gatekeeper.toml, where there is one)",
    "GATEKEEPER_TRUSTED_PROXIES": "networks whose X-Forwarded-For is believed, separated by commas (default: none)",
    "GATEKEEPER_PREFIX": "the path under which it is reached (default: /gk)",
    "GATEKEEPER_STAFF_HOSTS": "host names on which staff's pages and /metrics answer, separated by commas "
    "(default: localhost, to this machine alone)",
    "GATEKEEPER_RATE_LIMIT": "how much one address may ask a minute; 0 is no limit (default: 6000; see docs/deploy.md)",
    "GATEKEEPER_LOG": "json or text, on standard error (default: text at a terminal, else json)",
    "GATEKEEPER_GEO": "none, or files that tell providers and countries, as ip2asn:FILE or mmdb:FILE,FILE "
    "(default: [geo] in gatekeeper.toml, else none)",
    "GATEKEEPER_BROWSER": "the Chromium that looks at your own pages every day (default: the one that is installed)",
    "GATEKEEPER_DEVELOPMENT": "1 on a developer's own machine: allows short keys",
}

#: The name of the file that `gatekeeper init` writes a key to.
KEYS = "gatekeeper.keys"
#: Keys that stand in examples. Whoever copies one has no key.
KNOWN_KEYS = frozenset({"change-me", "changeme", "secret", "dev", "development", "test", "default"})
#: What one address may ask a minute: a whole office behind it may, a program that asks as fast as it can may not.
RATE_LIMIT = 6000
_LOG_FORMATS = ("json", "text")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything :func:`gatekeeper.app.create_app` needs to know.

    :param keys: signing keys, oldest first; the last one signs.
    :param prefix: the path under which the service is reached, such as ``/gk``.
    :param geo: which files tell where addresses are; relative paths are beside gatekeeper.toml.
    :param staff_hosts: names without ports, in lower case; empty means localhost, to this machine alone.
    :param rate_limit: what one address may ask a minute; 0 is no limit.
    :param log: ``json`` or ``text``; empty means text at a terminal and JSON elsewhere.
    :param alerts: who is told what is wrong; paths of its files are beside gatekeeper.toml, too.
    :param sign_in: how staff sign in; likewise.
    :param browser: the path of a Chromium; empty means the one that is installed.
    """

    path: Path
    sites: Mapping[str, Site]
    database_url: str
    keys: tuple[str, ...] = field(repr=False)
    trusted_proxies: tuple[Network, ...] = ()
    prefix: str = "/gk"
    development: bool = False
    geo: Geo = field(default_factory=Geo)
    staff_hosts: tuple[str, ...] = ()
    rate_limit: int = RATE_LIMIT
    log: str = ""
    alerts: Alerts = field(default_factory=Alerts)
    browser: str = ""
    sign_in: SignIn = field(default_factory=SignIn)

    @property
    def zones(self) -> Mapping[str, str]:
        """By site, the time zone of its days, as every store that is opened has to know it."""
        return {site.id: site.time_zone for site in self.sites.values()}


class Invalid(ConfigError):
    """The configuration has mistakes; all of them are in the message."""

    def __init__(self, source: str, problems: list[Problem]) -> None:
        lines = "\n".join(f"{source}: {problem}" for problem in problems)
        super().__init__(f"{len(problems)} mistake{'s' if len(problems) != 1 else ''} in the configuration\n{lines}")
        self.problems = problems


def load_config(environ: Mapping[str, str] | None = None) -> Config:
    """Read the settings.

    :param environ: the environment; None means this process's.
    :raises Invalid: with every mistake, not only the first.
    """
    environ = os.environ if environ is None else environ
    path = Path(environ.get("GATEKEEPER_CONFIG", "gatekeeper.toml")).resolve()
    sites, problems = load_sites(path)
    geo, geo_problems = _load_geo(path, environ.get("GATEKEEPER_GEO", ""), wrong=bool(problems))
    alerts, alert_problems = _load_alerts(path, wrong=bool(problems))
    sign_in, sign_in_problems = _load_sign_in(path, wrong=bool(problems))
    development = environ.get("GATEKEEPER_DEVELOPMENT", "") == "1"
    keys, key_problems = _read_keys(environ, path.with_name(KEYS), development=development)
    proxies, proxy_problems = _read_proxies(environ.get("GATEKEEPER_TRUSTED_PROXIES", ""))
    prefix, prefix_problems = _read_prefix(environ.get("GATEKEEPER_PREFIX", "/gk"))
    staff_hosts, host_problems = _read_staff_hosts(environ.get("GATEKEEPER_STAFF_HOSTS", ""), sites)
    rate_limit, rate_problems = _read_rate_limit(environ.get("GATEKEEPER_RATE_LIMIT", ""))
    log, log_problems = _read_log(environ.get("GATEKEEPER_LOG", ""))
    problems = [
        *problems,
        *geo_problems,
        *alert_problems,
        *sign_in_problems,
        *key_problems,
        *proxy_problems,
        *prefix_problems,
        *_check_names(sites, prefix),
    ]
    problems += [*host_problems, *rate_problems, *log_problems]
    if problems:
        raise Invalid(str(path), problems)
    default_url = f"sqlite:///{path.parent / 'gatekeeper.db'}"
    url = environ.get("GATEKEEPER_DATABASE_URL", default_url)
    browser = environ.get("GATEKEEPER_BROWSER", "")
    return Config(
        path,
        sites,
        url,
        keys,
        proxies,
        prefix,
        development,
        geo,
        staff_hosts,
        rate_limit,
        log,
        alerts,
        browser,
        sign_in,
    )


def _check_names(sites: Mapping[str, Site], prefix: str) -> list[Problem]:
    # A proxy may strip the prefix or leave it; with a site of its name, a path would say two things.
    first = prefix.split("/")[1]
    if first not in sites:
        return []
    return [Problem(f"sites.{first}", "(a table)", f"not the first part of the prefix {prefix}", "rename it")]


def load_sites(path: Path) -> tuple[dict[str, Site], list[Problem]]:
    """Read ``gatekeeper.toml`` and return its sites and its mistakes."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        fix = "run `gatekeeper init`, or set GATEKEEPER_CONFIG to where it is"
        return {}, [Problem("GATEKEEPER_CONFIG", str(path), "a file that exists", fix)]
    except (OSError, UnicodeDecodeError) as error:
        return {}, [Problem("GATEKEEPER_CONFIG", str(path), "a readable UTF-8 text file", str(error))]
    except tomllib.TOMLDecodeError as error:
        return {}, [Problem("the file", str(path), "a TOML file", str(error))]
    return read_registry(tables)


def _load_geo(path: Path, variable: str, *, wrong: bool) -> tuple[Geo, list[Problem]]:
    # A file whose form is wrong has been reported already.
    table = {} if wrong else tomllib.loads(path.read_text("utf-8")).get("geo", {})
    return read_geo(table, variable)


def _load_alerts(path: Path, *, wrong: bool) -> tuple[Alerts, list[Problem]]:
    alerts, problems = read_alerts({} if wrong else tomllib.loads(path.read_text("utf-8")))
    for key, file in alerts.files:
        problems += _check_secret(key, path.parent / file)
    return alerts, problems


def _load_sign_in(path: Path, *, wrong: bool) -> tuple[SignIn, list[Problem]]:
    sign_in, problems = read_sign_in({} if wrong else tomllib.loads(path.read_text("utf-8")))
    if sign_in.provider:
        problems += _check_secret("staff.oidc.client_secret_file", path.parent / sign_in.provider.secret_file)
    return sign_in, problems


def _check_secret(key: str, path: Path) -> list[Problem]:
    try:
        empty = not path.read_text("utf-8").strip()
        shared = path.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP)
    except (OSError, UnicodeDecodeError) as error:
        return [Problem(key, str(path), f"a readable file with one secret in it ({type(error).__name__})", "write it")]
    if shared:
        return [Problem(key, str(path), "not readable by others, nor writable by its group", f"chmod 600 {path}")]
    return [Problem(key, str(path), "a file with one secret in it", "write it")] if empty else []


def _read_keys(environ: Mapping[str, str], beside: Path, *, development: bool) -> tuple[tuple[str, ...], list[Problem]]:
    name = "GATEKEEPER_SECRET_KEYS"
    fix = "write one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
    text = environ.get(name, "")
    file = environ.get(f"{name}_FILE", "")
    if not text and not file and beside.exists():
        file = str(beside)
    if file:
        try:
            path = Path(file)
            text = ",".join(path.read_text("utf-8").split())
            shared = path.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP)
        except (OSError, UnicodeDecodeError) as error:
            return (), [Problem(f"{name}_FILE", file, "a readable file with one key a line", str(error))]
        if shared:
            rule = "not readable by others, nor writable by its group"
            return (), [Problem(f"{name}_FILE", file, rule, f"chmod 600 {file}")]
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if not keys:
        return (), [Problem(name, "(missing)", "at least one signing key", f"run `gatekeeper init`, or {fix}")]
    if development:
        return keys, []
    problems = []
    for index, key in enumerate(keys, start=1):
        where = f"{name}, key {index} of {len(keys)}"
        if key.lower() in KNOWN_KEYS or len(set(key)) < 8:
            problems.append(Problem(where, "(not shown)", "a key nobody can guess", fix))
        elif len(key) < MIN_KEY:
            problems.append(Problem(where, f"({len(key)} characters)", f"at least {MIN_KEY} characters", fix))
    return keys, problems


def _read_proxies(text: str) -> tuple[tuple[Network, ...], list[Problem]]:
    networks: list[Network] = []
    problems = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as error:
            rule = f"addresses or networks of your own proxies ({error})"
            problems.append(
                Problem("GATEKEEPER_TRUSTED_PROXIES", part, rule, 'write for example "127.0.0.1,10.0.0.0/8"')
            )
    return tuple(networks), problems


def _read_prefix(text: str) -> tuple[str, list[Problem]]:
    parts = text.strip("/").split("/")
    plain = all(part.isascii() and part.replace("-", "").replace("_", "").isalnum() for part in parts)
    if text.startswith("/") and plain:
        return "/" + "/".join(parts), []
    rule = "a path of letters, digits, hyphens and underscores that starts with /"
    return "/gk", [Problem("GATEKEEPER_PREFIX", text or "(empty)", rule, 'write for example "/gk"')]


_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*|[0-9a-f:.]+")


def _read_staff_hosts(text: str, sites: Mapping[str, Site]) -> tuple[tuple[str, ...], list[Problem]]:
    # Every script that runs on a site's origin would see what is answered there.
    name, taken = "GATEKEEPER_STAFF_HOSTS", {host: site.id for site in sites.values() for host in _hosts(site)}
    hosts = tuple(part.strip().strip("[]").lower() for part in text.split(",") if part.strip())
    problems = []
    for host in hosts:
        if not _HOST.fullmatch(host):
            fix = 'write for example "gatekeeper.internal"'
            problems.append(Problem(name, host, "a host name, without scheme, port and path", fix))
        elif host in taken:
            rule = f"not a host of a site: scripts of its vendors run there ({taken[host]} has it among its origins)"
            problems.append(Problem(name, host, rule, "give staff a host name of their own"))
    return hosts, problems


def _hosts(site: Site) -> set[str]:
    return {urlsplit(origin).hostname or "" for origin in site.origins}


def _read_rate_limit(text: str) -> tuple[int, list[Problem]]:
    if not text:
        return RATE_LIMIT, []
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return int(text), []
    rule = "a whole number: what one address may ask a minute, or 0 for no limit"
    return RATE_LIMIT, [Problem("GATEKEEPER_RATE_LIMIT", text, rule, f'write for example "{RATE_LIMIT}"')]


def _read_log(text: str) -> tuple[str, list[Problem]]:
    if text in {"", *_LOG_FORMATS}:
        return text, []
    rule = f"one of {', '.join(_LOG_FORMATS)}"
    return "", [Problem("GATEKEEPER_LOG", text, rule, "leave it out: JSON where nobody sits at a terminal")]
