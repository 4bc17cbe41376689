"""A client of the local tenant: its programs' calls and its browser, over real sockets."""

import base64
import hashlib
import html
import re
import secrets
import smtplib
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from joserfc.jwk import KeySet

from invite_site.local_tenant import RunningTenant

CONNECTION = "Username-Password-Authentication"
PASSWORD = "Throw-away-4711!"
CALLBACK = "http://localhost:3000/callback"
CONTROL = {"X-Tenant-Control": "1"}
ADMIN = ("admin@example.com", "Invite-Demo-1!")


@dataclass
class TenantClient:
    """Everything the tests do at a tenant, in short words."""

    tenant: RunningTenant
    browser: requests.Session = field(default_factory=requests.Session)
    _credentials: tuple[str, str] | None = None
    _token: str | None = None
    _setup_token: str | None = None

    @property
    def url(self) -> str:
        return self.tenant.url

    # --- the Management API

    def use(self, client_id: str, client_secret: str) -> None:
        """Call as another application from now on."""
        self._credentials, self._token = (client_id, client_secret), None

    def token_request(self, **changes: Any) -> requests.Response:
        environment = self.tenant.environment
        client_id, client_secret = self._credentials or (
            environment["AUTH0_MANAGEMENT_CLIENT_ID"],
            environment["AUTH0_MANAGEMENT_CLIENT_SECRET"],
        )
        body = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "audience": f"{self.url}/api/v2/",
        }
        return requests.post(f"{self.url}/oauth/token", json={**body, **changes}, timeout=10)

    def api(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> requests.Response:
        if token is None and self._token is None:
            self._token = self.token_request().json()["access_token"]
        headers = {"Authorization": f"Bearer {token or self._token}"}
        return requests.request(
            method, f"{self.url}/api/v2{path}", json=body, headers=headers, timeout=10
        )

    def configure(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A call of whoever sets the tenant up, that must succeed."""
        if self._setup_token is None:
            environment = self.tenant.environment
            self._setup_token = self.token_request(
                client_id=environment["TENANT_SETUP_CLIENT_ID"],
                client_secret=environment["TENANT_SETUP_CLIENT_SECRET"],
            ).json()["access_token"]
        answer = self.api(method, path, body, token=self._setup_token)
        assert answer.ok, answer.text
        return answer

    def create_user(self, email: str = "ada@example.com", **more: Any) -> dict[str, Any]:
        body = {
            "connection": CONNECTION,
            "email": email,
            "password": PASSWORD,
            "verify_email": False,
        }
        answer = self.api("POST", "/users", {**body, **more})
        assert answer.status_code == 201, answer.text
        user: dict[str, Any] = answer.json()
        return user

    def user(self, user_id: str) -> dict[str, Any]:
        user: dict[str, Any] = self.api("GET", f"/users/{user_id}").json()
        return user

    def create_ticket(self, user_id: str, **more: Any) -> str:
        answer = self.api("POST", "/tickets/password-change", {"user_id": user_id, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["ticket"])

    # --- the pages

    def open(self, url: str) -> requests.Response:
        return self.browser.get(url, allow_redirects=False, timeout=10)

    def _shown_again(self, answer: requests.Response) -> requests.Response:
        """The page of a form that was refused, which a redirect leads back to; else the answer."""
        address = answer.headers.get("Location", "")
        return self.open(self.url + address) if address.startswith("/") else answer

    def set_password(
        self, ticket: str, password: str, again: str | None = None, *, script: bool = False
    ) -> requests.Response:
        fields = form_fields(self.open(ticket).text)
        fields |= {
            "newPassword": password,
            "confirmNewPassword": password if again is None else again,
        }
        return self.post_reset(fields, script=script)

    def post_reset(self, fields: dict[str, str], *, script: bool = False) -> requests.Response:
        return self._shown_again(
            self.browser.post(
                f"{self.url}/lo/reset",
                data=fields,
                headers={"Accept": "application/json" if script else "text/html"},
                allow_redirects=False,
                timeout=10,
            )
        )

    # --- OpenID Connect

    def authorize(self, **changes: Any) -> requests.Response:
        """Ask for a code; a value of None leaves a parameter out."""
        asked = {
            "response_type": "code",
            "client_id": self.tenant.environment["AUTH0_CLIENT_ID"],
            "redirect_uri": CALLBACK,
            "scope": "openid profile email",
            "state": "the-state",
            "nonce": "the-nonce",
        }
        params = {key: value for key, value in {**asked, **changes}.items() if value is not None}
        return self.browser.get(
            f"{self.url}/authorize", params=params, allow_redirects=False, timeout=10
        )

    def log_in(self, email: str, password: str, **changes: Any) -> requests.Response:
        """From `/authorize` through the login page; the answer to the form."""
        page = self.open(
            self.url + self.authorize(**{"prompt": "login", **changes}).headers["Location"]
        )
        fields = form_fields(page.text) | {"email": email, "password": password}
        return self._shown_again(
            self.browser.post(f"{self.url}/login", data=fields, allow_redirects=False, timeout=10)
        )

    def exchange(self, code: str, **changes: Any) -> requests.Response:
        environment = self.tenant.environment
        body = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return requests.post(
            f"{self.url}/oauth/token",
            data={**body, **changes},
            auth=(environment["AUTH0_CLIENT_ID"], environment["AUTH0_CLIENT_SECRET"]),
            timeout=10,
        )

    def admin_tokens(self, **changes: Any) -> requests.Response:
        """The token answer for a login of the seeded admin."""
        answer = self.log_in(*ADMIN, **changes)
        return self.exchange(query(answer)["code"])

    # --- the control plane and the mailbox

    def control(self, method: str, path: str, order: Any = None) -> requests.Response:
        return requests.request(
            method, f"{self.url}/_tenant{path}", json=order, headers=CONTROL, timeout=10
        )

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.control("GET", "/state").json()
        return state

    def send_mail(
        self, subject: str = "Hello", text: str = "Hi.\n", markup: str | None = None
    ) -> None:
        message = EmailMessage()
        message["Subject"] = subject
        message["From"] = "Acme <acme@example.com>"
        message["To"] = "Ada Byron <ada@example.com>"
        message["Message-ID"] = "<one@acme.example>"
        message.set_content(text)
        if markup is not None:
            message.add_alternative(markup, subtype="html")
        with smtplib.SMTP("localhost", self.tenant.smtp_port, timeout=10) as connection:
            connection.send_message(message)

    def messages(self) -> dict[str, Any]:
        answer: dict[str, Any] = requests.get(
            f"{self.tenant.mailbox_url}/api/v1/messages", timeout=10
        ).json()
        return answer


def form_fields(page: str) -> dict[str, str]:
    """The named inputs of a page that have a value."""
    found = re.findall(r'<input[^>]*\bname="([^"]+)"[^>]*\bvalue="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


def query(answer: requests.Response) -> dict[str, str]:
    """The query of the address an answer redirects to, each name once."""
    parts = parse_qs(urlsplit(answer.headers["Location"]).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in parts.values()), parts
    return {name: values[0] for name, values in parts.items()}


def refused(answer: requests.Response) -> tuple[int, str, str | None]:
    """Status, message and code of a refusal of the Management API."""
    body = answer.json()
    assert body["statusCode"] == answer.status_code
    return answer.status_code, body["message"], body.get("errorCode")


def pkce() -> tuple[str, str]:
    """A verifier and its S256 challenge (RFC 7636)."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def keys(tenant: TenantClient) -> KeySet:
    """The public keys that the tenant signs with."""
    return KeySet.import_key_set(
        requests.get(f"{tenant.url}/.well-known/jwks.json", timeout=10).json()
    )
