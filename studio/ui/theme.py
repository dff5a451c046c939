"""The look of the pages as Gradio knows it; the rest is in `assets/studio.css`."""

from functools import cache

import gradio as gr

# Only what the visitor's system has: nothing is fetched. CJK faces before the generic family, else Chinese
# text falls back to whatever the browser finds first.
SANS = (
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "WenQuanYi Micro Hei",
    "sans-serif",
)
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")


@cache
def theme() -> gr.themes.Base:
    """The theme. Colours are variables of `assets/studio.css`, where light and dark are told apart."""
    return gr.themes.Base(font=SANS, font_mono=MONO, text_size="md", radius_size="md", spacing_size="md").set(
        **{
            name + suffix: value
            for name, value in {
                "body_background_fill": "var(--studio-ground)",
                "body_text_color": "var(--studio-ink)",
                "body_text_color_subdued": "var(--studio-quiet)",
                "background_fill_primary": "var(--studio-surface)",
                "background_fill_secondary": "var(--studio-ground)",
                "block_background_fill": "var(--studio-surface)",
                "block_border_color": "var(--studio-line)",
                "block_label_background_fill": "transparent",
                "block_label_text_color": "var(--studio-quiet)",
                "block_title_text_color": "var(--studio-ink)",
                "block_info_text_color": "var(--studio-quiet)",
                "border_color_primary": "var(--studio-line)",
                "border_color_accent": "var(--studio-accent)",
                "color_accent_soft": "var(--studio-accent-soft)",
                "input_background_fill": "var(--studio-field)",
                "input_border_color": "var(--studio-line-strong)",
                "input_border_color_focus": "var(--studio-accent)",
                "input_placeholder_color": "var(--studio-quiet)",
                "link_text_color": "var(--studio-accent)",
                "link_text_color_hover": "var(--studio-accent)",
                "link_text_color_visited": "var(--studio-accent)",
                "link_text_color_active": "var(--studio-accent)",
                "button_primary_background_fill": "var(--studio-accent-fill)",
                "button_primary_background_fill_hover": "var(--studio-accent-fill-hover)",
                "button_primary_text_color": "#ffffff",
                "button_secondary_background_fill": "var(--studio-surface)",
                "button_secondary_background_fill_hover": "var(--studio-hover)",
                "button_secondary_text_color": "var(--studio-ink)",
                "button_secondary_border_color": "var(--studio-line-strong)",
                "checkbox_background_color": "var(--studio-field)",
                "checkbox_border_color": "var(--studio-line-strong)",
                "checkbox_label_background_fill": "var(--studio-surface)",
                "checkbox_label_text_color": "var(--studio-ink)",
                "slider_color": "var(--studio-accent)",
            }.items()
            for suffix in ("", "_dark")
        },
        color_accent="var(--studio-accent)",
        block_shadow="none",
        block_shadow_dark="none",
        block_border_width="0px",
        block_border_width_dark="0px",
        button_large_padding="8px 14px",
        button_small_padding="4px 10px",
        layout_gap="12px",
        shadow_drop="none",
        shadow_drop_lg="0 8px 28px rgb(0 0 0 / 0.14)",
        input_border_width="1px",
        input_border_width_dark="1px",
        input_shadow="none",
        input_shadow_focus="none",
    )
