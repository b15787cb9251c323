"""What the doctor makes of what it finds: sentences that say what is wrong, and what to do."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from events.catalog import TOPICS
from infra.kafka.cluster import Cluster
from infra.kafka.inspection import Topic
from infra.kafka.topics import topic_settings
from infra.migrations.revision import Revision
from infra.relay.standing import Standing
from infra.settings import load_settings
from mimo.doctor.database import Log, judge_log, judge_missing_keys, judge_revision
from mimo.doctor.finding import Finding, Verdict, is_healthy
from mimo.doctor.pipeline import judge_pipeline
from mimo.doctor.processes import Process, judge_processes
from mimo.doctor.topics import judge_content, judge_topics
from mimo.readiness import Readiness
from mimo.status import Line, Status

LOG = Log("18.6", UUID(int=7), 12, 40)
CLUSTER = Cluster("kafka:9092", prefix="school.")
RELAY = Standing(
    position=40, noted_at=datetime(2026, 9, 1, tzinfo=UTC), stopped=None, lag_events=0, lag_seconds=0.0, running=True,
    dead_letters=0,
)  # fmt: skip
LINE = Line("users", 1, 1, "live", 0, 0.0, 0, None)
READY, UNREADY = Readiness(True, None), Readiness(True, "users: stopped: it cannot")
SILENT = Readiness(False, "it does not answer")
API = Process("command API", "--command-port", 8001, True, READY)
NO_RELAY = Process("relay", "--relay-port", 8004, False, SILENT)


def verdicts(findings: list[Finding]) -> list[Verdict]:
    return [finding.verdict for finding in findings]


class TestDatabase:
    def test_the_newest_revision_needs_no_word(self) -> None:
        assert judge_revision(Revision("0002", "0002", True)) == []
        assert "40 events of history 00000000-" in judge_log(LOG).sentence

    @pytest.mark.parametrize(
        ("revision", "remedy"),
        [
            (Revision(None, "0002", True), "mimo migrate"),
            (Revision("0001", "0002", True), "mimo migrate"),
            (Revision("0009", "0002", False), "Install that version"),
        ],
    )
    def test_another_revision_is_wrong(self, revision: Revision, remedy: str) -> None:
        (finding,) = judge_revision(revision)
        assert finding.verdict is Verdict.WRONG
        assert remedy in finding.remedy

    def test_a_missing_secret_key_is_wrong_only_where_events_need_it(self, tmp_path: Path) -> None:
        settings = load_settings(data=tmp_path)
        (finding,) = judge_missing_keys(settings, LOG)
        assert (finding.verdict, finding.subject) == (Verdict.WRONG, "keys")
        assert "before the next start" in finding.remedy
        (finding,) = judge_missing_keys(settings, replace(LOG, position=0))
        assert finding.verdict is Verdict.NOTE

    def test_missing_signing_keys_are_made_anew(self, tmp_path: Path) -> None:
        settings = load_settings(data=tmp_path, secret_key="ab" * 32)
        assert verdicts(judge_missing_keys(settings, LOG)) == [Verdict.NOTE]
        tmp_path.joinpath("keys").mkdir()
        tmp_path.joinpath("keys", "signing-1.pem").touch()
        assert judge_missing_keys(settings, LOG) == []


class TestParts:
    def test_ready_parts_are_fine_and_unready_ones_say_why(self) -> None:
        projector = Process("projector", "--projector-port", 8003, True, UNREADY)
        first, second = judge_processes([API, projector, NO_RELAY], kafka=False)
        assert (first.verdict, second.verdict) == (Verdict.FINE, Verdict.WRONG)
        assert second.sentence == "It is not ready: users: stopped: it cannot."

    def test_a_relay_is_missed_in_kafka_mode_only(self) -> None:
        assert is_healthy(judge_processes([API, NO_RELAY], kafka=False))
        missed = judge_processes([API, NO_RELAY], kafka=True)[-1]
        assert (missed.verdict, missed.sentence) == (Verdict.WRONG, "Not running here: relay.")

    def test_nothing_running_is_only_a_note(self) -> None:
        silent = replace(API, running=False, said=SILENT)
        assert verdicts(judge_processes([silent, NO_RELAY], kafka=True)) == [Verdict.NOTE]

    def test_who_has_the_port_is_said(self) -> None:
        taken = replace(API, running=False, said=SILENT, holder=" by nginx (pid 3)")
        (finding,) = judge_processes([taken], kafka=False)
        assert finding.sentence == "Its port 8001 is in use by nginx (pid 3)."
        assert "--command-port" in finding.remedy

    def test_a_part_that_hangs_is_wrong(self) -> None:
        (finding,) = judge_processes([replace(API, said=SILENT)], kafka=False)
        assert (finding.verdict, finding.sentence) == (Verdict.WRONG, "It runs, but does not answer on port 8001.")


class TestTopics:
    def topics(self, partitions: int = 12, settings: Mapping[str, str] | None = None) -> Mapping[str, Topic]:
        return {name: Topic(partitions, 1, {**topic_settings(1), **(settings or {})}) for name in TOPICS}

    def test_topics_as_the_relay_makes_them_are_fine(self) -> None:
        assert is_healthy([*judge_topics(CLUSTER, LOG, self.topics()), judge_content([])])

    def test_missing_ones_are_named_as_the_cluster_knows_them(self) -> None:
        finding = judge_topics(CLUSTER, LOG, {})[-1]
        assert finding.verdict is Verdict.WRONG
        assert "school.mimo.users" in finding.sentence

    def test_another_number_of_partitions_is_wrong(self) -> None:
        finding = judge_topics(CLUSTER, LOG, self.topics(partitions=3))[-1]
        assert "has 3 partitions, the log 12" in finding.sentence
        assert "mimo topics delete" in finding.remedy

    @pytest.mark.parametrize(
        ("settings", "verdict"),
        [
            ({"cleanup.policy": "compact"}, Verdict.WRONG),
            ({"max.message.bytes": "1000"}, Verdict.WRONG),
            ({"retention.ms": "86400000"}, Verdict.NOTE),
            ({"max.message.bytes": "9000000"}, Verdict.FINE),
        ],
    )
    def test_settings_that_lose_events_are_wrong(self, settings: dict[str, str], verdict: Verdict) -> None:
        assert judge_topics(CLUSTER, LOG, self.topics(settings=settings))[-1].verdict is verdict

    def test_another_history_is_said_with_what_to_do_in_order(self) -> None:
        finding = judge_content(["mimo.users.1 ends with event 9 in Kafka, with 7 in the log", "more", "more"])
        assert "(and 2 more partitions)" in finding.sentence
        assert "restored from an older backup" in finding.sentence
        assert finding.remedy.index("mimo log renew") < finding.remedy.index("mimo topics delete")


class TestPipeline:
    def judge(
        self, relay: Standing | None = RELAY, line: Line = LINE, letters: int = 0, *, kafka: bool = True
    ) -> Finding:
        """The worst of what is said."""
        found = judge_pipeline(Status(40, (line,), relay, letters), kafka=kafka)
        return max(found, key=lambda finding: list(Verdict).index(finding.verdict))

    def test_all_that_flows_is_fine(self) -> None:
        assert self.judge().verdict is Verdict.FINE

    def test_a_relay_that_refuses_says_why(self) -> None:
        finding = self.judge(replace(RELAY, stopped="Kafka holds more than the log."))
        assert finding.verdict is Verdict.WRONG
        assert "Kafka holds more than the log." in finding.sentence

    def test_a_relay_that_is_silent_is_wrong_in_kafka_mode_only(self) -> None:
        silent = replace(RELAY, running=False, lag_events=5, lag_seconds=60.0)
        assert "python -m infra.relay" in self.judge(silent).remedy
        assert self.judge(silent, kafka=False).verdict is Verdict.NOTE
        assert self.judge(replace(silent, stopped="old"), kafka=False).verdict is Verdict.NOTE

    def test_one_that_has_never_run_is_only_noted(self) -> None:
        assert self.judge(None).verdict is Verdict.NOTE
        assert self.judge(None, kafka=False).verdict is Verdict.FINE

    def test_a_relay_that_is_far_behind_is_wrong(self) -> None:
        assert self.judge(replace(RELAY, lag_events=5, lag_seconds=60.0)).verdict is Verdict.WRONG

    @pytest.mark.parametrize(
        ("line", "verdict"),
        [
            (replace(LINE, stopped="it cannot be applied"), Verdict.WRONG),
            (replace(LINE, parked=2), Verdict.WRONG),
            (replace(LINE, status="building"), Verdict.NOTE),
            (replace(LINE, status="aside"), Verdict.NOTE),
            (replace(LINE, status="standby"), Verdict.FINE),
            (replace(LINE, unfollowed_since=datetime(2026, 9, 1, tzinfo=UTC)), Verdict.NOTE),
            (replace(LINE, events_behind=9, seconds_behind=60.0), Verdict.NOTE),
        ],
    )
    def test_what_a_projection_is_said_to_be(self, line: Line, verdict: Verdict) -> None:
        assert self.judge(line=line).verdict is verdict

    def test_dead_letters_want_to_be_looked_at(self) -> None:
        assert "mimo dead-letters" in self.judge(letters=2).remedy

    def test_without_any_projection_that_is_noted(self) -> None:
        assert verdicts(judge_pipeline(Status(0, (), None, 0), kafka=False)) == [Verdict.NOTE]
