"""Slim classes are dataclasses to everyone who asks, and refuse what those refuse."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, ClassVar
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.endpoint import Endpoint
from realtime_raw.errors import Problem
from realtime_raw.order_witness import Misplaced
from realtime_raw.protocol.contents import Change
from realtime_raw.protocol.history_item import Part
from realtime_raw.protocol.interruption import InterruptedItem, Interruption
from realtime_raw.protocol.item_record import Segment
from realtime_raw.protocol.responses import Marks, ResponseRecord
from realtime_raw.protocol.state import Options
from realtime_raw.protocol.tools import ToolBatch, ToolCall
from realtime_raw.protocol.turns import States
from realtime_raw.slim import slim
from realtime_raw.times import Intake, Span
from realtime_raw.tokens import Limit, Tokens, Transcriptions
from realtime_raw.transcript import TranscriptLine
from realtime_raw.turn import ToolUse
from realtime_raw.types import AudioKey, CloseInfo, ErrorInfo, Heard
from realtime_raw.usage import Budget, BudgetLeft, Prices

# Each body below is made a class twice, by `slim` and by `dataclass`.


class Plain:
    """Some needed, some not, one made anew each time."""

    a: int
    b: str
    c: list[int] = field(default_factory=list)
    d: float | None = None


class Named:
    """One that stands behind `*`, one that nobody compares, one that nobody shows, one that is no field."""

    a: int
    b: str = "b"
    c: dict[str, int] = field(default_factory=dict, compare=False)
    d: object = field(default=0.5, repr=False, kw_only=True)
    LIMIT: ClassVar[int] = 3


class One:
    """A single field."""

    a: object


class NoField:
    """None at all."""


class Checked:
    """Looks at itself when it is made, and makes something of it."""

    a: int = 0
    b: object = None

    def __post_init__(self) -> None:
        if self.a == 7:
            raise ValueError("seven")
        object.__setattr__(self, "b", (self.a, "seen"))


class Own:
    """With methods of its own, which are left to it."""

    a: int
    b: str = ""

    def __repr__(self) -> str:
        return "own"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))

    def __hash__(self) -> int:
        return 1


BODIES = (Plain, Named, One, NoField, Checked, Own)
KINDS = [
    {"frozen": frozen, "kw_only": kw_only, "eq": eq}
    for frozen in (True, False)
    for kw_only in (False, True)
    for eq in (True, False)
]
NAMES = st.sampled_from(("a", "b", "c", "d", "e", "self", "cls"))
VALUES = st.integers(-1, 9) | st.just("b") | st.just(float("nan")) | st.lists(st.integers(0, 1), max_size=1)


def body(of: type) -> type:
    made = type(of.__name__, (), {k: v for k, v in vars(of).items() if k not in ("__dict__", "__weakref__")})
    made.__qualname__ = of.__name__
    return made


def pair(of: type, kind: dict[str, bool]) -> tuple[Any, Any]:
    make: Any = slim(**kind)
    return make(body(of)), dataclass(slots=True, **kind)(body(of))


PAIRS = [pair(of, kind) for of in BODIES for kind in KINDS]


def outcome(call: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """What comes of a call: a value, or the kind of its refusal."""
    try:
        return call(*args, **named)
    except Exception as refusal:
        return type(refusal)


def shown(of: Any) -> str | type:
    return of if isinstance(of, type) else repr(of)


@given(st.sampled_from(PAIRS), st.lists(VALUES, max_size=5), st.dictionaries(NAMES, VALUES, max_size=4))
def test_made_and_refused_alike(classes: tuple[Any, Any], args: list[Any], named: dict[str, Any]) -> None:
    """What a dataclass takes is taken, with the same fields; what it refuses is refused in the same way."""
    mine, real = [outcome(cls, *args, **named) for cls in classes]
    assert shown(mine) == shown(real)
    if not isinstance(real, type):
        for look in (dataclasses.asdict, dataclasses.astuple):
            assert repr(look(mine)) == repr(look(real))
        changed = [shown(outcome(dataclasses.replace, one, **named)) for one in (mine, real)]
        assert changed[0] == changed[1]


@given(st.sampled_from(PAIRS), st.lists(VALUES, max_size=4), st.lists(VALUES, max_size=4))
def test_compared_alike(classes: tuple[Any, Any], first: list[Any], second: list[Any]) -> None:
    """Equal and of one hash where the dataclass says so, and never equal to another class."""
    names = [one.name for one in dataclasses.fields(classes[0])]
    told = [dict(zip(names, values, strict=False)) for values in (first, second)]
    (mine, other), (real, its_other) = [[outcome(cls, **named) for named in told] for cls in classes]
    if isinstance(real, type) or isinstance(its_other, type):
        return
    assert (mine == other) is (real == its_other)
    assert (mine != other) is (real != its_other)
    assert mine != real
    assert real != mine
    same, its_same = copy.copy(mine), copy.copy(real)
    assert (same == mine) is (its_same == real)
    assert isinstance(outcome(hash, mine), int) is isinstance(outcome(hash, real), int)
    if same == mine:
        assert outcome(hash, same) == outcome(hash, mine) == outcome(hash, real)


@pytest.mark.parametrize(("mine", "real"), PAIRS)
def test_the_class_is_a_dataclass(mine: Any, real: Any) -> None:
    """Fields, parameters, positions and slots are those of the dataclass."""
    is_one = dataclasses.is_dataclass(mine)
    assert is_one
    assert mine.__match_args__ == real.__match_args__
    assert mine.__slots__ == real.__slots__
    assert mine.__doc__ == real.__doc__
    assert str(inspect.signature(mine)) == str(inspect.signature(real))
    assert [str(one) for one in dataclasses.fields(mine)] == [str(one) for one in dataclasses.fields(real)]
    assert (mine.__hash__ is None) is (real.__hash__ is None)
    named = {one.name: "x" for one in dataclasses.fields(mine) if one.name in "ab"}
    first, its = mine(**named), real(**named)
    assert repr(first) == repr(its)
    if mine.__eq__ != object.__eq__:
        assert outcome(hash, first) == outcome(hash, its)
    for one in dataclasses.fields(mine):  # another value in any of them
        value: dict[str, Any] = {one.name: "y"}
        assert (dataclasses.replace(first, **value) == first) is (dataclasses.replace(its, **value) == its)


def test_others_may_know_better() -> None:
    """Whether it is equal to something of another class is left to that one."""
    assert Problem("a", "b") == ANY


def test_the_signature_is_the_class_s_own() -> None:
    """No instance has one, and a class below that has a constructor of its own shows that."""
    problem = Problem("a", "b")
    assert not hasattr(problem, "__signature__")

    class Below(Problem):
        def __init__(self, other: int) -> None:
            super().__init__("a", str(other))

    assert list(inspect.signature(Below).parameters) == ["other"]
    assert Below(3).message == "3"


@pytest.mark.parametrize(
    ("args", "named", "says"),
    [
        ((), {}, "path"),
        (("p",), {}, "message"),
        (("p", "m"), {"hints": "h"}, "hints"),
        (("p", "m"), {"path": "p"}, "path"),
        (("p", "m", "f", "h", "x"), {}, "too many positional"),
    ],
)
def test_refusals_name_the_class_and_the_argument(
    args: tuple[str, ...], named: dict[str, str], says: str
) -> None:
    """As the message of any function does."""
    with pytest.raises(TypeError, match=f"^Problem: .*{says}"):
        Problem(*args, **named)


def test_frozen() -> None:
    """Neither set nor deleted, not even what is no field."""
    close = CloseInfo(1000)
    for name in ("code", "other"):
        with pytest.raises(FrozenInstanceError, match=name):
            setattr(close, name, 1)
        with pytest.raises(FrozenInstanceError, match=name):
            delattr(close, name)
    assert close.code == 1000


def test_not_frozen() -> None:
    """Set and deleted like any attribute, and nothing beside the fields."""
    marks = Marks(1.0)
    marks.done = 2.0
    assert marks == Marks(1.0, done=2.0)
    del marks.done
    assert not hasattr(marks, "done")
    with pytest.raises(AttributeError):
        marks.other = 1  # type: ignore[attr-defined]


def test_defaults_are_made_anew() -> None:
    """No two share a list, whether given by name or by position."""
    for first, second in (
        (Endpoint("wss://a.example"), Endpoint(url="wss://a.example")),
        (Endpoint("wss://a.example"), Endpoint("wss://a.example")),
    ):
        assert first.headers == second.headers == {}
        assert first.headers is not second.headers


def test_a_written_constructor_is_kept() -> None:
    """The rest is shared: what is shown are the fields, in order."""
    record = ResponseRecord("a", "asked", "event", speaks=True)
    assert repr(record) == (
        "ResponseRecord(id='a', origin='asked', command='event', status='in_progress', response=None,"
        " error=None, muted=False, late_deltas=0, speaks=True, overflowed=False, presumed=False,"
        " encoding='audio/pcm', marks=Marks(asked=None, created=None, first_audio=None, first_text=None,"
        " done=None), item_ids=[], sounds={}, ended=set())"
    )
    assert list(inspect.signature(ResponseRecord).parameters) == [
        "response_id",
        "origin",
        "command",
        "speaks",
    ]


def test_one_that_holds_itself_is_shown() -> None:
    """As a dataclass does, with dots where it begins again."""

    @slim(frozen=False)
    class Ring:
        """It may hold itself."""

        next: Any = None

    ring = Ring()
    ring.next = ring
    assert repr(ring).endswith("Ring(next=...)")


# The public ones, one of each.

PUBLIC: list[Any] = [
    Problem("session.voice", "unknown", "str", hint="say alloy"),
    CloseInfo(1001, "gone", by_us=True),
    ErrorInfo("no", code="bad", param="item"),
    Heard(AudioKey("item_1"), 240, 480, 24000),
    Endpoint("wss://example.org/v1", headers={"x-tenant": "sk-secret-1"}, credential="sk-secret-2"),
    Segment("s", "hello", "A", 0.0, 1.5),
    Part(index=0, type="output_audio", transcript="hi", segments=(Segment("s", "hi", None, None, None),)),
    ToolCall("resp", "item", "call", "add", "{}"),
    ToolBatch("resp", (ToolCall("resp", "item", "call", "add", "{}"),), complete=False),
    ToolUse("call", "add", "{}", started=1.0),
    TranscriptLine(item_id="item", role="user", text="hello", final=True, spoken=False),
    Tokens(total=3, input=1, output=2),
    Transcriptions(count=1, seconds=1.5),
    Limit(name="requests", limit=3.0, remaining=2.0, resets_at=None, seen_at=1.0),
    Prices(input_text=1.0, input_audio=2.0, output_text=3.0, output_audio=4.0),
    Budget(max_tokens=100),
    BudgetLeft(tokens=1, usd=None, projected=Tokens(), projected_usd=None),
    Intake(480, 10.0, 1.0, 1.01),
    Span(1.0, None, "played"),
    Misplaced(None, ("item",), "other"),
    Change("changed", "item", "text"),
    Options(strict=True),
    InterruptedItem("item", 0, 100, 200, "truncate"),
    Interruption("resp", None, (InterruptedItem("item", 0, None, 200, "leave"),), "interrupt"),
    States(),
    Marks(1.0, 2.0),
]


def twin(cls: Any) -> Any:
    """The dataclass with the fields and the methods that a slim class states itself."""
    left_out = {"__dict__", "__slots__", "__match_args__", "__replace__", "__slim__", "__signature__"}
    members = {
        name: value
        for name, value in vars(cls).items()
        if name not in left_out
        and not name.startswith("__dataclass")
        and getattr(value, "__module__", "") != slim.__module__
        and not inspect.ismemberdescriptor(value)
        and (name, value) != ("__hash__", None)
    }
    for one in dataclasses.fields(cls):
        given: dict[str, Any] = {"default": one.default, "default_factory": one.default_factory}
        members[one.name] = field(repr=one.repr, compare=one.compare, kw_only=bool(one.kw_only), **given)
    members["__annotations__"] = {one.name: one.type for one in dataclasses.fields(cls)}
    made = type(cls.__name__, (), members)
    frozen, compares = cls.__setattr__ != object.__setattr__, cls.__eq__ != object.__eq__
    return dataclass(frozen=frozen, eq=compares, slots=True)(made)


@pytest.mark.parametrize("one", PUBLIC, ids=lambda one: type(one).__name__)
def test_public_ones_are_what_they_were(one: Any) -> None:
    """Repr, parameters, plain data, hash, copies and pickles are those of a dataclass."""
    cls: Any = type(one)
    real = twin(cls)
    other = real(**{f.name: getattr(one, f.name) for f in dataclasses.fields(one)})
    assert repr(one) == repr(other)
    assert str(inspect.signature(cls)) == str(inspect.signature(real))
    assert dataclasses.asdict(one) == dataclasses.asdict(other)
    compares = cls.__eq__ != object.__eq__
    assert (outcome(hash, one) == outcome(hash, other)) is compares
    copies = (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one)), dataclasses.replace(one))
    for again in copies:
        assert type(again) is cls
        assert repr(again) == repr(one)
        assert (again == one) is compares
        assert (outcome(hash, again) == outcome(hash, one)) is compares


def test_an_endpoint_shows_no_key() -> None:
    """Neither its own repr, nor the one that every slim class has, at any depth."""
    endpoint = next(one for one in PUBLIC if isinstance(one, Endpoint))

    @slim
    class Holder:
        """It holds an endpoint."""

        endpoint: Endpoint

    for text in (repr(endpoint), repr(Holder(endpoint)), repr(dataclasses.replace(endpoint, sideband=True))):
        assert "example.org" in text
        assert "secret" not in text


def test_positions_match() -> None:
    """In a `match` statement, by position and by name."""
    match Problem("a", "b", hint="h"):
        case Problem(path, message, hint=hint):
            assert (path, message, hint) == ("a", "b", "h")
        case _:
            pytest.fail("it does not match")
