"""JSON logs on standard error, one object a line, with phones, tokens and webhook addresses masked."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

_MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)"), r"\1****\2"),
    (re.compile(r"(?<!\d)\d{6}(?:19|20)\d{9}[\dXx](?!\d)"), "[id]"),
    (re.compile(r"(?<![\d.])\d{13,19}(?![\d.])"), "[number]"),
    (re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+"), r"\1[token]"),
    (
        re.compile(
            r"(?i)((?:access_?token|token|key|secret(?:_key)?|sign|password|passwd)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]+"
        ),
        r"\1[secret]",
    ),
    (re.compile(r"(?i)(https?://[^\s/\"'?]+)/[^\s\"']*"), r"\1/[path]"),
    (re.compile(r"(?i)\b(\w+://)[^\s/@\"']*:[^\s/@\"']+@"), r"\1[credentials]@"),
)
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def mask(text: str) -> str:
    """``text`` without phone, ID and card numbers, tokens, passwords, and the paths of addresses."""
    for pattern, put in _MASKS:
        text = pattern.sub(put, text)
    return text


class JsonFormatter(logging.Formatter):
    """One masked JSON object a record: at, level, room, logger, message, the extras, error."""

    def __init__(self, room: str) -> None:
        super().__init__()
        self._room = room

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "room": self._room,
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        line |= {
            k: _masked(k, v)
            for k, v in record.__dict__.items()
            if k not in _STANDARD and not k.startswith("_")
        }
        if record.exc_info:
            line["error"] = mask(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def _masked(name: str, value: object) -> object:
    """An extra, masked together with its name: ``token="x"`` is as secret as the text "token=x"."""
    if value is None or isinstance(value, bool):
        return value
    shown = mask(f"{name}={value}").removeprefix(f"{name}=")
    return value if isinstance(value, int | float) and shown == str(value) else shown


def set_up(room: str, level: str) -> None:
    """Log to standard error as JSON: our modules from ``level`` up, libraries from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(room))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("fenghuo", "producers", "consumers", "broadcast", "console"):
        logging.getLogger(ours).setLevel(level)
