"""The LangChain part: the engine as a chat model that any LangChain user can call; what importing costs."""

import subprocess
import sys

from fakes import FakeEngine
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from studio.chat.chain import EngineChatModel
from studio.engines.base import Message, Sampling


def test_the_engine_is_a_langchain_chat_model() -> None:
    engine = FakeEngine(["It is noon."])
    model = EngineChatModel(engine=engine, sampling=Sampling(temperature=0.1), request="r1")
    messages = [SystemMessage("Be brief."), HumanMessage("Hi"), AIMessage("Hello"), HumanMessage("Time?")]
    answer = model.invoke(messages)
    assert answer.text == "It is noon."
    assert answer.usage_metadata and answer.usage_metadata["output_tokens"] == 4
    assert answer.response_metadata["finish_reason"] == "stop"
    asked = engine.asked[0]
    assert asked.request == "r1"
    assert asked.messages == [
        Message("system", "Be brief."),
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "Time?"),
    ]


def test_it_streams_in_a_chain_and_takes_sampling_and_stops_per_call() -> None:
    engine = FakeEngine(["one two three"])
    model = EngineChatModel(engine=engine, request="r1").bind(
        temperature=0.0, top_p=0.5, max_tokens=9, seed=4, stop=["END"]
    )
    chain = ChatPromptTemplate([("human", "Say {what}")]) | model | StrOutputParser()
    assert [piece for piece in chain.stream({"what": "it"}) if piece] == ["one", " two", " three"]
    expected = Sampling(temperature=0.0, top_p=0.5, max_tokens=9, seed=4, stop=("END",))
    assert engine.asked[0].sampling == expected


def test_closing_a_stream_closes_the_engines() -> None:
    engine = FakeEngine(["one two three"])
    stream = EngineChatModel(engine=engine, request="r1").stream("Count")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert "r1" in engine.cancelled
    assert engine.generated == 1


def test_langchain_is_not_imported_before_the_first_question() -> None:
    code = (
        "import sys, studio.chat.conversation, studio.compare.comparison;"
        "print([name for name in sys.modules if name.startswith(('langchain', 'langsmith', 'torch'))])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_the_chain_brings_neither_torch_nor_langgraph() -> None:
    code = (
        "import sys, studio.chat.chain;"
        "print([name for name in sys.modules if name in ('torch', 'langgraph', 'transformers', 'gradio')])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
