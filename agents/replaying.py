"""Whether what a solution taught helps: its own problem is solved again with it, and judged.

A skill is kept where it works when it is tried (Voyager, arXiv 2305.16291, section 2.3: verified before it goes to the
library). A concept is words: it works where a model that has it solves the problem that it comes from, public tests
alone deciding. A misread one leads the model astray, which the same problem shows at once and others only after it did
harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from solvent.agents.budget import Refused
from solvent.agents.extract import extract
from solvent.agents.learned import PHASE
from solvent.agents.learning_calls import LearningCalls, NothingLeftError
from solvent.agents.recall import recalled_throughout, shown_of
from solvent.agents.recalled import Recalled, ShownConcept
from solvent.agents.trajectory_state import derived_seed, judgeable
from solvent.errors import PromptTooLong
from solvent.memory.concept import Content
from solvent.memory.proposals import plain_name
from solvent.models.base import ChatRequest, Sampling
from solvent.problems.problem import ProblemKind, Verdict
from solvent.sandbox.base import Program

if TYPE_CHECKING:
    from solvent.agents.trajectory_state import TrajectoryContext


def replayable(context: TrajectoryContext) -> bool:
    """Return whether public tests can tell if a problem was solved again. Pure."""
    return context.problem.kind is not ProblemKind.MATH and judgeable(context.problem)


async def replayed(
    context: TrajectoryContext, calls: LearningCalls, contents: Sequence[Content], *, round_: int, attempts: int
) -> bool:
    """Return whether one of some attempts with these concepts passes the public tests.

    Args:
        context: of the job.
        calls: what the attempts are made and counted with.
        contents: shown to the model, beside what else of the memory the job was shown.
        round_: which set of concepts this is; attempts of different rounds differ.
        attempts: at most; the first that passes is the last.

    Raises:
        NothingLeftError: not even one attempt was within what learning may take.
        ProviderError: the endpoint failed.
        SandboxError: the sandbox failed.
    """
    who = context.cast.of("solve")
    shown = [shown_of(content, id="con-new", version=1) for content in contents]
    names = {plain_name(content.name) for content in contents}
    shown += [one for one in await shown_last(context) if plain_name(one.name) not in names]
    messages = context.solve_prompt(shown)
    for number in range(attempts):
        key = f"replay/{round_}/{number}"
        sampling = Sampling(max_tokens=who.profile.reply_tokens, seed=derived_seed(context.seed, PHASE, key))
        try:
            reply = await calls.generate(key, ChatRequest(messages=messages, sampling=sampling), role="solve")
        except PromptTooLong:
            return False
        except NothingLeftError:
            if number == 0:
                raise
            return False
        found = extract(
            reply.text,
            wants=context.wants,
            finish=reply.finish_reason,
            languages=context.languages,
            default_language=context.default_language,
            thinking=who.profile.thinking,
        )
        if found.program is None or found.language is None:
            continue
        program = Program(language=found.language, source=found.program)
        judged = await context.calls.judge(
            f"{PHASE}/{key}/verify", PHASE, context.problem, program, context.problem.public_tests
        )
        if isinstance(judged, Refused):
            raise NothingLeftError(judged.reason.value)
        if judged.verdict is Verdict.AC:
            return True
    return False


async def shown_last(context: TrajectoryContext) -> Sequence[ShownConcept]:
    """Return what the job was shown of the memory when it last looked."""
    if context.memory is None:
        return ()
    return (await recalled_throughout(context.memory, context, PHASE))[-1].chosen


async def shown_throughout(context: TrajectoryContext) -> Sequence[ShownConcept]:
    """Return what the job was shown of the memory from its beginning to its end, in the same words."""
    if context.memory is None:
        return ()
    first, *later = await recalled_throughout(context.memory, context, PHASE)
    return [one for one in first.chosen if all((one.name, one.text) in _said(record) for record in later)]


def _said(record: Recalled) -> set[tuple[str, str]]:
    return {(one.name, one.text) for one in record.chosen}
