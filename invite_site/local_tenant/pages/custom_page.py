"""The customised password page: stored HTML, with a replacement of Auth0's widget.

Only this page may have inline scripts and styles. Its script tags get a nonce before values
are rendered into it, so that a script tag in a value has none.
"""

import re
import secrets

from flask import Response, make_response, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from ..tenant import Tenant
from ..web import form_origins, message_page

_SCRIPT = re.compile(r"<script\b", re.IGNORECASE)
# Any version of the widget, from Auth0's CDN.
_WIDGET = re.compile(r"(?:https:)?//cdn\.auth0\.com/js/change-password-[0-9.]+(?:\.min)?\.js")
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)


def custom_page(tenant: Tenant, code: str, email: str) -> Response | None:
    """The stored page for a ticket, or None where none is stored or it is switched off."""
    settings = tenant.settings.get()
    stored = settings["change_password"]
    source = str(stored.get("html") or "")
    if not stored.get("enabled") or not source.strip():
        return None
    from ..mail.liquid import BadTemplate, render_markup  # slow to import

    nonce = secrets.token_urlsafe(16)
    source = _SCRIPT.sub(f'<script nonce="{nonce}"', source)
    source = _WIDGET.sub(url_for("static", filename="change-password.js"), source)
    shown = ("friendly_name", "picture_url", "support_email", "support_url")
    context = {
        "email": email,
        "ticket": code,
        "csrf_token": generate_csrf(),
        "password_policy": tenant.connection.password_policy.name,
        # Rendered into a script without escaping; it contains no input.
        "password_complexity_options": Markup('{"min_length":%d}')
        % tenant.connection.password_policy.shortest,
        "lang": request.accept_languages.best_match(settings["enabled_locales"]) or "en",
        "tenant": {
            "name": tenant.tenant_name,
            "colors": settings.get("colors") or {},
            **{name: settings.get(name) or "" for name in shown},
        },
    }
    try:
        page = render_markup(source, context)
    except BadTemplate as error:
        text = f"The customised password page cannot be rendered: {error}"
        return message_page("The password page is broken", text, 500)
    # Without JavaScript a plain form replaces the widget (ours).
    plain = render_template("plain_form.html", code=code, email=email)
    end = _BODY_END.search(page)
    cut = end.start() if end else len(page)
    response = make_response(page[:cut] + plain + page[cut:])
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; connect-src 'self';"
        " style-src 'self' 'unsafe-inline' https:; font-src https: data:;"
        " img-src 'self' https: data:; base-uri 'none'; frame-ancestors 'none';"
        f" form-action {form_origins(tenant)}"
    )
    return response
