"""The paper's claims beside what we measure: ``python benchmarks/claims.py`` writes docs/claims.md.

``--cifar FILE.npz`` (arrays x_train, y_train, x_test, y_test, classes) and ``--photos DIR`` (class
folders) are what networks are trained on and features carried over to; ``--work DIR`` keeps what
is done, so that an interrupted run goes on. A verdict is computed by the rule that stands in its
row: nobody chooses it after the fact.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import zfwidgets as zf

PAGE = Path(__file__).parents[1] / "docs" / "claims.md"
AGREES, DIFFERS, UNCLEAR = "agrees", "differs", "can't be judged at this size"
OCCLUSION_PHOTOS = 20


@dataclass(frozen=True)
class Claim:
    """A row of the table."""

    where: str
    says: str
    measured: str
    rule: str
    verdict: str


@dataclass(frozen=True)
class Bench:
    """What the measurements are made on."""

    cifar: Path
    photos: Path
    work: Path

    def arrays(self, part: str) -> Pixels:
        """CIFAR-10's "train" or "test" images of those classes that there are to train with."""
        data = np.load(self.cifar)
        known = np.unique(data["y_train"])
        there = np.isin(data[f"y_{part}"], known)
        labels = np.searchsorted(known, data[f"y_{part}"][there])
        return Pixels(data[f"x_{part}"][there], labels, [str(c) for c in data["classes"][known]])


class Pixels:
    """A map-style data set over arrays."""

    def __init__(self, images: Any, labels: Any, classes: list[str]) -> None:
        self.images, self.labels, self.classes = images, labels, classes

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> tuple[Image.Image, int]:
        return Image.fromarray(self.images[number]), int(self.labels[number])

    def every(self, step: int) -> Pixels:
        """Every so manieth image."""
        return Pixels(self.images[::step], self.labels[::step], self.classes)


def sure_photos(engine: zf.Engine) -> list[int]:
    """Photos whose class the network gives more than 60 %, in their order."""
    probabilities = (engine.predict(n).probabilities for n in range(len(engine.info.images)))
    return [n for n, values in enumerate(probabilities) if values.max() > 0.6]


def verdict(holds: bool, clear: bool = True) -> str:
    """In words."""
    return UNCLEAR if not clear else AGREES if holds else DIFFERS


# ---------------------------------------------------------------------- Fig. 2


def hierarchy(bench: Bench) -> list[Claim]:
    """Do a channel's nine strongest images share a class more often the deeper the layer is."""
    engine = zf.Engine(zf.samples.network(), bench.photos, cache=bench.work / "index")
    labels = np.array(engine.info.image_labels)
    layers = [layer for layer in engine.layers if layer.role == "conv"]
    chance = sum((np.mean(labels == c)) ** 2 for c in np.unique(labels))
    shares = {}
    for layer in (layers[0], layers[len(layers) // 2], layers[-2]):
        rng, found = np.random.default_rng(0), []
        for channel in rng.permutation(layer.channels)[:64]:
            own = labels[[a.image for a in engine.top(layer.name, int(channel))]]
            if len(own) == 9:
                same = (own[:, None] == own[None]).sum() - 9
                found.append(same / 72)
        shares[layer.name] = (float(np.mean(found)), len(found))
    first, middle, last = (share for share, _ in shares.values())
    text = ", ".join(f"{name} {share:.2f} ({n} channels)" for name, (share, n) in shares.items())
    return [
        Claim(
            "Fig. 2, 4",
            "Features go from edges and textures to object parts and classes: higher layers are "
            "more class specific.",
            "Share of pairs among a channel's nine strongest photos that are of one class "
            f"(by chance {chance:.2f}): {text}.",
            "rises from the first to the middle to the last layer",
            verdict(first < middle < last),
        )
    ]


# ---------------------------------------------------------------------- Fig. 4


def evolution(bench: Bench) -> list[Claim]:
    """When do the layers settle."""
    path = bench.work / "evolution.npz"
    epochs, batch = 24, 64
    if not path.exists():
        data = bench.arrays("train")
        torch_model = _seeded(zf.models.zfnet_small, len(data.classes), 32)
        steps = -(-len(data) // batch)
        watch = zf.watch(
            torch_model,
            bench.arrays("test").every(6),
            units=4,
            at=[0, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 16, 20, 24],
            per=steps,
            transform=zf.models.transform(32),
        )
        zf.experiments.train(
            torch_model,
            data,
            transform=zf.models.transform(32),
            epochs=epochs,
            batch=batch,
            folder=bench.work / "evolution",
            on_step=lambda _step, model: watch.step(),
        )
        watch.finish().save(path)
    record = zf.experiments.EvolutionRecord.load(path)
    per = -(-len(bench.arrays("train")) // batch)
    layers = [name for name in record.layers if name.startswith(("conv", "relu"))]
    alike = {name: record.likeness(name) for name in layers}
    when = [round(float(step) / per, 2) for step in record.steps]
    at = when.index(2.0)
    text = ", ".join(f"{name} {alike[name][at]:.2f}" for name in layers)
    settled = {
        name: None if (s := record.settled(name)) is None else round(s / per, 2) for name in layers
    }
    lows, highs = layers[: len(layers) // 2], layers[len(layers) // 2 :]
    low, high = (float(np.mean([alike[name][at] for name in part])) for part in (lows, highs))
    settled_text = ", ".join(f"{n} {'-' if s is None else s}" for n, s in settled.items())
    return [
        Claim(
            "Fig. 4, 4",
            "Lower layers converge within a few epochs, upper layers only after many (40 to 50).",
            f"zfnet_small on six classes of CIFAR-10, {epochs} epochs. Correlation of a layer's "
            f"features after 2 epochs with those at the end: {text}. Epoch from which on it stays "
            f"above 0.9: {settled_text}.",
            "the lower half of the layers is more like its end after 2 epochs than the upper half",
            verdict(low > high),
        )
    ]


# ---------------------------------------------------------------------- Fig. 5


def invariance(_bench: Bench) -> list[Claim]:
    """What shifts, scales and turns do to the first and to the last layer."""
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    layers = [layer.name for layer in engine.layers if layer.role == "conv"]
    first, last = layers[0], layers[-2]
    photos = sure_photos(engine)[:6]
    found = zf.experiments.measure_invariance(engine, photos, layers=[first, last], progress=False)
    shift, scale, turn = (found[name] for name in ("vertical", "scale", "rotation"))
    near = int(np.flatnonzero(shift.values > 0)[0])
    small = np.median(shift.relative[:, :, near], axis=0)
    kept = {
        "shifts up to 20 px": _kept(shift, np.abs(shift.values) <= 20),
        "scales up to 1.3": _kept(scale, scale.values <= 1.3),
        "rotations of 40 to 320 degrees": _kept(turn, (turn.values >= 40) & (turn.values <= 320)),
    }
    shifts, scales, turns = kept.values()
    return [
        Claim(
            "Fig. 5, 4.1",
            "A small transform moves the first layer's features far, the top layer's little.",
            f"{len(photos)} photos that SqueezeNet is sure of, shifted down by "
            f"{shift.values[near]:.0f} px: features move by {small[0]:.2f} of their norm in "
            f"{first}, by {small[1]:.2f} in {last} (medians).",
            "further in the first layer than in the last",
            verdict(bool(small[0] > small[1])),
        ),
        Claim(
            "Fig. 5, 4.1",
            "The output is stable under translation and scaling, and not under rotation.",
            f"Share of the class probability that is left, median over photos and values: "
            f"{_pair(kept, '{:.2f}')}.",
            "more than .8 for shifts and scales, less than half for rotations",
            verdict(shifts > 0.8 and scales > 0.8 and turns < 0.5),
        ),
    ]


def _kept(curves: Any, where: Any) -> float:
    return float(np.median(curves.probability[:, where] / curves.untransformed[:, None]))


# ---------------------------------------------------------------------- Fig. 6


def architecture(bench: Bench) -> list[Claim]:
    """AlexNet's first layers beside ZFNet's."""
    transform, data, test = zf.models.transform(64), bench.arrays("train"), bench.arrays("test")
    found, errors = {}, {}
    for name in ("alexnet_small", "zfnet_small"):
        model = _seeded(getattr(zf.models, name), len(data.classes), 64)
        record = zf.experiments.train(
            model,
            data.every(2),
            validation=test,
            transform=transform,
            epochs=8,
            batch=64,
            folder=bench.work / name,
        )
        errors[name] = 100 * float(record.validation_error[-1])
        engine = zf.Engine(model.eval(), test.every(6), transform, cache=False)
        found[name] = zf.experiments.diagnose(engine)
    claims = []
    mids = {n: r.convolutions[0].coverage()["mid"] for n, r in found.items()}
    claims.append(
        Claim(
            "4.1, Fig. 6b, c",
            "AlexNet's first layer mixes very high and low frequencies and covers few of the mid "
            "ones; 7x7 filters cover more of them.",
            f"Share of the first filters' energy at mid frequencies: {_pair(mids)}.",
            "larger for zfnet_small",
            verdict(mids["zfnet_small"] > mids["alexnet_small"]),
        )
    )
    aliasing = {n: _known_mean(r.convolutions[0].aliasing) for n, r in found.items()}
    consistency = {n: _known_mean(r.convolutions[0].consistency) for n, r in found.items()}
    claims.append(
        Claim(
            "4.1, Fig. 6d, e",
            "Stride 4 in the first layer causes aliasing; stride 2 doesn't.",
            f"Energy of the first layer's responses above the stride's limit: {_pair(aliasing)}; "
            f"agreement under a shift by a pixel: {_pair(consistency)}.",
            "less aliasing and more agreement for zfnet_small",
            verdict(
                aliasing["zfnet_small"] < aliasing["alexnet_small"]
                and consistency["zfnet_small"] > consistency["alexnet_small"]
            ),
        )
    )
    dead = {n: sum(len(one.dead) for one in r.rectifiers[:2]) for n, r in found.items()}
    claims.append(
        Claim(
            "4.1, Fig. 6",
            "ZFNet's first layers have fewer dead features.",
            f"Channels of the first two layers that no photo excites: {_pair(dead, '{:d}')}.",
            "fewer for zfnet_small",
            verdict(
                dead["zfnet_small"] < dead["alexnet_small"],
                clear=dead["zfnet_small"] != dead["alexnet_small"],
            ),
        )
    )
    gap = errors["alexnet_small"] - errors["zfnet_small"]
    claims.append(
        Claim(
            "4.1, Table 2",
            "Smaller filters and stride also classify better (38.4 % against 40.7 % top-1 error "
            "on ImageNet).",
            f"Error on six classes of CIFAR-10 at 64 px, 6,000 photos, 8 epochs: "
            f"{_pair(errors, '{:.1f} %')}.",
            "lower for zfnet_small, by more than 2 points (about the 95 % interval of 1,800 "
            "photos)",
            verdict(gap > 0, clear=abs(gap) > 2),
        )
    )
    return claims


# ---------------------------------------------------------------------- Fig. 7


def occlusion(bench: Bench) -> list[Claim]:
    """Does covering the right place matter."""
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    halved, lowest = [], []
    for image in sure_photos(engine)[:OCCLUSION_PHOTOS]:
        clean = float(engine.predict(image).probabilities.max())
        covered = engine.occlude(image, patch=48, stride=16).probability()
        lowest.append(float(covered.min()) / clean)
        halved.append(float((covered < clean / 2).mean()))
    local = [h for h in halved if h > 0]
    claims = [
        Claim(
            "Fig. 7d, 4.2",
            "The classifier localises the object: its probability drops where the object is "
            "covered, and hardly elsewhere.",
            f"{len(halved)} photos that SqueezeNet is sure of (> 60 %), grey square of 48 px: in "
            f"{len(local)} of them some place halves the probability; there, the median share of "
            f"such places is {100 * float(np.median(local)):.0f} %. Lowest probability left, "
            f"median: {100 * float(np.median(lowest)):.0f} % of the clean one.",
            "most photos have such places, and they are less than half of the photo",
            verdict(len(local) > len(halved) / 2 and float(np.median(local)) < 0.5),
        )
    ]
    left, control = [], []
    for channel in np.random.default_rng(0).permutation(256)[:24]:
        for patch in engine.cover_patches("features.7", int(channel), k=3, controls=4):
            if patch.before > 0:
                left.append(max(patch.after, 0) / patch.before)
                control.append(float(np.mean(np.maximum(patch.control_values, 0))) / patch.before)
    claims.append(
        Claim(
            "Fig. 7b, c",
            "Covering what a projection shows stops the feature map's activity.",
            f"{len(left)} strongest patches of features.7: covered, {np.median(left):.2f} of the "
            f"unit's activation is left (median); with a random patch of the same size covered "
            f"instead, {np.median(control):.2f}.",
            "less than half is left, and less than with random patches",
            verdict(bool(np.median(left) < min(0.5, float(np.median(control))))),
        )
    )
    return claims


# ---------------------------------------------------------------------- Table 1


FACES = ("kitten", "chelsea-cat", "red-panda", "calf", "gorilla")
PARTS_OF_FACES = {
    "left eye": "112 80 24 28, 60 38 52 56, 104 56 28 26, 80 34 24 30, 86 80 18 26",
    "right eye": "109 126 24 28, 76 166 52 52, 100 100 28 32, 76 156 24 30, 84 120 18 26",
    "nose": "131 107 22 30, 170 112 44 60, 144 62 32 40, 106 80 36 64, 112 92 40 42",
    "head": "32 36 126 150, 0 0 224 224, 0 14 194 204, 14 8 180 216, 8 42 164 146",
}
"""Top, left, height and width in each photo, as in examples/correspondence.ipynb."""


def correspondence(_bench: Bench) -> list[Claim]:
    """Are the same parts of different photos alike to the network."""
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    boxes = {
        part: [tuple(int(n) for n in box.split()) for box in text.split(",")]
        for part, text in PARTS_OF_FACES.items()
    }
    middle, top = "features.8", "features.12"
    found = zf.experiments.measure_correspondence(
        engine, boxes, FACES, layers=[middle, top], draws=100, within="head", progress=False
    )
    mean = {row: found.mean(row) for row in found.rows()}
    gaps = {
        row: [float(r - m) for m, r in zip(mean[row], mean["random"], strict=True)]
        for row in mean
        if row != "random"
    }
    text = "; ".join(f"{row} {values[0]:.3f} / {values[1]:.3f}" for row, values in mean.items())
    return [
        Claim(
            "Table 1, 4.3",
            "Covering the same part changes the middle layer's features more alike than covering "
            "random places.",
            f"Five animals, SqueezeNet: share of signs that differ in {middle} / {top}: {text}.",
            f"lower for each of the three parts in {middle}",
            verdict(all(gap[0] > 0 for gap in gaps.values())),
        ),
        Claim(
            "Table 1, 4.3",
            "At the top the parts are closer to random places: that layer is about classes.",
            "Random less part, "
            + "; ".join(f"{row} {gap[0]:.3f} / {gap[1]:.3f}" for row, gap in gaps.items())
            + ".",
            "a smaller mean difference at the top",
            verdict(
                float(np.mean([gap[1] for gap in gaps.values()]))
                < float(np.mean([gap[0] for gap in gaps.values()]))
            ),
        ),
    ]


# ---------------------------------------------------------------------- Table 3


def ablation(bench: Bench) -> list[Claim]:
    """Train the network without parts of it."""
    from zfwidgets.experiments.ablation import Architecture, paper_variants

    data = bench.arrays("train")
    base = Architecture.of(zf.models.zfnet_small(classes=len(data.classes), size=32), (3, 32, 32))
    table = zf.experiments.ablate(
        paper_variants(base),
        data,
        validation=bench.arrays("test"),
        transform=zf.models.transform(32),
        epochs=10,
        batch=64,
        rate=0.01,
        seed=0,
        folder=bench.work / "ablation",
    )
    error = {row.name: 100 * row.validation_error for row in table.rows}
    trained = {row.name: 100 * row.train_error for row in table.rows}
    whole = error["as it is"]

    def of(name: str) -> str:
        return f"{name}: {error[name]:.1f} % (training {trained[name]:.1f} %)"

    def row(says: str, names: list[str], rule: str, holds: bool, clear: bool = True) -> Claim:
        measured = "; ".join(of(name) for name in ["as it is", *names])
        return Claim("Table 3", says, measured, rule, verdict(holds, clear))

    middle, heads = "without conv3, conv4", "without fc6, fc7"
    both = "without conv3, conv4, fc6, fc7"
    half, double, wide = (name for name in error if " " in name and name[:2] in ("fc", "co"))
    return [
        row(
            "Without the fully connected layers, or without two middle ones, the error rises "
            "little; without both it is far worse.",
            [middle, heads, both],
            "removing both costs more than the two costs together",
            error[both] - whole > (error[middle] - whole) + (error[heads] - whole),
        ),
        row(
            "Wider middle layers help.",
            [wide],
            "lower by more than 2 points",
            error[wide] < whole,
            abs(error[wide] - whole) > 2,
        ),
        row(
            "Changing the fully connected layers' width makes little difference.",
            [half, double],
            "both within 2 points",
            max(abs(error[half] - whole), abs(error[double] - whole)) <= 2,
        ),
    ]


# ---------------------------------------------------------------------- Tables 4 to 7, Fig. 9


def transfer(bench: Bench) -> list[Claim]:
    """Do features of ImageNet carry over to other photos."""
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    convolutions = [layer.name for layer in engine.layers if layer.role == "conv"]
    layers = [convolutions[i] for i in np.linspace(0, len(convolutions) - 2, 6).round().astype(int)]
    table = zf.experiments.transfer_layers(
        engine, bench.photos, layers=layers, train_images=30, repeats=3
    )
    svm, spread = 100 * table.mean("svm"), table.spread("svm")
    names = ", ".join(
        f"{name} {mean:.1f} ± {100 * d:.1f} %"
        for name, mean, d in zip(table.layers, svm, spread, strict=True)
    )
    middle = len(svm) // 2
    curve = zf.experiments.transfer_curve(
        engine,
        bench.photos,
        layer=layers[-1],
        counts=[5, 30],
        repeats=2,
        scratch=lambda: zf.models.zfnet_small(classes=10, size=224),
        scratch_training={"epochs": 20, "batch": 32},
    )
    own, scratch = (100 * curve.mean(what) for what in ("pretrained", "from scratch"))
    return [
        Claim(
            "Table 7",
            "A linear classifier on features gets better layer by layer up the network.",
            f"SVM on SqueezeNet's features, 10 classes of clothing, 30 photos of each: {names}.",
            "better in the middle than at the bottom, and at the top than in the middle",
            verdict(bool(svm[0] < svm[middle] < svm[-1])),
        ),
        Claim(
            "Tables 4, 5, Fig. 9",
            "Pretrained features beat a network trained from scratch by far, with few photos of "
            "each class already.",
            f"Photos of each class 5 / 30: pretrained {own[0]:.1f} / {own[1]:.1f} %, zfnet_small "
            f"from scratch {scratch[0]:.1f} / {scratch[1]:.1f} %.",
            "pretrained with 5 photos is better than from scratch with 30",
            verdict(bool(own[0] > scratch[1])),
        ),
    ]


# ---------------------------------------------------------------------- the page


def _seeded(build: Callable[..., torch.nn.Module], *arguments: Any) -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(*arguments)


def _pair(values: dict[str, Any], form: str = "{:.3f}") -> str:
    return ", ".join(f"{name} {form.format(value)}" for name, value in values.items())


def _known_mean(values: Any) -> float:
    return float(np.nanmean(values))


PARTS = (
    hierarchy,
    evolution,
    invariance,
    architecture,
    occlusion,
    correspondence,
    ablation,
    transfer,
)


def page(claims: list[Claim]) -> str:
    """The table as Markdown."""
    rows = "\n".join(
        f"| {c.where} | {c.says} | {c.measured} | {c.rule} | **{c.verdict}** |" for c in claims
    )
    return f"""# The paper's claims, and what we measure

Written by `python benchmarks/claims.py`, torch {torch.__version__.split("+")[0]}, \
{torch.get_num_threads()} threads on {platform.machine()}. Networks trained here are small \
(0.1 to 0.8 million parameters; six classes of CIFAR-10, 12,000 photos to train, 1,800 to test); \
the trained one is the package's ImageNet SqueezeNet 1.1. Each verdict follows from its row's rule.

| where | the paper says | we measure | counts as agreeing if | verdict |
|---|---|---|---|---|
{rows}
"""


def main() -> None:
    """Measure what isn't measured yet; write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifar", type=Path, required=True)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="names of parts")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.cifar, options.photos, options.work)
    claims: list[Claim] = []
    for part in PARTS:
        kept = bench.work / f"{part.__name__}.json"
        if not kept.exists() and (not options.only or part.__name__ in options.only):
            found = part(bench)
            kept.write_text(json.dumps([asdict(claim) for claim in found]))
        if kept.exists():
            claims += [Claim(**claim) for claim in json.loads(kept.read_text())]
    PAGE.write_text(page(claims))
    print(PAGE.read_text())


if __name__ == "__main__":
    main()
