"""How fields are declared: what the schema says of an open enum, and what a list from a server costs."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
import pytest

from realtime_raw.events.base import Inbound
from realtime_raw.events.declare import Many, Number, Open, at_most


def test_an_open_enum_is_a_string_with_known_values() -> None:
    class Light(Inbound):
        colour: Open[Literal["red", "green"]] | None = None

    assert Light(colour="blue").to_wire() == {"colour": "blue"}
    assert Light.json_schema()["properties"]["colour"] == {
        "anyOf": [{"enum": ["red", "green"], "type": "string"}, {"type": "string"}, {"type": "null"}]
    }


def test_a_list_from_a_server_stops_at_the_first_fault() -> None:
    class Shelf(Inbound):
        books: Many[str] | None = None

    with pytest.raises(pydantic.ValidationError) as caught:
        Shelf.model_validate({"books": ["a", 1, 2, 3]})
    assert [error["loc"] for error in caught.value.errors()] == [("books", 1)]


def test_a_number_stays_as_it_came() -> None:
    class Ruler(Inbound):
        length: Number | None = None

    assert repr(Ruler.model_validate({"length": 3}).length) == "3"
    assert repr(Ruler.model_validate({"length": 3.0}).length) == "3.0"
    wrong: object
    for wrong in ("3", True, []):
        with pytest.raises(pydantic.ValidationError) as caught:
            Ruler.model_validate({"length": wrong})
        assert caught.value.error_count() == 1


def test_a_map_from_a_server_is_bounded() -> None:
    class Shelf(Inbound):
        books: Annotated[dict[str, int], at_most(3)] | None = None

    assert Shelf.model_validate({"books": {"a": 1}}).to_wire() == {"books": {"a": 1}}
    with pytest.raises(pydantic.ValidationError) as caught:
        Shelf.model_validate({"books": dict.fromkeys("abcd", "wrong")})
    assert [error["msg"] for error in caught.value.errors()] == ["more than 3 entries"]
