"""Invented messages whose campaign is known, for measuring how well and how fast messages are clustered.

Campaigns come from the seeds that ship with Fenghuo: whole ones (`apart`), or spliced from clauses that
others use too (`sharing`). Senders change the values, swap characters for others of the same sound, put signs
between, leave out or move clauses, and talk around; everyday messages stand between, each its own campaign.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from bench._sentences import clauses
from consumers.live_library import seed_patterns
from patterns.characters.character_facts import is_han, syllables
from patterns.data.everyday_messages import EVERYDAY
from patterns.text.slots import example

_SIGNS = "。，.·、*~ \u200b"
_TALK = (
    "刚收到的，",
    "大家看看这个是真的吗：",
    "老妈转给我的，",
    "有没有人也收到：",
    "急，",
    "在吗，帮我看一下：",
)
_BEHIND = ("，谁知道怎么回事", " 是骗人的吧", "，要不要理他", "。回T退订", "【来电提醒】")


class Labelled(NamedTuple):
    """Messages, and the campaign of each."""

    texts: list[str]
    campaigns: list[int]


class Campaigns:
    """The same seed gives the same messages."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._seeds = [pattern.text for pattern in seed_patterns()]
        self._same_sound = defaultdict[str, list[str]](list)
        common = {c for text in (*EVERYDAY, *self._seeds) for c in text}
        for code, syllable in syllables().items():
            if chr(code) in common:
                self._same_sound[syllable].append(chr(code))

    def apart(self, campaigns: int, each: int, noise: int) -> Labelled:
        """Campaigns that are seeds of different wording, lightly altered."""
        return self._mixed(self._random.sample(self._seeds, campaigns), each, noise, most_edits=3, talk=0.1)

    def sharing(self, campaigns: int, each: int, noise: int, pool: int, most_edits: int) -> Labelled:
        """Campaigns of four clauses out of `pool`: two often share one, some share two or three."""
        every = sorted({c for text in self._seeds for c in clauses(text)})
        drawn = self._random.sample(every, pool)
        templates = {"，".join(self._random.sample(drawn, 4)) + " {link}" for _ in range(campaigns)}
        return self._mixed(sorted(templates), each, noise, most_edits, talk=0.3)

    def _mixed(
        self, templates: Sequence[str], each: int, noise: int, most_edits: int, talk: float
    ) -> Labelled:
        rows = [
            (self._variant(text, most_edits, talk), n)
            for n, text in enumerate(templates)
            for _ in range(each)
        ]
        rows += [(text, len(templates) + n) for n, text in enumerate(self._random.sample(EVERYDAY, noise))]
        self._random.shuffle(rows)
        return Labelled([text for text, _ in rows], [campaign for _, campaign in rows])

    def _variant(self, template: str, most_edits: int, talk: float) -> str:
        r, text = self._random, example(self._with_values(template))
        for _ in range(r.randint(0, most_edits)):
            text = r.choice((self._by_sound, self._by_sound, self._signed, self._without, self._moved))(text)
        if r.random() < talk:
            text = r.choice(_TALK) + text
        if r.random() < talk:
            text += r.choice(_BEHIND)
        return text

    def _with_values(self, template: str) -> str:
        r = self._random
        return (
            template.replace(
                "{link}", f"https://{r.choice('abkmxz')}{r.randrange(10**4)}.example.com/{r.randrange(99)}"
            )
            .replace("{phone}", f"1380013{r.randrange(10**4):04}")
            .replace("{wechat}", f"kefu_{r.randrange(10**5)}")
            .replace("{amount}", f"{r.randrange(1, 99)}00元")
            .replace("{name}", r.choice(("王强", "李丽", "陈先生", "赵女士")))
            .replace("{place}", r.choice(("东湖", "西桥", "北门", "南山")))
        )

    def _by_sound(self, text: str) -> str:
        """One character of eight as another of the same sound."""
        sounds = syllables()
        return "".join(
            self._random.choice(self._same_sound.get(sounds.get(ord(c), ""), [c]))
            if is_han(c) and self._random.random() < 0.12
            else c
            for c in text
        )

    def _signed(self, text: str) -> str:
        return "".join(c + self._random.choice(_SIGNS) if self._random.random() < 0.1 else c for c in text)

    def _without(self, text: str) -> str:
        """One character of twelve left out."""
        return "".join(c for c in text if not is_han(c) or self._random.random() > 0.08)

    def _moved(self, text: str) -> str:
        """A clause put elsewhere."""
        parts = text.split("，")
        part = parts.pop(self._random.randrange(len(parts)))
        parts.insert(self._random.randint(0, len(parts)), part)
        return "，".join(parts)


def pair_f1(found: Sequence[Hashable], true: Sequence[Hashable]) -> float:
    """F1 over all pairs of messages: in one cluster, of one campaign."""

    def pairs(groups: Counter[Hashable]) -> int:
        return sum(n * (n - 1) // 2 for n in groups.values())

    both = pairs(Counter(zip(found, true, strict=True)))
    together, related = pairs(Counter(found)), pairs(Counter(true))
    return 2 * both / max(1, together + related)


def bcubed_f(found: Sequence[Hashable], true: Sequence[Hashable]) -> float:
    """BCubed F (Bagga and Baldwin 1998): precision and recall of each message's own cluster, on average."""
    both, clusters, campaigns = Counter(zip(found, true, strict=True)), Counter(found), Counter(true)
    precision = sum(n * n / clusters[c] for (c, _), n in both.items()) / len(found)
    recall = sum(n * n / campaigns[t] for (_, t), n in both.items()) / len(found)
    return 2 * precision * recall / (precision + recall)
