"""What a channel's nine strongest images share, in words and numbers; which channels are alike.

Works on what an engine's index knows, and needs neither the network nor torch. Names are counted,
never guessed: a share among the nine is told beside that among all images, and only where chance
would hardly give it anywhere in the layer (`chance`).

`folding` puts classes into plain groups, `grouping` the engine's images by their labels or
predicted classes, `shared` counts; `looks` measures patches of early layers; `alike` compares
channels by their responses, `places` by where their strongest units are; `about` puts it together
for one channel, `embedding` names channels by a user's own embedding of pictures and words.
"""
