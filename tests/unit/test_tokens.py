"""Access tokens: what is accepted, and every forgery that we know of."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from time import time
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jose import jwk, jws

from events.errors import CannotStart
from infra.secrets import load_secrets
from infra.settings import load_settings
from infra.tokens import InvalidToken, Tokens, TokenVerifier, issuing_tokens, token_verifier


def new_pem(curve: ec.EllipticCurve | None = None) -> str:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


PEM = new_pem()
TOKENS = Tokens([PEM], "mimo", "mimo", 900)
KID = json.loads(TOKENS.jwks())["keys"][0]["kid"]


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time())
    usual = {
        "iss": "mimo", "aud": "mimo", "sub": str(uuid4()), "sid": str(uuid4()), "jti": "x", "iat": now,
        "exp": now + 900, "roles": [],
    }  # fmt: skip
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def signed(content: dict[str, Any], pem: str = PEM, **header: Any) -> str:
    headers = {"typ": "at+jwt", "kid": KID, **header}
    return str(jws.sign(content, jwk.construct(pem, "ES256"), headers=headers, algorithm="ES256"))


def part(content: Any) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_an_issued_token_says_what_was_put_in() -> None:
    user, session = uuid4(), uuid4()
    verified = TOKENS.verify(TOKENS.issue(user, session, ["admin", "instructor"]))
    assert (verified.user_id, verified.session_id) == (user, session)
    assert verified.roles == {"admin", "instructor"}
    assert 890 < verified.expires_at - time() <= 900


def test_a_token_made_by_hand_with_the_right_key_is_accepted() -> None:
    assert TOKENS.verify(signed(claims()))


class FromNow(int):
    """Seconds from the moment of the test, which may come long after this module was read."""


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None}, {"aud": None}, {"iss": None}, {"sub": None}, {"jti": None}, {"iat": None}, {"sid": None},
        {"roles": None}, {"iss": "other"}, {"aud": "other"}, {"aud": ["mimo", "other"]}, {"sub": "nobody"},
        {"sid": 7}, {"roles": "admin"}, {"roles": [1]}, {"exp": FromNow(-60)}, {"iat": FromNow(600)},
        {"exp": FromNow(90_000)}, {"exp": 1e300}, {"exp": "soon"}, {"nbf": FromNow(600)},
    ],
    ids=str,
)  # fmt: skip
def test_missing_and_wrong_claims_are_refused(changes: dict[str, Any]) -> None:
    now = int(time())
    changed = {name: now + value if isinstance(value, FromNow) else value for name, value in changes.items()}
    with pytest.raises(InvalidToken):
        TOKENS.verify(signed(claims(**changed)))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"}, {"typ": None}, {"kid": "unknown"}, {"kid": None}, {"crit": ["exp"]}, {"jku": "https://x"},
        {"jwk": {"kty": "EC"}}, {"x5u": "https://x"}, {"x5c": []}, {"b64": False}, {"kid": ["a"]},
    ],
    ids=str,
)  # fmt: skip
def test_headers_that_could_bring_a_key_or_a_meaning_along_are_refused(header: dict[str, Any]) -> None:
    with pytest.raises(InvalidToken):
        TOKENS.verify(signed(claims(), **header))


def test_unsigned_tokens_are_refused() -> None:
    for algorithm in ("none", "None", "NONE", ""):
        head = part({"alg": algorithm, "typ": "at+jwt", "kid": KID})
        for signature in ("", "AAAA"):
            with pytest.raises(InvalidToken):
                TOKENS.verify(f"{head}.{part(claims())}.{signature}")


def test_a_public_key_cannot_be_used_as_an_hmac_secret() -> None:
    public = _private().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, TOKENS.jwks()):
        head = {"typ": "at+jwt", "kid": KID}
        key = jwk.construct({"kty": "oct", "k": urlsafe_b64encode(secret).decode()}, "HS256")
        with pytest.raises(InvalidToken):
            TOKENS.verify(jws.sign(claims(), key, headers=head, algorithm="HS256"))


def test_another_key_under_our_name_is_refused() -> None:
    with pytest.raises(InvalidToken):
        TOKENS.verify(signed(claims(), new_pem()))


def test_tampered_and_misshapen_tokens_are_refused() -> None:
    head, body, signature = TOKENS.issue(uuid4(), uuid4(), []).split(".")
    other = part(claims(roles=["admin"]))
    deep = urlsafe_b64encode(b"[" * 2500).decode().rstrip("=")
    for token in (
        f"{head}.{other}.{signature}", f"{head}.{body}", f"{head}.{body}.", f"{head}.{body}.{signature}.x", "", "...",
        f"{head}.{body}.{signature[:-4]}", f" {head}.{body}.{signature}", f"{head}.{body}.{signature}\n",
        f"{head}.{'A' * 5000}.{signature}", "é.é.é", f"{part([])}.{body}.{signature}",
        f"{deep}.{body}.{signature}", f"{head}.{part([])}.{signature}",
    ):  # fmt: skip
        with pytest.raises(InvalidToken):
            TOKENS.verify(token)


def test_at_a_rotation_the_first_key_signs_and_all_verify() -> None:
    new = new_pem()
    rotated = Tokens([new, PEM], "mimo", "mimo", 900)
    assert rotated.verify(TOKENS.issue(uuid4(), uuid4(), []))
    with pytest.raises(InvalidToken):
        TOKENS.verify(rotated.issue(uuid4(), uuid4(), []))
    assert len(json.loads(rotated.jwks())["keys"]) == 2


def test_the_published_keys_hold_no_private_part() -> None:
    (key,) = json.loads(TOKENS.jwks())["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg", "key_ops"}


def test_who_only_verifies_needs_only_the_public_keys(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "command")
    tokens = issuing_tokens(settings, load_secrets(settings))
    published = tmp_path / "jwks.json"
    published.write_bytes(tokens.jwks())
    verifier = token_verifier(load_settings(data=tmp_path / "query", public_keys=published))
    token = tokens.issue(uuid4(), uuid4(), ["admin"])
    assert verifier.verify(token) == tokens.verify(token)
    with pytest.raises(InvalidToken):
        verifier.verify(TOKENS.issue(uuid4(), uuid4(), []))
    assert not (tmp_path / "query").exists()
    assert not isinstance(verifier, Tokens)
    assert verifier.jwks() == tokens.jwks()


def test_what_is_no_set_of_public_keys_is_a_configuration_error(tmp_path: Path) -> None:
    other_curve = jwk.construct(new_pem(ec.SECP384R1()), "ES384").public_key().to_dict()
    secret = {"kty": "oct", "k": "AAAA"}
    for keys in (b"", b"{}", b"[]", b'{"keys": []}', b'{"keys": [{}]}', _jwks(other_curve), _jwks(secret)):
        with pytest.raises(ValueError, match="keys"):
            TokenVerifier.of_jwks(keys, "mimo", "mimo")
    published = tmp_path / "jwks.json"
    for _ in range(2):  # missing, then empty
        with pytest.raises(CannotStart, match="MIMO_PUBLIC_KEYS"):
            token_verifier(load_settings(public_keys=published))
        published.touch()


def _jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}, default=bytes.decode).encode()


def test_long_lives_missing_keys_and_other_curves_are_configuration_errors() -> None:
    for keys, seconds in (([], 900), ([PEM], 901), ([PEM], 0), ([new_pem(ec.SECP384R1())], 900)):
        with pytest.raises(ValueError, match="access tokens"):
            Tokens(keys, "mimo", "mimo", seconds)


def _private() -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(PEM.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key
