"""Occlusion maps as records: numbers, files, tables, pictures; masks as text."""

from __future__ import annotations

import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest

from zfwidgets.errors import InputError
from zfwidgets.records import (
    Activation,
    Box,
    CoveredPatch,
    LayerResponse,
    OcclusionMap,
    Unit,
    mask_cells,
    mask_of,
    mask_pixels,
    softmax,
)


@pytest.fixture
def found():
    """Three rows and four columns of positions, two of which aren't done."""
    random = np.random.default_rng(3)
    draw = lambda *shape: random.normal(0, 3, shape).astype(np.float32)  # noqa: E731
    done = np.ones((3, 4), dtype=bool)
    done[1, 2] = done[2, 0] = False
    arrays = [draw(3, 4, 5), draw(3, 4, 2), draw(3, 4, 2), draw(3, 4) ** 2, draw(3, 4) ** 2]
    for values in arrays:
        values[~done] = np.nan
    logits, totals, units, hamming, cosine = arrays
    places = np.array([[1, 7], [0, 3]])
    return OcclusionMap(
        image=4,
        image_name="chouette, été.jpg",
        size=(9, 14),
        stride=(7, 5),
        baseline="blur",
        input_shape=(21, 20),
        done=done,
        logits=logits,
        clean=draw(5),
        target=2,
        labels=("owl", "été", "tree", "sky", "road"),
        features=LayerResponse("relu@1", totals, units, hamming, cosine, draw(2), draw(2), places),
        mask="0f" * 32,
        extra_boxes=(Box(-1, 2, 3, 4), Box(5, 6, 7, 8)),
        note="full passes",
    )


def test_class_scores(found):
    done = found.done
    for target in (None, 0, 4):
        chosen = 2 if target is None else target
        expected = softmax(found.logits[done])[:, chosen]
        np.testing.assert_allclose(found.probability(target)[done], expected, rtol=1e-5)
        odds = np.log(expected.astype(np.float64) / (1 - expected.astype(np.float64)))
        np.testing.assert_allclose(found.log_odds(target)[done], odds, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(found.logit(target)[done], found.logits[done][:, chosen])
        for values in (found.probability(target), found.log_odds(target), found.logit(target)):
            assert np.isnan(values[~done]).all()
    assert (found.predicted() == np.where(done, np.nan_to_num(found.logits).argmax(-1), -1)).all()


@pytest.mark.parametrize(("margin", "other"), [(60.0, 0.0), (-60.0, 0.0), (800.0, 3.0)])
def test_log_odds_are_exact_where_probabilities_round_to_one(found, margin, other):
    logits = np.full((3, 4, 5), other, dtype=np.float32)
    logits[..., 2] = margin
    sure = replace(found, logits=logits, done=np.ones((3, 4), dtype=bool))
    np.testing.assert_allclose(sure.log_odds(), margin - other - np.log(4), rtol=1e-6)
    assert sure.probability().max() == (1.0 if margin > 0 else pytest.approx(np.exp(margin) / 4))
    assert np.isfinite(sure.log_odds(0)).all()


def test_a_single_class_is_certain(found):
    single = replace(found, logits=found.logits[..., :1], clean=found.clean[:1], target=0)
    assert (single.probability()[found.done] == 1).all()
    assert (single.log_odds()[found.done] == np.inf).all()


def test_what_is_not_there_is_named(found):
    with pytest.raises(InputError, match="classes 0 to 4, got 5"):
        found.probability(5)
    with pytest.raises(InputError, match="'relu@1' has channels 0 to 1, got 2"):
        found.unit(2)
    with pytest.raises(InputError, match="no feature maps"):
        replace(found, features=None).cosine()
    with pytest.raises(InputError, match="no class scores: none at all"):
        replace(found, logits=None, no_classes="none at all").predicted()
    with pytest.raises(InputError, match=r"has the maps probability, .*cosine, not 'heat'"):
        found.to_pil("heat")
    with pytest.raises(InputError, match="colours must be one of tint, viridis"):
        found.to_pil(colours="jet")


def same(one, other):
    for field in fields(one):
        mine, yours = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            assert mine.dtype == yours.dtype
            np.testing.assert_array_equal(mine, yours)
        elif isinstance(mine, LayerResponse):
            same(mine, yours)
        else:
            assert mine == yours
            assert type(mine) is type(yours)


@pytest.mark.parametrize("part", ["all", "no layer", "no classes", "own image"])
def test_a_file_holds_all_of_it_without_pickle(found, tmp_path, part):
    changes = {
        "all": {},
        "no layer": {"features": None},
        "no classes": {"logits": None, "clean": None, "target": None, "labels": ()},
        "own image": {"image": None, "baseline": -0.5, "mask": None, "extra_boxes": ()},
    }
    found = replace(found, **changes[part])
    path = found.save(tmp_path / "pass.one")
    assert path == tmp_path / "pass.one.npz"
    with np.load(path, allow_pickle=False) as file:  # raises if there were pickles
        assert all(file[name].dtype != object for name in file.files)
    same(found, OcclusionMap.load(path))


def test_a_write_that_fails_leaves_the_file_before(found, tmp_path, monkeypatch):
    path = found.save(tmp_path / "pass")
    other = replace(found, image_name="other.jpg")
    write = zipfile.ZipFile.close

    def full(archive):
        is_open = archive.fp is not None
        write(archive)
        if is_open:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(zipfile.ZipFile, "close", full)  # once all arrays are written
        with pytest.raises(OSError, match="No space left"):
            other.save(path)
    same(found, OcclusionMap.load(path))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    other.save(path)
    same(other, OcclusionMap.load(path))


def test_other_files_are_named(found, tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, a=np.ones(3))
    with pytest.raises(InputError, match=r"isn't a file that OcclusionMap\.save wrote"):
        OcclusionMap.load(path)
    path.write_bytes(b"no zip at all")
    with pytest.raises(InputError, match="isn't a file"):
        OcclusionMap.load(path)
    np.savez(path, header=np.array({"pickled": True}, dtype=object), done=np.ones(2))
    with pytest.raises(InputError, match="isn't a file"):
        OcclusionMap.load(path)
    whole = found.save(tmp_path / "whole.npz")
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if name != "logits.npy":
                new.writestr(name, old.read(name))
    with pytest.raises(InputError, match=r"isn't a file that OcclusionMap\.save wrote: .*checksum"):
        OcclusionMap.load(path)
    with pytest.raises(FileNotFoundError):
        OcclusionMap.load(tmp_path / "nowhere.npz")


def test_a_table_has_a_row_a_position(found):
    frame = found.to_frame(target=1, channel=1)
    assert len(frame) == 12
    row = frame[(frame["row"] == 1) & (frame["col"] == 3)].iloc[0]
    box = found.box(1, 3)
    assert (row.top, row.left, row.height, row.width) == (6, 10, 9, 10) == tuple(vars(box).values())
    for name, values in found.maps(1, 1).items():
        assert row[name] == pytest.approx(values[1, 3])
    assert row.label == found.labels[found.predicted()[1, 3]]
    missing = frame[(frame["row"] == 2) & (frame["col"] == 0)].iloc[0]
    assert missing.label is None or np.isnan(missing.label)
    assert missing.predicted == -1
    assert np.isnan(missing.hamming)


def test_pictures(found):
    grey = np.asarray(found.to_pil("hamming", "grey"))
    assert grey.shape == (3, 4, 3)
    values = found.hamming()
    low, high = np.nanmin(values), np.nanmax(values)
    expected = np.rint((values - low) / (high - low) * 255)
    np.testing.assert_allclose(grey[found.done][:, 0], expected[found.done], atol=1)
    assert (grey[~found.done] == 255).all()
    fixed = np.asarray(found.to_pil("hamming", "grey", low=low, high=2 * high - low))
    assert fixed[found.done].max() in (127, 128)
    viridis = np.asarray(found.to_pil())
    highest = np.nanargmax(found.probability())
    assert viridis.reshape(-1, 3)[highest].tolist() == [0xFD, 0xE7, 0x25]
    labels = np.asarray(found.to_pil("predicted"))
    classes = found.predicted()
    for one in np.unique(classes):
        assert len(np.unique(labels[classes == one], axis=0)) == 1
    assert len(np.unique(labels.reshape(-1, 3), axis=0)) == len(np.unique(classes))


@pytest.mark.parametrize("name", ["probability", "logit", "log_odds", "total", "unit", "hamming"])
def test_diverging_colours_part_at_the_value_without_occluder(found, name):
    clean = {
        **found.clean_scores(4),
        "total": found.features.clean_totals[1],
        "unit": found.features.clean_units[1],
        "hamming": 0.0,
    }[name]
    values = found.maps(4, 1)[name]
    picture = np.asarray(found.to_pil(name, "diverging", target=4, channel=1)).astype(int)
    redder = picture[..., 0] - picture[..., 2]
    changed = np.abs(values - clean) > 0.05 * np.nanmax(np.abs(values - clean))
    assert changed.any()
    assert ((redder > 0) == (values > clean))[changed].all()
    furthest = np.nanargmax(np.abs(values - clean))
    ends = [[0x3B, 0x4C, 0xC0], [0xB4, 0x04, 0x26]]
    assert picture.reshape(-1, 3)[furthest].tolist() in ends


def test_a_tint_is_stronger_the_more_is_changed(found):
    values, clean = found.maps(4, 1)["probability"], found.clean_scores(4)["probability"]
    picture = np.asarray(found.to_pil("probability", "tint", target=4)).astype(int)
    assert picture.shape[-1] == 4
    changes = np.where(np.isnan(values), 0, values - clean)
    share = np.abs(changes) / np.abs(changes).max()
    # 128 of 255 half way, straight from there to both ends.
    assert np.abs(picture[..., 3] - 255 * share).max() <= 2
    clear = share > 0.05
    greener = picture[..., 1] > picture[..., 0]
    np.testing.assert_array_equal(greener[clear], changes[clear] > 0)
    strongest = picture[np.unravel_index(share.argmax(), share.shape)]
    ends = {False: [208, 16, 126, 255], True: [46, 139, 18, 255]}
    assert strongest.tolist() == ends[bool(changes.ravel()[share.argmax()] > 0)]


def test_nothing_changed_is_grey(found):
    same = replace(found, logits=np.broadcast_to(found.clean, found.logits.shape))
    picture = np.asarray(same.to_pil(colours="diverging"))[found.done]
    assert (np.abs(picture.astype(int) - 0xDC) <= 1).all()


@pytest.mark.parametrize(
    "name", ["probability", "logit", "log_odds", "total", "unit", "hamming", "cosine"]
)
def test_rounding_is_not_painted_in_strong_colours(found, name):
    random = np.random.default_rng(4)
    noise = lambda *shape: 1 + 1e-7 * random.uniform(-1, 1, shape).astype(np.float32)  # noqa: E731
    own = found.features
    features = replace(
        own,
        totals=own.clean_totals * noise(3, 4, 2),
        units=own.clean_units * noise(3, 4, 2),
        hamming=np.abs(noise(3, 4) - 1),
        cosine=np.abs(noise(3, 4) - 1),
    )
    rounded = replace(found, logits=found.clean * noise(3, 4, 5), features=features)
    picture = np.asarray(rounded.to_pil(name, "diverging", target=4, channel=1))[found.done]
    assert (np.abs(picture.astype(int) - 0xDC) <= 3).all()
    picture = np.asarray(rounded.to_pil(name, "tint", target=4, channel=1))[found.done]
    assert (picture[:, 3] <= 3).all()
    if name not in ("hamming", "cosine"):
        values = np.asarray(rounded.to_pil(name, "grey", target=4, channel=1))[found.done]
        assert np.ptp(values) <= 5


def test_what_is_infinite_has_no_change(found):
    single = replace(found, logits=found.logits[..., :1], clean=found.clean[:1], target=0)
    with pytest.raises(InputError, match="log_odds is inf without occluder"):
        single.to_pil("log_odds", "diverging")


# Masks


def test_masks_are_bits_row_by_row():
    cells = np.zeros((16, 16), dtype=bool)
    cells[0, 0] = cells[0, 5] = cells[2, 15] = True
    assert mask_of(cells) == "840000000001" + "0" * 52
    np.testing.assert_array_equal(mask_cells(mask_of(cells)), cells)
    random = np.random.default_rng(1).random((16, 16)) < 0.3
    np.testing.assert_array_equal(mask_cells(mask_of(random).upper()), random)


@pytest.mark.parametrize("size", [(16, 32), (48, 7), (5, 100), (1, 3)])
def test_a_pixel_belongs_to_the_cell_where_its_centre_lies(size):
    cells = np.random.default_rng(2).random((16, 16)) < 0.6
    pixels = mask_pixels(mask_of(cells), *size)
    assert pixels.shape == size
    for row, col in np.ndindex(size):
        cell = int((row + 0.5) / size[0] * 16), int((col + 0.5) / size[1] * 16)
        assert pixels[row, col] == cells[cell]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (np.ones((8, 8), dtype=bool), r"shape \(16, 16\), not bool \(8, 8\)"),
        (np.ones((16, 16)), "not float64"),
        (np.zeros((16, 16), dtype=bool), "covers nothing"),
    ],
)
def test_what_is_no_mask_is_named(cells, says):
    with pytest.raises(InputError, match=says):
        mask_of(cells)


def test_the_overlap_is_a_share_of_the_receptive_field():
    activation = Activation(Unit("a", 0, 1, 2), 0, "one", 3.0, Box(0, 0, 10, 20))
    patch = CoveredPatch(
        activation,
        Box(0, 0, 10, 20),
        3.0,
        0.0,
        activation,
        (Box(5, 10, 10, 20), Box(10, 0, 10, 20)),
        np.array([1, 2], np.float32),
    )
    assert patch.overlap == pytest.approx((50 / 200 + 0) / 2)
