"""Models of well-known packages, given as they are."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from PIL import Image

import zfwidgets as zf
from tests.trainers import trainer
from zfwidgets.errors import InputError

PHOTOS = zf.samples.photos()[:5]


@pytest.fixture(scope="module")
def hugging_face():
    """A ResNet with drawn weights and named classes, and a processor unlike ImageNet's."""
    transformers = pytest.importorskip("transformers", reason="transformers isn't installed")
    torch.manual_seed(3)
    config = transformers.ResNetConfig(
        embedding_size=12,
        hidden_sizes=[12, 20],
        depths=[1, 1],
        layer_type="basic",
        id2label={0: "cat", 2: "owl", 1: "dog"},
    )
    model = transformers.ResNetForImageClassification(config).eval()
    processor = transformers.ConvNextImageProcessor(
        size={"shortest_edge": 384},
        image_mean=[0.4, 0.5, 0.6],
        image_std=[0.2, 0.25, 0.3],
    )
    return model, processor


@pytest.fixture(scope="module")
def engine(hugging_face):
    model, processor = hugging_face
    return zf.Engine(model, PHOTOS, processor, cache=False)


def test_logits_and_classes_are_the_models(engine, hugging_face):
    model, processor = hugging_face
    with torch.no_grad():
        expected = model(**processor(images=opened(3), return_tensors="pt")).logits[0]
    found = engine.predict(3)
    np.testing.assert_allclose(found.logits, expected.numpy(), atol=1e-5)
    assert found.labels == ("cat", "dog", "owl")


def opened(number: int) -> Image.Image:
    return PHOTOS[number].convert("RGB")


def test_photos_are_shown_as_the_processor_saw_them(engine, hugging_face):
    _, processor = hugging_face
    values = processor(images=opened(1), return_tensors="pt")["pixel_values"][0].numpy()
    mean, std = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.25, 0.3])
    expected = 255 * (values.transpose(1, 2, 0) * std + mean)
    assert np.abs(engine.photo(1) - expected).max() <= 0.51 + 1e-3
    assert not engine.info.notes or "assumed" not in " ".join(engine.info.notes)


@pytest.mark.parametrize(
    ("changed", "white"),
    [
        ({"do_normalize": False}, 1.0),
        ({"do_rescale": False, "do_normalize": False}, 255.0),
        ({"rescale_factor": 1 / 127.5, "do_normalize": False}, 2.0),
    ],
)
def test_pixels_are_shown_whatever_a_processor_leaves_out(hugging_face, changed, white):
    import transformers

    model, _ = hugging_face
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": 384}, **changed)
    values = processor(images=opened(0), return_tensors="pt")["pixel_values"][0].float().numpy()
    engine = zf.Engine(model, PHOTOS, processor, cache=False)
    expected = values.transpose(1, 2, 0) / white * 255
    assert np.abs(engine.photo(0) - expected).max() <= 0.51 + 1e-3


class DeconvReLU(torch.nn.Module):
    """A rectifier forward; backward it rectifies the signal, whatever it was."""

    class Rule(torch.autograd.Function):
        @staticmethod
        def forward(_, x):
            return x.clamp(min=0)

        @staticmethod
        def backward(_, signal):
            return signal.clamp(min=0)

    def forward(self, x):
        return self.Rule.apply(x)


def test_projections_are_those_of_the_deconvnet(engine, hugging_face):
    model, processor = hugging_face
    layer = [one.name for one in engine.layers if one.name.startswith("resnet.encoder.stages.1")][
        -1
    ]
    activation = engine.top(layer, 4)[0]
    (found,) = engine.project_all([activation])
    reference = copy.deepcopy(model)
    for path, module in model.named_modules():
        if isinstance(module, torch.nn.ReLU):
            reference.set_submodule(path, DeconvReLU())
    image = PHOTOS[activation.image].convert("RGB")
    pixels = processor(images=image, return_tensors="pt")["pixel_values"].requires_grad_()
    stage = reference(pixels, output_hidden_states=True).hidden_states[-1]
    unit = activation.unit
    stage[0, 4, unit.row, unit.col].backward()
    expected = pixels.grad[0].permute(1, 2, 0).numpy()
    # The unit itself starts the signal with its activation.
    scale = np.abs(expected).max()
    assert scale > 0
    ratio = found.pixels / np.abs(found.pixels).max() - expected / scale
    assert np.abs(ratio).max() < 1e-4


def test_an_index_is_known_again_in_another_session(hugging_face, tmp_path):
    import transformers

    model, processor = hugging_face
    first = zf.Engine(model, PHOTOS, processor, cache=tmp_path)
    first.index(progress=False)
    same = transformers.ConvNextImageProcessor(**processor.to_dict())
    assert zf.Engine(model, PHOTOS, same, cache=tmp_path).indexed
    other = transformers.ConvNextImageProcessor(**{**processor.to_dict(), "crop_pct": 0.5})
    assert not zf.Engine(model, PHOTOS, other, cache=tmp_path).indexed


def test_a_processor_of_several_crops_is_refused(hugging_face):
    model, _ = hugging_face

    class Crops:
        model_input_names = ("pixel_values",)

        def __call__(self, images, return_tensors):
            return {"pixel_values": torch.zeros(1, 5, 3, 64, 64)}

        def to_dict(self):
            return {}

    with pytest.raises(InputError, match=r"Crops makes pixel_values of shape \(1, 5, 3, 64, 64\)"):
        zf.Engine(model, PHOTOS, Crops())


def test_without_a_head_there_are_no_classes():
    transformers = pytest.importorskip("transformers", reason="transformers isn't installed")
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1])
    engine = zf.Engine(transformers.ResNetModel(config), PHOTOS, cache=False)
    assert engine.info.no_classes
    assert engine.layers


def test_timm_models_bring_transform_and_classes():
    timm = pytest.importorskip("timm", reason="timm isn't installed")
    model = timm.create_model("mobilenetv3_small_050.lamb_in1k", pretrained=False).eval()
    assert model.pretrained_cfg["interpolation"] == "bicubic"
    engine = zf.Engine(model, PHOTOS, cache=False)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    with torch.no_grad():
        expected = model(transform(opened(2))[None])[0]
    found = engine.predict(2)
    np.testing.assert_allclose(found.logits, expected.numpy(), atol=1e-4)
    assert found.labels[7] == "cock"
    assert any("pretrained_cfg" in note for note in engine.info.notes)


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on data loaders
def test_lightning_modules_are_taken_before_and_after_a_training(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch", reason="lightning isn't installed")

    class Task(lightning.LightningModule):
        categories = ("cat", "dog", "owl")

        def __init__(self):
            super().__init__()
            self.net = torch.nn.Sequential(
                torch.nn.Conv2d(3, 5, (3, 5), 4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1)
            )
            self.head = torch.nn.Linear(5, 3)

        def forward(self, x):
            return self.head(self.net(x).flatten(1))

        def training_step(self, batch):
            images, labels = batch
            return torch.nn.functional.cross_entropy(self(images), labels)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    torch.manual_seed(2)
    task = Task()
    before = {name: value.clone() for name, value in task.state_dict().items()}
    images = [zf.samples.transform()(photo.convert("RGB")) for photo in PHOTOS]
    for trained in (False, True):
        if trained:
            labels = torch.arange(len(images)) % 3
            data = torch.utils.data.TensorDataset(torch.stack(images), labels)
            trainer(1, tmp_path).fit(
                task, torch.utils.data.DataLoader(data, batch_size=len(images))
            )
            assert any((task.state_dict()[name] != value).any() for name, value in before.items())
        task.eval()
        engine = zf.Engine(task, PHOTOS, cache=False)
        with torch.no_grad():
            expected = task(images[3][None])[0]
        found = engine.predict(3)
        np.testing.assert_allclose(found.logits, expected.numpy(), atol=1e-5)
        assert found.labels == ("cat", "dog", "owl")
        maps = task.net[:2](images[3][None])[0].detach()
        assert engine.layers[1].shape == tuple(maps.shape)
        strongest = max(engine.top(engine.layers[1].name, 4), key=lambda one: one.value)
        peaks = [float(task.net[:2](image[None])[0, 4].max()) for image in images]
        assert strongest.image == int(np.argmax(peaks))
        assert strongest.value == pytest.approx(max(peaks), rel=1e-5)
