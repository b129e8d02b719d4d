"""Images on their way to the network: read ahead, in threads or in processes.

`reader` goes from an item to a tensor, in whichever process; `quick` decodes by torchvision where
that gives the same pixels as Pillow; `workers` and `worker` are the processes, `prefetch` the
order.
"""
