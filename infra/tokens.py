"""Access tokens: signing and verifying JSON web tokens, ES256 only (RFC 9068, `at+jwt`).

The only module that knows the token library. Whether a session still goes on is not known here.
Traps of python-jose that it closes: an explicit algorithm, the key chosen by `kid` here and not by the library, every
claim required, keys constructed once, a size cap, and no header that could bring a key along.
"""

from __future__ import annotations

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import time
from typing import Any
from uuid import UUID, uuid4

import orjson
from jose import jwk, jws, jwt
from jose.exceptions import JOSEError

from events.errors import CannotStart, MimoError
from infra.secrets import Secrets, load_secrets
from infra.settings import Settings

ALGORITHM = "ES256"
CURVE = "P-256"
TOKEN_TYPE = "at+jwt"  # noqa: S105
MAX_TOKEN_BYTES = 4096
PUBLIC_MEMBERS = ("crv", "kty", "x", "y")
LEEWAY_SECONDS = 5
MAX_LIFETIME_SECONDS = 900
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_HEADER_FIELDS = frozenset(("alg", "typ", "kid"))
_REQUIRED = {f"require_{claim}": True for claim in ("exp", "iat", "aud", "iss", "sub", "jti")}


class InvalidToken(MimoError):
    """The token is not a valid access token now."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says.

    Args:
        user_id: whose it is.
        session_id: the session that it belongs to.
        roles: what the person was granted, such as `admin`.
        expires_at: seconds since the epoch.
    """

    user_id: UUID
    session_id: UUID
    roles: frozenset[str]
    expires_at: int


class TokenVerifier:
    """Verifies access tokens; it needs no secret.

    Args:
        keys: keys (P-256) of which the public halves are used.
        issuer: who issues.
        audience: for whom.
    """

    def __init__(self, keys: Iterable[Any], issuer: str, audience: str) -> None:
        self._public = {thumbprint(public_jwk(key)): key.public_key() for key in keys}
        self._issuer, self._audience = issuer, audience

    @classmethod
    def of_jwks(cls, jwks: bytes, issuer: str, audience: str) -> TokenVerifier:
        """A verifier that knows keys as `jwks` writes them.

        Raises:
            ValueError: these are not such keys.
        """
        try:
            members = orjson.loads(jwks)["keys"]
            keys = [jwk.construct({name: key[name] for name in PUBLIC_MEMBERS}, ALGORITHM) for key in members]
        except (JOSEError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"not a set of public keys ({type(error).__name__})") from None
        if not keys or any(key["crv"] != CURVE for key in members):
            raise ValueError(f"no set of {CURVE} keys")
        return cls(keys, issuer, audience)

    def verify(self, token: str) -> AccessClaims:
        """What a token says, after every check.

        Raises:
            InvalidToken: it is not a valid access token now.
        """
        if len(token) > MAX_TOKEN_BYTES or not _SHAPE.fullmatch(token):
            raise InvalidToken("This is not an access token.")
        try:
            key = self._key_of(jwt.get_unverified_header(token))
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={**_REQUIRED, "leeway": LEEWAY_SECONDS},
            )
            return self._claims(claims)
        except (JOSEError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InvalidToken("The access token is not valid or has expired.") from error

    def jwks(self) -> bytes:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        keys = [
            {**public_jwk(key), "kid": kid, "use": "sig", "alg": ALGORITHM, "key_ops": ["verify"]}
            for kid, key in self._public.items()
        ]
        return orjson.dumps({"keys": keys})

    def _key_of(self, header: dict[str, Any]) -> Any:
        if header.get("alg") != ALGORITHM or header.get("typ") != TOKEN_TYPE or not _HEADER_FIELDS.issuperset(header):
            raise InvalidToken("This is not an access token.")
        key = self._public.get(header["kid"])
        if key is None:
            raise InvalidToken("The access token was signed with a key that is not known here.")
        return key

    def _claims(self, claims: dict[str, Any]) -> AccessClaims:
        now, issued, expires, roles = time(), claims["iat"], claims["exp"], claims["roles"]
        times_hold = type(issued) is int and type(expires) is int and issued <= now + LEEWAY_SECONDS and expires > now
        if not times_hold or expires - issued > MAX_LIFETIME_SECONDS or claims["aud"] != self._audience:
            raise InvalidToken("The access token is not valid or has expired.")
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise InvalidToken("This is not an access token.")
        return AccessClaims(UUID(claims["sub"]), UUID(claims["sid"]), frozenset(roles), expires)


class Tokens(TokenVerifier):
    """Issues and verifies access tokens.

    Args:
        signing_keys: private keys in PEM (P-256); the first signs, all verify, so keys can overlap at a rotation.
        issuer: who issues.
        audience: for whom.
        lifetime_seconds: how long a token is valid, at most 900.
    """

    def __init__(self, signing_keys: Sequence[str], issuer: str, audience: str, lifetime_seconds: int) -> None:
        if not signing_keys or not 0 < lifetime_seconds <= MAX_LIFETIME_SECONDS:
            raise ValueError("access tokens need a signing key and a lifetime of at most 15 minutes")
        private = [jwk.construct(pem, ALGORITHM) for pem in signing_keys]
        if any(public_jwk(key)["crv"] != CURVE for key in private):
            raise ValueError(f"access tokens are signed with {CURVE} keys")
        super().__init__(private, issuer, audience)
        self._signing_key, self._kid = private[0], thumbprint(public_jwk(private[0]))
        self.lifetime_seconds = lifetime_seconds

    def issue(self, user_id: UUID, session_id: UUID, roles: Iterable[str]) -> str:
        """A fresh access token."""
        now = int(time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": uuid4().hex,
            "iat": now,
            "exp": now + self.lifetime_seconds,
            "roles": sorted(roles),
        }
        headers = {"typ": TOKEN_TYPE, "kid": self._kid}
        return str(jws.sign(claims, self._signing_key, headers=headers, algorithm=ALGORITHM))


def issuing_tokens(settings: Settings, secrets: Secrets) -> Tokens:
    """Tokens as the settings want them."""
    return Tokens(secrets.signing_keys, settings.token_issuer, settings.token_audience, settings.access_token_seconds)


def token_verifier(settings: Settings) -> TokenVerifier:
    """What verifies tokens where none are issued: by the public keys if the settings name them, else by our own.

    Raises:
        CannotStart: the keys cannot be read.
    """
    if settings.public_keys is None:
        return issuing_tokens(settings, load_secrets(settings))
    try:
        jwks = settings.public_keys.read_bytes()
        return TokenVerifier.of_jwks(jwks, settings.token_issuer, settings.token_audience)
    except (OSError, ValueError) as error:
        raise CannotStart(f"MIMO_PUBLIC_KEYS names {settings.public_keys}, which cannot be used: {error}.") from None


def public_jwk(key: Any) -> dict[str, str]:
    """The public half of a constructed key as its required JWK members."""
    members = key.public_key().to_dict()
    return {name: _text(members[name]) for name in PUBLIC_MEMBERS}


def thumbprint(members: dict[str, str]) -> str:
    """The key's name: its JWK thumbprint (RFC 7638)."""
    digest = hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
