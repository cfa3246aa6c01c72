"""The trajectory graph: recall -> solve -> detect -> verify -> (refine -> detect -> verify)* -> conclude.

Solve, detect, verify and refine follow Solve-Detect-Verify (arXiv 2505.11966) with the verifier replaced by execution:
a program is judged on the public tests. Repairs are capped, since in recorded repair runs most successes come within
three rounds and most tokens go to programs that never pass.

Every node is safe to run again: its calls have fixed keys, and the ledger answers those that were made.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import TYPE_CHECKING, Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from solvent.agents.budget import Refused
from solvent.agents.checkpoints import format_metadata, refuse_newer
from solvent.agents.events import TrajectoryFinished
from solvent.agents.extract import extract, same_text
from solvent.agents.job import StopReason
from solvent.agents.outcome import TrajectoryOutcome
from solvent.agents.recalled import Recalled
from solvent.agents.trajectory_state import Candidate, Plan, TrajectoryContext, TrajectoryState, judgeable, probes_of
from solvent.agents.writing import Update, announce, enter, first_state, write
from solvent.artifacts import JSON, TEXT
from solvent.errors import StoreError, boundary
from solvent.problems.problem import ProblemKind, Verdict
from solvent.sandbox.base import Program

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.runtime import RunControl
    from langgraph.types import Durability

STEPS_PER_ROUND = 3
STEPS_AROUND = 6

Context = Runtime[TrajectoryContext]


async def _kept(context: TrajectoryContext, text: str, media_type: str = TEXT) -> str:
    """Store a text off the event loop, which waits for a disk or a bucket; return its id."""
    return await asyncio.to_thread(context.artifacts.put, text, media_type)


async def recall(state: TrajectoryState, runtime: Context) -> Update:
    """Ask the memory, where the job has one, which concepts may help."""
    context = runtime.context
    trajectory = enter(state, context, "recall")
    if context.memory is None:
        return first_state([])
    from solvent.agents.recall import recall_once

    record = await recall_once(context.memory, context, trajectory)
    shown = [one.key for one in Recalled.model_validate_json(record).chosen]
    return {**first_state(shown), "recalled": context.artifacts.put(record)}


async def solve(state: TrajectoryState, runtime: Context) -> Update:
    """Write the first reply."""
    enter(state, runtime.context, "solve")
    return await write(state, runtime.context, "solve", round_=0)


async def detect(state: TrajectoryState, runtime: Context) -> Update:
    """Look whether the reply holds a complete program or a final answer."""
    context = runtime.context
    enter(state, context, "detect")
    found = extract(
        context.artifacts.get(state["reply"]),
        wants=context.wants,
        finish=state["finish"],
        languages=context.languages,
        default_language=context.default_language,
        thinking=context.cast.of("refine" if state["repairs"] else "solve").profile.thinking,
    )
    return {
        "program": None if found.program is None else await _kept(context, found.program),
        "language": found.language,
        "answer": None if found.answer is None else await _kept(context, found.answer),
        "missing": found.missing,
        "verdict": None,
        "judged": None,
    }


async def verify(state: TrajectoryState, runtime: Context) -> Update:
    """Judge the program on the public tests; for a math problem, run it to get its answer."""
    context = runtime.context
    trajectory = enter(state, context, "verify")
    program, language = state.get("program"), state.get("language")
    if program is None or language is None:
        return {}
    key = f"{trajectory}/verify/{state['round']}"
    candidate = Candidate(
        program=program, language=language, verdict=None, passed=0, total=0, judged=None, repairs=state["repairs"]
    )
    source = Program(language=language, source=context.artifacts.get(program))
    if context.problem.kind is ProblemKind.MATH:
        printed = await context.calls.run(key, context.problem, source)
        if isinstance(printed, Refused):
            return {"best": state.get("best") or candidate, "stop": printed.reason.value}
        if printed.text is None:
            return {"missing": printed.message, "best": state.get("best") or candidate}
        return {"answer": await _kept(context, printed.text), "best": candidate}
    if not judgeable(context.problem):
        return {"best": candidate, "answer": await _kept(context, same_text(source.source))}
    probes = probes_of(context.problem)
    judged = await context.calls.judge(key, trajectory, context.problem, source, context.problem.public_tests, probes)
    if isinstance(judged, Refused):
        return {"best": state.get("best") or candidate, "stop": judged.reason.value}
    record = await _kept(context, judged.model_dump_json(), JSON)
    candidate |= {
        "verdict": judged.verdict.value,
        "passed": judged.passed,
        "total": judged.total,
        "judged": record,
    }
    if any(judged.outputs):
        candidate["outputs"] = await _kept(context, json.dumps(judged.outputs), JSON)
    best = state.get("best")
    if best is None or judged.verdict is Verdict.AC or judged.passed > best["passed"]:
        best = candidate
    return {"verdict": judged.verdict.value, "judged": record, "best": best}


async def refine(state: TrajectoryState, runtime: Context) -> Update:
    """Write a repaired reply from what a public test showed; or a fresh one, where the model knows no repairs."""
    context = runtime.context
    round_ = state["round"] + 1
    enter({**state, "round": round_}, context, "refine")
    if context.can_refine:
        return await write(state, context, "refine", round_=round_)
    style = context.cast.of("refine").profile.prompts
    note = f"restarted: the prompt style {style!r} has no refine.j2"
    notes = state["notes"] if note in state["notes"] else [*state["notes"], note]
    return {"notes": notes, **await write({**state, "notes": notes}, context, "solve", round_=round_)}


async def conclude(state: TrajectoryState, runtime: Context) -> Update:
    """Name the stop reason and report the end."""
    context = runtime.context
    trajectory = enter(state, context, "conclude")
    stop = state.get("stop") or _natural_end(state)
    ended: TrajectoryState = {**state, "stop": stop}
    outcome = outcome_of(ended)
    context.report(
        TrajectoryFinished,
        trajectory=trajectory,
        stop_reason=outcome.stop_reason,
        verdict=outcome.verdict,
        summary=outcome.summary,
    )
    return {"stop": stop}


def _natural_end(state: TrajectoryState) -> str:
    passed = state.get("verdict") == Verdict.AC.value
    return (StopReason.TESTS_PASSED if passed else StopReason.MAX_ROUNDS).value


def _after_writing(state: TrajectoryState) -> Literal["detect", "conclude"]:
    return "conclude" if state.get("stop") else "detect"


def _after_detect(state: TrajectoryState) -> Literal["verify", "refine", "conclude"]:
    return "verify" if not state["missing"] else _again(state)


def _after_verify(state: TrajectoryState) -> Literal["refine", "conclude"]:
    if state.get("stop"):
        return "conclude"
    rejected = state.get("missing") or state.get("verdict") not in (None, Verdict.AC.value)
    return _again(state) if rejected else "conclude"


def _again(state: TrajectoryState) -> Literal["refine", "conclude"]:
    return "refine" if state["round"] < state["plan"]["repairs"] else "conclude"


def build_trajectory_graph(
    saver: BaseCheckpointSaver[Any] | None,
) -> CompiledStateGraph[TrajectoryState, TrajectoryContext, TrajectoryState, TrajectoryState]:
    """Return the graph with its checkpoints in `saver`; a `copy` of it may be given another."""
    graph = StateGraph(TrajectoryState, context_schema=TrajectoryContext)
    for node in (recall, solve, detect, verify, refine, conclude):
        graph.add_node(node)
    graph.add_edge(START, "recall")
    graph.add_edge("recall", "solve")
    graph.add_conditional_edges("solve", _after_writing, ["detect", "conclude"])
    graph.add_conditional_edges("refine", _after_writing, ["detect", "conclude"])
    graph.add_conditional_edges("detect", _after_detect, ["verify", "refine", "conclude"])
    graph.add_conditional_edges("verify", _after_verify, ["refine", "conclude"])
    graph.add_edge("conclude", END)
    return graph.compile(checkpointer=saver, name="trajectory")


async def run_trajectory(
    graph: CompiledStateGraph[TrajectoryState, TrajectoryContext, TrajectoryState, TrajectoryState],
    context: TrajectoryContext,
    plan: Plan,
    *,
    thread: str | None = None,
    errors: tuple[type[Exception], ...] = (sqlite3.Error,),
    control: RunControl | None = None,
    durability: Durability = "sync",
) -> TrajectoryOutcome:
    """Run a trajectory to its end, or go on where its last checkpoint is.

    Args:
        graph: see `build_trajectory_graph`.
        context: what its nodes work with.
        plan: what was ordered.
        thread: name of the checkpoint thread; None for the trajectory's own.
        errors: what the saver raises where it fails.
        control: a drain that is requested here ends the run after the present node, with its checkpoint written.
        durability: `sync` writes a checkpoint after each node; `exit` where the run ends or is stopped: a process that
            is killed then goes through the nodes again, whose calls the ledger answers, so that it costs no tokens.

    Raises:
        GraphDrained: it was drained; running it again goes on.
        NewerFormatError: a newer version wrote its checkpoint.
        SolventError: something outside failed; what was committed stays, and running it again goes on.
    """
    trajectory = plan["trajectory"]
    refused = await context.calls.start_trajectory(trajectory)
    if refused is not None:
        return TrajectoryOutcome(
            trajectory=trajectory, stop_reason=refused.reason, summary="not started: a cap of the budget"
        )
    config: RunnableConfig = {
        "configurable": {"thread_id": thread or trajectory},
        "recursion_limit": STEPS_AROUND + STEPS_PER_ROUND * (plan["repairs"] + 1),
        "metadata": format_metadata(),
    }
    what = f"keep the checkpoints of trajectory {trajectory}"
    with boundary(StoreError, what, *errors):
        snapshot = await graph.aget_state(config)
        refuse_newer(snapshot.metadata, what)
        # Not `next`: that leaves out a node that ran and whose writes no checkpoint has yet.
        if snapshot.values and not snapshot.tasks:
            return outcome_of(snapshot.values)  # type: ignore[arg-type]  # LangGraph types values as a plain dict
        announce(plan, context)
        start: TrajectoryState | None = None if snapshot.values else {"plan": plan}
        final = await graph.ainvoke(start, config, context=context, durability=durability, control=control)
        return outcome_of(final)  # type: ignore[arg-type]  # as above


def outcome_of(state: TrajectoryState) -> TrajectoryOutcome:
    """Return the record of a trajectory that ended."""
    best = state.get("best")
    verdict = best["verdict"] if best is not None else None
    stop = StopReason(state.get("stop") or StopReason.MAX_ROUNDS)
    return TrajectoryOutcome(
        trajectory=state["plan"]["trajectory"],
        stop_reason=stop,
        program=None if best is None else best["program"],
        language=None if best is None else best["language"],
        answer=state.get("answer") or (None if best is None else best.get("outputs")),
        verdict=None if verdict is None else Verdict(verdict),
        passed=0 if best is None else best["passed"],
        total=0 if best is None else best["total"],
        judged=None if best is None else best["judged"],
        repairs=0 if best is None else best["repairs"],
        confidence=state.get("confidence"),
        recalled=state.get("recalled"),
        reply=state.get("reply") if state.get("recalled") else None,
        summary=_summary(state, best, stop),
    )


def _summary(state: TrajectoryState, best: Candidate | None, stop: StopReason) -> str:
    if best is not None and best["verdict"] is not None:
        said = f"{best['passed']} of {best['total']} public tests"
        said += {0: "", 1: ", 1 repair"}.get(best["repairs"], f", {best['repairs']} repairs")
    elif state.get("answer"):
        said = "an answer, no public test"
    else:
        said = state.get("missing") or f"nothing written ({stop.value})"
    return "; ".join([said, *state.get("notes", [])])
