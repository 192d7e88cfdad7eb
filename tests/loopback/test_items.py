"""The server's conversation: create, insert, retrieve, truncate, delete, and what items look like."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from realtime_raw.loopback.ids import Ids
from tests.loopback.driver import Talk, b64, kinds, tone, user_text


def test_an_item_is_added_and_done_alike() -> None:
    """Keys in the recorded order, no `object`, status completed whatever the client said."""
    talk = Talk()
    added, done = talk.say(
        "conversation.item.create", item=user_text("Hello", object="realtime.item", status="incomplete")
    )
    assert (added["type"], done["type"]) == ("conversation.item.added", "conversation.item.done")
    assert list(added) == ["type", "event_id", "previous_item_id", "item"]
    assert list(added["item"]) == ["id", "type", "status", "role", "content"]
    assert re.fullmatch(r"item_[0-9A-Za-z]{21}", added["item"]["id"])
    assert added["item"]["status"] == "completed"
    assert added["previous_item_id"] is None
    assert (done["item"], done["previous_item_id"]) == (added["item"], None)


def test_every_kind_of_item_keeps_what_it_needs() -> None:
    """Calls have a status and a call id, their outputs have no status; the client's ids are kept."""
    talk = Talk()

    def create(**item: Any) -> dict[str, Any]:
        shown: dict[str, Any] = talk.say("conversation.item.create", item=item)[0]["item"]
        return shown

    call = create(type="function_call", name="look", arguments="{}")
    assert list(call) == ["id", "type", "status", "name", "call_id", "arguments"]
    assert re.fullmatch(r"call_[0-9A-Za-z]{16}", call["call_id"])
    assert create(type="function_call_output", id="out", call_id=call["call_id"], output="42") == {
        "id": "out",
        "type": "function_call_output",
        "call_id": call["call_id"],
        "output": "42",
    }
    said = create(
        type="message", role="assistant", content=[{"type": "output_text", "text": "Hi"}], phase="commentary"
    )
    assert list(said) == ["id", "type", "status", "role", "content", "phase"]
    seen = create(type="message", role="user", content=[{"type": "input_image", "image_url": "data:x"}])
    assert seen["content"] == [{"type": "input_image", "image_url": "data:x", "detail": "auto"}]
    approval = {"id": "a", "type": "mcp_approval_response", "approval_request_id": "r", "approve": True}
    assert create(**approval) == approval
    assert len(talk.session.items) == 5


@pytest.mark.parametrize("explicit", [{}, {"previous_item_id": None}])
def test_without_a_place_it_is_appended(explicit: dict[str, Any]) -> None:
    """Omitted or null: behind the last."""
    talk = Talk()
    first = talk.insert("a")
    added, _ = talk.say("conversation.item.create", item=user_text("b"), **explicit)
    assert added["previous_item_id"] == first


def test_it_is_inserted_where_it_was_told() -> None:
    """`root` is the front, an id is the place behind it; both events name the predecessor."""
    talk = Talk()
    first, second = talk.insert("1"), talk.insert("2")
    front = talk.insert("0", previous_item_id="root")
    between = talk.insert("1.5", previous_item_id=first)
    assert talk.order() == [front, first, between, second]
    told = [
        (event["item"]["id"], event["previous_item_id"])
        for event in talk.session.sent
        if event["type"] in ("conversation.item.added", "conversation.item.done")
    ]
    assert told[4:] == [(front, None)] * 2 + [(between, first)] * 2


def test_a_client_chosen_id_may_be_used_again_after_deletion() -> None:
    """While it is there it is taken."""
    talk = Talk()
    talk.say("conversation.item.create", item=user_text("x", id="mine"))
    talk.error("conversation.item.create", item=user_text("y", id="mine"))
    (deleted,) = talk.say("conversation.item.delete", item_id="mine")
    assert {k: v for k, v in deleted.items() if k != "event_id"} == {
        "type": "conversation.item.deleted",
        "item_id": "mine",
    }
    assert talk.say("conversation.item.create", item=user_text("y", id="mine"))[0]["item"]["id"] == "mine"


def test_an_id_of_ours_that_a_client_took_is_not_given_again() -> None:
    """Ids are unique whoever made them."""

    class Repeating(Ids):
        """Offers every id twice."""

        def __init__(self) -> None:
            super().__init__()
            self._again: str | None = None

        def new(self, prefix: str) -> str:
            if prefix != "item":
                return super().new(prefix)
            self._again, made = (None, self._again) if self._again else (super().new(prefix),) * 2
            return str(made or self._again)

    talk = Talk(ids=Repeating())
    assert len({talk.insert("x") for _ in range(3)}) == 3
    assert len(talk.order()) == 3


def test_deleting_from_the_middle_keeps_the_list_linked() -> None:
    """The next item names the one that is now before it."""
    talk = Talk()
    first, second = talk.insert("1"), talk.insert("2")
    talk.say("conversation.item.delete", item_id=second)
    assert talk.say("conversation.item.create", item=user_text("3"))[0]["previous_item_id"] == first


def test_retrieve_brings_the_audio_back() -> None:
    """Of the user and of the assistant, byte for byte; events never carry it."""
    talk = Talk()
    talk.manual()
    sound = tone(0.5)
    talk.append(sound)
    spoken = talk.say("input_audio_buffer.commit")[0]["item_id"]
    (got,) = talk.say("conversation.item.retrieve", item_id=spoken)
    assert got["type"] == "conversation.item.retrieved"
    assert got["item"]["content"] == [{"type": "input_audio", "transcript": None, "audio": b64(sound)}]
    answer = talk.respond()
    heard = b"".join(
        base64.b64decode(event["delta"]) for event in answer if event["type"] == "response.output_audio.delta"
    )
    item_id = answer[-2]["response"]["output"][0]["id"]
    (got,) = talk.say("conversation.item.retrieve", item_id=item_id)
    (part,) = got["item"]["content"]
    assert base64.b64decode(part["audio"]) == heard
    assert part["transcript"].startswith("I heard 0.5 seconds of audio at -20 dBFS.")
    assert '"audio": "' not in repr([e for e in talk.session.sent if "retrieved" not in e["type"]])


def test_seeded_audio_keeps_its_transcript() -> None:
    """A client may say what it says."""
    talk = Talk()
    part = {"type": "input_audio", "audio": b64(tone(0.2)), "transcript": "Hm."}
    added, _ = talk.say(
        "conversation.item.create", item={"type": "message", "role": "user", "content": [part]}
    )
    assert added["item"]["content"] == [{"type": "input_audio", "transcript": "Hm."}]
    (got,) = talk.say("conversation.item.retrieve", item_id=added["item"]["id"])
    assert got["item"]["content"][0]["audio"] == part["audio"]


# --- truncation --------------------------------------------------------------------------


def spoken_answer(talk: Talk) -> tuple[str, int]:
    """The id of a spoken answer, and its whole milliseconds."""
    talk.manual()
    answer = talk.respond()
    total = sum(
        len(base64.b64decode(event["delta"]))
        for event in answer
        if event["type"] == "response.output_audio.delta"
    )
    return answer[-2]["response"]["output"][0]["id"], total // 48


def test_truncate_cuts_the_audio_and_drops_the_transcript() -> None:
    """The answer repeats what was asked; a later retrieve shows what is left; no new `.done`."""
    talk = Talk()
    item_id, _ = spoken_answer(talk)
    (told,) = talk.say(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=700, event_id="mine"
    )
    told.pop("event_id")
    assert told == {
        "type": "conversation.item.truncated",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": 700,
    }
    (got,) = talk.say("conversation.item.retrieve", item_id=item_id)
    (part,) = got["item"]["content"]
    assert list(part) == ["type", "audio"]
    assert len(base64.b64decode(part["audio"])) == 700 * 48


def test_truncate_may_keep_all_or_nothing_but_not_more_than_there_is() -> None:
    """The received length is accepted to the millisecond; what was cut is gone."""
    talk = Talk()
    item_id, total = spoken_answer(talk)

    def truncate(ms: int) -> list[dict[str, Any]]:
        return talk.say("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=ms)

    refused = talk.only_error(truncate(total + 60))
    assert (refused["code"], refused["param"], refused["event_id"]) == ("invalid_value", None, None)
    assert refused["message"] == f"Audio content of {total}ms is already shorter than {total + 60}ms"
    assert truncate(total)[0]["audio_end_ms"] == total
    assert truncate(0)[0]["audio_end_ms"] == 0
    assert talk.only_error(truncate(1))["message"] == "Audio content of 0ms is already shorter than 1ms"


def test_only_the_assistants_audio_can_be_truncated() -> None:
    """Not a user's, not text, not another part."""
    talk = Talk()
    spoken, _ = spoken_answer(talk)
    talk.respond(output_modalities=["text"])
    written = talk.order()[-1]
    for item_id, index in [(talk.commit(), 0), (talk.insert("x"), 0), (written, 0), (spoken, 1)]:
        refused = talk.error(
            "conversation.item.truncate", item_id=item_id, content_index=index, audio_end_ms=0
        )
        assert refused["code"] == "unsupported_content_type"
        assert refused["message"] == "Only model output audio messages can be truncated"
        assert (refused["param"], refused["event_id"]) == (None, None)


def test_truncate_while_it_still_speaks() -> None:
    """Refused before the first audio, then accepted up to what was said; the transcript stays away."""
    talk = Talk(speed=1.0)
    talk.manual()
    talk.respond()
    talk.wait(0.5)
    (item_id,) = talk.order()
    named = {"item_id": item_id, "content_index": 0}
    assert talk.say("conversation.item.truncate", **named, audio_end_ms=100)[0]["audio_end_ms"] == 100
    assert talk.error("conversation.item.truncate", **named, audio_end_ms=101)["message"] == (
        "Audio content of 100ms is already shorter than 101ms"
    )
    rest = talk.wait(60)
    final = rest[kinds(rest).index("response.done") - len(kinds(rest))]
    assert final["response"]["output"][0]["content"] == [{"type": "output_audio"}]
    (got,) = talk.say("conversation.item.retrieve", item_id=item_id)
    assert len(base64.b64decode(got["item"]["content"][0]["audio"])) == 4800


def test_truncate_before_any_audio_is_refused() -> None:
    """An item that only has been announced has nothing to cut."""
    talk = Talk(speed=1.0, scenario=lambda turn: "\n")
    talk.manual()
    talk.respond()
    talk.wait(0.5)
    (item_id,) = talk.order()
    refused = talk.error("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=0)
    assert refused["code"] == "unsupported_content_type"
