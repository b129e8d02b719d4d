"""Images on their way to the network: read ahead, in threads or in processes."""

from __future__ import annotations
