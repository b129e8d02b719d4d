"""The side of a student's kernel: an engine whose network, index and photos are on a server.

`connect` makes a `remote` engine (`with_photos` where the server takes photos of the user's own)
over a `connection`, whose thread is in `streaming`; `source` asks the server what widgets ask, and
`following` leads and follows in its rooms, with what both share in `part`.
"""
