"""What authors of actions import.

```python
from activities import ActionError, action, context

@action
def greet(name: str) -> str:
    context.log.info("greeting")
    return f"Hello, {name}"
```
"""

from activities import context
from activities.action import action
from activities.errors import ActionError
from workflows.contract import UndoInput

__all__ = ["ActionError", "UndoInput", "action", "context"]
