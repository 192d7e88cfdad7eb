"""Cases of the rules about whose move it is."""

from __future__ import annotations

from typing import Any

from realtime_raw.events.client import (
    ConversationItemCreate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCreate,
)
from realtime_raw.events.items import NewMcpApprovalResponse, system, user
from tests.explain.case import Cases
from tests.explain.scenes import (
    SOUND,
    added,
    answer,
    append,
    ask,
    asked_for_item,
    call,
    calls,
    commit,
    committed,
    created,
    creating,
    finish,
    later,
    mcp,
    mcp_call,
    ready,
    refused,
    replied,
    short_commit,
    vad,
    write,
)
from tests.protocol.harness import MANUAL, Desk, session

case = Cases()

case("nothing_sent", lambda: later(ready()), lambda: later(ready(), 1), "session.updated")
case("nothing_sent", lambda: later(ready()), lambda: later(write(ready())), "session.updated")
case("nothing_sent", lambda: later(ready()), lambda: later(append(ready())), "session.updated")
case(
    "nothing_sent",
    lambda: later(vad().ready()),
    lambda: later(Desk(sideband=True).ready()),
    "session.created",
)


def key_held() -> Desk:
    desk = append(ready())
    later(desk)
    return append(desk, 100)


def cleared() -> Desk:
    desk = append(ready())
    desk.core.send(InputAudioBufferClear(), desk.now)
    desk.hear("input_audio_buffer.cleared")
    return desk


case(
    "never_committed",
    lambda: later(append(ready())),
    key_held,
    "input_audio_buffer.append",
    says="500 ms of audio",
)
case(
    "never_committed",
    lambda: later(append(ready())),
    lambda: later(commit(append(ready()))),
    "input_audio_buffer.append",
)
case("never_committed", lambda: later(append(ready())), lambda: later(cleared()), "input_audio_buffer.append")
case(
    "never_committed",
    lambda: later(append(ready())),
    lambda: later(append(vad().ready())),
    "input_audio_buffer.append",
)
case(
    "never_committed",
    lambda: later(append(ready())),
    lambda: later(ask(append(ready()))),
    "input_audio_buffer.append",
)
case(
    "asked_before_commit",
    lambda: ask(append(ready())),
    lambda: ask(commit(append(ready()))),
    "response.create",
    says="500 ms",
)
case(
    "asked_before_commit",
    lambda: ask(append(ready())),
    lambda: append(replied(commit(append(ready())))),
    "input_audio_buffer.append",
)
case(
    "asked_before_commit",
    lambda: ask(append(ready())),
    lambda: ask(append(ready()), conversation="none"),
    "response.create",
)


def commit_refused() -> Desk:
    desk = append(ready())
    desk.core.send(InputAudioBufferCommit(), desk.now)
    desk.error("input_audio_buffer_commit_empty", "Error committing input audio buffer: buffer too small.")
    return desk


case("commit_refused", short_commit, lambda: commit(append(ready())), "command.not_sent", "error", "20.0 ms")
case("commit_refused", commit_refused, lambda: append(ready()), "error", "error", "buffer too small")
case("commit_refused", lambda: commit(append(short_commit())), refused, "command.not_sent", "note")


def held_behind() -> Desk:
    desk = commit(append(ask(ready())))
    desk.core.send(ResponseCreate(), desk.now, if_busy="wait")
    desk.sent()
    return desk


case(
    "never_asked",
    lambda: later(commit(append(ready()))),
    lambda: later(commit(append(ready())), 1),
    "input_audio_buffer.committed",
    says="60.0 s ago",
)
case(
    "never_asked",
    lambda: later(commit(append(ready()))),
    lambda: later(replied(commit(append(ready())))),
    "input_audio_buffer.commit",
)
case(
    "never_asked",
    lambda: later(commit(append(ready()))),
    lambda: later(held_behind()),
    "input_audio_buffer.committed",
)
case(
    "never_asked",
    lambda: later(ask(commit(append(ready())), conversation="none")),
    lambda: later(committed(append(vad().ready()))),
    "input_audio_buffer.committed",
)


def placed(item: Any = None, **where: Any) -> Desk:
    desk = ready()
    made = (item or user("context")).model_copy(update={"id": "item_c"})
    desk.core.send(ConversationItemCreate(item=made, **where), desk.now)
    shown: dict[str, Any] = {
        "id": "item_c",
        "type": "message",
        "role": made.role,
        "status": "completed",
        "content": [],
    }
    return added(desk, shown)


case(
    "text_never_asked",
    lambda: later(write(ready())),
    lambda: later(write(ready()), 1),
    "conversation.item.create",
)
case(
    "text_never_asked",
    lambda: later(write(ready())),
    lambda: later(replied(write(ready()))),
    "conversation.item.added",
)
case(
    "text_never_asked",
    lambda: later(write(ready())),
    lambda: later(placed(previous_item_id="root")),
    "conversation.item.create",
)
case(
    "text_never_asked",
    lambda: later(placed()),
    lambda: later(placed(system("Be brief."))),
    "conversation.item.create",
)
case(
    "text_never_asked",
    lambda: later(write(ready())),
    lambda: later(commit(append(write(ready())), previous="item_t")),
    "conversation.item.create",
)

case(
    "calls_unanswered",
    lambda: later(calls(ready())),
    lambda: later(calls(ready()), 4),
    "response.done",
    says="1 function output: weather (call_1)",
)
case(
    "calls_unanswered",
    lambda: later(calls(ready(), "resp_1", call(), call("item_g", "call_2", "time"))),
    lambda: later(answer(calls(ready()))),
    "response.done",
    says="2 function outputs: weather (call_1) and time (call_2)",
)
case(
    "calls_unanswered",
    lambda: replied(later(calls(ready())), "resp_2"),
    lambda: later(answer(calls(ready()))),
    "response.done",
    "note",
)


def cut_call() -> Desk:
    desk = ask(ready())
    item = {**call(), "status": "incomplete"}
    desk.hear("response.output_item.added", response_id="resp_1", output_index=0, item=item)
    desk.hear("conversation.item.added", previous_item_id=None, item=item)
    return finish(desk, status="cancelled", reason="client_cancelled", output=[item])


def restored_call() -> Desk:
    """A call and its output that we put there ourselves, to restore a history."""
    desk = added(ready(), call())
    return answer(desk)


case("calls_unanswered", lambda: later(calls(ready())), lambda: later(cut_call()), "response.done")
case(
    "output_never_asked",
    lambda: later(answer(calls(ready()))),
    lambda: later(answer(calls(ready())), 1),
    "conversation.item.create",
)
case(
    "output_never_asked",
    lambda: later(answer(calls(ready()))),
    lambda: later(replied(answer(calls(ready())), "resp_2")),
    "conversation.item.create",
)
case(
    "output_never_asked",
    lambda: later(answer(calls(ready()))),
    lambda: later(restored_call()),
    "conversation.item.create",
)
case(
    "output_never_asked",
    lambda: later(answer(calls(ready()))),
    lambda: later(answer(calls(ready(), "resp_1", call(), call("item_g", "call_2")))),
    "conversation.item.create",
)


def approved() -> Desk:
    desk = mcp("mcp_approval_request")
    made = NewMcpApprovalResponse(id="mcp_2", approval_request_id="mcp_1", approve=True)
    desk.core.send(ConversationItemCreate(item=made), desk.now)
    desk.sent()
    answer_ = {
        "id": "mcp_2",
        "type": "mcp_approval_response",
        "approval_request_id": "mcp_1",
        "approve": True,
    }
    return added(desk, answer_, "mcp_1")


case(
    "output_never_asked",
    lambda: later(mcp_call()),
    lambda: later(replied(mcp_call(), "resp_2")),
    "response.mcp_call.completed",
)
case(
    "output_never_asked",
    lambda: later(approved()),
    lambda: later(mcp("mcp_approval_request")),
    "conversation.item.create",
)


def running() -> Desk:
    """An MCP call ended, and the response that made it goes on."""
    desk = ask(ready())
    item = {"id": "mcp_1", "type": "mcp_call", "server_label": "docs", "name": "search", "arguments": "{}"}
    desk.hear("response.output_item.added", response_id="resp_1", output_index=0, item=item)
    added(desk, item)
    desk.hear("response.mcp_call.completed", item_id="mcp_1", output_index=0)
    return desk


case(
    "output_never_asked",
    lambda: later(finish(running())),
    lambda: later(running()),
    "response.mcp_call.completed",
)
case(
    "approval_waiting",
    lambda: later(mcp("mcp_approval_request")),
    lambda: later(approved()),
    "response.output_item.added",
    says="docs.search",
)
case(
    "approval_waiting",
    lambda: later(mcp("mcp_approval_request")),
    lambda: mcp("mcp_approval_request"),
    "response.output_item.added",
)


case("create_unanswered", lambda: creating(4), lambda: creating(1), "response.create", says="4.0 s ago")
case(
    "create_unanswered",
    lambda: creating(4, response={"conversation": "none"}),
    lambda: later(ask(ready()), 4),
    "response.create",
)


def held_behind_request() -> Desk:
    desk = creating(0)
    desk.core.send(ResponseCreate(), desk.now, if_busy="wait")
    return later(desk, 9)


case(
    "create_held",
    lambda: later(held_behind()),
    lambda: later(ask(ready())),
    "response.created",
    says="resp_1 is not done",
)
case("create_held", held_behind, ready, "response.created", "note")
case("create_held", held_behind_request, lambda: later(creating(0), 9), "response.create", says="no answer")


def trickling() -> Desk:
    desk = later(ask(ready()))
    desk.message("item_a")
    desk.audio("item_a", SOUND)
    return desk


case(
    "still_generating",
    lambda: later(trickling(), 6),
    trickling,
    "response.output_audio.delta",
    says="for 6.0 s",
)
case(
    "still_generating",
    lambda: later(trickling(), 6),
    lambda: later(finish(trickling()), 6),
    "response.created",
)


# Neighbours of the above that a careless condition would take for it


def greeted() -> Desk:
    """The server speaks first, unasked."""
    desk = vad().ready()
    desk.begin(conversation_id="conv_1")
    return finish(desk)


def transcribing() -> Desk:
    """A transcription session: it has no replies to ask for."""
    desk = Desk(manual_turns=True)
    desk.core.connected(desk.now)
    shown: dict[str, Any] = {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": "sess_1",
    }
    shown["audio"] = {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None}}
    desk.hear("session.created", session=shown)
    desk.hear("session.updated", session=shown)
    return commit(append(desk))


def another_approval() -> Desk:
    """One MCP call ended, another waits for approval."""
    desk = mcp_call()
    request = {
        "id": "mcp_9",
        "type": "mcp_approval_request",
        "server_label": "docs",
        "name": "x",
        "arguments": "{}",
    }
    return added(desk, request, "mcp_1")


def stuck_beside_another() -> Desk:
    """The spoken reply is silent while one beside it goes on."""
    desk = later(ask(trickling(), "resp_2", conversation="none"), 6)
    desk.audio("item_b", SOUND, "resp_2")
    return desk


def stuck_though_cancelled() -> Desk:
    desk = later(trickling(), 6)
    desk.core.cancel(desk.now)
    return desk


case("nothing_sent", lambda: later(ready()), lambda: later(created()), "session.updated")
case("nothing_sent", lambda: later(ready()), lambda: later(greeted()), "session.updated")
case(
    "commit_refused",
    lambda: short_commit(commit(append(ready()))),
    lambda: commit(append(ready())),
    "command.not_sent",
    "error",
)
case(
    "never_asked",
    lambda: later(commit(append(ready()))),
    lambda: later(transcribing()),
    "input_audio_buffer.commit",
)
case(
    "text_never_asked",
    lambda: later(write(replied(commit(append(ready()))))),
    ready,
    "conversation.item.create",
)
case(
    "calls_unanswered", lambda: later(calls(ready())), lambda: later(added(ready(), call())), "response.done"
)
case(
    "output_never_asked",
    lambda: later(mcp_call()),
    lambda: later(another_approval()),
    "response.mcp_call.completed",
)
case("create_unanswered", lambda: creating(4), lambda: asked_for_item(4), "response.create")
case("create_unanswered", lambda: creating(4), lambda: later(held_behind(), 9), "response.create")
case("still_generating", stuck_beside_another, lambda: later(finish(trickling()), 6), "response.created")
case("still_generating", stuck_though_cancelled, lambda: later(finish(trickling()), 6), "response.created")


def unseen(**options: Any) -> Desk:
    """A call's socket: what the session holds, nobody has said."""
    desk = Desk(sideband=True, **options)
    desk.core.connected(desk.now)
    desk.sent()
    return append(desk)


def switched_off() -> Desk:
    """Turn detection was never ours to decide, and is off."""
    desk = vad()
    desk.hear("session.created", session=session(**MANUAL))
    return append(desk)


def deleted() -> Desk:
    desk = write(ready())
    desk.hear("conversation.item.deleted", item_id="item_t")
    return desk


def retrieved_request() -> Desk:
    """An approval that was asked for before we came."""
    request = {
        "id": "mcp_1",
        "type": "mcp_approval_request",
        "server_label": "docs",
        "name": "x",
        "arguments": "{}",
    }
    desk = ready()
    desk.hear("conversation.item.retrieved", item={"id": "item_0", "type": "message", "role": "user"})
    desk.hear("conversation.item.retrieved", item=request)
    return desk


case(
    "never_committed",
    lambda: later(unseen()),
    lambda: later(unseen(manual_turns=False)),
    "input_audio_buffer.append",
)
case(
    "never_committed",
    lambda: later(switched_off()),
    lambda: later(append(vad().ready())),
    "input_audio_buffer.append",
)
case("text_never_asked", lambda: later(write(ready())), lambda: later(deleted()), "conversation.item.create")
case(
    "approval_waiting",
    lambda: later(retrieved_request()),
    lambda: later(approved()),
    "conversation.item.retrieved",
)


def overruled() -> Desk:
    """Manual turns were promised, and yet the server's detection ends turns: the reply is its affair."""
    desk = ready()
    desk.hear("session.updated", session=session())
    return committed(append(desk))


case(
    "never_asked",
    lambda: later(commit(append(ready()))),
    lambda: later(overruled()),
    "input_audio_buffer.committed",
)
