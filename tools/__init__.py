"""What makes the data that the package ships, for its maintainers: each with ``python -m``.

- `tools.build_samples`: the sample photos; `tools.build_samples_index`: their index
- `tools.convert_squeezenet`: the sample network's weights
- `tools.recordings.build`: experiments at full length, as `zfwidgets.experiments.recorded` has them
- `tools.build_letters`: the letters of static pictures
"""
