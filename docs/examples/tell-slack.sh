#!/bin/sh
# Posts its standard input to a Slack channel through the incoming webhook in SLACK_WEBHOOK. It needs curl and jq.
set -eu
: "${SLACK_WEBHOOK:?set it to the URL of the webhook}"
jq -R -s --arg host "$(hostname)" '{text: ($host + ":\n" + .)[:3000]}' |
    curl -fsS --max-time 15 -H 'Content-Type: application/json' --data @- "$SLACK_WEBHOOK" >/dev/null
