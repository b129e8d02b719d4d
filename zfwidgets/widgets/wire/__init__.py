"""Between a page and the kernel: requests checked, jobs run, answers encoded and kept.

``docs/protocol.md`` has the messages. `service` is an engine's end, which all its widgets share:
`validation` checks a request against the `schema`, `jobs` runs it on a worker thread in steps.
`source` answers: from the engine, from what is kept (`cache`, `pictures`, `occlusion_cache`), or,
while the index is being built, from what is known so far (`building`). `encode` makes all JSON and
pictures that leave.
"""
