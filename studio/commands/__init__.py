"""Every command of the command line as a function over the studio (DESIGN section 5).

`run` is the whole surface: the command line calls it in its own process, or sends the same name and arguments
to the studio that owns the data folder. Values are plain JSON values in exactly the shapes of the design.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from studio.commands import conversations, knowledge, models
from studio.commands.task import CommandFailed, Outcome, Report, Task, Unusable
from studio.sentences import StudioError
from studio.services import Studio

__all__ = ["COMMANDS", "Outcome", "Report", "Task", "run"]

log = logging.getLogger(__name__)

COMMANDS: Mapping[str, Callable[..., Outcome]] = {
    "models list": models.list_models,
    "models estimate": models.estimate,
    "models check": models.check,
    "models add": models.add,
    "models remove": models.remove,
    "kb create": knowledge.create,
    "kb list": knowledge.list_all,
    "kb delete": knowledge.delete,
    "kb add": knowledge.add,
    "kb remove": knowledge.remove,
    "kb verify": knowledge.verify,
    "kb search": knowledge.search,
    "ask": conversations.ask,
    "compare": conversations.compare,
}


def run(studio: Studio, name: str, arguments: Mapping[str, Any], task: Task) -> Outcome:
    """Run the command `name` with keyword `arguments`; every failure comes back in the outcome.

    Exit codes: 0 done, 1 something in it failed, 2 unusable arguments.
    """
    try:
        return COMMANDS[name](studio, task, **arguments)
    except Unusable as unusable:
        return Outcome(None, 2, unusable.error.as_dict())
    except StudioError as error:
        return Outcome(None, 1, error.as_dict())
    except Exception as error:
        log.exception("studio %s", name)
        return Outcome(
            None, 1, CommandFailed(command=name, reason=f"{type(error).__name__}: {error}").as_dict()
        )
