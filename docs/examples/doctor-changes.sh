#!/bin/sh
# Runs pgkit doctor, and passes the findings that are new or gone since the last run to a program's standard input:
#
#   doctor-changes.sh /var/lib/pgkit/doctor.tsv /etc/pgkit/tell-slack.sh
#
# The first argument is the file in which this script keeps the findings of the last run. The other arguments are the
# program and its arguments. If nothing has changed, the program does not run. If it fails, the same changes are passed
# to it in the next run. Values are not compared, because they change all the time.
set -eu
last=$1
shift
# The name is always the same, so that a run that is killed leaves at most this file, which the next run overwrites.
now=$last.new
code=0
pgkit doctor --fail-on warning --quiet --columns severity,check,database,object --grep '^(critical|warning|unseen)\t' >"$now" || code=$?
# Exit code 1 means that something is wrong. Any other code but 0 means that this job has failed.
[ "$code" -le 1 ] || exit "$code"
LC_ALL=C sort -o "$now" "$now"
[ -f "$last" ] || : >"$last"
if cmp -s "$last" "$now"; then
    rm "$now"
    exit 0
fi
{
    LC_ALL=C comm -13 "$last" "$now" | sed 's/^/new:  /'
    LC_ALL=C comm -23 "$last" "$now" | sed 's/^/gone: /'
} | "$@"
mv "$now" "$last"
