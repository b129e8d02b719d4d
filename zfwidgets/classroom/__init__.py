"""Classroom: many notebooks, one engine.

`zfwidgets serve` holds a network with its images and answers; `zfwidgets.connect` gives an engine
of the same protocol in kernels that have neither torch nor the network.

- `messages`: what crosses the wire, and what may be asked. Both sides are made of these.
- `client`: the side of a student's kernel.
- `rooms`: rooms in which a teacher leads; the server keeps them.
- `app`, `rights`, `guarding`, `preparing`, `serving`, and `working` inside of it: the server's.
- `hub`, `replicas`: what a JupyterHub says of who may ask; Ray Serve's processes that compute.

Nothing here imports torch: the engine is passed in.
"""
