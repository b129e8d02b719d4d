"""A Lightning callback that tells a watch of steps and epochs; Lightning is imported if used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...errors import MissingDependency

if TYPE_CHECKING:
    from .watching import Watch


def callback(watch: Watch) -> Any:
    """See `Watch.lightning`."""

    class WatchCallback(_base()):  # type: ignore[misc]
        """Tells the watch of each batch and each epoch of training."""

        def on_train_batch_end(
            self, trainer: Any, pl_module: Any, outputs: Any, *_: Any, **__: Any
        ) -> None:
            watch.step(outputs.get("loss") if isinstance(outputs, dict) else outputs)

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            watch.epoch()

        def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
            watch.finish()

    return WatchCallback()


def _base() -> Any:
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            return import_module(name).Callback
        except ImportError:  # noqa: PERF203
            continue
    raise MissingDependency(
        "watch.lightning() makes a callback for Lightning, which isn't installed: "
        "pip install lightning. In a loop of your own call watch.step()."
    )
