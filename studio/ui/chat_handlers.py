"""What happens on the chat page."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import gradio as gr

from studio.chat.events import ReplyOptions
from studio.engines.base import Sampling
from studio.engines.errors import DoesNotFit
from studio.sentences import StudioError
from studio.services import Studio
from studio.settings import ASSETS
from studio.ui.answers import Answers, LiveAnswer
from studio.ui.empty import draw_empty, draw_samples_progress
from studio.ui.live import IDLE, draw_live, draw_room_offer, pause_after
from studio.ui.pickers import chat_models, entry_of, pick_level, pick_model
from studio.ui.texts import Texts
from studio.ui.turns import draw_conversations, draw_nothing, draw_turns
from studio.ui.wires import say, warn

SAMPLES = "samples"
LARGEST_SEED = 2**32 - 1

# transcript, live answer, list of conversations, conversation, question
Shown = tuple[Any, Any, Any, Any, Any]


@dataclass(frozen=True)
class Choice:
    """What the pickers and settings of the page say."""

    model: str | None
    level: str | None
    source: str
    base: str | None
    temperature: float
    top_p: float
    max_tokens: float
    seed: str
    system_prompt: str


class ChatHandlers:
    """The handlers of one chat page, in one language, for the owner or for guests."""

    def __init__(self, studio: Studio, answers: Answers, texts: Texts, guest: bool = False):
        self.studio = studio
        self.answers = answers
        self.texts = texts
        self.guest = guest

    def owner(self, request: gr.Request) -> str:
        """Whose conversations these are. The guest listener has checked the guest's cookie."""
        if not self.guest:
            return "owner"
        identity = request.cookies.get("studio_guest", "")
        if not identity:
            raise gr.Error("no guest", print_exception=False)
        return f"guest-{identity}"

    # -- showing -------------------------------------------------------------------------------------------

    def open(self, conversation: str, request: gr.Request) -> Iterator[Shown]:
        """Show a conversation; follow its answer when one is on its way."""
        owner = self.owner(request)
        try:
            known = bool(conversation) and bool(self.studio.chat.get(conversation, owner))
        except StudioError as error:
            warn(self.texts, say(error, self.texts))
            known = False
        conversation = conversation if known else ""
        self.answers.show(_session(request), conversation)
        answer = self.answers.live(conversation)
        if answer:
            yield from self._follow(answer, conversation, owner, request)
        else:
            yield self._shown(conversation, owner)

    def _shown(self, conversation: str, owner: str, live: str = IDLE, question: Any = None) -> Shown:
        question = gr.skip() if question is None else question
        return (
            self._transcript(conversation, owner),
            live,
            self._list(conversation, owner),
            conversation,
            question,
        )

    def _transcript(self, conversation: str, owner: str) -> str:
        turns = self.studio.chat.turns(conversation, owner) if conversation else []
        if self.answers.live(conversation) and turns and turns[-1].status == "running":
            turns = turns[:-1]
        if turns:
            return draw_turns(turns, conversation, self.texts)
        if self.answers.live(conversation):
            return draw_nothing("", conversation)
        return draw_nothing(self._empty(), conversation)

    def _empty(self) -> str:
        has_model = bool(self.studio.loaded_chat_models() if self.guest else chat_models(self.studio))
        bases = [] if self.guest else [base.name for base in self.studio.knowledge.all()]
        examples = sample_questions(self.texts.language) if SAMPLES in bases else []
        return draw_empty(self.texts, has_model, examples, offer_samples=not bases, guest=self.guest)

    def _list(self, conversation: str, owner: str) -> str:
        live = self.answers.live(conversation)
        # The first question becomes the title a moment after it was asked.
        soon = live.question if live else ""
        return draw_conversations(self.studio.chat.all(owner), conversation, soon, self.texts)

    # -- asking --------------------------------------------------------------------------------------------

    def answer(
        self, question: str, conversation: str, choice: Choice, request: gr.Request, make_room: bool = False
    ) -> Iterator[Shown]:
        """Ask a question and show the answer as it comes."""
        skip = gr.skip()
        question = question.strip()
        options = self._options(self._with_model(choice))
        if not question or options is None:
            yield skip, skip, skip, skip, skip
            return
        owner = self.owner(request)
        evict: list[str] = []
        short = self._short_of_room(options)
        if short is not None:
            evict = short.listing
            if not make_room or not evict:
                yield skip, draw_room_offer(question, short, self.texts), skip, skip, skip
                return
        conversation = conversation or self.studio.chat.create(owner).id
        self.answers.show(_session(request), conversation)
        answer = self.answers.ask(_session(request), conversation, question, options, owner, evict)
        yield from self._follow(answer, conversation, owner, request, question="")

    def _follow(
        self, answer: LiveAnswer, conversation: str, owner: str, request: gr.Request, question: Any = None
    ) -> Iterator[Shown]:
        """Draw an answer until it is over or out of sight. `question`: what the field becomes."""
        skip = gr.skip()
        error = None
        first = True
        for now in answer.snapshots():
            if not self.answers.shows(_session(request), conversation):
                return
            error = now.error
            live = draw_live(now, self.texts)
            if first:
                yield self._shown(conversation, owner, live, question)
                first = False
            elif not now.over:
                yield skip, live, skip, skip, skip
            if not now.over:
                time.sleep(pause_after(now))
        if error is not None:
            self._say_unless_stored(error, conversation, owner)
        if self.answers.shows(_session(request), conversation):
            yield self._shown(conversation, owner)

    def _say_unless_stored(self, error: BaseException, conversation: str, owner: str) -> None:
        turns = self.studio.chat.turns(conversation, owner)
        if not (turns and turns[-1].details.get("error")):
            warn(self.texts, say(error, self.texts))

    def _short_of_room(self, options: ReplyOptions) -> DoesNotFit | None:
        """Find out before a question is stored that its model does not fit."""
        if self.guest or entry_of(self.studio, options.model, options.level):
            return None
        if self.studio.estimate(options.model, options.level).fit != "does not fit":
            return None
        try:
            self.studio.load(options.model, options.level)
        except DoesNotFit as error:
            return error
        return None

    def _with_model(self, choice: Choice) -> Choice:
        """The first question may be quicker than the pickers are filled: then their defaults count."""
        if choice.model and choice.level:
            return choice
        model = pick_model(self.studio, choice.model, guest=self.guest)["value"]
        return replace(choice, model=model, level=pick_level(self.studio, model, guest=self.guest)["value"])

    def _options(self, choice: Choice) -> ReplyOptions | None:
        texts = self.texts
        if not choice.model or not choice.level:
            warn(texts, texts.guest_no_model if self.guest else texts.choose_model)
            return None
        if choice.source == "documents" and not choice.base:
            warn(texts, texts.choose_knowledge_base)
            return None
        if self.guest and not self._allowed(choice):
            warn(texts, texts.guest_no_model)
            return None
        seed = _seed(choice.seed)
        if seed is None:
            warn(texts, texts.seed_wrong)
            return None
        return ReplyOptions(
            model=choice.model,
            level=choice.level,
            sampling=Sampling(choice.temperature, choice.top_p, int(choice.max_tokens), seed[0]),
            system_prompt=choice.system_prompt.strip(),
            knowledge_base=choice.base if choice.source == "documents" else None,
            evidence_count=self.studio.settings.evidence_count,
        )

    def _allowed(self, choice: Choice) -> bool:
        """A guest's browser may send anything; only what the owner loaded and opened counts."""
        loaded = any(
            card.id == choice.model and level == choice.level
            for card, level in self.studio.loaded_chat_models()
        )
        opened = choice.source != "documents" or any(
            base.name == choice.base and base.open_to_guests for base in self.studio.knowledge.all()
        )
        return loaded and opened

    # -- buttons -------------------------------------------------------------------------------------------

    def stop(self, conversation: str, request: gr.Request) -> None:
        """Stop the answer on its way."""
        if conversation:
            self.answers.stop(conversation, self.owner(request))

    def clear(self, conversation: str, request: gr.Request) -> Shown:
        """Forget every turn of the conversation."""
        owner = self.owner(request)
        if conversation:
            self.answers.stop(conversation, owner)
            self.studio.chat.clear(conversation, owner)
        return self._shown(conversation, owner)

    def delete(self, other: str, conversation: str, request: gr.Request) -> Shown:
        """Delete a conversation of the list, perhaps the one that is open."""
        owner = self.owner(request)
        self.answers.stop(other, owner)
        self.studio.chat.delete(other, owner)
        if other != conversation:
            skip = gr.skip()
            return skip, skip, self._list(conversation, owner), skip, skip
        self.answers.show(_session(request), "")
        return self._shown("", owner)

    def leave(self, request: gr.Request) -> None:
        """The tab was closed."""
        self.answers.leave(_session(request), self.owner(request))

    def read_samples(self, conversation: str, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """Put the sample documents into a knowledge base; yields (transcript, knowledge base or None).

        Goes on unseen when the tab turns to another conversation.
        """
        if all(base.name != SAMPLES for base in self.studio.knowledge.all()):
            self.studio.knowledge.create(SAMPLES)
        files = [path for path in sorted((ASSETS / "samples").iterdir()) if path.suffix in (".pdf", ".docx")]
        jobs = [job.id for job in self.studio.knowledge.enqueue(SAMPLES, files)]
        while True:
            mine = [job for job in self.studio.knowledge.jobs(SAMPLES) if job.id in jobs]
            if all(job.finished_at for job in mine):
                break
            if self.answers.shows(_session(request), conversation):
                yield draw_nothing(draw_samples_progress(mine, self.texts), conversation), None
            time.sleep(0.2)
        for job in mine:
            if job.result and job.result.error:
                warn(self.texts, job.result.error[self.texts.language])
        shown = self.answers.shows(_session(request), conversation)
        yield (draw_nothing(self._empty(), conversation) if shown else gr.skip()), SAMPLES


def _session(request: gr.Request) -> str:
    return str(request.session_hash)


def _seed(text: str | None) -> tuple[int | None] | None:
    """The seed in a tuple, None in it when the field is empty; None when it is no seed."""
    text = (text or "").strip()
    if not text:
        return (None,)
    if text.isascii() and text.isdigit() and int(text) <= LARGEST_SEED:
        return (int(text),)
    return None


@cache
def sample_questions(language: str) -> list[str]:
    """Questions that the sample documents answer, in `language`."""
    file = ASSETS / "samples" / "questions.json"
    if not file.exists():
        return []
    questions = json.loads(file.read_text(encoding="utf-8"))
    return [item["question"] for item in questions if item["language"] == language][:3]
