"""What makes the data that the package ships, for its maintainers: each with ``python -m``.

- `build_samples`, `build_samples_index`: the sample photos, and their index
- `convert_squeezenet`: the sample network's weights
- `recordings.build`: experiments at full length, as `zfwidgets.experiments.recorded` has them
- `build_letters`: the letters of static pictures
"""
