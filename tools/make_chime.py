"""Makes static/sounds/chime.wav: two falling tones, as heard before an announcement in a station."""

import math
import wave
from array import array
from pathlib import Path

FILE = Path(__file__).resolve().parent.parent / "static" / "sounds" / "chime.wav"
RATE = 16_000
TONES = ((0.0, 783.99), (0.42, 622.25))  # seconds from the start, hertz: G5, E flat 5
LENGTH = 1.25
ATTACK = 0.008
DECAY = 3.4  # per second, of the natural logarithm
OVERTONES = ((1, 0.62), (2, 0.16), (3, 0.05))
LOUDEST = 0.7


def sample(at: float) -> float:
    level = 0.0
    for start, hertz in TONES:
        since = at - start
        if since < 0:
            continue
        shape = min(1.0, since / ATTACK) * math.exp(-DECAY * since)
        level += shape * sum(part * math.sin(2 * math.pi * hertz * n * since) for n, part in OVERTONES)
    return level * min(1.0, (LENGTH - at) / 0.15)  # ends in silence, without a click


def main() -> None:
    levels = [sample(n / RATE) for n in range(int(LENGTH * RATE))]
    scale = LOUDEST * 32767 / max(abs(level) for level in levels)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(FILE), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(array("h", [round(level * scale) for level in levels]).tobytes())


if __name__ == "__main__":
    main()
