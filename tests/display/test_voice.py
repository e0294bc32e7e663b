"""Words to sound, with the real engine where it is installed and a broken one where it is not to work."""

import os
import shutil
import wave
from dataclasses import replace

import pytest

from display import voice
from display.voice import SPEAKERS, Voice, pinyin

# What an engine writes: a head that tells the length of the rest, and the rest; or a part of it on a full disk.
HEAD = r"printf 'RIFF\354\001\000\000'"
WHOLE, HALF = (f"{{ {HEAD}; head -c {length} /dev/zero; }} > $6" for length in (492, 300))
ZH = "请A零零一号到三号窗口办理"
needs_engine = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.mark.parametrize(
    ("text", "syllables"),
    [
        (ZH, "qing3 ei1 ling2 ling2 yi1 hao4, dao4 san1 hao4 chuang1 kou3 ban4 li3"),
        ("请V I P零零七号到出件窗口办理",
         "qing3 wei1 ai4 pi1 ling2 ling2 qi1 hao4, dao4 chu1 jian4 chuang1 kou3 ban4 li3"),
        ("绿色通道", "lv4 se4 tong1 dao4"),
        ("办不成事反映窗口", "ban4 bu4 cheng2 shi4 fan3 ying4 chuang1 kou3"),
    ],
)  # fmt: skip
def test_chinese_is_read_from_toned_pinyin(text, syllables):
    assert pinyin(text) == syllables


def test_every_letter_has_a_sound():
    assert set(voice.LETTERS) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@needs_engine
@pytest.mark.parametrize(("text", "language"), [(ZH, "zh-CN"), ("Ticket A zero zero one", "en")])
def test_a_clip_is_seconds_of_sound(tmp_path, text, language):
    file = Voice(tmp_path).clip(text, language)
    with wave.open(str(file)) as sound:
        assert 1 < sound.getnframes() / sound.getframerate() < 15
    assert [file] == list(tmp_path.iterdir())


@needs_engine
def test_a_clip_is_made_once(tmp_path):
    first = Voice(tmp_path).clip(ZH, "zh-CN")
    made = first.stat().st_mtime_ns
    assert Voice(tmp_path).clip(ZH, "zh-CN") == first
    assert first.stat().st_mtime_ns == made


def test_without_an_engine_there_is_no_clip_and_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert Voice(tmp_path).clip(ZH, "zh-CN") is None
    assert list(tmp_path.iterdir()) == []


def test_a_language_without_a_voice_has_no_clip(tmp_path):
    assert Voice(tmp_path).clip("xyz", "ug") is None


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A speech engine that does what the script says."""

    def install(script):
        program = tmp_path / "bin" / "test-engine"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setitem(SPEAKERS, "zh-CN", replace(SPEAKERS["zh-CN"], engine="test-engine"))
        monkeypatch.setattr(voice, "RENDER_SECONDS", 0.5)
        return Voice(tmp_path / "voice")

    return install


@pytest.mark.parametrize("script", ["exit 1", "exit 0", "exec sleep 30", "kill -9 $$", HALF])
def test_an_engine_that_fails_leaves_nothing_behind(engine, script):
    speaking = engine(script)
    assert speaking.clip(ZH, "zh-CN") is None
    assert list(speaking.folder.iterdir()) == []


def test_without_a_place_for_it_there_is_no_clip(engine):
    speaking = engine(WHOLE)
    speaking.folder.write_text("a file where the folder should be")
    assert speaking.clip(ZH, "zh-CN") is None


def test_a_failed_clip_does_not_stop_the_next(engine, tmp_path):
    speaking = engine(f"[ -e {tmp_path}/works ] && {WHOLE}")
    assert speaking.clip(ZH, "zh-CN") is None
    (tmp_path / "works").touch()
    assert speaking.clip(ZH, "zh-CN").stat().st_size == 500


def test_a_storm_of_clips_is_bounded(engine):
    speaking = engine("exit 1")
    for number in range(voice.AHEAD + 50):
        speaking.prepare(f"{ZH}{number}", "zh-CN")
    assert speaking.wanted.qsize() == voice.AHEAD


def test_the_folder_is_bounded_and_the_oldest_go_first(tmp_path):
    for age, name in enumerate(["newest", "middle", "oldest"]):
        clip = tmp_path / f"{name}.wav"
        clip.write_bytes(b"x" * 100)
        os.utime(clip, (1_000_000 - age, 1_000_000 - age))
    voice.forget_oldest(tmp_path, 250)
    assert sorted(clip.stem for clip in tmp_path.iterdir()) == ["middle", "newest"]
