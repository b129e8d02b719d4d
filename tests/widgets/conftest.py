"""A real engine without torch, and a front end that takes down what it hears."""

from __future__ import annotations

import json
import threading

import comm
import ipywidgets
import pytest
from comm.base_comm import BaseComm

from tests.unbuilt import stand_in
from tests.waiting import SECONDS
from tests.widgets import numpy_engine


class FrontEnd:
    """The other end of all comms: keeps every message, and waits for those that matter."""

    def __init__(self):
        self.heard = threading.Condition()
        self.messages = []
        self.asked = {}

    def publish(self, comm_id, msg_type, data, buffers):
        with self.heard:
            self.messages.append((comm_id, msg_type, data or {}, buffers or []))
            self.heard.notify_all()

    def custom(self, widget, op=None, since=0):
        """Custom messages of a widget, maybe of one op, as (content, buffers)."""
        return [
            (data["content"], buffers)
            for comm_id, kind, data, buffers in self.messages[since:]
            if comm_id == widget.model_id
            and kind == "comm_msg"
            and data.get("method") == "custom"
            and op in (None, data["content"]["op"])
        ]

    def updates(self, widget):
        """States that were sent to the front end after the comm was opened, with their bytes."""
        return [
            data["state"]
            | {
                path[0]: buffer
                for path, buffer in zip(data["buffer_paths"], buffers or (), strict=True)
            }
            for comm_id, kind, data, buffers in list(self.messages)
            if comm_id == widget.model_id and data.get("method") == "update"
        ]

    def send(self, widget, content):
        """A custom message from the browser."""
        data = {"method": "custom", "content": content}
        widget.comm.handle_msg({"content": {"data": data}, "buffers": []})

    def change(self, widget, **state):
        """A change of traits from the browser."""
        data = {"method": "update", "state": state, "buffer_paths": []}
        widget.comm.handle_msg({"content": {"data": data}, "buffers": []})

    def get(self, widget, kind, slot="slot", view="view", priority=1, **fields):
        """Ask as a view does; returns the key."""
        key = {"fingerprint": widget.fingerprint, **fields}
        request = {"zf": 1, "op": "get", "view": view, "slot": slot, "kind": kind}
        self.asked[json.dumps(key)] = len(self.messages)
        self.send(widget, {**request, "key": key, "priority": priority})
        return key

    def answer(self, widget, key, timeout=SECONDS):
        """Wait for the reply or error to the last request of a key: (content, buffers)."""

        def found():
            return [
                message
                for message in self.custom(widget, since=self.asked[json.dumps(key)])
                if message[0]["op"] in ("reply", "error") and message[0].get("key") == key
            ]

        with self.heard:
            assert self.heard.wait_for(found, timeout), f"no answer to {key}"
            return found()[-1]

    def ask(self, widget, kind, **fields):
        """Ask and wait for the answer."""
        return self.answer(widget, self.get(widget, kind, **fields))


@pytest.fixture
def front_end(monkeypatch):
    front_end = FrontEnd()

    class Comm(BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
            front_end.publish(self.comm_id, msg_type, data, buffers)

    monkeypatch.setattr(comm, "create_comm", Comm)
    return front_end


@pytest.fixture(autouse=True)
def closed_afterwards():
    """What a widget still has under way must not reach the next test's front end."""
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture(autouse=True)
def built(monkeypatch, tmp_path):
    stand_in(monkeypatch, tmp_path)


@pytest.fixture
def engine():
    return numpy_engine.NumpyEngine()


@pytest.fixture
def indexed(engine):
    return engine.built()
