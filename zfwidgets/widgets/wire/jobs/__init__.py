"""Jobs on one worker thread for one engine; nothing here knows engines, widgets or messages.

`worker` runs them in steps: the newest request of a slot wins, the most urgent goes first. A `job`
says what is asked for and where it stands, `beats` that those that wait are alive, and `hand_back`
brings answers to the kernel's main thread; `steps` are what a job says between its steps.
"""

from __future__ import annotations

from .job import Listener, Op
from .worker import Jobs

__all__ = ["Jobs", "Listener", "Op"]
