"""Who has the turn: three small machines and the table that couples them.

Each machine is a table from (state, fact) to state; a fact that a machine has
no row for leaves it as it is. Rules that span machines, such as a reply that
was interrupted before it existed, are rows of one joint table that says what
must then be done. The diagrams in the documentation are drawn from these
tables.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Mapping

from ..slim import slim

__all__ = [
    "JOINT",
    "PLAY",
    "REPLY",
    "USER",
    "Action",
    "Fact",
    "Play",
    "Reply",
    "States",
    "TurnController",
    "User",
]


class _Word(enum.Enum):
    """A word of the tables below, each the only one of its kind: hashed as such, at a tenth of the cost."""

    __hash__ = object.__hash__


class User(_Word):
    """Whether the user is speaking, as far as the server's voice detection tells."""

    SILENT = "silent"
    SPEAKING = "speaking"


class Reply(_Word):
    """The reply in the default conversation, from our create to the server's done."""

    NONE = "none"
    ASKED = "asked"
    DOOMED = "doomed"  # interrupted before the server created it
    ACTIVE = "active"
    CANCELLING = "cancelling"


class Play(_Word):
    """Whether reply audio is queued or sounding."""

    QUIET = "quiet"
    PLAYING = "playing"


class Fact(_Word):
    """What happened."""

    SPEECH_STARTED = "speech_started"
    SPEECH_STOPPED = "speech_stopped"
    INPUT_ENDED = "committed or cleared"
    CREATE_SENT = "sent create"
    CREATE_REFUSED = "create refused"
    CREATED = "created"
    CANCEL_SENT = "sent cancel"
    DONE = "done"
    SAMPLES = "first samples"
    DRAINED = "drained"
    INTERRUPTED = "interrupted"
    BARGED_IN = "barged in, the server cancels"


class Action(_Word):
    """What must now be done; the core does it."""

    STOP_PLAYBACK = "stop playback"
    CANCEL = "cancel the reply"
    FORGET = "mute the reply"


@slim
class States:
    """The joint state."""

    user: User = User.SILENT
    reply: Reply = Reply.NONE
    play: Play = Play.QUIET


USER: Mapping[tuple[User, Fact], User] = {
    (User.SILENT, Fact.SPEECH_STARTED): User.SPEAKING,
    (User.SPEAKING, Fact.SPEECH_STOPPED): User.SILENT,
    (User.SPEAKING, Fact.INPUT_ENDED): User.SILENT,
}

REPLY: Mapping[tuple[Reply, Fact], Reply] = {
    (Reply.NONE, Fact.CREATE_SENT): Reply.ASKED,
    (Reply.NONE, Fact.CREATED): Reply.ACTIVE,  # the server's own, by VAD
    (Reply.ASKED, Fact.CREATED): Reply.ACTIVE,
    (Reply.ASKED, Fact.CREATE_REFUSED): Reply.NONE,
    (Reply.ASKED, Fact.INTERRUPTED): Reply.DOOMED,
    (Reply.DOOMED, Fact.CREATED): Reply.ACTIVE,
    (Reply.DOOMED, Fact.CREATE_REFUSED): Reply.NONE,
    (Reply.ACTIVE, Fact.CANCEL_SENT): Reply.CANCELLING,
    (Reply.ACTIVE, Fact.DONE): Reply.NONE,
    (Reply.CANCELLING, Fact.DONE): Reply.NONE,
}

PLAY: Mapping[tuple[Play, Fact], Play] = {
    (Play.QUIET, Fact.SAMPLES): Play.PLAYING,
    (Play.PLAYING, Fact.DRAINED): Play.QUIET,
    (Play.PLAYING, Fact.INTERRUPTED): Play.QUIET,
    (Play.PLAYING, Fact.BARGED_IN): Play.QUIET,
}

# (fact, reply before it, play before it) -> what to do. Playback outlives
# generation: PLAYING x NONE truncates and cancels nothing, because the server
# had finished long before the sound did.
JOINT: Mapping[tuple[Fact, Reply, Play], tuple[Action, ...]] = {
    (Fact.INTERRUPTED, Reply.NONE, Play.PLAYING): (Action.STOP_PLAYBACK,),
    (Fact.INTERRUPTED, Reply.ASKED, Play.QUIET): (),
    (Fact.INTERRUPTED, Reply.ASKED, Play.PLAYING): (Action.STOP_PLAYBACK,),
    (Fact.INTERRUPTED, Reply.DOOMED, Play.PLAYING): (Action.STOP_PLAYBACK,),
    (Fact.INTERRUPTED, Reply.ACTIVE, Play.QUIET): (Action.FORGET, Action.CANCEL),
    (Fact.INTERRUPTED, Reply.ACTIVE, Play.PLAYING): (Action.FORGET, Action.STOP_PLAYBACK, Action.CANCEL),
    (Fact.INTERRUPTED, Reply.CANCELLING, Play.QUIET): (Action.FORGET,),
    (Fact.INTERRUPTED, Reply.CANCELLING, Play.PLAYING): (Action.FORGET, Action.STOP_PLAYBACK),
    (Fact.BARGED_IN, Reply.NONE, Play.PLAYING): (Action.STOP_PLAYBACK,),
    (Fact.BARGED_IN, Reply.ACTIVE, Play.QUIET): (Action.FORGET,),
    (Fact.BARGED_IN, Reply.ACTIVE, Play.PLAYING): (Action.FORGET, Action.STOP_PLAYBACK),
    (Fact.BARGED_IN, Reply.CANCELLING, Play.QUIET): (Action.FORGET,),
    (Fact.BARGED_IN, Reply.CANCELLING, Play.PLAYING): (Action.FORGET, Action.STOP_PLAYBACK),
    (Fact.BARGED_IN, Reply.ASKED, Play.PLAYING): (Action.STOP_PLAYBACK,),
    (Fact.BARGED_IN, Reply.DOOMED, Play.PLAYING): (Action.STOP_PLAYBACK,),
    (Fact.CREATED, Reply.DOOMED, Play.QUIET): (Action.FORGET, Action.CANCEL),
    (Fact.CREATED, Reply.DOOMED, Play.PLAYING): (Action.FORGET, Action.CANCEL),
}


_STATES: Mapping[tuple[User, Reply, Play], States] = {
    joint: States(*joint) for joint in itertools.product(User, Reply, Play)
}


class TurnController:
    """Applies facts; says what must be done about them."""

    def __init__(self) -> None:
        self.states = States()

    def apply(self, fact: Fact) -> tuple[Action, ...]:
        """Take in a fact; returns what to do, in order."""
        before = self.states
        if fact is Fact.SAMPLES and before.play is Play.PLAYING:
            return ()  # the most frequent by far: no row of any table
        user, reply, play = before.user, before.reply, before.play
        self.states = _STATES[
            USER.get((user, fact), user), REPLY.get((reply, fact), reply), PLAY.get((play, fact), play)
        ]
        return JOINT.get((fact, reply, play), ())
