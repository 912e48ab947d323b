# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_pgkit_global_optspecs
    string join \n h/host= p/port= U/username= d/dbname= w/no-password W/password help V/version
end

function __fish_pgkit_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_pgkit_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_pgkit_using_subcommand
    set -l cmd (__fish_pgkit_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c pgkit -n "__fish_pgkit_needs_command" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_needs_command" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_needs_command" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_needs_command" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_needs_command" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_needs_command" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_needs_command" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_needs_command" -s V -l version -d 'Print version'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "find" -d 'Everything that contains a text: names, columns, types, bodies, definitions, options and comments'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "functions" -d 'Functions, procedures, aggregates, window and trigger functions, one a line'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "locks" -d 'Who waits for whom, as a forest: blockers at the root, every waiter under its blockers'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "relations" -d 'Tables, views, sequences and every other relation, one a line'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "sizes" -d 'What each table weighs, with its indexes and TOAST'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "run" -d 'A report of your own: a .sql file in your queries folder'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "log" -d 'Log all SQL without forgetting to stop, and read the server\'s log'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "bench" -d 'Measure two or more ways to get the same data'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "jobs" -d 'Run jobs on time, each date once, from as many machines as there are; on crontabber\'s tables'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "upgrade-check" -d 'What would stop pg_upgrade or hurt afterwards, in all databases; exit code 1 when something stops, or could not be looked at'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "sandbox" -d 'A throwaway server with sample data, to try everything on'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "completions" -d 'Print the completion script for a shell'
complete -c pgkit -n "__fish_pgkit_needs_command" -f -a "man" -d 'Print the manual page'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l server-version -d 'With --sql: for a server of this major version, without asking one' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l exclude-database -d 'With --all-databases: leave out databases that match, as in psql [also: PGKIT_EXCLUDE_DATABASE, comma-separated]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l watch -d 'Again and again, every so many seconds' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l regex -d 'TERM is a PostgreSQL regular expression'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l system -d 'System catalogs and functions too'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l sql -d 'Print that SQL on stdout, ready for psql, and do not run it'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l all-databases -d 'In every database one may connect to'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -l no-pager -d 'Do not page long answers on a terminal'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -s v -l verbose -d 'Say which text of the report was chosen, and why'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand find" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l kind -d 'Only functions of this kind' -r -f -a "function\t''
procedure\t''
aggregate\t''
window\t''
trigger\t''"
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l server-version -d 'With --sql: for a server of this major version, without asking one' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l exclude-database -d 'With --all-databases: leave out databases that match, as in psql [also: PGKIT_EXCLUDE_DATABASE, comma-separated]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l watch -d 'Again and again, every so many seconds' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l visible -d 'Only what the search path shows, as psql\'s \\df'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l system -d 'The system\'s own functions too'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l sql -d 'Print that SQL on stdout, ready for psql, and do not run it'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l all-databases -d 'In every database one may connect to'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -l no-pager -d 'Do not page long answers on a terminal'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -s v -l verbose -d 'Say which text of the report was chosen, and why'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand functions" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l server-version -d 'With --sql: for a server of this major version, without asking one' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l exclude-database -d 'With --all-databases: leave out databases that match, as in psql [also: PGKIT_EXCLUDE_DATABASE, comma-separated]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l watch -d 'Again and again, every so many seconds' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l fail-after -d 'Exit with 1 when somebody has waited longer; 0: as soon as somebody waits' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l sql -d 'Print that SQL on stdout, ready for psql, and do not run it'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l all-databases -d 'In every database one may connect to'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -l no-pager -d 'Do not page long answers on a terminal'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -s v -l verbose -d 'Say which text of the report was chosen, and why'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -f -a "demo" -d 'Let sessions go for the same row, and show who got what'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -f -a "cancel" -d 'Cancel the statements of these sessions, and see whether they ended'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and not __fish_seen_subcommand_from demo cancel terminate" -f -a "terminate" -d 'End these sessions, and see whether they are gone'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l sessions -d 'How many go for it' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l hold -d 'How long whoever gets the row keeps it' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l bin-dir -d 'With --sandbox: folder with initdb and postgres' -r -f -a "(__fish_complete_directories)"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l sandbox -d 'On a throwaway server of its own'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from demo" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l wait -d 'How long to wait until they are gone; 0 is not at all' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l yes -d 'Do not ask; needed where there is no terminal to ask on'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from cancel" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l wait -d 'How long to wait until they are gone; 0 is not at all' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l yes -d 'Do not ask; needed where there is no terminal to ask on'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand locks; and __fish_seen_subcommand_from terminate" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l kind -d 'Only relations of this kind; indexes are shown only when asked for' -r -f -a "table\t''
partitioned table\t''
view\t''
materialized view\t''
sequence\t''
foreign table\t''
index\t''
partitioned index\t''
TOAST table\t''"
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l server-version -d 'With --sql: for a server of this major version, without asking one' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l exclude-database -d 'With --all-databases: leave out databases that match, as in psql [also: PGKIT_EXCLUDE_DATABASE, comma-separated]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l watch -d 'Again and again, every so many seconds' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l visible -d 'Only what the search path shows, as psql\'s \\d'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l system -d 'System catalogs, information_schema and TOAST tables too'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l sql -d 'Print that SQL on stdout, ready for psql, and do not run it'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l all-databases -d 'In every database one may connect to'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -l no-pager -d 'Do not page long answers on a terminal'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -s v -l verbose -d 'Say which text of the report was chosen, and why'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand relations" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l by -d 'What makes a family (implies --group-partitions) [default: both]' -r -f -a "tree\t''
name\t''
both\t''"
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l group-regex -d 'Lump names by this PostgreSQL regular expression, whose first group is the family\'s name (implies --group-partitions)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l measure -d 'What to order by, the heaviest first' -r -f -a "main\t''
toast\t''
indexes\t''
total\t''"
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l server-version -d 'With --sql: for a server of this major version, without asking one' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l exclude-database -d 'With --all-databases: leave out databases that match, as in psql [also: PGKIT_EXCLUDE_DATABASE, comma-separated]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l watch -d 'Again and again, every so many seconds' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l group-partitions -d 'Lump families: a partition or inheritance tree under its root, tables whose names differ only in trailing digits and _, or in a date or number that two have, under the name before it'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l estimate -d 'Ask neither files nor locks: the page counts of the last VACUUM or ANALYZE'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l system -d 'System catalogs too'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l sql -d 'Print that SQL on stdout, ready for psql, and do not run it'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l all-databases -d 'In every database one may connect to'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -l no-pager -d 'Do not page long answers on a terminal'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -s v -l verbose -d 'Say which text of the report was chosen, and why'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand sizes" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand run" -l new -d 'Write a skeleton of a report into the first of your folders' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand run" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand run" -l list -d 'List your reports, with their summaries'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and not __fish_seen_subcommand_from on off status tail path grants" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and not __fish_seen_subcommand_from on off status tail path grants" -f -a "on" -d 'Log statements for a while, and put back what was there before'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and not __fish_seen_subcommand_from on off status tail path grants" -f -a "off" -d 'Put back what was there before `log on`: everywhere, or in one place'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and not __fish_seen_subcommand_from on off status tail path grants" -f -a "status" -d 'Say what is on, since when, by whom and until when; exit code 1 when it is overdue or sessions still log'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and not __fish_seen_subcommand_from on off status tail path grants" -f -a "tail" -d 'Show the server\'s log, read over SQL, or log files; -f goes on'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and not __fish_seen_subcommand_from on off status tail path grants" -f -a "path" -d 'Say where the configuration and the log are'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and not __fish_seen_subcommand_from on off status tail path grants" -f -a "grants" -d 'Print the SQL by which a superuser lets a role read the log, and nothing else'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l statement -d 'Which statements to log [default: all, unless --min-duration is given]' -r -f -a "all\t'Every one'
mod\t'Those that change data or definitions'
ddl\t'Those that change definitions'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l min-duration -d 'Log statements that take at least this long, with how long they took; 0 is all' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l database -d 'One database: sessions that begin from now on' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l role -d 'One role: sessions that begin from now on' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l for -d 'Switch back after this time, or `forever`' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l max-size -d 'Switch back when the log has grown by this much, or `unlimited`' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l global -d 'The whole server, by ALTER SYSTEM: living sessions too (the default)'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l tail -d 'Show what is logged meanwhile, and switch back at the end, also at Ctrl-C'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from on" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -l database -d 'One database: sessions that begin from now on' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -l role -d 'One role: sessions that begin from now on' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -l global -d 'The whole server, by ALTER SYSTEM: living sessions too (the default)'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -l force -d 'Put the original back even where somebody else has changed the setting meanwhile'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -l keep -d 'Leave what somebody else has made of it, and forget the original'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from off" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l measure -d 'How long to measure how fast the log grows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from status" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s n -l lines -d 'Only the last N entries [default: all of the current file; 10 with --follow]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l database -d 'Only entries of this database' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l user -d 'Only entries of this role' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l app -d 'Only entries of this application name' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l min-duration -d 'Only statements that took at least this long' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l since -d 'Only entries since then: 2026-11-24, \'2026-11-24 06:24:50\', with a zone as in RFC 3339, or 10m for ten minutes ago' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l until -d 'Only entries up to then' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l from -d 'The format of FILE [default: what it looks like]' -r -f -a "stderr\t'Lines that begin with log_line_prefix'
csv\t'csvlog'
json\t'jsonlog, from PostgreSQL 15 on'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l line-prefix -d 'The log_line_prefix of FILE, or the name of a known one: default, debian, redhat, suse, rds, azure, cloudsql, supabase, heroku, zalando, timescale, stackgres, aiven, pgbadger, edb [default: the usual one that fits]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l timezone -d 'The log_timezone of FILE [default: this machine\'s, if the times say so]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s f -l follow -d 'Go on with what is logged from now on, through rotation'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l errors -d 'Only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from tail" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from path" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from grants" -l role -d 'Who shall read the log [default: the role that would connect]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from grants" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from grants" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from grants" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from grants" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from grants" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from grants" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand log; and __fish_seen_subcommand_from grants" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l param -d 'Values that go through every variant: id=1..100, name=a,b,c or name=@FILE.csv; several are combined' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l runs -d 'So many turns; in each, one value goes through every variant [default: each value once; 100 without --param]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l time -d 'Go on for this time instead' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l warm-up -d 'Turns before it counts' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l protocol -d 'How statements are sent' -r -f -a "simple\t'One message with the text; values are put into it'
extended\t'Parse, bind and execute in one go; values are parameters'
prepared\t'Parsed once, bound and executed each time'"
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l clients -d 'So many sessions take turns at once' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l seed -d 'Decides the order and the intervals: the same seed, the same order [default: a random one, which is told]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l samples -d 'Write every sample to this file: csv, or json by its ending' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l html -d 'Write one self-contained page with figures and pictures to this file' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l allow-writes -d 'Allow statements that write: each run is a transaction that is rolled back. That does not undo sequences, what functions do outside the database, and the dead rows it leaves; locks are held until the run ends'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l same-rows -d 'Compare the rows of each variant\'s last statement, whatever their order; exit code 1 where they differ'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l pairs -d 'The pairs of variants instead: ratio of the medians, its 95% interval, and how many more runs would show 5%'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and not __fish_seen_subcommand_from demo" -a "demo" -d 'Two look-ups against one join, on a throwaway server with artists and songs'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l runs -d 'So many turns; in each, one value goes through every variant [default: each value once; 100 without --param]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l time -d 'Go on for this time instead' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l warm-up -d 'Turns before it counts' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l protocol -d 'How statements are sent' -r -f -a "simple\t'One message with the text; values are put into it'
extended\t'Parse, bind and execute in one go; values are parameters'
prepared\t'Parsed once, bound and executed each time'"
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l clients -d 'So many sessions take turns at once' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l seed -d 'Decides the order and the intervals: the same seed, the same order [default: a random one, which is told]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l samples -d 'Write every sample to this file: csv, or json by its ending' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l html -d 'Write one self-contained page with figures and pictures to this file' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l bin-dir -d 'Folder with initdb and postgres [default: PGKIT_PG_BIN, pg_config, the usual folders, PATH]' -r -f -a "(__fish_complete_directories)"
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l same-rows -d 'Compare the rows of each variant\'s last statement, whatever their order; exit code 1 where they differ'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l pairs -d 'The pairs of variants instead: ratio of the medians, its 95% interval, and how many more runs would show 5%'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand bench; and __fish_seen_subcommand_from demo" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "init" -d 'Make crontabber\'s tables, and pgkit\'s own beside them, as far as they are missing'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "check" -d 'Check a jobs file: every fault with file, line and job, or its jobs in the order in which they run'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "list" -d 'List the jobs at a glance: state, last run, next run, errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "run" -d 'Run what is due, once; or with --every again and again. Exit code 1: a job failed, 3: a due one is ongoing elsewhere, 2: a row was locked'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "next" -d 'Show what runs next, the soonest first'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "why" -d 'Say for every job, or for one, whether it would run now, and why or why not'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "status" -d 'Say what is not well; exit code 1 when a job fails, is overdue or stuck'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "history" -d 'Show the attempts of all jobs or of some, the latest first: when, how long, what came of it'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "reset" -d 'Pretend that a job never ran; its history stays'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "ghosts" -d 'List the rows of jobs that are not in the file'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "unlock" -d 'Give up a job\'s claim when nothing is behind it any more, or its hold after a crash'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "pause" -d 'Keep a job from running until it is resumed'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "resume" -d 'Let a paused job run again'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and not __fish_seen_subcommand_from init check list run next why status history reset ghosts unlock pause resume guard" -f -a "guard" -d 'Guard crontabber\'s table by a trigger, for where real crontabbers run beside pgkit'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -l schema -d 'The schema of the tables [default: where they are, else the first one of the search path]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -l example -d 'Print a commented jobs file that runs, and do nothing else'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from init" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from check" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from list" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l date -d 'For this date: 2026-01-31, with a time of day, or RFC 3339; without an offset in the job\'s time zone' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l parallel -d 'So many at once, where they do not depend on each other' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l every -d 'Stay, and look again at least this often' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l lock-dbname -d 'A direct connection to the same server, where the other one goes through a pooler: host=… port=…' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l force -d 'Whether they are due or not, and whatever they depend on; never past a lock'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l rerun -d 'With --date: also where that date succeeded already'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l dry-run -d 'Say which jobs would run and why, and run none'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -s v -l verbose -d 'Say of every job that does not run why it does not'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l stop-when-ongoing -d 'End the pass at the first job that is busy, as crontabber does'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l ignore-failures -d 'A job that fails does not make the exit code 1, as in crontabber'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from run" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -s n -l lines -d 'So many, the soonest first' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from next" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from why" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l nagios -d 'One line and exit codes 0, 1, 2 and 3, as monitoring plugins have them; crontabber\'s texts, plus overdue, stuck and paused jobs'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l prometheus -d 'Prometheus\'s text format'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from status" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -s n -l lines -d 'So many attempts, the latest first' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l failed -d 'Only what did not succeed'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l output -d 'With what each attempt printed, as far as it is kept: a column more'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from history" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from reset" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from ghosts" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from unlock" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from pause" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -l schema -d 'The schema of the tables [default: where they are]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from resume" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from guard" -l file -d 'The jobs file [default: PGKIT_JOBS, then ./jobs.toml]' -r -F
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from guard" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from guard" -f -a "install" -d 'Make the trigger: a crontabber that would take a running job gets its exit code 2'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from guard" -f -a "remove" -d 'Take the trigger away'
complete -c pgkit -n "__fish_pgkit_using_subcommand jobs; and __fish_seen_subcommand_from guard" -f -a "status" -d 'Say whether it is there; exit code 1 where it is not, or is switched off'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l to -d 'The new major version [default: that of --new-bin-dir, else the newest that pgkit knows]' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l new-bin-dir -d 'Folder with the new version\'s programs: a throwaway server of it is started, and everything tried on that' -r -f -a "(__fish_complete_directories)"
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l new-data-dir -d 'The new cluster, already made with those programs: it is compared with the old one' -r -f -a "(__fish_complete_directories)"
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l rehearsal-timeout -d 'How long the rehearsal may take; 0 is forever' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l format -d 'How the answer looks [default: table or tree on a terminal, tsv elsewhere]' -r -f -a "table\t'Aligned columns for people, with units'
tsv\t'One object a line, tabs between, escaped as COPY\'s text format'
csv\t'RFC 4180, with a header'
json\t'One array of objects'
jsonl\t'One object a line'
markdown\t'A table for an issue or a wiki, with units'
vertical\t'One value a line, with units'
tree\t'Who stands under whom, with units, where a report says so'"
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l columns -d 'Only these columns, in this order' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l sort -d 'Order by this column' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l limit -d 'Cut after this many rows' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l grep -d 'Keep rows whose line, as tsv, matches this regular expression (Rust\'s syntax)' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l color -d 'Colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -s h -l host -d 'The server\'s host, or the folder of its socket' -r -f -a "(__fish_print_hostnames)"
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -s p -l port -d 'The server\'s port' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -s U -l username -d 'The role to connect as' -r -f -a "(__fish_complete_users)"
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -s d -l dbname -d 'The database, a postgresql:// URL, or a "key=value ..." string' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l statement-timeout -d 'Give up when a statement takes longer; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l lock-timeout -d 'Give up when a lock is not to be had for this long; 0 is never' -r
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l no-rehearsal -d 'Do not rehearse the restore on that server'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l rehearsal -d 'Rehearse it also where that runs code of these databases as your own account'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l allow-unseen -d 'Exit with 0 although something could not be looked at'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l fix-sql -d 'Print the script for psql that mends what SQL on the old server can mend'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l allow-destructive -d 'With --fix-sql: what destroys something or takes a choice is not commented out'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l csv -d 'Short for --format csv'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l csv-safe -d 'With csv: a text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an apostrophe in front'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l json -d 'Short for --format json'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l header -d 'With a head, also where the format has none by default'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -l no-header -d 'Without a head'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -s w -l no-password -d 'Never ask for a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -s W -l password -d 'Ask for a password before connecting'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -s E -l echo-hidden -d 'Print the SQL that runs, with its parameters, on stderr'
complete -c pgkit -n "__fish_pgkit_using_subcommand upgrade-check" -s q -l quiet -d 'No remarks on stderr, only errors'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and not __fish_seen_subcommand_from tour run start stop status" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and not __fish_seen_subcommand_from tour run start stop status" -f -a "tour" -d 'Start a server, show what pgkit is for on it, step by step, and leave nothing behind'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and not __fish_seen_subcommand_from tour run start stop status" -f -a "run" -d 'Run one command, of pgkit or any other, on a server of its own'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and not __fish_seen_subcommand_from tour run start stop status" -f -a "start" -d 'Start a server that stays until `stop`; prints export lines for the shell'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and not __fish_seen_subcommand_from tour run start stop status" -f -a "stop" -d 'Stop the server that `start` started, and remove it'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and not __fish_seen_subcommand_from tour run start stop status" -f -a "status" -d 'Say which sandboxes run; exit code 1 when `start` has none running'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from tour" -l bin-dir -d 'Folder with initdb and postgres [default: PGKIT_PG_BIN, pg_config, the usual folders, PATH]' -r -f -a "(__fish_complete_directories)"
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from tour" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from tour" -l no-pause -d 'Do not wait for a key after each step, as on a terminal otherwise'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l bin-dir -d 'Folder with initdb and postgres [default: PGKIT_PG_BIN, pg_config, the usual folders, PATH]' -r -f -a "(__fish_complete_directories)"
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from start" -l bin-dir -d 'Folder with initdb and postgres [default: PGKIT_PG_BIN, pg_config, the usual folders, PATH]' -r -f -a "(__fish_complete_directories)"
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from start" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from start" -l tcp -d 'Listen on a free port of 127.0.0.1 too, with a password'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from stop" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand completions" -l help -d 'Print help'
complete -c pgkit -n "__fish_pgkit_using_subcommand completions" -l static -d 'Commands, flags and fixed values only: the shell never starts pgkit'
complete -c pgkit -n "__fish_pgkit_using_subcommand man" -l help -d 'Print help'
