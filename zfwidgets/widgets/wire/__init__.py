"""Between a page and the kernel: requests checked, jobs run, answers encoded and kept."""

from __future__ import annotations
