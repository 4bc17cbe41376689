"""Putting parameters on an address the way Auth0 does."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit, urlunsplit


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """`url` with parameters added to its query, before its fragment.

    A space becomes %20, `@` %40 and `+` %2B; a query that is there stays as it is.
    """
    parts = urlsplit(url)
    added = urlencode(parameters, quote_via=quote, safe="")
    query = f"{parts.query}&{added}" if parts.query and added else parts.query or added
    return urlunsplit(parts._replace(query=query))
