"""How requests are read: how large one may be, that an upload stays in memory, what ends the parts of a
form, and which letters and numbers an address may hold."""

import re
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, request
from werkzeug.exceptions import BadRequest
from werkzeug.routing import IntegerConverter, Map

from ..invitations.batches.lists import MAX_BYTES
from ..invitations.tables import LARGEST_ID

UPLOAD_BYTES = MAX_BYTES + 500_000  # the list, and how a browser wraps it
UPLOAD_ENDPOINT = "admin.preview_batch"
LONGEST_BOUNDARY = 70  # letters (RFC 2046 §5.1.1)
NOT_IN_ADDRESSES = re.compile(rb"[^!-~]")


class SiteRequest(Request):
    """Its files are never written to disk: a list holds the addresses of people. Only that form has one:
    as a field of another it would be no text."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # As browsers write it. Programs send letters as they are, and Werkzeug raises where those are
        # not UTF-8, at whatever page.
        self.query_string = NOT_IN_ADDRESSES.sub(
            lambda found: b"%%%02X" % ord(found[0]), self.query_string
        )

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if not is_upload():
            raise BadRequest
        return BytesIO()


class Int32(IntegerConverter):
    """The number of a row in a route, `<int32:…>`. One that no row can have is no page."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=LARGEST_ID)


def init_app(app: Flask) -> None:
    """Let a list be larger than any other form. To be called before the CSRF protection, which reads the
    form before the view is reached, and before there are routes."""
    app.request_class = SiteRequest
    app.url_map.converters["int32"] = Int32
    app.before_request(_refuse_long_boundaries)
    app.before_request(_allow_lists)


def is_upload() -> bool:
    """Whether this request sends a list."""
    return request.endpoint == UPLOAD_ENDPOINT


def _refuse_long_boundaries() -> None:
    """Werkzeug compiles the boundary into patterns, and Python keeps the newest 500 of those."""
    if len(request.mimetype_params.get("boundary", "")) > LONGEST_BOUNDARY:
        raise BadRequest


def _allow_lists() -> None:
    if is_upload():
        request.max_content_length = request.max_form_memory_size = UPLOAD_BYTES
