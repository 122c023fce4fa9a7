"""What a draft by hand starts from: an empty content for a cluster, and the cluster as the alert's origin."""

from datetime import timedelta

from fenghuo import clock
from fenghuo.domain.alert import AlertId, Audience, Content, Origin
from fenghuo.domain.channels import GROUP_CHANNELS
from fenghuo.domain.events import Cluster, derive_id
from fenghuo.domain.warning_text import WARNING_MARK, issuer

DRAFT_HOURS = 24


def alert_id_for(cluster_id: str) -> AlertId:
    """The id of the alert that is drafted from a cluster; the consumers derive the same one."""
    return AlertId(derive_id("alert", cluster_id))


def blank_content(cluster: Cluster) -> Content:
    return Content(
        title="",
        text=f"{WARNING_MARK}谨防\n\n提醒：不点链接，不转账。拿不准的打 96110。\n{issuer(cluster.district)}",
        correction=f"【更正】\n{issuer(cluster.district)}",
        audience=Audience(district=cluster.district),
        channels=GROUP_CHANNELS,
        severity="severe",
        expires_at=clock.now() + timedelta(hours=DRAFT_HOURS),
    )


def origin_of(cluster: Cluster) -> Origin:
    return Origin(
        first_report_at=cluster.first_at,
        fraud_type=cluster.fraud_type or "OTHER",
        cluster_id=cluster.cluster_id,
        reports=cluster.reports,
        towns=cluster.towns,
        examples=cluster.exemplars,
    )
