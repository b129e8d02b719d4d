"""Ten crops, and several models (paper, sections 3 and 5.1, Table 2).

A picture is shown larger than the network's input, and cut out ten times: at the four corners and
in the centre, each also mirrored. The mean of the ten softmax outputs is the network's answer; the
mean over models is the answer of all ("6 convnets (a) & (b)").

- **One crop** is the one in the centre.
- **Ties** count as in training: a picture is wrong where another class has a larger probability
  than its own.
"""
