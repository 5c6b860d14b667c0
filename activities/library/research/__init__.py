"""Actions of the library's research assistant: what it may look at."""

from advanced_workflow.activities.library.research.notes import read_note, search_notes

__all__ = ["read_note", "search_notes"]
