"""Events of the directory: groups with their bindings, people."""

import msgspec

from fenghuo.domain.alert import Role
from fenghuo.domain.channels import SANDBOX
from fenghuo.domain.events.base import Event
from fenghuo.domain.events.reports import ReportPlace


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """One way to a group or a person."""

    channel: str
    target: str = ""
    """Its address on the channel; sealed (fenghuo.sealing) where it is a secret."""
    secret: str = ""
    """The robot's signing secret, sealed."""
    credential: str = ""
    """Which of fenghuo.credentials; empty: that of the settings."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A police-and-residents group and how it is reached: first by ``channel``, else by ``also`` in order."""

    group_id: str
    name: str
    place: ReportPlace
    station: str = ""
    owner: str = ""
    """A person's id."""
    deputy: str = ""
    """The id of the person who taps when the owner does not."""
    members: int = 0
    channel: str = SANDBOX.name
    target: str = ""
    """The channel's address (a webhook's URL), sealed where it is a secret; empty for the sandbox and the
    relay."""
    secret: str = ""
    credential: str = ""
    also: tuple[Binding, ...] = ()
    quota_day: int = 0
    """Warnings a day that it takes at most; 0: as the settings say."""
    tags: tuple[str, ...] = ()
    gone: bool = False

    @property
    def ways(self) -> tuple[Binding, ...]:
        """Every way to it, the preferred first."""
        first = Binding(
            channel=self.channel, target=self.target, secret=self.secret, credential=self.credential
        )
        return (first, *self.also)


class GroupChanged(Event, frozen=True, kw_only=True, tag="GroupChanged"):
    group: Group


class Person(msgspec.Struct, frozen=True, kw_only=True):
    person_id: str
    name: str
    role: Role
    district: str
    station: str = ""
    duty: bool = False
    """Whether this is a station's duty account, which sees all the station's groups."""
    userid: str = ""
    """What WeCom calls the person."""
    notify: Binding | None = None
    """Where the person is told of what waits for a tap."""
    gone: bool = False


class PersonChanged(Event, frozen=True, kw_only=True, tag="PersonChanged"):
    person: Person
