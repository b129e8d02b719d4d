"""A quiz: which of two photos fires a channel more, judged from a few of its strongest patches.

How much a display tells of a channel is how well people predict the channel from it. After
Borowski et al. 2021, "Exemplary Natural Images Explain CNN Activations Better than
State-of-the-Art Feature Visualization": shown natural patches, people predicted 92 % of the
choices, shown synthetic pictures 82 %.

Photos are ordered by the channel's largest activation in each, as the index recorded it
(`zfwidgets.records.ActivationSample`). A question's two photos are from two parts of that range
(`questions.EASY`, `questions.HARD`); the values that are told are computed anew, exactly.
"""
