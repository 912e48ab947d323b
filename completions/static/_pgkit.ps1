
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'pgkit' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'pgkit'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'pgkit' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('--dbname', '--dbname', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('--no-password', '--no-password', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('find', 'find', [CompletionResultType]::ParameterValue, 'Everything about a topic: names, columns, bodies, definitions and comments that hold a text')
            [CompletionResult]::new('functions', 'functions', [CompletionResultType]::ParameterValue, 'Functions, procedures, aggregates, window and trigger functions, one a line')
            [CompletionResult]::new('relations', 'relations', [CompletionResultType]::ParameterValue, 'Tables, views, sequences and every other relation, one a line')
            [CompletionResult]::new('sizes', 'sizes', [CompletionResultType]::ParameterValue, 'What each table weighs, with its indexes and TOAST')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'A report of your own: a .sql file in your queries folder')
            [CompletionResult]::new('sandbox', 'sandbox', [CompletionResultType]::ParameterValue, 'A throwaway server with sample data, to try everything on')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page')
            break
        }
        'pgkit;find' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('--dbname', '--dbname', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('--server-version', '--server-version', [CompletionResultType]::ParameterName, 'With --sql: for a server of this major version, without asking one')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How the answer looks [default: table on a terminal, tsv elsewhere]')
            [CompletionResult]::new('--columns', '--columns', [CompletionResultType]::ParameterName, 'Only these columns, in this order')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Order by this column')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Cut after this many rows')
            [CompletionResult]::new('--grep', '--grep', [CompletionResultType]::ParameterName, 'Keep rows whose line, as tsv, matches this regular expression (Rust''s syntax)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Again and again, every so many seconds')
            [CompletionResult]::new('--statement-timeout', '--statement-timeout', [CompletionResultType]::ParameterName, 'Give up when a statement takes longer; 0 is never')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Give up when a lock is not to be had for this long; 0 is never')
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--regex', '--regex', [CompletionResultType]::ParameterName, 'TERM is a PostgreSQL regular expression')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'System catalogs and functions too')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('--no-password', '--no-password', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('--sql', '--sql', [CompletionResultType]::ParameterName, 'Print that SQL on stdout, ready for psql, and do not run it')
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'Short for --format csv')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'With a head, also where the format has none by default')
            [CompletionResult]::new('--no-header', '--no-header', [CompletionResultType]::ParameterName, 'Without a head')
            [CompletionResult]::new('--all-databases', '--all-databases', [CompletionResultType]::ParameterName, 'In every database one may connect to')
            [CompletionResult]::new('--no-pager', '--no-pager', [CompletionResultType]::ParameterName, 'Do not page long answers on a terminal')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say which text of the report was chosen, and why')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say which text of the report was chosen, and why')
            [CompletionResult]::new('-E', '-E ', [CompletionResultType]::ParameterName, 'Print the SQL that runs, with its parameters, on stderr')
            [CompletionResult]::new('--echo-hidden', '--echo-hidden', [CompletionResultType]::ParameterName, 'Print the SQL that runs, with its parameters, on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No remarks on stderr, only errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No remarks on stderr, only errors')
            break
        }
        'pgkit;functions' {
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'Only functions of this kind')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('--dbname', '--dbname', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('--server-version', '--server-version', [CompletionResultType]::ParameterName, 'With --sql: for a server of this major version, without asking one')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How the answer looks [default: table on a terminal, tsv elsewhere]')
            [CompletionResult]::new('--columns', '--columns', [CompletionResultType]::ParameterName, 'Only these columns, in this order')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Order by this column')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Cut after this many rows')
            [CompletionResult]::new('--grep', '--grep', [CompletionResultType]::ParameterName, 'Keep rows whose line, as tsv, matches this regular expression (Rust''s syntax)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Again and again, every so many seconds')
            [CompletionResult]::new('--statement-timeout', '--statement-timeout', [CompletionResultType]::ParameterName, 'Give up when a statement takes longer; 0 is never')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Give up when a lock is not to be had for this long; 0 is never')
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--visible', '--visible', [CompletionResultType]::ParameterName, 'Only what the search path shows, as psql''s \df')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'The system''s own functions too')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('--no-password', '--no-password', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('--sql', '--sql', [CompletionResultType]::ParameterName, 'Print that SQL on stdout, ready for psql, and do not run it')
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'Short for --format csv')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'With a head, also where the format has none by default')
            [CompletionResult]::new('--no-header', '--no-header', [CompletionResultType]::ParameterName, 'Without a head')
            [CompletionResult]::new('--all-databases', '--all-databases', [CompletionResultType]::ParameterName, 'In every database one may connect to')
            [CompletionResult]::new('--no-pager', '--no-pager', [CompletionResultType]::ParameterName, 'Do not page long answers on a terminal')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say which text of the report was chosen, and why')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say which text of the report was chosen, and why')
            [CompletionResult]::new('-E', '-E ', [CompletionResultType]::ParameterName, 'Print the SQL that runs, with its parameters, on stderr')
            [CompletionResult]::new('--echo-hidden', '--echo-hidden', [CompletionResultType]::ParameterName, 'Print the SQL that runs, with its parameters, on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No remarks on stderr, only errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No remarks on stderr, only errors')
            break
        }
        'pgkit;relations' {
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'Only relations of this kind; indexes are shown only when asked for')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('--dbname', '--dbname', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('--server-version', '--server-version', [CompletionResultType]::ParameterName, 'With --sql: for a server of this major version, without asking one')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How the answer looks [default: table on a terminal, tsv elsewhere]')
            [CompletionResult]::new('--columns', '--columns', [CompletionResultType]::ParameterName, 'Only these columns, in this order')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Order by this column')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Cut after this many rows')
            [CompletionResult]::new('--grep', '--grep', [CompletionResultType]::ParameterName, 'Keep rows whose line, as tsv, matches this regular expression (Rust''s syntax)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Again and again, every so many seconds')
            [CompletionResult]::new('--statement-timeout', '--statement-timeout', [CompletionResultType]::ParameterName, 'Give up when a statement takes longer; 0 is never')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Give up when a lock is not to be had for this long; 0 is never')
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--visible', '--visible', [CompletionResultType]::ParameterName, 'Only what the search path shows, as psql''s \d')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'System catalogs, information_schema and TOAST tables too')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('--no-password', '--no-password', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('--sql', '--sql', [CompletionResultType]::ParameterName, 'Print that SQL on stdout, ready for psql, and do not run it')
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'Short for --format csv')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'With a head, also where the format has none by default')
            [CompletionResult]::new('--no-header', '--no-header', [CompletionResultType]::ParameterName, 'Without a head')
            [CompletionResult]::new('--all-databases', '--all-databases', [CompletionResultType]::ParameterName, 'In every database one may connect to')
            [CompletionResult]::new('--no-pager', '--no-pager', [CompletionResultType]::ParameterName, 'Do not page long answers on a terminal')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say which text of the report was chosen, and why')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say which text of the report was chosen, and why')
            [CompletionResult]::new('-E', '-E ', [CompletionResultType]::ParameterName, 'Print the SQL that runs, with its parameters, on stderr')
            [CompletionResult]::new('--echo-hidden', '--echo-hidden', [CompletionResultType]::ParameterName, 'Print the SQL that runs, with its parameters, on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No remarks on stderr, only errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No remarks on stderr, only errors')
            break
        }
        'pgkit;sizes' {
            [CompletionResult]::new('--by', '--by', [CompletionResultType]::ParameterName, 'What makes a family (implies --group-partitions) [default: both]')
            [CompletionResult]::new('--group-regex', '--group-regex', [CompletionResultType]::ParameterName, 'Lump names by this PostgreSQL regular expression, whose first group is the family''s name (implies --group-partitions)')
            [CompletionResult]::new('--measure', '--measure', [CompletionResultType]::ParameterName, 'What to order by, the heaviest first')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The server''s host, or the folder of its socket')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The server''s port')
            [CompletionResult]::new('-U', '-U ', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'The role to connect as')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('--dbname', '--dbname', [CompletionResultType]::ParameterName, 'The database, a postgresql:// URL, or a "key=value ..." string')
            [CompletionResult]::new('--server-version', '--server-version', [CompletionResultType]::ParameterName, 'With --sql: for a server of this major version, without asking one')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How the answer looks [default: table on a terminal, tsv elsewhere]')
            [CompletionResult]::new('--columns', '--columns', [CompletionResultType]::ParameterName, 'Only these columns, in this order')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Order by this column')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Cut after this many rows')
            [CompletionResult]::new('--grep', '--grep', [CompletionResultType]::ParameterName, 'Keep rows whose line, as tsv, matches this regular expression (Rust''s syntax)')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Again and again, every so many seconds')
            [CompletionResult]::new('--statement-timeout', '--statement-timeout', [CompletionResultType]::ParameterName, 'Give up when a statement takes longer; 0 is never')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Give up when a lock is not to be had for this long; 0 is never')
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--group-partitions', '--group-partitions', [CompletionResultType]::ParameterName, 'Lump families: a partition or inheritance tree under its root, tables whose names differ only in trailing digits and _ under the trimmed name')
            [CompletionResult]::new('--estimate', '--estimate', [CompletionResultType]::ParameterName, 'Ask neither files nor locks: the page counts of the last VACUUM or ANALYZE')
            [CompletionResult]::new('--system', '--system', [CompletionResultType]::ParameterName, 'System catalogs too')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('--no-password', '--no-password', [CompletionResultType]::ParameterName, 'Never ask for a password')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('--password', '--password', [CompletionResultType]::ParameterName, 'Ask for a password before connecting')
            [CompletionResult]::new('--sql', '--sql', [CompletionResultType]::ParameterName, 'Print that SQL on stdout, ready for psql, and do not run it')
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'Short for --format csv')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Short for --format json')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'With a head, also where the format has none by default')
            [CompletionResult]::new('--no-header', '--no-header', [CompletionResultType]::ParameterName, 'Without a head')
            [CompletionResult]::new('--all-databases', '--all-databases', [CompletionResultType]::ParameterName, 'In every database one may connect to')
            [CompletionResult]::new('--no-pager', '--no-pager', [CompletionResultType]::ParameterName, 'Do not page long answers on a terminal')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say which text of the report was chosen, and why')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say which text of the report was chosen, and why')
            [CompletionResult]::new('-E', '-E ', [CompletionResultType]::ParameterName, 'Print the SQL that runs, with its parameters, on stderr')
            [CompletionResult]::new('--echo-hidden', '--echo-hidden', [CompletionResultType]::ParameterName, 'Print the SQL that runs, with its parameters, on stderr')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No remarks on stderr, only errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No remarks on stderr, only errors')
            break
        }
        'pgkit;run' {
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List your reports, with their summaries')
            break
        }
        'pgkit;sandbox' {
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('tour', 'tour', [CompletionResultType]::ParameterValue, 'Start a server, show the main commands on it, and leave nothing behind')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run one command, of pgkit or any other, on a server of its own')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start a server that stays until `stop`; prints export lines for the shell')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop the server that `start` started, and remove it')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say which sandboxes run; exit code 1 when `start` has none running')
            break
        }
        'pgkit;sandbox;tour' {
            [CompletionResult]::new('--bin-dir', '--bin-dir', [CompletionResultType]::ParameterName, 'Folder with initdb and postgres [default: PGKIT_PG_BIN, pg_config, the usual folders, PATH]')
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'pgkit;sandbox;run' {
            [CompletionResult]::new('--bin-dir', '--bin-dir', [CompletionResultType]::ParameterName, 'Folder with initdb and postgres [default: PGKIT_PG_BIN, pg_config, the usual folders, PATH]')
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'pgkit;sandbox;start' {
            [CompletionResult]::new('--bin-dir', '--bin-dir', [CompletionResultType]::ParameterName, 'Folder with initdb and postgres [default: PGKIT_PG_BIN, pg_config, the usual folders, PATH]')
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--tcp', '--tcp', [CompletionResultType]::ParameterName, 'Listen on a free port of 127.0.0.1 too, with a password')
            break
        }
        'pgkit;sandbox;stop' {
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'pgkit;sandbox;status' {
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'pgkit;completions' {
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--static', '--static', [CompletionResultType]::ParameterName, 'Commands, flags and fixed values only: the shell never starts pgkit')
            break
        }
        'pgkit;man' {
            [CompletionResult]::new('-?', '-?', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
