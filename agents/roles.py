"""Which model plays which role: a job may have a strong one solve and a cheap one repair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solvent.models.base import ChatModel, Role
    from solvent.models.profiles import ModelProfile


@dataclass(frozen=True)
class RoleModel:
    """A model and the profile that it was opened from."""

    model: ChatModel
    profile: ModelProfile


@dataclass(frozen=True)
class Cast:
    """Who plays what: `default` every role that `roles` does not name."""

    default: RoleModel
    roles: Mapping[Role, RoleModel] = field(default_factory=dict)

    def of(self, role: Role) -> RoleModel:
        """Return who plays a role."""
        return self.roles.get(role, self.default)
