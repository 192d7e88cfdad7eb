"""Exceptions: whose fault, which facts, and a sentence that is fit to print."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import realtime_raw.errors as errors
import realtime_raw.events as ev
from realtime_raw.errors import (
    AudioError,
    CommandTimeout,
    ConnectFailed,
    DecodeError,
    InvalidCommand,
    LocalProtocolError,
    MissingExtra,
    Problem,
    RealtimeError,
    RemoteProtocolError,
    ResponseFailed,
    ServerRefused,
    SessionLost,
    TurnTooShort,
)
from realtime_raw.types import CloseInfo, ErrorInfo

EVIL = "no \x1b[2J sk-abcdef123456"
ERROR = ErrorInfo("No.", code="invalid_value", type="invalid_request_error", param="session.type")

SENTENCES: list[tuple[RealtimeError, str]] = [
    (LocalProtocolError("not now"), "not now"),
    (LocalProtocolError("not now", hint="later"), "not now; later"),
    (
        InvalidCommand("SessionUpdate", (Problem("a.b[0]", "bad", "null", "write x"), Problem("", "worse"))),
        "SessionUpdate: a.b[0]: bad (got null); write x | worse",
    ),
    (
        TurnTooShort(42.0),
        "the turn holds 42.0 ms of audio and the server takes no less than 100 ms;"
        " append more audio, or clear() to drop it",
    ),
    (RemoteProtocolError("items", EVIL), "items: no [2J ***"),
    (DecodeError("bad", (Problem("x", EVIL),)), "decode: bad | x: no [2J ***"),
    (DecodeError("bad"), "decode: bad"),
    (ServerRefused(ERROR, "session.update"), "session.update was refused: invalid_value [session.type]: No."),
    (ServerRefused(ErrorInfo(EVIL), "response.create"), "response.create was refused: no code: no [2J ***"),
    (ServerRefused(ErrorInfo("No.", type="server_error"), "x"), "x was refused: server_error: No."),
    (ResponseFailed(ev.Response(id="resp_1"), ERROR), "response resp_1 failed: invalid_value: No."),
    (ResponseFailed(ev.Response(), ErrorInfo("No.")), "response ? failed: no code: No."),
    (CommandTimeout("session.update", 10.0), "session.update got no answer within 10 s"),
    (ConnectFailed(EVIL), "no [2J ***"),
    (ConnectFailed("refused", advice="check the key"), "refused; check the key"),
    (SessionLost(CloseInfo(1006)), "the connection was lost (1006)"),
    (
        SessionLost(CloseInfo(1000, "bye"), expected=True, in_flight=("response.create", "session.update")),
        "the connection was closed (1000 bye); unanswered: response.create, session.update",
    ),
    (AudioError("stereo"), "stereo"),
    (AudioError("stereo", hint="mix it down"), "stereo; mix it down"),
    (MissingExtra("cli", "the command"), "the command needs `pip install 'realtime_raw[cli]'`"),
]


@pytest.mark.parametrize(("error", "sentence"), SENTENCES)
def test_the_sentence(error: RealtimeError, sentence: str) -> None:
    assert str(error) == sentence
    assert repr(error) == f"{type(error).__name__}({sentence!r})"


@pytest.mark.parametrize(("error", "sentence"), SENTENCES)
def test_the_facts_survive_copying_and_pickling(error: RealtimeError, sentence: str) -> None:
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is type(error)
        assert str(other) == sentence
        assert vars(other) == vars(error)


def test_every_exception_is_tried_above() -> None:
    classes = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, RealtimeError)}
    assert {type(error) for error, _ in SENTENCES} == classes - {RealtimeError}
    assert {c.__name__ for c in classes} | {"Problem"} == set(errors.__all__)


def test_the_tree_says_whose_fault_it_is() -> None:
    assert issubclass(InvalidCommand, LocalProtocolError)
    assert issubclass(InvalidCommand, ValueError)
    assert issubclass(TurnTooShort, LocalProtocolError)
    assert issubclass(DecodeError, RemoteProtocolError)
    assert not issubclass(ServerRefused, (LocalProtocolError, RemoteProtocolError))


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (TurnTooShort(42.0, 120.0), {"ms": 42.0, "minimum_ms": 120.0}),
        (ServerRefused(ERROR, "x", "e1"), {"error": ERROR, "command": "x", "event_id": "e1"}),
        (CommandTimeout("x", 1.5, "e1"), {"command": "x", "waited": 1.5, "event_id": "e1"}),
        (
            ConnectFailed("x", status=401, error=ERROR, close=CloseInfo(3000), advice="a"),
            {"status": 401, "error": ERROR, "close": CloseInfo(3000), "advice": "a"},
        ),
        (MissingExtra("cli", "x"), {"extra": "cli", "needed_for": "x"}),
    ],
)
def test_the_facts(error: RealtimeError, facts: dict[str, Any]) -> None:
    assert {name: vars(error)[name] for name in facts} == facts
