"""Features of layers: as the network gives them, averaged, kept on disk."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file

import zfwidgets as zf
from tests.experiments.transfer.small import (
    DATA,
    NETWORK,
    Counting,
    make_engine,
    pictures,
    plain_features,
)
from zfwidgets.errors import InputError
from zfwidgets.experiments.shared.labelled import Labelled
from zfwidgets.experiments.transfer.features import Features
from zfwidgets.experiments.transfer.shapes import main_layers


def test_layers_are_those_of_the_paper(engine):
    assert main_layers(engine.layers) == ("pool1", "relu2", "relu3")
    assert len(main_layers(engine.layers, most=2)) == 2
    small = zf.Engine(
        zf.models.zfnet_small(4), zf.samples.textures(n=4), zf.models.transform(), cache=False
    )
    assert main_layers(small.layers) == (
        *("norm1", "norm2", "relu3", "relu4", "pool5", "relu6", "relu7"),
    )


def test_what_branches_inside_a_module_is_one_layer():
    """Blocks' outputs behind their rectifier, not bottlenecks or half branches."""
    from torchvision.models import resnet18, squeezenet1_1

    images = [torch.rand(3, 48, 64) for _ in range(2)]
    fires = zf.Engine(squeezenet1_1(num_classes=5).eval(), images, cache=False)
    assert main_layers(fires.layers, 20) == tuple(
        f"features.{number}" for number in (2, 3, 5, 6, 8, 9, 10, 11, 12)
    )
    blocks = zf.Engine(resnet18(num_classes=5).eval(), images, cache=False)
    found = main_layers(blocks.layers, 20)
    assert found == (
        "maxpool",
        *(f"layer{stage}.{block}.relu@1" for stage in (1, 2, 3) for block in (0, 1)),
        *("layer4.0.relu@1", "avgpool"),
    )


def test_features_are_the_layers_outputs(engine):
    images = Labelled.of(DATA)
    features = Features(engine, images, None)
    for _ in features.steps():
        pass
    plain = plain_features(engine, DATA.tensors[0])
    for layer in ("pool1", "relu2", "relu3"):
        rows = features.rows(layer)
        assert rows.known.all()
        np.testing.assert_allclose(rows.read(np.arange(90)), plain[layer], rtol=1e-5, atol=1e-6)
    assert features.shape("pool1").how == "6 maps of 3 x 6, as they are"
    assert features.shape("relu3").how == "10 units"


def test_large_maps_are_averaged_over_places(engine):
    images = Labelled.of(DATA)
    features = Features(engine, images, ["pool1"], dimension=60)
    shape = features.shape("pool1")
    assert shape.grid == (3, 3)
    assert shape.dimension == 54
    assert "averaged to 3 x 3" in shape.how
    for _ in features.steps():
        pass
    with torch.no_grad():
        maps = engine.session.network.module[:3](DATA.tensors[0])
    wanted = F.adaptive_avg_pool2d(maps, (3, 3)).flatten(1)
    by_hand = torch.stack([maps[..., 2 * i : 2 * i + 2].mean(-1) for i in range(3)], -1).flatten(1)
    np.testing.assert_allclose(wanted, by_hand, rtol=1e-5, atol=1e-6)
    found = features.rows("pool1").read(np.arange(90))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    with pytest.raises(InputError, match="6 channels, a feature vector may have 5"):
        Features(engine, images, ["pool1"], dimension=5)


def test_features_are_kept_on_disk_and_gone_on_with(tmp_path):
    def study() -> tuple[Features, Counting]:
        data = Counting()
        features = Features(make_engine(tmp_path), Labelled.of(data), ["pool1", "relu3"])
        data.reads = 0
        return features, data

    first, data = study()
    with closing(first.steps()) as steps:
        next(steps)
    assert len(first.known) == 64, "an interrupted pass leaves what it has done"
    second, data = study()
    assert len(second.known) == 64
    for _ in second.steps():
        pass
    assert data.reads == 90 - 64
    third, data = study()
    for _ in third.steps():
        pass
    assert data.reads == 0
    plain = plain_features(make_engine(), DATA.tensors[0])
    for layer in ("pool1", "relu3"):
        rows = third.rows(layer)
        np.testing.assert_allclose(rows.read(np.arange(90)), plain[layer], rtol=1e-5, atol=1e-6)
        assert isinstance(rows._rows, np.memmap)
        on_disk = load_file(rows.path)["features"]  # by the library, not by our own reader
        np.testing.assert_array_equal(on_disk, rows.read(np.arange(90)))
    assert not list(tmp_path.rglob("*.part"))


def test_files_of_features_that_are_damaged_or_anothers(tmp_path):
    features = Features(make_engine(tmp_path), Labelled.of(DATA), ["pool1"])
    path = features.rows("pool1").path
    whole = path.read_bytes()
    for content, says in (
        (whole[:-4], "isn't a readable file of features"),
        (b"", "isn't a readable file of features"),
        (whole.replace(b"pool1", b"pool9"), "has features of something else"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=says):
            Features(make_engine(tmp_path), Labelled.of(DATA), ["pool1"]).rows("pool1")
    path.write_bytes(whole.replace(rb"\"schema\": 2", rb"\"schema\": 1"))
    assert path.read_bytes() != whole
    again = Features(make_engine(tmp_path), Labelled.of(DATA), ["pool1"])
    assert not len(again.known), "an older version's are begun anew"
    assert path.read_bytes()[:1000] == whole[:1000]
    other = zf.Engine(
        NETWORK.build(3), pictures(30, 1), cache=tmp_path, denormalize=([0.5] * 3, [0.5] * 3)
    )
    assert not len(Features(other, Labelled.of(DATA), ["pool1"]).known), "another network's"
    assert not len(Features(make_engine(tmp_path), Labelled.of(pictures(90, 6)), ["pool1"]).known)
