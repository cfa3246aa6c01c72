"""Rows of each role: prompts and the completions that are right, from samples and programs that were tried on them.

All builders are pure: the same random source and the same input give the same rows. Labels come from running programs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from solvent.training.families import FAMILIES
from solvent.training.families.sample import Concept, Sample
from solvent.training.prompting import render_completion
from solvent.training.roles.prompts import TemplateName, render_role
from solvent.training.roles.trials import Trial, Tried

Row = tuple[str, str]
"""A prompt and its completion."""

INPUTS = 3
"""How many inputs the role `tests` writes."""
NOTHING = "none"
"""What `abstract` and `choose` answer where there is nothing to name."""
_OFFERED = (2, 6)
_NONE_FITS_SHARE = 0.2
_SAME_NAME_SHARE = 0.15
_CANDIDATES = (2, 4)
_ATTEMPTS = (2, 3)
_RIGHT_ATTEMPT_SHARE = 0.25
_ANSWER_SHARE = 0.3


def verify_fast(rng: random.Random, work: Sequence[Tried]) -> list[Row]:
    """A right and a wrong program of each sample, in an order that tells nothing."""
    return [row for tried in work for row in _verify(rng, tried, slow=False)]


def verify_slow(rng: random.Random, work: Sequence[Tried]) -> list[Row]:
    """As `verify_fast`, with the trace of the first example before the verdict."""
    return [row for tried in work for row in _verify(rng, tried, slow=True)]


def _verify(rng: random.Random, tried: Tried, *, slow: bool) -> list[Row]:
    if not tried.wrong:
        return []
    sample = tried.sample
    pair = [rng.choice(tried.right), rng.choice(tried.wrong)]
    if sample.kind == "math" and sample.reasoning and rng.random() < _ANSWER_SHARE:
        return _verify_answer(sample, pair[1], slow=slow)
    name: TemplateName = "verify-slow" if slow else "verify"
    return [
        (
            render_role(sample, name, program=trial.program),
            "\n".join([*(trial.trace if slow else ()), verdict_word(trial.right)]),
        )
        for trial in pair
    ]


def _verify_answer(sample: Sample, wrong: Trial, *, slow: bool) -> list[Row]:
    answers = [(sample.answer or "", True), (wrong.printed, False)]
    if not wrong.printed.lstrip("-").replace(".", "", 1).isdigit():
        return []
    lines = sample.reasoning.splitlines() if slow else []
    name: TemplateName = "verify-slow" if slow else "verify"
    return [
        (render_role(sample, name, wants="answer", program=answer), "\n".join([*lines, verdict_word(right)]))
        for answer, right in answers
    ]


def verdict_word(right: bool) -> str:
    """What the verifier says last."""
    return "right" if right else "wrong"


def refine(rng: random.Random, work: Sequence[Tried]) -> list[Row]:
    """A program that fails a public test, and the reference."""
    rows = []
    for tried in work:
        failed = [trial for trial in tried.wrong if trial.failure is not None]
        if failed:
            trial = rng.choice(failed)
            prompt = render_role(tried.sample, "refine", program=trial.program, failure=trial.failure)
            rows.append((prompt, render_completion(tried.sample)))
    return rows


def tests(rng: random.Random, work: Sequence[Tried]) -> list[Row]:
    """Inputs that the family has drawn: valid, and other ones than the examples."""
    rows = []
    for tried in work:
        sample = tried.sample
        family = FAMILIES[sample.family]
        inputs = [test.stdin for test in sample.hidden_tests if family.accepts(test.stdin)]
        if len(inputs) >= INPUTS:
            chosen = rng.sample(inputs, INPUTS)
            rows.append((render_role(sample, "tests"), "\n".join(f"in: {text.strip()}" for text in chosen)))
    return rows


def abstract(rng: random.Random, work: Sequence[Tried]) -> list[Row]:
    """The concepts of problems that have some; "none" of others, for every second that has some and at least one."""
    having = [tried for tried in work if tried.sample.concepts]
    others = [tried for tried in work if not tried.sample.concepts]
    plain = rng.sample(others, min(len(others), len(having) // 2 + 1))
    return [
        (
            render_role(tried.sample, "abstract", program=rng.choice(tried.right).program, concepts=()),
            concept_lines(tried.sample.concepts) or NOTHING,
        )
        for tried in [*having, *plain]
    ]


def concept_lines(concepts: Sequence[Concept]) -> str:
    """Concepts as `abstract` writes them."""
    return "\n".join(f"- {concept.name}: {concept.text}" for concept in concepts)


def choose_concepts(rng: random.Random, work: Sequence[Tried]) -> list[Row]:
    """A problem's concepts among those of others; some problems find nothing that fits."""
    everything = [concept for tried in work for concept in tried.sample.concepts]
    if not everything:
        return []
    having = [tried for tried in work if tried.sample.concepts]
    others = [tried for tried in work if not tried.sample.concepts]
    plain = rng.sample(others, min(len(others), len(having) // 8 + 1))
    return [_choose_concepts(rng, tried.sample, everything) for tried in [*having, *plain]]


def _choose_concepts(rng: random.Random, sample: Sample, everything: Sequence[Concept]) -> Row:
    own = list(sample.concepts)
    names = {concept.name for concept in own}
    strangers = {concept.name: concept for concept in everything if concept.name not in names}
    if own and rng.random() < _NONE_FITS_SHARE:
        own = []
    room = max(rng.randint(*_OFFERED) - len(own), 1)
    offered = [*own, *rng.sample(list(strangers.values()), min(room, len(strangers)))]
    if own and rng.random() < _SAME_NAME_SHARE:
        double = rng.choice(own)
        texts = [concept.text for concept in strangers.values() if concept.text != double.text]
        if texts:
            offered.append(replace(double, text=rng.choice(texts)))
    rng.shuffle(offered)
    right = [number for number, concept in enumerate(offered, 1) if concept in own]
    return render_role(sample, "choose", concepts=(), offered=offered), ", ".join(map(str, right)) or NOTHING


def choose_program(rng: random.Random, work: Sequence[Tried]) -> list[Row]:
    """One right program among wrong ones, by its number."""
    rows = []
    for tried in work:
        if not tried.wrong:
            continue
        count = min(rng.randint(*_CANDIDATES), len(tried.wrong) + 1)
        right = rng.choice(tried.right)
        candidates = [right, *rng.sample(tried.wrong, count - 1)]
        rng.shuffle(candidates)
        prompt = render_role(tried.sample, "choose", candidates=[trial.program for trial in candidates])
        rows.append((prompt, str(candidates.index(right) + 1)))
    return rows


def summarise(rng: random.Random, work: Sequence[Tried]) -> list[Row]:
    """Two or three attempts, one of which may be right, and the reference."""
    rows = []
    for tried in work:
        shown = rng.sample(tried.wrong, min(rng.randint(*_ATTEMPTS), len(tried.wrong)))
        if shown and rng.random() < _RIGHT_ATTEMPT_SHARE:
            shown[rng.randrange(len(shown))] = rng.choice(tried.right)
        if len(shown) >= _ATTEMPTS[0]:
            prompt = render_role(tried.sample, "summarise", attempts=[trial.attempt for trial in shown])
            rows.append((prompt, render_completion(tried.sample)))
    return rows


BUILDERS: dict[str, Callable[[random.Random, Sequence[Tried]], list[Row]]] = {
    "verify-fast": verify_fast,
    "verify-slow": verify_slow,
    "refine": refine,
    "tests": tests,
    "abstract": abstract,
    "choose-concepts": choose_concepts,
    "choose-program": choose_program,
    "summarise": summarise,
}
"""Builders by the role's name in config.toml."""
MUTANTS = {"verify-fast": 3, "verify-slow": 3, "refine": 2, "choose-program": 4, "summarise": 4}
"""How many mutants of each sample a builder wants; the others want none."""
TRACED = frozenset({"verify-slow"})
"""Builders that want traces."""
