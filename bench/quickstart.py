"""What the site is measured against: Auth0's Flask quickstart, as somebody would copy it.

Authlib as it comes: state in the session cookie, no PKCE, a new HTTP session for each login.
"""

import secrets
from collections.abc import Mapping

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for
from werkzeug.wrappers import Response


def create_app(environment: Mapping[str, str]) -> Flask:
    """The quickstart's site, for the tenant of these variables."""
    app = Flask(__name__)
    app.secret_key = secrets.token_hex()
    oauth = OAuth(app)
    oauth.register(
        "auth0",
        client_id=environment["AUTH0_CLIENT_ID"],
        client_secret=environment["AUTH0_CLIENT_SECRET"],
        client_kwargs={"scope": "openid profile email"},
        server_metadata_url=f"{environment['AUTH0_DOMAIN']}/.well-known/openid-configuration",
    )

    @app.get("/login")
    def login() -> Response:
        answer: Response = oauth.auth0.authorize_redirect(
            redirect_uri=url_for("callback", _external=True)
        )
        return answer

    @app.get("/callback")
    def callback() -> Response:
        token = oauth.auth0.authorize_access_token()
        session["user"] = token["userinfo"]
        return redirect("/")

    @app.get("/")
    def home() -> str:
        return f"Hello {session.get('user', {}).get('name', 'stranger')}"

    return app
