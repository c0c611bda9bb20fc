import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dj_database_url
import pytest
from pydantic import ValidationError

from butt.command import main
from butt.configuration import Configuration, configuration, kept_secret


def test_a_secret_is_made_only_once(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: kept_secret(tmp_path / "home" / "key"), range(40)))
    assert len(secrets) == 1
    assert stat.S_IMODE((tmp_path / "home" / "key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["key"]


def test_a_given_secret_is_used_and_never_shown():
    settings = Configuration(private_token="hush")
    assert settings.master_token() == "hush"
    assert "hush" not in repr(settings)


@pytest.mark.parametrize("url", ["mail.example.org", "smtp+tls://a:b@c", "", "ftp://a"])
def test_an_invalid_mail_server_is_refused(url: str):
    with pytest.raises(ValidationError, match="smtps://"):
        Configuration(email_url=url)


@pytest.mark.parametrize("ports", ["8100", "9000-8000", "0-10", "8100-70000", "a-b"])
def test_an_invalid_range_of_ports_is_refused(ports: str):
    with pytest.raises(ValidationError, match="first and the last port"):
        Configuration(pub_ports=ports)


def test_bots_use_loopback_by_default_and_names_under_a_domain():
    assert Configuration().bot_host("my") == "127.0.0.1"
    assert Configuration().bot_bind == "127.0.0.1"
    ours = Configuration(domain="example.org")
    assert (ours.bot_host("my"), ours.bot_bind) == ("my.example.org", "::")


@pytest.mark.parametrize("name", ["terms", "privacy", "imprint"])
def test_a_page_whose_address_is_invalid_is_refused(name: str):
    with pytest.raises(ValidationError, match="not the address of a page"):
        Configuration(**{name: "javascript:alert(1)"})


def test_an_invalid_contact_address_is_refused():
    with pytest.raises(ValidationError, match="not an email address"):
        Configuration(contact="nobody")


@pytest.mark.parametrize(
    ("currency", "given", "rate"),
    [("usd", 0, 1.15), ("eur", 0, 1.0), ("jpy", 0, None), ("jpy", 170, 170), ("usd", 1.2, 1.2)],
)
def test_a_euro_is_compared_in_the_currency_of_the_price(currency: str, given: float, rate: float | None):
    assert Configuration(currency=currency, euro=given).euro_in_currency == rate


@pytest.mark.parametrize("sign", list("/?#["))
@pytest.mark.parametrize("setting", ["database_url", "email_url"])
def test_a_password_that_breaks_a_url_is_explained_and_not_repeated(
    setting: str, sign: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    url = {
        "database_url": f"postgres://butt:hush{sign}hush@localhost/butt",
        "email_url": f"smtp://me:hush{sign}hush@mail.example.org:587",
    }[setting]
    monkeypatch.setenv(f"BUTT_{setting.upper()}", url)
    configuration.cache_clear()
    try:
        with pytest.raises(SystemExit) as ended:
            main(["sweep"])
    finally:
        configuration.cache_clear()
    assert ended.value.code == 78
    said = capsys.readouterr().err
    assert said.startswith(f"butt: BUTT_{setting.upper()}: ")
    assert "write %2F for /, %40 for @, %23 for #" in said
    assert "hush" not in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgres://butt:a%2Fb%40c%23d@localhost/butt", "a/b@c#d"),
        ("postgres://butt:a@b@localhost/butt", "a@b"),
        ("postgres:///butt", ""),
        ("postgres://butt@%2Frun%2Fpostgresql/butt", ""),
    ],
)
def test_valid_databases_are_accepted(url: str, password: str):
    parsed = dj_database_url.parse(Configuration(database_url=url).database)
    assert (parsed["NAME"], parsed["PASSWORD"]) == ("butt", password)


@pytest.mark.parametrize("url", ["sqlite:", "sqlite:///", "sqlite://butt.sqlite3"])
def test_a_file_for_the_database_that_is_none_is_refused(url: str):
    with pytest.raises(ValidationError, match="it names no file"):
        Configuration(database_url=url)


NUMBERS = [name for name, field in Configuration.model_fields.items() if field.annotation in {int, float}]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_nothing_can_be_reckoned_with_is_refused(name: str):
    for number in ("inf", "1e300", "nan", "-1", str(10**30)):
        with pytest.raises(ValidationError):
            Configuration(**{name: number})


@pytest.mark.parametrize(
    "domain", ["https://example.org", "example.org:8000", "my pubs", "", "a..org", "x\ny", "b\u00fccher.org"]
)
def test_a_domain_that_is_none_is_refused(domain: str):
    with pytest.raises(ValidationError):
        Configuration(domain=domain)


def test_a_domain_is_the_same_in_capital_letters():
    assert Configuration(domain="Example.ORG").bot_host("my") == "my.example.org"


@pytest.mark.parametrize("name", ["bind", "private_bind", "pub_bind", "salt_bind"])
def test_an_address_to_listen_on_that_is_none_is_refused(name: str):
    with pytest.raises(ValidationError, match="it is no IP address"):
        Configuration(**{name: "everywhere"})
    assert Configuration(**{name: "::"})


@pytest.mark.parametrize("master", ["salt.example.org:0", "salt.example.org:99999", "salt:port", "my salt"])
def test_a_salt_master_that_cannot_be_reached_is_refused(master: str):
    with pytest.raises(ValidationError, match="give the master's name or address"):
        Configuration(salt_master=master)


def test_a_text_stays_in_one_line():
    with pytest.raises(ValidationError, match="in one line"):
        Configuration(site_name="Our pubs\r\nBcc: everybody@example.org")


@pytest.mark.parametrize("url", ["mysql://a@b/c", "butt", "postgres://butt@localhost", "postgres://"])
def test_an_invalid_database_is_refused(url: str):
    with pytest.raises(ValidationError, match="postgres://user:password@host/name"):
        Configuration(database_url=url)


@pytest.mark.parametrize("url", ["example.org", "https://", "ftp://example.org"])
def test_an_invalid_address_of_the_service_is_refused(url: str):
    for setting in ("url", "private_url"):
        with pytest.raises(ValidationError, match="give an address like"):
            Configuration(**{setting: url})
