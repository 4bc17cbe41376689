"""What the value of a setting must look like. Each function returns it as the site uses it.

They raise ValueError, whose words go on after the name of the setting.
"""

import os
import re
import unicodedata
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

DAY = 24 * 60 * 60
MEMORY = "memory://"

_LOOPBACK = re.compile(r"127(?:\.\d{1,3}){1,3}", re.ASCII)  # a name may begin so too
# Also the other signs that a header can carry: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{32,}=*")
_NO_WEB_ADDRESS = "must be a web address such as https://invite.example.com"
_NO_MAIL_SERVER = (
    "must look like smtp://user:password@mail.example.com:587, with special characters of user and "
    "password percent-encoded"
)
_NO_RATE_LIMITS = (
    "must be memory:// or an address such as redis://user:password@cache.example.com:6379/0"
)


def is_loopback(url: str) -> bool:
    """Whether this address can only mean this machine (RFC 8252 §7.3)."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or _LOOPBACK.fullmatch(host) is not None


def is_utf8(value: str) -> bool:
    """Whether a page or a mail can hold this: of other bytes, in the environment or on the command line,
    Python makes lone surrogates, which cannot be written."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def web_address(value: str) -> str:
    """An address that others are built from, as browsers write it: they are compared with what browsers
    and tokens say, and stand in headers, which take ASCII alone."""
    parts = urlsplit(link(value))
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(_NO_WEB_ADDRESS)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{_host(parts.hostname or '')}{port}{parts.path.rstrip('/')}"


def _host(name: str) -> str:
    """A host name, in small letters already, in ASCII."""
    if ":" in name:
        return f"[{name}]"
    # A quotation mark or a comma that has slipped in; Python would write “ as xn--… too.
    if not all(each in "-_." or unicodedata.category(each)[0] in "LMN" for each in name):
        raise ValueError(_NO_WEB_ADDRESS)
    if name.isascii():
        if not all(0 < len(label) < 64 for label in name.removesuffix(".").split(".")):
            raise ValueError(_NO_WEB_ADDRESS)
        return name
    try:
        host = name.encode("idna").decode("ascii")
        # Python's codec has the older rules: of ß it makes ss, which is another host for browsers.
        is_kept = host.encode("ascii").decode("idna") == unicodedata.normalize("NFC", name)
    except UnicodeError:
        is_kept = False
    if not is_kept:
        raise ValueError("has a host name of other letters than a-z; write it as xn--…")
    return host


def site_address(value: str) -> str:
    address = web_address(value)
    if urlsplit(address).path:
        raise ValueError(
            "must have no path: pages, cookies and links of this site begin at the root of a host. "
            "Give it a host name of its own, such as https://invite.example.com"
        )
    return address


def link(value: str) -> str:
    """An address that people are led to, as it is: an application may live behind `#/` or `?`."""
    parts = _split(value, _NO_WEB_ADDRESS)
    whole = parts.scheme in {"http", "https"} and parts.hostname and _has_good_port(parts)
    if not whole or not value.isprintable() or " " in value:
        raise ValueError(_NO_WEB_ADDRESS)
    if parts.scheme == "http" and not is_loopback(value):
        raise ValueError("must begin with https://; plain http is only for this machine")
    return value


def tenant_address(value: str) -> str:
    """A bare domain, as Auth0 writes it, or a full address for a tenant on this machine."""
    address = web_address(value if "://" in value else f"https://{value}")
    if urlsplit(address).path:
        raise ValueError("must be the tenant's domain alone, such as acme.eu.auth0.com")
    return address


def smtp_address(value: str) -> str:
    parts = _split(value, _NO_MAIL_SERVER)
    is_whole = parts.scheme in {"smtp", "smtps"} and parts.hostname and _has_good_port(parts)
    rest = parts.path.strip("/") or parts.fragment
    if not is_whole or rest or not value.isprintable() or " " in value:
        raise ValueError(_NO_MAIL_SERVER)
    if parts.query not in ("", "verify=no"):
        raise ValueError("can end in ?verify=no and in nothing else")
    if parts.query and not is_loopback(value):
        raise ValueError("can end in ?verify=no only for a relay on this machine")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("must have both a user and a password, or neither")
    try:
        credentials = unquote(f"{parts.username}{parts.password}", errors="strict")
    except UnicodeDecodeError:
        raise ValueError("must have user and password percent-encoded as UTF-8") from None
    if not credentials.isprintable():
        raise ValueError("has a user or a password with characters that cannot be typed")
    return value


def rate_limit_address(value: str) -> str:
    parts = _split(value, _NO_RATE_LIMITS)
    is_redis = re.fullmatch(r"rediss?://[^/?#\s]+(/\d*)?", value) and parts.hostname
    if value != MEMORY and not (is_redis and _has_good_port(parts)):
        raise ValueError(_NO_RATE_LIMITS)
    return value


def _split(value: str, sentence: str) -> SplitResult:
    """The parts of an address. Raises ValueError with our own sentence: Python's may quote the password,
    or speak of an IPv6 address where that has a bracket."""
    try:
        return urlsplit(value)
    except ValueError:
        raise ValueError(sentence) from None


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def secret_keys(value: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in value.split(",") if key.strip())
    if not keys or any(len(key) < 32 for key in keys):
        raise ValueError(
            "must be at least 32 characters long; make one with "
            "python3 -c 'import secrets; print(secrets.token_hex())'"
        )
    return keys


def bearer_token(value: str) -> str:
    if not _BEARER_TOKEN.fullmatch(value):
        raise ValueError(
            "must be at least 32 letters and digits; make one with "
            "python3 -c 'import secrets; print(secrets.token_hex())'"
        )
    return value


def port(value: str) -> int:
    port = int(value) if value.isdecimal() else 0
    if not 0 < port < 65536:
        raise ValueError("must be a number from 1 to 65535")
    return port


def folder(value: str) -> Path:
    path = Path(value)
    # No error where nothing may be looked at, as with those of `pathlib`.
    if not path.is_absolute() or not os.path.isdir(path):
        raise ValueError("must be the whole path of a folder that exists, such as /srv/invite/mail")
    effective = os.access in os.supports_effective_ids
    if not os.access(path, os.R_OK | os.X_OK, effective_ids=effective):
        raise ValueError(
            "is a folder that cannot be read. Let the user that runs this site read it"
        )
    return path


def lifetime(value: str) -> int:
    seconds = int(value) if value.isdecimal() else 0
    if not 60 <= seconds <= 365 * DAY:
        raise ValueError("must be a number of seconds between 60 and one year")
    return seconds


def reminder(value: str) -> int:
    seconds = int(value) if value.isdecimal() else -1
    if seconds != 0 and seconds < 60 * 60:
        raise ValueError("must be 0 for none, or a number of seconds, one hour at least")
    return seconds


def rows(value: str) -> int:
    rows = int(value) if value.isdecimal() else 0
    if not 1 <= rows <= 100_000:
        raise ValueError("must be a number from 1 to 100000")
    return rows


def proxies(value: str) -> int:
    proxies = int(value) if value.isdecimal() else -1
    # A hop too many would let everybody write the address that they are counted by.
    if not 0 <= proxies <= 5:
        raise ValueError(
            "must be the number of proxies between browsers and this site, from 0 to 5"
        )
    return proxies


def log_level(value: str) -> str:
    if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return value.upper()
