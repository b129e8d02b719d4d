"""A server of a small engine in a process of its own: ``numpy_server.py PORT``."""

from __future__ import annotations

import sys

import numpy_engine

from zfwidgets.classroom import serving
from zfwidgets.classroom.app import Server

if __name__ == "__main__":
    engine = numpy_engine.NumpyEngine().built()
    serving.serve(Server(engine), "127.0.0.1", int(sys.argv[1]), ahead=None, say=serving.tell)
    assert "torch" not in sys.modules
    serving.tell("ended")
