"""What a trained network relies on: channels or layers switched off, without training it again.

`lesion` gives a `LesionResult`, which says what becomes of accuracy, classes and single photos
(`zfwidgets.Lesion`). Trained again without the part (`zfwidgets.experiments.ablation`), a network
finds a way around it; switched off, it can't. A part may matter much for one, and little for the
other.
"""
