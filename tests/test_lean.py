"""A lean dataclass behaves as the standard one that it stands for."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from realtime_raw import lean


class Mutable:
    """A class body with all that a field may be."""

    kind: ClassVar[str] = "x"
    name: str
    size: int = 3
    parts: list[int] = dataclasses.field(default_factory=list)
    hidden: str = dataclasses.field(default="h", repr=False)
    aside: int = dataclasses.field(default=0, compare=False, kw_only=True)
    made: int = dataclasses.field(default=7, init=False)


class Frozen:
    """A record."""

    name: str
    size: float = 0.5


class Pickled:
    """A record that can be pickled: it is found by its name."""

    name: str
    size: int = 1


Pickled = lean.dataclass(frozen=True, slots=True)(Pickled)  # type: ignore[misc]


def _both(body: type, **options: Any) -> tuple[Any, Any]:
    """The lean and the standard dataclass of one body."""

    def build(make: Callable[..., Any]) -> Any:
        fresh = type(
            body.__name__, (), {k: v for k, v in vars(body).items() if k not in ("__dict__", "__weakref__")}
        )
        return make(slots=True, **options)(fresh)

    # A field object belongs to one class.
    ours = build(lean.dataclass)
    for name, value in vars(body).items():
        if isinstance(value, dataclasses.Field):
            setattr(body, name, copy.copy(value))
    return ours, build(dataclasses.dataclass)


@pytest.mark.parametrize("body", [Mutable, Frozen])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"frozen": True},
        {"kw_only": True},
        {"eq": False},
        {"repr": False},
        {"frozen": True, "kw_only": True},
    ],
    ids=str,
)
def test_it_is_what_the_standard_makes(body: type, options: dict[str, Any]) -> None:
    """In how it is called, shown, compared, hashed, copied and changed."""
    ours, theirs = _both(body, **options)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    assert ours.__slots__ == theirs.__slots__
    assert [f.name for f in dataclasses.fields(ours)] == [f.name for f in dataclasses.fields(theirs)]
    assert ours.__match_args__ == theirs.__match_args__
    one, other, told = ours(name="a"), ours(name="b"), theirs(name="a")
    if options.get("repr", True):
        assert repr(one) == repr(told)
    assert dataclasses.asdict(one) == dataclasses.asdict(told)
    assert (one == ours(name="a")) is (told == theirs(name="a"))
    assert one != other
    assert one != told
    assert (one == 3) is False
    assert (ours.__hash__ is None) is (theirs.__hash__ is None)
    if options.get("frozen") and body is Frozen:
        assert hash(one) == hash(ours(name="a")) == hash(told)
    assert dataclasses.replace(one, name="b") == other or not options.get("eq", True)
    assert (
        dataclasses.asdict(copy.copy(one))
        == dataclasses.asdict(copy.deepcopy(one))
        == dataclasses.asdict(one)
    )
    for call in ({}, {"name": "a", "none": 1}):
        with pytest.raises(TypeError) as mine:
            ours(**call)
        with pytest.raises(TypeError) as known:
            theirs(**call)
        assert str(mine.value) == str(known.value)


def test_a_factory_makes_each_its_own() -> None:
    """And what is given is taken as it is."""
    ours, _ = _both(Mutable)
    given: list[int] = []
    assert ours("a").parts is not ours("b").parts
    assert ours("a", 1, given).parts is given


def test_what_is_frozen_stays_as_it_is() -> None:
    """As the standard's, with the standard's error."""
    ours, _ = _both(Frozen, frozen=True)
    made = ours("a", 1.0)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'name'"):
        made.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'name'"):
        del made.name
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.other = 1


def test_a_frozen_one_can_be_pickled() -> None:
    """Though it cannot be set."""
    made = Pickled("a", 2)  # type: ignore[call-arg]
    assert pickle.loads(pickle.dumps(made)) == made


def test_what_a_body_defines_is_kept() -> None:
    """Its own words, its own equality, and what it does after it was made."""

    @lean.dataclass(frozen=True, slots=True)
    class Own:
        """A record with methods of its own."""

        name: str

        def __post_init__(self) -> None:
            object.__setattr__(self, "name", self.name.upper())

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 3

    made = Own("a")
    assert (made.name, repr(made), made == 1, hash(made)) == ("A", "own", True, 3)


def test_one_that_inherits() -> None:
    """Has the fields of both, whichever is made first."""

    @lean.dataclass(slots=True)
    class Base:
        """A base."""

        name: str

    @lean.dataclass(slots=True)
    class Derived(Base):
        """More."""

        size: int = 0

    class Plain(Base):
        """Not a dataclass itself."""

    assert repr(Derived("a", 1)).endswith("Derived(name='a', size=1)")
    assert Plain("a").name == "a" == Base("a").name


def test_one_without_slots_is_refused() -> None:
    """It would be another class than the one that is meant."""
    with pytest.raises(TypeError, match="slots"):
        lean.dataclass(slots=False)


def test_one_field_is_enough() -> None:
    """To be compared and hashed by; and none is, too."""

    @lean.dataclass(frozen=True, slots=True)
    class One:
        """One field."""

        name: str

    @lean.dataclass(frozen=True, slots=True)
    class Nothing:
        """No field."""

    assert One("a") == One("a") != One("b")
    assert len({One("a"), One("a"), One("b")}) == 2
    assert Nothing() == Nothing()
