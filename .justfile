# Recipes for https://just.systems; `just` lists them.

default:
    @just --list

# Formatting, lints and the tests that need no server
check:
    cargo fmt --check
    cargo clippy --all-targets --quiet -- -D warnings
    cargo test --lib
    cargo test --test all layers::

# All tests, on the installed server or on these versions: just test "10 18"
test majors="":
    {{ if majors == "" { "cargo test" } else { "MAJORS='" + majors + "' .ci/run" } }}

# Rewrites what is generated and committed: the examples of the pages, and the completions
update:
    UPDATE=1 cargo test --test all current::

# All tests on every supported version
matrix:
    MAJORS="10 11 12 13 14 15 16 17 18" .ci/run

# Measures pgkit beside psql, grep and pgbench
bench:
    cargo bench --bench peers
    cargo bench --bench log
    cargo bench --bench jobs
