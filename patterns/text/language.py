"""In which language or script a message is written, for a warning that has to say so in Chinese."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_SCRIPTS = {
    "CJK": "", "LATIN": "英文", "HANGUL": "朝鲜文", "TIBETAN": "藏文", "ARABIC": "维吾尔文",
    "MONGOLIAN": "蒙古文", "CYRILLIC": "俄文", "HIRAGANA": "日文", "KATAKANA": "日文", "THAI": "泰文",
    "YI": "彝文", "MYANMAR": "缅甸文", "DEVANAGARI": "印地文",
}  # fmt: skip
"""The first word of a letter's Unicode name, and the language that is most likely here."""
_MOST = 0.6
"""Share of the letters that are of one script."""
_PINYIN = re.compile(
    r"(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ao|ou|an"
    r"|en|in|un|ia|ie|iu|ua|uo|ue|ui|er|a|o|e|i|u|v))+",
)
_SPOKEN = 0.9
"""Share of the Latin words that can be read as syllables of Mandarin."""
PINYIN = "汉语拼音"


def foreign_language(texts: Sequence[str]) -> str:
    """What most of the letters of ``texts`` are written in, as a Chinese word (英文); "" for Chinese."""
    count = Counter(_script(char) for text in texts for char in _without_links(text) if char.isalpha())
    if not count:
        return ""
    kana = count["HIRAGANA"] + count["KATAKANA"]
    if kana * 5 > count.total():
        return "日文"
    script, most = count.most_common(1)[0]
    if script == "LATIN" and most >= _MOST * count.total():
        return PINYIN if _is_pinyin(" ".join(texts)) else "英文"
    return _SCRIPTS.get(script, "外文") if most >= _MOST * count.total() else ""


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _without_links(text: str) -> str:
    return re.sub(r"\S*(?:\[\.\]|://|\.[a-z]{2})\S*", " ", text)


def _is_pinyin(text: str) -> bool:
    words = re.findall(r"[a-z]+", _without_links(text.lower()))
    spoken = [word for word in words if _PINYIN.fullmatch(word)]
    return len(spoken) >= _SPOKEN * len(words)
