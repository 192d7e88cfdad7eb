"""Scenarios as data, at work: sequences, conditions, endings, and what each kind of step looks like."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from realtime_raw.loopback.scenario import Call, Failure, Reply, Say, Silence, Turn, Wait
from realtime_raw.loopback.script import Condition, Script, ScriptStep
from realtime_raw.loopback.script_file import parse_script
from realtime_raw.loopback.sound import Heard
from tests.loopback.driver import Talk, user_text
from tests.loopback.test_turns import by_kind, one


def talk_of(toml: str, **options: Any) -> Talk:
    talk = Talk(scenario=parse_script(toml.encode(), kind="toml"), **options)
    talk.manual(output_modalities=["text"])
    return talk


def said(talk: Talk, text: str = "x", **response: Any) -> str:
    """What the model answers to `text`, in words; the final status if it has none."""
    talk.insert(text)
    response_done = one(talk.respond(**response), "response.done")["response"]
    texts = [part["text"] for item in response_done["output"] for part in item.get("content", ())]
    return " ".join(texts) or response_done["status"]


def test_a_sequence_is_done_in_order() -> None:
    """Each step once, or `times` times; afterwards the default."""
    talk = talk_of('[[step]]\nsay = "one"\n[[step]]\nsay = "two"\ntimes = 2')
    assert [said(talk) for _ in range(4)] == ["one", "two", "two", "You said: x"]


def test_sessions_do_not_share_a_script() -> None:
    """Each begins at the first step."""
    script = parse_script(b'spoken = ["a"]\n[[step]]\nsay = "one"', kind="toml")
    for _ in range(2):
        talk = Talk(scenario=script)
        talk.manual(output_modalities=["text"])
        assert said(talk) == "one"


@pytest.mark.parametrize(
    ("otherwise", "answer"), [("default", "You said: x"), ("silence", "completed"), ("fail", "failed")]
)
def test_what_happens_otherwise(otherwise: str, answer: str) -> None:
    """The default scenario, an empty response, or a failed one."""
    assert said(talk_of(f'otherwise = "{otherwise}"')) == answer


def test_conditions_come_first_and_again() -> None:
    """A step with `when` is used whenever it fits, or `times` times; the sequence waits meanwhile."""
    talk = talk_of(
        """
        [[step]]
        say = "in sequence"
        [[step]]
        when = { said = "WEATHER" }
        say = "Sunny."
        [[step]]
        when = { matches = "^tell me .* now$" }
        times = 1
        say = "You said {said}."
        """
    )
    assert said(talk, "the weather?") == "Sunny."
    assert said(talk, "weather") == "Sunny."
    assert said(talk, "Tell me all now") == "You said Tell me all now."
    assert said(talk, "Tell me all now") == "in sequence"


def turn(*items: dict[str, Any], **fields: Any) -> Turn:
    return Turn(
        items=tuple({"id": f"item_{n}", **item} for n, item in enumerate(items)), **{"heard": {}, **fields}
    )


CALL = {"type": "function_call", "name": "look", "call_id": "c1", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "42"}
SERVED = {"type": "mcp_call", "name": "echo", "output": "42"}


@pytest.mark.parametrize(
    ("condition", "shown", "holds"),
    [
        (Condition(), turn(), True),
        (Condition(said="hello"), turn(user_text("Hello there")), True),
        (Condition(said="bye"), turn(user_text("Hello there")), False),
        (Condition(matches=re.compile("^he", re.IGNORECASE)), turn(user_text("Hello")), True),
        (Condition(matches=re.compile("^lo")), turn(user_text("Hello")), False),
        (Condition(heard="nothing"), turn(), True),
        (Condition(heard="text"), turn(user_text("x")), True),
        (Condition(heard="audio"), turn(user_text("x"), heard={"item_0": Heard(1, -20)}), True),
        (Condition(heard="silence"), turn(user_text("x"), heard={"item_0": Heard(1, -math.inf)}), True),
        (Condition(heard="output"), turn(CALL, OUTPUT), True),
        (Condition(heard="text"), turn(CALL, OUTPUT), False),
        (Condition(output_of="look"), turn(CALL, OUTPUT), True),
        (Condition(output_of="look"), turn(OUTPUT), False),
        (Condition(output_of="look"), turn(user_text("look")), False),
        (Condition(output_of="echo"), turn(SERVED), True),
        (Condition(instructions="brief"), turn(instructions="Be BRIEF."), True),
        (Condition(instructions="brief"), turn(instructions="Be long."), False),
        (Condition(metadata={"k": "v"}), turn(metadata={"k": "v", "m": "n"}), True),
        (Condition(metadata={"k": "v"}), turn(), False),
        (Condition(modality="text"), turn(modality="text"), True),
        (Condition(modality="text"), turn(modality="audio"), False),
        (Condition(out_of_band=True), turn(out_of_band=True), True),
        (Condition(out_of_band=True), turn(), False),
        (Condition(response=2), turn(number=2), True),
        (Condition(response=2), turn(number=3), False),
    ],
)
def test_conditions(condition: Condition, shown: Turn, holds: bool) -> None:
    """Each by itself."""
    assert condition.holds(shown) is holds


def test_a_spoken_preamble_and_parallel_calls() -> None:
    """One response: the message marked as commentary, then two calls with consecutive places."""
    talk = talk_of(
        """
        [[step]]
        do = [
          { say = "Let me look.", phase = "commentary" },
          { call = "look", arguments = { at = "the sky" } },
          { call = "listen", arguments = '{"broken' },
        ]
        [[step]]
        when = { output_of = "look" }
        say = "I saw {output}."
        """
    )
    talk.insert("x")
    events = talk.respond()
    output = one(events, "response.done")["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "function_call"]
    assert (output[0]["phase"], output[1]["arguments"]) == ("commentary", '{"at":"the sky"}')
    assert output[2]["arguments"] == '{"broken'
    assert [e["output_index"] for e in by_kind(events, "response.output_item.added")] == [0, 1, 2]
    # The second item starts before the first is done (observed).
    types = [event["type"] for event in events]
    assert types.index("response.function_call_arguments.delta") < types.index("response.output_text.done")
    answer = {"type": "function_call_output", "call_id": output[1]["call_id"], "output": "a bird"}
    talk.say("conversation.item.create", item=answer)
    assert one(talk.respond(), "response.output_text.done")["text"] == "I saw a bird."


@pytest.mark.parametrize(
    ("ending", "status", "details"),
    [
        ('end = "completed"', "completed", None),
        ('end = "content_filter"', "incomplete", {"type": "incomplete", "reason": "content_filter"}),
        ('end = "max_output_tokens"', "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}),
        (
            'fail = { code = "rate_limit_exceeded", message = "Slow down.", type = "tokens" }',
            "failed",
            {
                "type": "failed",
                "error": {"type": "tokens", "code": "rate_limit_exceeded", "message": "Slow down."},
            },
        ),
    ],
)
def test_endings(ending: str, status: str, details: object) -> None:
    """What was said is said; the last item tells whether it was whole."""
    talk = talk_of(f'[[step]]\nsay = "Well"\n{ending}')
    talk.insert("x")
    done = one(talk.respond(), "response.done")["response"]
    assert (done["status"], done["status_details"]) == (status, details)
    assert done["output"][0]["status"] == ("incomplete" if status == "incomplete" else "completed")


def test_silence_is_audio_without_words() -> None:
    """Zeros of the asked length in the wire's format; an empty message in text."""
    script = Script(steps=(ScriptStep(reply=Reply((Silence(0.25),)), times=9),))
    talk = Talk(scenario=script)
    talk.manual()
    events = talk.respond()
    audio = by_kind(events, "response.output_audio.delta")
    assert one(events, "response.output_audio_transcript.done")["transcript"] == ""
    (got,) = talk.say("conversation.item.retrieve", item_id=talk.order()[0])
    sound = got["item"]["content"][0]["audio"]
    assert len(sound) == 4 * 12000 // 3
    assert set(sound) == {"A"}
    assert len(audio) == 3
    assert one(talk.respond(output_modalities=["text"]), "response.output_text.done")["text"] == ""
    assert one(talk.respond(max_output_tokens=1), "response.done")["response"]["status"] == "incomplete"


def test_slowness() -> None:
    """A wait is a wait, a pace slows everything; both at the session's speed."""
    script = Script(
        steps=(
            ScriptStep(reply=Reply((Say("a"), Wait(10.0), Say("b")))),
            ScriptStep(reply=Reply((Say("a b c d e f g h i j"),), pace=100.0)),
        )
    )
    talk = Talk(scenario=script, speed=1.0)
    talk.manual(output_modalities=["text"])
    talk.respond()
    assert not by_kind(talk.wait(9.0), "response.done")
    assert len(by_kind(talk.wait(2.0), "response.done")) == 1
    talk.respond()
    assert not by_kind(talk.wait(19.0), "response.done")
    assert len(by_kind(talk.wait(3.0), "response.done")) == 1


def test_what_was_spoken() -> None:
    """In order, whether it is transcribed or not; the model knows it either way."""
    talk = talk_of('spoken = ["Good morning.", { text = "Good night." }]')
    talk.commit()
    assert one(talk.respond(), "response.output_text.done")["text"] == "You said: Good morning."
    talk.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    talk.append(bytes(48_000))
    silent = talk.say("input_audio_buffer.commit")
    completed = "conversation.item.input_audio_transcription.completed"
    assert one(silent, completed)["transcript"] == ""
    talk.append(b"\x00\x40" * 24_000)
    assert one(talk.say("input_audio_buffer.commit"), completed)["transcript"] == "Good night."


def test_a_script_may_be_made_in_python() -> None:
    """The same objects as the file's."""
    run = Script(steps=(ScriptStep(reply=Reply((Call("look"),), failure=Failure("x", "y"))),)).start()
    assert run.reply(turn()).failure == Failure("x", "y")
    assert run.transcript(Heard(1.5, -20.0)) == "1.5 seconds of speech."
