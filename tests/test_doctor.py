"""What the doctor finds: each thing that can be wrong is made wrong once, for real."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from gatekeeper import beginning
from gatekeeper.cli import main
from gatekeeper.config import VARIABLES, load_config
from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.core.sites import notice_content
from gatekeeper.databases import published
from gatekeeper.doctor import Finding, Sign, examine, machine, page
from gatekeeper.store.engines import migrate, open_store

from .postgres import Postgres

GUARD = '<script src="/gk/shop/gatekeeper.js"></script>'
FILTER = "request>remote_ip delete\nrequest>client_ip delete\nrequest>headers delete"
SCRIPT = '(function(SETTINGS){"use strict";})({"site":"shop"});'


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a sound installation: one site at http://localhost, its notice published."""
    return install(tmp_path, "http://localhost:5000")


def install(folder: Path, origin: str) -> dict[str, str]:
    path = folder / "gatekeeper.toml"
    beginning.write_example(path, site="shop", name="Shop", origin=origin)
    text = path.read_text().replace("Example Company Ltd", "Shop Ltd").replace("1 Example Street", "2 High Street")
    path.write_text(text.replace('contact = "privacy@shop.example"', 'contact = "privacy@shop.test"'))
    beginning.write_key(folder / "gatekeeper.keys")
    environ = {"GATEKEEPER_CONFIG": str(path)}
    publish(environ, day=datetime.now(UTC).date().isoformat())
    return environ


def publish(environ: dict[str, str], *, day: str) -> None:
    config = load_config(environ)
    migrate(config.database_url)
    content = notice_content(config.sites["shop"])
    no = len(published(config)["shop"]) + 1
    with closing(open_store(config.database_url)) as store:
        store.publish(Notice("shop", no, content, day, content_hash(content)))


def edit(environ: dict[str, str], old: str, new: str) -> None:
    path = Path(environ["GATEKEEPER_CONFIG"])
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def only(findings: list[Finding], about: str, sign: Sign) -> Finding:
    """Return the only finding of a sign about something."""
    (finding,) = [finding for finding in findings if (finding.about, finding.sign) == (about, sign)]
    return finding


def test_a_sound_installation_has_nothing_to_mend(environ: dict[str, str], tmp_path: Path) -> None:
    findings = examine(environ, root=tmp_path)

    assert {finding.sign for finding in findings} == {Sign.OK}, "\n".join(map(str, findings))


def test_whatever_is_wrong_comes_with_its_rule_and_how_to_mend_it(environ: dict[str, str], tmp_path: Path) -> None:
    edit(environ, 'purpose = "functional"', 'purpose = "functionl"')

    finding = only(examine(environ, root=tmp_path), "configuration", Sign.FAIL)

    assert finding.found == "sites.shop.trackers.video.purpose = 'functionl'"
    assert "a purpose of this site" in finding.rule
    assert finding.fix == "did you mean functional?"


def test_example_values_and_development_mode_are_named(tmp_path: Path) -> None:
    beginning.write_example(tmp_path / "gatekeeper.toml", site="shop", name="Shop", origin="http://localhost")
    beginning.write_key(tmp_path / "gatekeeper.keys")
    environ = {"GATEKEEPER_CONFIG": str(tmp_path / "gatekeeper.toml"), "GATEKEEPER_DEVELOPMENT": "1"}

    findings = examine(environ, root=tmp_path)

    assert "name, address, contact" in only(findings, "site shop", Sign.WARN).found
    assert "GATEKEEPER_DEVELOPMENT" in only(findings, "configuration", Sign.WARN).found


# Keys and database


def test_a_key_file_that_others_may_read_fails(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "gatekeeper.keys").chmod(0o644)

    finding = only(examine(environ, root=tmp_path), "configuration", Sign.FAIL)

    assert finding.fix == f"chmod 600 {tmp_path / 'gatekeeper.keys'}"


def test_keys_that_were_never_retired_are_named(environ: dict[str, str], tmp_path: Path) -> None:
    keys = tmp_path / "gatekeeper.keys"
    keys.write_text("".join(f"{letter}kJ8s0dLq2Zx5Wc7Vb9Nm1Qw3Er6Ty0U\n" for letter in "abc"))

    finding = only(examine(environ, root=tmp_path), "keys", Sign.WARN)

    assert finding.fix == "remove those replaced more than 180 days ago"


@pytest.mark.parametrize("suffix", ["", "-wal", ".lock"])
def test_a_database_that_others_may_read_fails(environ: dict[str, str], tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"gatekeeper.db{suffix}"
    file.touch()
    file.chmod(0o644)

    findings = list(machine.database(load_config(environ)))

    assert only(findings, "database", Sign.FAIL).fix == f"chmod 600 {file}"


def test_a_folder_that_everybody_may_write_to_fails(environ: dict[str, str], tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    findings = examine(environ, root=tmp_path)

    assert only(findings, "keys", Sign.FAIL).fix == f"chmod o-w {tmp_path}"
    assert only(findings, "database", Sign.FAIL).fix == f"chmod o-w {tmp_path}"


def test_a_disk_without_room_fails(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "NO_SPACE", 10**18)

    assert "MB free" in only(examine(environ, root=tmp_path), "database", Sign.FAIL).found


def test_a_database_of_another_form_fails_and_names_the_command(environ: dict[str, str], tmp_path: Path) -> None:
    database = tmp_path / "gatekeeper.db"
    database.write_bytes(b"not a database" * 100)
    database.chmod(0o600)

    findings = examine(environ, root=tmp_path)

    assert [finding.about for finding in findings if finding.sign is Sign.FAIL] == ["database"]


def test_a_database_server_is_looked_at(environ: dict[str, str], postgres: Postgres) -> None:
    def found() -> list[tuple[Sign, str]]:
        return [(finding.sign, finding.found) for finding in machine.database(load_config(environ))]

    with postgres.fresh() as address:
        environ["GATEKEEPER_DATABASE_URL"] = address
        assert found() == [(Sign.WARN, "it has no tables yet")]
        migrate(address)
        assert found() == [(Sign.OK, "the server answers, and the tables are of this version")]
    ((sign, what),) = found()
    assert sign is Sign.FAIL
    assert "cannot be reached" in what


def test_who_serves_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    config = load_config(environ)
    with closing(open_store(config.database_url)) as store:
        store.start()
        during = {finding.found for finding in machine.database(config)}
    after = {finding.found for finding in machine.database(config)}

    assert "a serving process has the writer's lock" in during
    assert "no process serves from it now" in after


def test_looking_changes_nothing(tmp_path: Path) -> None:
    beginning.write_example(tmp_path / "gatekeeper.toml", site="shop", name="Shop", origin="http://localhost")
    beginning.write_key(tmp_path / "gatekeeper.keys")

    findings = examine({"GATEKEEPER_CONFIG": str(tmp_path / "gatekeeper.toml")}, root=tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {"gatekeeper.toml", "gatekeeper.keys"}
    assert "is not there yet" in only(findings, "database", Sign.WARN).found


# Notices, clock, cookies, proxies


def test_a_site_without_a_notice_fails(tmp_path: Path) -> None:
    beginning.write_example(tmp_path / "gatekeeper.toml", site="shop", name="Shop", origin="http://localhost")
    beginning.write_key(tmp_path / "gatekeeper.keys")

    findings = examine({"GATEKEEPER_CONFIG": str(tmp_path / "gatekeeper.toml")}, root=tmp_path)

    assert only(findings, "site shop", Sign.FAIL).fix == "gatekeeper publish shop"


def test_a_notice_that_is_behind_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    edit(environ, "retention_days = 30", "retention_days = 60")

    finding = only(examine(environ, root=tmp_path), "site shop", Sign.WARN)

    assert finding.found == "notice 1 is behind the configuration: 1 changed, 1 to ask about"
    assert finding.fix == "gatekeeper publish shop"


def test_a_clock_that_runs_behind_fails(environ: dict[str, str], tmp_path: Path) -> None:
    edit(environ, "retention_days = 30", "retention_days = 60")
    publish(environ, day="2999-01-01")

    assert "a notice was published on 2999-01-01" in only(examine(environ, root=tmp_path), "clock", Sign.FAIL).found


def test_plain_http_fails_unless_it_is_this_machine(tmp_path: Path) -> None:
    findings = examine(install(tmp_path, "http://shop.test"), root=tmp_path)

    finding = only(findings, "site shop", Sign.FAIL)
    assert "gk_choice" in finding.found
    assert "https" in finding.fix


@pytest.mark.row("SE-10")
def test_a_proxy_that_nobody_trusts_is_named(tmp_path: Path) -> None:
    findings = examine(install(tmp_path, "https://shop.test"), root=tmp_path)

    finding = only(findings, "proxies", Sign.WARN)
    assert "the visit log holds the proxy's address" in finding.rule
    assert finding.fix.startswith("GATEKEEPER_TRUSTED_PROXIES=127.0.0.1")


@pytest.mark.row("SE-10")
@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "10.0.0.0/7"])
def test_trusting_everybody_fails(environ: dict[str, str], tmp_path: Path, network: str) -> None:
    findings = examine({**environ, "GATEKEEPER_TRUSTED_PROXIES": network}, root=tmp_path)

    assert network in only(findings, "proxies", Sign.FAIL).found


def test_a_named_proxy_is_fine(environ: dict[str, str], tmp_path: Path) -> None:
    findings = examine({**environ, "GATEKEEPER_TRUSTED_PROXIES": "127.0.0.1,10.1.0.0/16"}, root=tmp_path)

    assert "127.0.0.1/32, 10.1.0.0/16" in only(findings, "proxies", Sign.OK).found


# The page


@dataclass
class Host:
    """A web server on this machine that answers from a table."""

    port: int
    answers: dict[str, tuple[int, dict[str, str], str]] = field(default_factory=dict)

    def page(self, html: str, **headers: str) -> str:
        self.answers["/"] = (200, {"Content-Type": "text/html", **headers}, html)
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def listening() -> Iterator[Host]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = host.answers.get(self.path, (404, {}, ""))
            self.send_response_only(status)
            for name, value in {"Date": formatdate(usegmt=True), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        host = Host(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield host
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def host() -> Iterator[Host]:
    with listening() as host:
        host.answers["/gk/shop/gatekeeper.js"] = (200, {"Content-Type": "text/javascript"}, SCRIPT)
        yield host


@pytest.fixture
def at_host(host: Host, tmp_path: Path) -> dict[str, str]:
    """An installation whose site is that web server."""
    return install(tmp_path, f"http://127.0.0.1:{host.port}")


def look(environ: dict[str, str], url: str) -> list[Finding]:
    return list(page.examine(load_config(environ), url))


@pytest.mark.row("CK-01")
def test_home_1_is_recognised(at_host: dict[str, str], host: Host) -> None:
    url = host.page(
        f"<!doctype html><html><head><title>Shop</title>{GUARD}<script>x()</script></head><body></body></html>"
    )

    findings = look(at_host, url)

    assert {finding.sign for finding in findings} == {Sign.OK}, findings
    assert any("home 1" in finding.found for finding in findings)
    assert any("first script in <head>" in finding.found for finding in findings)


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<head></head><body></body>", "no script tag of Gatekeeper's"),
        ("<head><script src='/gk/other/gatekeeper.js'></script></head>", "no script tag of Gatekeeper's"),
        (f"<head></head><body>{GUARD}</body>", "outside <head>"),
        (f"<head><script src='/app.js'></script>{GUARD}</head>", "1 script before the guard's"),
        (f"<head>{GUARD.replace('src', 'async src')}</head>", "has async"),
        (f"<head>{GUARD.replace('src', 'type=module src')}</head>", "has type=module"),
    ],
)
def test_a_guard_that_comes_too_late_fails(at_host: dict[str, str], host: Host, html: str, found: str) -> None:
    finding = only(look(at_host, host.page(html)), "site shop", Sign.FAIL)

    assert found in finding.found
    assert finding.fix


def test_data_before_the_guard_is_no_script(at_host: dict[str, str], host: Host) -> None:
    html = f'<head><script type="application/ld+json">{{}}</script>{GUARD}</head>'

    assert {finding.sign for finding in look(at_host, host.page(html))} == {Sign.OK}


def test_tags_that_are_not_marked_are_named_by_host(at_host: dict[str, str], host: Host) -> None:
    html = f"""<head>{GUARD}<link rel="canonical" href="https://shop.test/">
    <link rel="stylesheet" href="//fonts.vendor.test/a.css"></head><body>
    <img src="https://pixel.vendor.test/1.gif"><img src="/own.gif"><img src="data:image/gif;base64,R0">
    <script type="text/plain" data-gk="marketing" data-gk-tracker="ads" data-src="https://ads.vendor.test/a.js"></script>
    <iframe data-gk="functional" data-gk-tracker="video" data-src="https://player.video.example/1"></iframe></body>"""

    finding = only(look(at_host, host.page(html)), "site shop", Sign.WARN)

    assert "from fonts.vendor.test, pixel.vendor.test before" in finding.found
    assert "data-src" in finding.fix


def test_home_3_is_recognised_and_explained(at_host: dict[str, str], host: Host) -> None:
    guard = GUARD.replace("/gk", f"http://localhost:{host.port}/gk")

    finding = only(look(at_host, host.page(f"<head>{guard}</head>")), "site shop", Sign.WARN)

    assert "home 3: the guard comes from localhost" in finding.found
    assert "7 days" in finding.rule
    assert "home 1" in finding.fix


def test_a_guard_that_does_not_answer_fails(at_host: dict[str, str], host: Host) -> None:
    del host.answers["/gk/shop/gatekeeper.js"]

    finding = only(look(at_host, host.page(f"<head>{GUARD}</head>")), "site shop", Sign.FAIL)

    assert "answers 404" in finding.found
    assert "gatekeeper serve" in finding.fix


@pytest.mark.parametrize(
    ("headers", "body", "found"),
    [
        ({"Content-Type": "text/html"}, "<html>the shop's own page</html>", "is not the guard of this site"),
        ({"Content-Type": "text/javascript"}, SCRIPT.replace("shop", "other"), "is not the guard of this site"),
        ({"Content-Type": "text/javascript", "Set-Cookie": "balancer=1"}, SCRIPT, "sets a cookie"),
    ],
)
def test_what_answers_in_the_guards_place_is_looked_at(
    at_host: dict[str, str], host: Host, headers: dict[str, str], body: str, found: str
) -> None:
    host.answers["/gk/shop/gatekeeper.js"] = (200, headers, body)

    assert found in only(look(at_host, host.page(f"<head>{GUARD}</head>")), "site shop", Sign.FAIL).found


def test_a_page_of_no_declared_origin_fails(environ: dict[str, str], host: Host) -> None:
    finding = only(look(environ, host.page("<html></html>")), "page", Sign.FAIL)

    assert f"http://127.0.0.1:{host.port} is no declared origin" in finding.found
    assert "origins" in finding.fix


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://no-such-host.invalid/", "shop.example", "file:///etc/passwd"]
)
def test_a_page_that_does_not_answer_fails(environ: dict[str, str], url: str) -> None:
    (finding,) = look(environ, url)

    assert finding.sign is Sign.FAIL
    assert "does not answer" in finding.found


@pytest.mark.parametrize(
    ("apart", "sign"), [(0, Sign.OK), (59, Sign.OK), (-61, Sign.WARN), (3599, Sign.WARN), (-3601, Sign.FAIL)]
)
def test_clocks_that_differ_are_named(apart: int, sign: Sign) -> None:
    now = 1_790_000_000

    assert page.clock(formatdate(now + apart, usegmt=True), now=now).sign is sign


def test_a_page_without_a_date_is_no_problem() -> None:
    assert page.clock("", now=0).sign is Sign.OK


@pytest.mark.row("CK-02")
@pytest.mark.parametrize(
    ("site", "guard", "same"),
    [
        ({"192.0.2.1"}, {"192.0.2.200"}, True),
        ({"192.0.2.1"}, {"192.0.77.1"}, True),
        ({"192.0.2.1"}, {"192.1.2.1"}, False),
        ({"2001:db8:1:1::1"}, {"2001:db8:1:1::2"}, True),
        ({"2001:db8:1:1::1"}, {"2001:db8:1:2::1"}, False),
        ({"192.0.2.1", "2001:db8::1"}, {"192.0.2.2", "2001:db9::1"}, False),
        ({"192.0.2.1"}, set(), False),
    ],
)
def test_safari_takes_a_sub_domain_on_another_network_for_a_stranger(
    site: set[str], guard: set[str], *, same: bool
) -> None:
    assert page.near(frozenset(site), frozenset(guard)) is same


@pytest.mark.row("CK-02")
def test_home_2_on_another_network_is_told_about_safaris_7_days(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(
        environ,
        'origins = ["http://localhost:5000"]',
        'origins = ["http://www.shop.test"]\nscope = "domain"\ndomain = "shop.test"',
    )
    site = load_config(environ).sites["shop"]
    table = {"www.shop.test": {"192.0.2.1"}, "gk.shop.test": {"192.0.2.9"}, "far.shop.test": {"198.51.100.1"}}
    monkeypatch.setattr(page, "addresses", lambda host: frozenset(table[host]))

    def home(host: str) -> Finding:
        (finding,) = page.home(site, "http://www.shop.test/", f"http://{host}/gk/shop/gatekeeper.js")
        return finding

    assert home("gk.shop.test").sign is Sign.OK
    assert home("far.shop.test").sign is Sign.WARN
    assert "7 days instead of 180" in home("far.shop.test").rule


def test_addresses_are_those_of_the_host() -> None:
    assert "127.0.0.1" in page.addresses("localhost")
    assert page.addresses("no-such-host.invalid") == frozenset()


def test_a_sub_domain_without_domain_scope_is_told_how_to_become_home_2(environ: dict[str, str]) -> None:
    edit(environ, "http://localhost:5000", "https://www.shop.test")
    site = load_config(environ).sites["shop"]

    (finding,) = page.home(site, "https://www.shop.test/", "https://gk.shop.test/gk/shop/gatekeeper.js")

    assert 'scope = "domain" and domain = "shop.test"' in finding.fix


# The web server's own logs


@pytest.mark.row("SE-22")
@pytest.mark.parametrize(
    ("file", "text", "sign"),
    [
        ("nginx/nginx.conf", "http { server { listen 80; } }", Sign.WARN),
        ("nginx/nginx.conf", "http { access_log /var/log/nginx/access.log; }", Sign.WARN),
        ("nginx/nginx.conf", "http { access_log /var/log/a.log combined buffer=32k; }", Sign.WARN),
        ("nginx/nginx.conf", "http { log_format mine '$remote_addr $status'; access_log /a.log mine; }", Sign.WARN),
        ("nginx/nginx.conf", "http { log_format mine '$status $http_user_agent'; access_log /a.log mine; }", Sign.WARN),
        ("nginx/nginx.conf", "http { log_format mine '$status $uri'; access_log /a.log mine; }", Sign.OK),
        ("nginx/nginx.conf", "http { access_log /a.log declared_elsewhere; }", Sign.WARN),
        ("nginx/nginx.conf", "http { access_log off; # access_log /a.log combined;\n }", Sign.OK),
        ("nginx/sites-enabled/shop", "server { access_log /a.log combined; }", Sign.WARN),
        ("apache2/sites-enabled/shop.conf", "CustomLog ${APACHE_LOG_DIR}/access.log combined", Sign.WARN),
        ("apache2/apache2.conf", 'LogFormat "%h %>s" mine\nCustomLog "a b.log" mine', Sign.WARN),
        ("apache2/apache2.conf", 'CustomLog a.log "%t %>s %{User-agent}i"', Sign.WARN),
        ("apache2/apache2.conf", "TransferLog a.log", Sign.WARN),
        ("apache2/apache2.conf", 'LogFormat "%t \\"%m %U %H\\" %>s" mine\nCustomLog a.log mine', Sign.OK),
        ("apache2/apache2.conf", "# CustomLog a.log combined", Sign.OK),
        ("caddy/Caddyfile", "shop.example {\n\tlog\n\treverse_proxy :8080\n}", Sign.WARN),
        ("caddy/Caddyfile", "shop.example {\n\tlog {\n\t\toutput file a.log\n\t}\n}", Sign.WARN),
        ("caddy/Caddyfile", "shop.example {\n\treverse_proxy :8080\n}", Sign.OK),
        ("caddy/Caddyfile", f"shop.example {{\n\tlog {{\n\t\tformat filter {{\n{FILTER}\n\t\t}}\n\t}}\n}}", Sign.OK),
    ],
)
def test_access_logs_that_keep_visitors_are_named(tmp_path: Path, file: str, text: str, sign: Sign) -> None:
    path = tmp_path / "etc" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)

    findings = examine({}, root=tmp_path)

    server = {"nginx": "nginx", "apache2": "Apache", "caddy": "Caddy"}[file.split("/")[0]]
    finding = only(findings, server, sign)
    if sign is Sign.WARN:
        assert str(path) in finding.found
        assert finding.fix


# The command


def test_the_command_prints_one_line_a_finding(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, environ)
    edit(environ, "retention_days = 30", "retention_days = 60")

    result = CliRunner().invoke(main, ["doctor"])

    assert result.exit_code == 0, result.output
    *lines, _ = result.output.splitlines()
    assert all(line.split()[0] in {"ok", "warn", "fail"} for line in lines)
    assert any(line.startswith("warn  site shop: notice 1 is behind") and "| fix: " in line for line in lines)


def test_the_command_fails_when_anything_fails(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, environ)
    Path(environ["GATEKEEPER_CONFIG"]).with_name("gatekeeper.db").chmod(0o644)

    result = CliRunner().invoke(main, ["doctor", "--json"])

    assert result.exit_code == 1
    findings = json.loads(result.output)
    assert [finding["about"] for finding in findings if finding["sign"] == "fail"] == ["database"]
    assert all(set(finding) == {"sign", "about", "found", "rule", "fix"} for finding in findings)


def use(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert os.environ["GATEKEEPER_CONFIG"]
