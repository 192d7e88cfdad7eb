"""Plans: the fewest steps, in an order that loses nothing; what cannot move says so."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw import events as ev
from realtime_raw.edit import (
    CannotRecreate,
    Compaction,
    Create,
    Delete,
    Step,
    Wanted,
    plan_compaction,
    plan_edit,
)
from realtime_raw.errors import LocalProtocolError
from realtime_raw.protocol.conversation import ConversationMirror
from realtime_raw.protocol.history_item import HistoryItem
from tests.protocol import told

Message = dict[str, Any]


def mirror_of(*items: Message) -> ConversationMirror:
    """A conversation of these items, in this order."""
    mirror = ConversationMirror()
    for after, item in zip([None, *(item["id"] for item in items)], items, strict=False):
        told.tell(mirror, told.added(item, after))
    return mirror


def fresh() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"new_{next(numbers)}"


def audio(item_id: str, transcript: str = "Hi there") -> Message:
    """An assistant's spoken message: the one kind nobody can create."""
    return told.reply(item_id, {"type": "output_audio", "transcript": transcript})


def plan(items: Sequence[Message], wanted: Sequence[Wanted], **options: Any) -> tuple[Step, ...]:
    return plan_edit(mirror_of(*items).items(), wanted, ids=fresh(), **options)


def applied(ids: Sequence[str], steps: Sequence[Step]) -> list[str]:
    """What a server makes of the steps: a plain list."""
    found = list(ids)
    for step in steps:
        if isinstance(step, Delete):
            found.remove(step.item_id)
        else:
            assert step.item_id not in found
            place = 0 if step.previous_item_id == "root" else found.index(step.previous_item_id) + 1
            found.insert(place, step.item_id)
    return found


def originals(steps: Sequence[Step], ids: Sequence[str]) -> list[str]:
    """Ids with copies counted as what they are copies of."""
    names = {step.item_id: step.replaces for step in steps if isinstance(step, Create)}
    return [names.get(item_id) or item_id for item_id in ids]


# The fewest steps


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[Message], list[str | int]]:
    """A conversation, some of it spoken, and a list wanted of it: ids, and numbers for new items."""
    count = draw(st.integers(0, 6))
    spoken = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    items = [audio(f"i{n}") if one else told.user(f"i{n}", str(n)) for n, one in enumerate(spoken)]
    kept = draw(st.permutations([item["id"] for item in items]))[: draw(st.integers(0, count))]
    new: list[str | int] = list(range(draw(st.integers(0, 2))))
    return items, draw(st.permutations([*kept, *new]))


def fewest(items: list[Message], wanted: list[str]) -> int | None:
    """By trying every set of items that could stay: how many steps at least; None if it cannot be done."""
    places = {item["id"]: place for place, item in enumerate(items)}
    spoken = {item["id"] for item in items if item["role"] == "assistant"}
    best = None
    for size in range(len(wanted) + 1):
        for stay in itertools.combinations(wanted, size):
            rising = [places[one] for one in stay]
            if rising == sorted(rising) and spoken & set(wanted) <= set(stay):
                best = size
    return None if best is None else (len(items) - best) + (len(wanted) - best)


@given(edits())
def test_plans_do_what_is_wanted_in_the_fewest_steps(case: tuple[list[Message], list[str | int]]) -> None:
    """Against every other way there is; or say which items stand in the way."""
    items, targets = case
    wanted = [f"new {one}" if isinstance(one, int) else one for one in targets]
    new = [ev.items.user(one) if one.startswith("new") else one for one in wanted]
    there = [one for one in wanted if not one.startswith("new")]
    least = fewest(items, there)
    if least is None:
        with pytest.raises(CannotRecreate) as caught:
            plan(items, new)
        assert caught.value.items.keys() <= {item["id"] for item in items if item["role"] == "assistant"}
        new = list(new)
        steps = plan(items, new, as_text=True)
    else:
        steps = plan(items, new)
        assert len(steps) == least + len(wanted) - len(there)
    result = applied([item["id"] for item in items], steps)
    made = {step.item_id: step for step in steps if isinstance(step, Create)}
    assert len(result) == len(wanted)
    for got, asked in zip(result, wanted, strict=True):
        if got in made and made[got].replaces is None:
            assert made[got].item.to_wire()["content"][0]["text"] == asked
        else:
            assert originals(steps, [got]) == [asked]


@given(st.permutations(list(range(5))), st.lists(st.booleans(), min_size=5, max_size=5))
def test_with_text_allowed_as_much_sound_as_possible_stays(order: list[int], spoken: list[bool]) -> None:
    """A step costs milliseconds; sound that is gone is gone."""
    items = [audio(f"i{n}") if one else told.user(f"i{n}", str(n)) for n, one in enumerate(spoken)]
    steps = plan(items, [f"i{n}" for n in order], as_text=True)
    moved = {step.replaces for step in steps if isinstance(step, Create)}
    sounding = [n for n in order if spoken[n]]
    longest = max(
        size
        for size in range(len(sounding) + 1)
        for some in itertools.combinations(sounding, size)
        if list(some) == sorted(some)
    )
    assert sum(f"i{n}" not in moved for n in sounding) == longest


def test_nothing_to_do_is_no_step() -> None:
    """The same list, by ids, items or references."""
    mirror = mirror_of(told.user("a", "1"), audio("b"))
    items = mirror.items()
    assert plan_edit(items, ["a", items[1]], ids=fresh()) == ()
    assert plan_edit(items, [ev.ref("a"), "b"], ids=fresh()) == ()
    assert plan_edit((), (), ids=fresh()) == ()


def test_creates_come_before_deletes() -> None:
    """So that a refusal in the middle loses nothing; each goes right behind its predecessor."""
    new = ev.items.system("Answer in French.")
    steps = plan([told.user("a", "1"), told.user("b", "2"), audio("c")], [new, "c", "a"])
    assert [step.to_dict() for step in steps] == [
        {
            "create": {**new.to_wire(), "id": "new_1"},
            "previous_item_id": "root",
            "replaces": None,
        },
        {
            "create": {
                "id": "new_2",
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "1"}],
            },
            "previous_item_id": "c",
            "replaces": "a",
        },
        {"delete": "a"},
        {"delete": "b"},
    ]
    assert [json.loads(json.dumps(step.event().to_wire())) for step in steps[1:3]] == [
        {
            "type": "conversation.item.create",
            "previous_item_id": "c",
            "item": steps[1].to_dict()["create"],
        },
        {"type": "conversation.item.delete", "item_id": "a"},
    ]


def test_new_items_keep_the_id_they_have() -> None:
    """And what follows them is put behind it."""
    named = ev.items.user("hi").model_copy(update={"id": "mine"})
    first, second = plan([], [named, ev.items.user("ho")])
    assert isinstance(first, Create)
    assert isinstance(second, Create)
    assert (first.item_id, second.item_id, second.previous_item_id) == ("mine", "new_1", "mine")


def test_a_long_history_is_planned_quickly() -> None:
    """Two thousand items, the first one moved to the end."""
    items = mirror_of(*(told.user(f"i{n}", "x") for n in range(2000))).items()
    steps = plan_edit(items, [*items[1:], items[0]], ids=fresh())
    assert [type(step) for step in steps] == [Create, Delete]


# What is refused


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["z"], "item z is wanted, but is not in the conversation; give ids from the history, or new items"),
        (["a", "a"], "item a is wanted twice"),
        (
            ["b", ev.NewUserMessage(id="a", content=[])],
            "a new item has the id a, which is in use; leave its id out",
        ),
        (
            [ev.NewUserMessage(id="n", content=[]), ev.NewUserMessage(id="n", content=[])],
            "item n is wanted twice",
        ),
    ],
)
def test_lists_that_cannot_be(wanted: list[Wanted], message: str) -> None:
    """Said before anything is sent."""
    with pytest.raises(LocalProtocolError) as caught:
        plan([told.user("a", "1"), told.user("b", "2")], wanted)
    assert str(caught.value) == message


def test_what_cannot_move_is_named() -> None:
    """With its kind, and whether its audio could be retrieved."""
    image = {"type": "input_image", "image_url": None}
    items = [
        audio("r"),
        told.spoken("u", "hi"),
        {**told.user("i"), "content": [image]},
        {"id": "m", "type": "mcp_list_tools", "server_label": "docs", "tools": []},
        {**told.user("x"), "content": [{"type": "input_smell"}]},
        {**told.user("s"), "role": "system", "content": [{"type": "input_smell"}]},
        told.user("t", "text"),
    ]
    with pytest.raises(CannotRecreate) as caught:
        plan(items, ["t", "s", "x", "m", "i", "u", "r"])
    stuck = caught.value
    # One of them can stay; the others would have to move.
    kinds = {
        "r": "assistant audio",
        "u": "user audio",
        "i": "user image",
        "m": "mcp_list_tools",
        "x": "user message",
        "s": "system message",
    }
    assert len(stuck.items) == 5
    assert stuck.items.items() <= kinds.items()
    assert stuck.retrievable == (("u",) if "u" in stuck.items else ())
    assert str(stuck).startswith("cannot move s (system message), x (user message), m (mcp_list_tools), ")
    assert "as_text=True" in str(stuck)


def test_items_being_written_neither_move_nor_go() -> None:
    """The server would write on into what is gone."""
    items = [told.reply("r", status="in_progress"), told.user("a", "1")]
    for wanted in (["a"], []):
        with pytest.raises(
            LocalProtocolError, match=r"^item r is still being written and can neither move nor go"
        ):
            plan(items, wanted)
    (create, delete) = plan(items, ["a", "r"])
    assert isinstance(create, Create)
    assert (create.replaces, delete) == ("a", Delete("a"))


# Copies


def moved(item: Message, **options: Any) -> Message:
    """The copy that is made of an item when it has to move."""
    steps = plan([item, audio("fixed")], ["fixed", item["id"]], **options)
    create = steps[0]
    assert isinstance(create, Create)
    assert create.replaces == item["id"]
    wire = create.item.to_wire()
    assert wire.pop("id") == "new_1"
    return wire


PNG = "data:image/png;base64,iVBORw0KGgo="


def test_copies_say_what_the_original_says() -> None:
    """Each kind that a client can create."""
    system = {**told.user("a", "be kind"), "role": "system"}
    assert moved(system)["content"] == [{"type": "input_text", "text": "be kind"}]
    assert moved(told.user("a", "one", "two"))["content"] == [
        {"type": "input_text", "text": "one"},
        {"type": "input_text", "text": "two"},
    ]
    written = told.reply("a", {"type": "output_text", "text": "Yes"})
    assert moved(written) == {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Yes"}],
    }
    assert moved(told.call("a", "{}")) == {
        "type": "function_call",
        "name": "weather",
        "arguments": "{}",
        "call_id": "call_a",
    }
    assert moved({**told.call("a", "{}"), "call_id": None}).get("call_id") is None
    assert moved(told.result("a", "b", "12")) == {
        "type": "function_call_output",
        "call_id": "call_b",
        "output": "12",
    }


def test_images_are_copied_with_their_detail() -> None:
    """Where the server shows them."""
    image = {"type": "input_image", "image_url": PNG}
    for one in (image, {**image, "detail": "low"}):
        assert moved({**told.user("a"), "content": [one]})["content"] == [one]


def test_a_users_audio_is_copied_if_it_was_retrieved() -> None:
    """With its transcript; else, if allowed, its transcript alone."""
    spoken = told.spoken("a", "hello")
    with pytest.raises(CannotRecreate) as caught:
        moved(spoken)
    assert caught.value.retrievable == ("a",)
    parts = [{"type": "input_audio", "audio": "AAAA", "transcript": None}]
    retrieved = {"a": ev.UserMessage.model_validate({"type": "message", "role": "user", "content": parts})}
    assert moved(spoken, retrieved=retrieved)["content"] == [
        {"type": "input_audio", "audio": "AAAA", "transcript": "hello"}
    ]
    empty = {"a": ev.UserMessage(type="message", role="user", content=[])}
    assert moved(spoken, retrieved=empty, as_text=True)["content"] == [
        {"type": "input_text", "text": "hello"}
    ]
    with pytest.raises(CannotRecreate):
        moved(told.spoken("a"), as_text=True)


def test_a_spoken_reply_may_go_on_as_text() -> None:
    """If that is allowed: what stands in the conversation, without what truncation took."""
    mirror = mirror_of(told.reply("r", status="in_progress"), told.user("a", "1"))
    told.tell(
        mirror, told.said("r", "One "), told.sound("r", 100), told.said("r", "two"), told.sound("r", 100)
    )
    told.tell(mirror, told.done(audio("r", "One two")), told.truncated("r", 100))
    # Of the two, the spoken one stays.
    steps = plan_edit(mirror.items(), ["a", "r"], ids=fresh(), as_text=True)
    assert [step.replaces for step in steps if isinstance(step, Create)] == ["a"]
    told.tell(mirror, told.added(audio("q", "Three"), "a"))
    steps = plan_edit(mirror.items(), ["q", "r"], ids=fresh(), as_text=True)
    created = next(step for step in steps if isinstance(step, Create))
    text = {"r": "One ", "q": "Three"}[created.replaces or ""]
    assert created.item.to_wire()["content"] == [{"type": "output_text", "text": text}]
    with pytest.raises(CannotRecreate):
        plan([audio("r", ""), audio("q", "")], ["q", "r"], as_text=True)


def test_what_the_server_may_have_and_we_may_not_cannot_be_copied() -> None:
    """A call id longer than a client may choose, an image of a kind it does not take."""
    with pytest.raises(CannotRecreate):
        moved({**told.call("a"), "call_id": "c" * 40})
    with pytest.raises(CannotRecreate):
        moved({**told.user("a"), "content": [{"type": "input_image", "image_url": "https://example.org/"}]})


# Compaction


def ids_of(items: Sequence[HistoryItem]) -> list[str]:
    return [item.id for item in items]


def compacted(*items: Message, keep_last: int, **options: Any) -> tuple[list[str], list[str]]:
    found = plan_compaction(mirror_of(*items).items(), keep_last=keep_last, **options)
    return ids_of(found.replaced), ids_of(found.kept)


def test_a_summary_replaces_all_but_the_last() -> None:
    """Everything, nothing, or what lies before."""
    items = [told.user(name, name) for name in "abcd"]
    assert compacted(*items, keep_last=1) == (["a", "b", "c"], ["d"])
    assert compacted(*items, keep_last=0) == (["a", "b", "c", "d"], [])
    assert compacted(*items, keep_last=9) == ([], ["a", "b", "c", "d"])
    assert compacted(*items, keep_last=1, keep=["b"]) == (["a", "c"], ["b", "d"])
    with pytest.raises(LocalProtocolError, match=r"^keep_last is -1, and no fewer than 0 items can be kept$"):
        compacted(keep_last=-1)


def test_calls_and_their_outputs_stay_together() -> None:
    """Whichever of the two is kept."""
    items = [
        told.user("a", "1"),
        told.call("c", "{}"),
        told.user("b", "2"),
        told.result("o", "c", "12"),
        told.call("x", "{}"),
    ]
    assert compacted(*items[:4], keep_last=1) == (["a", "b"], ["c", "o"])
    assert compacted(*items[:4], keep_last=0) == (["a", "c", "b", "o"], [])
    assert compacted(*items, keep_last=0) == (["a", "c", "b", "o"], ["x"])
    assert compacted(*items, keep_last=0, keep=["c"])[1] == ["c", "o", "x"]


def test_calls_without_ids_belong_to_nobody() -> None:
    """And are not taken for answered by an output without one."""
    call, result = {**told.call("c"), "call_id": None}, {**told.result("o", "c", "1"), "call_id": None}
    assert compacted(call, result, keep_last=0) == (["o"], ["c"])


def test_approvals_stay_with_what_they_are_about() -> None:
    """Request, answer and call; a request nobody answered stays."""
    request = {"id": "q", "type": "mcp_approval_request", "server_label": "d", "name": "f", "arguments": "{}"}
    answer = {"id": "y", "type": "mcp_approval_response", "approval_request_id": "q", "approve": True}
    call = {"id": "m", "type": "mcp_call", "server_label": "d", "name": "f", "approval_request_id": "q"}
    finished = {**call, "output": "found"}
    assert compacted(request, keep_last=0) == ([], ["q"])
    assert compacted(request, answer, keep_last=0) == (["q", "y"], [])
    assert compacted(request, answer, call, keep_last=0) == ([], ["q", "y", "m"])
    assert compacted(request, answer, finished, keep_last=0) == (["q", "y", "m"], [])
    assert compacted(request, answer, finished, keep_last=1) == ([], ["q", "y", "m"])
    failed = {**call, "error": {"type": "http_error", "message": "no"}, "approval_request_id": None}
    assert compacted(failed, keep_last=0) == (["m"], [])


def test_what_is_not_finished_stays() -> None:
    """A reply being written, words still being transcribed, the tools the model needs."""
    tools = {"id": "t", "type": "mcp_list_tools", "server_label": "docs", "tools": []}
    mirror = mirror_of(tools, told.spoken("u"), told.spoken("v"), told.reply("r", status="in_progress"))
    delta = {"type": f"{told.TRANSCRIPTION}.delta", "item_id": "u", "content_index": 0, "delta": "How"}
    told.tell(mirror, delta)
    found = plan_compaction(mirror.items(), keep_last=0)
    assert ids_of(found.kept) == ["t", "u", "r"]
    assert ids_of(found.replaced) == ["v"]


def test_the_summary_goes_to_the_front_before_anything_is_deleted() -> None:
    """And what is to be summarized is said readably."""
    mirror = mirror_of(
        told.user("a", "My name is\x1b[2J Ann."), audio("b", "Hello Ann."), told.user("c", "x")
    )
    found = plan_compaction(mirror.items(), keep_last=1)
    assert found.text == "user: My name is[2J Ann.\nassistant: Hello Ann."
    assert found.to_dict() == {"replaced": ["a", "b"], "kept": ["c"]}
    summary = ev.items.system("Ann said hello.").model_copy(update={"id": "s"})
    steps = found.steps(summary)
    assert steps == (Create(summary, "root"), Delete("a"), Delete("b"))
    assert applied(["a", "b", "c"], steps) == ["s", "c"]


@given(st.lists(st.sampled_from(["text", "call", "result"]), max_size=12), st.integers(0, 5), st.randoms())
def test_no_compaction_parts_a_call_from_its_output(kinds: list[str], keep_last: int, chance: Any) -> None:
    """Whatever the history, and the last items are always kept."""
    items: list[Message] = []
    open_: list[str] = []
    for number, kind in enumerate(kinds):
        if kind == "call":
            items.append(told.call(f"i{number}", "{}"))
            open_.append(f"i{number}")
        elif kind == "result" and open_:
            items.append(told.result(f"i{number}", open_.pop(chance.randrange(len(open_))), "x"))
        else:
            items.append(told.user(f"i{number}", "x"))
    replaced, kept = compacted(*items, keep_last=keep_last)
    assert sorted(replaced + kept) == sorted(item["id"] for item in items)
    assert {item["id"] for item in items[max(0, len(items) - keep_last) :]} <= set(kept)
    assert set(open_) <= set(kept)
    for item in items:
        partners = {
            one["id"] for one in items if item.get("call_id") and one.get("call_id") == item["call_id"]
        }
        assert partners <= set(kept) or partners <= set(replaced)
    assert isinstance(Compaction((), ()).text, str)
