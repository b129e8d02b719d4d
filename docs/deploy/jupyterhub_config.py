"""A class's server as a service of JupyterHub's: what to add to jupyterhub_config.py.

The hub starts `zfwidgets serve --hub`, sends on to it what comes below /services/zfwidgets, and is
asked by it whose tokens may come in. Users need no token but the one that their server has:

    import os, zfwidgets as zf
    engine = zf.connect(os.environ["ZFWIDGETS_SERVER"], os.environ["JUPYTERHUB_API_TOKEN"])
"""

from __future__ import annotations

import os

c = get_config()  # noqa: F821 -- JupyterHub gives it

c.JupyterHub.services = [
    {
        "name": "zfwidgets",
        "url": "http://127.0.0.1:8765",
        "command": ["zfwidgets", "serve", "--hub", "--prepare"],
        # What to serve, and where answers are kept: --model, --images, --answers (zfwidgets serve).
        "environment": {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")},
    }
]

USE = "access:services!service=zfwidgets"
TEACH = "custom:zfwidgets:teach"
c.JupyterHub.custom_scopes = {TEACH: {"description": "Lead a class in zfwidgets"}}
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", USE]},
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", USE, TEACH]},
    {"name": "zfwidgets-teacher", "scopes": [TEACH], "users": ["teacher"]},  # or "groups"
]
# Where notebooks find it: the hub's own address, as they reach it.
c.Spawner.environment = {"ZFWIDGETS_SERVER": "http://127.0.0.1:8000/services/zfwidgets"}
