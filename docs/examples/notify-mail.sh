#!/bin/sh
# Sends a mail when a job fails, works again or is overdue:
#
#   on_failure  = { command = ["/etc/pgkit/notify-mail.sh", "ops@example.org"] }
#   on_recovery = { command = ["/etc/pgkit/notify-mail.sh", "ops@example.org"] }
#   on_overdue  = { command = ["/etc/pgkit/notify-mail.sh", "ops@example.org"] }
#
# Needs a sendmail program, as postfix, exim, msmtp and others bring one.
set -eu
# A header is one line, whatever the job is called.
subject=$(printf 'job %s is %s' "$PGKIT_JOB" "$PGKIT_STATE" | tr -d '\r\n')
{
    printf 'To: %s\nSubject: %s\nContent-Type: text/plain; charset=utf-8\n\n' "$1" "$subject"
    printf 'job:      %s\nstate:    %s\nrun date: %s\nfailures: %s\n' \
        "$PGKIT_JOB" "$PGKIT_STATE" "$PGKIT_RUN_DATE" "$PGKIT_ERROR_COUNT"
    printf '\n%s\n%s\n' "${PGKIT_ERROR_TYPE-}" "${PGKIT_ERROR_VALUE-}"
} | /usr/sbin/sendmail -i "$1"
