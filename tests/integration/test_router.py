"""The router over real servers: what goes to another endpoint, what does not, and what is counted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from openai_server import Fault, OpenAIServer, drop_after, refuse, silent

from solvent.errors import ConfigError, ProviderError, ProviderRejected, ProviderUnavailable
from solvent.models.base import ChatRequest, Message, Sampling, generate
from solvent.models.probe import probe
from solvent.models.profiles import ModelProfile
from solvent.models.registry import open_model
from solvent.models.router.breaker import BreakerState
from solvent.models.router.model import RouterModel
from solvent.models.scripted import ScriptedModel

TEXT = "one two three four five"


def request(session: str = "s", **sampling: Any) -> ChatRequest:
    return ChatRequest(
        messages=(Message(role="user", content="Count."),),
        sampling=Sampling.model_validate({"max_tokens": 20, "seed": 1, **sampling}),
        session=session,
    )


@dataclass
class Pair:
    first: OpenAIServer
    """Home of the session."""
    second: OpenAIServer
    router: RouterModel
    profile: ModelProfile

    def counters(self, server: OpenAIServer) -> Any:
        return next(each.counters for each in self.router.metrics().endpoints if each.url == server.base_url)

    def state(self, server: OpenAIServer) -> BreakerState:
        return next(each.state for each in self.router.metrics().endpoints if each.url == server.base_url)


@pytest.fixture
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:

        async def build(**router: Any) -> Pair:
            servers = [stack.enter_context(OpenAIServer(ScriptedModel(lambda _: TEXT))) for _ in range(2)]
            endpoints = [{"base_url": server.base_url} for server in servers]
            options = {"first_open_s": 0.01, "wait_s": 5, "seed": 1, **router}
            profile = servers[0].profile(base_url=None, endpoints=endpoints, router=options)
            model = open_model(profile)
            assert isinstance(model, RouterModel)
            stack.push_async_callback(model.aclose)
            await generate(model, request_of("s"))
            first, second = servers if servers[0].bodies else servers[::-1]
            return Pair(first, second, model, profile)

        request_of = globals()["request"]
        yield build


async def failure(pair: Pair) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await generate(pair.router, request())
    return caught.value


@pytest.mark.parametrize("fault", [refuse(429, "later", retry_after="30"), refuse(503, "full"), drop_after(0)])
async def test_what_generated_nothing_goes_to_the_other_endpoint(make: Any, fault: Fault) -> None:
    pair = await make()
    pair.first.faults.append(fault)
    (completion,) = await generate(pair.router, request())
    assert completion.text == TEXT
    assert len(pair.second.bodies) == 1
    assert pair.counters(pair.second).completed == 1


async def test_an_endpoint_that_asks_to_come_back_later_gets_nothing_until_then(make: Any) -> None:
    pair = await make()
    pair.first.faults.append(refuse(429, "later", retry_after="30"))
    for _ in range(3):
        await generate(pair.router, request())
    assert len(pair.first.bodies) == 2
    assert pair.counters(pair.first).overloaded == 1
    assert pair.state(pair.first) is BreakerState.CLOSED, "it is busy, not broken"


async def test_a_stream_that_broke_off_is_never_begun_anew_and_says_what_came(make: Any) -> None:
    pair = await make()
    pair.first.faults.append(drop_after(4))
    pieces: list[str] = []

    async def read() -> None:
        async with aclosing(pair.router.stream(request())) as stream:
            async for chunk in stream:
                pieces.append(chunk.text)

    with pytest.raises(ProviderUnavailable) as caught:
        await read()
    assert pieces == ["one", " two", " three"]
    assert (caught.value.lost, caught.value.received_tokens) == (True, 3)
    assert pair.second.bodies == []
    assert (pair.counters(pair.first).lost, pair.counters(pair.first).cut_tokens) == (1, 3)


async def test_a_sample_whose_end_and_usage_came_is_finished_though_the_connection_broke(make: Any) -> None:
    pair = await make()
    # One event opens the stream; five words, the end and the usage follow; only [DONE] is missing.
    pair.first.faults.append(drop_after(8))
    (completion,) = await generate(pair.router, request())
    assert completion.text == TEXT
    assert pair.second.bodies == []


async def test_the_profile_may_forbid_to_send_again_what_was_not_answered(make: Any) -> None:
    pair = await make(resend_unanswered=False)
    pair.first.faults.append(drop_after(0))
    error = await failure(pair)
    assert isinstance(error, ProviderUnavailable)
    assert (error.lost, error.received_tokens) == (True, 0)
    assert pair.second.bodies == []


async def test_a_request_that_is_wrong_is_wrong_everywhere(make: Any) -> None:
    pair = await make()
    pair.first.faults.append(refuse(400, "no such field"))
    assert isinstance(await failure(pair), ProviderRejected)
    assert pair.second.bodies == []
    assert pair.counters(pair.first).rejected == 1


async def test_a_slow_first_token_goes_elsewhere_and_the_first_server_stops() -> None:
    with OpenAIServer(ScriptedModel(lambda _: TEXT)) as one, OpenAIServer(ScriptedModel(lambda _: TEXT)) as two:
        one.faults.append(silent())
        two.faults.append(silent())
        endpoints = [{"base_url": one.base_url}, {"base_url": two.base_url}]
        timeouts = {"first_token_s": 1.0}
        profile = one.profile(base_url=None, endpoints=endpoints, timeouts=timeouts, retry={"attempts": 3})
        model = open_model(profile)
        (completion,) = await generate(model, request())
        assert completion.text == TEXT
        await one.wait(lambda: one.live == 0)
        await two.wait(lambda: two.live == 0)
        await model.aclose()


async def test_an_endpoint_that_is_gone_comes_back_after_a_look_and_a_trial(make: Any) -> None:
    with OpenAIServer(ScriptedModel(lambda _: TEXT)) as alive, socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
        reserved.close()
        entries = [{"base_url": alive.base_url}, {"base_url": f"http://127.0.0.1:{port}/v1"}]
        profile = alive.profile(base_url=None, endpoints=entries, router={"first_open_s": 0.01, "max_open_s": 0.05})
        model = open_model(profile)
        assert isinstance(model, RouterModel)
        for number in range(8):
            await generate(model, request(f"s{number}"))
        gone = model.metrics().endpoints[1]
        assert gone.state is BreakerState.OPEN
        assert gone.counters.requests == gone.counters.failures == 1, "one refused connection was enough"
        assert model.metrics().endpoints[0].counters.completed == 8
        await model.aclose()


async def test_where_all_are_gone_the_error_names_them() -> None:
    with OpenAIServer(ScriptedModel([])) as server:
        profile = server.profile(base_url=None, endpoints=[{"base_url": "http://127.0.0.1:9/v1", "name": "nine"}])
        model = open_model(profile.model_copy(update={"router": profile.router.model_copy(update={"wait_s": 0.05})}))
        with pytest.raises(ProviderUnavailable, match=r"127\.0\.0\.1:9") as caught:
            await generate(model, request())
        assert caught.value.may_have_generated is False
        with pytest.raises(ProviderUnavailable):
            await model.count_prompt_tokens([Message(role="user", content="x")])
        await model.aclose()


async def test_cancelling_stops_the_server_and_is_counted(make: Any) -> None:
    with OpenAIServer(ScriptedModel(lambda _: " ".join(["word"] * 5000))) as server:
        model = open_model(server.profile(base_url=None, endpoints=[{"base_url": server.base_url}]))
        assert isinstance(model, RouterModel)
        async with aclosing(model.stream(request(max_tokens=5000))) as stream:
            async for chunk in stream:
                if chunk.tokens == 5:
                    break
        await server.wait(lambda: server.live == 0)
        (endpoint,) = model.metrics().endpoints
        assert (endpoint.counters.cancelled, endpoint.counters.cut_tokens) == (1, 5)
        assert (endpoint.running, endpoint.outstanding_tokens) == (0, 0)
        await model.aclose()


async def test_samples_beyond_the_limits_wait_and_all_end(make: Any) -> None:
    with OpenAIServer(ScriptedModel(lambda _: TEXT)) as server:
        endpoints = [{"base_url": server.base_url, "max_concurrent": 2}]
        model = open_model(server.profile(base_url=None, endpoints=endpoints))
        assert isinstance(model, RouterModel)
        together = await asyncio.gather(*(generate(model, request(f"s{number}")) for number in range(12)))
        assert [each[0].text for each in together] == [TEXT] * 12
        assert model.metrics().waiting == 0
        await model.aclose()


async def test_the_probe_says_which_endpoint_is_missing(make: Any) -> None:
    pair = await make()
    assert (await probe(pair.profile)).status == "ok"
    entries = [
        *pair.profile.endpoints,
        pair.profile.endpoints[0].model_copy(update={"base_url": "http://127.0.0.1:9/v1"}),
    ]
    state = await probe(pair.profile.model_copy(update={"endpoints": tuple(entries)}))
    assert state.status == "degraded"
    assert "2 of 3 endpoints" in state.detail
    assert "127.0.0.1:9" in state.detail
    alone = await probe(pair.profile.model_copy(update={"endpoints": tuple(entries[2:])}))
    assert alone.status == "missing"


def test_a_key_that_is_not_set_is_named() -> None:
    profile = ModelProfile.model_validate(
        {
            "name": "two",
            "backend": "openai",
            "context_tokens": 100,
            "endpoints": [
                {"base_url": "http://a/v1"},
                {"base_url": "http://b/v1", "api_key_env": "SOLVENT_NO_SUCH_KEY"},
            ],
        }
    )
    with pytest.raises(ConfigError, match=r"two\.b: the environment variable SOLVENT_NO_SUCH_KEY is not set"):
        open_model(profile)
