"""The knowledge page in Chromium: create, drop files in, see what became of them, delete."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from ui.steps import answered, wait_for

TEXT = "The lighthouse of Marl was built in 1911 by Ida Fenwick. It is 23 metres high.\n" * 3


@pytest.fixture
def knowledge(open_page) -> Page:
    page = open_page("/en/?tab=knowledge")
    page.fill("#kb-name input, #kb-name textarea", "papers")
    page.click("#create-base")
    expect(page.locator("#base-head h2")).to_have_text("papers")
    return page


def drop(page: Page, *files: Path) -> None:
    page.set_input_files("#upload input[type=file]", [str(file) for file in files])


def test_dropped_files_show_what_became_of_each(site, knowledge: Page, tmp_path: Path):
    good, broken = tmp_path / "light [v2] (灯塔).txt", tmp_path / "broken.pdf"
    good.write_text(TEXT)
    broken.write_bytes(b"%PDF-1.7 and then nothing")
    drop(knowledge, good, broken)
    expect(knowledge.locator("#documents .name")).to_have_text([good.name])
    expect(knowledge.locator("#progress .job.done .stage")).to_contain_text("chunk")
    expect(knowledge.locator("#progress .job.failed .name")).to_have_text("broken.pdf")
    assert len(knowledge.locator("#progress .job.failed .stage").inner_text()) > 20
    expect(knowledge.locator("#progress [data-do=retry]")).to_be_visible()
    uploads = site.studio.settings.data_dir / "uploads"
    wait_for(lambda: not [file for file in uploads.rglob("*") if file.is_file()])


def test_documents_and_knowledge_bases_are_deleted_after_asking(site, knowledge: Page, tmp_path: Path):
    file = tmp_path / "light.txt"
    file.write_text(TEXT)
    drop(knowledge, file)
    delete = knowledge.locator("#documents [data-do=delete-document]")
    delete.click()
    expect(delete).to_have_text("Really delete?")
    assert len(site.studio.knowledge.documents("papers")) == 1
    delete.click()
    expect(knowledge.locator("#documents .none")).to_be_visible()
    assert site.studio.knowledge.documents("papers") == []
    remove = knowledge.locator("[data-do=delete-base]")
    remove.click()
    remove.click()
    expect(knowledge.locator("#bases .none")).to_be_visible()
    assert site.studio.knowledge.all() == []


def test_the_checkbox_opens_it_to_guests(site, knowledge: Page):
    knowledge.check("#open-to-guests input")
    wait_for(lambda: site.studio.knowledge.get("papers").open_to_guests)
    knowledge.uncheck("#open-to-guests input")
    wait_for(lambda: not site.studio.knowledge.get("papers").open_to_guests)


def test_a_name_that_is_taken_or_missing_is_said(site, knowledge: Page):
    knowledge.fill("#kb-name input, #kb-name textarea", "papers")
    knowledge.click("#create-base")
    expect(knowledge.locator(".toast-body")).to_contain_text("papers")
    knowledge.fill("#kb-name input, #kb-name textarea", " ")
    knowledge.click("#create-base")
    expect(knowledge.locator(".toast-body").first).to_be_visible()
    assert len(site.studio.knowledge.all()) == 1


def test_a_search_can_be_tried(site, knowledge: Page, tmp_path: Path):
    file = tmp_path / "light.txt"
    file.write_text(TEXT)
    drop(knowledge, file)
    expect(knowledge.locator("#documents .name")).to_have_text(["light.txt"])
    knowledge.get_by_role("button", name="Try a search").click()
    knowledge.fill("#kb-query textarea, #kb-query input", "Who built the lighthouse?")
    knowledge.click("#kb-search")
    expect(knowledge.locator("#found .evidence").first).to_contain_text("Ida Fenwick")


def test_names_and_texts_of_documents_cannot_act_in_the_page(site, knowledge: Page, tmp_path: Path):
    file = tmp_path / "<img src=x onerror=window.hit=1>.txt"
    file.write_text("<script>window.hit=1</script> <img src=x onerror='window.hit=1'> lighthouse\n" * 3)
    drop(knowledge, file)
    expect(knowledge.locator("#documents .name")).to_have_text([file.name])
    knowledge.get_by_role("button", name="Try a search").click()
    knowledge.fill("#kb-query textarea, #kb-query input", "lighthouse")
    knowledge.click("#kb-search")
    expect(knowledge.locator("#found .evidence").first).to_contain_text("<script>")
    assert knowledge.evaluate("window.hit") is None
    assert knowledge.locator("#page-knowledge :is(img, script)").count() == 0


def test_the_samples_are_read_and_an_answer_opens_its_evidence(site, page: Page):
    site.engine.replies.append("Ida Fenwick founded the observatory in 1911 [1].")
    page.click("#transcript [data-do=samples]")
    page.click("#transcript .example[data-source=documents] >> nth=0")
    assert "Ida Fenwick" in answered(page)
    expect(page.locator("#source input[type=radio]").nth(1)).to_be_checked()
    cite = page.locator("#transcript .answer .cite").first
    expect(cite).to_be_visible()
    cite.focus()
    page.keyboard.press("Enter")
    evidence = page.locator("#evidence")
    expect(evidence).to_be_visible()
    expect(evidence.locator("h3")).to_contain_text("skerrow-tidal-observatory.pdf")
    expect(evidence.locator(".where")).to_contain_text("page 1")
    expect(evidence.locator(".score")).to_contain_text("score")
    expect(evidence.locator("blockquote mark").first).to_contain_text("Ida Fenwick")
    assert page.evaluate("document.activeElement.id") == "evidence"
    page.keyboard.press("Escape")
    expect(evidence).to_be_hidden()
    assert page.evaluate("document.activeElement.className") == "cite"
