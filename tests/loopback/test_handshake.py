"""What a connection attempt comes to: the outcomes of connecting, one by one."""

from __future__ import annotations

import pytest

from realtime_raw.loopback.handshake import (
    AccessPolicy,
    Health,
    HttpRefusal,
    InBandRefusal,
    Opened,
    Outcome,
    Request,
    decide,
)

UPGRADE = ("Upgrade", "websocket")
KEY = ("Authorization", "Bearer sk-test-key")
MODEL = "/v1/realtime?model=gpt-realtime-2.1"


def attempt(target: str, *headers: tuple[str, str], policy: AccessPolicy | None = None) -> Outcome:
    return decide(Request(target, (UPGRADE, *headers)), policy or AccessPolicy())


def in_band(outcome: Outcome) -> tuple[str | None, int, str]:
    assert isinstance(outcome, InBandRefusal)
    return outcome.fault.code, outcome.close_code, outcome.fault.close_reason


@pytest.mark.parametrize("target", ["/v1/realtime", "/openai/v1/realtime", "/realtime", "/a/b/v1/realtime/"])
def test_any_prefix_will_do(target: str) -> None:
    """Gateways and Azure put theirs in front."""
    assert attempt(f"{target}?model=gpt-realtime") == Opened(model="gpt-realtime")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v1/chat?model=gpt-realtime", 404),
        ("/v1/realtimes?model=gpt-realtime", 404),
        ("/v1/realtime/transcription_sessions", 403),
        ("/v1/realtime?call_id=call_1", 404),
    ],
)
def test_wrong_paths_fail_as_http(target: str, status: int) -> None:
    """No upgrade."""
    outcome = attempt(target)
    assert isinstance(outcome, HttpRefusal)
    assert outcome.status == status


def test_a_plain_get_is_a_question_after_health() -> None:
    """Whatever its path."""
    assert decide(Request("/", ()), AccessPolicy(keys=["sk"])) == Health()


def test_what_can_be_opened() -> None:
    """A conversation, a sideband with or without a model, a transcription session, an ephemeral secret's."""
    assert attempt(MODEL) == Opened("realtime", "gpt-realtime-2.1", None)
    assert attempt("/v1/realtime?call_id=rtc_1") == Opened(call_id="rtc_1")
    assert attempt("/v1/realtime?call_id=rtc_1&model=gpt-realtime") == Opened(
        "realtime", "gpt-realtime", "rtc_1"
    )
    assert attempt("/v1/realtime?intent=transcription") == Opened("transcription")
    assert attempt("/v1/realtime", ("Authorization", "Bearer ek_123")) == Opened()
    assert attempt(MODEL + "&unheard_of=1") == Opened()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ("missing_model", 4000, "invalid_request_error.missing_model")),
        ("?model=", ("missing_model", 4000, "invalid_request_error.missing_model")),
        ("?model=gpt-4o", ("invalid_model", 4000, "invalid_request_error.invalid_model")),
        ("?model=gpt-realtime-translate", ("invalid_model", 4000, "invalid_request_error.invalid_model")),
        ("?model=gpt-realtime-whisper", ("invalid_model", 4000, "invalid_request_error.invalid_model")),
        (
            "?model=gpt-4o-realtime-preview-2024-10-01",
            ("model_not_found", 4004, "invalid_request_error.model_not_found"),
        ),
        (
            "?intent=transcription&model=whisper-1",
            ("invalid_model", 4000, "invalid_request_error.invalid_model"),
        ),
    ],
)
def test_wrong_models_are_refused_in_band(query: str, expected: tuple[str, int, str]) -> None:
    """One error, then a close whose reason is `type.code`."""
    assert in_band(attempt("/v1/realtime" + query)) == expected


def test_the_words_of_wrong_models() -> None:
    """As observed."""

    def words(query: str) -> str:
        outcome = attempt("/v1/realtime" + query)
        assert isinstance(outcome, InBandRefusal)
        return outcome.fault.message

    assert words("") == (
        "You must provide a model parameter, for example "
        "wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5"
    )
    assert words("?model=gpt-realtime-whisper") == (
        'Model "gpt-realtime-whisper" is a transcription model and cannot be used as '
        "the realtime session model"
    )
    assert words("?intent=transcription&model=x") == (
        "You must not provide a model parameter for transcription sessions."
    )
    assert words("?model=gpt-nope").startswith('Model "gpt-nope" is not supported in realtime mode')


def test_other_models_can_be_let_in() -> None:
    """Deployment names, for one."""
    policy = AccessPolicy(models=["my-deployment"])
    assert attempt("/openai/v1/realtime?model=my-deployment", policy=policy) == Opened(model="my-deployment")


@pytest.mark.parametrize(
    "header",
    [
        ("OpenAI-Beta", "realtime=v1"),
        ("openai-beta", "assistants=v2, realtime=v1"),
        ("Sec-WebSocket-Protocol", "realtime, openai-beta.realtime-v1"),
    ],
)
def test_the_beta_is_refused(header: tuple[str, str]) -> None:
    """By header or subprotocol, on either kind of session."""
    for target in (MODEL, "/v1/realtime?intent=transcription"):
        assert in_band(attempt(target, header)) == (
            "beta_api_shape_disabled",
            4000,
            "invalid_request_error.beta_api_shape_disabled",
        )


KEYS = [
    KEY,
    ("authorization", "bearer sk-test-key"),
    ("api-key", "sk-test-key"),
    ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.sk-test-key"),
]


@pytest.mark.parametrize("header", KEYS)
def test_keys_may_be_shown_in_several_ways(header: tuple[str, str]) -> None:
    """A bearer, Azure's header, a browser's subprotocol."""
    assert attempt(MODEL, header, policy=AccessPolicy(keys=["sk-test-key"])) == Opened()
    wrong = attempt(MODEL, header, policy=AccessPolicy(keys=["sk-other-key"]))
    assert in_band(wrong) == ("invalid_api_key", 3000, "invalid_request_error.invalid_api_key")


def test_a_wrong_key_never_comes_back() -> None:
    """Three letters of a long one, none of a short one."""

    def words(key: str) -> str:
        outcome = attempt(MODEL, ("Authorization", f"Bearer {key}"), policy=AccessPolicy(keys=["x"]))
        assert isinstance(outcome, InBandRefusal)
        return outcome.fault.message

    assert words("sk-verysecret").startswith("Incorrect API key provided: sk-***. You can find")
    assert "tiny" not in words("tiny")


def test_both_ways_at_once_are_refused() -> None:
    """Whether or not keys matter here."""
    outcome = attempt(MODEL, KEYS[0], KEYS[3])
    assert isinstance(outcome, HttpRefusal)
    assert outcome.status == 400


@pytest.mark.parametrize("policy", [AccessPolicy(keys=["sk"]), AccessPolicy(require_key=True)])
def test_no_key_is_refused_where_one_is_needed(policy: AccessPolicy) -> None:
    """HTTP 401; a key of another scheme is none. Any key satisfies `require_key`."""
    for headers in ((), (("Authorization", "Basic abc"),)):
        outcome = attempt(MODEL, *headers, policy=policy)
        assert isinstance(outcome, HttpRefusal)
        assert (outcome.status, outcome.fault.message) == (
            401,
            "Missing bearer or basic authentication in header",
        )
    assert attempt(MODEL, KEY, policy=AccessPolicy(require_key=True)) == Opened()


def test_a_missing_key_can_be_answered_in_band() -> None:
    """The other report: 101, an error without a code, close 3000."""
    policy = AccessPolicy(require_key=True, missing_key="in_band")
    assert in_band(attempt(MODEL, policy=policy)) == (None, 3000, "invalid_request_error")


def test_without_keys_none_is_needed() -> None:
    """It is a development server on the loopback interface."""
    assert attempt(MODEL) == attempt(MODEL, KEY) == Opened()
