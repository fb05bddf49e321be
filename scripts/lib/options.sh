# Sourced by scripts before anything is set up: what is asked for in vain is answered at once.

# Where the script lies: it has gone to another folder before this is sourced.
[[ "$0" == /* ]] && script=$0 || script=$OLDPWD/$0

# The comment at the head of the script, from its second line on.
usage() { sed -n '2,${/^#/!q;s/^# \{0,1\}//p;}' "$script"; }

wrong() { say "${0##*/}: $1; see --help"; exit 2; }

# is_given --NAME: whether the option was among what known_options looked at.
is_given() { [[ "$given" == *" $1 "* ]]; }

# known_options 'WORD…' ARGUMENT…: the options are those of which the head of the script says '#   --name VALUE  …'.
known_options() {
  local words=" $1 " line name value whole='^[1-9][0-9]*$'
  shift
  given=" $* "
  while [ $# -gt 0 ]; do
    case "$1" in
      -h | --help) usage; exit 0 ;;
      --?*) ;;
      *) [[ "$words" == *" $1 "* ]] || wrong "does not know $1"; shift; continue ;;
    esac
    name=${1%%=*}
    line=$(usage | grep -E "^  $name( [A-Z])?  ?" | head -n 1) || wrong "does not know $name"
    value=$(sed -nE 's/^  --[a-z-]+ ([A-Z][A-Z,]*) .*/\1/p' <<<"$line")
    if [ -n "$value" ]; then
      if [[ "$1" != *=* ]]; then
        [ $# -gt 1 ] || wrong "$name needs a value: $name $value"
        set -- "$name=$2" "${@:3}"
      fi
      case "$value" in
        N | SECONDS | MIB) [[ "${1#*=}" =~ $whole ]] || wrong "$name takes a whole number, not ${1#*=}" ;;
      esac
    elif [[ "$1" == *=* ]]; then
      wrong "$name takes no value"
    fi
    shift
  done
}
