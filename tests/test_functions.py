"""Python functions as tools: what the model sees, and what it may send."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from typing import Annotated, Any, Literal

import pydantic
import pytest
from pydantic import Field

from realtime_raw.errors import LocalProtocolError
from realtime_raw.functions import ArgumentsRefused, ToolFunction, output_text


class Unit(enum.Enum):
    METRIC = "metric"
    IMPERIAL = "imperial"


class Place(pydantic.BaseModel):
    lat: float
    lon: float


def weather(city: str, days: int = 1, unit: Unit = Unit.METRIC) -> str:
    """The weather of the next days.

    It never lies.

    Args:
        city: Name of the city,
            in any language.
        days (int): How many days.

    Returns:
        A sentence.
    """
    return f"{city} {days} {unit.value}"


def test_the_declaration_comes_from_the_signature_and_the_docstring() -> None:
    wire = ToolFunction.of(weather).declaration.to_wire()
    assert wire["type"] == "function"
    assert wire["name"] == "weather"
    assert wire["description"] == "The weather of the next days.\n\nIt never lies."
    parameters = wire["parameters"]
    assert parameters["properties"]["city"] == {
        "type": "string",
        "description": "Name of the city, in any language.",
    }
    assert parameters["properties"]["days"] == {
        "type": "integer",
        "default": 1,
        "description": "How many days.",
    }
    assert parameters["required"] == ["city"]
    assert parameters["additionalProperties"] is False
    assert "title" not in parameters


def test_a_parameter_called_title_is_not_lost() -> None:
    def publish(title: str) -> None:
        """Publish."""

    parameters = ToolFunction.of(publish).declaration.to_wire()["parameters"]
    assert list(parameters["properties"]) == ["title"]


def test_sphinx_docstrings_and_annotated_descriptions_are_read_too() -> None:
    def f(a: int, b: Annotated[int, Field(description="bee", ge=1)]) -> None:
        """Do it.

        :param a: ay
        :param int b: ignored
        """

    tool = ToolFunction.of(f)
    properties = tool.declaration.to_wire()["parameters"]["properties"]
    assert properties["a"]["description"] == "ay"
    assert properties["b"]["minimum"] == 1
    assert tool.declaration.description == "Do it."


def test_arguments_arrive_as_the_types_that_were_asked_for() -> None:
    def f(place: Place, when: datetime.date, kind: Literal["a", "b"], tags: list[str]) -> None:
        """F."""

    kwargs = ToolFunction.of(f).parse(
        '{"place": {"lat": 1, "lon": 2}, "when": "2026-01-02", "kind": "b", "tags": ["x"]}'
    )
    assert kwargs == {
        "place": Place(lat=1, lon=2),
        "when": datetime.date(2026, 1, 2),
        "kind": "b",
        "tags": ["x"],
    }
    assert ToolFunction.of(weather).parse('{"city": "Bern"}')["unit"] is Unit.METRIC


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{", ["weather", "JSON"]),
        ("[]", ["object"]),
        ("{}", ["city", "missing"]),
        ('{"city": 7}', ["city", "string"]),
        ('{"city": "x", "days": "many"}', ["days", "integer"]),
        ('{"city": "x", "town": 1}', ["town", "unknown"]),
        ('{"city": "x", "unit": "nautical"}', ["unit", "metric"]),
    ],
)
def test_wrong_arguments_are_refused_in_words_the_model_can_use(arguments: str, words: list[str]) -> None:
    with pytest.raises(ArgumentsRefused) as caught:
        ToolFunction.of(weather).parse(arguments)
    for word in words:
        assert word.lower() in str(caught.value).lower()


def test_a_function_without_parameters_takes_empty_arguments() -> None:
    def now() -> str:
        """The time."""
        return "noon"

    assert ToolFunction.of(now).parse("") == {}


def no_annotation(a) -> None:  # type: ignore[no-untyped-def]
    """X."""


def var_args(*a: int) -> None:
    """X."""


def var_kwargs(**a: int) -> None:
    """X."""


def positional(a: int, /) -> None:
    """X."""


def unresolved(a: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
    """X."""


class Opaque:
    pass


def opaque(a: Opaque) -> None:
    """X."""


@pytest.mark.parametrize("function", [no_annotation, var_args, var_kwargs, positional, unresolved, opaque])
def test_a_function_the_model_could_not_call_is_refused_where_it_is_declared(function: Any) -> None:
    with pytest.raises(LocalProtocolError, match=function.__name__):
        ToolFunction.of(function)


def test_a_name_the_api_does_not_take_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="name="):
        ToolFunction.of(lambda: None)
    assert ToolFunction.of(lambda: None, name="nothing").name == "nothing"


def test_async_functions_are_told_from_others() -> None:
    async def later() -> None:
        """X."""

    assert ToolFunction.of(later).is_async
    assert not ToolFunction.of(weather).is_async


@dataclasses.dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("plain", "plain"),
        (None, "null"),
        (3, "3"),
        ({"a": [1, 2.5]}, '{"a":[1,2.5]}'),
        (Place(lat=1, lon=2), '{"lat":1.0,"lon":2.0}'),
        (Point(4), '{"x":4}'),
        (float("nan"), "null"),
    ],
)
def test_results_become_text_for_the_model(result: object, text: str) -> None:
    assert output_text(result) == text


def test_a_result_that_is_no_data_says_so() -> None:
    with pytest.raises(LocalProtocolError, match="Opaque"):
        output_text(Opaque())
