"""Auth0's Flask quickstart, as somebody would copy it: it knows nothing of this project.

Authlib as it comes: state in the session cookie, no PKCE, a new HTTP session for each login.
The bench compares the site with it; a test signs in with it. Run from anywhere as
`python quickstart.py PORT`; AUTH0_* come from the environment.
"""

import os
import sys
from urllib.parse import quote_plus, urlencode

from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for

app = Flask(__name__)
app.secret_key = os.urandom(24)
app.config["SESSION_COOKIE_NAME"] = "quickstart"

domain = os.environ["AUTH0_DOMAIN"]
base = domain if "://" in domain else f"https://{domain}"
oauth = OAuth(app)
oauth.register(
    "auth0",
    client_id=os.environ["AUTH0_CLIENT_ID"],
    client_secret=os.environ["AUTH0_CLIENT_SECRET"],
    client_kwargs={"scope": "openid profile email"},
    server_metadata_url=f"{base}/.well-known/openid-configuration",
)


@app.get("/login")
def login():
    return oauth.auth0.authorize_redirect(redirect_uri=url_for("callback", _external=True))


@app.get("/callback")
def callback():
    token = oauth.auth0.authorize_access_token()
    session["user"] = token["userinfo"]
    return redirect("/")


@app.get("/logout")
def logout():
    session.clear()
    back = {"returnTo": url_for("home", _external=True), "client_id": os.environ["AUTH0_CLIENT_ID"]}
    return redirect(f"{base}/v2/logout?{urlencode(back, quote_via=quote_plus)}")


@app.get("/")
def home():
    return {"user": session.get("user")}


if __name__ == "__main__":
    from waitress import serve

    print("Ready", flush=True)
    serve(app, host="127.0.0.1", port=int(sys.argv[1]))
