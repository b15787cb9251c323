"""Fill the plain design's database with the benchmark's school and make its tokens; run before its server."""

from __future__ import annotations

import time
from pathlib import Path
from uuid import UUID, uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwt
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from tests.bench import school
from tests.bench.baseline import models
from tests.bench.school import School, SchoolSize

TOKEN_SECONDS = 3600


def make_tokens(user_ids: list[UUID], public_key_file: Path) -> tuple[str, ...]:
    """Make a key pair, write the public half to `public_key_file` (PEM), sign one access token per user."""
    private = ec.generate_private_key(ec.SECP256R1())
    public_key_file.write_bytes(
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    now = int(time.time())
    claims = {"iss": "mimo", "aud": "mimo", "iat": now, "exp": now + TOKEN_SECONDS}
    return tuple(
        str(jwt.encode({**claims, "sub": str(user_id), "jti": str(uuid4())}, pem, "ES256")) for user_id in user_ids
    )


async def insert_people_and_courses(
    connection: AsyncConnection, size: SchoolSize
) -> tuple[list[UUID], list[UUID], list[UUID]]:
    """Insert users, courses, channels and enrolments; return the user, course and channel ids."""
    users, courses = [uuid4() for _ in range(size.users)], [uuid4() for _ in range(size.courses)]
    channels = [uuid4() for _ in courses]
    await connection.execute(
        insert(models.User),
        [
            {"id": user_id, "email": f"student{number}@example.org", "display_name": school.user_name(number)}
            for number, user_id in enumerate(users)
        ],
    )
    await connection.execute(
        insert(models.Course),
        [
            {
                "id": course_id,
                "title": school.course_title(number),
                "description": school.COURSE_DESCRIPTION,
                "tags": list(school.COURSE_TAGS),
                "status": "published",
                "owner_id": users[0],
                "capacity": size.capacity,
            }
            for number, course_id in enumerate(courses)
        ],
    )
    await connection.execute(
        insert(models.Channel),
        [
            {"id": channel_id, "course_id": course_id, "name": "General"}
            for channel_id, course_id in zip(channels, courses, strict=True)
        ],
    )
    await connection.execute(
        insert(models.Enrollment),
        [{"course_id": course_id, "user_id": user_id} for course_id in courses for user_id in users],
    )
    return users, courses, channels


async def seed(database_url: str, base_url: str, public_key_file: Path, size: SchoolSize) -> School:
    """Create the tables in an empty database (URL with `postgresql+asyncpg://`) and fill them."""
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(models.Base.metadata.create_all)
        users, courses, channels = await insert_people_and_courses(connection, size)
        await connection.execute(
            insert(models.Message),
            [
                {"channel_id": channel_id, "author_id": users[number % len(users)], "text": school.TEXT}
                for channel_id in channels
                for number in range(size.messages_per_channel)
            ],
        )
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
    await engine.dispose()
    return School(
        commands=base_url,
        queries=base_url,
        tokens=make_tokens(users, public_key_file),
        course_ids=tuple(str(course_id) for course_id in courses),
        channel_ids=tuple(str(channel_id) for channel_id in channels),
    )
