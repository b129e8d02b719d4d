"""Models as users have them: what the engine makes of each, given as it is.

    python -m benchmarks.documents.models [--markdown docs/models.md]

Models of torchvision, timm, Hugging Face's transformers and Lightning, with drawn weights (nothing
is loaded), each with the sample photos and what its package brings. For each: seconds until the
engine is made, layers with feature maps, whether the class scores equal the model's own, and the
weakest status among the operations under the projection of a unit in the middle
(docs/projections.md). Of a convolutional network and a transformer of its size: the processor time
until an Explorer has settled. Packages that aren't installed are named. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
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


def of_lightning(name: str) -> tuple[Any, ...]:
    import lightning.pytorch as lightning

    class Task(lightning.LightningModule):
        def __init__(self, net: torch.nn.Module) -> None:
            super().__init__()
            self.net = net

        def forward(self, batch: torch.Tensor) -> Any:
            return self.net(batch)

    net, weights = of_torchvision(name)
    return Task(net).eval(), weights


MODELS: tuple[tuple[str, str, Callable[[str], tuple[Any, ...]]], ...] = (
    *(
        ("torchvision", name, of_torchvision)
        for name in (
            "alexnet vgg11_bn squeezenet1_1 resnet18 densenet121 googlenet inception_v3 "
            "mobilenet_v3_small efficientnet_b0 shufflenet_v2_x0_5 regnet_y_400mf convnext_tiny "
            "swin_t"
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
    ("lightning", "resnet18", of_lightning),
)
HEADS = ("layers with maps", "class scores off by", "a projection")
SETTLED = ("resnet50", "swin_t")
"""Of torchvision, about as large as each other."""
MOST = 3600.0
"""Seconds that an Explorer may take to settle."""


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


def settling(name: str) -> dict[str, Any]:
    """Processor time until an Explorer over all sample photos has settled, its index built."""
    torch.manual_seed(0)
    model, transform = of_torchvision(name)
    photos = zf.samples.photos()
    engine = zf.Engine(model, photos, transform, cache=False)
    batch = torch.stack([engine.session.source.tensor(number) for number in range(8)])
    with torch.inference_mode():
        model(batch)
        began = time.process_time()
        model(batch)
        forward = (time.process_time() - began) / len(batch)
    began = time.process_time()
    explorer = zf.Explorer(engine)
    if not explorer.settle(MOST):
        raise SystemExit(f"{name} didn't settle within {MOST:.0f} s")
    settled = time.process_time() - began
    explorer.close()
    return {
        "model": name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "photos": len(photos),
        "forward": forward,
        "settled": settled,
    }


def line(one: dict[str, Any]) -> str:
    """A model's line of the table."""
    if "error" in one:
        return f"| {one['package']} | {one['model']} | {one['error']} | | |"
    return (
        f"| {one['package']} | {one['model']} | {one['layers']} | "
        f"{one['difference']:.0e} | {one['status']} |"
    )


def markdown(rows: list[dict[str, Any]], settled: list[dict[str, Any]]) -> str:
    """The tables, and what they were measured on."""
    machine = harness.machine()
    return "\n".join(
        [
            f"| package | model | {' | '.join(HEADS)} |",
            "|---|---|---|---|---|",
            *map(line, rows),
            "",
            f"How long until an Explorer over the {settled[0]['photos']} sample photos has "
            "settled, its index built, in seconds of processor time:",
            "",
            "| model | parameters | a forward pass of a photo | Explorer settled | in passes |",
            "|---|---|---|---|---|",
            *(
                f"| {one['model']} | {one['parameters'] / 1e6:.0f} million | "
                f"{one['forward']:.2f} | {one['settled']:.0f} | "
                f"{one['settled'] / one['forward']:.0f} |"
                for one in settled
            ),
            "",
            f"Measured on {machine['processor']}, {machine['system']}, {machine['threads']}, torch "
            f"{machine['torch']}, {machine['date']}.",
        ]
    )


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
    settled = []
    for name in SETTLED:
        settled.append(settling(name))
        print(settled[-1], flush=True)
    if arguments.markdown:
        text = arguments.markdown.read_text("utf-8").partition(MARK)[0]
        tables = markdown(rows, settled)
        arguments.markdown.write_text(f"{text}{MARK}\n\n{tables}\n", "utf-8")
    failed = sum("error" in one for one in rows)
    harness.finish({"failed": failed, "rows": rows, "settled": settled})


if __name__ == "__main__":
    main()
