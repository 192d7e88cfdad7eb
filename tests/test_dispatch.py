"""Which handlers an event reaches: by class, base class, wire name, signal name, or all."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from realtime_raw import events as ev
from realtime_raw.dispatch import Registry
from realtime_raw.errors import LocalProtocolError
from realtime_raw.events.base import ClientEvent, ServerEvent, UnknownServerEvent
from realtime_raw.protocol.signals import PlaybackFinished, Signal

DONE = ev.ResponseDone(type="response.done")
CREATE = ev.ResponseCreate()
FINISHED = PlaybackFinished(item_id="item_1", content_index=0)
VENDOR = UnknownServerEvent(type="localai.classifier.result")


def nothing(event: object) -> None:
    """A handler."""


def reached(registry: Registry, event: Any) -> list[object]:
    return [one.handler for one in registry.resolve(event)]


@pytest.mark.parametrize(
    ("kind", "event", "other"),
    [
        (ev.ResponseDone, DONE, FINISHED),
        (ServerEvent, DONE, CREATE),
        (ClientEvent, CREATE, DONE),
        (Signal, FINISHED, DONE),
        (PlaybackFinished, FINISHED, DONE),
        ("response.done", DONE, CREATE),
        ("response.create", CREATE, DONE),
        ("playback.finished", FINISHED, DONE),
        ("localai.classifier.result", VENDOR, DONE),
    ],
)
def test_kinds(kind: Any, event: Any, other: Any) -> None:
    """Each way of naming a kind reaches its event and no other."""
    registry = Registry()
    registry.on(kind)(nothing)
    assert reached(registry, event) == [nothing]
    assert reached(registry, other) == []


def test_star_is_everything() -> None:
    """Sent, received, signalled, known or not."""
    registry = Registry()
    registry.on("*")(nothing)
    for event in (DONE, CREATE, FINISHED, VENDOR):
        assert reached(registry, event) == [nothing]


def test_order_is_that_of_subscription() -> None:
    """Whatever the kinds; also for handlers that came after the first event."""
    registry = Registry()
    calls: list[Callable[[Any], None]] = [lambda event: None for _ in range(4)]
    registry.on("*")(calls[0])
    registry.on(ev.ResponseDone)(calls[1])
    assert reached(registry, DONE) == calls[:2]
    registry.on(ServerEvent)(calls[2])
    registry.on("response.done")(calls[3])
    assert reached(registry, DONE) == calls


def test_several_kinds_deliver_once() -> None:
    """A stream of overlapping kinds sees each event one time."""
    registry = Registry()
    registry.add((ServerEvent, "response.done", "*"), nothing)
    assert reached(registry, DONE) == [nothing]


def test_off_ends_it() -> None:
    """By handle or by function; twice is no fault."""
    registry = Registry()
    one = registry.on(ev.ResponseDone)(nothing)
    registry.on("*")(nothing)
    one.off()
    one.off()
    assert len(registry.resolve(DONE)) == 1
    registry.off(nothing)
    assert registry.resolve(DONE) == ()
    other = registry.on("*")(nothing)
    kept = registry.on("*")(lambda event: None)
    registry.off(other)
    assert list(registry) == [kept]


def test_a_decorated_function_stays_one() -> None:
    """It can be called, and decorated again; each subscription has its own end."""
    registry = Registry()
    seen: list[object] = []

    @registry.on(ev.ResponseDone)
    @registry.on("playback.finished")
    def handler(event: Any) -> None:
        seen.append(event)

    handler(DONE)
    assert seen == [DONE]
    handler.off()
    assert reached(registry, DONE) == []
    assert reached(registry, FINISHED) == [handler.handler]


def test_what_is_async() -> None:
    """Coroutine functions, also behind `partial`, a method or a callable object."""

    class Both:
        async def method(self, event: object) -> None: ...
        async def __call__(self, event: object) -> None: ...

    async def function(event: object) -> None: ...

    registry = Registry()
    for handler in (function, functools.partial(functools.partial(function)), Both().method, Both()):
        assert registry.on("*")(handler).is_async
    for plain in (nothing, functools.partial(nothing), lambda event: None, print):
        assert not registry.on("*")(plain).is_async


def test_reports_name_the_handler() -> None:
    """By its function's name, or its class."""

    class Listener:
        def __call__(self, event: object) -> None: ...

    registry = Registry()
    assert registry.on("*")(nothing).label == "nothing"
    assert registry.on("*")(functools.partial(nothing)).label == "nothing"
    assert registry.on("*")(Listener()).label.endswith("Listener")
    assert repr(registry.add((ev.ResponseDone, "error"), nothing)) == (
        "<Subscription nothing on ResponseDone, error>"
    )


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("response.audio.delta", "response.output_audio.delta"),
        ("response.cancelled", "response.done"),
        ("respose.done", "did you mean 'response.done'"),
        ("input_audio_buffer.commited", "did you mean 'input_audio_buffer.committed'"),
        ("playback_finished", "did you mean 'playback.finished'"),
        (int, "is no kind of event"),
        (None, "is no kind of event"),
        (DONE, "is no kind of event"),
    ],
)
def test_kinds_that_never_come(kind: Any, words: str) -> None:
    """Retired names and misspellings would wait for ever, so they are refused when subscribed."""
    with pytest.raises(LocalProtocolError, match=words):
        Registry().on(kind)
    with pytest.raises(LocalProtocolError, match=words):
        Registry().add((kind,), nothing)


def test_a_handler_is_a_function() -> None:
    """The mistake of calling it oneself: `on(kind)(handler())`."""
    with pytest.raises(LocalProtocolError, match="a function of one event"):
        Registry().on("*")(None)  # type: ignore[arg-type]


def test_a_flood_of_names_is_not_remembered() -> None:
    """Each unknown event of a hostile server may have a new name."""
    registry = Registry()
    registry.on("*")(nothing)
    for i in range(3000):
        assert reached(registry, UnknownServerEvent(type=f"x{i}")) == [nothing]
    assert len(registry._resolved) <= 1024
