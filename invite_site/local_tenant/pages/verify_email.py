"""The link of the verification mail, which a new user gets unless whoever made them says otherwise."""

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from ..mail.sender import send
from ..store.users import User
from ..tenant import Tenant, current_tenant
from ..web import message_page

bp = Blueprint("verify_email", __name__)

# Auth0's default for the link of this mail.
_LIFE_SECONDS = 432_000


def send_verification_mail(tenant: Tenant, user: User) -> None:
    """Mail the link; a failure is only logged."""
    ends = int(tenant.clock.now()) + _LIFE_SECONDS
    url = f"{tenant.url}/lo/verify_email?ticket={_signer().dumps([user.user_id, user.email, ends])}"
    text, html = (
        render_template(f"verification_mail.{kind}", url=url, user=user) for kind in ("txt", "html")
    )
    send(tenant, user, "verify_email", subject="Verify your email", text=text, html=html)


@bp.get("/lo/verify_email")
def verify() -> ResponseReturnValue:
    """Mark the address as verified, while it is still the user's."""
    tenant = current_tenant()
    try:
        user_id, email, ends = _signer().loads(request.args.get("ticket", ""))
    except BadSignature:
        return message_page("This link does not work", "Copy the whole link out of the mail.", 400)
    if ends <= tenant.clock.now():
        return message_page("This link has expired", "Access expired.", 400)
    user = tenant.users.get(user_id)
    if user is None or user.email != email:
        return message_page("This link does not work", "The account has changed meanwhile.", 400)
    if not user.email_verified:
        tenant.users.update(user_id, {"email_verified": True})
        tenant.logs.write("sv", "Your email was verified.", user=user)
    return message_page("Your email address is verified", f"{email} is verified now.")


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt="verify-email")
