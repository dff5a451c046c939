"""From token ids to text, piece by piece: no broken characters, nothing behind a stop string."""

from collections.abc import Callable, Sequence

# A character of UTF-8 has at most four bytes, so four byte tokens decide it; more means that the bytes are
# really broken and the replacement character is the honest text.
LONGEST_CHARACTER = 4
REPLACEMENT = "�"


class Detokenizer:
    """Decodes a growing list of tokens in linear time.

    Text of a token depends on the tokens before it (spaces, bytes of one character), so each step decodes a
    short window twice, with and without the newest tokens, and takes the difference (as in TGI and vLLM).
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]):
        self._decode = decode
        self._tokens: list[int] = []
        # Decoded before: up to `_said`; the window begins at `_window`.
        self._window = 0
        self._said = 0

    def add(self, token: int) -> str:
        """The text that this token completes; empty while a character is still open."""
        self._tokens.append(token)
        before = self._decode(self._tokens[self._window : self._said])
        whole = self._decode(self._tokens[self._window :])
        is_open = whole.endswith(REPLACEMENT) and len(self._tokens) - self._said < LONGEST_CHARACTER
        if is_open or len(whole) <= len(before):
            return ""
        self._window, self._said = self._said, len(self._tokens)
        return whole[len(before) :]

    def rest(self) -> str:
        """What is left when the answer is over, without the beginning of a character that never came."""
        before = self._decode(self._tokens[self._window : self._said])
        return self._decode(self._tokens[self._window :])[len(before) :].rstrip(REPLACEMENT)


class StopStrings:
    """Holds back what may become a stop string, and ends the text before one."""

    def __init__(self, stops: Sequence[str]):
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.hit = False

    def add(self, text: str) -> str:
        """What of the text so far can be shown. After a hit: nothing more."""
        if self.hit:
            return ""
        self._held += text
        found = [at for at in (self._held.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.hit = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        keep = self._open_length()
        shown = self._held[: len(self._held) - keep]
        self._held = self._held[len(shown) :]
        return shown

    def rest(self) -> str:
        """What was held back and turned out not to be a stop string."""
        shown, self._held = self._held, ""
        return shown

    def _open_length(self) -> int:
        """Length of the longest end of the text that is the beginning of a stop string."""
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        for length in range(min(longest, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stops):
                return length
        return 0
