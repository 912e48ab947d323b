#!/bin/sh
# Opens an incident in PagerDuty when a job fails or is overdue, and resolves it when the job works again:
#
#   on_failure  = { command = ["/etc/pgkit/notify-pagerduty.sh"], timeout = "20s" }
#   on_recovery = { command = ["/etc/pgkit/notify-pagerduty.sh"], timeout = "20s" }
#   on_overdue  = { command = ["/etc/pgkit/notify-pagerduty.sh"], timeout = "20s" }
#   pass_environment = ["PAGERDUTY_KEY"]
#
# Needs curl and jq.
set -eu
: "${PAGERDUTY_KEY:?set it to the integration key of an Events API v2 service}"
case $PGKIT_STATE in recovered) action=resolve ;; *) action=trigger ;; esac
jq -n --arg key "$PAGERDUTY_KEY" --arg action "$action" --arg job "$PGKIT_JOB" --arg source "$(hostname)" \
    --arg text "job $PGKIT_JOB is $PGKIT_STATE: ${PGKIT_ERROR_TYPE-} ${PGKIT_ERROR_VALUE-}" \
    '{routing_key: $key, event_action: $action, dedup_key: ("pgkit job " + $job)[:255],
      payload: {summary: $text[:1024], source: $source, severity: "error"}}' |
    curl -fsS --max-time 15 -H 'Content-Type: application/json' --data @- https://events.pagerduty.com/v2/enqueue >/dev/null
