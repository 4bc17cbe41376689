"""TLS towards the tenant: the authorities that we trust are read once.

requests reads them anew for each connection. That takes 20 to 40 ms of CPU, and 0.7 MB for as long as the
connection lives.
"""

import ssl
from functools import cache
from pathlib import Path
from typing import Any

import requests
from requests import adapters
from urllib3.util import create_urllib3_context


@cache
def context_of(bundle: str) -> ssl.SSLContext:
    """What trusts the authorities of this file or folder, and asks for the host's name as well. It is
    urllib3's own, as requests has it: that of `ssl` takes the common name for the host's.

    Raises requests.RequestException where they cannot be read.
    """
    try:
        context = create_urllib3_context()
        if Path(bundle).is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
        return context
    except OSError as failed:
        raise requests.exceptions.SSLError(
            f"The authorities in {bundle} cannot be read: {failed}"
        ) from failed


class TrustOnce(adapters.HTTPAdapter):
    """All connections have one TLS context.
    https://requests.readthedocs.io/en/latest/api/#requests.adapters.HTTPAdapter.build_connection_pool_key_attributes
    """

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:  # two dictionaries, whose types requests keeps to itself
        """The context goes to the pool. `verify` is a path where the environment names one."""
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https" and verify:
            bundle = adapters.DEFAULT_CA_BUNDLE_PATH if verify is True else verify
            return host, {"cert_reqs": "CERT_REQUIRED", "ssl_context": context_of(bundle)}
        return host, tls

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Nothing is left to do where the pool has a context; what this sets would be read again. But a
        proxy that is reached by TLS has no context of ours, only what this sets."""
        is_proxy_tls = conn.proxy is not None and conn.proxy.scheme == "https"
        if is_proxy_tls or "ssl_context" not in conn.conn_kw:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]  # of requests
