"""The two OAuth grants on Authlib's server framework, with Auth0's statuses and texts."""

from collections import defaultdict
from typing import Any, cast

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidGrantError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import Flask, Response, current_app, request
from werkzeug.datastructures import MultiDict

from ..store.clients import Client
from ..store.codes import ACCESS_TOKEN_SECONDS, AuthorizationCode
from ..store.database import random_code
from ..store.sessions import Session
from ..store.users import User
from ..tenant import current_tenant
from .jwts import MANAGEMENT_TOKEN_SECONDS, id_token, management_token

Parameters = MultiDict[str, str]
_EXTENSION = "local_tenant_authorization_server"


class Auth0Error(OAuth2Error):
    """An OAuth error with Auth0's text, which may have characters RFC 6749 does not allow."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error=error, status_code=status)
        self.description = description


class _Payload(OAuth2Payload):
    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    @property
    def data(self) -> Any:
        return self._parameters

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, self._parameters.to_dict(flat=False))


class TenantRequest(OAuth2Request):
    """An OAuth request made of parameters: of a query, a form, JSON, or a stored login."""

    # Set by Authlib; which of them depends on the grant.
    payload: Any
    client: Any
    user: Any
    authorization_code: Any

    def __init__(
        self,
        url: str,
        method: str,
        parameters: Parameters,
        headers: Any = None,
        session: Session | None = None,
    ) -> None:
        super().__init__(method, url, headers=headers)
        self.payload = _Payload(parameters)
        self.session = session

    @property
    def args(self) -> Any:
        return self.payload.data

    @property
    def form(self) -> Any:
        return self.payload.data


def body_parameters() -> Parameters:
    """The parameters of a token request: Auth0 takes a form and JSON alike."""
    if request.is_json:
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            return MultiDict()
        return MultiDict((key, value) for key, value in body.items() if isinstance(value, str))
    return MultiDict(request.form)


class _CodeGrant(AuthorizationCodeGrant):
    """The authorization code grant of OpenID Connect (Core, section 3.1)."""

    request: TenantRequest

    def generate_authorization_code(self) -> str:
        return random_code(48)

    def save_authorization_code(self, code: str, request: Any) -> None:
        tenant, params, session = current_tenant(), request.payload.data, request.session
        if session is None:
            raise LookupError("an authorization code needs a session")
        tenant.codes.store(
            code,
            client_id=request.client.client_id,
            redirect_uri=params.get("redirect_uri") or request.client.get_default_redirect_uri(),
            scope=request.scope or "",
            nonce=params.get("nonce"),
            code_challenge=params.get("code_challenge"),
            code_challenge_method=params.get("code_challenge_method"),
            user_id=request.user.user_id,
            sid=session.sid,
            auth_time=session.created_at if params.get("max_age") else None,
        )
        tenant.issued.record("codes", code)

    def query_authorization_code(self, code: str, client: Any) -> AuthorizationCode | None:
        return current_tenant().codes.find(code, client.client_id)

    def authenticate_user(self, authorization_code: AuthorizationCode) -> User | None:
        # Called after every check, so the code is redeemed here.
        tenant = current_tenant()
        if not tenant.codes.redeem(authorization_code):
            return None
        return tenant.users.get(authorization_code.user_id)

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        """Nothing: the code has been redeemed, and stays stored as used."""

    def create_token_response(self) -> Any:
        answer: Any = super().create_token_response()
        status, token, headers = answer
        code, tenant = self.request.authorization_code, current_tenant()
        if "openid" in code.scope.split() and not tenant.misbehaviours.take("no_id_token"):
            token["id_token"] = id_token(tenant, self.request.client, self.request.user, code)
        return status, token, headers


class _ClientCredentialsGrant(ClientCredentialsGrant):
    """Management API tokens; checked in the order credentials, audience, client grant, grant type."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]  # noqa: RUF012

    request: TenantRequest

    def validate_token_request(self) -> None:
        tenant = current_tenant()
        client: Any = self.authenticate_token_endpoint_client()
        audience = self.request.payload.data.get("audience") or ""
        if audience != tenant.management_audience:
            raise Auth0Error(403, "access_denied", f"Service not enabled within domain: {audience}")
        if client.management_scope is None:
            raise Auth0Error(
                403,
                "access_denied",
                f'Client is not authorized to access "{audience}". You need to create a'
                ' "client-grant" associated to this API. See:'
                " https://auth0.com/docs/api/v2#!/Client_Grants/post_client_grants",
            )
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError
        granted = client.management_scope.split()
        requested = (self.request.payload.scope or "").split()
        self.request.client = client
        self.request.scope = " ".join(
            name for name in granted if not requested or name in requested
        )

    def create_token_response(self) -> Any:
        scope = self.request.scope
        token = management_token(current_tenant(), self.request.client, scope)
        return 200, _bearer(token, scope, MANAGEMENT_TOKEN_SECONDS), self.TOKEN_RESPONSE_HEADER


class TenantServer(AuthorizationServer):
    """Authlib's server with Auth0's error answers."""

    def create_oauth2_request(self, request_: Any) -> Any:
        if request_ is not None:
            return request_
        tenant = current_tenant()
        return TenantRequest(
            tenant.url + request.path, request.method, body_parameters(), request.headers
        )

    def authenticate_client(self, request: Any, methods: Any, endpoint: str = "token") -> Any:
        try:
            return super().authenticate_client(request, methods, endpoint)
        except UnicodeDecodeError as error:  # Authlib does not expect other bytes
            raise InvalidClientError from error

    def handle_error_response(self, request: OAuth2Request, error: OAuth2Error) -> Response:
        # Auth0 answers 403 where RFC 6749 says 400, and calls a wrong secret access_denied.
        if isinstance(error, InvalidClientError):
            error = Auth0Error(401, "access_denied", "Unauthorized")
        elif isinstance(error, InvalidGrantError):
            wrong_verifier = error.description == "Code challenge failed."
            text = (
                "Failed to verify code verifier" if wrong_verifier else "Invalid authorization code"
            )
            error = Auth0Error(403, "invalid_grant", text)
        elif error.error == "unauthorized_client":
            wanted = body_parameters().get("grant_type")
            text = f"Grant type '{wanted}' not allowed for the client."
            error = Auth0Error(403, "unauthorized_client", text)
        elif error.error == "unsupported_grant_type":
            error.status_code = 403
        response: Any = super().handle_error_response(request, error)
        return cast(Response, response)

    def authorization_grant(self, asked: TenantRequest, user: User | None = None) -> Any:
        """The grant for a checked authorization request; raises `OAuth2Error`."""
        return super().get_consent_grant(asked, user)  # type: ignore[no-untyped-call]


def register(app: Flask) -> None:
    """Add the server with both grants; PKCE is required only after a challenge."""
    server = TenantServer(app, _client_by_id, _store_token)
    server.register_token_generator("default", cast(Any, _make_token))
    server.register_grant(_CodeGrant, [CodeChallenge(required=False)])
    server.register_grant(_ClientCredentialsGrant)
    app.extensions[_EXTENSION] = server


def authorization_server() -> TenantServer:
    """The server of the tenant that is answering this request."""
    return cast(TenantServer, current_app.extensions[_EXTENSION])


def _client_by_id(client_id: str) -> Client | None:
    return current_tenant().clients.get(client_id)


def _make_token(
    grant_type: str, client: Client, user: User, scope: str, **_: Any
) -> dict[str, Any]:
    token = random_code(64)
    current_tenant().issued.record("access_tokens", token)
    return _bearer(token, scope, ACCESS_TOKEN_SECONDS)


def _bearer(token: str, scope: str, seconds: int) -> dict[str, Any]:
    return {
        "access_token": token,
        "scope": scope,
        "expires_in": seconds,
        "token_type": "Bearer",
    }


def _store_token(token: dict[str, Any], request: TenantRequest) -> None:
    codes = current_tenant().codes
    codes.store_access_token(token["access_token"], request.user.user_id, token["scope"])
