"""How large a request may be, and that what is uploaded stays in memory."""

from io import BytesIO
from typing import IO

from flask import Flask, Request, request

from ..invitations.batches.lists import MAX_BYTES

UPLOAD_BYTES = MAX_BYTES + 500_000  # the list, and how a browser wraps it
UPLOAD_ENDPOINT = "admin.preview_batch"


class InMemoryRequest(Request):
    """A request whose files are never written to disk: a list holds the addresses of people."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return BytesIO()


def init_app(app: Flask) -> None:
    """Let a list be larger than any other form. To be called before the CSRF protection, which reads
    the form before the view is reached."""
    app.request_class = InMemoryRequest
    app.before_request(_allow_lists)


def is_upload() -> bool:
    """Whether this request sends a list."""
    return request.endpoint == UPLOAD_ENDPOINT


def _allow_lists() -> None:
    if is_upload():
        request.max_content_length = request.max_form_memory_size = UPLOAD_BYTES
