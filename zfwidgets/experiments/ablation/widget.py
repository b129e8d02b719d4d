"""Variants of a network trained alike, as a widget (paper, section 5.1 and Table 3)."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
from PIL import Image

from ...drawing.tables import small
from ...errors import InputError, needs_torch
from ...records import Progress
from ...stepwise import Driven, Growing
from ...widgets.wire.jobs.steps import Steps
from ..shared.boxes import Experiment
from ..shared.charts import BarChart, LineChart
from ..shared.layout import beside, controls, heading
from ..shared.recording import stored
from . import widget_parts as parts
from .table import AblationTable

if TYPE_CHECKING:
    from torch import nn

    from ..shared.recording import Recording
    from .retraining import Variants


class Ablation(Experiment["AblationTable"]):
    """Trains variants of a network alike and compares them, live (paper, Table 3).

    Table, bars and learning curves grow with each epoch. Click a bar or a curve, or choose a
    variant, to read how it differs from the first one, and whether so many images can tell. It
    starts when it is made, on a worker of its own: the kernel stays free. "Stop" keeps what is
    done, "Go on" ends with the same bits as a run that wasn't stopped. A variant whose loss isn't
    finite is named in its row, and the others are trained. What it shows is the record of
    `zfwidgets.experiments.ablate` with the same arguments.

    What a *trained* network relies on is another question: `zfwidgets.Lesion` switches parts
    off and trains nothing.

    Other cells can draw random numbers meanwhile: PyTorch's are never touched. NumPy's and
    Python's generators are the training's for as long as ``augment`` runs or a callable builds a
    variant (milliseconds; never for an `Architecture`), and a network that computes layers again
    in its backward pass (checkpointing) takes PyTorch's for a step. A network that draws from
    NumPy's or Python's generator in its forward pass has the same bits in `ablate` only.

    Parameters
    ----------
    variants
        As in `zfwidgets.experiments.ablation.ablation_steps`: `Architecture`s or callables that
        build a model, by name; the first is the one that others are compared with. Or an
        `AblationTable`, or a recording of one (`zfwidgets.experiments.recorded`): it is shown,
        without torch.
    data, validation, transform, classes, seed
        As in `zfwidgets.experiments.ablation.ablation_steps`; read once.
    seconds
        Seconds for all variants together, each time that it is started or goes on.
    folder
        Keep trainings there, and go on from there. None: in a temporary folder, which is removed
        when the widget is closed or the kernel ends.
    start
        Whether to start at once.
    layout
        As every ipywidget has it.
    **training
        What else `zfwidgets.experiments.train_steps` takes: ``epochs``, ``batch``, ``rate``, ...

    Raises
    ------
    InputError
        Before anything is trained: as `zfwidgets.experiments.ablation.ablation_steps` says.
    MissingDependency
        Without torch where variants are to be trained.

    Examples
    --------
    >>> base = Architecture.of(zf.models.zfnet_small(), (3, 64, 64))
    >>> study = zf.Ablation(paper_variants(base), data, validation=others, epochs=20)
    >>> study.settle()
    >>> study.result.to_frame()
    >>> engine = zf.Engine(study.trained("as it is"), others)
    """

    named = "ablation"
    again = "experiment.go_on"
    goes_on = False  # its steps go on from files, with the same bits

    def __init__(
        self,
        variants: Variants | AblationTable | Recording[AblationTable],
        data: Any = None,
        *,
        validation: Any = None,
        transform: Any = None,
        classes: Any = None,
        seed: int = 0,
        seconds: float | None = None,
        folder: str | Path | None = None,
        start: bool = True,
        layout: Any = None,
        **training: Any,
    ) -> None:
        self._folder: Path | None = None
        self._removal: weakref.finalize[..., Ablation] | None = None
        recorded = stored(variants, AblationTable)
        if recorded is not None:
            if data is not None or training:
                raise InputError(
                    "This is the table of variants that were trained: pass it alone, or variants "
                    "and data to train."
                )
            table = recorded[0]
        else:
            experiment = _experiment()
            experiment.check_settings(**training)
            self._variants, examples, held_out, table = experiment.opened(
                variants, data, validation, transform, classes, seed
            )
            if folder is None:
                folder = tempfile.mkdtemp(prefix="zfwidgets-ablation-")
                self._removal = weakref.finalize(self, shutil.rmtree, folder, True)
            self._folder = Path(folder)
            self._make = partial(
                experiment.ablation_steps,
                self._variants,
                examples,
                validation=held_out,
                seed=seed,
                seconds=seconds,
                folder=self._folder,
                **training,
            )
        names = [row.name for row in table.rows]
        words = self._words
        self._text, self._about = ipywidgets.HTML(), ipywidgets.HTML()
        self._bars = BarChart(
            words("ablation.axis"),
            self._choose,
            horizontal=True,
            label=words("ablation.error"),
            height=max(160, 30 + 34 * len(names)),
        )
        self._curves = LineChart(
            words("ablation.epochs"),
            words("ablation.validation_error"),
            choose_line=self._choose_name,
            label=words("ablation.training"),
        )
        self._reading = ipywidgets.HTML()
        self._variant = ipywidgets.Dropdown(
            options=[(words("ablation.none"), -1), *((name, n) for n, name in enumerate(names))],
            description=words("ablation.variant"),
        )
        self._variant.observe(self._point_out, "value")
        charts = beside(
            [heading(words("ablation.error")), self._bars],
            [heading(words("ablation.training")), self._curves],
        )
        chosen = beside([controls(self._variant), self._about, self._reading])
        everything = [self._text, charts, chosen]
        more = {} if layout is None else {"layout": layout}
        super().__init__(None, everything, start=False, recorded=recorded, **more)
        self.add_class("zf-ablation-study")
        self._update(table)
        if recorded is None and start:
            self.start()

    @property
    def folder(self) -> Path | None:
        """Where the trainings are kept; None where a stored record is shown."""
        return self._folder

    def trained(self, name: str) -> nn.Module:
        """A variant as it is trained so far, in eval mode: to look into with `zfwidgets.Engine`.

        Raises
        ------
        InputError
            There is no such variant, it isn't trained yet, or a stored record is shown.
        """
        if self._folder is None:
            raise InputError(
                "A stored record has no networks: zfwidgets.experiments.ablation.trained builds "
                "them from the folder."
            )
        model: nn.Module = _experiment().trained(self._variants, self._folder, name)
        return model

    def close(self) -> None:
        """Stop, remove the widget from the front end, and a temporary folder from the disk."""
        super().close()
        if self._removal is not None:
            # On the worker, after the training that is stopped has written its last file.
            self._service.work(self._owner, "remove", self._removing, _ignore)

    def _removing(self) -> Steps:
        yield from ()
        assert self._folder is not None
        assert self._removal is not None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._removal.detach()  # not before: a kernel that ends in between removes it too

    # ------------------------------------------------------------------ running

    def _steps(self) -> Growing[AblationTable]:
        known = None if self._newest is None else self._newest[1]
        with closing(self._make()) as steps:
            driven = Driven[Any, "AblationTable"](steps)
            for step in driven:
                yield step if isinstance(step, Progress) else parts.filled(step, known)
            return driven.result

    def _done(self, result: AblationTable) -> str:
        done = sum(row.training is not None and row.training.complete for row in result.rows)
        return self._words("ablation.done", done=done, of=len(result.rows))

    def _stopped(self, result: AblationTable | None) -> str:
        return self._words("ablation.stopped")

    def _say_running(self, running: bool, text: str) -> None:
        super()._say_running(running, text)
        self._button.disabled = not running and self._result is not None and self._result.complete
        self._show_table()

    # ------------------------------------------------------------------ drawing

    @property
    def _now(self) -> parts.Now:
        return parts.Now(self._running, int(self._variant.value))

    def _facts(self) -> str:
        return "" if self._result is None else parts.title(self._result, self._words)

    def _show(self, result: AblationTable) -> None:
        words = self._words
        self._reading.value = small(parts.reading(result, words))
        self._bars.draw([row.name for row in result.rows], parts.bars(result, words))
        self._curves.draw(*parts.curves(result))
        error = words(f"ablation.{parts.measure(result)}")
        self._curves.say(words("ablation.epochs"), error)
        self._point_out()

    def _show_table(self) -> None:
        if self._result is not None:
            self._text.value = parts.table_text(self._result, self._now, self._words)

    def _paint(self, result: AblationTable | None, status: str) -> Callable[[], Image.Image]:
        return partial(parts.draw, result, self._now, status, self._words)

    def _choose(self, number: int) -> None:
        self._variant.value = number

    def _choose_name(self, name: str) -> None:
        assert self._result is not None
        self._choose([row.name for row in self._result.rows].index(name))

    def _point_out(self, _change: Any = None) -> None:
        """Let the chosen variant stand out in the table and the charts."""
        if self._result is None:
            return
        chosen = int(self._variant.value)
        self._bars.point_out(chosen if chosen >= 0 else None)
        self._curves.point_out_line(self._result.rows[chosen].name if chosen >= 0 else None)
        self._about.value = parts.chosen_text(self._result, chosen, self._words)
        self._show_table()


def _ignore(_op: Any, _value: Any) -> None:
    """Nobody waits for it."""


def _experiment() -> Any:
    """The computation, which needs torch; imported when variants are to be trained."""
    with needs_torch("zf.Ablation trains networks, and"):
        from . import retraining
    return retraining
