"""What tests of engines share."""

from typing import Any

from studio.engines.base import Done, Engine, Message, Sampling, Text

QUESTION = "讲个故事"
ANSWER = "从前有座山，山上有座庙🙂👩‍👩‍👧，庙里有个老和尚。The end 🇨🇳!"


def ask(engine: Engine, content: str, **sampling: Any) -> tuple[str, Done]:
    """The whole answer to one question, greedy unless said otherwise."""
    options = {"temperature": 0.0, "max_tokens": 32} | sampling
    events = list(engine.generate("ask", [Message("user", content)], Sampling(**options)))
    assert isinstance(events[-1], Done)
    return "".join(event.text for event in events if isinstance(event, Text)), events[-1]
