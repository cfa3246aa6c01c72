"""Tries the concepts of a project's memory, and gives them the status that its jobs showed them to deserve."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from solvent.errors import Conflict, NotFound, StoreError
from solvent.memory.concept import Concept, ConceptStatus
from solvent.memory.store import ConceptStore
from solvent.memory.trial import Evidence, TrialPolicy, drop_probability, standing
from solvent.workers.utility import ConceptUtility, UtilityStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProjectTrial:
    """The trial of one project; see `agents.recall.Trial`."""

    policy: TrialPolicy
    utility: UtilityStore
    project: str

    async def drop_probabilities(self, concepts: Sequence[Concept]) -> Mapping[str, float]:
        """Return with which probability each of these is left out of a job, by id.

        One that would be demoted and is not, such as one of a shared namespace, which this project cannot change, is
        shown as seldom as a demoted one.

        Raises:
            StoreError: the counters cannot be read.
        """
        known, rate = await self._known(concepts)
        return {
            one.id: 1 - self.policy.probe
            if standing(self.policy, one.status, known[one.id], rate).status is not ConceptStatus.ACTIVE
            and one.status is ConceptStatus.ACTIVE
            else drop_probability(self.policy, known[one.id], rate)
            for one in concepts
        }

    async def settle(self, store: ConceptStore, ids: Sequence[str]) -> list[Concept]:
        """Demote, archive or promote those of these concepts that deserve it; returns them as they are now.

        What cannot be read or written now is done after the next job that finds the concept.
        """
        changed = []
        try:
            concepts = [one for one in await store.found(ids) if one.namespace == self.project and one.is_found]
            known, rate = await self._known(concepts)
            for concept in concepts:
                to_be = standing(self.policy, concept.status, known[concept.id], rate)
                if to_be.status is concept.status:
                    continue
                try:
                    written = await store.stand(
                        concept.id, to_be.status, reason=to_be.reason, expected_version=concept.version
                    )
                except (Conflict, NotFound):
                    # Somebody changed it meanwhile, perhaps in the same way.
                    continue
                name = concept.content.name
                _log.info("concept %r of %s is %s: %s", name, self.project, to_be.status.value, to_be.reason)
                changed.append(written.concept)
        except StoreError as error:
            _log.warning("what concepts of %s are worth is looked at later: %s", self.project, error)
        return changed

    async def evidence(self, concepts: Sequence[Concept]) -> Mapping[str, Evidence]:
        """Return what is known of these concepts, by id. Raises StoreError."""
        rows: dict[str, list[ConceptUtility]] = {}
        for row in await self.utility.utility(self.project, [one.id for one in concepts]) if concepts else ():
            rows.setdefault(row.concept_id, []).append(row)
        return {one.id: evidence_of(one, rows.get(one.id, ())) for one in concepts}

    async def _known(self, concepts: Sequence[Concept]) -> tuple[Mapping[str, Evidence], float]:
        solved, ended = await self.utility.rate(self.project)
        return await self.evidence(concepts), (solved + 1) / (ended + 2)


def evidence_of(concept: Concept, counted: Iterable[ConceptUtility]) -> Evidence:
    """Return what the counters of a concept's versions tell of what it says now. Pure."""
    its = [row for row in counted if row.version >= concept.tried_since]
    return Evidence(
        with_it=sum(row.held_out_tried_with for row in its),
        solved_with=sum(row.held_out_solved_with for row in its),
        without=sum(row.held_out_tried_without for row in its),
        solved_without=sum(row.held_out_solved_without for row in its),
        helpful=sum(row.helpful for row in its),
        harmful=sum(row.harmful for row in its),
        retrieved=sum(row.retrieved for row in its),
        chosen=sum(row.chosen + row.held_out_tried_without for row in its),
        retrieved_as_demoted=sum(
            row.retrieved for row in its if concept.status is ConceptStatus.DEMOTED and row.version >= concept.version
        ),
    )
