"""Random and hostile texts through normalise, entities and match: no exception, no broken law, none slow.

FENGHUO_FUZZ_S (60) says how many seconds, FENGHUO_FUZZ_SEED (the day's number) what texts. Ends with exit
code 1 and the text, escaped, when a law is broken: a text of at most 10,000 characters takes longer than 50
ms (the best of three), normalising twice changes something, a span lies outside of the text.
"""

import os
import random
import sys
import time
from collections.abc import Callable

from consumers.live_library import seed_patterns
from patterns.data.everyday_messages import EVERYDAY
from patterns.entities.find import find
from patterns.entities.redact import mask
from patterns.matching import Library
from patterns.text.normalise import fold_with_offsets, normalise
from patterns.text.slots import example

LONGEST, LIMIT_MS = 10_000, 50.0
SPICE = (
    "１３8０零一幺①➊⑴🅥ѵｖ威信抠/。、 -.*\u200b\u202e\ufe0f\u20e3\u2062亻言禾刂詳証comgs微x加＋+咖叩邱q\n5六"
    "七{}[]@:#?=&ol【】《》“”（）%￥$元万验证码身份证微信扣群下载链接http://www.的是不别勿\ud800\udfff\U0001f1e8\U00020000\ue000\ue001\ue002\ue003\ufdfa"
)
RUNS = (
    "1",
    "一",
    ".",
    "a.",
    "1-",
    "微信",
    "扣扣",
    "www.",
    "http://",
    "验证码",
    "[.]",
    "@",
    "加+",
    "不要",
    "亻",
    "{link}",
    "\u2062",
    "a-",
    "a。",
    "w.",
    "a_",
    "aa-",
    "\ue000",
    "勿",
    "我",
)


class Texts:
    """Texts of a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.known = [example(p.text) for p in seed_patterns()] + list(EVERYDAY)

    def one(self) -> str:
        """A text of at most LONGEST characters, one of four of them as long as that."""
        r = self.random
        parts: list[Callable[[], str]] = [
            lambda: r.choice(self.known),
            lambda: "".join(r.choice(SPICE) for _ in range(r.randint(1, 40))),
            lambda: "".join(chr(r.randrange(0x110000)) for _ in range(r.randint(1, 20))),
            lambda: "".join(
                chr(r.choice((r.randrange(0x20, 0x3000), r.randrange(0x4E00, 0xA000)))) for _ in range(20)
            ),
            lambda: r.choice(RUNS) * r.randint(1, 60),
            lambda: "".join(r.choice("0123456789 -*.一二三") for _ in range(r.randint(1, 60))),
            lambda: "".join(c + r.choice(("", "\u200b", " ", ".", "")) for c in r.choice(self.known)),
        ]
        if r.random() < 0.1:
            return (r.choice(RUNS) * LONGEST)[: r.randint(1, LONGEST)]
        size = LONGEST if r.random() < 0.25 else r.randint(0, 300)
        text = ""
        while len(text) < size:
            text += r.choice(parts)()
        return text[:size]


def broken(text: str) -> str | None:
    """The law that the text's normal forms or entities break, if any."""
    norm = normalise(text)
    if normalise(norm.text).text != norm.text:
        return "normalising twice changes the text"
    for mapped in (norm, fold_with_offsets(text)):
        offsets = mapped.offsets.tolist()
        if len(offsets) != len(mapped.text) + 1 or offsets != sorted(offsets) or offsets[-1] != len(text):
            return "the map does not fit the text"
    last = 0
    for entity in find(text):
        if not last <= entity.start < entity.end <= len(text):
            return f"{entity.kind} lies at {entity.start}:{entity.end}"
        last = entity.end
    mask(text)
    return None


def shrunk(text: str) -> str:
    """The shortest text found that breaks the law which ``text`` breaks."""
    law, size = broken(text), len(text) // 2
    while law and size:
        at = 0
        while at < len(text):
            shorter = text[:at] + text[at + size :]
            if broken(shorter) == law:
                text = shorter
            else:
                at += size
        size //= 2
    return text


def milliseconds(work: Callable[[], object]) -> float:
    """Of one call, in time of this thread; the best of three if it seems slow."""
    best = LIMIT_MS * 10
    for _ in range(3):
        began = time.thread_time()
        work()
        best = min(best, (time.thread_time() - began) * 1e3)
        if best <= LIMIT_MS:
            break
    return best


def main() -> int:
    budget, seed = int(os.environ.get("FENGHUO_FUZZ_S", "60")), int(os.environ.get("FENGHUO_FUZZ_SEED", "1"))
    texts, library = Texts(seed), Library(seed_patterns())
    library.match(["预热"])
    worst, count, until = {"normalise": 0.0, "entities": 0.0, "match": 0.0}, 0, time.monotonic() + budget
    while time.monotonic() < until:
        text = texts.one()
        count += 1
        steps: dict[str, Callable[[], object]] = {
            "normalise": lambda t=text: normalise(t),  # type: ignore[misc]
            "entities": lambda t=text: find(t),  # type: ignore[misc]
            "match": lambda t=text: library.match([t]),  # type: ignore[misc]
        }
        try:
            took = {name: milliseconds(step) for name, step in steps.items()}
            law = broken(text) or next(
                (f"{k} takes {v:.0f} ms" for k, v in took.items() if v > LIMIT_MS), None
            )
            verdict = library.match([text])[0]
            if verdict.evidence and not 0 <= verdict.evidence[0] < verdict.evidence[1] <= len(text):
                law = f"the evidence lies at {verdict.evidence}"
        except Exception as error:
            law = repr(error)
        if law:
            print(f"seed {seed}, text {count}: {law}\n{shrunk(text).encode('unicode_escape').decode()}")
            return 1
        worst = {name: max(worst[name], took[name]) for name in worst}
    told = ", ".join(f"{name} {slowest:.1f} ms" for name, slowest in worst.items())
    print(f"{count:,} texts in {budget} s (seed {seed}): no exception, no broken law; slowest: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
