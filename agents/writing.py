"""Has the model write one reply: prompt, sampling, call.

Apart from the graph, so that a job's first calls can begin while LangGraph is still being imported.
"""

from __future__ import annotations

from typing import Any, Literal

from solvent.agents.budget import Refused
from solvent.agents.decoding.options import DecodingOptions
from solvent.agents.decoding.pieces import piece_key
from solvent.agents.events import PhaseEntered, TrajectoryStarted
from solvent.agents.generated import Generated
from solvent.agents.job import StopReason
from solvent.agents.judged import Judged
from solvent.agents.prompts import Failure
from solvent.agents.recalled import Recalled
from solvent.agents.strategies.base import Start
from solvent.agents.trajectory_state import Plan, TrajectoryContext, TrajectoryState, derived_seed
from solvent.errors import PromptTooLong
from solvent.models.base import ChatRequest, Sampling

SHORTEST_REPLY_TOKENS = 16
"""A model call that could not even be this long is not made: no program fits."""

Update = dict[str, Any]


def enter(state: TrajectoryState, context: TrajectoryContext, phase: str) -> str:
    """Report that a trajectory enters a phase, once; return its id."""
    trajectory, round_ = state["plan"]["trajectory"], state.get("round", 0)
    if (trajectory, phase, round_) not in context.entered:
        context.entered.add((trajectory, phase, round_))
        context.report(PhaseEntered, trajectory=trajectory, phase=phase, round=round_)
    return trajectory


def announce(plan: Plan, context: TrajectoryContext) -> None:
    """Report that a trajectory started, once."""
    if (plan["trajectory"], "", 0) not in context.entered:
        context.entered.add((plan["trajectory"], "", 0))
        context.report(TrajectoryStarted, trajectory=plan["trajectory"])


def first_keys(trajectory: str) -> tuple[str, str]:
    """Return the keys of the call that begins a trajectory's first reply, whole or in pieces."""
    key = _key(trajectory, "solve", 0)
    return key, piece_key(key, 0)


def first_state(concepts: list[str]) -> Update:
    """Return what a trajectory's state holds before its first reply."""
    return {"concepts": concepts, "round": 0, "repairs": 0, "best": None, "stop": None, "notes": []}


async def write(
    state: TrajectoryState, context: TrajectoryContext, template: Literal["solve", "refine"], *, round_: int
) -> Update:
    """Return the update of a state with the reply of this round, or with a stop reason where none could be had.

    Raises:
        PromptTooLong: the problem itself does not fit; a repair that does not fit ends the trajectory instead.
        ProviderError: the endpoint failed.
    """
    key, request = _request(state, context, template, round_)
    try:
        reply = await _reply(state["plan"], context, template, key, request)
    except PromptTooLong as error:
        if template == "solve":
            raise
        return {"stop": StopReason.MAX_ROUNDS.value, "notes": [*state["notes"], f"no repair: {error.message}"]}
    if isinstance(reply, Refused):
        return {"stop": reply.reason.value}
    notes = [*state["notes"], *(note for note in reply.record.get("notes", ()) if note not in state["notes"])]
    if reply.cut:
        # Whoever is not confident is not asked to repair either: the tokens go to the next trajectory.
        return {"stop": StopReason.MAX_ROUNDS.value, "notes": notes, "confidence": None}
    return {
        "round": round_,
        "repairs": state["repairs"] + 1 if template == "refine" else 0,
        "reply": reply.artifact,
        "finish": reply.finish_reason,
        "confidence": reply.record.get("confidence"),
        "notes": notes,
    }


async def _reply(
    plan: Plan, context: TrajectoryContext, template: Literal["solve", "refine"], key: str, request: ChatRequest
) -> Generated | Refused:
    trajectory = plan["trajectory"]
    if not plan.get("decoding"):
        return await context.calls.generate(key, trajectory, request, floor=SHORTEST_REPLY_TOKENS, role=template)
    from solvent.agents.decoding.perform import Desk, decode

    options = DecodingOptions.model_validate(plan["decoding"])
    desk = Desk(context.calls, trajectory, template, context.cast.of(template), SHORTEST_REPLY_TOKENS)
    decoded = await decode(desk, key, request, options)
    if isinstance(decoded, Refused):
        return decoded
    reply = decoded.reply
    notes = [*reply.notes, *(["ended for its low confidence"] if reply.cut else [])]
    record: dict[str, Any] = {"notes": notes}
    # A reply that was cut off says what its bar was, not what a whole one reaches.
    if decoded.confidence is not None and not reply.cut:
        record["confidence"] = decoded.confidence.lowest
    artifact = context.artifacts.put(reply.text)
    return Generated(reply.text, artifact, reply.finish_reason, decoded.tokens, cut=reply.cut, record=record)


async def write_ahead(plan: Plan, context: TrajectoryContext) -> None:
    """Begin a trajectory's first model call before its graph runs; `write` then waits for it, and meets its failure.

    Only for a job without memory, whose first prompt is known from the start, and nothing where a reply is written in
    pieces.

    Raises:
        ConfigError: the prompt cannot be rendered.
    """
    if plan.get("decoding") or await context.calls.start_trajectory(plan["trajectory"]) is not None:
        return
    announce(plan, context)
    state: TrajectoryState = {"plan": plan, **first_state([])}  # type: ignore[typeddict-item]  # an update is partial
    enter(state, context, "recall")
    trajectory = enter(state, context, "solve")
    key, request = _request(state, context, "solve", 0)
    context.calls.begin(key, trajectory, request, floor=SHORTEST_REPLY_TOKENS)


def plan_of(start: Start) -> Plan:
    """Return what a strategy ordered as a plan."""
    plan = Plan(
        trajectory=start.trajectory, temperature=start.temperature, max_tokens=start.max_tokens, repairs=start.repairs
    )
    if not start.decoding.plain:
        plan["decoding"] = start.decoding.model_dump(mode="json", exclude_defaults=True)
    return plan


def _request(
    state: TrajectoryState, context: TrajectoryContext, template: Literal["solve", "refine"], round_: int
) -> tuple[str, ChatRequest]:
    plan = state["plan"]
    failed = template == "refine"
    profile = context.cast.of(template).profile
    program = state.get("program") if failed else None
    recalled = _recalled(state, context)
    messages = context.prompts.render(
        profile.prompts,
        template,
        context.view,
        language=(state.get("language") if failed else None) or context.default_language,
        wants=context.wants,
        program="" if program is None else context.artifacts.get(program),
        failure=_failure(state, context) if failed else None,
        concepts=() if recalled is None else recalled.chosen,
        related=() if recalled is None else recalled.related,
        memory=context.memory is not None,
    )
    sampling = Sampling(
        temperature=plan["temperature"],
        max_tokens=plan["max_tokens"] or profile.reply_tokens,
        seed=derived_seed(context.seed, plan["trajectory"], round_),
    )
    request = ChatRequest(messages=messages, sampling=sampling)
    return _key(plan["trajectory"], template, round_), request


def _key(trajectory: str, template: str, round_: int) -> str:
    return f"{trajectory}/{template}/{round_}"


def _recalled(state: TrajectoryState, context: TrajectoryContext) -> Recalled | None:
    record = state.get("recalled")
    return None if record is None else Recalled.model_validate_json(context.artifacts.get(record))


def _failure(state: TrajectoryState, context: TrajectoryContext) -> Failure:
    record = state.get("judged")
    if state.get("missing") or record is None:
        return Failure(kind="incomplete", message=state.get("missing") or "it could not be judged")
    return Judged.model_validate_json(context.artifacts.get(record)).failure()
