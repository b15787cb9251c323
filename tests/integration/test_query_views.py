"""The views over HTTP: who sees what, in which shape, page by page."""

import asyncio
from typing import Any
from uuid import uuid4

from query_api import shapes
from tests.integration.query_client import QueryClient
from tests.integration.views_by_hand import MUTE, ViewsByHand

FORGET = "delete from projection.checkpoint where projection = 'messages' and topic = $1"


class TestUsers:
    async def test_own_profile_has_email_and_roles(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        answer = await queries.get("/v1/me", ada)
        assert answer.status_code == 200, answer.text
        assert answer.json() | {"joined_at": ""} == {
            "user_id": str(ada),
            "display_name": "Ada",
            "email": "ada@example.org",
            "roles": ["student"],
            "joined_at": "",
        }
        shapes.Me.model_validate_json(answer.content, strict=True, extra="forbid")

    async def test_public_profile_has_no_email(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada, bob = await views.person("Ada"), await views.person("Bob")
        answer = await queries.get(f"/v1/users/{ada}", bob)
        assert set(answer.json()) == {"user_id", "display_name", "joined_at"}
        shapes.User.model_validate_json(answer.content, strict=True, extra="forbid")

    async def test_nobody(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        answer = await queries.get(f"/v1/users/{uuid4()}", ada)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_strangers_are_asked_to_sign_in(self, queries: QueryClient) -> None:
        for path in (
            "/v1/me", f"/v1/users/{uuid4()}", "/v1/me/courses", f"/v1/courses/{uuid4()}/enrollments",
            f"/v1/courses/{uuid4()}/channels", f"/v1/channels/{uuid4()}/messages", "/v1/pipeline",
        ):  # fmt: skip
            answer = await queries.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path

    async def test_who_is_not_shown_yet_is_told_to_wait(self, queries: QueryClient) -> None:
        answer = await queries.get("/v1/me", uuid4())
        assert (answer.status_code, answer.json()["code"]) == (503, "not_caught_up")
        assert int(answer.headers["retry-after"]) >= 1


class TestCourses:
    async def test_one_course_as_a_stranger_and_as_a_student(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada, bob = await views.person("Ada"), await views.person("Bob")
        course = await views.course(ada, "Rings", capacity=2, tags=["algebra"])
        await views.enrolled(course, bob)
        answer = await queries.get(f"/v1/courses/{course}")
        shapes.Course.model_validate_json(answer.content, strict=True, extra="forbid")
        assert answer.json()["enrolled_count"] == 1
        assert answer.json()["seats_left"] == 1
        assert answer.json()["cannot_enroll_reason"] == "unauthenticated"
        eve = await views.person("Eve")
        assert (await queries.get(f"/v1/courses/{course}", eve)).json()["can_enroll"] is True
        for member in (ada, bob):
            seen = (await queries.get(f"/v1/courses/{course}", member)).json()
            assert (seen["can_enroll"], seen["cannot_enroll_reason"]) == (False, "already_enrolled")
        last = await views.enrolled(course, uuid4())
        seen = (await queries.get(f"/v1/courses/{course}", eve, mimo_bookmark=views.bookmark(last))).json()
        assert (seen["can_enroll"], seen["cannot_enroll_reason"], seen["seats_left"]) == (False, "course_full", 0)

    async def test_drafts_are_for_their_owner_and_admins(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada, bob = await views.person("Ada"), await views.person("Bob")
        draft = await views.draft(ada, "Secret")
        published = await views.course(bob, "Open")
        path = f"/v1/courses/{draft}"
        assert (await queries.get(path)).status_code == 404
        assert (await queries.get(path, bob)).status_code == 404
        assert (await queries.get(path, ada)).json()["cannot_enroll_reason"] == "course_not_open"
        assert (await queries.get(path, bob, admin=True)).status_code == 200
        assert [c["course_id"] for c in await queries.items("/v1/courses")] == [str(published)]
        assert [c["course_id"] for c in await queries.items("/v1/courses", bob)] == [str(published)]
        assert [c["course_id"] for c in await queries.items("/v1/courses", ada)] == [str(published), str(draft)]

    async def test_pages_hold_every_course_once(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        made = [
            await (views.draft if number % 3 == 0 else views.course)(ada, f"Course {number}") for number in range(12)
        ]
        seen, path = [], "/v1/courses?limit=5"
        while path:
            answer = await queries.get(path, ada)
            shapes.CourseList.model_validate_json(answer.content, strict=True, extra="forbid")
            seen += [course["course_id"] for course in answer.json()["items"]]
            assert ("link" in answer.headers) == (answer.json()["next_cursor"] is not None)
            path = answer.headers["link"].split(">")[0].lstrip("<") if "link" in answer.headers else ""
        assert seen == [str(course_id) for course_id in reversed(made)]

    async def test_filters(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        rings = await views.course(ada, "Rings and fields", tags=["algebra", "pure"])
        waves = await views.course(ada, "Waves", tags=["physics"])
        sketch = await views.draft(ada, "Rings sketch", tags=["algebra"])

        async def found(query: str) -> list[str]:
            return [course["course_id"] for course in await queries.items(f"/v1/courses?{query}", ada)]

        assert await found("q=rings") == [str(sketch), str(rings)]
        assert await found("q=rings%20-fields") == [str(sketch)]
        assert await found("tag=physics") == [str(waves)]
        assert await found("tag=algebra&q=fields") == [str(rings)]
        assert await found("q=%20") == [str(sketch), str(waves), str(rings)]
        assert await found("q=nothing") == []

    async def test_my_courses(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada, bob = await views.person("Ada"), await views.person("Bob")
        made = [await views.course(ada, f"Course {number}") for number in range(3)]
        for course in made:
            await views.enrolled(course, bob)
        answer = await queries.get("/v1/me/courses?limit=2", bob)
        shapes.MyCourseList.model_validate_json(answer.content, strict=True, extra="forbid")
        assert [course["course_id"] for course in answer.json()["items"]] == [str(made[2]), str(made[1])]
        rest = await queries.items(f"/v1/me/courses?limit=2&cursor={answer.json()['next_cursor']}", bob)
        assert [course["course_id"] for course in rest] == [str(made[0])]
        assert await queries.items("/v1/me/courses", ada) == []

    async def test_roster(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada, bob, eve = await views.person("Ada"), await views.person("Bob"), await views.person("Eve")
        course = await views.course(ada, "Rings")
        await views.enrolled(course, bob)
        await views.enrolled(course, eve)
        path = f"/v1/courses/{course}/enrollments"
        answer = await queries.get(path, ada)
        shapes.Roster.model_validate_json(answer.content, strict=True, extra="forbid")
        assert [member["display_name"] for member in answer.json()["items"]] == ["Eve", "Bob"]
        first = await queries.get(f"{path}?limit=1", bob, admin=True)
        rest = await queries.items(f"{path}?limit=1&cursor={first.json()['next_cursor']}", ada)
        assert [member["display_name"] for member in rest] == ["Bob"]
        refused = await queries.get(path, bob)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await queries.get(f"/v1/courses/{uuid4()}/enrollments", ada)).status_code == 404


class TestMessages:
    async def test_members_read_newest_first(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada, bob, eve = await views.person("Ada"), await views.person("Bob"), await views.person("Eve")
        course = await views.course(ada, "Rings")
        channel = await views.channel(course, ada)
        await views.enrolled(course, bob)
        for number in range(5):
            await views.said(channel, bob if number % 2 else ada, f"“{number}”")
        path = f"/v1/channels/{channel}/messages"
        for answer in (
            await queries.get(path, bob), await queries.get(path, ada), await queries.get(path, eve, admin=True)
        ):  # fmt: skip
            shown = shapes.MessageList.model_validate_json(answer.content, strict=True, extra="forbid")
            assert [message.text for message in shown.items] == ["“4”", "“3”", "“2”", "“1”", "“0”"]
            assert [message.number for message in shown.items] == [5, 4, 3, 2, 1]
            assert shown.items[0].author_name == "Ada"
            assert shown.last_seq == 6
        refused = await queries.get(path, eve)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_a_member")
        assert (await queries.get(f"/v1/channels/{uuid4()}/messages", bob)).status_code == 404

    async def test_pages_and_bounds(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        channel = await views.channel(await views.course(ada, "Rings"), ada)
        for number in range(7):
            await views.said(channel, ada, str(number))
        path, seen = f"/v1/channels/{channel}/messages?limit=3", []
        while path:
            answer = await queries.get(path, ada)
            seen.append([message["text"] for message in answer.json()["items"]])
            path = answer.headers["link"].split(">")[0].lstrip("<") if "link" in answer.headers else ""
        assert seen == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
        bounded = await queries.items(f"/v1/channels/{channel}/messages?after_seq=3&before_seq=6", ada)
        assert [message["seq"] for message in bounded] == [5, 4]
        assert await queries.items(f"/v1/channels/{channel}/messages?after_seq=8", ada) == []

    async def test_channels_of_a_course(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada, bob = await views.person("Ada"), await views.person("Bob")
        course = await views.course(ada, "Rings")
        general = await views.channel(course, ada)
        await views.channel(course, ada, "proofs")
        path = f"/v1/courses/{course}/channels"
        assert (await queries.get(path, bob)).json()["code"] == "not_a_member"
        event = await views.said(general, ada, "hello")
        answer = await queries.get(path, ada, mimo_bookmark=views.bookmark(event))
        shown = shapes.ChannelList.model_validate_json(answer.content, strict=True, extra="forbid")
        assert [(channel.name, channel.last_seq, channel.message_count) for channel in shown.items] == [
            ("general", 2, 1),
            ("proofs", 1, 0),
        ]
        assert (await queries.get(f"/v1/courses/{uuid4()}/channels", ada)).status_code == 404


class TestPipeline:
    async def test_lag_is_told_to_admins_only(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        assert (await queries.get("/v1/pipeline", ada)).json()["code"] == "forbidden"
        await views.happen("users", ada, "UserProfileChanged", user_id=ada)
        answer = await queries.get("/v1/pipeline", ada, admin=True)
        shown = shapes.Pipeline.model_validate_json(answer.content, strict=True, extra="forbid")
        lag = {projection.name: projection.lag_events for projection in shown.projections if projection.lag_events}
        assert lag == {"users": 1, "messages": 1, "search": 1}
        assert shown.projections[-1].lag_seconds is not None
        assert (shown.position, shown.relay.running, shown.log_id) == (2, False, views.log_id)
        assert shown.relay.reason == "embedded mode: the projections follow the log directly"

    async def test_the_relay_is_told_as_it_has_noted_itself(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        await views.happen("users", ada, "UserProfileChanged", user_id=ada)

        async def relay(noted: str, stopped: str | None = None) -> shapes.Relay:
            statement = f"update log.relay set position = 1, noted_at = {noted}, stopped = $1"
            await views.connection.execute(statement, stopped)
            answer = await queries.get("/v1/pipeline", ada, admin=True)
            return shapes.Pipeline.model_validate_json(answer.content, strict=True, extra="forbid").relay

        running = await relay("now()")
        assert (running.running, running.reason, running.position, running.lag_events) == (True, None, 1, 1)
        assert running.lag_seconds is not None
        assert running.lag_seconds > 0
        silent = await relay("timestamptz '2026-09-01 10:00+00'")
        assert (silent.running, silent.lag_events) == (False, 1)
        assert silent.reason is not None
        assert silent.reason.startswith("no relay was heard of since 2026-09-01 10:00:00 UTC")
        stopped = await relay("now()", "Kafka holds another history")
        assert (stopped.running, stopped.reason) == (False, "Kafka holds another history")


class TestRequests:
    async def test_every_projection_behind_an_answer_is_waited_for(
        self, views: ViewsByHand, queries: QueryClient
    ) -> None:
        ada, bob = await views.person("Ada"), await views.person("Bob")
        course = await views.course(ada, "Rings")
        channel = await views.channel(course, ada)
        await views.enrolled(course, bob)
        said = await views.said(channel, bob, "hello")
        muted = await views.happen("moderation", course, "MemberMuted", course_id=course)
        await views.show(muted, (MUTE, course, bob, ada, views.moment))
        waited_for: set[str] = set()
        read: set[str] = set()
        answers = queries.app.state.answers
        answer = answers.answer

        async def watched(asked: Any, request: Any, projections: Any, compose: Any) -> Any:
            async def composed(reading: Any) -> Any:
                found = await compose(reading)
                read.update(mark[0] for entry, _ in reading.used for mark, _ in entry.marks)
                return found

            waited_for.update(projections)
            return await answer(asked, request, projections, composed)

        answers.answer = watched
        for path, user_id in (
            ("/v1/me", bob), (f"/v1/users/{ada}", bob), ("/v1/courses", bob), (f"/v1/courses/{course}", bob),
            ("/v1/me/courses", bob), (f"/v1/courses/{course}/enrollments", ada), (f"/v1/courses/{course}/mutes", ada),
            (f"/v1/courses/{course}/reports", ada),
            (f"/v1/courses/{course}/channels", bob), (f"/v1/channels/{channel}/messages", bob),
            (f"/v1/channels/{channel}/messages/{said.id}", bob),
        ):  # fmt: skip
            waited_for.clear()
            read.clear()
            assert (await queries.get(path, user_id)).status_code == 200, path
            assert read == waited_for, path

    async def test_a_view_that_follows_less_than_it_should_is_not_read(
        self, views: ViewsByHand, queries: QueryClient
    ) -> None:
        """As one that was born before the projection consumed a second topic."""
        ada = await views.person("Ada")
        channel = await views.channel(await views.course(ada, "Rings"), ada)
        path = f"/v1/channels/{channel}/messages"
        await views.connection.execute(FORGET, "mimo.users")
        answer = await queries.get(path, ada)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_caught_up")
        assert "messages is not built yet" in answer.json()["detail"]

    async def test_etag_and_304(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        first = await queries.get("/v1/me", ada)
        etag = first.headers["etag"]
        again = await queries.get("/v1/me", ada, if_none_match=f'"other", W/{etag}')
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["mimo-bookmark"] == first.headers["mimo-bookmark"]
        event = await views.renamed(ada, "Ada Lovelace")
        changed = await queries.get("/v1/me", ada, if_none_match=etag, mimo_bookmark=views.bookmark(event))
        assert (changed.status_code, changed.json()["display_name"]) == (200, "Ada Lovelace")
        assert changed.headers["etag"] != etag

    async def test_what_is_not_valid_is_422(self, views: ViewsByHand, queries: QueryClient) -> None:
        ada = await views.person("Ada")
        channel = await views.channel(await views.course(ada, "Rings"), ada)
        for path in (
            "/v1/courses?limit=0", "/v1/courses?limit=201", "/v1/courses?cursor=abc", "/v1/courses?cursor=bnVsbA",
            "/v1/courses?q=%00", f"/v1/courses?q={'a' * 201}", "/v1/courses/1", "/v1/me/courses?cursor=W10",
            f"/v1/channels/{channel}/messages?before_seq=-1", f"/v1/channels/{channel}/messages?cursor=WyJ0Il0",
            f"/v1/channels/{channel}/messages?before_seq=99999999999999999999",
        ):  # fmt: skip
            answer = await queries.get(path, ada)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), path
        answer = await queries.get("/v1/me", ada, mimo_bookmark="nonsense")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        answer = await queries.get("/v1/me", ada, mimo_bookmark="log.00000000,users.1:1")
        assert (answer.status_code, answer.json()["code"]) == (409, "history_changed")

    async def test_readiness_tells_what_is_missing(self, views: ViewsByHand, queries: QueryClient) -> None:
        async with asyncio.timeout(10):
            while (answer := await queries.get("/readyz")).status_code != 200:
                pass
        assert answer.json() == {"status": "ready", "not_ready": []}
        metrics = await queries.get("/metrics")
        assert "mimo_query_cache_usable 1.0" in metrics.text
