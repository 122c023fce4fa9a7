"""The roster from TOML or JSON: robots, chats and owners, corps, hooks, groups, officers."""

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from fenghuo.domain.channels import ROBOTS
from fenghuo.errors import Refused
from fenghuo.simulator.response_model import PROFILES, Profile


class SimulatedRobot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A robot in one group; ``key`` is WeCom's key, DingTalk's or Feishu's token."""

    channel: str
    """One of channels.ROBOTS."""
    key: str
    group_id: str
    secret: str = ""
    """If set, DingTalk and Feishu require a signature on every message."""
    keywords: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    """The client addresses that may use it; none: all."""


class Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A customer group on WeCom; ``owner`` is a WeCom user id."""

    chat_id: str
    owner: str
    group_id: str
    corp: str = ""
    """The corp's name; empty for the roster's only one."""
    name: str = ""
    members: int = 0


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who taps WeCom's tasks, by which profile; an owner that is not listed is "usual"."""

    userid: str
    profile: str = "usual"


class Corp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A WeCom credential. ``quota``: messages for each chat (a month: as many as it has days)."""

    name: str
    corpid: str
    secret: str
    agentid: int = 0
    """Of the app that sends messages to persons; 0: it sends none."""
    quota: Literal["month", "week", "day"] = "month"


class OfficerAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An account of the console that a simulated officer uses."""

    person_id: str
    password: str
    profile: str = "usual"


class ResidentGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A group of residents, on any channel."""

    group_id: str
    members: int = 0
    name: str = ""


class Roster(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All participants of the simulation."""

    robots: tuple[SimulatedRobot, ...] = ()
    chats: tuple[Chat, ...] = ()
    owners: tuple[Owner, ...] = ()
    corps: tuple[Corp, ...] = ()
    hooks: tuple[str, ...] = ()
    """The group ids that POST /hook/GROUP knows."""
    groups: tuple[ResidentGroup, ...] = ()
    officers: tuple[OfficerAccount, ...] = ()
    profiles: dict[str, Profile] = {}
    """Additional profiles, or built-in ones with other figures."""
    webhook_secret: str = ""


def read(parsed: Any) -> Roster:
    """A roster from parsed TOML or JSON; raises Refused with the reason."""
    try:
        roster = msgspec.convert(parsed, Roster)
    except msgspec.ValidationError as error:
        raise Refused(f"this roster cannot be used: {error}") from None
    _check(roster)
    return roster


def profiles_of(roster: Roster) -> dict[str, Profile]:
    """Every profile by its name."""
    return {**PROFILES, **roster.profiles}


def parse(path: Path) -> Any:
    """The content of a .toml or .json file; raises Refused if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise Refused(f"{path.name} cannot be read: {error}") from None


def _check(roster: Roster) -> None:
    for robot in roster.robots:
        if robot.channel not in ROBOTS:
            robots = ", ".join(sorted(ROBOTS))
            raise Refused(f"this roster cannot be used: no robot is of {robot.channel!r}, but of {robots}")
    corps = {corp.name for corp in roster.corps}
    for chat in roster.chats:
        if chat.corp not in corps and not (chat.corp == "" and len(corps) == 1):
            raise Refused(f"chat {chat.chat_id} is of the corp {chat.corp!r}, which the roster does not have")
    known = profiles_of(roster)
    for profile in (*(x.profile for x in roster.owners), *(x.profile for x in roster.officers)):
        if profile not in known:
            raise Refused(f"there is no profile {profile!r}; there are: {', '.join(sorted(known))}")
    names: dict[str, list[str]] = {
        "robot": [f"{robot.channel} {robot.key}" for robot in roster.robots],
        "chat": [chat.chat_id for chat in roster.chats],
        "owner": [owner.userid for owner in roster.owners],
        "corp": [corp.name for corp in roster.corps],
        "group": [group.group_id for group in roster.groups],
        "officer": [officer.person_id for officer in roster.officers],
    }
    for what, keys in names.items():
        if len(set(keys)) < len(keys):
            raise Refused(f"the roster has the same {what} twice")
