"""Values larger than Temporal takes go to a folder or a bucket; the history holds a reference.

`ADW_STORAGE` says where (`file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix`), `ADW_STORAGE_THRESHOLD` from which
size, `ADW_PAYLOAD_LIMIT` up to which. Clients and workers of a namespace must share the setting: who lacks it cannot read
the runs of those who have it.

A stored value says which run it was stored for, and no other is given it: a reference is a payload like any other, and whoever sends messages may
copy one from a history. So the input of a schedule must stay under the threshold, as its runs have ids of their own. A reference that no
worker could read is refused where it comes, and so is one to an object that is not there, or in a worker without a storage, where it comes in a message or
in the arguments of a start; as the result of an action it is the failure of its step. What a run already stands on is waited for until it is restored, and
so is a storage that does not answer: the folder `.adw-storage` tells a folder that is empty from a disk that is not mounted.

The `temporal` command and the Web UI have no access to the storage: in place of a stored value they show its reference (the
driver's name and where the object lies), and answers of queries above the threshold too. What they show without it, names,
summaries, current details, stays inline. Objects are never deleted here: a run needs its own for as long as its history is
kept, so let them expire later than the namespace's retention and the longest run.
"""

from __future__ import annotations

from advanced_workflow.client.storage.bound import PayloadStorage
from advanced_workflow.client.storage.converter import data_converter, payload_limit
from advanced_workflow.workflows.errors import StorageFailed

__all__ = ["PayloadStorage", "StorageFailed", "data_converter", "payload_limit"]
