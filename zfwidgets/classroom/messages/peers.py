"""What either side must know of the other: its version, and whether it is on this machine."""

from __future__ import annotations

import ipaddress
from typing import Any

from ... import __version__
from ...errors import WrongVersion


def wrong_version(server: Any, client: str = __version__) -> WrongVersion:
    """The error where the two sides know other records."""
    return WrongVersion(
        f"The server has zfwidgets {server} and your kernel {client}: they send other records. "
        "Install the server's in the kernel's environment, "
        f"pip install 'zfwidgets-core=={server}', then restart the kernel."
    )


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, which no other can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
