"""The pass that builds an index, on a Ray cluster.

`shards` is what is sent to a worker and comes back, and knows no Ray: what shards have in common
once, then the numbers of their batches, and for each a part of the index. `ray_executor` cuts the
plan into shards of about half a minute and merges what comes back; checkpoints, progress and the
end are those of `zfwidgets.engine.ranking.build`, so that a pass goes on here or there.
`ray_connection` alone talks to Ray, which schedules, restarts workers that died, sends the model to
each machine once and carries results; workers are actors, so that a GPU's memory is free when they
end. A shard whose worker died again and again is read in processes of its own, so that the image
which did it is found and listed. A worker takes on the driver's threads and precision, and first
shows that it reads an image as the driver does and has the same network. What it costs:
``docs/scale.md``.
"""
