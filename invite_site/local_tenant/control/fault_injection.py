"""Fault injection: WSGI middleware that records every call and carries out ordered faults."""

import json
import socket
import struct
from collections.abc import Iterable
from http.client import responses
from typing import TYPE_CHECKING, Any

from ..simulation.faults import Fault
from ..simulation.traffic import Call
from ..tenant import Tenant
from .rate_limiting import TOO_MANY_CALLS, TOO_MANY_TOKENS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Calls of the control plane are not recorded and get no faults.
CONTROL_PREFIX = "/_tenant/"


class Dropped(ConnectionError):
    """A fault drops the connection, but the app runs without waitress."""


class FaultInjection:
    """WSGI middleware around the app."""

    def __init__(self, app: "WSGIApplication", tenant: Tenant) -> None:
        self._app = app
        self._tenant = tenant

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path.startswith(CONTROL_PREFIX):
            return self._app(environ, start_response)
        tenant = self._tenant
        tenant.traffic.record_connection(
            environ.get("REMOTE_ADDR", ""), str(environ.get("REMOTE_PORT", ""))
        )
        fault = tenant.faults.take(method, path)
        if fault is not None and fault.kind == "slow":
            tenant.stopping.wait(fault.seconds)
            fault = None
        if fault is None:
            return self._app(environ, self._recording(method, path, start_response))
        if fault.kind == "status":
            tenant.traffic.record_call(Call(method, path, fault.status))
            return _refuse(fault, path, tenant, start_response)
        if fault.kind == "act_then_drop":
            # The request is carried out, and its answer is lost.
            answer = self._app(environ, lambda *_: _discard)
            b"".join(answer)
            if hasattr(answer, "close"):
                answer.close()
        tenant.traffic.record_call(Call(method, path, 0))
        return _drop(environ, start_response)

    def _recording(
        self, method: str, path: str, start_response: "StartResponse"
    ) -> "StartResponse":
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            self._tenant.traffic.record_call(Call(method, path, int(status[:3])))
            return start_response(status, headers, *rest)

        return start


def _discard(_: bytes) -> None:
    """Discard the body of a dropped answer."""


def _drop(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Reset the connection (RST) instead of answering.

    Waitress has no call for this. It passes the app a bound method of its channel, and
    closes a channel that is marked as disconnected without writing to it.
    """
    disconnected = environ.get("waitress.client_disconnected")
    if disconnected is None:
        raise Dropped
    channel = disconnected.__self__
    no_linger = struct.pack("ii", 1, 0)
    channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
    channel.connected = False
    channel.will_close = True
    channel.server.pull_trigger()
    start_response("500 Dropped", [])
    return []


def _refuse(
    fault: Fault, path: str, tenant: Tenant, start_response: "StartResponse"
) -> Iterable[bytes]:
    """The answer of a `status` fault, in the shape of the API that was called."""
    phrase = responses.get(fault.status, "Fault")
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if fault.status == 429:
        headers |= {
            "x-ratelimit-limit": "2",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(int(tenant.clock.now()) + 1),
        }
    body = fault.body if fault.body is not None else _body(fault.status, phrase, path)
    octets = (body if isinstance(body, str) else json.dumps(body)).encode()
    headers |= dict(fault.headers) | {"Content-Length": str(len(octets))}
    start_response(f"{fault.status} {phrase}", list(headers.items()))
    return [octets]


def _body(status: int, phrase: str, path: str) -> dict[str, Any]:
    is_oauth = path.startswith("/oauth/")
    if status == 429:
        return TOO_MANY_TOKENS if is_oauth else TOO_MANY_CALLS
    if is_oauth:
        return {"error": "server_error", "error_description": phrase}
    return {"statusCode": status, "error": phrase, "message": f"{phrase} (as ordered)"}
