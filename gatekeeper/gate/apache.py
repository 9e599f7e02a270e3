"""The gate as configuration for Apache, 2.4."""

import re
from collections.abc import Iterator

from gatekeeper.core import cookies

from .choices import Table, with_sources
from .serving import FRESH, HINTS, IMMUTABLE, PAGES, VARY, Place, method_header


def write(table: Table, place: Place) -> dict[str, str]:
    """Return the file to include."""
    name = f"gatekeeper-{table.site.id}.conf"
    use = (
        "# Include this file in the site's own VirtualHost. It needs: a2enmod headers setenvif proxy proxy_http\n"
        "# Apache's logs hold addresses; docs/deploy.md has formats without.\n\n"
    )
    parts = [] if table.lifted else [*_choice(table), *_policies(table), *_headers(table)]
    return {name: use + "\n".join([*parts, *_proxy(table, place)]) + "\n"}


def _choice(table: Table) -> Iterator[str]:
    site = table.site
    var = _variable(table)
    choice = cookies.cookie_name(site, cookies.CHOICE)
    subject = cookies.cookie_name(site, cookies.SUBJECT)
    # The first cookie of a name counts, as everywhere else.
    first = rf"^(?:(?!\s*{choice}=)[^;]*;)*\s*{choice}="
    yield "# What the visitor chose. Only with both cookies; Gatekeeper itself checks the signature of the second."
    for row in table.rows:
        yield rf'SetEnvIf Cookie "{first}{row.pattern(site)}\s*(?:;|$)" {var}_CHOICE={row.name}'
    yield rf'SetEnvIf Cookie "(?:^|;)\s*{subject}=[^;\s]" {var}_PROOF=1'
    for header, letter in (("Sec-GPC", "GPC"), ("DNT", "DNT")):
        yield rf'SetEnvIf {header} "(?:^|,)[ \t]*1[ \t]*(?:,|$)" {var}_{letter}=1'
    # What stands after it must read another header: mod_setenvif would take this expression's text for its value.
    yield "# The method is the browser's own: an ErrorDocument makes a GET of every request."
    yield f'SetEnvIfExpr "%{{THE_REQUEST}} =~ m#^([A-Z]+) #" {var}_METHOD=$1'
    yield "# Pages and workers have their visitor's policy. All else has the strictest, the same for everyone."
    yield f'SetEnvIf Sec-Fetch-Dest "^(?:{"|".join(sorted(PAGES))})$" {var}_PAGE=1'
    yield f'SetEnvIf Sec-Purpose "prefetch|prerender" {var}_PAGE=1'
    yield ("SetEnvIfExpr \"%{HTTP:Sec-Fetch-Dest} == '' && %{HTTP:Accept} =~ m#text/html#\" " + f"{var}_PAGE=1")


def _policies(table: Table) -> Iterator[str]:
    var = _variable(table)
    yield f'SetEnvIf Request_URI "^" "{var}_HOSTS={table.strictest.sources}"'
    if table.site.gate.strict:
        yield f'SetEnvIf Request_URI "^" "{var}_ALLOWLIST={_escaped(table.strictest.allowlist)}"'
    for row in table.rows:
        for signals, policy in row.policies.items():
            if policy == table.strictest:
                continue
            asked = f"-T reqenv('{var}_PAGE') && -T reqenv('{var}_PROOF') && reqenv('{var}_CHOICE') == '{row.name}'"
            for letter, name in (("g", "GPC"), ("d", "DNT")):
                asked += f" && {'' if letter in signals else '! '}-T reqenv('{var}_{name}')"
            sets = [f'"{var}_HOSTS={policy.sources}"']
            sets += [f'"{var}_ALLOWLIST={_escaped(policy.allowlist)}"'] if table.site.gate.strict else []
            sets += [f"{var}_LOGGED=1"] if policy.logged and table.site.secure else []
            yield f'SetEnvIfExpr "{asked}" {" ".join(sets)}'
    yield f'SetEnvIf Request_URI "^" {var}_GATED=1'
    for pattern in table.site.gate.tags_only:
        plain = re.escape(pattern.removesuffix("*"))
        end = "" if pattern.endswith("*") else "$"
        yield f'SetEnvIf Request_URI "^{plain}{end}" !{var}_GATED !{var}_PAGE !{var}_LOGGED'


def _headers(table: Table) -> Iterator[str]:
    var = _variable(table)
    template = with_sources(f"%{{{var}_HOSTS}}e")
    yield f'Header always add Content-Security-Policy "{template}" env={var}_GATED'
    if table.site.gate.strict:
        yield f'Header always add Connection-Allowlist "%{{{var}_ALLOWLIST}}e" env={var}_GATED'
    yield f'Header always add Vary "{VARY}" env={var}_PAGE'
    yield f'Header always add Cache-Control "private" env={var}_PAGE'
    yield f'Header always add Accept-CH "{HINTS}" env={var}_LOGGED'
    name, value = method_header(f"%{{{var}_METHOD}}e")
    yield f'Header always add {name} "{_escaped(value)}" env={var}_PAGE'
    yield "# A page that a browser asks for again must come whole: after a 304, WebKit keeps the policy it has."
    for name in ("If-None-Match", "If-Modified-Since"):
        yield f"RequestHeader unset {name} env={var}_PAGE"
    for name in ("ETag", "Last-Modified"):
        yield f"Header unset {name} env={var}_PAGE"


def _proxy(table: Table, place: Place) -> Iterator[str]:
    var = _variable(table)
    script = f"{place.prefix}/{table.site.id}"
    if not table.lifted:
        yield f'SetEnvIf Request_URI "^{re.escape(place.prefix)}/" !{var}_GATED !{var}_PAGE !{var}_LOGGED'
    if place.static:
        yield f'ProxyPassMatch "^{re.escape(script)}/[^/]+\\.js$" !'
        yield f'AliasMatch "^({re.escape(script)}/[^/]+\\.js)$" "{place.static}$1"'
        yield f'<Directory "{place.static}{script}">\n    Require all granted\n    Header set Cache-Control "{FRESH}"'
        yield f'    <FilesMatch "\\.[0-9a-f]{{16}}\\.js$">\n        Header set Cache-Control "{IMMUTABLE}"'
        yield "    </FilesMatch>\n</Directory>"
    for path in (f"{place.prefix}/", "/.well-known/gpc.json"):
        yield f"ProxyPass {path} http://{place.upstream}{path} connectiontimeout=1 timeout=1 retry=0"
    yield "ProxyPreserveHost On"


def _escaped(text: str) -> str:
    return text.replace('"', '\\"')


def _variable(table: Table) -> str:
    return f"GK_{table.site.id.replace('-', '_').upper()}"
