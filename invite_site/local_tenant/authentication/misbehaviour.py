"""ID tokens with wrong claims or signatures, which a relying party must refuse.

The tokens are encoded by hand, because libraries refuse to make them.
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

from ..simulation.misbehaviour import CLAIM_MISBEHAVIOURS, Misbehaviour
from ..store.clients import Client
from ..store.keys import public_jwk
from ..tenant import Tenant

Claims = dict[str, Any]
Signer = Callable[[bytes], bytes]

OTHER_CLIENT = "another-client"
OTHER_ISSUER = "https://issuer.example/"
OTHER_KEYS_PATH = "/.well-known/other-keys.json"
_OTHER_EMAIL = {"email": "somebody.else@example.com"}


def forge(tenant: Tenant, misbehaviour: Misbehaviour, claims: Claims, client: Client) -> str:
    """An ID token with this misbehaviour, otherwise equal to the one from `claims`."""
    if misbehaviour.name in CLAIM_MISBEHAVIOURS:
        return tenant.key.sign(_changed_claims(tenant, misbehaviour, claims, client.client_id))
    if misbehaviour.name == "signature_wrong":
        return _flip_signature(tenant.key.sign(claims))
    if misbehaviour.name == "payload_tampered":
        head, _, signature = tenant.key.sign(claims).split(".")
        return f"{head}.{_encoded({**claims, **_OTHER_EMAIL})}.{signature}"
    header, sign = _forged_header(tenant, misbehaviour.name, client)
    signed = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{signed}.{_base64(sign(signed.encode()))}"


def _changed_claims(
    tenant: Tenant, misbehaviour: Misbehaviour, claims: Claims, ours: str
) -> Claims:
    name, now, other = misbehaviour.name, int(tenant.clock.now()), OTHER_CLIENT
    if name.endswith("_missing"):
        return {key: value for key, value in claims.items() if f"{key}_missing" != name}
    if name == "role_claim":
        return {**claims, str(misbehaviour.options["claim"]): misbehaviour.options["value"]}
    changes: dict[str, Claims] = {
        "nonce_wrong": {"nonce": "another-nonce"},
        "iss_wrong": {"iss": OTHER_ISSUER},
        "iss_no_slash": {"iss": tenant.url},
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
        "email_other": _OTHER_EMAIL,
    }
    return {**claims, **changes[name]}


def _forged_header(tenant: Tenant, name: str, client: Client) -> tuple[Claims, Signer]:
    """The header of a forged token, and what signs it."""
    own, header = tenant.key.key, {"alg": "RS256", "typ": "JWT", "kid": tenant.key.kid}
    attacker, second = tenant.misbehaviours.attacker_key, tenant.misbehaviours.second_key
    unsigned: Signer = lambda _: b""  # noqa: E731
    match name:
        case "unknown_key_known_kid":
            return header, _rs256(attacker())
        case "alg_none" | "alg_none_listed":
            return {"alg": "none", "typ": "JWT"}, unsigned
        case "alg_NoNe":
            return {"alg": "NoNe", "typ": "JWT"}, unsigned
        case "hs256_client_secret":
            return {**header, "alg": "HS256"}, _hs256(client.client_secret.encode())
        case "hs256_public_key":
            return {**header, "alg": "HS256"}, _hs256(own.as_pem(private=False))
        case "crit_unknown":
            extension = "urn:example:unknown"
            return {**header, "crit": [extension], extension: True}, _rs256(own)
        case "jwk_embedded":
            embedded = {"kid": attacker().kid, "jwk": public_jwk(attacker())}
            return {**header, **embedded}, _rs256(attacker())
        case "jku":
            address = {"kid": attacker().kid, "jku": tenant.url + OTHER_KEYS_PATH}
            return {**header, **address}, _rs256(attacker())
        case "kid_absent" | "kid_absent_two_keys":
            return {"alg": "RS256", "typ": "JWT"}, _rs256(own)
        case "key_rotated":
            return {**header, "kid": second().kid}, _rs256(second())
        case "kid_unknown":
            return {**header, "kid": "a-kid-nobody-lists"}, _rs256(attacker())
    raise LookupError(name)


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
    """Change the first character of the signature; the last one may be padding alone."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
