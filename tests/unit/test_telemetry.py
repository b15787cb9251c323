"""Log lines are JSON on stderr, carry what is bound to the request, and never show local variables."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infra.settings import LogFormat, LogLevel, load_settings
from infra.telemetry import configure_logging


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_application(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(load_settings(), "query_api")
    structlog.contextvars.bind_contextvars(trace_id="abc")
    structlog.get_logger().info("answered", status=200)
    (line,) = lines(capsys)
    assert line.pop("timestamp")
    assert line == {"event": "answered", "status": 200, "level": "info", "app": "query_api", "trace_id": "abc"}


def test_other_libraries_lines_look_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(load_settings(), "query_api")
    logging.getLogger("uvicorn.error").warning("%s left", "somebody")
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["app"]) == ("somebody left", "warning", "query_api")


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.TEXT])
def test_an_exception_is_logged_without_local_variables(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    configure_logging(load_settings(log_format=log_format), "query_api")
    password = f"very-{'confidential'}"
    try:
        raise ValueError(len(password))
    except ValueError as error:
        structlog.get_logger().error("failed", exc_info=error)
        logging.getLogger("elsewhere").exception("failed too")
    said = capsys.readouterr().err
    assert said.count("ValueError") >= 2
    assert password not in said


def test_less_severe_lines_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(load_settings(log_level=LogLevel.WARNING), "query_api")
    structlog.get_logger().info("quiet")
    logging.getLogger("elsewhere").info("quiet")
    assert lines(capsys) == []


def test_a_person_gets_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(load_settings(log_format=LogFormat.TEXT), "query_api")
    structlog.get_logger().info("answered", status=200)
    said = capsys.readouterr().err
    assert "answered" in said
    assert "status=200" in said
    assert not said.startswith("{")


@pytest.mark.parametrize(("level", "heard"), [(LogLevel.INFO, False), (LogLevel.DEBUG, True)])
def test_a_library_that_cries_wolf_is_heard_when_debugging_only(
    capsys: pytest.CaptureFixture[str], level: LogLevel, heard: bool
) -> None:
    configure_logging(load_settings(log_level=level), "projectors")
    logging.getLogger("aiokafka.consumer").error("Topic not found")
    assert bool(lines(capsys)) is heard
