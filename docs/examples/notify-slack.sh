#!/bin/sh
# Tells a Slack channel that a job fails, works again or is overdue, over an incoming webhook:
#
#   on_failure  = { command = ["/etc/pgkit/notify-slack.sh"], timeout = "20s" }
#   on_recovery = { command = ["/etc/pgkit/notify-slack.sh"], timeout = "20s" }
#   on_overdue  = { command = ["/etc/pgkit/notify-slack.sh"], timeout = "20s" }
#   pass_environment = ["SLACK_WEBHOOK"]
#
# The same works for Mattermost and Rocket.Chat. Needs curl and jq: jq quotes what a job has printed.
set -eu
: "${SLACK_WEBHOOK:?set it to the URL of the webhook}"
jq -n --arg text "$(hostname): job ${PGKIT_JOB} is ${PGKIT_STATE} (run of ${PGKIT_RUN_DATE}) ${PGKIT_ERROR_TYPE-} ${PGKIT_ERROR_VALUE-}" \
    '{text: $text[:3000]}' |
    curl -fsS --max-time 15 -H 'Content-Type: application/json' --data @- "$SLACK_WEBHOOK" >/dev/null
