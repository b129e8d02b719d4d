"""Measurements that train networks: several seeds of each, and the same ones before training.

Trainings are short unless ``Bench.full``; what was done stands among the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from torch import nn
from torch.utils.data import Subset

import zfwidgets as zf
from zfwidgets.experiments.ablation import Architecture, paper_variants
from zfwidgets.experiments.training.checkpoint import load_weights
from zfwidgets.experiments.transfer.shapes import main_layers

from .bench import Bench, networks, seeded

Numbers = dict[str, Any]
BATCH = 64


def evolution(bench: Bench) -> Numbers:
    """How alike each layer's features are to those at the end, over the epochs.

    The untrained network drifts: its weights go in equal steps from one random draw to another.
    What upper layers inherit from the drift of those below shows there too.
    """
    photos, epochs = (12_000, 24) if bench.full else (3_000, 12)
    data, held_out = bench.arrays("train", photos), bench.arrays("test", 300)
    steps = -(-len(data) // BATCH)
    found: Numbers = {"photos": photos, "epochs": epochs, "held_out": len(held_out)}
    found |= {"trained": [], "untrained": []}

    def watched(model: nn.Module, per: int) -> Any:
        moments, transform = range(epochs + 1), zf.models.transform(32)
        return zf.watch(model, held_out, units=4, at=[*moments], per=per, transform=transform)

    def kept(kind: str, seed: int, make: Callable[[], Any]) -> None:
        path = bench.work / f"{kind}-{photos}-{epochs}-{seed}.npz"
        if not path.exists():
            make().finish().save(path)
        record = zf.experiments.EvolutionRecord.load(path)
        layers = [name for name in record.layers if name.startswith("conv")]
        likeness = {name: np.round(record.likeness(name), 4).tolist() for name in layers}
        found[kind].append({"epochs": list(range(epochs + 1)), "likeness": likeness})

    for seed in range(bench.seeds):

        def trained(seed: int = seed) -> Any:
            model = seeded(zf.models.zfnet_small, seed, len(data.classes), 32)
            watch = watched(model, steps)
            zf.experiments.train(
                model,
                data,
                transform=zf.models.transform(32),
                epochs=epochs,
                batch=BATCH,
                seed=seed,
                on_step=lambda _step, _model: watch.step(),
            )
            return watch

        def drifting(seed: int = seed) -> Any:
            ends = [
                seeded(zf.models.zfnet_small, s, len(data.classes), 32).state_dict()
                for s in (seed, seed + 1000)
            ]
            model = seeded(zf.models.zfnet_small, seed, len(data.classes), 32)
            watch = watched(model, 1)
            for epoch in range(1, epochs + 1):
                angle = np.pi / 2 * epoch / epochs  # weights keep their size on the way
                model.load_state_dict(
                    {k: np.cos(angle) * ends[0][k] + np.sin(angle) * ends[1][k] for k in ends[0]}
                )
                watch.step()
            return watch

        kept("untrained", seed, drifting)
        kept("trained", seed, trained)
    return found


NETWORKS = ("alexnet_small", "zfnet_small")
SIZE = 64


def _amount(bench: Bench) -> tuple[int, int]:
    """Photos and epochs of the networks of Fig. 6."""
    return (12_000, 16) if bench.full else (2_000, 8)


def averaging(bench: Bench) -> Numbers:
    """The networks that `architecture` has trained, alone and together, with ten crops."""
    (photos, epochs), test = _amount(bench), bench.arrays("test")
    found: Numbers = {"photos": photos, "epochs": epochs, "tested": len(test)}
    for kind in ("trained", "untrained"):
        models = {}
        for seed in range(bench.seeds):
            models[str(seed)] = seeded(zf.models.zfnet_small, seed, len(test.classes), SIZE)
            if kind == "trained":
                folder = bench.work / f"zfnet_small-{photos}-{epochs}-{seed}"
                load_weights(folder, models[str(seed)])
        table = zf.experiments.average_models(
            models, test, crop=SIZE, transform=zf.models.transform(SIZE + 8), progress=False
        )
        found[kind] = {
            "alone": [[table.row(name, crops).error for name in models] for crops in (1, 10)],
            "together": [table.row(tuple(models), crops).error for crops in (1, 10)],
        }
    return found


def architecture(bench: Bench) -> Numbers:
    """AlexNet's first layers beside ZFNet's, trained alike, and before that."""
    photos, epochs = _amount(bench)
    transform = zf.models.transform(SIZE)
    data, test = bench.arrays("train", photos), bench.arrays("test")
    shown = bench.arrays("test", 300)
    found: Numbers = {"photos": photos, "epochs": epochs, "size": SIZE, "tested": len(test)}
    found |= {"trained": [], "untrained": []}
    for seed in range(bench.seeds):
        rows: dict[str, Numbers] = {"trained": {}, "untrained": {}}
        for name in NETWORKS:
            model = seeded(getattr(zf.models, name), seed, len(data.classes), SIZE)
            before = _filters(model, shown, transform)
            record = zf.experiments.train(
                model,
                data,
                validation=test,
                transform=transform,
                epochs=epochs,
                batch=BATCH,
                seed=seed,
                folder=bench.work / f"{name}-{photos}-{epochs}-{seed}",
            )
            rows["untrained"][name] = before | {"error": 1 - 1 / len(data.classes)}
            after = _filters(model, shown, transform)
            rows["trained"][name] = after | {"error": float(record.validation_error[-1])}
        for kind, row in rows.items():
            found[kind].append(row)
    return found


def _filters(model: nn.Module, shown: Any, transform: Any) -> Numbers:
    engine = zf.Engine(model.eval(), shown, transform, cache=False)
    record = zf.experiments.diagnose(engine, progress=False)
    first = record.convolutions[0]
    return {
        "spectrum": np.round(first.spectrum, 5).tolist(),
        "aliasing": float(np.nanmean(first.aliasing)),
        "consistency": float(np.nanmean(first.consistency)),
        "dead": sum(len(one.dead) for one in record.rectifiers[:2]),
    }


WIDTH = 1280
"""Units of the fully connected layers: they hold 87 % of all parameters then, as the paper's."""


def ablation(bench: Bench) -> Numbers:
    """Train the network without parts of it."""
    photos, epochs = (12_000, 12) if bench.full else (1_500, 8)
    data, test = bench.arrays("train", photos), bench.arrays("test")
    model = zf.models.zfnet_small(len(data.classes), 32)
    base = Architecture.of(model, (3, 32, 32)).widths(fc6=WIDTH, fc7=WIDTH)
    base = replace(base, title="")
    wanted = [name for name in paper_variants(base) if name != "without fc7"][:7]
    variants = {name: paper_variants(base)[name] for name in wanted}
    heads = base.without("fc6", "fc7").parameters
    found: Numbers = {
        "photos": photos,
        "epochs": epochs,
        "tested": len(test),
        "classes": len(data.classes),
        "heads": 1 - heads / base.parameters,
        "parameters": {name: one.parameters for name, one in variants.items()},
        "seeds": [],
    }
    for seed in range(bench.seeds):
        table = zf.experiments.ablate(
            variants,
            data,
            validation=test,
            transform=zf.models.transform(32),
            epochs=epochs,
            batch=BATCH,
            rate=0.01,
            seed=seed,
            folder=bench.work / f"ablation-{photos}-{epochs}-{seed}",
        )
        found["seeds"].append(
            {row.name: [row.validation_error, row.train_error] for row in table.rows}
        )
    return found


def transfer(bench: Bench) -> Numbers:
    """Do features of ImageNet carry over to other photos; do features of no training."""
    found: Numbers = {"train_images": 30, "counts": [5, 30]}
    for kind, network in networks().items():
        engine = zf.Engine(network, zf.samples.photos(), cache=bench.work / "features")
        layers = main_layers(engine.layers)
        table = zf.experiments.transfer_layers(
            engine,
            bench.photos,
            layers=layers,
            train_images=30,
            repeats=5,
            classifiers=["svm"],
            dimension=2048,
        )
        curve = zf.experiments.transfer_curve(
            engine,
            bench.photos,
            layer=layers[-1],
            counts=[5, 30],
            repeats=bench.seeds,
            scratch=_small_scratch if kind == "trained" else None,
            scratch_training={"epochs": 32, "batch": 32},
        )
        found["classes"] = len(table.classes)
        found[kind] = {
            "layers": list(layers),
            "svm": table.accuracies["svm"].tolist(),
            "few": {k: v.tolist() for k, v in curve.accuracies.items()},
        }
    return found


def labels(bench: Bench) -> Numbers:
    """Do features tell what is in pictures of several things: drawn scenes, or PASCAL VOC's."""
    count = 600 if bench.full else 120
    data: Any = zf.samples.scenes(count, SIZE)
    if bench.voc is not None:
        from torchvision.datasets import VOCDetection

        whole = VOCDetection(str(bench.voc), image_set="val")
        data = Subset(whole, range(0, len(whole), max(1, len(whole) // count)))
    found: Numbers = {
        "pictures": len(data),
        "data": "photos of PASCAL VOC" if bench.voc else "drawn scenes",
    }
    for kind, network in networks().items():
        engine = zf.Engine(network, zf.samples.photos(), cache=bench.work / "features")
        record = zf.experiments.transfer_labels(engine, data, repeats=3, dimension=2048)
        found["classes"], found["chance"] = list(record.classes), record.chance.tolist()
        found[kind] = record.precision.tolist()
    return found


def _small_scratch() -> nn.Module:
    """zfnet_small at the 64 pixels that it is made for."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(SIZE), zf.models.zfnet_small(10, SIZE))
