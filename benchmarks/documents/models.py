"""Models as users have them: what the engine makes of each, given as it is.

    python -m benchmarks.documents.models [--markdown docs/models.md]

Twenty models of torchvision, timm and Hugging Face's transformers, with drawn weights (nothing is
loaded), each with the sample photos and what its package brings. For each: seconds until the engine
is made, layers with feature maps, whether the class scores equal the model's own, and the weakest
status among the operations under the projection of a unit in the middle (docs/projections.md).
Packages that aren't installed are named. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import zfwidgets as zf
from benchmarks import harness

PHOTOS = 4
MARK = "<!-- Made from here on by benchmarks/documents/models.py -->"


def of_torchvision(name: str) -> tuple[Any, ...]:
    from torchvision import models

    options = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
    weights = models.get_model_weights(name).DEFAULT
    return models.get_model(name, weights=None, **options).eval(), weights


def of_timm(name: str) -> tuple[Any, ...]:
    import timm

    return timm.create_model(name, pretrained=False).eval(), None


def of_transformers(kind: str) -> tuple[Any, ...]:
    import transformers

    config = getattr(transformers, f"{kind}Config")()
    model = getattr(transformers, f"{kind}ForImageClassification")(config).eval()
    known = {"ResNet": "ConvNext"}
    return model, getattr(transformers, f"{known.get(kind, kind)}ImageProcessor")()


MODELS: tuple[tuple[str, str, Callable[[str], tuple[Any, ...]]], ...] = (
    *(
        ("torchvision", name, of_torchvision)
        for name in (
            "alexnet vgg11_bn squeezenet1_1 resnet18 densenet121 googlenet inception_v3 "
            "mobilenet_v3_small efficientnet_b0 shufflenet_v2_x0_5 regnet_y_400mf convnext_tiny"
        ).split()
    ),
    *(
        ("timm", name, of_timm)
        for name in "resnet26d mobilenetv3_small_050 efficientnet_lite0 repvgg_a0".split()
    ),
    *(
        ("transformers", name, of_transformers)
        for name in "ResNet MobileNetV2 ConvNext ViT".split()
    ),
)


def row(package: str, name: str, make: Callable[[str], tuple[Any, ...]]) -> dict[str, Any]:
    """What the engine makes of a model."""
    torch.manual_seed(0)
    model, transform = make(name)
    photos = zf.samples.photos()[:PHOTOS]
    began = time.perf_counter()
    engine = zf.Engine(model, photos, transform, cache=False)
    seconds = time.perf_counter() - began
    maps = [layer for layer in engine.layers if len(layer.shape) == 3 and layer.shape[1] > 1]
    middle = maps[len(maps) // 2]
    summary = engine.channels(middle.name)
    channel = int(summary.strongest.argmax())
    (projection,) = engine.project_all(engine.top(middle.name, channel, 1))
    source = engine.session.source
    with torch.inference_mode():
        batch = source.tensor(1)[None]
        output = model(batch) if package != "transformers" else model(pixel_values=batch).logits
    logits = torch.from_numpy(engine.predict(1).logits)
    difference = float((output[0] - logits).abs().max() / output.abs().max())
    return {
        "package": package,
        "model": name,
        "seconds": round(seconds, 1),
        "layers": len(maps),
        "difference": difference,
        "middle": middle.name,
        "status": projection.status,
        "classes": len(engine.info.labels) if engine.info.labels else 0,
    }


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table."""
    lines = [
        "| package | model | layers with maps | class scores off by | a projection |",
        "|---|---|---|---|---|",
    ]
    for one in rows:
        if "error" in one:
            lines.append(f"| {one['package']} | {one['model']} | {one['error']} | | |")
            continue
        lines.append(
            f"| {one['package']} | {one['model']} | {one['layers']} | "
            f"{one['difference']:.0e} | {one['status']} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--markdown", type=Path, help="file whose end is the table")
    arguments = harness.options(parser)
    rows: list[dict[str, Any]] = []
    for package, name, make in MODELS:
        try:
            found = row(package, name, make)
        except ImportError as error:
            found = {"package": package, "model": name, "error": f"not installed: {error.name}"}
        except Exception as error:  # noqa: BLE001 -- it is what the table is to show
            words = f"{type(error).__name__}: {error}"
            found = {"package": package, "model": name, "error": words}
        rows.append(found)
        print(found, flush=True)
    table = markdown(rows)
    if arguments.markdown:
        text = arguments.markdown.read_text("utf-8").partition(MARK)[0]
        machine = f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"
        arguments.markdown.write_text(
            f"{text}{MARK}\n\n{table}\n\nMeasured on {machine}, torch {torch.__version__}.\n",
            "utf-8",
        )
    harness.finish({"failed": sum("error" in one for one in rows), "rows": rows})


if __name__ == "__main__":
    main()
