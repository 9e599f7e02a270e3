"""The gate as configuration for nginx, 1.18 or newer."""

import re
from collections.abc import Generator, Iterable, Iterator

from gatekeeper.core import cookies

from .choices import Table, with_sources
from .serving import FRESH, HINTS, IMMUTABLE, PAGE_TYPES, PAGES, VARY, Place

_LONGEST = 3_500


def write(table: Table, place: Place) -> dict[str, str]:
    """Return the files to include: the maps beside the servers, the rest inside the site's own."""
    name = f"gatekeeper-{table.site.id}"
    return {
        f"{name}-maps.conf": _maps(table),
        f"{name}-headers.conf": _headers(table),
        f"{name}-server.conf": _server(table, place, name),
    }


def _maps(table: Table) -> str:
    site = table.site
    var = _variable(table)
    choice = cookies.cookie_name(site, cookies.CHOICE)
    subject = cookies.cookie_name(site, cookies.SUBJECT)
    one = r'"~(?:^|,)[ \t]*1[ \t]*(?:,|$)"'
    # The first cookie of a name counts, as everywhere else.
    first = rf"^(?:(?!\s*{choice}=)[^;]*;)*\s*{choice}="
    parts = [
        "# Include this file in the http block.\n",
        "# What the visitor chose. Only with both cookies; Gatekeeper itself checks the signature of the second.",
        _map(
            "$http_cookie",
            f"{var}_choice",
            [(f'"~{first}{row.pattern(site)}\\s*(?:;|$)"', row.name) for row in table.rows],
        ),
        _map("$http_cookie", f"{var}_proof", [(rf'"~(?:^|;)\s*{subject}=[^;\s]"', "1")]),
        _map("$http_sec_gpc", f"{var}_gpc", [(one, "g")]),
        _map("$http_dnt", f"{var}_dnt", [(one, "d")]),
        "# The number of the policy; 0 is the strictest. The policy is set after nginx's own page cache, which needs\n"
        "# no other key. Where what your application sends depends on the choice, this one keeps it small:\n"
        f"#   proxy_cache_key $scheme$host$request_uri{var}_class;",
        _map(f'"{var}_proof:{var}_choice:{var}_gpc{var}_dnt"', f"{var}_class", _classes(table), default="0"),
        "# Pages and workers have their visitor's policy. All else has the strictest, the same for everyone.",
        _map('"$http_sec_fetch_dest|$sent_http_content_type"', f"{var}_page", _pages()),
        _map("$request_uri", f"{var}_lifted", [(_path(pattern), "1") for pattern in site.gate.tags_only]),
    ]
    if not table.lifted:
        parts += _policies(table, var)
    kept = [(r'"~\.[0-9a-f]{16}\.js$"', f'"{IMMUTABLE}"')]
    parts += [
        "# Scripts that are named by their content never change.",
        _map("$uri", f"{var}_kept", kept, default=f'"{FRESH}"'),
    ]
    return "\n".join(parts)


def _policies(table: Table, var: str) -> Iterator[str]:
    policies = [table.strictest, *table.policies]
    logged = [(f'":1{number}"', f'"{HINTS}"') for policy, number in table.policies.items() if policy.logged]
    hosts = yield from _by_class(table, f"{var}_hosts", [policy.sources for policy in policies])
    yield _map(f"{var}_lifted", f"{var}_policy", [("1", '""')], default=f'"{with_sources(hosts)}"')
    if table.site.gate.strict:
        patterns = yield from _by_class(table, f"{var}_patterns", [policy.allowlist for policy in policies])
        yield _map(f"{var}_lifted", f"{var}_allowlist", [("1", '""')], default=f'"{patterns}"')
    yield _map(f'"{var}_lifted:{var}_page"', f"{var}_vary", [('":1"', f'"{VARY}"')])
    yield _map(f'"{var}_lifted:{var}_page"', f"{var}_private", [('":1"', "private")])
    yield _map(f'"{var}_lifted:{var}_page{var}_class"', f"{var}_hints", logged if table.site.secure else [])
    yield "# A page that a browser asks for again must come whole: after a 304, WebKit keeps the policy it has."
    yield _map(f'"{var}_lifted:{var}_page"', f"{var}_etag", [('":1"', '""')], default="$sent_http_etag")
    yield _map(f'"{var}_lifted:{var}_page"', f"{var}_modified", [('":1"', '""')], default="$sent_http_last_modified")


def _by_class(table: Table, name: str, texts: list[str]) -> Generator[str, None, str]:
    """Yield the maps that give a page its text, and return what they are called together.

    :param texts: by policy, the strictest first.
    """
    var = _variable(table)
    parts = [_in_pieces(text) for text in texts]
    names = [f"{name}{number}" for number in range(1, max(map(len, parts)) + 1)]
    for index, each in enumerate(names):
        default, *pieces = [_quoted(part[index] if index < len(part) else "") for part in parts]
        rows = [(f'"1{number}"', piece) for number, piece in zip(table.policies.values(), pieces, strict=True)]
        yield _map(f'"{var}_page{var}_class"', each, rows, default=default)
    return "".join(f"${{{each[1:]}}}" for each in names)


def _headers(table: Table) -> str:
    note = "# Include this file in the server block, and in every location that has an add_header of its own:\n"
    note += "# such a location inherits none (nginx, ngx_http_headers_module).\n\n"
    if table.lifted:
        return f"{note}# The policy is lifted.\n"
    named = [
        ("Content-Security-Policy", "policy"),
        *([("Connection-Allowlist", "allowlist")] if table.site.gate.strict else []),
        ("Vary", "vary"),
        ("Cache-Control", "private"),
        ("Accept-CH", "hints"),
        ("ETag", "etag"),
        ("Last-Modified", "modified"),
    ]
    return note + "".join(f"add_header {name} {_variable(table)}_{part} always;\n" for name, part in named)


def _server(table: Table, place: Place, name: str) -> str:
    script = f"{place.prefix}/{table.site.id}"
    proxy = f"""\
    proxy_pass http://{place.upstream};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout 1s;
    proxy_send_timeout 1s;
    proxy_read_timeout 1s;
    # nginx's logs hold addresses, its error log too.
    access_log off;
    error_log /dev/null crit;
    # One add_header of its own, and the gate's stay out; an empty one is not sent.
    add_header Gate "" always;
"""
    static = f"""
location ^~ {script}/ {{
    root {place.static};
    gzip_static on;
    try_files $uri @gatekeeper_{_bare(table)};
    access_log off;
    add_header Cache-Control {_variable(table)}_kept always;
    add_header X-Content-Type-Options nosniff always;
}}

location @gatekeeper_{_bare(table)} {{
{proxy}}}
"""
    return f"""\
# Include this file in the site's server block, after {name}-headers.conf.

location ^~ {place.prefix}/ {{
{proxy}}}

location = /.well-known/gpc.json {{
{proxy}}}
{static if place.static else ""}"""


def _map(source: str, target: str, rows: Iterable[tuple[str, str]], *, default: str = '""') -> str:
    lines = [f"    default {default};", *(f"    {key} {value};" for key, value in rows)]
    return f"map {source} {target} {{\n" + "\n".join(lines) + "\n}\n"


def _classes(table: Table) -> Iterator[tuple[str, str]]:
    numbers = table.policies
    for row in table.rows:
        for signals, policy in row.policies.items():
            if policy in numbers:
                yield f'"1:{row.name}:{signals}"', numbers[policy]


def _pages() -> list[tuple[str, str]]:
    used = "|".join(sorted(PAGES))
    kinds = "|".join(re.escape(kind) for kind in sorted(PAGE_TYPES - {""}))
    return [(rf'"~^(?:{used})\|"', "1"), (rf'"~*\|(?:$|(?:{kinds})(?:[;\s]|$))"', "1")]


def _path(pattern: str) -> str:
    plain = re.escape(pattern.removesuffix("*"))
    return f'"~^{plain}"' if pattern.endswith("*") else rf'"~^{plain}(?:\?|$)"'


def _in_pieces(text: str) -> list[str]:
    """Return a text in pieces that nginx can read: no word of its configuration is longer than 4,096 bytes."""
    pieces = [""]
    for word in re.findall(r"\s*\S+", text):
        if len(pieces[-1]) + len(word) > _LONGEST:
            pieces.append("")
        pieces[-1] += word
    return pieces


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _bare(table: Table) -> str:
    return table.site.id.replace("-", "_")


def _variable(table: Table) -> str:
    return f"$gk_{_bare(table)}"
