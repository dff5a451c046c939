"""The share page: what a shared link means, then the link."""

import secrets
from typing import Any

import gradio as gr

from studio.services import Studio
from studio.ui.markup import button, escape, say
from studio.ui.texts import Texts
from studio.ui.wires import warn, wire

SHORTEST_PASSWORD = 8

# Asks once a second how the link is while the page is looked at.
STATUS_JS = """
const read = async () => {
  if (!document.hidden && element.offsetParent !== null) {
    const drawn = await server.read(props.value).catch(() => null);
    if (drawn) props.value = drawn;
  }
  setTimeout(read, 1000);
};
read();
"""


def create_share(studio: Studio, share: Any, texts: Texts, tab: gr.Tab) -> None:
    """Lay the share page out and wire it. `share`: a `studio.share.Share`, or None where there is none."""

    def read(shown: Any) -> str | None:
        drawn = draw_status(share, texts)
        return None if drawn == shown else drawn

    with gr.Column(elem_id="share", elem_classes="sheet narrow"):
        gr.HTML(_explanation(texts), apply_default_css=False)
        status = gr.HTML(
            draw_status(share, texts),
            elem_id="share-status",
            js_on_load=STATUS_JS,
            server_functions=[read],
            apply_default_css=False,
        )
        with gr.Row(equal_height=False, elem_classes="ask bottom"):
            user = gr.Textbox("guest", label=texts.user, max_lines=1, elem_id="share-user")
            password = gr.Textbox(label=texts.password_label, max_lines=1, elem_id="share-password")
        with gr.Row(equal_height=False, elem_classes="ask"):
            start = gr.Button(
                texts.start_sharing, variant="primary", elem_id="share-start", scale=0, min_width=150
            )
            stop = gr.Button(texts.stop_sharing, elem_id="share-stop", scale=0, min_width=150)
        bases = gr.CheckboxGroup(label=texts.guest_bases, choices=[], elem_id="share-bases")

    def arrive(password: str) -> tuple[Any, Any, str]:
        opened = [base.name for base in studio.knowledge.all() if base.open_to_guests]
        names = [base.name for base in studio.knowledge.all()]
        current = share.status().password if share is not None else None
        info = texts.guest_bases if names else f"{texts.guest_bases}: {texts.no_guest_bases}"
        listed = gr.update(choices=names, value=opened, label=info)
        return current or password or secrets.token_urlsafe(9), listed, draw_status(share, texts)

    def begin(user: str, password: str) -> str:
        if share is None:
            warn(texts, texts.share_unavailable)
        elif not user.strip() or len(password) < SHORTEST_PASSWORD:
            warn(texts, texts.login_incomplete)
        else:
            share.start(user.strip(), password)
        return draw_status(share, texts)

    def end() -> str:
        if share is not None:
            share.stop()
        return draw_status(share, texts)

    def open_bases(names: list[str]) -> None:
        for base in studio.knowledge.all():
            if base.open_to_guests != (base.name in names):
                studio.knowledge.set_open_to_guests(base.name, base.name in names)

    wire(tab.select, texts, arrive, password, [password, bases, status])
    wire(start.click, texts, begin, [user, password], status)
    wire(stop.click, texts, end, None, status)
    wire(bases.input, texts, open_bases, bases)


def _explanation(texts: Texts) -> str:
    def items(*labels: str) -> str:
        return "".join(f"<li>{escape(label)}</li>" for label in labels)

    return (
        f"<h2>{escape(texts.share_title)}</h2><p>{escape(texts.share_explains)}</p>"
        f'<div class="pair explain"><div class="card"><h3>{escape(texts.guests_can)}</h3>'
        f"<ul>{items(texts.guests_can_1, texts.guests_can_2)}</ul></div>"
        f'<div class="card"><h3>{escape(texts.guests_cannot)}</h3>'
        f"<ul>{items(texts.guests_cannot_1, texts.guests_cannot_2)}</ul></div></div>"
    )


def draw_status(share: Any, texts: Texts) -> str:
    """Off, starting, on with the link and the login, or failed and why. `data-state` is for the style."""
    if share is None:
        return f'<div class="status" data-state="none"><p>{escape(texts.share_unavailable)}</p></div>'
    status = share.status()
    match status.state:
        case "on":
            inside = f"<p><strong>{escape(texts.share_on)}</strong></p>{_link(status, texts)}"
        case "starting":
            inside = f"<p>{escape(texts.share_starting)}</p>"
        case "failed":
            inside = (
                f'<p class="error" role="alert">{escape(say(status.error, texts.language))}</p>'
                f"<p>{escape(texts.share_off)}</p>"
            )
        case _:
            inside = f"<p>{escape(texts.share_off)}</p>"
    return f'<div class="status card" data-state="{status.state}" role="status">{inside}</div>'


def _link(status: Any, texts: Texts) -> str:
    url = escape(status.url or "")
    rows = (
        f"<dt>{escape(texts.user)}</dt><dd>{escape(status.user or '')}</dd>"
        f"<dt>{escape(texts.password)}</dt><dd>{escape(status.password or '')}</dd>"
    )
    copy = button(texts.copy, "copy", copy=status.url or "", copied=texts.copied)
    return (
        f'<p class="link"><a href="{url}" target="_blank" rel="noopener">{url}</a> {copy}</p><dl>{rows}</dl>'
    )
