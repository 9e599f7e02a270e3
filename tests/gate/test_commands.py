"""The commands of the gate: ``snippets``, ``off``, and ``publish --static``."""

import gzip
import stat
from base64 import b64decode
from collections.abc import Callable
from hashlib import sha384
from pathlib import Path

import brotli
import pytest
from click.testing import CliRunner, Result

from gatekeeper.cli import main
from gatekeeper.config import VARIABLES, load_config
from gatekeeper.core.sites import Mode
from gatekeeper.databases import current

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder with a fresh configuration."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Result:
        return CliRunner().invoke(main, words)

    assert call("init").exit_code == 0
    return call


def test_snippets_are_printed_or_written_and_name_their_notice(run: Run, tmp_path: Path) -> None:
    before = run("snippets", "caddy")
    published = run("publish")
    printed = run("snippets", "caddy", "--upstream", "127.0.0.1:9999")
    written = run("snippets", "nginx", "--out", "made")

    assert "no notice: nothing is published" in before.output
    assert "needs it written again: gatekeeper snippets" in published.output
    assert "site shop, notice 1." in printed.output
    assert "reverse_proxy 127.0.0.1:9999" in printed.output
    names = ["gatekeeper-shop-maps.conf", "gatekeeper-shop-headers.conf", "gatekeeper-shop-server.conf"]
    assert written.output.splitlines() == [f"Wrote made/{name}" for name in names]
    assert all((tmp_path / "made" / name).read_text().startswith("# Gatekeeper's gate for site shop") for name in names)


def test_snippets_hold_no_log_of_addresses_and_no_subrequest(run: Run) -> None:
    run("publish")

    text = run("snippets", "nginx").output

    assert "auth_request" not in text
    assert text.count("access_log off;") == text.count("proxy_pass ")
    assert text.count("proxy_read_timeout 1s;") == text.count("proxy_pass ")


def test_a_web_server_asks_only_where_told_to(run: Run) -> None:
    run("publish")

    nginx = run("snippets", "nginx", "--ask", "--upstream", "127.0.0.1:9999").output
    caddy = run("snippets", "caddy", "--ask", "--upstream", "127.0.0.1:9999").output
    apache = run("snippets", "apache", "--ask")

    assert "auth_request /gk/shop/gate;" in nginx
    assert "server 127.0.0.1:9999 max_fails=1 fail_timeout=5s;" in nginx
    assert nginx.count("access_log off;") == nginx.count("proxy_pass ")
    assert "handle_response" in caddy
    assert "handle_response" not in run("snippets", "caddy").output
    assert "snippets nginx --site shop --ask`" in nginx
    assert apache.exit_code == 1
    assert "leave out --ask" in apache.output


def test_off_lifts_the_policy_and_on_puts_it_back(run: Run) -> None:
    run("publish")

    off = run("off", "--site", "shop")
    assert "put it back with: gatekeeper off --site shop --on" in off.output
    assert current(load_config())["shop"].gate.mode is Mode.OFF
    assert "The policy is lifted" in run("snippets", "nginx").output

    assert "is in force again" in run("off", "--on").output
    assert current(load_config())["shop"].gate.mode is Mode.ENFORCE
    assert "add_header Content-Security-Policy" in run("snippets", "nginx").output


@pytest.mark.parametrize("words", [["off", "--site", "shpo"], ["snippets", "nginx", "--site", "shpo"]])
def test_a_site_that_is_not_there_is_named(run: Run, words: list[str]) -> None:
    result = run(*words)

    assert result.exit_code == 1
    assert "site 'shpo' is not one of shop" in result.output


def test_with_several_sites_one_must_be_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "gatekeeper.toml"
    text = path.read_text()
    path.write_text(text + text.replace("sites.shop", "sites.blog").replace("https://shop.", "https://blog."))

    assert "name the site with --site: one of shop, blog" in run("off").output
    assert "name the site with --site: one of shop, blog" in run("snippets", "caddy").output


@pytest.mark.row("SE-03")
def test_scripts_are_written_for_the_sites_own_web_server(run: Run, tmp_path: Path) -> None:
    run("publish")

    said = run("publish", "--static", "www").output

    folder = tmp_path / "www" / "gk" / "shop"
    plain = [path for path in folder.iterdir() if path.suffix == ".js"]
    assert {path.name.split(".")[0] for path in plain} >= {"gatekeeper", "banner"}
    for path in plain:
        data = path.read_bytes()
        assert brotli.decompress(path.with_name(f"{path.name}.br").read_bytes()) == data
        assert gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes()) == data
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert not list(folder.glob(".*"))
    src, integrity = said.split('src="')[1].split('"')[0], said.split('integrity="sha384-')[1].split('"')[0]
    named = (tmp_path / "www" / src.lstrip("/")).read_bytes()
    assert b64decode(integrity) == sha384(named).digest()
    assert named == (folder / "gatekeeper.js").read_bytes()


def test_a_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    run("publish", "--dry-run", "--static", "www")

    assert not (tmp_path / "www").exists()


def test_what_is_published_together_is_written(run: Run, tmp_path: Path) -> None:
    run("publish", "--static", "www")

    assert b'"notice":1' in (tmp_path / "www" / "gk" / "shop" / "gatekeeper.js").read_bytes()


def test_check_tells_what_the_gate_does_to_cookies_nobody_declared(run: Run, tmp_path: Path) -> None:
    assert "does yours set session, sessionid, csrftoken" in run("check").output

    (tmp_path / "gatekeeper.toml").write_bytes((EXAMPLES / "gatekeeper.toml").read_bytes())
    assert "does yours set session" not in run("check").output


@pytest.mark.parametrize("gate", ['mode = "off"', 'tags_only = ["/*"]'])
def test_check_tells_what_is_held_by_its_marks_alone(run: Run, tmp_path: Path, gate: str) -> None:
    path = tmp_path / "gatekeeper.toml"
    path.write_text(f"{path.read_text()}\n[sites.shop.gate]\n{gate}\n")
    assert "held only where marked: video" in run("check").output

    path.write_text(path.read_text().replace('kind = "embed"', 'kind = "embed"\nmarked = true'))
    assert "held only where marked" not in run("check").output
