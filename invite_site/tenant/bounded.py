"""Answers of the tenant within limits of size and time, for both clients of it."""

import time
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from .tls import TrustOnce

LARGEST_ANSWER = 4 * 1024 * 1024  # bytes, after decompression
LONGEST_ANSWER = 20.0  # seconds for a whole body, however steadily it comes
CHUNK = 64 * 1024


class BoundedAdapter(TrustOnce):
    """Reads each answer whole before it returns, so that none holds a thread or fills the memory.

    The timeouts of requests are for each read: a body that comes a byte at a time never meets them.
    Raises requests.ConnectionError for an answer beyond the limits.
    """

    def __init__(
        self, *, largest: int = LARGEST_ANSWER, longest: float = LONGEST_ANSWER, **options: Any
    ) -> None:
        super().__init__(**options)
        self._largest = largest
        self._longest = longest

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # all but the request are passed on
        end = time.monotonic() + self._longest
        response = super().send(request, **options)
        try:
            response._content = self._read(response.raw, end)
        except HTTPError as failed:
            response.close()
            raise requests.ConnectionError(failed, request=request) from failed
        return response

    def _read(self, raw: Any, end: float) -> bytes:
        body = bytearray()
        while chunk := raw.read1(CHUNK, decode_content=True):
            body += chunk
            if len(body) > self._largest or time.monotonic() > end:
                raise HTTPError("the answer is too long")
        return bytes(body)


class KeptConnections(BoundedAdapter):
    """Authlib opens and closes a session for each login; the connections outlive it here."""

    def close(self) -> None:
        pass
