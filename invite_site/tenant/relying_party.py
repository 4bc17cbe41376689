"""This site as an OpenID Connect relying party: Authlib, and the checks that Authlib leaves open.

A login begins with a transaction in the database and ends with an `Identity`. What the tenant
says about itself and about the person is believed only after it was checked here.
"""

import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskIntegration
from authlib.integrations.flask_client.apps import FlaskOAuth2App
from authlib.integrations.requests_client import OAuth2Session
from flask import g, session
from joserfc.errors import JoseError
from requests.adapters import HTTPAdapter

from ..accounts.sessions import Identity, Sessions
from ..errors import LoginError, TenantUnreachable
from ..settings import Settings, is_loopback

log = logging.getLogger(__name__)

SCOPE = "openid profile email"
TIMEOUT = (3.0, 5.0)  # seconds to connect, to answer; somebody is looking at a blank page
LEEWAY = 30  # seconds that the clocks may differ
KEYS_EVERY = 60.0  # seconds between two looks for new keys, whatever key ids tokens name
POOL = 10

# The tenant does not answer, or answers what nobody can read, such as a list for a document.
UNREADABLE = (
    requests.RequestException,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
)

# What RFC 6749 §4.1.2.1, OpenID Connect §3.1.2.6 and Auth0 say at the callback. Anything else is
# somebody's text.
KNOWN_REFUSALS = frozenset(
    {
        "access_denied",
        "unauthorized",
        "login_required",
        "consent_required",
        "interaction_required",
        "account_selection_required",
        "invalid_request",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
    }
)


class RelyingParty:
    """Begins and ends logins at the tenant of the settings."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self._settings = settings
        self._sessions = sessions
        self._client = _Client(settings)
        # Writes authorization requests; kept, since Authlib's client makes a session for each.
        self._requests = OAuth2Session(
            settings.client_id,
            redirect_uri=settings.callback_url,
            scope=SCOPE,
            code_challenge_method="S256",
        )

    def begin(
        self,
        *,
        content: Mapping[str, Any],
        login_hint: str | None = None,
        prompt: str | None = None,
        connection: str | None = None,
    ) -> str:
        """The address at the tenant that this browser is to be sent to.

        `content` comes back from `take`. Raises TenantUnreachable, LoginError.
        """
        hints = {"login_hint": login_hint, "prompt": prompt, "connection": connection}
        try:
            endpoint = str(self._client.load_server_metadata()["authorization_endpoint"])
        except UNREADABLE as failed:
            raise TenantUnreachable from failed
        if not endpoint.startswith(f"{self._settings.tenant_url}/"):
            raise LoginError("wrong_issuer")
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        url, state = self._requests.create_authorization_url(
            endpoint,
            state=secrets.token_urlsafe(24),
            nonce=nonce,
            code_verifier=verifier,
            **{name: value for name, value in hints.items() if value},
        )
        # What Authlib's `authorize_access_token` looks for, and our own content beside it.
        self._sessions.begin_login(
            state,
            browser_key(),
            {
                "redirect_uri": self._settings.callback_url,
                "nonce": nonce,
                "code_verifier": verifier,
                "content": dict(content),
            },
        )
        return str(url)

    def take(self, state: str) -> dict[str, Any] | None:
        """The `content` of the login with this state, once, and only in the browser that began it."""
        transaction = self._sessions.take_login(state, session.get("browser", ""))
        if transaction is None:
            return None
        g.login_transaction = transaction
        return dict(transaction["content"])

    def finish(self, answer: Mapping[str, str]) -> Identity:
        """Who signed in, given the callback's query, after `take`.

        Raises LoginError with a code of ours, or TenantUnreachable.
        """
        try:
            metadata = self._client.load_server_metadata()
            self._check_sender(answer.get("iss"), metadata)
            if error := answer.get("error"):
                raise LoginError(error if error in KNOWN_REFUSALS else "refused")
            if not answer.get("code"):
                raise LoginError("refused")
            token = self._client.authorize_access_token(
                claims_options={"iss": {"essential": True, "values": [self._settings.issuer]}},
                leeway=LEEWAY,
            )
            return self._identity(token.get("userinfo"))
        except OAuthError as refused:
            code = "invalid_grant" if refused.error == "invalid_grant" else "token_refused"
            raise LoginError(code) from refused
        except JoseError as refused:
            raise LoginError("token_invalid") from refused
        except UNREADABLE as failed:
            raise TenantUnreachable from failed

    def logout_url(self, tenant_sid: str) -> str | None:
        """Where the tenant ends its own session, or None while it cannot be asked.

        `logout_hint` with the session's `sid` spares the question whether to sign out, and with
        it no token needs to be kept (OpenID Connect RP-Initiated Logout §2).
        """
        home = f"{self._settings.site_url}/"
        try:
            endpoint = self._client.load_server_metadata().get("end_session_endpoint")
        except (*UNREADABLE, LoginError):
            return None
        if not endpoint:  # Auth0 tenants from before November 2023
            words = {"client_id": self._settings.client_id, "returnTo": home}
            return f"{self._settings.tenant_url}/v2/logout?{urlencode(words)}"
        words = {"client_id": self._settings.client_id, "post_logout_redirect_uri": home}
        if tenant_sid:
            words["logout_hint"] = tenant_sid
        return f"{endpoint}?{urlencode(words)}"

    def _check_sender(self, iss: str | None, metadata: Mapping[str, Any]) -> None:
        """RFC 9207: an answer that names its sender, or should, must come from our tenant."""
        promised = metadata.get("authorization_response_iss_parameter_supported") is True
        if (iss is not None or promised) and iss != self._settings.issuer:
            raise LoginError("wrong_issuer")

    def _identity(self, claims: Mapping[str, Any] | None) -> Identity:
        """The person of a verified ID token, where it says all that we asked for.

        Authlib passes a missing token, an empty `sub`, and an audience that is not us or not us
        alone (OpenID Connect Core §3.1.3.7).
        """
        if not claims:
            raise LoginError("token_missing")
        sub = claims.get("sub")
        if not isinstance(sub, str) or not sub or _text(sub) != sub:
            raise LoginError("token_invalid")
        if claims.get("aud") not in (self._settings.client_id, [self._settings.client_id]):
            raise LoginError("token_invalid")
        return Identity(
            sub=sub,
            email=_text(claims.get("email")),
            email_verified=claims.get("email_verified") is True,
            name=_text(claims.get("name")),
            tenant_sid=_text(claims.get("sid")),
            has_admin_role=self._has_admin_role(claims),
        )

    def _has_admin_role(self, claims: Mapping[str, Any]) -> bool:
        claim, role = self._settings.admin_role_claim, self._settings.admin_role
        held = claims.get(claim) if claim else None
        return bool(role) and (held == role or (isinstance(held, list) and role in held))


def browser_key() -> str:
    """A random name of this browser, in its signed cookie; logins under way are bound to it."""
    if "browser" not in session:
        session["browser"] = secrets.token_urlsafe(16)
    return str(session["browser"])


class _Transactions(FlaskIntegration):
    """Authlib's door for the state of a login. Ours is the database, and `take` has been there."""

    def get_state_data(self, session: Any, state: str) -> dict[str, Any] | None:
        taken: dict[str, Any] | None = g.get("login_transaction")
        return taken

    def clear_state_data(self, session: Any, state: str) -> None:
        g.pop("login_transaction", None)


class _Client(FlaskOAuth2App):
    """Authlib's client with one pool of connections for all logins and checked metadata."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            _Transactions("auth0"),
            "auth0",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=settings.metadata_url,
            client_kwargs={
                "scope": SCOPE,
                "default_timeout": TIMEOUT,
            },
        )
        self._issuer = settings.issuer
        self._is_local = is_loopback(settings.tenant_url)
        self._connections = _KeptConnections(pool_maxsize=POOL)
        self._keys_asked_again_at = float("-inf")

    def load_server_metadata(self) -> dict[str, Any]:
        """The discovery document, if it is our tenant's own (OpenID Connect Discovery §4.3).

        It may list algorithms as it likes: the ID token is RS256, or it is nobody's.
        """
        metadata: dict[str, Any] = super().load_server_metadata()
        if metadata.get("issuer") != self._issuer:
            self.server_metadata = {}
            log.error("the discovery document names another issuer than AUTH0_DOMAIN")
            raise LoginError("wrong_issuer")
        metadata["id_token_signing_alg_values_supported"] = ["RS256"]
        return metadata

    def fetch_jwk_set(self, force: bool = False) -> Any:
        """The tenant's keys. An unknown key id asks for them again, but not once a token."""
        now = time.monotonic()
        if force and now - self._keys_asked_again_at < KEYS_EVERY:
            force = False
        if force:
            self._keys_asked_again_at = now
        keys = super().fetch_jwk_set(force=force)
        if not isinstance(keys, dict) or not isinstance(keys.get("keys"), list):
            self.server_metadata.pop("jwks", None)  # or it would be kept for the process's life
            raise ValueError("The tenant's keys cannot be read.")
        return keys

    def _get_session(self) -> Any:
        return self._with_kept_connections(super()._get_session())  # type: ignore[misc]  # not in the stubs

    def _get_oauth_client(self, **metadata: Any) -> Any:
        return self._with_kept_connections(super()._get_oauth_client(**metadata))  # type: ignore[misc]  # not in the stubs

    def _with_kept_connections(self, session: Any) -> Any:
        session.mount("https://", self._connections)
        session.mount("http://", self._connections)
        if self._is_local:
            session.trust_env = False  # a proxy of the environment does not know this machine
        return session


class _KeptConnections(HTTPAdapter):
    """Authlib opens and closes a session for each login; the connections outlive it here."""

    def close(self) -> None:
        pass


def _text(value: object) -> str:
    """The claim as text that can be stored and shown; anything else as none."""
    return "".join(c for c in value if c.isprintable()) if isinstance(value, str) else ""
