"""Every form of the tenant has to carry the token of the browser that it was sent from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from invite_site.local_tenant import TenantConfig, create_tenant

# Programs and other sites call these; logout asks first where the token is missing.
WITHOUT_TOKEN = {
    "/authorize",
    "/dbconnections/change_password",
    "/oauth/token",
    "/oidc/logout",
    "/userinfo",
}
LOGIN_FORMS = {"/login", "/u/login/identifier", "/u/login/password"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_tenant(TenantConfig(database=tmp_path / "tenant.db", control=True))
    yield app
    app.extensions["local_tenant"].close()


def test_a_form_without_its_token_is_refused_everywhere(app: Flask) -> None:
    """Whatever else it holds; a login is then to be started again."""
    paths = {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    forms = {
        path
        for path in paths - WITHOUT_TOKEN
        if path.startswith("/_tenant/dashboard/") or not path.startswith(("/api/v2/", "/_tenant/"))
    }
    assert paths > WITHOUT_TOKEN | LOGIN_FORMS
    for path in forms:
        for token in ("", "forged"):
            answer = app.test_client().post(path, data={"_csrf": token, "email": "a@example.com"})
            expected = (400, "Start again") if path in LOGIN_FORMS else (403, "Open the link again")
            assert (answer.status_code, expected[1] in answer.text) == (expected[0], True), path


@pytest.mark.parametrize("path", sorted(WITHOUT_TOKEN))
def test_programs_and_sites_need_no_token(app: Flask, path: str) -> None:
    """They are answered by the view itself."""
    text = app.test_client().post(path).text
    assert "Open the link again" not in text
    assert "Start again" not in text
