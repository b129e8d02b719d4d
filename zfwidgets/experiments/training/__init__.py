"""Training, as far as the experiments need it: the paper's, seeded, and resumed bit by bit.

`train` and `train_steps` train a classifier by stochastic gradient descent with momentum (paper,
section 3) and say how it went in a `TrainingRecord`. The record needs no torch.
"""
