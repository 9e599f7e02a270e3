"""The gate as configuration for Caddy, 2.6 or newer."""

import re
from collections.abc import Iterable, Iterator

from gatekeeper.core import cookies

from .choices import Table, with_sources
from .serving import ANSWERED, ASKS_PAGE, CONNECTED, FRESH, HINTS, IMMUTABLE, PAUSE, VARY, Place, method_header

_ONE = r'"~(?:^|,)[ \t]*1[ \t]*(?:,|$)"'


def write(table: Table, place: Place) -> dict[str, str]:
    """Return the file to import."""
    name = f"gatekeeper-{table.site.id}.caddy"
    snippet = f"gatekeeper_{table.site.id}"
    asks = place.asks and not table.lifted
    maps = [] if table.lifted else list(_asked_maps(table) if asks else _maps(table))
    errors = [] if table.lifted else [*maps, *_headers(table, place, "error_")]
    headers = [] if table.lifted else [*([_asking(table, place)] if asks else []), *_headers(table, place)]
    whole = [*maps, *headers, _proxy(table, place)]
    parts = [_use(snippet, asks=asks), _block(snippet, whole), _block(f"{snippet}_errors", errors)]
    return {name: "\n".join([*parts, *([_silent(table, place)] if asks else [])])}


def _use(snippet: str, *, asks: bool) -> str:
    where = "in the site's own block write"
    if asks:
        # So that the question comes first: outside of a route Caddy has an order of its own.
        where = "in the site's own block, first in a route\n# block around all that the site answers, write"
    return f"""\
# Import this file at the top of the Caddyfile, and {where}: import {snippet}
# Caddy's error pages begin anew; if you have a handle_errors block, write in it: import {snippet}_errors
# Caddy's error log names addresses when Gatekeeper cannot be reached; global options keep them out:
#   {{
#   	log default {{
#   		exclude http.log.error
#   	}}
#   }}
"""


def _block(name: str, parts: list[str]) -> str:
    return f"({name}) {{\n" + "\n".join(map(_indented, parts)) + "}\n"


def _maps(table: Table) -> Iterator[str]:
    site = table.site
    var = _variable(table)
    choice = f"{{http.request.cookie.{cookies.cookie_name(site, cookies.CHOICE)}}}"
    subject = f"{{http.request.cookie.{cookies.cookie_name(site, cookies.SUBJECT)}}}"
    yield "# What the visitor chose. Only with both cookies; Gatekeeper itself checks the signature of the second."
    yield _map(choice, f"{var}_choice", [(f'"~^{row.pattern(site)}$"', row.name) for row in table.rows], default="none")
    yield _map(subject, f"{var}_proof", [('"~."', "1")], default="0")
    yield _map("{http.request.header.Sec-GPC}", f"{var}_gpc", [(_ONE, "g")])
    yield _map("{http.request.header.DNT}", f"{var}_dnt", [(_ONE, "d")])
    yield "# The number of the policy; 0 is the strictest."
    source = _joined(var, "proof", ":", "choice", ":", "gpc", "dnt")
    yield _map(source, f"{var}_class", _classes(table), default="0")
    yield "# Pages and workers have their visitor's policy. All else has the strictest, the same for everyone."
    yield _page_map(var)
    source = _joined(var, "page", "class")
    hosts = [(f"1{number}", _quoted(policy.sources)) for policy, number in table.policies.items()]
    yield _map(source, f"{var}_hosts", hosts, default=_quoted(table.strictest.sources))
    if site.gate.strict:
        lists = [(f"1{number}", _quoted(policy.allowlist)) for policy, number in table.policies.items()]
        yield _map(source, f"{var}_allowlist", lists, default=_quoted(table.strictest.allowlist))
    logged = [(f"1{number}", "1") for policy, number in table.policies.items() if policy.logged and site.secure]
    yield _map(source, f"{var}_logged", logged, default="0")


def _asked_maps(table: Table) -> Iterator[str]:
    """Yield the maps that take over what Gatekeeper has answered, and the strictest policy where it has not."""
    var = _variable(table)
    told = _told(table)
    yield "# Pages and workers have their visitor's policy. All else has the strictest, the same for everyone."
    yield _page_map(var)
    yield "# Only of their path is Gatekeeper told."
    yield _map("{http.request.uri}", f"{var}_path", [('"~^([^?]+)"', '"$1"')])
    yield "# Who decides: Gatekeeper; nobody, where the policy is lifted; else the strictest holds."
    states = [('"1:enforce"', "told"), ('"1:learn"', "learn"), ('"~:off$"', "off")]
    yield _map(f'"{var}_page}}:{told}_mode}}"', f"{var}_state", states)
    strictest = _quoted(with_sources(table.strictest.sources))
    yield _map(f"{var}_state}}", f"{var}_policy", [("told", f'"{told}_policy}}"')], default=strictest)
    allowlist = [("told", f'"{told}_allowlist}}"'), ("~.", '""')]
    yield _map(f"{var}_state}}", f"{var}_allowlist", allowlist, default=_quoted(table.strictest.allowlist))
    yield _map(f"{var}_state}}", f"{var}_hints", [("told", f'"{told}_hints}}"')])


def _page_map(var: str) -> str:
    asked = '"{http.request.header.Sec-Fetch-Dest}|{http.request.header.Sec-Purpose}|{http.request.header.Accept}"'
    return _map(asked, f"{var}_page", [(f'"~{pattern}"', "1") for pattern in ASKS_PAGE], default="0")


def _asking(table: Table, place: Place) -> str:
    """Return what asks Gatekeeper before the site answers. Whatever comes back, no page fails for it."""
    var = _variable(table)
    bare = var[1:]
    lifted = f"vars @{bare}_lifted {bare}_told_mode off\n" if table.site.gate.tags_only else ""
    if lifted:
        lifted = f"@{bare}_lifted path {' '.join(table.site.gate.tags_only)}\n{lifted}"
    return f"""\
{lifted}@{bare}_asked {{
	not path {_own_paths(place)}
	expression `{var}_page}} == "1"`
}}
reverse_proxy @{bare}_asked {place.upstream} {_nobody(table, place)} {{
	method GET
	rewrite {place.prefix}/{table.site.id}/gate?
	header_up X-Forwarded-Uri {var}_path}}
	header_up -X-Forwarded-For
	# Whoever does not answer in time is not asked again for a while.
	lb_policy first
	lb_retries 1
	fail_duration {PAUSE}s
	max_fails 1
	transport http {{
		dial_timeout {CONNECTED}ms
		response_header_timeout {ANSWERED}ms
	}}
	@{bare}_told header Gatekeeper-Mode *
	# Names as Go writes them, Accept-Ch too.
	handle_response @{bare}_told {{
		vars {{
			{bare}_told_mode {{rp.header.Gatekeeper-Mode}}
			{bare}_told_policy {{rp.header.Content-Security-Policy}}
			{bare}_told_report {{rp.header.Content-Security-Policy-Report-Only}}
			{bare}_told_allowlist {{rp.header.Connection-Allowlist}}
			{bare}_told_hints {{rp.header.Accept-Ch}}
		}}
	}}
	handle_response {{
		vars {bare}_told_nothing 1
	}}
}}
"""


def _silent(table: Table, place: Place) -> str:
    """Return who answers in Gatekeeper's place when it does not: with nothing, so that the strictest policy holds."""
    return f"""\
http://gatekeeper-{table.site.id}.invalid {{
	bind {_nobody(table, place)}
	respond 204
}}
"""


def _nobody(table: Table, place: Place) -> str:
    # A socket with a name and no file (Linux, unix(7)): it needs neither a free port nor a folder.
    return f"unix/@gatekeeper-{table.site.id}-{re.sub(r'[^A-Za-z0-9.]+', '-', place.upstream)}"


def _told(table: Table) -> str:
    return f"{{vars.{_variable(table)[1:]}_told"


def _headers(table: Table, place: Place, kind: str = "") -> Iterator[str]:
    var = _variable(table)
    bare = f"{var[1:]}_{kind}"
    name, value = method_header("{http.request.orig_method}")
    if place.asks:
        left = _own_paths(place)
        enforced, pages = f'{var}_state}} == "" || {var}_state}} == "told"', f'{var}_state}} != "off" && '
        yield _header(f"{bare}gated", left, f'+Content-Security-Policy "{var}_policy}}"', when=enforced)
        report = f'+Content-Security-Policy-Report-Only "{_told(table)}_report}}"'
        yield _header(f"{bare}learn", left, report, when=f'{var}_state}} == "learn"')
        allowlist = f'+Connection-Allowlist "{var}_allowlist}}"'
        yield _header(f"{bare}strict", left, allowlist, when=f'{var}_allowlist}} != ""')
        hints, logged = f'+Accept-CH "{var}_hints}}"', f'{var}_hints}} != ""'
    else:
        left, pages = f"{_own_paths(place)} {' '.join(table.site.gate.tags_only)}".rstrip(), ""
        policy = [f'+Content-Security-Policy "{with_sources(f"{var}_hosts}}")}"']
        strict = [f"+Connection-Allowlist {var}_allowlist}}"] if table.site.gate.strict else []
        yield _header(f"{bare}gated", left, *policy, *strict)
        hints, logged = f'+Accept-CH "{HINTS}"', f'{var}_logged}} == "1"'
    yield _header(
        f"{bare}pages",
        left,
        f'+Vary "{VARY}"',
        "+Cache-Control private",
        f"+{name} {_quoted(value)}",
        "-ETag",
        "-Last-Modified",
        when=f'{pages}{var}_page}} == "1"',
        whole=True,
    )
    yield _header(f"{bare}logged", left, hints, when=logged)


def _header(name: str, left: str, *lines: str, when: str = "", whole: bool = False) -> str:
    """Return a header block.

    :param left: the paths that have none of it.
    :param whole: whether the request loses its conditions.
    """
    expression = f"\texpression `{when}`\n" if when else ""
    conditions = f"""\
# A page that a browser asks for again must come whole: after a 304, WebKit keeps the policy it has.
request_header @{name} -If-None-Match
request_header @{name} -If-Modified-Since
"""
    return (
        f"@{name} {{\n\tnot path {left}\n{expression}}}\n{conditions if whole else ''}"
        f"header @{name} {{\n" + "".join(f"\t{line}\n" for line in [*lines, "defer"]) + "}\n"
    )


def _own_paths(place: Place) -> str:
    return f"{place.prefix}/* /.well-known/gpc.json"


def _proxy(table: Table, place: Place) -> str:
    bare = _variable(table)[1:]
    proxy = f"""\
	reverse_proxy {place.upstream} {{
		transport http {{
			dial_timeout 1s
			response_header_timeout 1s
		}}
	}}
"""
    script = f"{place.prefix}/{table.site.id}"
    static = f"""\
@{bare}_script {{
	path {script}/*
	file {{
		root {place.static}
		try_files {{path}}
	}}
}}
handle @{bare}_script {{
	root * {place.static}
	map {{path}} {{{bare}_kept}} {{
		~\\.[0-9a-f]{{16}}\\.js$ "{IMMUTABLE}"
		default "{FRESH}"
	}}
	header Cache-Control {{{bare}_kept}}
	header X-Content-Type-Options nosniff
	file_server {{
		precompressed br gzip
	}}
}}
"""
    return f"""\
{static if place.static else ""}handle {place.prefix}/* {{
{proxy}}}
handle /.well-known/gpc.json {{
{proxy}}}
"""


def _map(source: str, target: str, rows: Iterable[tuple[str, str]], *, default: str = '""') -> str:
    lines = [f"\t{key} {value}" for key, value in rows]
    return f"map {source} {target}}} {{\n" + "\n".join([*lines, f"\tdefault {default}"]) + "\n}\n"


def _classes(table: Table) -> Iterator[tuple[str, str]]:
    numbers = table.policies
    for row in table.rows:
        for signals, policy in row.policies.items():
            if policy in numbers:
                yield f"1:{row.name}:{signals}", numbers[policy]


def _joined(var: str, *parts: str) -> str:
    return '"' + "".join(part if part == ":" else f"{var}_{part}}}" for part in parts) + '"'


def _quoted(text: str) -> str:
    escaped = text.replace('"', '\\"')
    return f'"{escaped}"'


def _indented(text: str) -> str:
    return re.sub(r"(?m)^(?=.)", "\t", text if text.endswith("\n") else f"{text}\n")


def _variable(table: Table) -> str:
    return f"{{gk_{table.site.id.replace('-', '_')}"
