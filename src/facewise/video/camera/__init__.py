"""A camera that is watched: who is there now, in a local web page or as a stream of events.

`Session` watches, in a thread of its own, and does what is asked of it; `open_session` makes one;
`serving` is the page. The command is `facewise camera`.
"""

from facewise.video.camera.feed import Feed, open_feed
from facewise.video.camera.opening import open_session
from facewise.video.camera.session import Session

__all__ = ["Feed", "Session", "open_feed", "open_session"]
