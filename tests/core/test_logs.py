from __future__ import annotations

import json
import logging
import sys

from answerback.core.logs import JsonLines


def test_one_line_whatever_is_said() -> None:
    try:
        raise ValueError("line\nbreak")
    except ValueError:
        fault = sys.exc_info()
    record = logging.LogRecord("mail", logging.ERROR, "f", 1, "from %s\nforged", ("Ümit\u2028",), fault)
    text = JsonLines().format(record)
    assert "\n" not in text
    line = json.loads(text)
    assert (line["level"], line["message"]) == ("ERROR", "from Ümit\u2028\nforged")
    assert "ValueError" in line["traceback"]
