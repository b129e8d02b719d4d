"""Filters and diagnosis (paper, section 4.1 and Fig. 6): what a first look at a network shows.

"The first layer filters are a mix of extremely high and low frequency information, with little
coverage of the mid frequencies. Additionally, the 2nd layer visualization shows aliasing artifacts
caused by the large stride 4 used in the 1st layer convolutions." What the paper sees by eye is
measured here, as defined in `measures` (of filters alone) and `responses` (on images):

========================= =======================================================================
dead channels             not above zero anywhere in any image
near-duplicates           filters whose cosine to another one of the layer is 0.95 or more
dominating filters        filters whose RMS is more than twice the layer's median
spectrum                  shares of a filter's energy at low, mid and high spatial frequencies
energy beyond the limit   share of a filter's energy at frequencies that its stride can't carry
aliasing                  share of the response's variance there, on images
shift consistency         how well the response between the stride's places follows from theirs
========================= =======================================================================
"""
