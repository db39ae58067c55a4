"""The workspace: its people, bots, channels and their members."""

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.installation import Installation

Json = dict[str, Any]

TEAM = "T0ACME"
OTHER_TEAM = "T0OTHER"
ENTERPRISE_NAME, ENTERPRISE_DOMAIN = "Corp", "corp"
"""The enterprise (Enterprise Grid organization) of workspaces that have person."""
OUR_USER, OUR_BOT, OUR_APP = "U0CASES", "B0CASES", "A0CASES"


@dataclass(slots=True)
class User:
    """A person, or a bot's user: then `bot_id` and `app_id` are set."""

    id: str
    name: str
    real_name: str
    team_id: str = TEAM
    enterprise_id: str | None = None
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    deleted: bool = False
    is_admin: bool = False
    bot_id: str | None = None
    app_id: str | None = None

    @property
    def is_bot(self) -> bool:
        return self.bot_id is not None

    def as_json(self) -> Json:
        """As `users.info` gives it; a stranger's has `is_stranger` and another `team_id`."""
        profile: Json = {"real_name": self.real_name, "display_name": self.real_name, "team": self.team_id}
        if self.is_bot:
            profile |= {"bot_id": self.bot_id, "api_app_id": self.app_id}
        user: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "tz": "Europe/Amsterdam",
            "profile": profile,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1_700_000_000,
        }
        if self.is_stranger:
            user["is_stranger"] = True
        if self.enterprise_id is not None:
            user["enterprise_user"] = {
                "id": self.id,
                "enterprise_id": self.enterprise_id,
                "enterprise_name": ENTERPRISE_NAME,
                "is_admin": self.is_admin,
                "is_owner": False,
                "teams": [self.team_id],
            }
        return user

    def bot_profile(self) -> Json:
        """`bot_profile` of a bot's message."""
        return {
            "id": self.bot_id,
            "app_id": self.app_id,
            "user_id": self.id,
            "name": self.real_name,
            "deleted": False,
            "updated": 1_700_000_000,
            "team_id": self.team_id,
        }


@dataclass(slots=True)
class Channel:
    """A channel. Ids of private ones begin with C too, as in Slack since 2021 (older ones have G)."""

    id: str
    name: str
    members: set[str] = field(default_factory=set[str])
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    is_im: bool = False

    @property
    def kind(self) -> str:
        """`channel_type` of an event: "channel", "group" or "im"."""
        return "im" if self.is_im else "group" if self.is_private else "channel"

    def as_json(self, workspace: "Workspace") -> Json:
        """As `conversations.info` gives it to our bot in this workspace."""
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private and not self.is_im,
            "is_group": False,
            "is_im": self.is_im,
            "is_mpim": False,
            "is_private": self.is_private,
            "is_archived": self.is_archived,
            "is_general": self.name == "general",
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "is_org_shared": False,
            "is_member": workspace.our_user in self.members,
            "context_team_id": workspace.team_id,
            "created": 1_700_000_000,
            "num_members": len(self.members),
        }


@dataclass(slots=True)
class Workspace:
    """A workspace and everything in it. `our_name` is our bot's display name, `our_user` the id of its user.

    `enterprise_id`: of its enterprise, if any.
    """

    our_name: str
    our_user: str
    team_id: str
    name: str
    domain: str
    enterprise_id: str | None
    installation: Installation
    users: dict[str, User] = field(default_factory=dict[str, User])
    channels: dict[str, Channel] = field(default_factory=dict[str, Channel])
    user_groups: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @property
    def us(self) -> User:
        return self.users[self.our_user]

    @property
    def installed_in(self) -> str | None:
        """The id of the team, or of the enterprise for an org-wide installation."""
        return self.enterprise_id if self.installation.is_org_wide else self.team_id

    @property
    def enterprise(self) -> Json | None:
        """As interactions and oauth.v2.access name it."""
        return None if self.enterprise_id is None else {"id": self.enterprise_id, "name": ENTERPRISE_NAME}

    def names(self) -> dict[str, str]:
        """The user ids by the names that can be typed after an @."""
        return {user.real_name: user.id for user in self.users.values()} | {
            user.name: user.id for user in self.users.values()
        }

    def direct(self, user: User) -> Channel:
        """The direct messages between a person and the app; opened on first use."""
        channel_id = f"D{user.id[1:]}"
        if channel_id not in self.channels:
            members = {self.our_user, user.id}
            self.channels[channel_id] = Channel(
                channel_id, f"{user.name}-and-app", members, is_private=True, is_im=True
            )
        return self.channels[channel_id]

    def we_are_in(self, channel: Channel) -> bool:
        return self.our_user in channel.members


def example_workspace(
    our_name: str, team_id: str, name: str, domain: str, enterprise_id: str | None, installation: Installation
) -> Workspace:
    """The workspace that every sandbox starts with. Ids are the same in all of them, except our bot's."""
    ours = "" if team_id == TEAM else team_id.removeprefix("T0")
    our_user, our_bot = OUR_USER + ours, OUR_BOT + ours
    elsewhere = TEAM if team_id == OTHER_TEAM else OTHER_TEAM
    people = [
        User(our_user, our_name.lower().replace(" ", "_"), our_name, bot_id=our_bot, app_id=OUR_APP),
        User("U0ANA", "ana", "Ana"),
        User("U0BEN", "ben", "Ben"),
        User("U0GUEST", "gil", "Gil", is_restricted=True),
        User("U0DATADOG", "datadog", "Datadog", bot_id="B0DATADOG", app_id="A0DATADOG"),
        User("USLACKBOT", "slackbot", "Slackbot"),
    ]
    for person in people:
        person.team_id, person.enterprise_id = team_id, enterprise_id
    people.insert(4, User("U0STRANGER", "stan", "Stan", team_id=elsewhere, is_stranger=True))
    staff = {"U0ANA", "U0BEN", "U0GUEST", "U0DATADOG"}
    channels = [
        Channel("C0INCIDENTS", "incidents", {*staff, our_user}),
        Channel("C0GENERAL", "general", {*staff, our_user}),
        Channel("C0LONELY", "lonely", set(staff)),
        Channel("C0SHARED", f"{domain}-and-other", {*staff, our_user, "U0STRANGER"}, is_ext_shared=True),
    ]
    return Workspace(
        our_name=our_name,
        our_user=our_user,
        team_id=team_id,
        name=name,
        domain=domain,
        enterprise_id=enterprise_id,
        installation=installation,
        users={user.id: user for user in people},
        channels={channel.id: channel for channel in channels},
    )
