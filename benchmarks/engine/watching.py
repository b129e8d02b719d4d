"""What watching costs a training: the same steps with and without `zf.watch`, in turns.

    python -m benchmarks.engine.watching [--quick] [--steps N]

Two equal networks are trained on the same batches, in blocks of a few steps, first the one, then
the other, so that whatever else the machine does meets both. A watched block isn't over before
all that it has begun to look at is done, though a training wouldn't wait for that: on a machine
with idle cores the training is held up less than this says. Watching is as by default (before
training, then after 1, 2, 5, 10, 20, 50, ... steps, 6 maps of each convolution). Setting up
and the look before training are told apart from the ratio. In the end both networks must have the
same bits. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import zfwidgets as zf
from benchmarks import harness

BLOCK = 5


def batches(images: Tensor, labels: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Random batches without end, the same each time."""
    generator = torch.Generator().manual_seed(0)
    while True:
        chosen = torch.randint(0, len(images), (size,), generator=generator)
        yield images[chosen], labels[chosen]


def trainer(
    model: nn.Module, data: Iterator[tuple[Tensor, Tensor]], told: Callable[[Tensor], None]
) -> Callable[[], None]:
    """A function that does one step."""
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    dropout = torch.Generator().manual_seed(1)

    def step() -> None:
        images, labels = next(data)
        torch.manual_seed(int(torch.randint(0, 1 << 30, (), generator=dropout)))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        told(loss)

    return step


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="smaller pictures, fewer steps")
    parser.add_argument("--steps", type=int, help="of the training")
    arguments = harness.options(parser)
    torch.set_num_threads(1)  # steady on a machine that is shared
    size, batch, watched_images = (48, 128, 100) if arguments.quick else (64, 128, 200)
    steps = arguments.steps or (120 if arguments.quick else 500)

    textures = zf.samples.textures(600, size)
    transform = zf.models.transform(size)
    images = torch.stack([transform(picture) for picture, _ in textures])
    labels = torch.tensor(textures.targets)
    torch.manual_seed(0)
    plain = zf.models.zfnet_small(len(textures.classes), size=size)
    model = copy.deepcopy(plain)

    began = time.perf_counter()
    shown = [textures[number][0] for number in range(watched_images)]
    watch = zf.watch(model, shown, transform=transform)
    watch.wait()
    setting_up = time.perf_counter() - began
    watched_step = trainer(model, batches(images, labels, batch), watch.step)
    plain_step = trainer(plain, batches(images, labels, batch), lambda loss: None)
    watched_time = plain_time = 0.0
    for block in range(steps // BLOCK):
        for watched in (True, False) if block % 2 else (False, True):
            began = time.perf_counter()
            for _ in range(BLOCK):
                (watched_step if watched else plain_step)()
            if watched:
                watch.wait()
                watched_time += time.perf_counter() - began
            else:
                plain_time += time.perf_counter() - began
    began = time.perf_counter()
    record = watch.finish()
    watched_time += time.perf_counter() - began
    ended = plain.state_dict()
    same = all(torch.equal(ended[name], tensor) for name, tensor in model.state_dict().items())
    assert same, "watching has changed the training"

    done = steps // BLOCK * BLOCK
    looks = [moment.seconds for moment in record.moments if moment.step]
    answer = {
        "ratio": round(watched_time / plain_time, 3),
        "steps": done,
        "step_ms": round(1000 * plain_time / done, 1),
        "looks": len(looks),
        "look_ms": round(1000 * sum(looks) / len(looks), 1),
        "images": watched_images,
        "maps": len(record.units),
        "missed": len(record.missed),
        "setting_up_s": round(setting_up, 2),
        "bit_equal": same,
    }
    print(f"zfnet_small, {size} px, batches of {batch}, {done} steps")
    print(f"  a step takes {answer['step_ms']:.0f} ms without watching")
    print(
        f"  {len(looks)} looks at {len(record.units)} maps in {watched_images} images, "
        f"{answer['look_ms']:.0f} ms each, at steps {record.steps.tolist()}"
    )
    print(f"  setting up and looking before training took {setting_up:.1f} s")
    print(f"  training with watching / without: {answer['ratio']:.3f}")
    harness.finish(answer)


if __name__ == "__main__":
    main()
