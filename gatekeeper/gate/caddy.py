"""The gate as configuration for Caddy, 2.6 or newer."""

import re
from collections.abc import Iterable, Iterator

from gatekeeper.core import cookies

from .choices import Table, with_sources
from .serving import FRESH, HINTS, IMMUTABLE, PAGES, VARY, Place

_ONE = r'"~(?:^|,)[ \t]*1[ \t]*(?:,|$)"'


def write(table: Table, place: Place) -> dict[str, str]:
    """Return the file to import."""
    name = f"gatekeeper-{table.site.id}.caddy"
    snippet = f"gatekeeper_{table.site.id}"
    maps = [] if table.lifted else list(_maps(table))
    errors = [] if table.lifted else [*maps, _headers(table, place, "error_")]
    whole = [*maps, *([] if table.lifted else [_headers(table, place)]), _proxy(table, place)]
    use = f"""\
# Import this file at the top of the Caddyfile, and in the site's own block write: import {snippet}
# Caddy's error pages begin anew; if you have a handle_errors block, write in it: import {snippet}_errors
# Caddy's error log names addresses when Gatekeeper cannot be reached; global options keep them out:
#   {{
#   	log default {{
#   		exclude http.log.error
#   	}}
#   }}
"""
    return {name: "\n".join([use, _block(snippet, whole), _block(f"{snippet}_errors", errors)])}


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
    asked = '"{http.request.header.Sec-Fetch-Dest}|{http.request.header.Sec-Purpose}|{http.request.header.Accept}"'
    yield _map(asked, f"{var}_page", _pages(), default="0")
    source = _joined(var, "page", "class")
    hosts = [(f"1{number}", _quoted(policy.sources)) for policy, number in table.policies.items()]
    yield _map(source, f"{var}_hosts", hosts, default=_quoted(table.strictest.sources))
    if site.gate.strict:
        lists = [(f"1{number}", _quoted(policy.allowlist)) for policy, number in table.policies.items()]
        yield _map(source, f"{var}_allowlist", lists, default=_quoted(table.strictest.allowlist))
    logged = [(f"1{number}", "1") for policy, number in table.policies.items() if policy.logged and site.secure]
    yield _map(source, f"{var}_logged", logged, default="0")


def _headers(table: Table, place: Place, kind: str = "") -> str:
    var = _variable(table)
    bare = f"{var[1:]}_{kind}"
    left = " ".join((f"{place.prefix}/*", "/.well-known/gpc.json", *table.site.gate.tags_only))
    template = with_sources(f"{var}_hosts}}")
    strict = f"\t+Connection-Allowlist {var}_allowlist}}\n" if table.site.gate.strict else ""
    return f"""\
@{bare}gated not path {left}
header @{bare}gated {{
	+Content-Security-Policy "{template}"
{strict}	defer
}}

@{bare}pages {{
	not path {left}
	expression `{var}_page}} == "1"`
}}
# A page that a browser asks for again must come whole: after a 304, WebKit keeps the policy it has.
request_header @{bare}pages -If-None-Match
request_header @{bare}pages -If-Modified-Since
header @{bare}pages {{
	+Vary "{VARY}"
	+Cache-Control private
	-ETag
	-Last-Modified
	defer
}}

@{bare}logged {{
	not path {left}
	expression `{var}_logged}} == "1"`
}}
header @{bare}logged {{
	+Accept-CH "{HINTS}"
	defer
}}
"""


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


def _pages() -> list[tuple[str, str]]:
    used = "|".join(sorted(PAGES))
    return [
        (rf'"~^(?:{used})\|"', "1"),
        (r'"~^[^|]*\|[^|]*(?:prefetch|prerender)"', "1"),
        (r'"~^\|\|.*text/html"', "1"),
    ]


def _joined(var: str, *parts: str) -> str:
    return '"' + "".join(part if part == ":" else f"{var}_{part}}}" for part in parts) + '"'


def _quoted(text: str) -> str:
    escaped = text.replace('"', '\\"')
    return f'"{escaped}"'


def _indented(text: str) -> str:
    return re.sub(r"(?m)^(?=.)", "\t", text if text.endswith("\n") else f"{text}\n")


def _variable(table: Table) -> str:
    return f"{{gk_{table.site.id.replace('-', '_')}"
