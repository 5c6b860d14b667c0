"""LangGraph's state graphs inside of the workflow."""
