"""The actions of the shipped examples, and what their agents say; served only where asked for (`ADW_LIBRARY=on`)."""

from pathlib import Path

MODULES = tuple(
    f"{__name__}.{folder}"
    for folder in (
        "banking",
        "charging",
        "dsl_sample",
        "incidents",
        "notices",
        "orders",
        "organisation",
        "processes",
        "research",
        "sagas",
        "studio",
    )
)
"""Every module with actions, as `ActionRegistry.discover` takes them."""
SCRIPTS = Path(__file__).with_name("scripts")
"""The folder with scripts that the examples' `scripted:NAME` models follow."""
