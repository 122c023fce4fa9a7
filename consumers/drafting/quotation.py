"""What a warning may quote: a clause that several people reported and that says how the scam works. Pure.

Only whole words in their normalised reading, only a clause with the pretext or the act; never one with a
name, a place finer than a town, or what ``forbidden`` finds. If none is fit, nothing is quoted.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from functools import cache

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from consumers.drafting.release_check import names_in
from consumers.live_library import fraud_types
from patterns.data.cues import THREAT
from patterns.entities.redact import forbidden
from patterns.signals.verdict_rules import hooks, names_known_good
from patterns.text.normalise import Normalised, clean, fold, fold_with_offsets, normalise
from patterns.text.words import is_between_words, is_word

QUOTE_LIMIT = 36
_SHORTEST = 6
"""Han characters of a clause that says something."""
_SAME_CLAUSE = 80
"""rapidfuzz partial_ratio from which two folded clauses say the same."""
_RUN = 2
"""Folded codes in a row that two texts must share to be quoted."""
_MORE_WORDS = 4
"""Extra folded codes that the other text may have at either end of the clause."""
_ANOTHER_CLAUSE = 60
"""partial_ratio below which two clauses say different things."""
_TELLS = 4
"""Characters of the fraud type's phrases from which a clause says how the scam works; a hook does too, or a
phrase with a threat."""
_GAP = "…"
_HEAD = re.compile(r"^[【\[].{1,12}[】\]]|^(?:并且?|而且|同时|以及)")
_MASK = re.compile(r"\[[^\]]{1,12}已隐藏\]|\w{0,4}\*{2,}\w{0,4}", re.ASCII)
_SIGNS_WITHIN = re.compile(r"(?<=[\u4e00-\u9fff])(?:[/.·~_+\- ]+|\*)(?=[\u4e00-\u9fff])")
_NO_BEGINNING = "的地得将被也就"
_MARKS = re.compile(r"[“”‘’\"'《》（）()「」]")
_ACCOUNT = r"[A-Za-z][\w\-]{5,}"
_FIGURES = r"[A-Za-z0-9\uff10-\uff5a]+"
_FINER_THAN_A_TOWN = (
    r"[\u4e00-\u9fff](?<![在的到走一上公铁网线半套思门后出活])(?:[路街巷弄](?![由线上况费程道头数])|胡同|大道)"
    r"|\d+[号栋幢弄](?:楼|院)?|\d+(?:单元|室)"
    r"|[\u4e00-\u9fff]{1,6}(?:[村屯庄寨]|新村|小区|花园|公寓|大厦|广场|家园|社区|市场|商城|车站)"
)
_HELP = r"110|报警|警察|反诈"
_TELLER = r"^我(?:妈|爸|朋友|同事|家|儿子|女儿|老公|老婆|邻居|奶奶|爷爷|也|刚|今天|昨天)|我(?:接到|收到|被)"
"""How somebody begins who tells of a scam; a fraudster does not speak so."""
_DRESSED = ("微信", "转账", "银行", "验证码", "账户", "账号", "贷款", "提现", "退款", "客服", "网址")
"""Words that senders write by sound, beside the fraud type's long phrases."""
_SURE_BY_SOUND = 3
"""Characters of a phrase from which its sound alone tells it: 包裹 sounds as 包过."""
_PAYEE = (
    r"[打转汇存交][到给入](?!我|您|你|指定|对公|安全|监管|核|新|该|客服|专)[\u4e00-\u9fff]{2,3}的?"
    r"(?:卡|账户|户头|户上)"
)
"""A receiver by name."""


def quote(
    shared: Sequence[str], phrases: Sequence[str] = (), limit: int = QUOTE_LIMIT, clauses: int = 2
) -> str:
    """The most telling of the ``shared`` clauses that may be shown to residents; "" if none may.

    With ``clauses`` 2, two of them if both fit into ``limit`` characters. ``phrases`` are the fraud type's.
    """
    known = [clean(phrase) for phrase in phrases]
    readings = dict.fromkeys(_reading(clause, phrases) for clause in shared)
    quotable = [x for x in readings if len(x) <= limit and is_quotable(x, known)]
    if not quotable:
        return ""
    best = max(quotable, key=lambda x: _weight(x, known))
    for other in sorted(quotable, key=lambda x: -_weight(x, known)) if clauses > 1 else ():
        if fuzz.partial_ratio(fold(best), fold(other)) < _ANOTHER_CLAUSE:
            both = "，".join(sorted((best, other), key=quotable.index))
            if len(both) <= limit and is_quotable(both, known):
                return both
    return best


def is_quotable(clause: str, phrases: Collection[str]) -> bool:
    """Whether a clause in its normalised reading may stand in a warning; ``phrases`` are cleaned ones."""
    plain = clean(clause)
    return (
        _tells(plain, phrases)
        and not re.search(
            rf"[\[\]*]|{_ACCOUNT}|{_FINER_THAN_A_TOWN}|{_TELLER}|{_HELP}|{_PAYEE}", clause, re.ASCII
        )
        and not names_known_good(plain)
        and not names_in(clause)
        and not forbidden(clause)
    )


def _tells(plain: str, phrases: Collection[str]) -> bool:
    """Whether the clause has the pretext or the act: the type's phrases, or something that it asks for."""
    told = _told(plain, phrases)
    threatens = told > 0 and re.search(THREAT, plain) is not None
    return threatens or told >= _TELLS or bool(hooks(plain).asked - {"reply"})


def _told(plain: str, phrases: Collection[str]) -> int:
    """Characters of ``phrases`` in the clause, each phrase once and none inside another one."""
    found = [x for x in phrases if x in plain]
    return sum(len(x) for x in found if not any(x != y and x in y for y in found))


def _weight(clause: str, phrases: Collection[str]) -> float:
    """How much a clause says about the bait: a claim more than a demand; gaps make it hard to read."""
    shown = clause.replace(_GAP, "")
    return (
        _told(clean(shown), phrases)
        + len(clause) / QUOTE_LIMIT
        - 2 * (shown != clause)
        - 8 * clause.startswith("请")
    )


# ---------------------------------------------------------------- the normalised reading


def _reading(clause: str, phrases: Sequence[str]) -> str:
    """``clause`` as it is meant: disguise undone, words written by sound restored, capitals kept."""
    plain = _GAP.join(map(_undressed, clause.split(_GAP)))
    sounds = fold(plain)
    for word in _words_by_sound(tuple(phrases)):
        if _sound(word) in sounds:
            plain = _respelled(plain, word)
    return _MARKS.sub("", plain)


@cache
def _words_by_sound(phrases: tuple[str, ...]) -> tuple[str, ...]:
    """The words that may be restored by their sound, the longest first."""
    found = {x for x in phrases if len(x) >= _SURE_BY_SOUND} | {*_DRESSED}
    han = [x for x in found if re.fullmatch(r"[\u4e00-\u9fff]{2,}", x)]
    return tuple(sorted(han, key=lambda x: (-len(x), x)))


@cache
def _sound(word: str) -> str:
    return fold(word)


def _undressed(piece: str) -> str:
    """``piece`` normalised, with its capitals."""
    norm = normalise(piece)
    return "".join(_with_capitals(piece, norm, i) for i in range(len(norm.text)))


def _with_capitals(piece: str, norm: Normalised, i: int) -> str:
    start, end = norm.span(i, i + 1)
    written = unicodedata.normalize("NFKC", "".join(filter(str.isprintable, piece[start:end])))
    return written if written.lower() == norm.text[i] else norm.text[i]


def _respelled(clause: str, word: str) -> str:
    """``clause`` with ``word`` where other characters of the same sound stand for it."""
    if word in clause:
        return clause
    sound = _sound(word)
    own = fold_with_offsets(clause)
    at = own.text.find(sound)
    if at < 0:
        return clause
    start, end = own.span(at, at + len(sound))
    written = clause[start:end]
    if len(written) != len(word) or is_word(written) or clean(written) == clean(word):
        return clause
    return clause[:start] + word + clause[end:]


# ---------------------------------------------------------------- what several people said


def clauses(text: str) -> list[str]:
    """The clauses of a masked message with six Han characters or more, without their heading and the signs
    that disguise them; masked parts become a gap."""
    pieces = (_HEAD.sub("", x.strip()) for x in re.split(r"[，。,；;！!？?：:\n]", _undisguised(text)))
    return [x for x in pieces if _says_something(x)]


def _undisguised(text: str) -> str:
    seen = "".join(c for c in text if unicodedata.category(c) not in {"Cf", "So", "Mn", "Me", "Sk"})
    return _SIGNS_WITHIN.sub("", _MASK.sub(_GAP, seen))


def _says_something(clause: str) -> bool:
    return len(re.findall(r"[\u4e00-\u9fff]", clause)) >= _SHORTEST


def shared_clauses(exemplars: Sequence[str], text: str) -> list[str]:
    """What both the clauses of ``exemplars`` and ``text``, by another person, say (compared by sound, so
    disguises match): of each clause the longest part in whole words, with a gap (…) for every figure that
    only one of them has."""
    folded, figures = fold(text), set(_figures(text))
    theirs = dict.fromkeys(clause for exemplar in exemplars for clause in clauses(exemplar))
    found = (_without_figures(_said_by_both(clause, folded), figures) for clause in theirs)
    return [x for x in dict.fromkeys(found) if _says_something(x)]


def _said_by_both(clause: str, folded: str) -> str:
    """The longest part of a clause, in whole words, that a folded text has too; "" if they do not say the
    same."""
    own = fold_with_offsets(clause)
    if own.text in folded:
        return clause
    at = fuzz.partial_ratio_alignment(own.text, folded, score_cutoff=_SAME_CLAUSE)
    if at is None:
        return ""
    there = folded[max(0, at.dest_start - _MORE_WORDS) : at.dest_end + _MORE_WORDS]
    same = [
        own.span(op.src_start, op.src_end)
        for op in Indel.opcodes(own.text, there)
        if op.tag == "equal" and op.src_end - op.src_start >= _RUN
    ]
    whole = (_whole_words(clause, *span) for span in _joined(clause, same) if _ends_there(clause, span[1]))
    return max(whole, key=len, default="")


def _ends_there(clause: str, end: int) -> bool:
    """Whether nothing but a particle follows: what a clause says comes last."""
    return re.fullmatch(r"[了吧哦啊呢呀嘛哈…]*", clause[end:]) is not None


def _joined(clause: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans, those put together between which the clause has figures or nothing."""
    found = list[tuple[int, int]]()
    for start, end in spans:
        if found and re.fullmatch(
            rf"(?:{_FIGURES}[时点分日号]?前?|[{_GAP}.:%*]|)*", clause[found[-1][1] : start]
        ):
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _whole_words(clause: str, start: int, end: int) -> str:
    """clause[start:end] without the parts of words at its ends."""
    known = _type_words()
    while start < end and not is_between_words(clause, start, known):
        start += 1
    while end > start and not is_between_words(clause, end, known):
        end -= 1
    return clause[start:end].lstrip(_NO_BEGINNING)


@cache
def _type_words() -> frozenset[str]:
    """The short phrases of all fraud types: the words of the trade, which no dictionary has."""
    return frozenset(cue for kind in fraud_types().values() for cue in kind.cues if 2 <= len(cue) <= 4)


def _figures(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", clean(text))


def _without_figures(clause: str, known: set[str]) -> str:
    """``clause`` with a gap for every number and Latin word that is not in ``known``."""
    cut = re.sub(_FIGURES, lambda m: m[0] if set(_figures(m[0])) <= known else _GAP, clause)
    return re.sub(f"{_GAP}+", _GAP, cut).strip(_GAP).lstrip(_NO_BEGINNING)


def in_order(shared: Sequence[str], exemplars: Sequence[str]) -> list[str]:
    """The ``shared`` clauses in the exemplars' order: the claim comes before the threat."""
    met = list(dict.fromkeys(clause for text in exemplars for clause in clauses(text)))

    def place(clause: str) -> int:
        runs = clause.split(_GAP)
        return next((n for n, clause in enumerate(met) if all(run in clause for run in runs)), len(met))

    return sorted(shared, key=place)
