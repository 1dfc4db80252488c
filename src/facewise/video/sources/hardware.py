"""Decoders of a graphics card or chip, where there are some."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.codec.hwaccel import HWAccel


def accelerations(wanted: str) -> list[HWAccel]:
    """What to try in turn; empty where this FFmpeg knows none of it.

    Args:
        wanted: FFmpeg's name of a kind of device, as `cuda`; `auto` for all kinds it knows here.

    Raises:
        ValueError: no kind of device has this name.
    """
    from av.codec.hwaccel import HWAccel, HWDeviceType, hwdevices_available

    known = sorted({kind.name for kind in HWDeviceType} - {"none"})
    if wanted not in {"auto", *known}:
        raise ValueError(f"hardware: expected auto or one of {known}, got {wanted!r}")
    here = hwdevices_available()
    kinds = here if wanted == "auto" else [wanted]
    return [HWAccel(kind, allow_software_fallback=False) for kind in kinds if kind in here]


def no_hardware(wanted: str) -> str:
    """The note of it, for a report."""
    return f"no hardware decoder ({wanted}) for this video here; software decodes"
