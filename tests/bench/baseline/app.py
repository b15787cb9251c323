"""Routes of the plain design: the three that the benchmark compares; knows nothing of mimoApp."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, HTTPException, Query, status
from sqlalchemy import and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import contains_eager

from tests.bench.baseline import models, schemas
from tests.bench.baseline.database import Session
from tests.bench.baseline.security import CurrentUser

app = FastAPI(title="Plain design")


async def require_member(session: AsyncSession, channel_id: UUID, user_id: UUID) -> None:
    """Raise 403 unless the user is enrolled in the course of the channel."""
    member = await session.scalar(
        select(models.Channel.id)
        .join(models.Enrollment, models.Enrollment.course_id == models.Channel.course_id)
        .where(models.Channel.id == channel_id, models.Enrollment.user_id == user_id)
    )
    if member is None:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "not a member")


@app.post("/v1/channels/{channel_id}/messages", status_code=status.HTTP_201_CREATED)
async def send_message(
    channel_id: UUID, body: schemas.SendMessage, user_id: CurrentUser, session: Session
) -> schemas.MessageSent:
    """Insert one message and commit."""
    await require_member(session, channel_id, user_id)
    message = models.Message(
        channel_id=channel_id, author_id=user_id, text=body.text, client_message_id=body.client_message_id
    )
    session.add(message)
    await session.commit()
    return schemas.MessageSent(message_id=message.id, seq=message.seq, position=message.seq)


def shown(message: models.Message) -> schemas.Message:
    """One row with its author as the answer's model."""
    return schemas.Message(
        message_id=message.id,
        channel_id=message.channel_id,
        seq=message.seq,
        number=message.seq,
        author_id=message.author_id,
        author_name=message.author.display_name,
        text=message.text,
        sent_at=message.sent_at,
        edited_at=message.edited_at,
        deleted=message.deleted,
        thread_id=message.thread_id,
        reply_count=message.reply_count,
    )


@app.get("/v1/channels/{channel_id}/messages")
async def list_messages(
    channel_id: UUID,
    user_id: CurrentUser,
    session: Session,
    before_seq: int | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> schemas.MessageList:
    """The newest messages of a channel, with their authors' names."""
    await require_member(session, channel_id, user_id)
    query = (
        select(models.Message)
        .join(models.Message.author)
        .options(contains_eager(models.Message.author))
        .where(models.Message.channel_id == channel_id)
        .order_by(models.Message.seq.desc())
        .limit(limit)
    )
    if before_seq is not None:
        query = query.where(models.Message.seq < before_seq)
    rows = (await session.scalars(query)).all()
    return schemas.MessageList(
        items=[shown(row) for row in rows],
        next_cursor=str(rows[-1].seq) if len(rows) == limit else None,
        last_seq=rows[0].seq if rows else 0,
    )


@app.get("/v1/courses/{course_id}")
async def get_course(course_id: UUID, user_id: CurrentUser, session: Session) -> schemas.Course:
    """One course with its enrolled count, and whether the caller may enrol."""
    enrolled = (
        select(func.count())
        .where(models.Enrollment.course_id == models.Course.id)
        .correlate(models.Course)
        .scalar_subquery()
    )
    mine = exists().where(and_(models.Enrollment.course_id == models.Course.id, models.Enrollment.user_id == user_id))
    found = await session.execute(select(models.Course, enrolled, mine).where(models.Course.id == course_id))
    row = found.one_or_none()
    if row is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no such course")
    return seen_by_caller(*row.tuple())


def seen_by_caller(course: models.Course, count: int, enrolled: bool) -> schemas.Course:
    """Put the answer together from the course, its enrolled count and the caller's membership."""
    full = course.capacity is not None and count >= course.capacity
    reason = "already_enrolled" if enrolled else "course_full" if full else None
    if course.status != "published":
        reason = "course_not_open"
    return schemas.Course(
        course_id=course.id,
        title=course.title,
        description=course.description,
        tags=course.tags,
        status=course.status,
        owner_id=course.owner_id,
        capacity=course.capacity,
        enrolled_count=count,
        seats_left=None if course.capacity is None else max(0, course.capacity - count),
        can_enroll=reason is None,
        cannot_enroll_reason=reason,
        created_at=course.created_at,
    )
