"""What every experiment's widget keeps to: little state is synchronised, and no pixels."""

from __future__ import annotations

import json

from ipywidgets.widgets.widget import _instances, _remove_buffers


def assert_synchronised_state_is_small() -> None:
    """Of each of the models that are open now."""
    models = [model for model in _instances.values() if model.comm is not None]
    assert len(models) > 20
    for model in models:
        state = model.get_state()
        state.pop("_esm", None)
        state.pop("packed", None)  # the one model with the code of all
        slim, paths, buffers = _remove_buffers(state)
        size = len(json.dumps(slim, default=str)) + sum(memoryview(b).nbytes for b in buffers)
        assert size < 4096, (type(model), slim, paths)
