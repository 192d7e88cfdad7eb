"""What the default scenario says, and the ways to say something else."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest

from realtime_raw.loopback.default_scenario import DefaultScenario, as_scenario
from realtime_raw.loopback.scenario import Call, McpCall, McpServing, Reply, Say, Spoken, Translating, Turn
from realtime_raw.loopback.sound import Heard
from tests.loopback.driver import user_text


def turn(*items: dict[str, Any], **fields: Any) -> Turn:
    numbered = tuple({"id": f"item_{n}", **item} for n, item in enumerate(items))
    return Turn(items=numbered, **{"heard": {}, **fields})


def say(*items: dict[str, Any], **fields: Any) -> str:
    """What it says; fails if it does anything else."""
    (said,) = DefaultScenario().reply(turn(*items, **fields)).outputs
    assert isinstance(said, Say)
    return said.text


def call(*items: dict[str, Any], **fields: Any) -> Call:
    (made,) = DefaultScenario().reply(turn(*items, **fields)).outputs
    assert isinstance(made, Call)
    return made


SPOKEN = {"type": "message", "role": "user", "content": [{"type": "input_audio", "transcript": None}]}
IMAGE = {"type": "input_image", "image_url": "data:"}


def test_it_repeats_and_measures() -> None:
    """Text, sound, silence, images; system messages are not answered."""
    assert say(user_text("Hello")) == "You said: Hello"
    assert say(user_text("Hello"), {"type": "message", "role": "system", "content": []}) == "You said: Hello"
    assert say(SPOKEN, heard={"item_0": Heard(3.21, -23.4)}) == "I heard 3.2 seconds of audio at -23 dBFS."
    assert say(SPOKEN, heard={"item_0": Heard(1.0, -math.inf)}) == "I heard 1.0 seconds of silence."
    assert say({**SPOKEN, "content": [IMAGE]}) == "You sent an image."
    assert say({**SPOKEN, "content": [IMAGE, IMAGE]}) == "You sent 2 images."
    assert say({**SPOKEN, "content": []}) == "You sent an empty message."
    assert say() == "Hello. This is the loopback server. Say something, and I will say it back."
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    assert say(user_text("Hello"), said) == "There is nothing new to answer."


def test_it_does_not_go_on_for_ever() -> None:
    """A long text is repeated in part."""
    assert len(say(user_text("word " * 10_000))) < 700


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Say only: pineapple", "pineapple"),
        ("Please say only pineapple.", "pineapple"),
        ('Reply with only the word "pineapple".', "pineapple"),
        ("Be nice.\nRespond with exactly: A b, c!\nThank you.", "A b, c!"),
        ("SAY JUST “pineapple”", "pineapple"),
    ],
)
def test_it_says_only_what_it_is_told(words: str, said: str) -> None:
    """In a response's own instructions, in what the user writes, in the session's instructions."""
    assert say(user_text("Hello"), own_instructions=words, instructions="x") == said
    assert say(user_text(words)) == said
    assert say(user_text("Hello"), instructions=words) == said


def test_the_nearest_order_counts() -> None:
    """The response's before the user's before the session's."""
    words = {"own_instructions": "Say only: a", "instructions": "Say only: c"}
    assert say(user_text("Say only: b"), **words) == "a"
    assert say(user_text("Say only: b"), instructions="Say only: c") == "b"
    assert say(user_text("We say only what we mean to people."), instructions="") == (
        "what we mean to people"
    )


def tool(name: str, parameters: object = None) -> dict[str, Any]:
    return {"type": "function", "name": name, "parameters": parameters}


def test_it_calls_the_tool_it_must() -> None:
    """The named one; the one a text names; the first. None where none is wanted."""
    tools = (tool("look"), tool("listen"), {"type": "mcp", "server_label": "x"})
    named = {"type": "function", "name": "listen"}
    assert call(user_text("x"), tools=tools, tool_choice=named).name == "listen"
    assert call(user_text("x"), tools=tools, tool_choice="required").name == "look"
    assert call(user_text("Please listen now"), tools=tools, tool_choice="required").name == "listen"
    assert call(user_text("Please listen now"), tools=tools, tool_choice="auto").name == "listen"
    assert say(user_text("Please listen now"), tools=tools, tool_choice="none")
    assert say(user_text("listening"), tools=tools, tool_choice="auto")
    assert say(user_text("x"), tools=tools, tool_choice={"type": "mcp", "server_label": "x"})
    assert say(user_text("x"), tools=(), tool_choice="required")
    assert call(user_text("x"), tool_choice={"type": "function", "name": "unheard_of"}).json == "{}"


def test_a_required_tool_may_be_a_servers() -> None:
    """Where there is no function, the first tool that was listed; nothing where none was."""
    echo = DefaultScenario().mcp_server("any").tools
    listed = {"none": (), "some": echo}
    fields: dict[str, Any] = {"tool_choice": "required", "mcp": listed}
    assert DefaultScenario().reply(turn(user_text("x"), **fields)).outputs == (
        McpCall("some", "echo", {"text": "x"}, output="x"),
    )
    assert call(user_text("x"), tools=(tool("look"),), **fields).name == "look"
    assert say(user_text("x"), tool_choice="required", mcp={"none": ()})


def test_one_server_cannot_be_reached() -> None:
    """By its label, so that a failing listing can be seen without a scenario file."""
    assert DefaultScenario().mcp_server("unreachable").failure
    assert DefaultScenario().mcp_server("reachable").failure is None


def test_it_uses_what_a_tool_answered() -> None:
    """And does not call it again by itself."""
    output = {"type": "function_call_output", "call_id": "c", "output": "42"}
    assert say(user_text("look"), output, tools=(tool("look"),)) == "The tool answered: 42"


@pytest.mark.parametrize(
    ("schema", "made"),
    [
        (None, {}),
        ({}, {}),
        ({"type": "string"}, {}),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),
        ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"a": "Rome"}),
        (
            {
                "type": "object",
                "properties": {
                    "e": {"enum": ["c", "f"]},
                    "n": {"type": "integer"},
                    "x": {"type": "number"},
                    "b": {"type": ["boolean", "null"]},
                    "l": {"type": "array"},
                    "o": {"type": "object", "properties": {"i": {"type": "integer"}}, "required": ["i"]},
                    "w": {"type": "weird"},
                    "t": {"type": []},
                },
                "required": ["e", "n", "x", "b", "l", "o", "w", "t", "absent", 5],
            },
            {
                "e": "c",
                "n": 1,
                "x": 1.0,
                "b": True,
                "l": [],
                "o": {"i": 1},
                "w": None,
                "t": None,
                "absent": None,
            },
        ),
        ({"type": "object", "properties": "?", "required": ["a"]}, {}),
        ({"type": "object", "properties": {}, "required": "?"}, {}),
    ],
)
def test_arguments_fit_the_schema(schema: object, made: dict[str, Any]) -> None:
    """Whatever the schema is."""
    choice = {"type": "function", "name": "look"}
    assert (
        orjson.loads(call(user_text("Rome"), tools=(tool("look", schema),), tool_choice=choice).json) == made
    )


def test_a_schema_without_end_does_not_hang() -> None:
    """Nesting is followed only so far."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(50):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    choice = {"type": "function", "name": "look"}
    assert len(call(user_text("x"), tools=(tool("look", schema),), tool_choice=choice).json) < 100


def test_transcripts() -> None:
    """What was announced, in order, then a sentence; nothing for silence, which uses nothing up."""
    scenario = DefaultScenario(spoken=["one", "two"])
    loud = Heard(1.5, -20.0)
    assert scenario.transcript(Heard(1.0, -math.inf)) == ""
    assert [scenario.transcript(loud) for _ in range(3)] == ["one", "two", "1.5 seconds of speech."]


def test_a_function_is_a_scenario() -> None:
    """From text, or from a whole reply; transcripts stay the default's."""
    written = as_scenario(lambda shown: shown.text.upper())
    assert written.reply(turn(user_text("hello"))) == Reply((Say("HELLO"),))
    assert written.transcript(Heard(1.5, -20.0)) == "1.5 seconds of speech."
    reply = Reply((Call("look", '{"raw": 1}'),))
    assert as_scenario(lambda shown: reply).reply(turn()) is reply
    assert Call("look", '{"raw": 1').json == '{"raw": 1'  # as it is, for who wants it broken
    default = DefaultScenario()
    assert as_scenario(default) is default
    assert isinstance(as_scenario(None), DefaultScenario)
    assert turn().text == ""


def test_it_hears_what_was_spoken() -> None:
    """With words for the audio, it answers the words; with the measuring sentence, it measures."""
    heard = {"item_0": Heard(3.21, -23.4)}
    assert say(SPOKEN, heard=heard, spoken={"item_0": "Good morning"}) == "You said: Good morning"
    measured = {"item_0": "3.2 seconds of speech."}
    assert say(SPOKEN, heard=heard, spoken=measured) == "I heard 3.2 seconds of audio at -23 dBFS."
    named = call(SPOKEN, heard=heard, spoken={"item_0": "Please look"}, tools=(tool("look"),))
    assert named.name == "look"


def assistant(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def test_it_recalls_what_was_said() -> None:
    """A question is answered by quoting what shares most with it, the newest first; who said it is told."""
    talked = (
        user_text("My favourite colour is teal."),
        assistant("You said: My favourite colour is teal."),
        user_text("The code word is zebra."),
        assistant("I will whistle a waltz."),
    )
    assert say(*talked, user_text("What is the code word?")) == "You said earlier: The code word is zebra."
    assert "teal" in say(*talked, user_text("what was my favourite colour"))
    other = user_text("My favourite fruit is a plum.")
    assert "teal" in say(*talked, other, user_text("What is my favourite colour?"))
    assert say(*talked, user_text("Which waltz?")) == "I said earlier: I will whistle a waltz."
    system = {
        "type": "message",
        "role": "system",
        "content": [{"type": "input_text", "text": "The gate is 9."}],
    }
    assert say(system, user_text("Which gate?")) == "I was told earlier: The gate is 9."
    assert say(*talked, user_text("What did I just say?")) == "You said earlier: The code word is zebra."
    assert say(user_text("What did I say?")) == "You said: What did I say?"
    assert say(*talked, user_text("How far is the moon?")) == "You said: How far is the moon?"
    assert (
        say(user_text("Where is the moon?"), user_text("Where is the moon?"))
        == "You said: Where is the moon?"
    )


def test_it_calls_every_tool_a_text_names() -> None:
    """In the text's order, underscores read as blanks; values given by name are taken."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = (tool("get_weather", schema), tool("get-time"))
    asked = user_text('Get time, then get weather with city="New York".')
    made = DefaultScenario().reply(turn(asked, tools=tools)).outputs
    assert made == (Call("get-time", {}), Call("get_weather", {"city": "New York"}))
    assert DefaultScenario().reply(turn(asked, tools=tools, parallel_tool_calls=False)).outputs == made[:1]
    numbers = {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "x": {"type": "number"}},
        "required": ["n", "x"],
    }
    asked = user_text("count n: 7, x=2.5.")
    assert call(asked, tools=(tool("count", numbers),)).arguments == {"n": 7, "x": 2.5}
    assert call(user_text("count n: many"), tools=(tool("count", numbers),)).arguments == {"n": 1, "x": 1.0}


def test_it_uses_all_that_parallel_tools_answered() -> None:
    """Outputs since the last message, in order."""
    outputs = [{"type": "function_call_output", "call_id": c, "output": c} for c in ("one", "two")]
    assert say(user_text("x"), *outputs) == "The tool answered: one and two"
    served = {"type": "mcp_call", "name": "echo", "output": "three", "error": None}
    assert say(user_text("x"), served) == "The tool answered: three"
    failed: dict[str, Any] = {"type": "mcp_call", "name": "echo", "output": None, "error": {}}
    assert say(user_text("x"), failed) == "The tool answered: nothing"


def test_a_source_of_scenarios_is_started() -> None:
    """Each session gets its own."""

    class Source:
        def start(self) -> DefaultScenario:
            return DefaultScenario(["x"])

    source = Source()
    assert as_scenario(source) is not as_scenario(source)
    bridged = as_scenario(lambda shown: "x")
    assert isinstance(bridged, McpServing)
    assert isinstance(bridged, Translating)
    assert bridged.mcp_server("any").tools[0]["name"] == "echo"
    assert bridged.translate("Hello", "es") == "[es] Hello"
    assert DefaultScenario().coming() is None
    assert DefaultScenario([Spoken("a")]).coming() == DefaultScenario(["a"]).coming() == "a"
