# Completion of pgkit in bash.
_pgkit() {
    # Pathname expansion and word splitting would change a name, and readline inserts each as it stands here.
    # So pgkit gets the line up to the cursor and the part of it that will be replaced, and quotes what fits.
    local IFS= line=${COMP_LINE:0:COMP_POINT} word
    COMPREPLY=()
    while read -r word; do
        COMPREPLY[${#COMPREPLY[@]}]=$word
    done < <(COMPLETE=bash pgkit -- "$line" "$2" 2>/dev/null)
    # More follows on a schema's dot and on a flag's sign. Before bash 4 there is never a blank.
    if [[ ${COMPREPLY[0]-} != *[/.=:] ]]; then
        compopt +o nospace 2>/dev/null
    fi
    return 0
}
complete -o nospace -o bashdefault -o nosort -F _pgkit pgkit 2>/dev/null ||
    complete -o nospace -o bashdefault -F _pgkit pgkit
