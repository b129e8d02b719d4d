"""How far a network's features carry on other pictures (paper, 5.2, 5.3, Tables 4 to 7).

The network stays as it is; a linear classifier learns the classes of another labelled set on the
features of one layer.

- `transfer_layers`: its accuracy on each layer's features, with an SVM and with softmax (Table 7).
- `transfer_curve`: accuracy against images per class, beside a network trained from scratch
  (Fig. 9, Tables 4 to 6).
- `transfer_bias`: which classes transfer badly, and how far their photos lie from those that the
  network was trained on (the paper's remark on Caltech-101 and PASCAL: data sets are biased).

`transfer_features` does all three, `zfwidgets.Transfer` shows them. They need scikit-learn:
``pip install 'zfwidgets[transfer]'``.

Features are kept on disk in the engine's cache folder, one file a layer and set of images, and are
read memory-mapped. Where a layer has more numbers than ``dimension``, its feature maps are
averaged over as fine a grid of places as fits; records say which.
"""
