"""The relying-party misbehaviours: which lie is to be told, how often, and its small ones.

The lies inside an ID token are in `forgery.py`; the views ask here whether to lie at all.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import RSAKey

from ..store.keys import new_key

# Lies about a claim, told by changing the claims and signing them honestly.
CLAIM_LIES = (
    "nonce_wrong",
    "nonce_missing",
    "iss_wrong",
    "iss_missing",
    "iss_no_slash",
    "aud_other",
    "aud_other_azp_ours",
    "aud_empty_string",
    "aud_empty_list",
    "aud_both_azp_ours",
    "azp_other",
    "sub_missing",
    "sub_empty",
    "iat_missing",
    "exp_missing",
    "aud_missing",
    "exp_60s_ago",
    "exp_200s_ago",
    "iat_1h_ahead",
    "exp_string",
    "at_hash_wrong",
    "email_verified_false",
    "email_verified_string",
    "email_verified_missing",
    "email_other",
    "role_claim",
)
# Lies about who signed an ID token, and how.
SIGNATURE_LIES = (
    "signature_wrong",
    "payload_tampered",
    "unknown_key_known_kid",
    "alg_none",
    "alg_NoNe",
    "alg_none_listed",
    "hs256_client_secret",
    "hs256_public_key",
    "crit_unknown",
    "jwk_embedded",
    "jku",
    "kid_absent",
    "kid_absent_two_keys",
    "key_rotated",
    "kid_unknown",
)
ID_TOKEN_LIES = CLAIM_LIES + SIGNATURE_LIES
TOKEN_ANSWER_LIES = (
    "no_id_token",
    "token_500",
    "token_429",
    "token_html",
    "token_slow",
    "invalid_grant",
)
CALLBACK_LIES = ("callback_iss_wrong", "error_callback")
# These last as long as the lie stands: discovery is read once and then remembered.
DISCOVERY_LIES = (
    "discovery_issuer_other",
    "callback_iss_absent_but_advertised",
    "end_session_absent",
    "alg_none_listed",
)
ALL_LIES = tuple(
    dict.fromkeys(
        (
            *ID_TOKEN_LIES,
            *TOKEN_ANSWER_LIES,
            *CALLBACK_LIES,
            *DISCOVERY_LIES,
            "userinfo_sub_differs",
        )
    )
)
# With these the JWKS lists a second key beside the tenant's own.
_SECOND_KEY_LIES = ("key_rotated", "kid_absent_two_keys")


class BadLie(ValueError):
    """A lie nobody knows, or one that lacks a part; says why."""


@dataclass
class Lie:
    """One lie; `times` None means until withdrawn. `options` are its own parts."""

    name: str
    times: int | None
    options: Mapping[str, Any] = field(default_factory=dict)


class Lies:
    """The lie in hand: one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lie: Lie | None = None
        self._attacker: RSAKey | None = None
        self._second: RSAKey | None = None
        self._lists_second = False

    def tell_next(self, order: Mapping[str, Any]) -> None:
        """Take an order out of the control plane's JSON; raises `BadLie`."""
        name = str(order.get("lie", ""))
        if name not in ALL_LIES:
            raise BadLie(f"lie is one of {', '.join(ALL_LIES)}")
        times = order.get("times")
        options = {key: value for key, value in order.items() if key not in ("lie", "times")}
        if name == "role_claim" and not ("claim" in options and "value" in options):
            raise BadLie("role_claim needs claim and value")
        with self._lock:
            self._lie = Lie(name, None if times is None else int(times), options)
            self._lists_second = name in _SECOND_KEY_LIES

    def clear(self) -> None:
        """Tell the truth again."""
        with self._lock:
            self._lie = None
            self._lists_second = False

    def current(self) -> Lie | None:
        """The lie in hand, not counted down."""
        with self._lock:
            return self._lie

    def stands(self, *names: str) -> bool:
        """Whether one of these lies is in hand; not counted down."""
        lie = self.current()
        return lie is not None and lie.name in names

    def take(self, *names: str) -> Lie | None:
        """The lie in hand if it is one of these, counted down."""
        with self._lock:
            lie = self._lie
            if lie is None or lie.name not in names:
                return None
            if lie.times is not None:
                lie.times -= 1
                if lie.times <= 0:
                    self._lie = None
            return lie

    def attacker_key(self) -> RSAKey:
        """A key that the JWKS has never listed."""
        with self._lock:
            self._attacker = self._attacker or new_key()
            return self._attacker

    def second_key(self) -> RSAKey:
        """The tenant's other key, listed while a lie needs it."""
        with self._lock:
            self._second = self._second or new_key()
            return self._second

    def lists_second_key(self) -> bool:
        """Whether the JWKS shows the second key now."""
        with self._lock:
            return self._lists_second
