"""Log lines: JSON to stderr, or plain text for a person at a terminal.

Request ids and whatever else is bound with `structlog.contextvars` appear on every line. It must not know what is
logged; nobody may log a secret or personal data. Metrics are made where they are counted (prometheus_client).
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from infra.settings import LogFormat, LogLevel, Settings

FRAMES_SHOWN = 20

LOUD_LIBRARIES = ("alembic", "asyncio", "httpx2", "httpcore2", "uvicorn.access")
ALARMED_LIBRARIES = ("aiokafka",)
"""They call an error what is tried again at once; what matters of it, we say ourselves."""


def configure_logging(settings: Settings, application: str) -> None:
    """Set up logging for this process; call it once, in the entry point.

    Lines of the standard library's loggers (uvicorn, asyncpg …) go the same way.

    Args:
        settings: level and format.
        application: said on every line, such as `command_api`.
    """
    text = settings.log_format is LogFormat.TEXT or (settings.log_format is LogFormat.AUTO and sys.stderr.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _Named(application),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    level = level_number(settings.log_level)
    structlog.configure(
        processors=[*shared, *_rendering(text)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(("trace_id",))],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(text)],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in LOUD_LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in ALARMED_LIBRARIES:
        logging.getLogger(name).setLevel(logging.INFO if level == logging.DEBUG else logging.CRITICAL)


def level_number(level: LogLevel) -> int:
    """The standard library's number of a level."""
    return logging.getLevelNamesMapping()[level.value.upper()]


class _Named:
    """Adds the application's name to each line."""

    def __init__(self, application: str) -> None:
        self._application = application

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["app"] = self._application
        return line


def _rendering(text: bool) -> list[structlog.types.Processor]:
    """The last steps; neither shows local variables, for they hold passwords, tokens and keys."""
    if text:
        colours = sys.stderr.isatty()
        return [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)]
    exceptions = ExceptionDictTransformer(show_locals=False, max_frames=FRAMES_SHOWN)
    return [structlog.processors.ExceptionRenderer(exceptions), structlog.processors.JSONRenderer()]
