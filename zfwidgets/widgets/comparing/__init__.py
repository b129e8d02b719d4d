"""Two networks, or one of them twice, side by side on the same photos.

What is the same on both sides is found by name, never by number: `matching`. What the user alone
can say, which channel of one is to be looked at beside which of the other, he says.
"""
