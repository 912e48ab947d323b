#compdef pgkit
# Completion of pgkit in zsh, which quotes what it inserts as the open quote demands.
_pgkit() {
    # It does so neither between backquotes, where the shell reads twice, nor in a here-document, which knows no quotes.
    [[ $PREBUFFER$LBUFFER == (*\`*|*\<\<*$'\n'*) ]] && return 1
    local line
    local -a whole parts given=("${(@)words[1,CURRENT-1]}" "$QIPREFIX$PREFIX")
    for line in "${(@f)$(COMPLETE=zsh pgkit -- "${(@)given}" 2>/dev/null)}"; do
        if [[ ${line%%:*} == *[/.=] ]]; then
            parts+=("$line")
        elif [[ -n $line ]]; then
            whole+=("$line")
        fi
    done
    (( $#whole )) && _describe -V pgkit whole
    # More follows on a schema's dot.
    (( $#parts )) && _describe -V pgkit parts -S ''
    (( $#whole + $#parts ))
}
if [[ $funcstack[1] == _pgkit ]]; then
    _pgkit "$@"
else
    compdef _pgkit pgkit
fi
