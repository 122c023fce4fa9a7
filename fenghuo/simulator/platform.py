"""The state of the simulated platforms: roster, faults, delivered messages, tokens, mass sends, limits."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from fenghuo.domain.channels import DINGTALK, FEISHU, WECOM_APP, WECOM_CUSTOMER_GROUP, WECOM_ROBOT
from fenghuo.simulator.clock import SimClock
from fenghuo.simulator.delivered_messages import DeliveredMessages
from fenghuo.simulator.faults import Faults, Misbehaviour, behaviour, revoked
from fenghuo.simulator.mass_send import MassSends
from fenghuo.simulator.rate_limits import SlidingWindow
from fenghuo.simulator.response_model import unit
from fenghuo.simulator.roster import Chat, Corp, Roster, SimulatedRobot, profiles_of

MOST_TARGETS = 200_000
MOST_EVENTS = 400_000
TOKENS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Token:
    """An access token of WeCom."""

    corp: str
    issued_s: float


class SimulatedPlatform:
    """The state that the endpoints read and change. No method awaits, so each request is atomic."""

    def __init__(self, clock: SimClock, *, seed: int = 0) -> None:
        self.clock = clock
        self.seed = seed
        self.faults = Faults()
        self.notices: dict[str, int] = {}
        """Number of notices to each officer, by person id."""
        self.officers: Callable[[], dict[str, int]] = dict
        """Returns the counters of the officers at the console's to-do page."""
        self._asked: dict[tuple[str, str], int] = {}
        self.use(Roster())
        self.reset()

    def use(self, roster: Roster) -> None:
        """Use this roster from now on; delivered messages stay."""
        self.roster = roster
        self.profiles = profiles_of(roster)
        self.robots: dict[tuple[str, str], SimulatedRobot] = {(r.channel, r.key): r for r in roster.robots}
        self.chats: dict[str, Chat] = {chat.chat_id: chat for chat in roster.chats}
        self.corps: dict[str, Corp] = {corp.corpid: corp for corp in roster.corps}
        self.by_name: dict[str, Corp] = {corp.name: corp for corp in roster.corps}
        self.owners = {owner.userid: owner.profile for owner in roster.owners}
        self.owners = {**{chat.owner: "usual" for chat in roster.chats}, **self.owners}
        self.chats_of: dict[tuple[str, str], list[str]] = {}
        for chat in roster.chats:
            self.chats_of.setdefault((self.corp_of(chat).name, chat.owner), []).append(chat.chat_id)
        self.hooks = frozenset(roster.hooks)
        self.people = frozenset(officer.person_id for officer in roster.officers)
        self.members = {chat.group_id: chat.members for chat in roster.chats if chat.members}
        self.members |= {group.group_id: group.members for group in roster.groups}
        self.names = {chat.group_id: chat.name for chat in roster.chats if chat.name}
        self.names |= {group.group_id: group.name for group in roster.groups if group.name}

    def reset(self) -> None:
        """Drop all messages, requests and tokens; roster and faults stay."""
        self.delivered = DeliveredMessages()
        self.mass_sends = MassSends(self)
        self.tokens: OrderedDict[str, Token] = OrderedDict()
        self.events: OrderedDict[tuple[str, str], None] = OrderedDict()
        self.notices.clear()
        self._asked.clear()
        self.rate_limits = {
            WECOM_ROBOT.name: SlidingWindow(20, 60, 60),
            DINGTALK.name: SlidingWindow(20, 60, 600),
            FEISHU.name: SlidingWindow(100, 60),
            f"{FEISHU.name}/second": SlidingWindow(5, 1),
            WECOM_CUSTOMER_GROUP.name: SlidingWindow(10_000, 60, 60),
            WECOM_APP.name: SlidingWindow(30, 60),
        }

    def corp_of(self, chat: Chat) -> Corp:
        """The corp that ``chat`` belongs to."""
        return self.by_name[chat.corp] if chat.corp in self.by_name else self.roster.corps[0]

    def draw(self, way: str, target: str) -> float:
        """A number from 0 to 1 for the next request of ``way`` about ``target``; independent of other
        targets."""
        if len(self._asked) > MOST_TARGETS:
            self._asked.clear()
        key = (way, target)
        self._asked[key] = nth = self._asked.get(key, 0) + 1
        return unit(self.seed, way, target, nth)

    def behaviour(self, way: str) -> Misbehaviour:
        """The faults in force for ``way``."""
        return behaviour(self.faults.ways, way)

    def revoked(self, way: str, target: str) -> bool:
        """Whether ``target`` is gone for good."""
        return revoked(self.behaviour(way), self.seed, way, target)

    def take(self, limit: str, key: str, most: int | None = None) -> bool:
        """Count one message of ``key``; False if its rate limit is exceeded."""
        return self.rate_limits[limit].take(key, self.clock.now_s(), most)

    def notify(self, person_id: str) -> None:
        """An officer is told to look at the to-do page; nothing happens for anybody else."""
        if person_id in self.people:
            self.notices[person_id] = self.notices.get(person_id, 0) + 1

    def show(self, group_id: str, text: str, channel: str, at_s: float | None = None) -> None:
        """Show ``text`` in ``group_id``, now or at the simulated time ``at_s``."""
        moment = self.clock.now_s() if at_s is None else at_s
        self.delivered.show(group_id, text, channel, self.clock.real_ms(moment))

    def is_repeat(self, place: str, event_id: str) -> bool:
        """Whether ``event_id`` was sent to ``place`` before; records it."""
        if (place, event_id) in self.events:
            self.delivered.asked_again += 1
            return True
        self.events[place, event_id] = None
        if len(self.events) > MOST_EVENTS:
            self.events.popitem(last=False)
        return False

    def lives_s(self, token: Token) -> float:
        """Real seconds until ``token`` expires; 0 or less if it has."""
        return self.faults.token_life_s - (self.clock.now_s() - token.issued_s) / self.clock.speed

    def give_token(self, corp: Corp, fresh: str) -> tuple[str, float]:
        """(token, real seconds until it expires): the current one, or ``fresh`` as a new one."""
        for text, token in reversed(self.tokens.items()):
            if token.corp == corp.name and self.lives_s(token) > 0:
                return text, self.lives_s(token)
        self.tokens[fresh] = Token(corp.name, self.clock.now_s())
        if len(self.tokens) > TOKENS_KEPT * max(1, len(self.corps)):
            self.tokens.popitem(last=False)
        return fresh, self.faults.token_life_s
