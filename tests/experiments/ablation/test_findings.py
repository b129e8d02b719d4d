"""Sentences on an ablation say what the images can tell, and which trainings aren't done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import zfwidgets as zf
from zfwidgets.experiments.ablation.table import AblationTable


def ending(**errors: tuple[float, float]) -> AblationTable:
    """Variants of 600 validation images, with these errors in training and validation."""
    like = zf.experiments.recorded("ablation").result.rows[0]
    rows = []
    for name, (learned, told) in errors.items():
        training = replace(
            like.training,
            train_error=np.append(like.training.train_error[:-1], np.float32(learned)),
            validation_error=np.append(like.training.validation_error[:-1], np.float32(told)),
        )
        rows.append(replace(like, name=name, training=training))
    return AblationTable(tuple(rows))


def test_a_variant_errs_more_or_fewer_or_cant_be_told_apart() -> None:
    first, worse, better, near = ending(
        first=(0.01, 0.3), worse=(0.05, 0.45), better=(0.02, 0.15), near=(0.02, 0.31)
    ).findings
    assert first == "first: 30.0% wrong."
    assert worse.startswith("worse: 45.0% wrong, +15.0 points [")
    assert worse.endswith("]: more.")
    assert better.endswith("]: fewer.")
    assert near.endswith("]: can't be told apart.")


def test_trainings_that_arent_done_are_named() -> None:
    table = ending(first=(0.43, 0.45), done=(0.04, 0.1), middle=(0.15, 0.2))
    text = table.findings[-1]
    assert text.startswith(
        "Still wrong on the images that they learn from: first on 43% after 18 epochs; "
        "middle on 15% after 18 epochs."
    )
    assert "how far trainings have got" in text
    assert not any("learn from" in text for text in ending(first=(0.09, 0.2)).findings)
