"""Traces and metrics, off unless `ADW_OTLP` or `ADW_PROMETHEUS` is set.

A trace reads: the client's `start NAME`, `run NAME`, a span for each step (named by its id, nested as the steps are) and for
each undo action, and below those one for each attempt on a worker. They carry ids, types and outcomes; never the data of a
run or the message of an error.
"""
