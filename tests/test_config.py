"""Settings: what is refused at start, all of it at once, and what a right machine gets."""

import ipaddress
from pathlib import Path

import pytest

from gatekeeper.config import KNOWN_KEYS, RATE_LIMIT, VARIABLES, Config, Invalid, load_config
from gatekeeper.core.errors import ConfigError
from gatekeeper.core.tokens import MIN_KEY

KEY = "cNZ8p2vLr5XwT0aYq9JdHk4GmB7sEfU1"
OTHER = "Ub3nWx6zQe1RtYc8VoKi5PlDs2FgHj9M"
TOML = """
[sites.shop]
name = "The Shop"
origins = ["https://shop.example"]
controller = { name = "Shop Ltd", address = "1 High Street, Dublin", contact = "privacy@shop.example" }
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "gatekeeper.toml"
    path.write_text(TOML)
    return path


def load(toml: Path, **settings: str) -> Config:
    environ = {"GATEKEEPER_CONFIG": str(toml), "GATEKEEPER_SECRET_KEYS": KEY}
    return load_config({**environ, **{f"GATEKEEPER_{name}": value for name, value in settings.items()}})


def refusal(toml: Path, **settings: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        load(toml, **settings)
    for problem in caught.value.problems:
        assert all((problem.key, problem.value, problem.rule, problem.fix))
    return caught.value


def refused(toml: Path, **settings: str) -> list[str]:
    return [problem.key for problem in refusal(toml, **settings).problems]


def key_file(toml: Path, text: str, mode: int = 0o600) -> str:
    path = toml.with_name("keys")
    path.write_text(text)
    path.chmod(mode)
    return str(path)


# --- a right machine


@pytest.mark.row("EU-13", "SE-10", "SE-18")
def test_what_is_not_set_is_as_safe_as_can_be(toml: Path):
    config = load(toml)

    assert config.path == toml
    assert set(config.sites) == {"shop"}
    assert config.keys == (KEY,)
    assert config.database_url == f"sqlite:///{toml.parent / 'gatekeeper.db'}"
    assert config.trusted_proxies == ()
    assert config.prefix == "/gk"
    assert not config.development


def test_the_database_is_where_the_setting_says(toml: Path):
    url = "postgresql+psycopg://db/gk"

    assert load(toml, DATABASE_URL=url).database_url == url


def test_every_setting_that_is_read_is_described(toml: Path):
    class Watched(dict[str, str]):
        asked: set[str] = set()  # noqa: RUF012

        def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
            self.asked.add(name)
            return super().get(name, default)

    environ = Watched(GATEKEEPER_CONFIG=str(toml), GATEKEEPER_SECRET_KEYS=KEY)
    load_config(environ)

    assert environ.asked <= set(VARIABLES)


@pytest.mark.row("SE-18")
def test_the_keys_are_not_shown_with_the_settings(toml: Path):
    assert KEY not in repr(load(toml))


def test_each_site_has_days_of_its_own(toml: Path):
    other = TOML.replace("sites.shop", "sites.cafe") + 'time_zone = "Europe/Berlin"\n'
    toml.write_text(TOML + other.replace("shop.example", "cafe.example"))

    assert load(toml).zones == {"shop": "UTC", "cafe": "Europe/Berlin"}


# --- keys


def test_keys_are_read_oldest_first(toml: Path):
    assert load(toml, SECRET_KEYS=f" {KEY} , {OTHER}, ").keys == (KEY, OTHER)


def test_keys_are_read_from_a_file_one_a_line(toml: Path):
    file = key_file(toml, f"{KEY}\n\n{OTHER}\n")

    assert load(toml, SECRET_KEYS="", SECRET_KEYS_FILE=file).keys == (KEY, OTHER)


@pytest.mark.row("SE-18")
@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_no_key_is_refused(toml: Path, text: str):
    assert refused(toml, SECRET_KEYS=text) == ["GATEKEEPER_SECRET_KEYS"]


@pytest.mark.row("SE-18")
@pytest.mark.parametrize("key", [*sorted(KNOWN_KEYS), "CHANGE-ME", "Secret"])
def test_a_key_out_of_an_example_is_refused(toml: Path, key: str):
    error = refusal(toml, SECRET_KEYS=key)

    assert [problem.rule for problem in error.problems] == ["a key nobody can guess"]


@pytest.mark.row("SE-18")
@pytest.mark.parametrize("key", ["x" * 64, "ab" * 32, "1234567" * 9, "changeme" * 8])
def test_a_long_key_of_few_characters_is_refused(toml: Path, key: str):
    error = refusal(toml, SECRET_KEYS=key)

    assert [problem.rule for problem in error.problems] == ["a key nobody can guess"]


@pytest.mark.row("SE-18")
def test_a_short_key_is_refused_to_the_character(toml: Path):
    assert load(toml, SECRET_KEYS=KEY[:MIN_KEY]).keys == (KEY[:MIN_KEY],)
    assert [problem.value for problem in refusal(toml, SECRET_KEYS=KEY[: MIN_KEY - 1]).problems] == [
        f"({MIN_KEY - 1} characters)"
    ]


@pytest.mark.row("SE-18")
def test_every_bad_key_is_named_by_its_place_and_none_is_shown(toml: Path):
    error = refusal(toml, SECRET_KEYS=f"hunter2,{KEY},secret,Sh0rtButV4ried")

    assert [problem.key for problem in error.problems] == [
        "GATEKEEPER_SECRET_KEYS, key 1 of 4",
        "GATEKEEPER_SECRET_KEYS, key 3 of 4",
        "GATEKEEPER_SECRET_KEYS, key 4 of 4",
    ]
    assert "hunter2" not in str(error)
    assert "Sh0rt" not in str(error)
    assert KEY not in str(error)


def test_short_keys_serve_on_a_developers_own_machine(toml: Path):
    assert load(toml, SECRET_KEYS="dev", DEVELOPMENT="1").keys == ("dev",)


@pytest.mark.row("SE-18")
@pytest.mark.parametrize("value", ["", "0", "true", "yes", "2", " 1"])
def test_nothing_but_a_one_makes_it_a_developers_machine(toml: Path, value: str):
    assert refused(toml, SECRET_KEYS="dev", DEVELOPMENT=value)


def test_no_key_is_refused_on_a_developers_machine_too(toml: Path):
    assert refused(toml, SECRET_KEYS="", DEVELOPMENT="1") == ["GATEKEEPER_SECRET_KEYS"]


@pytest.mark.row("SE-18")
@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666, 0o602, 0o620, 0o777])
def test_a_key_file_that_others_can_read_or_change_is_refused(toml: Path, mode: int):
    file = key_file(toml, KEY, mode)

    error = refusal(toml, SECRET_KEYS="", SECRET_KEYS_FILE=file)

    assert [problem.fix for problem in error.problems] == [f"chmod 600 {file}"]


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_file_of_its_owner_alone_is_read(toml: Path, mode: int):
    file = key_file(toml, KEY, mode)

    assert load(toml, SECRET_KEYS="", SECRET_KEYS_FILE=file).keys == (KEY,)


def test_a_key_file_that_is_not_there_is_reported(toml: Path):
    assert refused(toml, SECRET_KEYS_FILE=str(toml.with_name("none"))) == ["GATEKEEPER_SECRET_KEYS_FILE"]


def test_a_key_file_that_is_no_text_is_reported(toml: Path):
    file = Path(key_file(toml, ""))
    file.write_bytes(b"\xff\xfe\x00")

    assert refused(toml, SECRET_KEYS_FILE=str(file)) == ["GATEKEEPER_SECRET_KEYS_FILE"]


@pytest.mark.row("SE-18")
@pytest.mark.parametrize("text", ["secret\n", "tooshortbutvaried0\n", "\n", ""])
def test_keys_in_a_file_must_be_as_good(toml: Path, text: str):
    assert refused(toml, SECRET_KEYS="", SECRET_KEYS_FILE=key_file(toml, text))


# --- proxies


@pytest.mark.row("SE-10")
def test_proxies_are_addresses_and_networks(toml: Path):
    config = load(toml, TRUSTED_PROXIES=" 127.0.0.1 , 10.0.0.0/8, ::1,fd00::/8 ,")

    assert config.trusted_proxies == tuple(
        ipaddress.ip_network(network) for network in ("127.0.0.1/32", "10.0.0.0/8", "::1/128", "fd00::/8")
    )


@pytest.mark.row("SE-10")
@pytest.mark.parametrize(
    "proxy", ["*", "localhost", "10.0.0.1/8", "10.0.0.0/33", "1.2.3", "10.0.0.0-10.0.0.9", "::1/x"]
)
def test_a_proxy_that_is_no_network_is_refused(toml: Path, proxy: str):
    error = refusal(toml, TRUSTED_PROXIES=f"127.0.0.1,{proxy}")

    assert [(problem.key, problem.value) for problem in error.problems] == [("GATEKEEPER_TRUSTED_PROXIES", proxy)]


def test_every_bad_proxy_is_reported(toml: Path):
    assert len(refused(toml, TRUSTED_PROXIES="a,127.0.0.1,b,c")) == 3


# --- prefix


@pytest.mark.parametrize(
    ("given", "prefix"), [("/gk", "/gk"), ("/gk/", "/gk"), ("/a/b-c_d", "/a/b-c_d"), ("/Privacy2", "/Privacy2")]
)
def test_a_prefix_is_a_path(toml: Path, given: str, prefix: str):
    assert load(toml, PREFIX=given).prefix == prefix


@pytest.mark.parametrize(
    "prefix",
    ["", "/", "gk", "/g k", "/gk?x", "/gk//x", "/../gk", "/gk.js", "/%67k", "/gk\n", "/g\u00e9", "/\u0661", "/-<"],
)
def test_another_prefix_is_refused(toml: Path, prefix: str):
    assert refused(toml, PREFIX=prefix) == ["GATEKEEPER_PREFIX"]


# --- the file


def test_a_site_is_not_called_as_the_prefix_is(toml: Path):
    assert refused(toml, PREFIX="/shop/gk") == ["sites.shop"]
    assert load(toml, PREFIX="/gk/shop").prefix == "/gk/shop"


def test_a_file_that_is_not_there_says_how_to_begin(tmp_path: Path):
    error = refusal(tmp_path / "gatekeeper.toml")

    assert "gatekeeper init" in error.problems[0].fix


@pytest.mark.parametrize("content", [b"[sites", b"a = ", b"\xff\xfe", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_reported(toml: Path, content: bytes):
    toml.write_bytes(content)

    assert len(refused(toml)) == 1


def test_a_folder_is_no_file(tmp_path: Path):
    assert refused(tmp_path) == ["GATEKEEPER_CONFIG"]


# --- all at once


@pytest.mark.row("SE-18")
def test_every_mistake_is_reported_with_the_file_it_is_in(toml: Path):
    toml.write_text(TOML.replace('name = "The Shop"', 'ip = "partial"'))

    error = refusal(toml, SECRET_KEYS="secret,short", TRUSTED_PROXIES="*", PREFIX="gk")

    assert [problem.key for problem in error.problems] == [
        "sites.shop.name",
        "sites.shop.ip",
        "GATEKEEPER_SECRET_KEYS, key 1 of 2",
        "GATEKEEPER_SECRET_KEYS, key 2 of 2",
        "GATEKEEPER_TRUSTED_PROXIES",
        "GATEKEEPER_PREFIX",
    ]
    assert str(error).startswith("6 mistakes in the configuration\n")
    assert str(error).count(str(toml)) == 6
    assert isinstance(error, ConfigError)


def test_one_mistake_is_called_one(toml: Path):
    assert str(refusal(toml, PREFIX="gk")).startswith("1 mistake in the configuration\n")


# --- operations


def test_staff_hosts_are_names_in_lower_case_without_brackets(toml: Path):
    assert load(toml).staff_hosts == ()
    assert load(toml, STAFF_HOSTS="Staff.Internal, 10.0.0.7,[::1]").staff_hosts == ("staff.internal", "10.0.0.7", "::1")


@pytest.mark.parametrize(
    "host", ["https://staff.internal", "staff.internal:8100", "staff.internal/x", "*", "a b", "-a"]
)
def test_a_staff_host_is_a_name_and_nothing_else(toml: Path, host: str):
    assert refused(toml, STAFF_HOSTS=host) == ["GATEKEEPER_STAFF_HOSTS"]


def test_a_sites_own_host_is_never_staffs(toml: Path):
    (problem,) = refusal(toml, STAFF_HOSTS="staff.internal,SHOP.example").problems

    assert (problem.key, problem.value) == ("GATEKEEPER_STAFF_HOSTS", "shop.example")
    assert "shop" in problem.rule


@pytest.mark.parametrize(("text", "limit"), [("", RATE_LIMIT), ("0", 0), ("120", 120)])
def test_the_rate_limit_is_a_number(toml: Path, text: str, limit: int):
    assert load(toml, RATE_LIMIT=text).rate_limit == limit


@pytest.mark.parametrize("text", ["-1", "many", "1.5", "1e9", "²", "9999999999"])
def test_a_rate_limit_that_is_none_is_refused(toml: Path, text: str):
    assert refused(toml, RATE_LIMIT=text) == ["GATEKEEPER_RATE_LIMIT"]


def test_the_form_of_the_log_is_one_of_two(toml: Path):
    assert [load(toml, LOG=form).log for form in ("", "json", "text")] == ["", "json", "text"]
    assert refused(toml, LOG="xml") == ["GATEKEEPER_LOG"]
