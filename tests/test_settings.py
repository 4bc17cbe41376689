"""Settings are read once, and every problem is told at once."""

import os
import re
import secrets
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from invite_site.errors import ConfigError
from invite_site.mailbox import Mailbox
from invite_site.settings import (
    DAY,
    ROOT,
    Delivery,
    LinkKind,
    Plan,
    ReturnTo,
    Settings,
    is_loopback,
)
from tests.support.users import ordinary_user
from tests.support.variables import GOOD, HERE

NEWER = "fedcba9876543210fedcba9876543210"
OLDER = GOOD["SECRET_KEY"]
# What `.env.example` shows of these is no default.
EXAMPLES = (
    "AUTH0_MANAGEMENT_DOMAIN", "TENANT_PLAN", "ADMIN_ROLE_CLAIM", "ADMIN_ROLE", "APP_URL",
    "CONTACT_EMAIL", "MAIL_TEMPLATES", "DATABASE_URL",
)  # fmt: skip


def test_it_works() -> None:
    """A bare domain becomes an issuer with its slash; what is not said has a default."""
    settings = Settings.from_env({**GOOD, "RATE_LIMIT_URL": "rediss://u:p@cache:6380/1"})
    assert settings.rate_limit_url == "rediss://u:p@cache:6380/1"
    assert Settings.from_env(GOOD).rate_limit_url == "memory://"
    assert settings.issuer == "https://acme.eu.auth0.com/"
    assert settings.management_audience == "https://acme.eu.auth0.com/api/v2/"
    assert settings.callback_url == "https://invite.example.com/callback"
    assert settings.result_url == "https://invite.example.com/invite/complete"
    assert settings.management_client_id == "cid"
    assert settings.invitation_ttl == 432000


def test_each_setting_has_the_value_of_its_variable(tmp_path: Path) -> None:
    """And no other."""
    read = Settings.from_env(
        {
            **GOOD,
            "SITE_PORT": "8000",
            "APP_URL": "https://app.example.com/",
            "CONTACT_EMAIL": "help@example.com",
            "AUTH0_MANAGEMENT_DOMAIN": "acme-1.eu.auth0.com",
            "AUTH0_MANAGEMENT_CLIENT_ID": "mid",
            "AUTH0_MANAGEMENT_CLIENT_SECRET": "secret-of-management",
            "AUTH0_CONNECTION": "Guests",
            "INVITATION_TTL_SECONDS": "86400",
            "REMINDER_SECONDS": "7200",
            "INVITE_RETURN": "login_route",
            "INVITE_LINK": "landing",
            "TENANT_PLAN": "free",
            "BATCH_MAX_ROWS": "7",
            "ADMIN_ROLE_CLAIM": "https://example.com/roles",
            "ADMIN_ROLE": "inviter",
            "DATABASE_URL": "postgresql://db.example.com/x",
            "MAIL_TEMPLATES": str(tmp_path),
            "RATE_LIMIT_URL": "redis://cache.example.com",
            "TRUSTED_PROXIES": "2",
            "METRICS_TOKEN": "t" * 32,
            "LOG_LEVEL": "ERROR",
        }
    )
    assert read == Settings(
        secret_keys=(GOOD["SECRET_KEY"],),
        site_url="https://invite.example.com",
        site_port=8000,
        app_name="Acme",
        app_url="https://app.example.com/",
        contact_email=Mailbox(address="help@example.com"),
        tenant_url="https://acme.eu.auth0.com",
        client_id="cid",
        client_secret="secret-of-the-client",
        management_url="https://acme-1.eu.auth0.com",
        management_client_id="mid",
        management_client_secret="secret-of-management",
        connection="Guests",
        invitation_ttl=86400,
        reminder=7200,
        invite_return=ReturnTo.LOGIN_ROUTE,
        link=LinkKind.LANDING,
        plan=Plan.FREE,
        batch_rows=7,
        admin_role_claim="https://example.com/roles",
        admin_role="inviter",
        database_url="postgresql://db.example.com/x",
        smtp_url="smtp://user:pass@mail.example.com:587",
        mail_from=Mailbox("Acme", "invitations@example.com"),
        mail_templates=tmp_path,
        rate_limit_url="redis://cache.example.com",
        trusted_proxies=2,
        metrics_token="t" * 32,
        log_level="ERROR",
    )


def test_the_defaults_are_those_of_the_example() -> None:
    """Where people read them; and those of the class, which a test begins with."""
    page = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^# ([A-Z0-9_]+)=(.+)$", page, re.MULTILINE))
    for name in EXAMPLES:
        del shown[name]
    settings = Settings.from_env(GOOD)
    assert Settings.from_env({**GOOD, **shown}) == settings
    defaults = {each.name: each.default for each in fields(Settings) if each.default is not MISSING}
    assert {name: getattr(settings, name) for name in defaults} == defaults
    here = Settings.from_env({**GOOD, "SITE_URL": "", "SITE_PORT": "8000"})
    assert here.site_url == "http://localhost:8000"


def test_every_problem_is_told_at_once() -> None:
    """One start shows everything there is to do."""
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({"SITE_URL": "http://invite.example.com", "SITE_PORT": "x"})
    text = str(caught.value)
    for name in ("SECRET_KEY", "APP_NAME", "AUTH0_DOMAIN", "SMTP_URL", "SITE_URL", "SITE_PORT"):
        assert name in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("METRICS_TOKEN", "short"),
        ("METRICS_TOKEN", "no header can carry this: 0123456789 é"),
        ("SITE_URL", "http://invite.example.com"),
        ("SITE_URL", "ftp://invite.example.com"),
        ("AUTH0_DOMAIN", "http://acme.example.com"),
        ("AUTH0_DOMAIN", "https://acme.example.com/path"),
        ("SMTP_URL", "mail.example.com"),
        ("INVITATION_TTL_SECONDS", "0"),
        ("INVITATION_TTL_SECONDS", "-5"),
        ("LOG_LEVEL", "LOUD"),
        ("ADMIN_ROLE", "inviter"),
        ("RATE_LIMIT_URL", "localhost:6379"),
        ("RATE_LIMIT_URL", "memcached://localhost"),
        ("RATE_LIMIT_URL", "redis://"),
        ("RATE_LIMIT_URL", "redis://user:password@"),
        ("RATE_LIMIT_URL", "redis://localhost:abc"),
        ("RATE_LIMIT_URL", "redis://localhost/name"),
        ("TRUSTED_PROXIES", "yes"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ],
)
def test_a_value_that_cannot_work_is_refused(name: str, value: str) -> None:
    """Better no start than one that fails at the first invitation."""
    with pytest.raises(ConfigError, match=name):
        Settings.from_env({**GOOD, name: value})


@pytest.mark.parametrize(
    "address",
    [
        "https://acme.example.com/#/notes",
        "https://acme.example.com/?from=invite",
        "https://acme.example.com/app?x=1#top",
        "http://localhost:5173/#/",
    ],
)
def test_the_application_may_live_behind_a_hash_or_a_query(address: str) -> None:
    """It is only a link, so it is led to as it stands."""
    assert Settings.from_env({**GOOD, "APP_URL": address}).app_url == address


@pytest.mark.parametrize("name", ["SITE_URL", "AUTH0_DOMAIN"])
@pytest.mark.parametrize("end", ["#/notes", "?from=invite", "/#/notes"])
def test_what_others_are_built_from_has_neither_hash_nor_query(name: str, end: str) -> None:
    """They would end up in the middle."""
    with pytest.raises(ConfigError, match=name):
        Settings.from_env({**GOOD, name: f"https://acme.example.com{end}"})


@pytest.mark.parametrize(
    ("name", "field", "least", "most"),
    [
        ("SITE_PORT", "site_port", 1, 65_535),
        ("INVITATION_TTL_SECONDS", "invitation_ttl", 60, 365 * DAY),
        ("REMINDER_SECONDS", "reminder", 60 * 60, 5 * DAY - 1),
        ("BATCH_MAX_ROWS", "batch_rows", 1, 100_000),
        ("TRUSTED_PROXIES", "trusted_proxies", 0, 5),
    ],
)
def test_a_number_may_stand_at_its_limits_and_not_beyond(
    name: str, field: str, least: int, most: int
) -> None:
    """A hop too many would let everybody write the address that they are counted by."""
    for good in (least, most):
        assert getattr(Settings.from_env({**GOOD, name: str(good)}), field) == good
    for bad in (least - 1, most + 1, "soon"):
        with pytest.raises(ConfigError, match=f"{name} must be "):
            Settings.from_env({**GOOD, name: str(bad)})


@pytest.mark.parametrize("keys", ["{0:.31}", "{0}, {1:.31}", "{1:.31}, {0}", ", "])
def test_each_secret_key_has_32_characters(keys: str) -> None:
    """Also one that only reads what was signed before; and there is one at least."""
    Settings.from_env({**GOOD, "SECRET_KEY": f"{NEWER:.32}, {OLDER:.32}"})
    with pytest.raises(ConfigError, match="SECRET_KEY must be at least 32"):
        Settings.from_env({**GOOD, "SECRET_KEY": keys.format(NEWER, OLDER)})


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "acme.example.com",
        "http://acme.example.com/#/",
        "https://a b/",
        "https:///notes",
        "https://acme.example.com:99999/",
        "https://acme.example.com/\u202eseton",
    ],
)
def test_the_application_is_a_web_address_all_the_same(address: str) -> None:
    """No script, no half address, nothing in the clear, and nothing that reads as another one."""
    with pytest.raises(ConfigError, match="APP_URL"):
        Settings.from_env({**GOOD, "APP_URL": address})


@pytest.mark.parametrize("domain", ["ACME.eu.Auth0.com", "https://ACME.EU.AUTH0.COM/"])
def test_a_domain_in_capitals_is_the_same_domain(domain: str) -> None:
    """Tokens name their issuer in small letters; another spelling would look like another issuer."""
    settings = Settings.from_env(
        {**GOOD, "AUTH0_DOMAIN": domain, "AUTH0_MANAGEMENT_DOMAIN": domain}
    )
    assert settings.issuer == "https://acme.eu.auth0.com/"
    assert settings.management_audience == "https://acme.eu.auth0.com/api/v2/"


@pytest.mark.parametrize(
    "address",
    ["HTTPS://Invite.Example.COM/", "https://invite.example.com", "Https://INVITE.example.com"],
)
def test_the_site_in_capitals_is_the_same_site(address: str) -> None:
    """Whether cookies are Secure and HSTS is sent hangs on how its address begins."""
    settings = Settings.from_env({**GOOD, "SITE_URL": address})
    assert settings.site_url == "https://invite.example.com"
    assert settings.is_https


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("HTTPS://[2001:DB8::7]:8443", "https://[2001:db8::7]:8443"),
        ("HTTP://LOCALHOST:3000/", "http://localhost:3000"),
    ],
)
def test_an_address_keeps_its_port(address: str, kept: str) -> None:
    """And the brackets of IPv6."""
    assert Settings.from_env({**GOOD, "SITE_URL": address}).site_url == kept


def test_a_host_of_other_letters_is_written_as_browsers_write_it() -> None:
    """The names of hosts stand in headers, and those take ASCII alone. A letter may be written as several
    signs."""
    names = ("SITE_URL", "AUTH0_DOMAIN", "AUTH0_MANAGEMENT_DOMAIN")
    domains = ("https://Łódź.example", "login.łódź.example", "łódź.example")
    settings = Settings.from_env({**GOOD, **dict(zip(names, domains, strict=True))})
    assert settings.site_url == "https://xn--d-uga0v4h.example"
    assert settings.issuer == "https://login.xn--d-uga0v4h.example/"
    assert settings.management_url == "https://xn--d-uga0v4h.example"
    apart = {**GOOD, "SITE_URL": "https://lo\u0301dz.example", "AUTH0_DOMAIN": "हिन्दी.example"}
    settings = Settings.from_env(apart)
    assert settings.site_url == "https://xn--ldz-gna.example"
    assert settings.issuer == "https://xn--j2bd4cyah0f.example/"


@pytest.mark.parametrize("name", ["SITE_URL", "AUTH0_DOMAIN", "AUTH0_MANAGEMENT_DOMAIN"])
@pytest.mark.parametrize("host", ["straße.example", "ł" * 70 + ".example"])
def test_a_host_of_other_letters_that_cannot_be_written_so_is_refused(name: str, host: str) -> None:
    """Of ß older rules make ss, which is the host of somebody else."""
    with pytest.raises(ConfigError, match=f"{name} .*xn--"):
        Settings.from_env({**GOOD, name: f"https://{host}"})


@pytest.mark.parametrize("name", ["SITE_URL", "AUTH0_DOMAIN"])
@pytest.mark.parametrize(
    "host",
    [
        "invite..example.com", ".example.com", "a" * 64 + ".example", "invite.example.com;",
        "invite.example.com,", '"invite.example.com', "“invite.example.com”", "invite!.example.com",
    ],
)  # fmt: skip
def test_a_host_that_there_cannot_be_is_refused(name: str, host: str) -> None:
    """Every request would be an error of Werkzeug, or the tenant would not answer, and the links of mails
    lead nowhere."""
    with pytest.raises(ConfigError, match=f"{name} must be a web address"):
        Settings.from_env({**GOOD, name: f"https://{host}"})
    longest = "a" * 63 + ".example"
    for good in ("invite.example.com.", "invite_site-2.example.com", longest, "[::1]", "192.0.2.7"):
        assert Settings.from_env({**GOOD, name: f"https://{good}"})


@pytest.mark.parametrize("name", ["SITE_URL", "AUTH0_DOMAIN"])
def test_an_address_holds_no_password(name: str) -> None:
    """It stands in headers and mails."""
    with pytest.raises(ConfigError, match=name) as refused:
        Settings.from_env({**GOOD, name: "https://user:word-of-hers@acme.example.com"})
    assert "word-of-hers" not in str(refused.value)


@pytest.mark.parametrize("level", ["debug", "Info", "WARNING", "error"])
def test_a_log_level_is_one_in_small_letters_too(level: str) -> None:
    """The logging of Python knows them in capitals alone."""
    assert Settings.from_env({**GOOD, "LOG_LEVEL": level}).log_level == level.upper()


def test_spaces_around_a_secret_are_no_part_of_it() -> None:
    """A file of Docker with the line ends of Windows leaves a \\r on each value."""
    settings = Settings.from_env({name: f"{value}\r" for name, value in GOOD.items()})
    assert (settings.client_id, settings.client_secret) == ("cid", "secret-of-the-client")
    assert settings.management_client_id == "cid"
    assert settings.management_client_secret == "secret-of-the-client"
    no_mail = {"SMTP_URL": "\r", "MAIL_FROM": "\r", "INVITE_DELIVERY": "tenant_email\r"}
    assert Settings.from_env({**GOOD, **no_mail}).delivery == Delivery.TENANT_EMAIL


@pytest.mark.parametrize("name", ["AUTH0_MANAGEMENT_CLIENT_ID", "AUTH0_MANAGEMENT_CLIENT_SECRET"])
def test_half_of_the_management_credentials_is_refused(name: str) -> None:
    """The other half would be that of the application that people sign in with, and `flask tenant apply`
    would give the permissions to that."""
    with pytest.raises(ConfigError, match="AUTH0_MANAGEMENT_CLIENT_SECRET belong together"):
        Settings.from_env({**GOOD, name: "half"})


@pytest.mark.parametrize("life", [str(2 * DAY), str(DAY)])
def test_a_reminder_that_no_invitation_lives_to_see_is_refused(life: str) -> None:
    """It would be sent to nobody."""
    env = {**GOOD, "REMINDER_SECONDS": str(2 * DAY)}
    with pytest.raises(ConfigError, match="REMINDER_SECONDS must be less than"):
        Settings.from_env({**env, "INVITATION_TTL_SECONDS": life})
    Settings.from_env({**env, "INVITATION_TTL_SECONDS": str(2 * DAY + 1)})


def test_plain_http_is_fine_on_this_machine() -> None:
    """The local tenant has no certificate and needs none."""
    settings = Settings.from_env(
        {**GOOD, "SITE_URL": "http://localhost:3000", "AUTH0_DOMAIN": "http://localhost:3001"}
    )
    assert settings.issuer == "http://localhost:3001/"


@pytest.mark.parametrize("host", ["127.example.com", "127.0.0.1.example.com"])
def test_a_name_that_begins_like_an_address_of_this_machine_is_none(host: str) -> None:
    """Whoever owns the domain says where it leads; no password and no link may go there in the clear."""
    with pytest.raises(ConfigError) as refused:
        Settings.from_env({**GOOD, "SITE_URL": f"http://{host}", "AUTH0_DOMAIN": f"http://{host}"})
    assert len(refused.value.problems) == 2
    with pytest.raises(ConfigError, match="only for a relay on this machine"):
        Settings.from_env({**GOOD, "SMTP_URL": f"smtp://{host}?verify=no"})
    assert is_loopback("http://127.0.0.1:3000")
    assert is_loopback("smtp://127.1")
    assert is_loopback("http://[::1]:3000")


def test_no_secret_stands_in_the_representation() -> None:
    """Settings end up in tracebacks and debuggers."""
    urls = {
        "RATE_LIMIT_URL": "redis://x:cache-secret@h",
        "DATABASE_URL": "postgresql://x:db-secret@h/x",
    }
    shown = repr(Settings.from_env({**GOOD, **urls}))
    assert "cache-secret" not in shown
    assert "db-secret" not in shown
    assert "secret-of-the-client" not in shown
    assert GOOD["SECRET_KEY"] not in shown
    assert "user:pass" not in shown


@pytest.mark.parametrize("sign", ["[", "]", "\uff1a", "\uff0f", "\u2100"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "smtp://user:geh{}eim@mail.example.com:587"),
        ("RATE_LIMIT_URL", "redis://user:geh{}eim@[cache:6379/0"),
        ("APP_URL", "https://user:geh{}eim@[app.example.com"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_password(
    name: str, value: str, sign: str
) -> None:
    """Its signs are to be percent-encoded; what is wrong goes into a log all the same."""
    with pytest.raises(ConfigError) as refused:
        Settings.from_env({**GOOD, name: value.format(sign)})
    (problem,) = refused.value.problems
    assert problem.startswith((f"{name} must be", f"{name} must look like"))
    assert "eim@" not in problem


def test_older_secret_keys_follow_the_newest() -> None:
    """Cookies signed with the key before the change stay good."""
    for end in ("", ", "):
        settings = Settings.from_env({**GOOD, "SECRET_KEY": f"{NEWER}, {OLDER}{end}"})
        assert settings.secret_keys == (NEWER, OLDER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_FROM", "Acme invitations"),
        ("MAIL_FROM", "i@bücher.example"),
        ("CONTACT_EMAIL", "help at acme"),
        ("SMTP_URL", "smtp://mail.example.com:abc"),
        ("SITE_URL", "https://invite.example.com:abc"),
    ],
)
def test_what_would_fail_with_the_first_mail_is_refused_at_the_start(name: str, value: str) -> None:
    """An address or port that nobody can use."""
    with pytest.raises(ConfigError, match=name):
        Settings.from_env({**GOOD, name: value})


@pytest.mark.parametrize(
    "address", ["https://acme.example.com/invite", "http://localhost:3000/a/b"]
)
def test_a_site_under_a_path_is_refused(address: str) -> None:
    """Its pages, cookies and links begin at the root of a host."""
    with pytest.raises(ConfigError, match="SITE_URL must have no path"):
        Settings.from_env({**GOOD, "SITE_URL": address})


@pytest.mark.parametrize(
    "key",
    [
        "a" * 40,
        "ab" * 20,
        "1234567" * 6,
        "changeme" * 5,
        "change-me-change-me-change-me-change-me",
        f"{NEWER}, {'a' * 32}",
    ],
)
def test_a_key_that_can_be_guessed_is_refused_where_others_reach_the_site(key: str) -> None:
    """Whoever guesses it signs cookies. On this machine alone it does no harm."""
    with pytest.raises(ConfigError, match=r"SECRET_KEY can be guessed.*token_hex") as refused:
        Settings.from_env({**GOOD, "SECRET_KEY": key})
    assert key not in str(refused.value)
    Settings.from_env({**GOOD, **HERE, "SECRET_KEY": key})


def test_a_key_that_was_made_at_random_is_taken() -> None:
    """Also one that happens to hold a word."""
    for _ in range(200):
        Settings.from_env({**GOOD, "SECRET_KEY": secrets.token_hex()})
    Settings.from_env({**GOOD, "SECRET_KEY": f"secret{secrets.token_hex()}"})


@pytest.mark.parametrize("value", ["1", "true", "yes", "on"])
def test_debug_mode_is_refused_where_others_reach_the_site(value: str) -> None:
    """Its console runs whatever a visitor types. `flask --debug` sets the same variable."""
    with pytest.raises(ConfigError, match=r"FLASK_DEBUG.*LOG_LEVEL=DEBUG"):
        Settings.from_env({**GOOD, "FLASK_DEBUG": value})
    Settings.from_env({**GOOD, **HERE, "FLASK_DEBUG": value})


@pytest.mark.parametrize("value", ["", "0", "false", "No"])
def test_debug_mode_that_is_off_is_off(value: str) -> None:
    """As Flask reads the variable."""
    Settings.from_env({**GOOD, "FLASK_DEBUG": value})


@pytest.mark.parametrize("name", ["APP_NAME", "AUTH0_CONNECTION", "ADMIN_ROLE", "CONTACT_EMAIL"])
def test_a_variable_in_another_encoding_is_named(name: str) -> None:
    """As a service file in Latin-1 sets it: no page and no mail could be written with it."""
    value = os.fsdecode("Müller".encode("latin-1"))
    with pytest.raises(ConfigError) as refused:
        Settings.from_env({**GOOD, "ADMIN_ROLE_CLAIM": "claim", "ADMIN_ROLE": "r", name: value})
    assert f"{name} is not UTF-8. Save what sets it as UTF-8." in refused.value.problems


def test_the_database_of_a_demo_is_not_that_of_a_site_by_default(tmp_path: Path) -> None:
    """What waits in it would be sent to real people by a real mail server."""
    env = {**GOOD, "DATABASE_URL": ""}
    settings = Settings.from_env(env, instance=tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/site.db"
    (tmp_path / "demo.env").touch()
    with pytest.raises(
        ConfigError, match=r"of a demo\. Run `make demo-reset`, or set DATABASE_URL"
    ):
        Settings.from_env(env, instance=tmp_path)
    Settings.from_env(env | {"DATABASE_URL": settings.database_url}, instance=tmp_path)


def test_a_folder_that_may_not_be_looked_into_holds_no_demo(tmp_path: Path) -> None:
    """That nothing can be written there is told where the database is opened."""
    folder = tmp_path / "instance"
    folder.mkdir(mode=0)
    with ordinary_user():
        Settings.from_env({**GOOD, "DATABASE_URL": ""}, instance=folder)
