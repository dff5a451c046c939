"""How stored turns look: sources, marked passages, errors in the page's language."""

from dataclasses import replace

from studio.chat.events import Turn
from studio.ui.texts import Texts
from studio.ui.turns import draw_evidence, draw_turn

EVIDENCE = {
    "chunk_id": "c1",
    "document_id": "d1",
    "document": "a<b>.pdf",
    "page": 3,
    "heading": "",
    "score": 0.5,
    "text": "The tide\nis high. Gulls cry. It falls <at> noon.",
    "start": 0,
    "end": 10,
}
TURN = Turn("t1", "When?", "At noon [1].", "done", "m", "full", {"evidence": [EVIDENCE]}, 0.0)


def test_every_supporting_passage_is_marked_whatever_its_line_breaks():
    html = draw_evidence(1, EVIDENCE, "The tide is high. … It falls <at> noon.", Texts("en"))
    assert html.count("<mark") == 2
    assert "The tide\nis high.</mark> Gulls cry. <mark" in html
    assert "It falls &lt;at&gt; noon.</mark>" in html and "a&lt;b&gt;.pdf" in html


def test_a_passage_that_is_not_there_marks_nothing():
    assert "<mark" not in draw_evidence(1, EVIDENCE, "Something else (", Texts("en"))
    assert "<mark" not in draw_evidence(1, EVIDENCE, "", Texts("en"))


def test_only_cited_evidence_is_a_source_and_the_rest_is_folded_away():
    cited = {"n": 1, "document": "a<b>.pdf", "page": 3, "chunk_id": "c1", "text": "Gulls cry."}
    other = EVIDENCE | {"document": "b.docx", "page": None, "heading": "Prices"}
    html = draw_turn(
        replace(TURN, details={"evidence": [EVIDENCE, other], "citations": [cited]}), Texts("en")
    )
    shown, folded = html.split("<details")
    assert 'class="sources"' in shown and "b.docx" not in shown
    assert "b.docx, Prices" in folded


def test_stored_sentences_are_said_in_the_language_of_the_page():
    error = {"code": "X", "en": "It broke.", "zh": "坏了。"}
    turn = replace(TURN, status="failed", details={"error": error, "notices": [error]})
    assert draw_turn(turn, Texts("zh")).count("坏了。") == 2
    assert "It broke." in draw_turn(turn, Texts("en"))


def test_figures_stand_under_the_answer():
    usage = {"prompt_tokens": 30, "completion_tokens": 5, "ttft_seconds": 0.25, "tokens_per_second": 29.96}
    html = draw_turn(replace(TURN, details={"usage": usage}), Texts("en"))
    assert (
        "first token after 0.25 s" in html and "30.0 tokens/s" in html and "30 tokens read, 5 written" in html
    )


def test_passages_lie_open_where_the_answer_cites_none():
    cited = {"n": 1, "document": "a<b>.pdf", "page": 3, "chunk_id": "c1", "text": "Gulls cry."}
    uncited = draw_turn(replace(TURN, details={"evidence": [EVIDENCE], "citations": []}), Texts("en"))
    both = {"evidence": [EVIDENCE, EVIDENCE], "citations": [cited]}
    assert '<details class="sources" open>' in uncited and "cites none" in uncited
    assert '<details class="sources">' in draw_turn(replace(TURN, details=both), Texts("en"))
