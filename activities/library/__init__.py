"""The actions of the shipped examples; served only where asked for (`ADW_LIBRARY=on`)."""

MODULES = tuple(
    f"{__name__}.{folder}"
    for folder in (
        "banking",
        "charging",
        "dsl_sample",
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
