"""What stands around every page: the header, and the script and style that the browser gets first."""

from functools import cache
from urllib.parse import quote

import gradio as gr

from studio.sentences import Language
from studio.settings import ASSETS
from studio.ui.markup import escape
from studio.ui.texts import Texts

OTHER: dict[Language, Language] = {"en": "zh", "zh": "en"}
SVG = 'xmlns="http://www.w3.org/2000/svg"'
HTML_LANGUAGE: dict[Language, str] = {"en": "en", "zh": "zh-CN"}


def create_header(texts: Texts) -> gr.HTML:
    """Name, language switch, light and dark."""
    other = OTHER[texts.language]
    return gr.HTML(
        f'<header class="frame"><a class="skip" href="#content">{escape(texts.skip_to_content)}</a>'
        f'<span class="brand">{_icon("brand")}<strong>{escape(texts.studio)}</strong></span>'
        f'<span class="switches"><button type="button" class="act quiet" id="switch-theme"'
        f' aria-label="{escape(texts.switch_theme)}" title="{escape(texts.switch_theme)}">'
        f"{_icon('theme')}</button>"
        f'<a id="switch-language" class="act quiet" href="../{other}/" hreflang="{HTML_LANGUAGE[other]}"'
        f' lang="{HTML_LANGUAGE[other]}" data-language="{other}" title="{escape(texts.switch_language)}">'
        f"{escape(texts.other_language)}</a></span></header>",
        elem_id="header",
        apply_default_css=False,
    )


@cache
def _icon(name: str) -> str:
    return (ASSETS / "icons" / f"{name}.svg").read_text(encoding="utf-8").strip()


@cache
def head() -> str:
    """Style and script of our own, inline: no request, and there before Gradio draws anything."""
    style = (ASSETS / "studio.css").read_text(encoding="utf-8")
    script = (ASSETS / "studio.js").read_text(encoding="utf-8")
    icon = quote(_icon("brand").replace("currentColor", "#5b76e0").replace("<svg ", f"<svg {SVG} "))
    link = f'<link rel="icon" type="image/svg+xml" href="data:image/svg+xml,{icon}">'
    return f"<script>{script}</script><style>{style}</style>{link}"
