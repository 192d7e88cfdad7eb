"""A model that is made late is the model that it would have been."""

from __future__ import annotations

import copy
import gc
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import pydantic
import pytest

import realtime_raw.events as ev
from realtime_raw.errors import InvalidCommand
from realtime_raw.events import late
from realtime_raw.events.base import Inbound, Outbound, ServerEvent, problems_of
from realtime_raw.events.declare import Later, Many
from realtime_raw.types import UNSET

Made: Any = vars(late)["_Made"]
Bare: Any = vars(late)["_Bare"]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Other tests ask which models there are."""
    yield
    gc.collect()


def ours(**body: Any) -> dict[str, Any]:
    """The body of a class statement in this package."""
    return {"__module__": "realtime_raw.events.somewhere", "__qualname__": "Some", **body}


def some(base: Any = Inbound, **body: Any) -> Any:
    """A class of this package that nobody has looked at."""
    made = Made("Some", (base,), ours(**body))
    assert type(made) is Bare
    return made


def test_importing_the_events_finishes_few() -> None:
    """Most of their classes wait, though the catalog knows each by its type."""
    code = (
        "import realtime_raw.events as ev, realtime_raw.events.late as late\n"
        "assert ev.REALTIME.server['rate_limits.updated'] is ev.RateLimitsUpdated\n"
        "assert ev.RateLimitsUpdated.wire_type == 'rate_limits.updated'\n"
        "assert len(late._bodies) > 150, len(late._bodies)\n"
        "assert type(ev.RateLimitsUpdated) is late._Bare\n"
        "assert ev.RateLimitsUpdated.__name__ == 'RateLimitsUpdated' and ev.RateLimitsUpdated.__doc__\n"
        "assert issubclass(ev.RateLimitsUpdated, ev.ServerEvent) and ev.RateLimitsUpdated is not None\n"
        "assert type(ev.RateLimitsUpdated) is late._Bare\n"
        "assert list(ev.RateLimitsUpdated.model_fields) == ['type', 'event_id', 'rate_limits']\n"
        "assert type(ev.RateLimitsUpdated) is not late._Bare\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "look",
    [
        lambda cls: cls(name="a"),
        lambda cls: cls.model_validate({"name": "a"}),
        lambda cls: cls.model_fields,
        lambda cls: vars(cls),
        lambda cls: type("Derived", (cls,), {"__module__": __name__, "__annotations__": {"size": int}}),
        lambda cls: pydantic.TypeAdapter(cls).validate_python({"name": "a"}),
        lambda cls: cls.json_schema(),
        lambda cls: cls.__pydantic_decorators__,
    ],
    ids=[
        "called",
        "validated",
        "fields",
        "vars",
        "derived from",
        "a field's type",
        "schema",
        "pydantic's own",
    ],
)
def test_whoever_looks_finds_it_finished(look: Any) -> None:
    """And once it is, it is a model like any other."""
    cls = some(__annotations__={"name": str, "type": str}, type="x")
    look(cls)
    assert type(cls) is Made
    made = cls(name="a")
    assert (made.name, made.type, made.model_fields_set) == ("a", "x", {"name"})
    assert made == copy.deepcopy(made)
    with pytest.raises(pydantic.ValidationError):
        cls(name=1)


def test_a_body_is_kept_whole() -> None:
    """Methods, validators, what is told its name, and class variables."""

    class Told:
        """A descriptor."""

        def __set_name__(self, owner: type, name: str) -> None:
            self.name = name

        def __get__(self, instance: object, owner: type) -> str:
            return self.name

    cls = some(
        Outbound,
        __annotations__={"name": str, "size": int, "told": ClassVar[Any]},
        size=UNSET,
        told=Told(),
        upper=pydantic.field_validator("name")(classmethod(lambda cls, value: value.upper())),
        shout=lambda self: f"{self.name}!",
    )
    made = cls(name="a")
    assert (made.shout(), made.told, made.to_wire()) == ("A!", "told", {"name": "A"})
    with pytest.raises(InvalidCommand):
        cls(name="a", other=1)


def test_what_is_set_on_it_stays() -> None:
    """Though it was set before the class was finished."""
    cls = some(__annotations__={"name": str, "shown": ClassVar[str]}, shown="before")
    cls.shown = "after"
    assert cls(name="a").shown == "after"
    cls = some(__annotations__={"name": str, "shown": ClassVar[str]}, shown="before")
    del cls.shown
    assert not hasattr(cls(name="a"), "shown")


def test_a_failure_is_told_each_time() -> None:
    """A class that could not be finished is no half of one: the next who looks has it tried again."""

    class Failing:
        """Fails where it is told its name, until it does not."""

        trouble = True

        def __set_name__(self, owner: type, name: str) -> None:
            if self.trouble:
                raise RuntimeError(name)

    part = Failing()
    cls = some(__annotations__={"name": str, "part": ClassVar[Any]}, part=part)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="part"):
            cls.model_fields  # noqa: B018
    part.trouble = False
    assert cls(name="a").name == "a"


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_two_threads_may_look_at_once() -> None:
    """Neither sees half a class."""
    for _ in range(30):
        cls = some(
            __annotations__={f"field_{number}": int for number in range(20)},
            **{f"field_{number}": number for number in range(20)},
        )
        ready = threading.Barrier(4)
        found: list[int] = []

        def look(cls: Any = cls, ready: threading.Barrier = ready, found: list[int] = found) -> None:
            ready.wait()
            found.append(cls.model_validate({}).field_19)

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [19] * 4


def test_a_class_of_yours_is_made_at_once() -> None:
    """With the names that can be seen where it stands."""

    class Inner(pydantic.BaseModel):
        """A local class."""

        name: str

    class Mine(ServerEvent):
        """An event of another program."""

        type: Literal["mine"] = "mine"
        inner: Inner | None = None

    assert type(Mine) is not Bare
    assert Mine.wire_type == "mine"
    made = Mine.model_validate({"type": "mine", "inner": {"name": "a"}})
    assert made.inner == Inner(name="a")


def test_what_python_does_more_with_is_made_at_once() -> None:
    """Equality, for one, which takes the hash away."""
    made = Made("Some", (Inbound,), ours(__eq__=lambda self, other: True))
    assert type(made) is not Bare


def test_events_can_be_pickled() -> None:
    """They are found by their names, as ever."""
    event = ev.InputAudioBufferDtmfEventReceived(type="input_audio_buffer.dtmf_event_received", event="5")
    assert pickle.loads(pickle.dumps(event)) == event


class Inside(Inbound):
    """A part."""

    name: str | None = None
    size: int | None = None


class Whole(Inbound):
    """With the part as it is."""

    one: Inside | None = None
    many: Many[Inside] | None = None


class Lazy(Inbound):
    """With the part built later."""

    one: Later[Inside] | None = None
    many: Many[Later[Inside]] | None = None


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"one": None},
        {"one": {"name": "a", "more": [1]}, "many": [{"size": 1}, {}]},
        {"one": Inside(name="a")},
        {"one": 3},
        {"one": {"name": 1, "size": "x"}},
        {"many": [{}, {"size": 1.5}, {"size": "x"}]},
        {"many": [{}, None]},
    ],
    ids=str,
)
def test_what_is_built_later_is_judged_alike(value: dict[str, Any]) -> None:
    """The same values, the same problems at the same paths, and the same on the way out."""

    def seen(model: Any) -> object:
        try:
            made = model.model_validate(value)
        except pydantic.ValidationError as exc:
            return problems_of(exc), exc.errors(include_url=False)
        return made.to_wire(), made.model_dump(exclude_unset=True), made.model_dump_json(), type(made.one)

    assert seen(Lazy) == seen(Whole)


def test_what_is_built_later_is_in_the_schema() -> None:
    """As a definition, as if it had been built with the rest."""
    assert Lazy.json_schema() | {"title": "", "description": ""} == Whole.json_schema() | {
        "title": "",
        "description": "",
    }


def test_warming_leaves_it_unbuilt() -> None:
    """Models that most calls never meet cost nothing before they are met."""
    code = (
        "from realtime_raw import codec, events as ev\n"
        "from realtime_raw.events import late\n"
        "codec.warm()\n"
        "assert type(ev.Prompt) is type(ev.McpCall) is late._Bare\n"
        "session = {'type': 'realtime', 'prompt': {'id': 'p'}}\n"
        "made = ev.SessionCreated.model_validate({'type': 'session.created', 'session': session})\n"
        "assert made.session.prompt == ev.Prompt(id='p')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
