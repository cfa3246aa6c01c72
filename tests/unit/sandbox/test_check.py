"""What `solvent sandbox check` makes of what its probes see."""

from __future__ import annotations

import pytest
from fake_sandbox import Answer, FakeSandbox, ended

from solvent.errors import SandboxError
from solvent.sandbox.base import RunStatus, SandboxInfo
from solvent.sandbox.check import isolation, limits
from solvent.sandbox.check.contract import PROBES, Contract, LanguageFinding
from solvent.sandbox.check.hello import HELLO
from solvent.sandbox.check.probe import Finding, Probe, Runs, try_out
from solvent.sandbox.languages import find_language, languages


class OneAnswer(FakeSandbox):
    """Every program ends in the same way."""

    def __init__(self, answer: Answer, guarantees: dict[str, bool] | None = None) -> None:
        super().__init__()
        self.info = SandboxInfo(backend="local", isolation="in memory", guarantees=guarantees or {})
        self.answer = answer

    async def build(self, program, *, time_s, memory_mb, job=""):  # type: ignore[no-untyped-def]  # see FakeSandbox
        self.programs[program.source] = lambda run: self.answer
        return await super().build(program, time_s=time_s, memory_mb=memory_mb, job=job)


def probe(name: str) -> Probe:
    return next(one for one in PROBES if one.name == name)


async def test_what_a_program_could_do_is_told() -> None:
    found = await try_out(probe("network"), Runs(OneAnswer(b"a socket can be made\n", {"network_refused": True})))
    assert found == ("broken", "a socket can be made")


async def test_what_the_backend_does_not_promise_is_weaker_and_not_broken() -> None:
    same_user = OneAnswer(b"1000\n", {"uid_per_run": False})
    assert await try_out(probe("uid-per-run"), Runs(same_user)) == ("weaker", "4 runs had 1 user ids")
    promised = OneAnswer(b"1000\n", {"uid_per_run": True})
    assert (await try_out(probe("uid-per-run"), Runs(promised)))[0] == "broken"


async def test_a_failure_of_the_sandbox_is_a_finding() -> None:
    for answer in (SandboxError("gone"), ended(RunStatus.FAULT, fault="gone")):
        state, detail = await try_out(probe("wall-time"), Runs(OneAnswer(answer)))
        assert state == "broken"
        assert "gone" in detail


@pytest.mark.parametrize("one", limits.PROBES, ids=lambda one: one.name)
async def test_a_limit_that_does_nothing_is_broken(one: Probe) -> None:
    unlimited = OneAnswer(b"99999999\n", dict.fromkeys(("memory_tree_limited", "cpu_tree_counted"), True))
    unlimited.info.guarantees.update(oom_told_apart=True, inodes_limited=True)
    assert (await try_out(one, Runs(unlimited)))[0] == "broken"


async def test_probes_hold_where_nothing_was_seen() -> None:
    assert (await try_out(probe("read-only"), Runs(OneAnswer(b"", {"root_read_only": True}))))[0] == "holds"


def test_every_guarantee_is_tried_and_names_are_unique() -> None:
    tried = {one.guarantee for one in PROBES if one.guarantee}
    assert tried == {
        "network_refused",
        "root_read_only",
        "system_calls_filtered",
        "memory_tree_limited",
        "cpu_tree_counted",
        "oom_told_apart",
        "uid_per_run",
        "inodes_limited",
    }
    assert len({one.name for one in PROBES}) == len(PROBES)
    assert len(isolation.PROBES) >= 10


def test_every_language_has_a_first_program() -> None:
    assert set(languages()) <= set(HELLO)


@pytest.mark.parametrize(
    ("state", "works", "holds"), [("holds", None, True), ("weaker", True, False), ("holds", False, False)]
)
def test_a_contract_holds_if_everything_does(state: str, works: bool | None, holds: bool) -> None:
    finding = Finding(probe("network"), state, "", 0.1)  # type: ignore[arg-type]  # one of the three
    language = LanguageFinding(find_language("python"), "3", works)
    contract = Contract(OneAnswer(b"").info, (finding,), (language,), None)
    assert contract.holds is holds
