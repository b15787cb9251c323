"""Who is calling: python-jose verifies the ES256 access token on every request; knows nothing of routes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import Depends, HTTPException, status
from fastapi.security import OAuth2PasswordBearer
from jose import JWTError, jwk, jwt

ALGORITHM = "ES256"
ISSUER = "mimo"
AUDIENCE = "mimo"

bearer = OAuth2PasswordBearer(tokenUrl="/v1/auth/token")
# Constructed once: PEM text for each call would make python-jose parse the key every time.
public_key = jwk.construct(Path(os.environ["BASELINE_PUBLIC_KEY"]).read_text(), ALGORITHM)


async def current_user(token: Annotated[str, Depends(bearer)]) -> UUID:
    """Return the caller's user id, or raise 401."""
    try:
        claims = jwt.decode(token, public_key, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER)
        return UUID(claims["sub"])
    except (JWTError, KeyError, ValueError) as error:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "invalid token") from error


CurrentUser = Annotated[UUID, Depends(current_user)]
