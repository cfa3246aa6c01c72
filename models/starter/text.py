"""Between chat messages and token ids, and between token ids and streamed text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from solvent.errors import ConfigError
from solvent.models.base import Message

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END = "<|end|>"


class ChatTokenizer:
    """The tokenizer with its chat format: `<|role|>content`, and `<|end|>` after each finished assistant's turn.

    The same format as the `chat_template` in tokenizer_config.json. Text is data: where a message contains the letters
    of a special token, they are encoded as letters. The thinking markers are tokens, but not special: they are text.

    Raises:
        ConfigError: tokenizer.json is missing or malformed.
    """

    def __init__(self, directory: Path) -> None:
        from tokenizers import Tokenizer

        path = directory / "tokenizer.json"
        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        except Exception as cause:  # the library raises bare Exception
            raise ConfigError(
                f"cannot read the starter model's {path}: {cause}", remedy="restore the weights"
            ) from cause
        self._tokenizer.encode_special_tokens = True
        self._roles = {role: self._special(f"<|{role}|>") for role in ("system", "user", "assistant")}
        self.end_id = self._special(END)
        self._added = self._tokenizer.get_added_tokens_decoder()
        self._bytes = [self._bytes_of(number) for number in range(self._tokenizer.get_vocab_size())]
        self._specials = {str(t.content): int(i) for i, t in self._added.items()}
        self._splitter = re.compile("(" + "|".join(map(re.escape, self._specials)) + ")")

    def encode_text(self, text: str) -> list[int]:
        """Token ids of plain text."""
        # A lone surrogate is no Unicode text and has no UTF-8; it becomes the replacement character.
        clean = text.encode("utf-8", "replace").decode() if not text.isascii() else text
        ids: list[int] = self._tokenizer.encode(clean, add_special_tokens=False).ids
        return ids

    def encode_chat(self, messages: Sequence[Message], prefix: str = "") -> list[int]:
        """Token ids of a conversation, up to and with the assistant's mark and the prefix of its turn."""
        ids: list[int] = []
        for message in messages:
            ids.append(self._roles[message.role])
            ids += self.encode_text(message.content)
            if message.role == "assistant":
                ids.append(self.end_id)
        return [*ids, self._roles["assistant"], *self.encode_text(prefix)]

    def encode_raw(self, text: str) -> list[int]:
        """Token ids of a text in which the names of special tokens are those tokens: a prompt without a chat format."""
        ids: list[int] = []
        for part in self._splitter.split(text):
            ids += [self._specials[part]] if part in self._specials else self.encode_text(part)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special tokens by their names."""
        return b"".join(self._bytes[i] or str(self._tokenizer.id_to_token(i) or "").encode() for i in ids).decode(
            "utf-8", "replace"
        )

    @property
    def size(self) -> int:
        """How many token ids there are: 0 to size - 1."""
        return len(self._bytes)

    def token_bytes(self, token: int) -> bytes:
        """The bytes that a token stands for; none for a special token. A thinking marker's are its name's."""
        return self._bytes[token]

    def token_text(self, token: int) -> str:
        """A token as text for people, with replacement characters for parts of characters."""
        return self._bytes[token].decode("utf-8", "replace") or str(self._tokenizer.id_to_token(token))

    def _special(self, token: str) -> int:
        number = self._tokenizer.token_to_id(token)
        if number is None:
            raise ConfigError(f"the starter model's tokenizer has no token {token}", remedy="restore the weights")
        return int(number)

    def _bytes_of(self, number: int) -> bytes:
        added = self._added.get(number)
        if added is not None:
            return b"" if added.special else str(added.content).encode()
        return bytes(_BYTE_OF[sign] for sign in self._tokenizer.id_to_token(number) or "")


def _byte_alphabet() -> dict[str, int]:
    """The printable sign for each byte in byte-level BPE (Radford et al. 2019), turned round."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in plain]
    signs = {chr(byte): byte for byte in plain}
    signs.update({chr(256 + place): byte for place, byte in enumerate(rest)})
    return signs


_BYTE_OF = _byte_alphabet()


class TextStream:
    """The text of one sample as it grows, cut before the first stop string, which is then in `stopped_by`.

    Text that may yet turn out to be the beginning of a stop string, or is part of a character, is held back.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop = [text for text in stop if text]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.stopped_by: str | None = None

    def push(self, piece: bytes, *, may_stop: bool = True) -> str:
        """Add a token's bytes; return the text that is now certain. Sets `stopped_by` at a stop string.

        Args:
            piece: The token's bytes.
            may_stop: False lets stop strings pass that are whole, or have begun, with this token.
        """
        text = self._decoder.decode(piece)
        return self._release(text) if may_stop else text

    def finish(self) -> str:
        """Return what is still held back, at the end of a sample that met no stop string."""
        released = self._release(self._decoder.decode(b"", final=True))
        held, self._held = self._held, ""
        return released + held

    def _release(self, text: str) -> str:
        if not self._stop:
            return text
        if self.stopped_by is not None:
            return ""
        self._held += text
        # The first that is whole, so that it does not matter how the text is cut into tokens.
        found = [(place + len(stop), place, stop) for stop in self._stop if (place := self._held.find(stop)) >= 0]
        if found:
            _, place, self.stopped_by = min(found)
            released, self._held = self._held[:place], ""
            return released
        keep = max(_overlap(self._held, stop) for stop in self._stop)
        split = len(self._held) - keep
        released, self._held = self._held[:split], self._held[split:]
        return released


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of the text that is a beginning of the stop string."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
