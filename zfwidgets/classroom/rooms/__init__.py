"""Rooms in which a teacher leads and students follow, without network, threads or clock.

- `state`: who is in which room, and what the teacher looks at.
- `names`: what rooms are called, and why only who has a room's secret leads it.
- `limits`: how much a server bears.

``classroom/room_routes.py`` answers about rooms on a server, ``classroom/client/following.py`` is a
widget's part in one; what that means for the widget is in ``widgets/room.py``.
"""
