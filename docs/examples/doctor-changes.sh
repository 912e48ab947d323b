#!/bin/sh
# Runs pgkit doctor, and gives what is new and what is gone since the last time to a program on its standard input:
#
#   doctor-changes.sh /var/lib/pgkit/doctor.tsv /etc/pgkit/tell-slack.sh
#
# The first argument is a file of its own, with what was wrong the last time; the others are the program. Nothing is told
# while nothing changes, and what could not be told is told the next time. Values are not compared, because they change
# all the time.
set -eu
last=$1
shift
# Always the same name, so that a run that is killed leaves no more than this file, and the next one uses it.
now=$last.new
code=0
pgkit doctor --fail-on warning --quiet --columns severity,check,database,object --grep '^(critical|warning|unseen)\t' >"$now" || code=$?
# 1 says that something is wrong. Anything else is a failure of this job.
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
