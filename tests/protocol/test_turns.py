"""The three machines and their joint table, exhaustively."""

from __future__ import annotations

import itertools

import pytest

from realtime_raw.protocol.turns import (
    JOINT,
    PLAY,
    REPLY,
    USER,
    Action,
    Fact,
    Play,
    Reply,
    States,
    TurnController,
    User,
)

ALL = [States(*joint) for joint in itertools.product(User, Reply, Play)]


def after(states: States, fact: Fact) -> tuple[States, tuple[Action, ...]]:
    turns = TurnController()
    turns.states = states
    actions = turns.apply(fact)
    return turns.states, actions


@pytest.mark.parametrize("states", ALL, ids=str)
@pytest.mark.parametrize("fact", Fact)
def test_each_machine_follows_its_own_table_and_no_other(states: States, fact: Fact) -> None:
    now, _ = after(states, fact)
    assert now.user is USER.get((states.user, fact), states.user)
    assert now.reply is REPLY.get((states.reply, fact), states.reply)
    assert now.play is PLAY.get((states.play, fact), states.play)


@pytest.mark.parametrize("states", ALL, ids=str)
@pytest.mark.parametrize("fact", Fact)
def test_what_is_done_is_sound(states: States, fact: Fact) -> None:
    _, actions = after(states, fact)
    cutting = fact in (Fact.INTERRUPTED, Fact.BARGED_IN)
    assert (Action.STOP_PLAYBACK in actions) == (cutting and states.play is Play.PLAYING)
    if Action.CANCEL in actions:
        doomed = fact is Fact.CREATED and states.reply is Reply.DOOMED
        assert doomed or (fact is Fact.INTERRUPTED and states.reply is Reply.ACTIVE)
        assert actions.index(Action.FORGET) < actions.index(Action.CANCEL)


def test_a_reply_from_create_to_done() -> None:
    turns = TurnController()
    seen = []
    for fact in (Fact.CREATE_SENT, Fact.CREATED, Fact.SAMPLES, Fact.DONE, Fact.DRAINED):
        assert turns.apply(fact) == ()
        seen.append((turns.states.reply.value, turns.states.play.value))
    assert seen == [
        ("asked", "quiet"),
        ("active", "quiet"),
        ("active", "playing"),
        ("none", "playing"),
        ("none", "quiet"),
    ]


def test_a_reply_interrupted_before_it_existed_is_cancelled_once_it_does() -> None:
    turns = TurnController()
    turns.apply(Fact.CREATE_SENT)
    assert turns.apply(Fact.INTERRUPTED) == ()
    assert turns.apply(Fact.CREATED) == (Action.FORGET, Action.CANCEL)


def test_every_row_of_the_joint_table_can_be_reached() -> None:
    reachable = {(fact, s.reply, s.play) for fact in Fact for s in ALL}
    assert set(JOINT) <= reachable
