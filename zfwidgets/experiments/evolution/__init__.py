"""Evolution during training (paper, section 4 and Fig. 4): see `watch`."""
