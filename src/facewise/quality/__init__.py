"""How much a face tells of whose it is: one number in [0, 1], with its parts."""

from facewise.quality.assessing import Quality, assess
from facewise.quality.promise import kept, promise
from facewise.quality.remarks import remarks

__all__ = ["Quality", "assess", "kept", "promise", "remarks"]
