"""``decide``: the pure function that applies one order to an alert.

Every version of a warning needs two persons: whoever created, last edited or submitted it may not approve it,
and an approval is bound to the exact content by its hash.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from fenghuo.domain.alert import (
    ALLOWED_ROLES,
    CLEARANCE_LENGTHS,
    LONGEST_LIFE,
    NEEDS_REASON,
    OVERRIDE_LENGTHS,
    REMEMBERED_DECISIONS,
    SEVERE,
    TEXT_LIMIT,
    TITLE_LIMIT,
    TRANSITIONS,
    UPDATING,
    Action,
    Alert,
    Clearance,
    Clearing,
    Content,
    Mention,
    Order,
    PersonId,
    State,
    Update,
    content_hash,
)
from fenghuo.errors import Denied

_Changes = dict[str, object]


class _Facts(msgspec.Struct, frozen=True):
    """What ``decide`` is told about the content of an order."""

    findings: tuple[str, ...]
    reach: tuple[int, int]
    frozen: str
    mentions: tuple[Mention, ...]


def decide(
    alert: Alert | None,
    order: Order,
    *,
    findings: Sequence[str],
    reach: tuple[int, int],
    frozen: str = "",
    mentions: Sequence[Mention] = (),
) -> Alert:
    """The alert after ``order``, or Denied.

    ``findings`` and ``mentions`` are the release check's objections to the content that the order affects
    (``affected_content``), and the names in it that a person must clear; ``reach`` is the (groups, residents)
    of its audience; ``frozen`` is, at a submission, the digest of the groups that match the audience. The
    time is the order's own, so a redelivered order gives the same answer. Idempotent: an order that was
    applied before returns the alert unchanged.
    """
    if alert is not None and order.decision_id in alert.decisions:
        return alert
    after = _next_state(alert, order)
    _check_person(order)
    facts = _Facts(tuple(findings), reach, frozen, tuple(mentions))
    if alert is None:
        return _create(order, facts)
    _check_fresh(alert, order)
    return msgspec.structs.replace(
        alert,
        state=after,
        revision=alert.revision + 1,
        changed_at=order.at,
        reason=order.reason,
        decisions=(*alert.decisions, order.decision_id)[-REMEMBERED_DECISIONS:],
        **_CHANGES[order.action](alert, order, facts),
    )


def affected_content(alert: Alert, action: Action) -> Content:
    """The content that ``action`` affects: the new version's for an action of an update, else the alert's."""
    return alert.update.content if action in UPDATING and alert.update else alert.content


def authors(alert: Alert, action: Action) -> set[PersonId]:
    """The persons who may not take the approval ``action``, because they wrote or submitted its content, or
    cleared a name in it."""
    found = {alert.created_by, alert.edited_by, alert.submitted_by}
    if action is Action.APPROVE_UPDATE and (update := alert.update):
        found = {alert.created_by, update.created_by, update.edited_by, update.submitted_by}
    found |= {clearance.by for clearance in affected_content(alert, action).clearances}
    return {person for person in found if person is not None}


def _next_state(alert: Alert | None, order: Order) -> State:
    before = alert.state if alert else None
    after = TRANSITIONS.get((before, order.action))
    if after is None:
        if alert is None:
            raise Denied("no_such_alert", f"there is no alert {order.alert_id}")
        raise Denied("not_now", f"{order.action} is not possible while the alert is {before}")
    return after


def _check_person(order: Order) -> None:
    if order.role not in ALLOWED_ROLES[order.action]:
        raise Denied("wrong_role", f"{order.role} may not {order.action}")
    if order.action in NEEDS_REASON and not (order.reason or "").strip():
        raise Denied("reason_missing", f"{order.action} needs a reason")


def _check_fresh(alert: Alert, order: Order) -> None:
    if order.seen_revision is not None and order.seen_revision != alert.revision:
        raise Denied("stale", "the alert has changed since the page was shown")
    if order.seen_hash is not None and order.seen_hash != content_hash(affected_content(alert, order.action)):
        raise Denied("stale", "the content has changed since the page was shown")
    if order.version and order.version != alert.version:
        raise Denied("other_version", f"version {alert.version} stands, not {order.version}")


def _create(order: Order, facts: _Facts) -> Alert:
    if order.content is None or order.origin is None:
        raise Denied("content_missing", "a draft needs content and origin")
    _check_content(order.content, order.at)
    return Alert(
        alert_id=order.alert_id, revision=1, version=1, state=State.DRAFT,
        content=with_frozen(order.content, "", ()), origin=order.origin, created_by=order.actor,
        created_at=order.at, changed_at=order.at, findings=facts.findings, mentions=facts.mentions,
        reach_groups=facts.reach[0], reach_residents=facts.reach[1], decisions=(order.decision_id,),
    )  # fmt: skip


def with_frozen(content: Content, digest: str, clearances: tuple[Clearance, ...] | None = None) -> Content:
    """``content`` with its audience frozen under ``digest`` ("": not frozen), and ``clearances`` if given."""
    audience = msgspec.structs.replace(content.audience, frozen=digest)
    kept = content.clearances if clearances is None else clearances
    return msgspec.structs.replace(content, audience=audience, clearances=kept)


def _check_content(content: Content, at: datetime) -> None:
    if not content.title.strip() or len(content.title) > TITLE_LIMIT:
        raise Denied("title_length", f"the title has 1 to {TITLE_LIMIT} characters")
    for text in (content.text, content.correction):
        if not text.strip() or len(text) > TEXT_LIMIT:
            raise Denied("text_length", f"warning and correction have 1 to {TEXT_LIMIT} characters each")
    if not at < content.expires_at <= at + LONGEST_LIFE:
        raise Denied("expiry", f"the expiry lies ahead, within {LONGEST_LIFE.days} days")
    if not content.channels:
        raise Denied("channels", "at least one channel is needed")
    least, most = OVERRIDE_LENGTHS
    if content.override and content.severity != SEVERE:
        raise Denied("override_severity", "only a severe warning overrides the limits")
    if content.override and not least <= len(content.override.strip()) <= len(content.override) <= most:
        raise Denied("override_length", f"the reason for overriding has {least} to {most} characters")


def _rewritten(alert: Alert, order: Order, facts: _Facts) -> Content:
    """The content of an edit or an update, not frozen; a clearance stays while its very mention does."""
    if order.content is None:
        raise Denied("content_missing", f"{order.action} needs content")
    if order.content.exercise != alert.content.exercise:
        raise Denied("exercise", "an exercise can never become live, nor a live alert an exercise")
    if order.content.audience.district != alert.content.audience.district:
        raise Denied("district", "an alert stays in its district")
    _check_content(order.content, order.at)
    known = affected_content(alert, order.action).clearances
    return with_frozen(order.content, "", tuple(x for x in known if x.mention in facts.mentions))


def _check_releasable(content: Content, order: Order, facts: _Facts) -> None:
    _check_content(content, order.at)
    if facts.findings:
        raise Denied("findings", f"the text must be changed first: {'; '.join(facts.findings)}")
    if unknown := content.uncleared(facts.mentions):
        raise Denied("mentions", f"nobody has cleared {', '.join(x.value for x in unknown)}")
    if facts.reach[0] == 0:
        raise Denied("nobody", "the audience has no group")


def _frozen(content: Content, order: Order, facts: _Facts) -> Content:
    """``content`` as submitted: from here on its hash covers the very groups of its audience."""
    _check_releasable(content, order, facts)
    if not facts.frozen:
        raise Denied("not_frozen", "a submission names the groups that its audience means")
    return with_frozen(content, facts.frozen)


def _check_approval(alert: Alert, order: Order, facts: _Facts) -> None:
    if order.seen_hash is None:
        raise Denied("hash_missing", "an approval names the content it approves")
    if order.actor in authors(alert, order.action):
        raise Denied("same_person", "whoever wrote or submitted the warning cannot approve it")
    content = affected_content(alert, order.action)
    if not content.audience.frozen:
        raise Denied("not_frozen", "its groups have not been frozen: submit it again")
    _check_releasable(content, order, facts)


def _pending(alert: Alert) -> Update:
    if alert.update is None:
        raise Denied("no_update", "the alert has no new version under way")
    return alert.update


def _unsubmitted(alert: Alert) -> Update:
    update = _pending(alert)
    if update.submitted_by is not None:
        raise Denied("not_now", "the new version waits for approval already")
    return update


def _noted(facts: _Facts) -> _Changes:
    return {
        "findings": facts.findings, "mentions": facts.mentions,
        "reach_groups": facts.reach[0], "reach_residents": facts.reach[1],
    }  # fmt: skip


def _keep(_alert: Alert, _order: Order, _known: _Facts) -> _Changes:
    return {}


def _edit(alert: Alert, order: Order, facts: _Facts) -> _Changes:
    return {
        "content": _rewritten(alert, order, facts), "edited_by": order.actor, "submitted_by": None,
        "submitted_at": None, **_noted(facts),
    }  # fmt: skip


def _clear(alert: Alert, order: Order, facts: _Facts) -> _Changes:
    return {"content": _with_clearances(alert.content, order, facts), "mentions": facts.mentions}


def _clear_update(alert: Alert, order: Order, facts: _Facts) -> _Changes:
    content = _with_clearances(_unsubmitted(alert).content, order, facts)
    return {"update": msgspec.structs.replace(_pending(alert), content=content, mentions=facts.mentions)}


def _with_clearances(content: Content, order: Order, facts: _Facts) -> Content:
    """``content`` with what the order clears, by its actor; each of its keys must be a mention's."""
    there = {x.key: x for x in facts.mentions}
    if not order.clears:
        raise Denied("clears_missing", "a clearance names what it clears")
    new = {each.key: _clearance(each, there, order) for each in order.clears}
    kept = {x.mention.key: x for x in content.clearances if x.mention.key in there}
    return msgspec.structs.replace(content, clearances=tuple((kept | new).values()))


def _clearance(wanted: Clearing, there: Mapping[str, Mention], order: Order) -> Clearance:
    least, most = CLEARANCE_LENGTHS
    if wanted.key not in there:
        raise Denied("no_such_mention", "the text no longer has what was to be cleared")
    if not least <= len(wanted.reason.strip()) <= len(wanted.reason) <= most:
        raise Denied("clearance_length", f"the reason for a clearance has {least} to {most} characters")
    return Clearance(mention=there[wanted.key], reason=wanted.reason.strip(), by=order.actor, at=order.at)


def _submit(alert: Alert, order: Order, facts: _Facts) -> _Changes:
    return {
        "content": _frozen(alert.content, order, facts), "submitted_by": order.actor,
        "submitted_at": order.at, **_noted(facts),
    }  # fmt: skip


def _approve(alert: Alert, order: Order, facts: _Facts) -> _Changes:
    _check_approval(alert, order, facts)
    return {
        "approved_by": order.actor, "approved_at": order.at, "approved_hash": content_hash(alert.content),
        **_noted(facts),
    }  # fmt: skip


def _complete(_alert: Alert, order: Order, _known: _Facts) -> _Changes:
    return {"completed_at": order.at}


def _expire(_alert: Alert, _order: Order, _known: _Facts) -> _Changes:
    return {"update": None}


def _recall(alert: Alert, _order: Order, _known: _Facts) -> _Changes:
    if alert.approved_by is None:
        raise Denied("not_now", "what never went out cannot be recalled")
    return {"update": None}


def _drop_update(alert: Alert, _order: Order, _known: _Facts) -> _Changes:
    _pending(alert)
    return {"update": None}


def _update(alert: Alert, order: Order, facts: _Facts) -> _Changes:
    update = Update(
        content=_rewritten(alert, order, facts),
        created_by=alert.update.created_by if alert.update else order.actor,
        edited_by=order.actor, edited_at=order.at, findings=facts.findings, mentions=facts.mentions,
        reach_groups=facts.reach[0], reach_residents=facts.reach[1],
    )  # fmt: skip
    return {"update": update}


def _submit_update(alert: Alert, order: Order, facts: _Facts) -> _Changes:
    update = _unsubmitted(alert)
    content, who = (
        _frozen(update.content, order, facts),
        {"submitted_by": order.actor, "submitted_at": order.at},
    )
    return {"update": msgspec.structs.replace(update, content=content, **who, **_noted(facts))}


def _approve_update(alert: Alert, order: Order, facts: _Facts) -> _Changes:
    """Replace the old version by the new one in one step, so that never both are in force."""
    update = _pending(alert)
    if update.submitted_by is None:
        raise Denied("not_now", "the new version has not been submitted")
    _check_approval(alert, order, facts)
    return {
        "content": update.content, "version": alert.version + 1, "update": None, "completed_at": None,
        "edited_by": update.edited_by, "submitted_by": update.submitted_by,
        "submitted_at": update.submitted_at,
        "approved_by": order.actor, "approved_at": order.at, "approved_hash": content_hash(update.content),
        **_noted(facts),
    }  # fmt: skip


_CHANGES: dict[Action, Callable[[Alert, Order, _Facts], _Changes]] = {
    Action.EDIT: _edit,
    Action.CLEAR: _clear,
    Action.SUBMIT: _submit,
    Action.APPROVE: _approve,
    Action.RETURN: _keep,
    Action.REJECT: _keep,
    Action.BEGIN: _keep,
    Action.COMPLETE: _complete,
    Action.RECALL: _recall,
    Action.EXPIRE: _expire,
    Action.UPDATE: _update,
    Action.CLEAR_UPDATE: _clear_update,
    Action.SUBMIT_UPDATE: _submit_update,
    Action.APPROVE_UPDATE: _approve_update,
    Action.DROP_UPDATE: _drop_update,
}
