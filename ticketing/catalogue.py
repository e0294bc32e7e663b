"""The catalogue: finding service items by name, code, pinyin or initials."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from ticketing.models import Item


def search(
    hall_id: int, q: str = "", theme: str | None = None, limit: int = 50, after: str | None = None
) -> list[Item]:
    """Items of a hall with `q` in the name, code, pinyin, initials or English name, the best first; all of them
    when `q` is blank.

    Best: begins with it, has it inside, its initials begin with it, have it inside; then the more common. Several
    words may match apart. `after` is the code of the last item of the page before; a code that is gone gives
    nothing."""
    found = sorted(ranked(hall_id, q, theme))
    if after is not None:
        codes = [code for _, _, _, code, _ in found]
        found = found[codes.index(after) + 1 :] if after in codes else []
    page = [id for _, _, _, _, id in found[:limit]]
    by_id = {item.id: item for item in Item.select().where(Item.id.in_(page))}
    return [by_id[id] for id in page if id in by_id]


def ranked(hall_id: int, q: str, theme: str | None) -> Iterator[tuple[int, int, int, str, int]]:
    """(rank, -common, place, code, id) of each item that matches: sorts into the order of the answer."""
    query = Item.select(
        Item.code, Item.name, Item.name_en, Item.pinyin, Item.initials, Item.common, Item.place, Item.id
    ).where(Item.hall == hall_id)
    if theme:
        query = query.where(Item.theme == theme)
    words = folded(q).split()
    for code, name, name_en, pinyin, initials, common, place, id in query.tuples():
        texts = ("".join(folded(name).split()), code.lower(), pinyin, folded(name_en), initials.lower())
        best = rank_of_words(words, texts)
        if best is not None:
            yield best, -common, place, code, id


def rank_of_words(words: list[str], texts: tuple[str, str, str, str, str]) -> int | None:
    """All words as one, else each for itself: then the worst of them counts."""
    together = rank("".join(words), *texts)
    if together is not None or len(words) < 2:
        return together
    apart = [rank(word, *texts) for word in words]
    return max((one for one in apart if one is not None), default=None) if None not in apart else None


def rank(part: str, name: str, code: str, pinyin: str, name_en: str, initials: str) -> int | None:
    """0 begins with, 1 inside, 2 initials begin with, 3 initials have inside; None = no match. `part` has no
    blanks; pinyin and English have one between words."""
    if name.startswith(part) or code.startswith(part):
        return 0
    syllable = at_word(part, pinyin)
    if syllable is not None:
        return syllable
    english = len(part) >= 3 and at_word(part, name_en) is not None  # shorter ones are initials or pinyin
    if english or part in name or part in code:
        return 1
    if part in initials:
        return 2 if initials.startswith(part) else 3
    return None


def at_word(part: str, text: str) -> int | None:
    """0 when `text` begins with `part`, 1 when one of its later words does. Blanks do not count: "shenfenz" is
    in "ju min shen fen zheng", "an" is not in "shan"."""
    joined = text.replace(" ", "")
    at = joined.find(part)
    if at <= 0:
        return 0 if at == 0 else None
    starts = set(accumulate(len(word) for word in text.split()))
    while at > 0:
        if at in starts:
            return 1
        at = joined.find(part, at + 1)
    return None


def folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("ü", "v")


def spelled(name: str) -> tuple[str, str]:
    """Pinyin ("ju min shen fen zheng") and initials ("JMSFZ") of a name; Latin letters and digits stay."""
    from pypinyin import Style, lazy_pinyin  # its dictionary is large, and only imports need it

    def latin(other: str) -> Any:
        return re.findall(r"[a-z0-9]+", other.lower())

    name = unicodedata.normalize("NFKC", name)
    syllables = lazy_pinyin(name, errors=latin)
    initials = lazy_pinyin(name, style=Style.FIRST_LETTER, errors=latin)
    return " ".join(syllables)[:255], "".join(initials).upper()[:255]
