"""Words to sound: clips for boards whose browser has no voice of its own. The only module that starts a speech engine.

A clip lies under DATA_DIR/voice, named after engine, voice and text, and is written whole or not at all. It is made
off the event loop, in a process with a time limit; where no engine is installed there is none, and boards chime."""

import hashlib
import logging
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from pypinyin import Style, lazy_pinyin

logger = logging.getLogger(__name__)

RENDER_SECONDS = 5
KEEP_BYTES = 256 * 1024 * 1024  # about 1,300 clips
LOOK_EVERY = 50  # clips made between two looks at the size of the folder
AHEAD = 200  # clips waiting to be made; more is a storm, and clips are made when asked for too
WAV_HEADER = 44

# Letters as Mandarin speakers say them, in syllables the pinyin voice knows.
LETTERS = {
    "A": "ei1", "B": "bi4", "C": "xi1", "D": "di4", "E": "yi4", "F": "ai2 fu5", "G": "ji4", "H": "ai2 chi5",
    "I": "ai4", "J": "zhei4", "K": "kei4", "L": "ai2 lou5", "M": "ai2 mu5", "N": "en1", "O": "ou1", "P": "pi1",
    "Q": "kiu1", "R": "a4", "S": "ai2 si5", "T": "ti4", "U": "you1", "V": "wei1", "W": "da2 bu5 liu5",
    "X": "ai2 ke5 si5", "Y": "wai4", "Z": "zei4",
}  # fmt: skip


def pinyin(text: str) -> str:
    """Toned syllables for espeak-ng's pinyin voice: its hanzi voice reads common characters as English."""
    syllables = []
    for word in lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True):
        if re.fullmatch(r"[a-z]+[1-5]", word):
            syllables.append(word)
        else:  # what is no hanzi comes through as it stands
            syllables += [LETTERS.get(letter, letter) for letter in re.findall(r"[A-Z]|\d+|[,.]", word.upper())]
    # A breath between the number and the window.
    return " ".join(syllables).replace(" hao4 dao4 ", " hao4, dao4 ", 1)


@dataclass(frozen=True)
class Speaker:
    """espeak-ng with one voice; `script` turns the text into what that voice reads right."""

    voice: str
    speed: int  # words a minute
    script: Callable[[str], str]
    engine: str = "espeak-ng"

    def command(self, text: str, file: Path) -> list[str]:
        script = self.script(text)
        return [self.engine, "-v", self.voice, "-s", str(self.speed), "-w", str(file), "--", script]


SPEAKERS = {
    "zh-CN": Speaker("cmn-latn-pinyin", 150, pinyin),
    "en": Speaker("en-gb", 145, str),
}


class Voice:
    def __init__(self, folder: Path):
        self.folder = folder
        self.rendering = threading.Lock()  # one at a time: the next hall's words must not starve this one's
        self.wanted: queue.Queue[tuple[str, str]] = queue.Queue(AHEAD)
        self.made = 0

    def can_speak(self, language: str) -> bool:
        speaker = SPEAKERS.get(language)
        return speaker is not None and shutil.which(speaker.engine) is not None

    def clip(self, text: str, language: str) -> Path | None:
        """The sound of these words, made now if need be; None when there is no voice for them."""
        speaker = SPEAKERS.get(language)
        if speaker is None or not text:
            return None
        file = self.folder / f"{name_of(speaker, text)}.wav"
        if file.exists():
            return file
        if not self.can_speak(language):
            return None
        with self.rendering:
            if not file.exists() and not render(speaker, text, file):
                return None
        self.made += 1
        if self.made % LOOK_EVERY == 1:
            forget_oldest(self.folder, KEEP_BYTES)
        return file

    def prepare(self, text: str, language: str) -> None:
        """Make the clip soon, in the background; dropped when too many wait."""
        if not self.can_speak(language):
            return
        try:
            self.wanted.put_nowait((text, language))
        except queue.Full:
            logger.warning("voice: too many clips wait, one is made when it is asked for")

    def work(self) -> None:
        """The background worker: a clip that fails never stops the next."""
        while True:
            text, language = self.wanted.get()
            try:
                self.clip(text, language)
            except OSError:
                logger.exception("voice: no clip for %r", text)


def name_of(speaker: Speaker, text: str) -> str:
    return hashlib.sha256(f"{speaker.engine}|{speaker.voice}|{text}".encode()).hexdigest()


def render(speaker: Speaker, text: str, file: Path) -> bool:
    """Write the clip beside its place and rename it, so that nobody ever meets half of one."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".part", dir=file.parent)
    except OSError as error:  # a full disk; boards chime instead
        logger.warning("voice: no place for a clip: %s", error)
        return False
    os.close(handle)
    part = Path(name)
    try:
        done = subprocess.run(
            speaker.command(text, part), capture_output=True, timeout=RENDER_SECONDS, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0 or not is_whole(part):
            logger.warning("voice: %s gave no sound: %s", speaker.engine, done.stderr.decode(errors="replace").strip())
            return False
        part.replace(file)
        return True
    except (OSError, subprocess.TimeoutExpired) as error:
        logger.warning("voice: %s failed: %s", speaker.engine, error)
        return False
    finally:
        part.unlink(missing_ok=True)


def is_whole(part: Path) -> bool:
    """Sound, and as long as its head says: on a full disk the engine writes a part of it and finds nothing wrong."""
    with part.open("rb") as clip:
        head = clip.read(WAV_HEADER)
    length = part.stat().st_size
    return length > WAV_HEADER and int.from_bytes(head[4:8], "little") + 8 == length


def forget_oldest(folder: Path, keep_bytes: int) -> None:
    """Bound the folder: the clips made longest ago go first."""
    clips = sorted((clip.stat().st_mtime, clip.stat().st_size, clip) for clip in folder.glob("*.wav"))
    excess = sum(size for _, size, _ in clips) - keep_bytes
    for _, size, clip in clips:
        if excess <= 0:
            return
        clip.unlink(missing_ok=True)
        excess -= size


def init_voice(app: Flask) -> None:
    app.extensions["voice"] = Voice(app.config["SETTINGS"].data_dir / "voice")
