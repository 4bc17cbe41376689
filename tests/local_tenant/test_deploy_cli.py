"""Auth0's Deploy CLI exports the local tenant: the calls that it makes, as its own tests record them."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from .client import TenantClient
from .contract import contract

CALLS = Path(__file__).with_name("deploy_cli_calls.txt")
PROMPTS = (
    "login-password", "login", "login-id", "login-email-verification", "login-passwordless", "signup",
    "signup-id", "signup-password", "phone-identifier-challenge", "phone-identifier-enrollment",
    "email-identifier-challenge", "reset-password", "consent", "customized-consent", "custom-form",
    "logout", "mfa-voice", "mfa-otp", "mfa-push", "mfa-webauthn", "mfa-phone", "mfa-sms", "mfa-email",
    "mfa-recovery-code", "status", "device-flow", "email-verification", "mfa", "email-otp-challenge",
    "organizations", "invitation", "common", "captcha", "passkeys", "brute-force-protection",
)  # fmt: skip
# What the contract covers: all that an export of a tenant for invitations has to find.
COVERED = (
    "/clients", "/tenants/settings", "/resource-servers", "/connections?", "/connections/", "/client-grants",
    "/roles", "/prompts?",
)  # fmt: skip
# Auth0 says so too of a mail provider and of templates that nobody has set.
NONE_THERE = (
    "not_supported_by_local_tenant",
    "inexistent_email_template",
    "inexistent_email_provider",
)


def calls(connection: str, languages: list[str]) -> Iterator[str]:
    """The paths, with their places filled."""
    for line in CALLS.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        for prompt in PROMPTS if "{prompt}" in line else ("",):
            for language in languages if "{language}" in line else ("",):
                yield line.format(connection=connection, prompt=prompt, language=language)


@contract("§1.3", "an export by the Deploy CLI meets no answer that an official client repeats")
def test_an_export_ends(setup: TenantClient) -> None:
    """Each call is answered once: a client waits and tries again after 429 and 5xx, up to minutes."""
    (connection,) = setup.api("GET", "/connections").json()
    languages = setup.api("GET", "/tenants/settings").json()["enabled_locales"]
    answers = {path: setup.api("GET", path) for path in calls(connection["id"], languages)}
    assert len(answers) >= 70 + len(PROMPTS)
    assert {answer.status_code for answer in answers.values()} <= {200, 404}
    for path, answer in answers.items():
        if f"{path.partition('?')[0]}?".startswith(COVERED) or "custom-text" in path:
            assert answer.status_code == 200, (path, answer.text)
        elif answer.status_code == 404:
            assert answer.json()["errorCode"] in NONE_THERE, path


def test_no_application_stands_for_all(setup: TenantClient) -> None:
    """Auth0's global one holds a customised Classic login page, which is not built."""
    assert setup.api("GET", "/clients?include_totals=true&is_global=true").json()["total"] == 0
    assert setup.api("GET", "/clients?include_totals=true&is_global=false").json()["total"] == 3


def test_many_connections_that_are_kept_open_keep_nobody_out(tenant: TenantClient) -> None:
    """As those of clients that reuse none."""
    place = urlsplit(tenant.url)
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            address = (str(place.hostname), int(place.port or 0))
            stack.enter_context(socket.create_connection(address, timeout=10))
        assert tenant.api("GET", "/users").status_code == 200
