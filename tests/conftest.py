"""What holds for the whole suite."""

from __future__ import annotations

from hypothesis import settings

# A deadline would be one for the machine, which may be busy with something else.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")
