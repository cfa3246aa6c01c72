"""The trainer: on a CPU or a GPU, in one process or several, resumable, and cooled down from any checkpoint."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from solvent.training.architecture import Decoder
from solvent.training.config import Config
from solvent.training.curves import Curve, mean, merge
from solvent.training.losses import GroupLosses, weighted_loss
from solvent.training.optimizers import Optimizers
from solvent.training.parallel import Team, team
from solvent.training.schedule import cool_down, warm_up
from solvent.training.shards import ShardStream
from solvent.training.stream import BatchStream

STABLE, COOLING, FINAL = "stable.pt", "cooling.pt", "final.pt"
"""Checkpoints: of the constant rate, of a cool-down on its way, and of the model that is exported."""
CURVE, COOL_DOWN_CURVE = "loss.csv", "cool-down.csv"


_TRIM_EVERY_S = 60


def _trim_heap() -> None:
    """Give unused memory back: temporaries of changing sizes let glibc's heap grow by 150 MB a minute (measured)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@dataclass(frozen=True)
class Plan:
    """What to do.

    Attributes:
        directory: Of the run: tokenizer, shards, checkpoints and loss curves.
        tokens: Train at the constant rate until so many tokens were seen in all; None leaves that out.
        cool_down_tokens: Then cool down over so many tokens; None leaves that out.
        threads: Threads of the matrix products, in each process.
        workers: Processes; each takes its part of the batches of a step.
    """

    config: Config
    directory: Path
    vocabulary: int
    tokens: int | None
    cool_down_tokens: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 1
    workers: int = 1


def train(plan: Plan, report: Callable[[str], None] = print) -> bool:
    """Carry out the plan from where the last call stopped; return False if a signal (SIGTERM, SIGINT) ended it early.

    At such a signal a checkpoint is written first.

    Raises:
        ValueError: the checkpoint is of another model; processes do not fit the batches of a step or the device.
    """
    device = plan.device if plan.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if plan.workers > 1 and device != "cpu":
        raise ValueError("several workers share the cores of a CPU; a GPU takes one")
    if plan.config.training.batches_per_step % plan.workers:
        raise ValueError(
            f"{plan.workers} workers cannot share {plan.config.training.batches_per_step} batches a step evenly"
        )
    with team(plan.workers, _work, plan, device) as members:
        shards = ShardStream(plan.config, plan.directory)
        try:
            return _work(members, plan, device, shards, report)
        finally:
            shards.close()


def _work(
    members: Team,
    plan: Plan,
    device: str,
    shards: ShardStream | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> bool:
    """One process's part; only the first one has the shards."""

    def wait_for(number: int) -> None:
        if shards is not None:
            shards.wait_for(number)
        members.barrier()

    trainer = Trainer(plan, torch.device(device), members, wait_for, report)
    with trainer.stopping_at_signals():
        return trainer.run()


class Trainer:
    """One process's model, optimisers and place in the stream.

    Args:
        wait_for: Returns once a shard of the run's directory can be read.
    """

    def __init__(
        self,
        plan: Plan,
        device: torch.device,
        members: Team,
        wait_for: Callable[[int], None],
        report: Callable[[str], None],
    ) -> None:
        torch.set_num_threads(plan.threads)
        torch.manual_seed(plan.config.seed)
        self._plan, self._config, self._directory = plan, plan.config, plan.directory
        self._device, self._members, self._wait_for, self._report = device, members, wait_for, report
        self.model = Decoder(plan.config.model, plan.vocabulary).to(device)
        self._parameters = list(self.model.parameters())
        self._optimizers = Optimizers(self.model, plan.config.training)
        if plan.config.training.compile:
            # Layer by layer: as fast as the whole (measured), and compiled in half the time.
            for layer in self.model.layers:
                layer.compile(dynamic=True)
        self._stream = BatchStream(plan.config, plan.directory, wait_for)
        self._step, self._tokens, self._seconds = 0, 0, 0.0
        self._asked_to_stop = False
        self._stop = False
        """What all processes agreed on at the end of a step; a signal alone would end one of them earlier."""

    def run(self) -> bool:
        """Carry out the plan; False if it was stopped early."""
        plan = self._plan
        if (self._directory / STABLE).exists():
            self._load(self._directory / STABLE)
        if plan.tokens is not None:
            steps = self._config.training.warmup_steps
            self._advance(plan.tokens, lambda: warm_up(self._step, steps), STABLE, CURVE, {})
        if plan.cool_down_tokens is not None and not self._stop:
            self._cool_down(plan.cool_down_tokens)
        return not self._stop

    @contextlib.contextmanager
    def stopping_at_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the run after the step that is on its way."""
        if self._members.rank:
            yield
            return

        def stop(*_: object) -> None:
            self._asked_to_stop = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _cool_down(self, tokens: int) -> None:
        """From the stable checkpoint, or from a cool-down of it that was cut off."""
        begin = self._tokens
        note = {"from_tokens": begin, "tokens": tokens}
        cooling = self._directory / COOLING
        if cooling.exists() and torch.load(cooling, weights_only=True)["cool_down"] == note:
            self._load(cooling)
        share = lambda: cool_down((self._tokens - begin) / tokens)  # noqa: E731 - one line beside its use
        self._advance(begin + tokens, share, COOLING, COOL_DOWN_CURVE, note)
        if not self._stop:
            self._save(FINAL, note)
            if self._members.rank == 0:
                cooling.unlink(missing_ok=True)

    def _advance(
        self, tokens: int, share: Callable[[], float], checkpoint: str, curve_file: str, note: dict[str, int]
    ) -> None:
        """Train until so many tokens were seen in all, at the given share of the peak rates."""
        if self._tokens >= tokens:
            return
        settings = self._config.training
        first = self._members.rank == 0
        curve = Curve(self._directory / curve_file, self._step, note.get("from_tokens", 0)) if first else None
        losses = GroupLosses()
        started, before = time.monotonic(), self._seconds
        saved = logged = trimmed = started
        logged_tokens = self._tokens
        while self._tokens < tokens and not self._stop:
            rate = share()
            norm = self._take_step(rate, losses)
            now = time.monotonic()
            self._seconds = before + now - started
            over = self._stop or self._tokens >= tokens
            if self._step % settings.log_every_steps == 0 or over:
                sums = merge(self._members.gather(losses.take()))
                speed = (self._tokens - logged_tokens) / (now - logged)
                logged, logged_tokens = now, self._tokens
                if curve is not None:
                    curve.add(self._step, self._tokens, rate * settings.learning_rate, norm, self._seconds, sums)
                self._report(
                    f"step {self._step}  loss {mean(sums):.4f}  {self._tokens:,} of {tokens:,} tokens  "
                    f"{speed:,.0f} tokens/s  rate {rate:.3f}  norm {norm:.2f}  {self._seconds:.0f} s"
                )
            if over or (first and now - saved > settings.checkpoint_every_s):
                self._save(checkpoint, note)
                saved = now
            if now - trimmed > _TRIM_EVERY_S:
                _trim_heap()
                trimmed = now

    def _take_step(self, share: float, losses: GroupLosses) -> float:
        """One update; the norm of its gradient."""
        settings, members = self._config.training, self._members
        batches, tokens = self._stream.take(settings.batches_per_step, members.rank, members.world)
        precise = settings.precision == "float32"
        for batch in batches:
            with contextlib.nullcontext() if precise else torch.autocast(self._device.type, torch.bfloat16):
                loss, of_rows = weighted_loss(self.model.hidden, self.model.embedding.weight, batch)
            (loss / len(batches)).backward()
            losses.add(batch, of_rows)
        self._stop = members.average_gradients(self._parameters, self._asked_to_stop)
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, settings.gradient_clip)
        self._optimizers.step(share)
        self._optimizers.zero_grad()
        self._step += 1
        self._tokens += tokens
        return float(norm)

    def _save(self, name: str, note: dict[str, int]) -> None:
        if self._members.rank:
            return
        state: dict[str, Any] = {
            "model": self.model.state_dict(), "step": self._step, "tokens": self._tokens, "seconds": self._seconds,
            "position": list(self._stream.position), "config": self._config.model_dump(mode="json"), "cool_down": note,
        }  # fmt: skip
        if name != FINAL:
            state["optimizers"] = self._optimizers.state_dict()
        partial = self._directory / f"{name}.partial"
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._directory / name)

    def _load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True, map_location=self._device)
        then, now = state["config"], self._config.model_dump(mode="json")
        if then["model"] != now["model"] or then["tokenizer"] != now["tokenizer"]:
            raise ValueError(f"{path} is of another model or tokenizer; give another run directory, or remove it")
        changed = [part for part in ("corpus", "training", "seed") if then[part] != now[part]]
        if changed:
            self._report(
                f"{path.name} was made with other settings of {', '.join(changed)}; the new ones hold from here"
            )
        self.model.load_state_dict(state["model"])
        self._optimizers.load_state_dict(state["optimizers"])
        self._step, self._tokens, self._seconds = state["step"], state["tokens"], state["seconds"]
        self._stream = BatchStream(self._config, self._directory, self._wait_for, *state["position"])
        self._report(f"going on from {path.name}: step {self._step}, {self._tokens:,} tokens")
