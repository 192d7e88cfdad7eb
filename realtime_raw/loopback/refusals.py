"""The server's refusals, as data: code, message, param, and whether the client's event id is echoed.

Every sentence the server can say in an `error` event is built here and nowhere
else, so the catalogue can be read in one sitting. What decides to refuse lives
in `validate` (shape) and `brain` (state). Codes, wordings and params follow
errors observed on the live API; where only the code, or only the wording, was
observed, the docstring says which half is our choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "BETA_REFUSED",
    "BINARY",
    "EXPIRED",
    "INVALID_JSON",
    "MISSING_AUTHORIZATION",
    "MISSING_MODEL",
    "MISSING_TYPE",
    "NOT_AN_OBJECT",
    "NO_MODEL_FOR_TRANSCRIPTION",
    "Fault",
    "Refused",
    "listed",
]

# Client strings that come back inside a message are cut here: an error is for reading.
_QUOTE_LIMIT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The inside of one `error` event.

    `echo` is whether `error.event_id` repeats the client's id. Errors about the
    shape of an event repeat it; most errors raised by conversation state were
    seen with null although an id was sent (observed).
    """

    code: str | None
    message: str
    param: str | None = None
    type: str = "invalid_request_error"
    echo: bool = True

    @property
    def close_reason(self) -> str:
        """The reason of the close frame that follows a refusal to connect (observed): `type.code`."""
        return f"{self.type}.{self.code}" if self.code else self.type


class Refused(Exception):
    """A client event is refused: one `error` goes out and nothing else happens."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def quote(text: str) -> str:
    """A client's string as the server quotes it, cut to a readable length."""
    return f"'{text[:_QUOTE_LIMIT]}'"


def listed(words: Sequence[str], conjunction: str = "and") -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`: the server's way of listing (observed)."""
    quoted = [f"'{word}'" for word in words]
    if len(quoted) < 3:
        return f" {conjunction} ".join(quoted)
    return f"{', '.join(quoted[:-1])}, {conjunction} {quoted[-1]}"


# --- messages that are no events ---------------------------------------------------------

INVALID_JSON = Fault(
    code="invalid_json",
    message="Invalid event: failed to parse JSON value. Please check the value to ensure it is valid JSON.",
    echo=False,
)
NOT_AN_OBJECT = Fault(
    code="invalid_event", message="Invalid event: expected a JSON object.", echo=False
)  # our wording
BINARY = Fault(
    code="invalid_event",
    message="Expected a text WebSocket message; binary frames are not supported.",
    echo=False,
)
MISSING_TYPE = Fault(code="invalid_event", message="The 'type' field is missing.")


# --- shape -------------------------------------------------------------------------------


def missing(path: str) -> Refused:
    """A required field is absent."""
    return Refused(
        Fault(code="missing_required_parameter", message=f"Missing required parameter: '{path}'.", param=path)
    )


def unknown(path: str) -> Refused:
    """A field the event does not have."""
    path = path[:_QUOTE_LIMIT]
    return Refused(Fault(code="unknown_parameter", message=f"Unknown parameter: '{path}'.", param=path))


def wrong_type(path: str, expected: str, found: str) -> Refused:
    """A value of the wrong JSON kind. `expected` and `found` carry their article, save null."""
    text = f"Invalid type for '{path}': expected {expected}, but got {found} instead."
    return Refused(Fault(code="invalid_type", message=text, param=path))


def wrong_value(path: str, value: str, supported: Sequence[str]) -> Refused:
    """A string outside its enum. One supported value is worded differently from several (observed)."""
    if len(supported) == 1:
        tail = f"Value must be '{supported[0]}'."
    else:
        tail = f"Supported values are: {listed(supported)}."
    return Refused(Fault(code="invalid_value", message=f"Invalid value: {quote(value)}. {tail}", param=path))


def out_of_range(path: str, kind: str, value: float, bound: float, *, above: bool) -> Refused:
    """A number outside its range; `kind` is `integer` or `decimal` (the decimal code is our choice)."""
    word, code, sign = ("above maximum", "above_max", "<=") if above else ("below minimum", "below_min", ">=")
    text = f"Invalid '{path}': {kind} {word} value. Expected a value {sign} {bound}, but got {value} instead."
    return Refused(Fault(code=f"{kind}_{code}_value", message=text, param=path))


def too_long(path: str, limit: int, length: int) -> Refused:
    """A string over its limit (message observed, code our choice)."""
    text = (
        f"Invalid '{path}': string too long. Expected a string with maximum length {limit}, "
        f"but got a string with length {length} instead."
    )
    return Refused(Fault(code="string_above_max_length", message=text, param=path))


def empty_string(path: str) -> Refused:
    """An empty string where an id belongs (code and wording our choice)."""
    text = (
        f"Invalid '{path}': empty string. Expected a string with minimum length 1, "
        "but got an empty string instead."
    )
    return Refused(Fault(code="empty_string", message=text, param=path))


def too_many(path: str, kind: str, limit: int, count: int) -> Refused:
    """Too many entries; `kind` is `array` or `object` (code and wording our choice)."""
    things = "elements" if kind == "array" else "properties"
    text = (
        f"Invalid '{path}': {kind} too long. Expected an {kind} with maximum length {limit} {things}, "
        f"but got an {kind} with {count} {things} instead."
    )
    return Refused(Fault(code=f"{kind}_above_max_length", message=text, param=path))


def invalid(path: str | None, message: str, code: str = "invalid_value") -> Refused:
    """A value that is wrong in its own way; the caller words it."""
    return Refused(Fault(code=code, message=message, param=path))


def bad_modalities(path: str, modalities: Sequence[str]) -> Refused:
    """Both modalities at once, or none."""
    text = f"Invalid modalities: {list(modalities)}. Supported combinations are: ['text'] and ['audio']."
    return invalid(path, text)


def bad_audio(path: str, format_name: str, *, empty: bool) -> Refused:
    """Audio that is no base64, or is nothing. The words between brackets follow the format (our choice)."""
    got = "empty bytes" if empty else "an invalid value"
    return invalid(
        path, f"Invalid '{path}'. Expected base64-encoded audio bytes ({format_name}) but got {got}."
    )


# --- session state -----------------------------------------------------------------------


def _state(code: str | None, message: str, *, echo: bool = True, param: str | None = None) -> Refused:
    return Refused(Fault(code=code, message=message, param=param, echo=echo))


def wrong_session_kind(given: str, kind: str) -> Refused:
    """A session's kind is fixed when it is opened (the converse wording is our choice)."""
    return _state(
        "invalid_parameter",
        f"Passing a {given} session update event to a {kind} session is not allowed.",
    )


def voice_locked() -> Refused:
    """The voice cannot change once the assistant was heard."""
    return _state(
        "cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present."
    )


def tracing_locked() -> Refused:
    """Tracing is immutable once enabled (rule documented, wording our choice)."""
    return _state("invalid_value", "Tracing cannot be changed once it is enabled.", param="session.tracing")


def speed_locked() -> Refused:
    """The voice's speed changes between turns only (rule documented, wording our choice)."""
    return _state(
        "invalid_value",
        "The speed of the voice cannot be changed while a response is in progress.",
        param="session.audio.output.speed",
    )


def model_locked() -> Refused:
    """The model is chosen when connecting (wording our choice)."""
    return _state("invalid_value", "The model of a session cannot be changed.", param="session.model")


def no_reasoning(path: str) -> Refused:
    """Reasoning on a model that has none (that it is refused was observed, the words are ours)."""
    return _state("invalid_value", "Reasoning is not supported by this model.", param=path)


def no_turn_detection() -> Refused:
    """Live transcription models take no turn detection (message observed, code our choice)."""
    return _state(
        "invalid_value",
        "Turn detection is not supported for this transcription model.",
        param="session.audio.input.turn_detection",
    )


def not_a_transcription_model(model: str) -> Refused:
    """(Message observed, code our choice.)"""
    return _state(
        "invalid_model",
        f'Model "{model[:_QUOTE_LIMIT]}" is not supported in transcription mode',
        param="session.audio.input.transcription.model",
    )


def only_for_translation(event: str) -> Refused:
    """An event the live list of types names for every session, but only translation has (our wording)."""
    return _state("invalid_value", f"'{event}' is only available in translation sessions.", param="type")


def not_for_translation(event: str) -> Refused:
    """The converse: an event of conversations, in a translation session (our wording)."""
    return _state("invalid_value", f"'{event}' is not available in translation sessions.", param="type")


def session_closed() -> Refused:
    """Something after `session.close` (our choice)."""
    return _state("invalid_event", "The session is closed.")


def scenario_failed(exc: Exception) -> Fault:
    """The simulated model itself has failed: the user's code, so the session goes on."""
    return Fault(
        code="server_error",
        message=f"The scenario raised {type(exc).__name__}: {exc}",
        type="server_error",
        echo=False,
    )


def no_responses_here() -> Refused:
    """A transcription session never answers (our wording)."""
    return _state(
        "invalid_parameter", "Responses cannot be created in a transcription session.", param="type"
    )


# --- input audio -------------------------------------------------------------------------


def commit_empty(ms: float) -> Refused:
    """Less than 100 ms since the last commit or clear."""
    text = (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {ms:.2f}ms of audio."
    )
    return _state("input_audio_buffer_commit_empty", text)


def buffer_full(path: str, seconds: int) -> Refused:
    """Our own bound: the API documents no maximum for uncommitted audio."""
    return invalid(
        path, f"Invalid '{path}': the input audio buffer already holds {seconds} seconds of audio."
    )


# --- conversation state ------------------------------------------------------------------


def duplicate_item(item_id: str) -> Refused:
    """An item of that id exists (observed live, with no event id echoed)."""
    return _state(
        "item_create_duplicate_item_id",
        f"Error adding item: an item with id {quote(item_id)} already exists.",
        echo=False,
    )


def unknown_previous_item(item_id: str) -> Refused:
    """There is nothing of that id to insert after."""
    return _state(
        "item_create_invalid_previous_item_id",
        f"Error adding item: the previous item with id {quote(item_id)} does not exist.",
        echo=False,
    )


_GERUNDS = {"retrieve": "retrieving", "delete": "deleting", "truncate": "truncating"}


def unknown_item(verb: str, item_id: str) -> Refused:
    """`verb` is retrieve, delete or truncate (the wording of delete was observed, the others follow it)."""
    return _state(
        f"item_{verb}_invalid_item_id",
        f"Error {_GERUNDS[verb]} item: the item with id {quote(item_id)} does not exist.",
        echo=False,
    )


def not_truncatable() -> Refused:
    """Not the assistant's, or without audio so far (observed; one capture has code null)."""
    return _state("unsupported_content_type", "Only model output audio messages can be truncated", echo=False)


def already_shorter(have_ms: int, asked_ms: int) -> Refused:
    """A truncation beyond what was generated."""
    return _state(
        "invalid_value", f"Audio content of {have_ms}ms is already shorter than {asked_ms}ms", echo=False
    )


def unknown_reference(path: str, item_id: str) -> Refused:
    """An `item_reference` to nothing (our wording)."""
    return invalid(path, f"Item with id {quote(item_id)} does not exist in this conversation.")


def unknown_call(call_id: str) -> Refused:
    """An output for a call that is not in the conversation (whether the API refuses it is not known)."""
    return _state(
        "item_create_invalid_call_id",
        f"Error adding item: the function call with id {quote(call_id)} does not exist.",
        echo=False,
    )


# --- MCP ---------------------------------------------------------------------------------


def duplicate_server(path: str, label: str) -> Refused:
    """Two servers of one label (rule documented, wording our choice)."""
    return invalid(path, f"Invalid '{path}': duplicate server label {quote(label)}.")


def no_server_address(path: str) -> Refused:
    """A server nobody has introduced (rule documented, wording our choice)."""
    return invalid(path, f"Invalid '{path}': expected one of 'server_url', 'connector_id', or 'tunnel_id'.")


# --- responses ---------------------------------------------------------------------------


def response_active(response_id: str) -> Refused:
    """Another response is writing to the default conversation."""
    text = (
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one."
    )
    return _state("conversation_already_has_active_response", text)


def nothing_to_cancel() -> Refused:
    """No response is active, or none of that id."""
    return _state("response_cancel_not_active", "Cancellation failed: no active response found")


def conversation_too_long() -> Refused:
    """The context does not fit, and truncation is disabled."""
    return _state("conversation_too_long", "Conversation is too long to create a Response.")


# --- connecting --------------------------------------------------------------------------

EXPIRED = Fault(
    code="session_expired", message="Your session hit the maximum duration of 60 minutes.", echo=False
)
BETA_REFUSED = Fault(
    code="beta_api_shape_disabled",
    message="The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
)
MISSING_AUTHORIZATION = Fault(code=None, message="Missing bearer or basic authentication in header")
MISSING_MODEL = Fault(
    code="missing_model",
    message=(
        "You must provide a model parameter, for example "
        "wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5"
    ),
)
NO_MODEL_FOR_TRANSCRIPTION = Fault(  # (code our choice)
    code="invalid_model", message="You must not provide a model parameter for transcription sessions."
)


def wrong_key(key: str) -> Fault:
    """The key is masked down to its first letters: an error must never give a secret back."""
    masked = f"{key[:3]}***" if len(key) > 8 else "***"
    return Fault(
        code="invalid_api_key",
        message=(
            f"Incorrect API key provided: {masked}. "
            "You can find your API key at https://platform.openai.com/account/api-keys."
        ),
    )


def not_realtime(model: str) -> Fault:
    """A model of another kind, or no model at all (observed for both)."""
    return Fault(
        code="invalid_model",
        message=f'Model "{model[:_QUOTE_LIMIT]}" is not supported in realtime mode.',
    )


def not_translating(model: str) -> Fault:
    """A model that cannot translate (our wording)."""
    return Fault(
        code="invalid_model",
        message=f'Model "{model[:_QUOTE_LIMIT]}" is not supported in translation mode.',
    )


def transcription_model(model: str) -> Fault:
    """(Message observed, code our choice.)"""
    return Fault(
        code="invalid_model",
        message=(
            f'Model "{model[:_QUOTE_LIMIT]}" is a transcription model and cannot be used as '
            "the realtime session model"
        ),
    )


def model_gone(model: str) -> Fault:
    """A model that was removed."""
    return Fault(
        code="model_not_found",
        message=f"The model `{model[:_QUOTE_LIMIT]}` does not exist or you do not have access to it.",
    )
