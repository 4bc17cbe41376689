"""Lying ID tokens: each lie of `lies.py` that lives in the token's claims or signature.

The forged tokens are put together by hand, because a proper library refuses to make them.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import RSAKey

from ..simulation.misbehaviour import CLAIM_LIES, Lie
from ..store.clients import Client
from ..store.keys import public_jwk
from ..tenant import State

Claims = dict[str, Any]
Signer = Callable[[bytes], bytes]

OTHER_CLIENT = "another-client"
OTHER_ISSUER = "https://issuer.example/"
OTHER_KEYS_PATH = "/.well-known/other-keys.json"


def forge(state: State, lie: Lie, claims: Claims, client: Client) -> str:
    """An ID token that tells `lie`, otherwise as honest as the one from `claims`."""
    if lie.name in CLAIM_LIES:
        return state.key.sign(_lying_claims(state, lie, claims, client))
    return _lying_signature(state, lie, claims, client)


def _lying_claims(state: State, lie: Lie, claims: Claims, client: Client) -> Claims:
    now = int(state.clock.now())
    ours, other = client.client_id, OTHER_CLIENT
    changes: dict[str, Claims] = {
        "nonce_wrong": {"nonce": "another-nonce"},
        "iss_wrong": {"iss": OTHER_ISSUER},
        "iss_no_slash": {"iss": state.url},
        "aud_other": {"aud": other},
        "aud_other_azp_ours": {"aud": other, "azp": ours},
        "aud_empty_string": {"aud": "", "azp": ours},
        "aud_empty_list": {"aud": [], "azp": ours},
        "aud_both_azp_ours": {"aud": [ours, other], "azp": ours},
        "azp_other": {"azp": other},
        "sub_empty": {"sub": ""},
        "exp_60s_ago": {"iat": now - 3660, "exp": now - 60},
        "exp_200s_ago": {"iat": now - 3800, "exp": now - 200},
        "iat_1h_ahead": {"iat": now + 3600, "exp": now + 36_000 + 3600},
        "exp_string": {"exp": "tomorrow"},
        "at_hash_wrong": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        "email_verified_false": {"email_verified": False},
        "email_verified_string": {"email_verified": "true"},
        "email_other": {"email": "somebody.else@example.com"},
    }
    if lie.name.endswith("_missing"):
        return {
            key: value for key, value in claims.items() if key != lie.name.removesuffix("_missing")
        }
    if lie.name == "role_claim":
        return {**claims, str(lie.options["claim"]): lie.options["value"]}
    return {**claims, **changes[lie.name]}


def _lying_signature(state: State, lie: Lie, claims: Claims, client: Client) -> str:
    own, header = state.key.key, {"alg": "RS256", "typ": "JWT", "kid": state.key.kid}
    attacker, second = state.lies.attacker_key, state.lies.second_key
    match lie.name:
        case "signature_wrong":
            return _flip_signature(_token(header, claims, _rs256(own)))
        case "payload_tampered":
            head, _, signature = _token(header, claims, _rs256(own)).split(".")
            return (
                f"{head}.{_encoded({**claims, 'email': 'somebody.else@example.com'})}.{signature}"
            )
        case "unknown_key_known_kid":
            return _token(header, claims, _rs256(attacker()))
        case "alg_none" | "alg_none_listed":
            return _token({"alg": "none", "typ": "JWT"}, claims, lambda _: b"")
        case "alg_NoNe":
            return _token({"alg": "NoNe", "typ": "JWT"}, claims, lambda _: b"")
        case "hs256_client_secret":
            return _token({**header, "alg": "HS256"}, claims, _hs256(client.client_secret.encode()))
        case "hs256_public_key":
            return _token({**header, "alg": "HS256"}, claims, _hs256(own.as_pem(private=False)))
        case "crit_unknown":
            lying = {**header, "crit": ["urn:example:unknown"], "urn:example:unknown": True}
            return _token(lying, claims, _rs256(own))
        case "jwk_embedded":
            lying = {**header, "kid": attacker().kid, "jwk": public_jwk(attacker())}
            return _token(lying, claims, _rs256(attacker()))
        case "jku":
            lying = {**header, "kid": attacker().kid, "jku": state.url + OTHER_KEYS_PATH}
            return _token(lying, claims, _rs256(attacker()))
        case "kid_absent" | "kid_absent_two_keys":
            return _token({"alg": "RS256", "typ": "JWT"}, claims, _rs256(own))
        case "key_rotated":
            return _token({**header, "kid": second().kid}, claims, _rs256(second()))
        case "kid_unknown":
            return _token({**header, "kid": "a-kid-nobody-lists"}, claims, _rs256(attacker()))
    raise LookupError(lie.name)


def _token(header: Mapping[str, Any], claims: Claims, sign: Signer) -> str:
    signed = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{signed}.{_base64(sign(signed.encode()))}"


def _encoded(part: Mapping[str, Any]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _rs256(key: RSAKey) -> Signer:
    private = key.private_key
    if not isinstance(private, RSAPrivateKey):
        raise TypeError("not a private key")
    return lambda octets: private.sign(octets, PKCS1v15(), hashes.SHA256())


def _hs256(secret: bytes) -> Signer:
    return lambda octets: hmac.new(secret, octets, hashlib.sha256).digest()


def _flip_signature(token: str) -> str:
    """Change the signature's first character: its last one may hold only padding bits."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
