"""Training: the same numbers as a loop written out, whole or in pieces; nothing else is moved."""

from __future__ import annotations

import random
from contextlib import closing

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset, TensorDataset

import zfwidgets as zf
from zfwidgets.experiments import TrainingRecord, train, train_steps
from zfwidgets.experiments.training.trainer import annealed
from zfwidgets.images.sets.repeatable import states
from zfwidgets.records import Progress

ROWS, COLUMNS = 10, 14


def network(classes: int = 3) -> nn.Module:
    generator = torch.Generator().manual_seed(5)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(6 * 4 * 6, classes),
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model


def images(number: int = 40, seed: int = 0, classes: int = 3) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % classes
    pixels = torch.randn(number, 3, ROWS, COLUMNS, generator=generator)
    pixels[:, 0, :, :4] += labels[:, None, None] * 1.5
    return TensorDataset(pixels, labels)


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def same_record(one: TrainingRecord, other: TrainingRecord) -> bool:
    (first, _), (second, _) = one.parts(), other.parts()
    return all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)


OPTIONS = {"batch": 16, "rate": 0.05, "seed": 3, "progress": False}


def test_equals_a_loop_written_out():
    """Momentum, weight decay and cross-entropy by hand, on the order that the losses tell."""
    model, data = network(), images(32)
    model[4].p = 0.0  # dropout is drawn in here
    reference = network()
    reference[4].p = 0.0
    record = train(model, data, epochs=2, **OPTIONS)
    pixels, labels = data.tensors
    momentum = [torch.zeros_like(p) for p in reference.parameters()]
    losses = []
    for epoch in range(2):
        order = np.random.default_rng([3, 1, epoch]).permutation(32)
        for start in (0, 16):
            chosen = order[start : start + 16]
            reference.train()
            logits = reference(pixels[chosen])
            loss = -torch.log_softmax(logits, 1)[range(16), labels[chosen]].mean()
            losses.append(float(loss.detach()))
            slopes = torch.autograd.grad(loss, list(reference.parameters()))
            with torch.no_grad():
                for p, slope, speed in zip(reference.parameters(), slopes, momentum, strict=True):
                    speed.mul_(0.9).add_(slope + 5e-4 * p)
                    p.sub_(0.05 * speed)
    np.testing.assert_allclose(record.losses, losses, rtol=1e-5)
    for one, other in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    reference.eval()
    wrong = (reference(pixels).argmax(1) != labels).float().mean()
    assert record.train_error[-1] == pytest.approx(float(wrong))
    assert record.complete
    assert record.epochs == 2
    assert list(record.measured) == [2, 4]


def test_learns_and_validates():
    model = network()
    record = train(model, images(60), validation=images(30, seed=1), epochs=8, **OPTIONS)
    assert record.validation_error[-1] < 0.25 < record.validation_error[0]
    assert np.isnan(record.validation_error_5).all()  # three classes
    assert record.validation_images == 30
    assert record.parameters == sum(p.numel() for p in model.parameters())
    frame = record.to_frame()
    assert list(frame["epoch"]) == list(range(1, 9))
    assert frame["loss"].iloc[-1] == pytest.approx(record.losses[-4:].mean())


def test_top_five_is_counted_by_hand():
    generator = torch.Generator().manual_seed(1)
    data = TensorDataset(
        torch.randn(40, 3, ROWS, COLUMNS, generator=generator), torch.arange(40) % 8
    )
    model = network(8)
    record = train(model, data, validation=data, epochs=1, **OPTIONS)
    model.eval()
    five = model(data.tensors[0]).topk(5).indices
    wrong = 1 - (five == data.tensors[1][:, None]).any(1).float().mean()
    assert record.validation_error_5[-1] == pytest.approx(float(wrong))


@pytest.mark.parametrize("cut", [1, 3, 6, 7])
def test_goes_on_bit_by_bit(tmp_path, cut):
    """Stopped after any step, in another process's eyes a fresh model, and gone on with."""
    data, held_out = images(40), images(9, seed=1)
    whole = network()
    undisturbed = train(whole, data, validation=held_out, epochs=3, **OPTIONS)
    options = {k: v for k, v in OPTIONS.items() if k != "progress"}
    first = network()
    with closing(
        train_steps(first, data, validation=held_out, epochs=3, folder=tmp_path, **options)
    ) as steps:
        for step in steps:
            if isinstance(step, Progress) and step.done == cut:
                break
    assert TrainingRecord.load(tmp_path).steps == cut
    second = network()
    record = train(second, data, validation=held_out, epochs=3, folder=tmp_path, **OPTIONS)
    assert same(state(whole), state(second))
    assert same_record(undisturbed, record)
    assert same_record(record, TrainingRecord.load(tmp_path))
    again = train(network(), data, validation=held_out, epochs=3, folder=tmp_path, **OPTIONS)
    assert same_record(undisturbed, again)


def test_more_epochs_go_on(tmp_path):
    whole = network()
    train(whole, images(), epochs=3, **OPTIONS)
    train(network(), images(), epochs=1, folder=tmp_path, **OPTIONS)
    longer = network()
    record = train(longer, images(), epochs=3, folder=tmp_path, **OPTIONS)
    assert record.steps == 9
    assert same(state(whole), state(longer))


def test_the_time_is_a_budget(tmp_path):
    model = network()
    record = train(model, images(), epochs=3, seconds=0.0, folder=tmp_path, **OPTIONS)
    assert record.steps == 1  # never none
    assert not record.complete
    assert "0 s" in record.stopped
    assert list(record.measured) == [1]
    whole, rest = network(), network()
    train(whole, images(), epochs=3, **OPTIONS)
    record = train(rest, images(), epochs=3, folder=tmp_path, **OPTIONS)
    assert same(state(whole), state(rest))
    assert list(record.measured) == [3, 6, 9]
    assert record.stopped == ""


class Interrupting(nn.Module):
    """Raises in the main thread, in the middle of a step."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.calls = at, 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += self.training
        if self.calls == self.at and self.training:
            import _thread

            _thread.interrupt_main()
        return images


def test_an_interrupt_cuts_no_step_in_half(tmp_path):
    model = nn.Sequential(Interrupting(4), *network())
    model_state = dict(model.named_parameters())
    with pytest.warns(UserWarning, match="4 of 9 steps done"):
        record = train(model, images(), epochs=3, folder=tmp_path, **OPTIONS)
    assert record.steps == 4
    reference = nn.Sequential(Interrupting(-1), *network())
    options = {k: v for k, v in OPTIONS.items() if k != "progress"}
    with closing(train_steps(reference, images(), epochs=3, **options)) as steps:
        for step in steps:
            if isinstance(step, Progress) and step.done == 4:
                break
    assert same(state(model), state(reference))
    assert model_state.keys() == dict(model.named_parameters()).keys()
    rest, whole = (nn.Sequential(Interrupting(-1), *network()) for _ in range(2))
    train(rest, images(), epochs=3, folder=tmp_path, **OPTIONS)
    train(whole, images(), epochs=3, **OPTIONS)
    assert same(state(rest), state(whole))


def test_random_numbers_and_modes_stay(tmp_path):
    model = network().train()
    model[1].eval()
    before = (torch.get_rng_state(), random.getstate(), states()["numpy.random"][1].copy())
    options = {k: v for k, v in OPTIONS.items() if k != "progress"}
    flips = lambda image: image.flip(-1) if torch.rand(()) < 0.5 else image  # noqa: E731
    for _ in train_steps(model, images(), epochs=1, augment=flips, **options):
        assert torch.equal(before[0], torch.get_rng_state())
        assert before[1] == random.getstate()
        assert np.array_equal(before[2], states()["numpy.random"][1])
    assert model.training
    assert not model[1].training
    assert all(p.grad is None for p in model.parameters())


def test_seeds_decide():
    runs = []
    for seed in (3, 3, 4):
        torch.rand(7)  # whatever the global state
        model = network()
        train(model, images(), epochs=1, **{**OPTIONS, "seed": seed})
        runs.append(state(model))
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_steps_are_told():
    seen = []
    model = network()
    train(model, images(), epochs=2, on_step=lambda n, m: seen.append((n, m is model)), **OPTIONS)
    assert seen == [(n, True) for n in range(1, 7)]


def test_filters_keep_to_their_radius():
    model = network()
    train(model, images(), epochs=1, filter_radius=0.05, input_range=128, **OPTIONS)
    rms = model[0].weight.pow(2).mean((1, 2, 3)).sqrt()
    assert rms.max() <= 0.05 * (1 + 1e-5)


def test_the_papers_networks_renormalise_by_themselves():
    """Theirs at the paper's radius, on the scale of their inputs; others as they are told."""

    def rms(layer: nn.Conv2d, number: int) -> float:
        return float(layer.weight[number].detach().pow(2).mean().sqrt())

    data = TensorDataset(torch.rand(6, 3, 32, 32), torch.arange(6) % 2)
    model = zf.models.zfnet_small(2, 32)
    with torch.no_grad():
        model.conv1.weight[3] *= 400  # passes 0.1, but not 0.1 x 128 / 2
        model.conv3.weight[5] *= 40
        assert rms(model.conv1, 3) > 0.2
    record = train(model, data, epochs=1, **{**OPTIONS, "rate": 1e-6})
    assert rms(model.conv3, 5) == pytest.approx(0.1, rel=1e-4)
    assert rms(model.conv1, 3) > 0.2
    assert record.settings["filter_radius"] == 0.1
    assert record.settings["input_range"] == 2
    with torch.no_grad():
        model.conv3.weight[5] *= 3
    train(model, data, epochs=1, **{**OPTIONS, "rate": 1e-6}, filter_radius=None)
    assert rms(model.conv3, 5) > 0.29
    other = train(network(), images(), epochs=1, **OPTIONS)
    assert other.settings["filter_radius"] is None
    with pytest.raises(
        zf.errors.InputError, match="filter_radius is 'yes': expected a number, 'paper'"
    ):
        train(network(), images(), filter_radius="yes", **OPTIONS)


def test_the_rate_falls_where_the_validation_error_stays():
    errors = [0.5, 0.4, 0.4, 0.45, 0.3, 0.3, 0.3, 0.3]
    rates = [annealed(0.1, errors[:epoch], 2) for epoch in range(9)]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001])
    assert annealed(0.1, errors, None) == 0.1


def test_annealing_goes_on_bit_by_bit(tmp_path):
    options = {**OPTIONS, "patience": 1, "validation": images(9, seed=1)}
    whole, plain, cut = network(), network(), network()
    record = train(whole, images(), epochs=5, **options)
    train(plain, images(), epochs=5, **{**options, "patience": None})
    assert annealed(1.0, record.validation_error[:-1], 1) < 1  # or nothing is tested here
    assert not same(state(whole), state(plain))
    steps = train_steps(
        cut,
        images(),
        epochs=5,
        folder=tmp_path,
        **{k: v for k, v in options.items() if k != "progress"},
    )
    for step in steps:
        if isinstance(step, Progress) and step.done == 11:  # in the middle of an epoch
            break
    steps.close()
    train(cut, images(), epochs=5, folder=tmp_path, **options)
    assert same(state(whole), state(cut))
    with pytest.raises(
        zf.errors.InputError, match="waits for a smaller validation error: pass validation"
    ):
        train(network(), images(), patience=2, **OPTIONS)
    with pytest.raises(zf.errors.InputError, match="patience is 0: expected 1 epoch or more"):
        train(network(), images(), **{**options, "patience": 0})


def test_a_loss_that_is_no_number(tmp_path):
    model = network()
    options = {**OPTIONS, "rate": 1e25, "folder": tmp_path}
    with pytest.raises(zf.errors.TrainingDiverged, match="smaller rate than 1e") as caught:
        train(model, images(), epochs=60, **options)
    record = caught.value.record
    assert f"loss of step {record.steps + 1} " in str(caught.value)
    assert record.steps > 0
    assert np.isfinite(record.losses).all()
    if record.steps >= 3:  # the epochs before are kept
        assert TrainingRecord.load(tmp_path).steps == record.steps // 3 * 3


def test_a_network_that_is_wrong_from_the_start():
    model = network()
    with torch.no_grad():
        model[5].bias[0] = float("nan")
    with pytest.raises(zf.errors.TrainingDiverged, match=r"loss of step 1 .* scale the inputs"):
        train(model, images(), epochs=1, **OPTIONS)


def test_the_folder_of_another_training(tmp_path):
    train(network(), images(), epochs=1, folder=tmp_path, **OPTIONS)
    with pytest.raises(zf.errors.InputError, match=r"rate is 0.05 there, 0.1 here"):
        train(network(), images(), epochs=1, folder=tmp_path, **{**OPTIONS, "rate": 0.1})
    with pytest.raises(
        zf.errors.InputError, match=r"5.weight is \(3, 144\) there, \(4, 144\) here"
    ):
        train(network(4), images(), epochs=1, folder=tmp_path, **OPTIONS)
    with pytest.raises(zf.errors.InputError, match="data is"):
        train(network(), images(41), epochs=1, folder=tmp_path, **OPTIONS)
    (tmp_path / "training.safetensors").write_bytes(b"damaged")
    with pytest.raises(zf.errors.InputError, match="can't be read as"):
        train(network(), images(), epochs=1, folder=tmp_path, **OPTIONS)


def test_bad_input():
    with pytest.raises(zf.errors.InputError, match="3 outputs, the data has 5 classes"):
        train(network(3), images(classes=5), epochs=1, **OPTIONS)
    one = TensorDataset(images().tensors[0], torch.ones(len(images()), dtype=torch.int64))
    with pytest.raises(zf.errors.InputError, match=r"training data has one class only \('1'\)"):
        train(network(), one, epochs=1, **OPTIONS)
    with pytest.raises(zf.errors.InputError, match="epochs is 0"):
        train(network(), images(), epochs=0, **OPTIONS)
    with pytest.raises(zf.errors.InputError, match="asks for gradients"):
        train(network().requires_grad_(False), images(), epochs=1, **OPTIONS)
    pictures = [Image.new("RGB", (COLUMNS, ROWS), color) for color in ("red", "blue")]
    with pytest.raises(zf.errors.InputError, match=r"expected \(image, label\)"):
        train(network(), pictures, epochs=1, **OPTIONS)
    held_out = [(pictures[0], "red"), (pictures[1], "green")]
    with pytest.raises(zf.errors.InputError, match="'green': expected one of 'blue', 'red'"):
        train(
            network(),
            [(pictures[0], "red"), (pictures[1], "blue")],
            validation=held_out,
            transform=to_tensor,
            **OPTIONS,
        )


def to_tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1).float() / 255


class Broken(Dataset):
    """Of 40 images three in a row can't be read."""

    targets = tuple(n % 3 for n in range(40))

    def __len__(self) -> int:
        return 40

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        if number in (11, 12, 13):
            raise OSError("bad sector")
        return images().tensors[0][number], self.targets[number]


def test_images_that_cannot_be_read_are_named():
    record = train(network(), Broken(), epochs=1, **{**OPTIONS, "batch": 1})
    assert record.steps == 40
    assert np.isnan(record.losses).sum() == 3
    assert [name for name, _ in record.skipped] == ["image 11", "image 12", "image 13"]
    assert "bad sector" in record.skipped[0][1]
