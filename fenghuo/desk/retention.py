"""How long, and how many of, each thing is kept on the desk; seconds and counts."""

from fenghuo.domain.calendar import DAY_S

REPORT_KEPT_S = 30 * DAY_S
REPORTER_KEPT_S = 30 * DAY_S
"""As long as reports.received is kept, so that a rebuild knows the same reporters."""
URGENT_KEPT_S = DAY_S
URGENT_KEPT = 1_000
MATCHES_KEPT_S = 2 * DAY_S
MATCHES_KEPT = 5_000
"""Most recent matches stored per surge; far more than the test needs."""
HOURLY_KEPT_S = 8 * DAY_S
HOURLY_KEPT = 10_000
"""Most recent (hour, reporter) pairs stored per surge."""
LONE_KEPT_S, CLUSTER_KEPT_S = 7 * DAY_S, 30 * DAY_S
"""A cluster with one report, and with more: a campaign comes back after weeks."""
MEMBERS_KEPT = 2_000
"""Most recent members stored per cluster; older ones are only counted."""
OUTCOME_KEPT_S = DAY_S
WARNED_KEPT_S = 40 * DAY_S
"""As long as the longest quota looks back: a platform's month."""
TAP_TIMES_KEPT = 50
"""Most recent taps stored per person; the forecast of their next tap is made from these."""
