"""The userinfo endpoint of OpenID Connect."""

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from ..tenant import current_tenant
from .jwts import profile_claims

bp = Blueprint("userinfo", __name__)


@bp.route("/userinfo", methods=["GET", "POST"])
def userinfo() -> ResponseReturnValue:
    tenant = current_tenant()
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    holder = tenant.codes.holder(token) if kind.lower() == "bearer" else None
    user = tenant.users.get(holder[0]) if holder else None
    if holder is None or user is None:
        return Response("Unauthorized", status=401, mimetype="text/plain")
    sub = user.user_id
    if tenant.misbehaviours.take("userinfo_sub_differs"):
        sub = "auth0|somebody-else"
    return {"sub": sub, **profile_claims(user, holder[1])}
