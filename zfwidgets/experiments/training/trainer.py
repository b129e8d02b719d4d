"""A model on its way: steps of the optimizer, errors, and where it is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...engine.network.modes import computing
from ...errors import InputError, TrainingDiverged
from ...models.parts import renormalize_filters_
from ...records import Floats, Ints, Progress
from ...stepwise import Growing
from ...threads import Pool
from ..shared.labelled import Labelled
from ..shared.seeded import DrawnAgain, numpy_and_python, on_main_thread, own_random
from . import checkpoint
from .history import TrainingRecord

MEASURED = 5000
"""Most images that the train error is measured on: a standard error of 0.7 % at most."""
SAVED_EVERY = 30.0
"""Seconds between two times that an unfinished epoch is saved."""

OnStep = Callable[[int, nn.Module], Any]


@dataclass
class _Clock:
    """How far a run is, and whether its time is up."""

    total: int
    budget: float | None

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.first: int | None = None
        self._up = False

    def up(self) -> bool:
        """Whether the time is over, as of the last tick."""
        return self._up

    def tick(self, done: int, what: str) -> Progress:
        """After a step."""
        spent = time.monotonic() - self.began
        self.first = done - 1 if self.first is None else self.first
        self._up = self.budget is not None and spent >= self.budget and done < self.total
        left = spent / (done - self.first) * (self.total - done)
        if self.budget is not None:
            left = min(left, max(self.budget - spent, 0.0))
        return Progress(done, self.total, left, what)


class Trainer:
    """A model on its way, its optimizer and its record; see `zfwidgets.experiments.train_steps`."""

    def __init__(
        self,
        model: nn.Module,
        examples: Labelled,
        held_out: Labelled | None,
        settings: dict[str, Any],
        device: torch.device,
        *,
        augment: Callable[[Tensor], Tensor] | None,
        seconds: float | None,
        folder: Path | None,
        on_step: OnStep | None,
    ) -> None:
        self.model, self.examples, self.held_out = model, examples, held_out
        self.settings, self.device, self.augment = settings, device, augment
        self.folder, self.on_step = folder, on_step
        self.batch, self.seed = settings["batch"], settings["seed"]
        self.per_epoch = -(-len(examples) // self.batch)
        self.clock = _Clock(settings["epochs"] * self.per_epoch, seconds)
        chosen = np.random.default_rng([self.seed, 0]).permutation(len(examples))[:MEASURED]
        self.chosen = np.sort(chosen)
        self.saved, self.saved_at = 0, time.monotonic()
        self.losses: list[float] = []
        self.seconds = 0.0
        self.alone = True
        trained = [p for p in model.parameters() if p.requires_grad]
        if not trained:
            raise InputError(
                f"{type(model).__name__} has no parameter that asks for gradients: "
                "model.requires_grad_(True)."
            )
        none = np.zeros(0, dtype=np.float32)
        self.record = TrainingRecord(
            type(model).__name__,
            sum(p.numel() for p in trained),
            examples.classes,
            len(examples),
            0 if held_out is None else len(held_out),
            len(chosen),
            self.per_epoch,
            self.clock.total,
            losses=none,
            measured=np.zeros(0, dtype=np.int64),
            train_error=none,
            validation_error=none,
            validation_error_5=none,
            settings=settings,
        )

    # ------------------------------------------------------------------ running

    def steps(self) -> Growing[TrainingRecord]:
        """See `train_steps`."""
        clock = self.clock
        with self:
            self.go_on()
            yield self.record
            while self.done < clock.total and not clock.up():
                for _ in self.epoch():
                    yield clock.tick(self.done, self.progress_text)
                    if clock.up():
                        break
                    if time.monotonic() - self.saved_at > SAVED_EVERY:
                        self.save()
                over = f"the {clock.budget:g} s it was given were over" if clock.up() else ""
                self.measure(over)
                yield self.record
        return self.record

    def __enter__(self) -> Trainer:
        self.alone = on_main_thread()  # else the user's cells may draw during our steps
        self.modes = {module: module.training for module in self.model.modules()}
        self.model.to(self.device)
        self.optimizer = torch.optim.SGD(
            [p for p in self.model.parameters() if p.requires_grad],
            lr=self.settings["rate"],
            momentum=self.settings["momentum"],
            weight_decay=self.settings["weight_decay"],
        )
        self.pool = Pool(1, thread_name_prefix="zfwidgets-training")
        self.pool.submit(int).result()  # a thread that is there is waited for, whatever happens
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.pool.shutdown(wait=True)
        self._write_down()
        for module, training in self.modes.items():
            module.training = training
        self.optimizer.zero_grad(set_to_none=True)
        stopped = kind is None or issubclass(kind, (GeneratorExit, KeyboardInterrupt))
        if stopped and self.saved < self.done:
            self.save()

    @property
    def done(self) -> int:
        """How many steps were done."""
        return self.record.steps

    @property
    def progress_text(self) -> str:
        """Where it is, for a progress bar."""
        epoch = -(-self.done // self.per_epoch)
        return f"epoch {epoch} of {self.settings['epochs']}, loss {self.record.losses[-1]:.3f}"

    @property
    def rate(self) -> float:
        """The learning rate of the epoch under way: it follows from the errors so far."""
        rate: float = self.settings["rate"]
        return annealed(rate, self.record.validation_error, self.settings["patience"])

    # ------------------------------------------------------------------ steps

    def epoch(self) -> Generator[None, None, None]:
        """What is left of the epoch under way, step by step."""
        epoch, first = divmod(self.done, self.per_epoch)
        order = np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.examples))
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        seen = 0
        with closing(self.examples.batches(order[first * self.batch :], self.batch)) as batches:
            for _, images, labels in batches:
                self.step(images, labels)
                seen += len(images)
                if self.on_step is not None:
                    self.on_step(self.done, self.model)
                yield
        if not seen and not first:
            raise InputError(
                f"None of the {len(self.examples)} images of the training data can be read: "
                f"{self.examples.skipped[:3]}."
            )

    def step(self, images: Tensor, labels: Tensor) -> None:
        """One step of the optimizer, whole or not at all."""
        loss = self.pool.submit(self._step, images, labels).result()
        if loss is not None:
            epoch, step = self.done // self.per_epoch + 1, self.done + 1
            advice = "scale the inputs or the first weights, or take" if step == 1 else "take"
            raise TrainingDiverged(
                f"The loss of step {step} (in epoch {epoch}) is {loss}: the training has diverged. "
                f"To go on, {advice} a smaller rate than {self.rate:g}. The record of "
                "what came before is this error's `record`.",
                self.record,
            )
        self._write_down()

    def _write_down(self) -> None:
        """Bring the record up to the weights, whatever was interrupted."""
        if len(self.losses) > self.done:
            losses = np.array(self.losses, dtype=np.float32)
            self.record = replace(self.record, losses=losses, seconds=self.seconds, stopped="")

    def _step(self, images: Tensor, labels: Tensor) -> float | None:
        """In the thread that no interrupt reaches; gives a loss that is no number."""
        began = time.monotonic()
        loss = float("nan")  # none of the batch's images can be read
        if len(images):
            loss = self._update(images, labels)
            if not np.isfinite(loss):
                return loss
        self.seconds += time.monotonic() - began
        self.losses.append(loss)
        return None

    def _update(self, images: Tensor, labels: Tensor) -> float:
        if self.alone:
            return self._descend(images, labels)
        before = [(buffer, buffer.clone()) for buffer in self.model.buffers()]
        try:
            return self._descend(images, labels)
        except DrawnAgain:  # checkpointed layers need the global generator
            with torch.no_grad():
                for buffer, value in before:
                    buffer.copy_(value)
            self.alone = True
            return self._descend(images, labels)

    def _descend(self, images: Tensor, labels: Tensor) -> float:
        model, settings = self.model, self.settings
        key = self.seed, 2, len(self.losses)
        with (
            computing(self.device, grad=True),
            own_random(*key, device=self.device, alone=self.alone) as draws,
        ):
            model.train()
            if self.augment is not None:
                with nullcontext() if self.alone else numpy_and_python(*key):
                    images = torch.stack([self.augment(image) for image in images])
            logits = model(images.to(self.device))
            check_outputs(logits, len(images), len(self.examples.classes), model)
            loss = nn.functional.cross_entropy(logits, labels.to(self.device))
            value = float(loss.detach())
            if np.isfinite(value):  # else the weights stay as they are
                if draws is not None:
                    draws.end()
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
        if np.isfinite(value):
            with computing(self.device, grad=True):
                self.optimizer.step()
                if settings["filter_radius"] is not None:
                    renormalize_filters_(
                        model, settings["filter_radius"], input_range=settings["input_range"]
                    )
        return value

    # ------------------------------------------------------------------ errors

    def measure(self, stopped: str) -> None:
        """Measure the errors now, and save."""
        began = time.monotonic()
        train, _ = self._errors(self.examples, self.chosen)
        one, five = float("nan"), float("nan")
        if self.held_out is not None:
            one, five = self._errors(self.held_out, np.arange(len(self.held_out)))
        record = self.record
        self.seconds += time.monotonic() - began
        self.record = replace(
            record,
            measured=np.append(record.measured, np.int64(self.done)),
            train_error=np.append(record.train_error, np.float32(train)),
            validation_error=np.append(record.validation_error, np.float32(one)),
            validation_error_5=np.append(record.validation_error_5, np.float32(five)),
            seconds=self.seconds,
            stopped=stopped,
            skipped=self._skipped(),
        )
        self.save()

    def _skipped(self) -> tuple[tuple[str, str], ...]:
        held_out = () if self.held_out is None else self.held_out.skipped
        return (*self.examples.skipped, *held_out)

    def _errors(self, images: Labelled, chosen: Ints) -> tuple[float, float]:
        ranks = []
        self.model.eval()
        with computing(self.device):
            for number, (_, batch, labels) in enumerate(images.batches(chosen, self.batch)):
                key = self.seed, 4, self.done, number  # some layers draw in eval mode too
                with own_random(*key, device=self.device, alone=self.alone):
                    logits = self.model(batch.to(self.device)).cpu()
                own = logits.gather(1, labels[:, None])
                ranks.append((logits > own).sum(1))
        if not ranks:
            return float("nan"), float("nan")
        rank = torch.cat(ranks)
        five = float((rank >= 5).float().mean()) if len(images.classes) > 5 else float("nan")
        return float((rank >= 1).float().mean()), five

    # ------------------------------------------------------------------ on disk

    def go_on(self) -> None:
        """Take up what the folder holds."""
        if self.folder is None:
            return
        found = checkpoint.load(self.folder, self.model, self.optimizer, self.settings)
        if found is None:
            return
        self._take(found)
        self.saved = self.done
        if self.done and self.done % self.per_epoch == 0 and self.done not in self.record.measured:
            self.measure("")

    def _take(self, found: TrainingRecord) -> None:
        whole = found.measured % self.per_epoch == 0  # a whole run measures only these
        self.record = replace(
            found,
            settings=self.settings,
            steps_wanted=self.clock.total,
            stopped="",
            measured=found.measured[whole],
            train_error=found.train_error[whole],
            validation_error=found.validation_error[whole],
            validation_error_5=found.validation_error_5[whole],
        )
        self.losses, self.seconds = found.losses.tolist(), found.seconds

    def save(self) -> None:
        """Keep it in the folder, if there is one."""
        if self.folder is not None:
            checkpoint.save(self.folder, self.model, self.optimizer, self.record)
            self.saved, self.saved_at = self.done, time.monotonic()


def annealed(rate: float, errors: Floats, patience: int | None) -> float:
    """The rate after so many epochs: a tenth whenever ``patience`` epochs bring no smaller error.

    Parameters
    ----------
    rate
        At the beginning.
    errors
        Validation error after each epoch.
    patience
        Epochs that are waited for; None: the rate stays.
    """
    if patience is None:
        return rate
    best, waited = float("inf"), 0
    for error in errors:
        better = float(error) < best
        best, waited = (float(error), 0) if better else (best, waited + 1)
        if waited == patience:
            rate, waited = rate / 10, 0
    return rate


def check_outputs(logits: Any, images: int, classes: int, model: nn.Module) -> None:
    """Raise `InputError` unless a model gave class scores, of all classes, for its images."""
    name = type(model).__name__
    if not isinstance(logits, Tensor) or logits.dim() != 2 or len(logits) != images:
        got = f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits)
        raise InputError(f"{name} gave {got} for {images} images: expected logits (n, classes).")
    if logits.shape[1] < classes:
        raise InputError(
            f"{name} has {logits.shape[1]} outputs, the data has {classes} classes: build it with "
            f"classes={classes}, or leave classes out of the data."
        )
