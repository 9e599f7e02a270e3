"""The gate as configuration for nginx, 1.18 or newer."""

import re
import textwrap
from collections.abc import Generator, Iterable, Iterator

from gatekeeper.core import cookies

from .choices import Table, with_sources
from .serving import (
    ANSWERED,
    ASKS_PAGE,
    CONNECTED,
    FRESH,
    HINTS,
    IMMUTABLE,
    PAGE_TYPES,
    PAGES,
    PAUSE,
    VARY,
    Place,
    method_header,
)

_LONGEST = 3_500
#: What Gatekeeper's answer brings, by the variable that keeps it.
_TOLD = {
    "told": "gatekeeper_mode",
    "told_policy": "content_security_policy",
    "told_report": "content_security_policy_report_only",
    "told_allowlist": "connection_allowlist",
    "told_hints": "accept_ch",
}
#: Whatever else is answered must not become the answer to the page.
_NO_ANSWER = [str(status) for status in range(300, 600) if status != 499]  # nginx knows no error_page for that one


def write(table: Table, place: Place) -> dict[str, str]:
    """Return the files to include: the maps beside the servers, the rest inside the site's own."""
    name = f"gatekeeper-{table.site.id}"
    return {
        f"{name}-maps.conf": _maps(table, place),
        f"{name}-headers.conf": _headers(table, place),
        f"{name}-server.conf": _server(table, place, name),
    }


def _maps(table: Table, place: Place) -> str:
    var = _variable(table)
    lifted = [(_path(pattern), "1") for pattern in table.site.gate.tags_only]
    kept = [(r'"~\.[0-9a-f]{16}\.js$"', f'"{IMMUTABLE}"')]
    parts = [
        "# Include this file in the http block.\n",
        "# Pages and workers have their visitor's policy. All else has the strictest, the same for everyone.",
        _map('"$http_sec_fetch_dest|$sent_http_content_type"', f"{var}_page", _pages()),
        _map("$request_uri", f"{var}_lifted", lifted),
    ]
    if not place.asks:
        parts += _chosen(table)
    if not table.lifted:
        parts += [*(_asked(table, place) if place.asks else _picked(table)), *_common(table)]
    parts += [
        "# Scripts that are named by their content never change.",
        _map("$uri", f"{var}_kept", kept, default=f'"{FRESH}"'),
    ]
    return "\n".join(parts)


def _chosen(table: Table) -> Iterator[str]:
    """Yield the maps by which nginx itself tells choices apart."""
    site = table.site
    var = _variable(table)
    choice = cookies.cookie_name(site, cookies.CHOICE)
    subject = cookies.cookie_name(site, cookies.SUBJECT)
    one = r'"~(?:^|,)[ \t]*1[ \t]*(?:,|$)"'
    # The first cookie of a name counts, as everywhere else.
    first = rf"^(?:(?!\s*{choice}=)[^;]*;)*\s*{choice}="
    said = [(f'"~{first}{row.pattern(site)}\\s*(?:;|$)"', row.name) for row in table.rows]
    yield "# What the visitor chose. Only with both cookies; Gatekeeper itself checks the signature of the second."
    yield _map("$http_cookie", f"{var}_choice", said)
    yield _map("$http_cookie", f"{var}_proof", [(rf'"~(?:^|;)\s*{subject}=[^;\s]"', "1")])
    yield _map("$http_sec_gpc", f"{var}_gpc", [(one, "g")])
    yield _map("$http_dnt", f"{var}_dnt", [(one, "d")])
    yield "# The number of the policy; 0 is the strictest. The policy is set after nginx's own page cache, which needs"
    yield "# no other key. Where what your application sends depends on the choice, this one keeps it small:"
    yield f"#   proxy_cache_key $scheme$host$request_uri{var}_class;\n"
    yield _map(f'"{var}_proof:{var}_choice:{var}_gpc{var}_dnt"', f"{var}_class", _classes(table), default="0")


def _picked(table: Table) -> Iterator[str]:
    """Yield the maps that give each choice its policy."""
    site = table.site
    var = _variable(table)
    yield _map(f'"{var}_lifted:{var}_page"', f"{var}_gated", [('":1"', "1")])
    policies = [table.strictest, *table.policies]
    numbers = [f'"1{number}"' for number in table.policies.values()]
    logged = [f'"1{number}"' for policy, number in table.policies.items() if policy.logged and site.secure]
    by_class = f'"{var}_page{var}_class"'
    hosts = yield from _in_maps(f"{var}_hosts", by_class, numbers, [policy.sources for policy in policies])
    yield _map(f"{var}_lifted", f"{var}_policy", [("1", '""')], default=f'"{with_sources(hosts)}"')
    if site.gate.strict:
        patterns = yield from _in_maps(f"{var}_patterns", by_class, numbers, [policy.allowlist for policy in policies])
        yield _map(f"{var}_lifted", f"{var}_allowlist", [("1", '""')], default=f'"{patterns}"')
    yield _map(f'"{var}_gated{var}_class"', f"{var}_hints", [(key, f'"{HINTS}"') for key in logged])


def _asked(table: Table, place: Place) -> Iterator[str]:
    """Yield the maps that take over what Gatekeeper has answered, and the strictest policy where it has not."""
    var = _variable(table)
    yield f"""\
# Whoever does not answer in time is not asked again for a while; without the second line nginx would not count.
upstream {_upstream(table)} {{
    zone {_upstream(table)} 64k;
    server {place.upstream} max_fails=1 fail_timeout={PAUSE}s;
    server 127.0.0.1:9 backup down;
    keepalive 8;
}}
"""
    yield "# Only for pages is anybody asked, and for their path alone."
    asks = [(f'"~{pattern}"', "1") for pattern in ASKS_PAGE]
    yield _map('"$http_sec_fetch_dest|$http_sec_purpose|$http_accept"', f"{var}_asks", asks)
    yield _map("$request_uri", f"{var}_path", [(f'"~^(?<{var[1:]}_asked>[^?]+)"', f"{var}_asked")])
    yield "# Who decides: Gatekeeper; nobody, where the policy is lifted; else the strictest holds."
    states = [
        ('"~^1:enforce:"', "told"),
        ('"~^1:learn:"', "learn"),
        ('"~^1:off:"', "off"),
        ('"~^(?:1:|:.*):1$"', "off"),
    ]
    yield _map(f'"{var}_page:{var}_told:{var}_lifted"', f"{var}_state", states)
    yield _map(f'"{var}_page:{var}_state"', f"{var}_gated", [('"1:off"', '""'), ('"~^1:"', "1")])

    told = {"learn": '""', "off": '""'}
    hosts = yield from _in_maps(f"{var}_hosts", '""', [], [table.strictest.sources])
    rows = {"told": f"{var}_told_policy", **told}
    yield _map(f"{var}_state", f"{var}_policy", rows.items(), default=f'"{with_sources(hosts)}"')
    patterns = yield from _in_maps(f"{var}_patterns", '""', [], [table.strictest.allowlist])
    rows = {"told": f"{var}_told_allowlist", **told}
    yield _map(f"{var}_state", f"{var}_allowlist", rows.items(), default=f'"{patterns}"')
    yield _map(f"{var}_state", f"{var}_report", [("learn", f"{var}_told_report")])
    yield _map(f"{var}_state", f"{var}_hints", [("told", f"{var}_told_hints")])


def _common(table: Table) -> Iterator[str]:
    """Yield the maps for what pages say besides their policy."""
    var = _variable(table)
    yield _map(f"{var}_gated", f"{var}_vary", [("1", f'"{VARY}"')])
    yield _map(f"{var}_gated", f"{var}_private", [("1", "private")])
    yield "# The method is the browser's own: an error_page makes a GET of every request."
    method = f"{var[1:]}_method"
    timing = method_header(f"${method}")[1]
    yield _map(f'"{var}_gated:$request"', f"{var}_timing", [(f'"~^1:(?<{method}>[A-Z]+) "', f"'{timing}'")])
    yield "# A page that a browser asks for again must come whole: after a 304, WebKit keeps the policy it has."
    yield _map(f"{var}_gated", f"{var}_etag", [("1", '""')], default="$sent_http_etag")
    yield _map(f"{var}_gated", f"{var}_modified", [("1", '""')], default="$sent_http_last_modified")


def _in_maps(name: str, source: str, keys: list[str], texts: list[str]) -> Generator[str, None, str]:
    """Yield the maps that give a page its text, and return what they are called together.

    :param keys: of all texts but the first, which is for whatever has no key.
    """
    parts = [_in_pieces(text) for text in texts]
    names = [f"{name}{number}" for number in range(1, max(map(len, parts)) + 1)]
    for index, each in enumerate(names):
        default, *pieces = [_quoted(part[index] if index < len(part) else "") for part in parts]
        yield _map(source, each, zip(keys, pieces, strict=True), default=default)
    return "".join(f"${{{each[1:]}}}" for each in names)


def _headers(table: Table, place: Place) -> str:
    note = "# Include this file in the server block, and in every location that has an add_header of its own:\n"
    note += "# such a location inherits none (nginx, ngx_http_headers_module).\n\n"
    if table.lifted:
        return f"{note}# The policy is lifted.\n"
    named = [
        ("Content-Security-Policy", "policy"),
        *([("Content-Security-Policy-Report-Only", "report")] if place.asks else []),
        *([("Connection-Allowlist", "allowlist")] if table.site.gate.strict or place.asks else []),
        ("Vary", "vary"),
        ("Cache-Control", "private"),
        ("Accept-CH", "hints"),
        ("Server-Timing", "timing"),
        ("ETag", "etag"),
        ("Last-Modified", "modified"),
    ]
    return note + "".join(f"add_header {name} {_variable(table)}_{part} always;\n" for name, part in named)


def _server(table: Table, place: Place, name: str) -> str:
    script = f"{place.prefix}/{table.site.id}"
    asks = place.asks and not table.lifted
    unasked = "    auth_request off;\n" if asks else ""
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
{unasked}"""
    static = f"""
location ^~ {script}/ {{
    root {place.static};
    gzip_static on;
    try_files $uri @gatekeeper_{_bare(table)};
    access_log off;
{unasked}    add_header Cache-Control {_variable(table)}_kept always;
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
{_asking(table, place) if asks else ""}{static if place.static else ""}"""


def _asking(table: Table, place: Place) -> str:
    var = _variable(table)
    path = f"{place.prefix}/{table.site.id}/gate"
    kept = "".join(f"auth_request_set {var}_{name} $upstream_http_{header};\n" for name, header in _TOLD.items())
    return f"""
# Every page's policy is asked for. A location with an auth_request of its own asks that instead, and has the strictest.
# Where you write "satisfy any", write "auth_request off" too: our answer lets everybody in.
auth_request {path};
{kept}
location = {path} {{
    internal;
    if ({var}_asks = "") {{
        return 204;
    }}
    proxy_pass http://{_upstream(table)}{path};
    proxy_http_version 1.1;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Uri {var}_path;
    proxy_connect_timeout {CONNECTED}ms;
    proxy_send_timeout {ANSWERED}ms;
    proxy_read_timeout {ANSWERED}ms;
    proxy_buffer_size 64k;
    proxy_buffers 4 64k;
    proxy_busy_buffers_size 64k;
    proxy_cache off;
    proxy_intercept_errors on;
{_no_answer(table)}
    access_log off;
    error_log /dev/null crit;
}}

location @{_upstream(table)}_silent {{
    return 204;
}}
"""


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


def _no_answer(table: Table) -> str:
    lines = textwrap.wrap(" ".join(_NO_ANSWER), 96)
    return "\n".join(f"    error_page {line} = @{_upstream(table)}_silent;" for line in lines)


def _upstream(table: Table) -> str:
    return f"gatekeeper_{_bare(table)}_gate"


def _bare(table: Table) -> str:
    return table.site.id.replace("-", "_")


def _variable(table: Table) -> str:
    return f"$gk_{_bare(table)}"
