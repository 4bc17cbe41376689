"""What a relying party must refuse: which misbehaviour is ordered, how often, with what options.

Views take the order here; `authentication/misbehaviour.py` makes the ID tokens.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import RSAKey

# Changed claims, signed with the right key.
CLAIM_MISBEHAVIOURS = (
    "nonce_wrong", "nonce_missing", "iss_wrong", "iss_missing", "iss_no_slash", "aud_other",
    "aud_other_azp_ours", "aud_empty_string", "aud_empty_list", "aud_both_azp_ours",
    "azp_other", "sub_missing", "sub_empty", "iat_missing", "exp_missing", "aud_missing",
    "exp_60s_ago", "exp_200s_ago", "iat_1h_ahead", "exp_string", "at_hash_wrong",
    "email_verified_false", "email_verified_string", "email_verified_missing", "email_other",
    "role_claim",
)  # fmt: skip
# A wrong header, key or signature.
SIGNATURE_MISBEHAVIOURS = (
    "signature_wrong", "payload_tampered", "unknown_key_known_kid", "alg_none", "alg_NoNe",
    "alg_none_listed", "hs256_client_secret", "hs256_public_key", "crit_unknown",
    "jwk_embedded", "jku", "kid_absent", "kid_absent_two_keys", "key_rotated", "kid_unknown",
)  # fmt: skip
ID_TOKEN_MISBEHAVIOURS = CLAIM_MISBEHAVIOURS + SIGNATURE_MISBEHAVIOURS
TOKEN_ANSWER_MISBEHAVIOURS = (
    "no_id_token", "token_500", "token_429", "token_html", "token_slow", "invalid_grant",
)  # fmt: skip
CALLBACK_MISBEHAVIOURS = ("callback_iss_wrong", "error_callback")
# Not counted down: relying parties read discovery once and cache it.
DISCOVERY_MISBEHAVIOURS = (
    "discovery_issuer_other",
    "callback_iss_absent_but_advertised",
    "end_session_absent",
    "alg_none_listed",
)
_ALL = (
    *(*ID_TOKEN_MISBEHAVIOURS, *TOKEN_ANSWER_MISBEHAVIOURS, *CALLBACK_MISBEHAVIOURS),
    *(*DISCOVERY_MISBEHAVIOURS, "userinfo_sub_differs"),
)
MISBEHAVIOURS = tuple(dict.fromkeys(_ALL))
# With these the JWKS lists a second key.
_SECOND_KEY_MISBEHAVIOURS = ("key_rotated", "kid_absent_two_keys")


class UnknownMisbehaviour(ValueError):
    """Unknown, or a parameter is missing or odd; says why."""


@dataclass
class Misbehaviour:
    """One misbehaviour; `times` None means until withdrawn. `options` are its parameters."""

    name: str
    times: int | None
    options: Mapping[str, Any] = field(default_factory=dict)


class Misbehaviours:
    """The misbehaviour ordered: one at a time."""

    def __init__(self, new_key: Callable[[], RSAKey]) -> None:
        self._new_key = new_key
        self._lock = threading.Lock()
        self._misbehaviour: Misbehaviour | None = None
        self._attacker: RSAKey | None = None
        self._second: RSAKey | None = None
        self._lists_second = False

    def order(self, order: Mapping[str, Any]) -> None:
        """Take an order out of the control plane's JSON; raises `UnknownMisbehaviour`."""
        name = str(order.get("lie", ""))
        if name not in MISBEHAVIOURS:
            raise UnknownMisbehaviour(f"lie is one of {', '.join(MISBEHAVIOURS)}")
        times = order.get("times")
        if not (times is None or isinstance(times, int)):
            raise UnknownMisbehaviour("times is a number or null")
        options = {key: value for key, value in order.items() if key not in ("lie", "times")}
        if name == "role_claim" and not ("claim" in options and "value" in options):
            raise UnknownMisbehaviour("role_claim needs claim and value")
        with self._lock:
            self._misbehaviour = Misbehaviour(name, times, options)
            self._lists_second = name in _SECOND_KEY_MISBEHAVIOURS

    def clear(self) -> None:
        """Withdraw the order."""
        with self._lock:
            self._misbehaviour = None
            self._lists_second = False

    def current(self) -> Misbehaviour | None:
        """The misbehaviour ordered, not counted down."""
        with self._lock:
            return self._misbehaviour

    def take(self, *names: str) -> Misbehaviour | None:
        """The misbehaviour ordered if it is one of these, counted down."""
        with self._lock:
            misbehaviour = self._misbehaviour
            if misbehaviour is None or misbehaviour.name not in names:
                return None
            if misbehaviour.times is not None:
                misbehaviour.times -= 1
                if misbehaviour.times <= 0:
                    self._misbehaviour = None
            return misbehaviour

    def attacker_key(self) -> RSAKey:
        """A key that the JWKS has never listed."""
        with self._lock:
            self._attacker = self._attacker or self._new_key()
            return self._attacker

    def second_key(self) -> RSAKey:
        """The tenant's other key, listed while a misbehaviour needs it."""
        with self._lock:
            self._second = self._second or self._new_key()
            return self._second

    def lists_second_key(self) -> bool:
        """Whether the JWKS shows the second key now."""
        with self._lock:
            return self._lists_second
