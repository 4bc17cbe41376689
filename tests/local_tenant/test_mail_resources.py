"""What configures the tenant's mail over the Management API: templates, and the provider."""

from .client import TenantClient, refused
from .contract import contract

TEMPLATE = {
    "template": "reset_email",
    "body": "<p>{{ url }}</p>",
    "from": "Acme <no-reply@acme.test>",
    "subject": "Hello",
    "syntax": "liquid",
    "enabled": True,
}


@contract("§5.2", "email templates: 404 when absent, POST 200 then 409, PUT and PATCH 200")
def test_it_works(setup: TenantClient) -> None:
    """With exactly what was sent."""
    path = "/email-templates/reset_email"
    absent = (404, "The template does not exist.", "inexistent_email_template")
    assert refused(setup.api("GET", path)) == absent
    assert refused(setup.api("PATCH", path, {"enabled": False})) == absent

    made = setup.api("POST", "/email-templates", TEMPLATE)

    assert (made.status_code, made.json()) == (200, TEMPLATE)
    again = setup.api("POST", "/email-templates", TEMPLATE)
    assert refused(again) == (409, "Template reset_email already exists.", None)
    patched = setup.api("PATCH", path, {"resultUrl": "https://a.test", "subject": "Hi"}).json()
    assert patched == {**TEMPLATE, "resultUrl": "https://a.test", "subject": "Hi"}
    assert setup.api("PUT", path, TEMPLATE).json() == TEMPLATE
    lacking = setup.api("PUT", path, {"template": "reset_email"})
    told = "Payload validation error: 'Missing required property: body'."
    assert refused(lacking) == (400, told, "invalid_body")
    assert refused(setup.api("GET", "/email-templates/other"))[::2] == (400, "invalid_uri")


@contract("§5.2", "403 on a template's `resultUrl` for tenants made since 2026-05-05 (switch)")
def test_a_template_may_not_lead_anywhere_by_order(setup: TenantClient) -> None:
    """Only with the switch; the rest of the template is welcome."""
    setup.control("PUT", "/switches", {"template_result_url_barred": True})
    told = "Customizations for resultUrl are not allowed for non-enterprise tenants"

    answer = setup.api("POST", "/email-templates", {**TEMPLATE, "resultUrl": "https://a.test"})

    assert refused(answer)[:2] == (403, told)
    assert setup.api("POST", "/email-templates", TEMPLATE).status_code == 200


@contract("§5.4", "the mail provider: 404, 201 without the password, 409, PATCH, 204")
def test_a_provider_is_configured(setup: TenantClient) -> None:
    """The password goes in and never comes out."""
    path = "/emails/provider"
    absent = (404, "There is not a configured email provider", "inexistent_email_provider")
    assert refused(setup.api("GET", path)) == absent
    login = {"smtp_host": "smtp.acme.test", "smtp_port": 587, "smtp_user": "u"}
    order = {
        "name": "smtp",
        "enabled": True,
        "default_from_address": "no-reply@acme.test",
        "credentials": {**login, "smtp_pass": "p"},
    }

    made = setup.api("POST", path, order)

    assert (made.status_code, made.json()) == (201, {**order, "credentials": login})
    assert setup.api("POST", path, order).status_code == 409
    assert setup.api("PATCH", path, {"enabled": False}).json()["enabled"] is False
    assert setup.api("GET", path).json()["credentials"] == login
    odd = {**order, "credentials": {**login, "smtp_password": "p"}}
    assert refused(setup.api("PATCH", path, odd))[2] == "invalid_body"
    assert setup.api("DELETE", path).status_code == 204
    assert refused(setup.api("GET", path)) == absent
