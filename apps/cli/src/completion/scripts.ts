/**
 * What a shell reads to complete our words: it asks `spell complete` for each Tab. The words of the user go there as
 * words and are never evaluated, so that Tab behind `$(…)` starts nothing.
 */

/** Splits at spaces only, because bash also splits at `=` and `:`; what stands before those is not repeated. */
const BASH = `_spell_complete() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() word
  read -ra words <<< "$line"
  case $line in *[[:space:]]) words+=("") ;; esac
  local current=\${words[\${#words[@]} - 1]}
  local before=\${current%"\${current##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    if [ "$word" = :files ]; then
      compopt -o default 2>/dev/null
    elif [ -n "$word" ]; then
      COMPREPLY+=("\${word#"$before"}")
    fi
  done < <(command spell complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _spell_complete spell
`;

const ZSH = `#compdef spell
_spell() {
  local -a found
  local line files
  for line in "\${(@f)$(command spell complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      files=1
    elif [[ -n $line ]]; then
      found+=("\${\${line//:/\\\\:}/$'\\t'/:}")
    fi
  done
  if [[ -n $files ]]; then
    _files
  else
    (( \${#found} )) && _describe -V spell found
  fi
}
if [[ $funcstack[1] == _spell ]]; then
  _spell
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _spell spell
fi
`;

const FISH = `function __spell_complete
  for line in (command spell complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path (commandline -ct)
    else
      echo -- $line
    end
  end
end
complete -c spell -f -k -a '(__spell_complete)'
`;

/** By the name of the shell. */
export const COMPLETION_SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
