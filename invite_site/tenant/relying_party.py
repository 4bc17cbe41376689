"""This site as an OpenID Connect relying party: Authlib, and the checks that Authlib leaves open.

A login begins with a transaction in the database and ends with an `Identity`. What the tenant
says about itself and about the person is believed only after it was checked here.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from urllib.parse import urlencode

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskIntegration, OAuth
from authlib.integrations.flask_client.apps import FlaskOAuth2App
from flask import Flask, g, request, session
from joserfc.errors import ExpiredTokenError, InvalidTokenError, JoseError
from joserfc.jwk import KeySet
from werkzeug.wrappers import Response

from ..accounts.sessions import Identity, Sessions, Write
from ..errors import LoginError, TenantUnreachable
from ..settings import Settings, is_loopback
from .answers import date_of
from .bounded import KeptConnections
from .id_tokens import LEEWAY, claims_at, identity_of

log = logging.getLogger(__name__)

TIMEOUT = (3.0, 5.0)  # seconds to connect, to answer; somebody is looking at a blank page
KEYS_EVERY = 60.0  # seconds between two looks for new keys, whatever key ids tokens name
POOL = 10
# What is called, or where a browser is sent, with something of ours: only at the tenant itself.
PINNED = ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")

# The tenant does not answer, or answers what nobody can read, such as a list for a document.
UNREADABLE = (requests.RequestException, ValueError, KeyError, TypeError, RuntimeError)

# What RFC 6749 §4.1.2.1, OpenID Connect §3.1.2.6 and Auth0 say at the callback. Anything else is
# somebody's text.
KNOWN_REFUSALS = frozenset(
    ("access_denied", "unauthorized", "login_required", "consent_required", "interaction_required",
     "account_selection_required", "invalid_request", "invalid_scope", "server_error",
     "temporarily_unavailable")
)  # fmt: skip
# What the token endpoint says of our id and secret (RFC 6749 §5.2); the last is Auth0's for a wrong secret.
CLIENT_REFUSALS = ("invalid_client", "unauthorized_client", "access_denied")


class LoginContent(TypedDict):
    """What a login begins with and ends with: the ref of its invitation, and the page that follows."""

    invitation: str | None
    next: str


@dataclass(frozen=True, slots=True)
class FinishedLogin:
    """A login that came to its end in the browser that began it: what it began with, and who signed in
    or why nobody did."""

    content: LoginContent
    result: Identity | LoginError


class RelyingParty:
    """Begins and ends logins at the tenant of the settings. `clock` gives the aware UTC that the times
    in tokens are held against."""

    def __init__(
        self, settings: Settings, sessions: Sessions, clock: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._oauth = _OAuth(cache=sessions)
        self._oauth.register(  # type: ignore[no-untyped-call]  # the stubs leave it untyped
            "auth0",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=settings.metadata_url,
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "default_timeout": TIMEOUT,
            },
            tenant_url=settings.tenant_url,
            clock=clock,
        )

    def init_app(self, app: Flask) -> None:
        """Log in to this application."""
        self._oauth.init_app(app)

    def begin(
        self, *, content: LoginContent, write: Write | None = None, **params: str | None
    ) -> Response:
        """A redirect to the tenant's login page; `content` comes back from `finish`.

        `write` is done in the transaction that keeps the login. `params` go to `/authorize`:
        `login_hint`, `prompt`, `connection`, `ui_locales`. Raises TenantUnreachable, LoginError.
        """
        try:
            response: Response = self._oauth.auth0.authorize_redirect(
                self._settings.callback_url,
                content=content,
                write=write,
                # Authlib's own generator of random text takes longer than all the rest.
                state=secrets.token_urlsafe(24),
                nonce=secrets.token_urlsafe(24),
                code_verifier=secrets.token_urlsafe(48),
                **{name: value for name, value in params.items() if value},
            )
        except UNREADABLE as failed:
            raise TenantUnreachable from failed
        return response

    def finish(self) -> FinishedLogin:
        """What came of the login whose state is in the query of this request; each ends once.

        Raises LoginError (`unknown_state`) where it was not begun in this browser, is over, or
        has been finished.
        """
        login = self._oauth.auth0.framework.get_state_data(session, request.args.get("state", ""))
        if login is None:
            raise LoginError("unknown_state")
        try:
            return FinishedLogin(login["content"], self._identify())
        except LoginError as refused:
            return FinishedLogin(login["content"], refused)

    def logout_url(self, tenant_sid: str) -> str | None:
        """Where the tenant ends its own session, or None while it cannot be asked.

        `logout_hint` with the session's `sid` spares the question whether to sign out, and with
        it no token needs to be kept (OpenID Connect RP-Initiated Logout §2). Authlib's
        `create_logout_url` always adds a `state`, which would come back in the start page's address.
        """
        home = f"{self._settings.site_url}/"
        try:
            endpoint = self._oauth.auth0.load_server_metadata().get("end_session_endpoint")
        except (*UNREADABLE, LoginError):
            return None
        if not endpoint:  # Auth0 tenants from before November 2023
            params = {"client_id": self._settings.client_id, "returnTo": home}
            return f"{self._settings.tenant_url}/v2/logout?{urlencode(params)}"
        params = {"client_id": self._settings.client_id, "post_logout_redirect_uri": home}
        if tenant_sid:
            params["logout_hint"] = tenant_sid
        return f"{endpoint}?{urlencode(params)}"

    def _identify(self) -> Identity:
        """Who signed in. Raises LoginError with a code of ours, or TenantUnreachable."""
        try:
            metadata = self._oauth.auth0.load_server_metadata()
            self._check_sender(request.args.get("iss"), metadata)
            if error := request.args.get("error"):
                raise LoginError(error if error in KNOWN_REFUSALS else "refused")
            if not request.args.get("code"):
                raise LoginError("refused")
            token = self._oauth.auth0.authorize_access_token(leeway=LEEWAY)
            # Without an ID token this would be the answer's own word, which Authlib has not verified.
            claims = token.get("userinfo") if "id_token" in token else None
            return identity_of(claims, self._settings)
        except OAuthError as refused:
            raise LoginError(_refusal(refused.error)) from refused
        except JoseError as refused:
            raise LoginError(self._token_error(refused)) from refused
        except UNREADABLE as failed:
            raise TenantUnreachable from failed

    def _token_error(self, refused: JoseError) -> str:
        """The code of ours. Where a clock is wrong every try is refused, so that has one of its own."""
        difference = self._oauth.auth0.clock_difference
        is_about_time = isinstance(refused, ExpiredTokenError | InvalidTokenError)
        if not is_about_time or abs(difference) <= LEEWAY:
            return "token_invalid"
        log.error("the clocks of this machine and the tenant are %.0f seconds apart", difference)
        return "clocks_differ"

    def _check_sender(self, iss: str | None, metadata: Mapping[str, Any]) -> None:
        """RFC 9207: an answer that names its sender, or should, must come from our tenant."""
        promised = metadata.get("authorization_response_iss_parameter_supported") is True
        if (iss is not None or promised) and iss != self._settings.issuer:
            raise LoginError("wrong_issuer")


def _refusal(error: object) -> str:
    """What the token endpoint's `error` is called in our words. A wrong secret will be wrong at every try:
    say so."""
    if error in CLIENT_REFUSALS:
        log.error("the tenant does not accept AUTH0_CLIENT_ID with AUTH0_CLIENT_SECRET")
        return "client_refused"
    return "invalid_grant" if error == "invalid_grant" else "token_refused"


def browser_key() -> str:
    """A random name of this browser, in its signed cookie; logins under way are bound to it."""
    if "browser" not in session:
        session["browser"] = secrets.token_urlsafe(16)
    return str(session["browser"])


class _Transactions(FlaskIntegration):
    """Where Authlib keeps the state of a login: our database, which is its `cache` here.

    Its own way keeps a marker in the cookie for each login that was never finished.
    """

    def set_state_data(self, session: Any, state: str, data: Any) -> None:
        write = data.pop("write")
        del data["url"]  # it holds the state, and the address of `login_hint`
        if request.method != "HEAD":  # which changes nothing; no browser keeps its key
            self.cache.begin_login(state, browser_key(), data, write)

    def get_state_data(self, session: Any, state: str) -> dict[str, Any] | None:
        """The transaction, taken out of the database by the first who asks in this request."""
        if "login_transaction" not in g:
            g.login_transaction = self.cache.take_login(state, session.get("browser", ""))
        transaction: dict[str, Any] | None = g.login_transaction
        return transaction

    def clear_state_data(self, session: Any, state: str) -> None:
        """Nothing is left: whoever takes a transaction removes it."""


class _Client(FlaskOAuth2App):
    """Authlib's client with one pool of connections for all logins and checked metadata."""

    def __init__(
        self, *args: Any, tenant_url: str, clock: Callable[[], datetime], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._clock = clock
        self._is_local = is_loopback(tenant_url)
        self._issuer = f"{tenant_url}/"
        self.clock_difference = 0.0  # seconds that the tenant's newest answer is ahead of our clock
        self._connections = KeptConnections(pool_maxsize=POOL)
        self._keys_lock = threading.Lock()
        self._keys_asked_from = float("-inf")
        self._writer = self.client_cls(client_id=self.client_id, **self.client_kwargs)

    def create_authorization_url(
        self,
        redirect_uri: str | None = None,
        *,
        content: Any = None,
        write: Write | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Authlib hands what this returns to `set_state_data`, so our content and write go along.

        It is written by one kept session: to make one for each redirect takes longer than the rest.
        """
        endpoint = self.load_server_metadata()["authorization_endpoint"]
        self._writer.redirect_uri = redirect_uri  # the same for all
        created: dict[str, Any] = self._create_oauth2_authorization_url(  # type: ignore[attr-defined]  # not in the stubs
            self._writer, endpoint, **kwargs
        )
        return created | {"content": content, "write": write}

    def load_server_metadata(self) -> dict[str, Any]:
        """The discovery document, if it is our tenant's own (OpenID Connect Discovery §4.3).

        It may list algorithms as it likes: the ID token is RS256, or it is nobody's.
        """
        metadata: dict[str, Any] = super().load_server_metadata()
        if metadata.get("issuer") != self._issuer:
            self.server_metadata = {}
            log.error("the discovery document names another issuer than AUTH0_DOMAIN")
            raise LoginError("wrong_issuer")
        for name in PINNED:
            if not str(metadata.get(name, self._issuer)).startswith(self._issuer):
                self.server_metadata = {}
                log.error("the discovery document names a %s that is not the tenant's", name)
                raise LoginError("wrong_issuer")
        metadata["id_token_signing_alg_values_supported"] = ["RS256"]
        return metadata

    def fetch_jwk_set(self, force: bool = False) -> Any:
        """The tenant's keys. An unknown key id asks for them again, but not once a token."""
        if not force:
            return self._readable_keys(force=False)
        came, pause = time.monotonic(), 0.0
        with self._keys_lock:  # one asks, and whoever comes meanwhile waits for what that one gets
            if came < self._keys_asked_from:
                return self._readable_keys(force=False)
            try:
                keys = self._readable_keys(force=True)
                pause = KEYS_EVERY  # without an answer the next who comes asks
            finally:
                self._keys_asked_from = time.monotonic() + pause
        return keys

    def _readable_keys(self, *, force: bool) -> Any:
        keys = super().fetch_jwk_set(force=force)
        try:
            KeySet.import_key_set(keys)
        except (JoseError, *UNREADABLE) as failed:
            self.server_metadata.pop("jwks", None)  # or it would be kept for the process's life
            raise ValueError("The tenant's keys cannot be read.") from failed
        return keys

    def parse_id_token(self, token: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The claims of the ID token, its times held against our clock."""
        kwargs["claims_cls"] = claims_at(self._clock(), token)
        return super().parse_id_token(token, *args, **kwargs)

    def _get_session(self) -> Any:
        return self._with_kept_connections(super()._get_session())  # type: ignore[misc]  # not in the stubs

    def _get_oauth_client(self, **metadata: Any) -> Any:
        return self._with_kept_connections(super()._get_oauth_client(**metadata))  # type: ignore[misc]  # not in the stubs

    def _with_kept_connections(self, session: Any) -> Any:
        session.mount("https://", self._connections)
        session.mount("http://", self._connections)
        session.max_redirects = 0  # a redirect would carry a secret or a code somewhere else
        session.hooks["response"].append(self._compare_clocks)
        if self._is_local:
            session.trust_env = False  # a proxy of the environment does not know this machine
        return session

    def _compare_clocks(self, response: requests.Response, **_: Any) -> None:
        if theirs := date_of(response.headers):
            self.clock_difference = (theirs - self._clock()).total_seconds()


class _OAuth(OAuth):
    """Authlib's registry with our client and our transactions."""

    oauth2_client_cls = _Client  # type: ignore[assignment]  # the stubs want the very class
    framework_integration_cls = _Transactions
