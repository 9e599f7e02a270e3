"""The web server's own logs: by default they keep every visitor's address, with or without consent.

Reads the configuration of nginx, Apache and Caddy where their packages put it, roughly: it looks for directives, not
for what includes what.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from gatekeeper.core.findings import Finding, ok, warn

_RULE = "an access log with addresses logs visitors who have not agreed (GDPR Art. 5(1)(c))"
_NGINX = ("etc/nginx/nginx.conf", "etc/nginx/conf.d/*.conf", "etc/nginx/sites-enabled/*")
_APACHE = (
    "etc/apache2/apache2.conf",
    "etc/apache2/conf-enabled/*.conf",
    "etc/apache2/sites-enabled/*",
    "etc/httpd/conf/httpd.conf",
    "etc/httpd/conf.d/*.conf",
)
_CADDY = ("etc/caddy/Caddyfile", "etc/caddy/conf.d/*", "etc/caddy/sites-enabled/*")

#: What tells who a visitor is, in the formats of each.
_NGINX_TELLS = re.compile(
    r"\$\{?(?:(?:binary_|realip_)?remote_addr|proxy_add_x_forwarded_for|remote_user"
    r"|http_(?:user_agent|x_forwarded_for|x_real_ip|cookie|referer))\b"
)
_APACHE_TELLS = re.compile(r"%[<>]?(?:\{c\})?[ah](?![A-Za-z])|%(?i:\{(?:User-Agent|X-Forwarded-For|Referer|Cookie)\})i")
#: nginx and Apache know these names without their being declared.
_NGINX_BUILT_IN = {"combined": "$remote_addr"}
_APACHE_BUILT_IN = {"common": "%h", "combined": "%h", "": "%h"}


def examine(root: Path) -> Iterator[Finding]:
    """Look at the web servers configured below a folder."""
    found = [*_nginx(root), *_apache(root), *_caddy(root)]
    yield from found or [ok("web server", "no nginx, Apache or Caddy configuration is readable here")]


def _read(root: Path, patterns: tuple[str, ...]) -> dict[Path, str]:
    """Return the readable files, without their comments."""
    files = {}
    for path in sorted({path for pattern in patterns for path in root.glob(pattern) if path.is_file()}):
        try:
            files[path] = re.sub(r"(?m)(?:^|(?<=\s))#.*$", "", path.read_text("utf-8", errors="replace"))
        except OSError:
            continue
    return files


def _nginx(root: Path) -> Iterator[Finding]:
    files = _read(root, _NGINX)
    if not files:
        return
    formats = dict(_NGINX_BUILT_IN)
    logs: list[tuple[Path, str]] = []
    for path, text in files.items():
        formats.update(re.findall(r"\blog_format\s+(\S+)\s+([^;]+);", text))
        logs += [(path, words) for words in re.findall(r"\baccess_log\s+([^;]+);", text)]
    fix = "write `access_log off;`, or a log_format without addresses and agents (docs/deploy.md)"
    if not logs:
        first = next(iter(files))
        yield warn("nginx", f"{first} sets no access_log, so the default one keeps addresses", _RULE, fix)
    telling = [(path, log) for path, log in logs if _nginx_tells(log, formats)]
    for path, log in telling:
        yield warn("nginx", f"{path}: access_log {_short(log)} keeps who visited", _RULE, fix)
    if logs and not telling:
        yield ok("nginx", "no access log keeps addresses or agents")


def _nginx_tells(log: str, formats: dict[str, str]) -> bool:
    target, *rest = log.split()
    if target == "off":
        return False
    named = [word for word in rest if "=" not in word]
    return bool(_NGINX_TELLS.search(formats.get(named[0] if named else "combined", "$remote_addr")))


def _apache(root: Path) -> Iterator[Finding]:
    files = _read(root, _APACHE)
    if not files:
        return
    formats = dict(_APACHE_BUILT_IN)
    logs: list[tuple[Path, str, str]] = []
    for path, text in files.items():
        declared = re.findall(r'(?mi)^\s*LogFormat\s+"((?:[^"\\]|\\.)*)"[ \t]*(\S*)', text)
        formats.update({name: quoted for quoted, name in declared})
        found = re.findall(r"(?mi)^\s*((?:CustomLog|TransferLog)\s+.+?)\s*$", text)
        logs += [(path, log, _apache_format(log)) for log in found]
    fix = "give CustomLog a LogFormat without %h, %a and agents (docs/deploy.md)"
    telling = [(path, log) for path, log, name in logs if _APACHE_TELLS.search(formats.get(name, name))]
    for path, log in telling:
        yield warn("Apache", f"{path}: {_short(log)} keeps who visited", _RULE, fix)
    if not telling:
        yield ok("Apache", "no access log keeps addresses or agents")


def _apache_format(log: str) -> str:
    """Return the name of the log's format, or the format itself."""
    match = re.match(r'\S+\s+(?:"[^"]*"|\S+)\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))?', log)
    return (match[1] or match[2] or "") if match else ""


def _caddy(root: Path) -> Iterator[Finding]:
    files = _read(root, _CADDY)
    if not files:
        return
    telling = [path for path, text in files.items() if _caddy_tells(text)]
    for path in telling:
        fix = "remove `log`, or give it `format filter` that deletes request>remote_ip, client_ip and headers"
        yield warn("Caddy", f"{path}: log keeps who visited", _RULE, fix)
    if not telling:
        yield ok("Caddy", "no access log keeps addresses or agents")


def _caddy_tells(text: str) -> bool:
    # A site's `log` directive stands alone in its line or opens a block; Caddy logs no requests without one.
    if not re.search(r"(?m)^\s+log(?:\s+\w+)?\s*(?:\{|$)", text):
        return False
    return not ("remote_ip" in text and "client_ip" in text and "request>headers" in text)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:59]}…"
