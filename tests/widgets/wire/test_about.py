"""What is told of a channel over the wire, against the engine's records counted the slow way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.widgets import numpy_engine
from zfwidgets.errors import UnreadableImage
from zfwidgets.naming.alike import LEAST_CORRELATION
from zfwidgets.naming.chance import tail
from zfwidgets.stepwise import finish
from zfwidgets.widgets.wire.source import Source

BIRDS = ("robin", "goose", "magpie")


@pytest.fixture
def engine_without_classes():
    engine = labelled(numpy_engine.NumpyEngine(classes=0), lambda image: None)
    for _ in engine.index_steps():
        pass
    return engine


def about(engine, layer="relu2", channel=3):
    data, buffers = finish(Source(engine).answer("about", {"layer": layer, "channel": channel}))
    assert buffers == []
    return data


def maxima(engine, layer):
    return engine._maps(layer).max((2, 3))  # (images, channels)


def labelled(engine, label_of):
    labels = tuple(label_of(image) for image in range(len(engine.info.images)))
    engine.info = replace(engine.info, image_labels=labels)
    return engine


def test_channels_that_are_alike_correlate_over_all_images(indexed):
    values = maxima(indexed, "relu2").astype(np.float64)
    for channel in range(values.shape[1]):
        data = about(indexed, "relu2", channel)
        with np.errstate(invalid="ignore"):
            expected = {
                other: np.corrcoef(values[:, channel], values[:, other])[0, 1]
                for other in range(values.shape[1])
                if other != channel
            }
        expected = {c: r for c, r in expected.items() if r >= LEAST_CORRELATION}
        best = sorted(expected, key=lambda c: -expected[c])[:6]
        assert [c for c, _ in data["alike"]] == best
        assert [r for _, r in data["alike"]] == pytest.approx([expected[c] for c in best], abs=1e-5)
        assert (data["images"], data["complete"]) == (len(values), True)


def test_groups_are_those_of_the_images_labels(indexed):
    nine = [a.image for a in indexed.top("relu2", 3, 9)]
    engine = labelled(indexed, lambda i: BIRDS[i % 3] if i in nine[:7] else f"thing {i}")
    data = about(engine)
    images = len(engine.info.images)
    (name,) = data["groups"]
    assert (name["text"], name["count"], name["of"]) == ("birds", 7, 9)
    assert (name["share"], name["compared"]) == (pytest.approx(7 / images), images)
    channels = engine.layer("relu2").channels
    assert name["p"] == pytest.approx(channels * tail(9, 7, 7, images))
    assert name["named"] == (name["p"] <= 0.05)
    assert (data["by"], data["why"], data["grouped"]) == ("label", "", images)


def test_the_groups_that_a_channel_prefers_are_means_of_its_maxima(indexed):
    engine = labelled(indexed, lambda i: ("robin", "tabby", "jersey")[i % 3])
    loud = {"birds": 5.0, "cats": 1.0, "clothes and shoes": 1.02}
    sample = engine.sample

    def louder(layer, channel):
        whole = sample(layer, channel)
        factors = np.array([list(loud.values())[i % 3] for i in whole.images])
        return replace(whole, values=(whole.values * factors).astype(np.float32))

    engine.sample = louder
    values = engine.sample("relu2", 3).values.astype(np.float64)
    for one in (data := about(engine))["prefers"]:
        at = {"birds": 0, "cats": 1, "clothes and shoes": 2}[one["text"]]
        assert one["mean"] == pytest.approx(values[at::3].mean(), rel=1e-5)
        assert one["more"] == pytest.approx(values[at::3].mean() - values.mean(), rel=1e-3)
        assert one["images"] == len(values[at::3])
        assert one["more"] > 0
    parts = [values[at::3] for at in range(3)]
    errors = [(p.mean() - values.mean()) / (values.std() / np.sqrt(len(p))) for p in parts]
    # Of three groups each may go beyond with .05 / 3: 2.128 standard errors of a normal variable.
    assert len(data["prefers"]) == sum(error > 2.128 for error in errors) == 1
    assert data["prefers_why"] == ""


def test_a_channel_that_sees_little_of_a_photo_is_not_said_to_prefer_any(indexed):
    labelled(indexed, lambda i: ("robin", "tabby")[i % 2])
    info = indexed.layer

    def larger(photo):
        def layer(name):
            found = info(name)
            field = replace(found.receptive_field, image=photo)
            return replace(found, receptive_field=field)

        return layer

    rows, columns = info("relu2").receptive_field.size
    indexed.layer = larger((4 * rows, 5 * columns))  # just a twentieth of it
    assert about(indexed)["prefers_why"] == ""
    indexed.layer = larger((4 * rows, 5 * columns + 1))
    data = about(indexed)
    assert data["prefers"] == []
    assert f"it sees {rows}×{columns} of {4 * rows}×{5 * columns + 1} pixels" in data["prefers_why"]


def test_without_labels_groups_are_the_classes_that_the_network_predicts(indexed):
    labelled(indexed, lambda image: None)
    labels = indexed.info.labels
    images = len(indexed.info.images)
    predicted = [labels[int(indexed.predict(i).logits.argmax())] for i in range(images)]
    data = about(indexed)
    assert (data["by"], data["grouped"]) == ("predicted class", images)
    nine = [a.image for a in indexed.top("relu2", 3, 9)]
    expected = Counter(predicted[image] for image in nine)
    for name in data["groups"]:
        assert name["count"] == expected[name["text"]]
        assert name["share"] == pytest.approx(predicted.count(name["text"]) / images)
    assert len(data["groups"]) == sum(count >= 3 for count in expected.values())


def test_the_nine_are_predicted_where_the_index_has_only_a_sample(indexed):
    labelled(indexed, lambda image: None)
    sample = indexed.sample

    def part(layer, channel):
        whole = sample(layer, channel)
        return replace(whole, images=whole.images[::2], values=whole.values[::2], complete=False)

    indexed.sample = part
    data = about(indexed)
    nine = {a.image for a in indexed.top("relu2", 3, 9)}
    images = len(indexed.info.images)
    assert data["grouped"] == len(nine | set(range(0, images, 2)))
    assert all(name["of"] == 9 for name in data["groups"])
    assert (data["images"], data["complete"]) == (len(range(0, images, 2)), False)


def test_where_there_are_neither_labels_nor_classes_it_says_so(engine_without_classes):
    data = about(engine_without_classes)
    assert (data["by"], data["groups"], data["prefers"], data["grouped"]) == ("", [], [], 0)
    assert data["why"] == "images have no labels, and NumpyNet has no classes"


def test_a_last_layer_that_does_not_tell_the_predicted_class_is_not_believed(indexed):
    labelled(indexed, lambda image: None)
    predict = indexed.predict
    indexed.predict = lambda image: replace(predict(image), logits=-predict(image).logits)
    data = about(indexed)
    assert data["by"] == ""
    assert "doesn't tell the class" in data["why"]


def test_small_fields_are_compared_with_random_patches(indexed):
    data = about(indexed, "conv1", 0)
    assert data["looked"] == 200
    for name in data["looks"]:
        assert name["compared"] == 200
        assert 3 <= name["count"] <= name["of"]


def test_photos_that_are_gone_leave_the_rest(indexed):
    photo = indexed.photo
    gone = indexed.top("conv1", 0, 9)[0].image

    def lost(image):
        if image == gone:
            raise UnreadableImage("gone", "gone")
        return photo(image)

    indexed.photo = lost
    data = about(indexed, "conv1", 0)
    assert 0 < data["looked"] <= 200
    assert all(name["of"] == 8 for name in data["looks"])


def orders(engine, layer):
    data, buffers = finish(Source(engine).answer("orders", {"layer": layer}))
    return data, *(np.frombuffer(buffer, "<f4") for buffer in buffers)


def test_readable_channels_have_photos_that_are_alike_by_the_networks_features(indexed):
    data, readable, _ = orders(indexed, "conv1")
    assert data == {"channels": 6, "features": "relu2"}
    values = maxima(indexed, "relu2").astype(np.float64)
    values = values[:, values.std(0) > 0]  # without the dead channel
    values = (values - values.mean(0)) / values.std(0)
    units = values / np.linalg.norm(values, axis=1, keepdims=True)
    for channel in range(6):
        nine = [a.image for a in indexed.top("conv1", channel, 9)]
        pairs = [units[a] @ units[b] for a in nine for b in nine if a < b]
        assert readable[channel] == pytest.approx(np.mean(pairs), abs=1e-4)


def test_suspicious_channels_have_their_units_at_one_place(indexed):
    top = indexed.top

    def at_one_place(layer, channel, k):
        found = top(layer, channel, k)
        if channel != 4:
            return found
        moved = [replace(a, unit=replace(a.unit, row=12, col=17)) for a in found]
        return replace(found, activations=tuple(moved))

    indexed.top = at_one_place
    _, _, suspicious = orders(indexed, "conv1")
    assert suspicious.argmax() == 4
    assert suspicious[4] == pytest.approx(-np.log10(17 / 16**9), abs=1e-3)


def test_channels_that_never_fire_have_no_place_in_an_order(indexed):
    _, readable, suspicious = orders(indexed, "relu2")
    assert np.isnan(readable[7])
    assert np.isnan(suspicious[7])
