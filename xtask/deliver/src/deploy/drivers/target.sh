#!/bin/sh
# The target's side of every call: one script, named by its digest, in `bin/` of the service's folder on the host.
# It needs what a Debian with systemd has: a POSIX sh, coreutils, util-linux (flock), sed, awk, tar, gzip.
#
#   target WORD FENCE DEPLOYMENT [ARGUMENT...]     one JSON document on standard output: the answer or the trouble
#
# - Whatever changes something checks the fence, writes its intent, does it, and writes that it is done, each on the
#   disk before the next. So whoever is killed in between leaves a journal that says so, and the call can be repeated.
# - Three locks: `lock` is held by a deployer's session; `call` by a call that changes something, so that whoever takes
#   `lock` ends the call of the one before; `state` only for moments, also by the undo, which waits for nobody.
# - What is selected for a trial is in the folder `run`, which a reboot empties; what is confirmed is on the disk.
# - A release's folder is named by its id, with `:` for `+`, which the name of a unit cannot hold. Here that is its key.
# - What differs between systemd and the host process of the `local` driver is in the functions `unit_*` and `undo_*`.
#
# To change it: every word is a function `do_WORD`; the driver's side is words.rs, the answers are read in answer.rs.
set -eu
umask 022
LC_ALL=C
export LC_ALL

base=$(cd "$(dirname "$0")/.." && pwd)
releases=$base/releases
state=$base/state
journal=$state/journal.jsonl
# service, flavour, run; for `local` also control.
# shellcheck source=/dev/null
. "$base/settings"
: "${service:?}" "${flavour:?}" "${run:?}"

word=$1
fence=$2
deployment=$3
shift 3
why=
zeros=0000000000000000000000000000000000000000000000000000000000000000

# ---- answers ----

# A text as a JSON string: other control characters than line ends go away.
json() {
  printf '%s' "$1" | tail -c 2000 | tr '\t\r' '  ' | tr -d '\000-\011\013-\037\177' |
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' |
    awk 'BEGIN { printf "\"" } NR > 1 { printf "\\n" } { printf "%s", $0 } END { printf "\"" }'
}

# A key as the id of a release, or null.
id() {
  if [ -n "$1" ] && [ "$1" != - ]; then printf '"%s"' "$(printf '%s' "$1" | tr : +)"; else printf null; fi
}

done_so() { printf '{"answer":"done"}\n'; }

# Nothing was changed.
refuse() {
  if [ -n "${intended:-}" ]; then append failed "$intended" || true; fi
  printf '{"trouble":"refused","why":%s}\n' "$(json "$1")"
  exit 0
}

# The service did not do what it must.
fail() {
  if [ -n "${intended:-}" ]; then append failed "$intended" || true; fi
  printf '{"trouble":"failed","why":%s}\n' "$(json "$1")"
  exit 0
}

# ---- files ----

now() {
  if [ "$flavour" = local ] && [ -f "$base/clock" ]; then
    echo $(($(date +%s) + $(cat "$base/clock")))
  else
    date +%s
  fi
}

# A clock that nobody sets, in seconds. A local host goes by the one that its tests set.
monotonic() {
  if [ "$flavour" = local ]; then now; else cut -d . -f 1 /proc/uptime; fi
}

# Replaces a small file, on the disk before it returns. Not for `run`, which has no disk.
put() {
  if printf '%s\n' "$2" 2> /dev/null > "$1.new" && sync "$1.new" && mv "$1.new" "$1" && sync "$(dirname "$1")"; then
    return 0
  fi
  rm -f "$1.new"
  return 1
}

# The first word of a small file, or nothing.
read_word() {
  read_word_value=
  if [ -f "$1" ]; then read -r read_word_value _ < "$1" || true; fi
  printf '%s' "$read_word_value"
}

# Nothing that runs on may inherit a lock.
alone() { "$@" 7>&- 8>&- 9>&-; }

# Sets `key` to that of an id; empty for none.
parse() {
  case $1 in
    - | '') key= ;;
    *[!A-Za-z0-9._+~-]* | .*) refuse "\`$1\` is no id of a release" ;;
    *) key=$(printf '%s' "$1" | tr + :) ;;
  esac
}

# ---- the journal ----

# A line that was not written to its end is no line: it is set aside, and the next one follows the last whole one.
set_torn_aside() {
  if [ -s "$journal" ] && [ -n "$(tail -c 1 "$journal")" ]; then
    whole=$(head -n "$(wc -l < "$journal")" "$journal" | wc -c)
    tail -c "+$((whole + 1))" "$journal" > "$journal.torn-$(date +%s%N)" 2> /dev/null || true
    truncate -s "$whole" "$journal"
    sync "$journal"
  fi
}

append() { # phase subject [step] [labels]
  set_torn_aside
  prev=$zeros
  seq=1
  before=0
  if [ -s "$journal" ]; then
    last=$(tail -n 1 "$journal")
    prev=$(printf '%s' "$last" | sha256sum)
    prev=${prev%% *}
    seq=${last#*\"seq\":}
    seq=$((${seq%%,*} + 1))
    before=$(wc -c < "$journal")
  fi
  line="{\"seq\":$seq,\"prev\":\"$prev\",\"deployment\":\"$deployment\",\"fence\":$fence,\"step\":\"${3:-$word}\""
  line="$line,\"phase\":\"$1\",\"subject\":\"$(printf '%s' "$2" | tr : +)\",\"at_seconds\":$(now)"
  if [ -n "${4:-}" ] && [ "$4" != '{}' ]; then line="$line,\"labels\":$4"; fi
  if ! printf '%s}\n' "$line" 2> /dev/null >> "$journal" || ! sync "$journal"; then
    truncate -s "$before" "$journal"
    return 1
  fi
}

# ---- locks and fences ----

lock_state() {
  exec 8> "$state/state"
  flock 8
}

unlock_state() { exec 8>&-; }

# A lower fence than the newest is that of a deployer which lost its lock.
check_fence() {
  newest=$(read_word "$state/fence")
  newest=${newest:-0}
  if [ "$fence" -lt "$newest" ]; then
    if [ -n "${intended:-}" ]; then append failed "$intended" || true; fi
    printf '{"trouble":"fenced","newest":%s}\n' "$newest"
    exit 0
  fi
}

# Begins a call that changes something: alone, with the newest fence, and its intent on the disk.
begin() { # subject
  exec 7> "$state/call"
  flock 7
  echo $$ > "$state/call.pid"
  lock_state
  check_fence
  append intent "$1" || refuse 'the journal cannot be written: is the disk full?'
  intended=$1
}

# Ends the call that is under way, and lets nobody begin another. The undo, which is no call, is waited for.
end_call_under_way() {
  exec 7> "$state/call"
  until flock -w 1 7; do
    caller=$(read_word "$state/call.pid")
    if grep -qsF "$base/bin/" "/proc/$caller/cmdline"; then kill "$caller" 2> /dev/null || true; fi
  done
  rm -f "$state/call.pid"
}

# What took its time without the lock goes on only if nobody took over meanwhile.
again() {
  lock_state
  check_fence
}

finish() {
  append 'done' "$intended" || fail 'it is carried out, but the journal cannot be written: is the disk full?'
  intended=
  rm -f "$state/call.pid"
}

# ---- systemd ----

unit_name() { if [ "$2" = serving ]; then echo "$service@$1.service"; else echo "$service-trial@$1.service"; fi; }

# Lines `key door state restarts`, of what runs.
systemd_list() {
  shown=$(alone systemctl show "$service@*.service" "$service-trial@*.service" -p Id -p ActiveState -p NRestarts) ||
    return 1
  printf '%s\n' "$shown" |
    awk -F= -v service="$service" '
      BEGIN {
        state["active"] = state["reloading"] = "active"; state["deactivating"] = "stopping"
        state["activating"] = "starting"; state["failed"] = "failed"
      }
      function out() {
        if (id == "" || active == "inactive") { id = ""; return }
        door = index(id, service "-trial@") == 1 ? "private" : "serving"
        key = id; sub(/^[^@]*@/, "", key); sub(/\.service$/, "", key)
        print key, door, (active in state ? state[active] : "starting"), restarts
        id = ""
      }
      /^$/ { out() }
      $1 == "Id" { id = $2 }
      $1 == "ActiveState" { active = $2 }
      $1 == "NRestarts" { restarts = $2 }
      END { out() }'
}

systemd_start() { # key door seconds
  unit=$(unit_name "$1" "$2")
  alone systemctl reset-failed "$unit" 2> /dev/null || true
  said=$(alone timeout "$3" systemctl start "$unit" 2>&1) && return 0
  case $? in
    124) why="$unit did not become ready within $3 s" ;;
    *) why="$unit did not start: $(printf '%s' "$said" | head -n 1)" ;;
  esac
  # What goes wrong before the program runs, as with its folders, is known by a number alone (systemd.exec(5)).
  why="$why $(alone systemctl show --property=Result --property=ExecMainStatus "$unit" | tr '\n' ' ')"
  # Systemd's own lines are among them.
  why="$why; its log ends: $(alone journalctl --quiet --no-pager --output=cat --lines=12 --unit="$unit" 2> /dev/null || true)"
  systemd_stop "$1" "$2" 5
  return 1
}

systemd_stop() { # key door seconds
  unit=$(unit_name "$1" "$2")
  if ! alone timeout "$3" systemctl stop --quiet "$unit" 2> /dev/null; then
    alone systemctl kill --signal=KILL "$unit" 2> /dev/null || true
    alone timeout 20 systemctl stop --quiet "$unit" || true
    cut=true
  fi
  if [ "$2" = private ]; then alone systemctl stop --quiet "$service-trial@$1.socket" 2> /dev/null || true; fi
  alone systemctl reset-failed "$unit" 2> /dev/null || true
}

systemd_crash() { alone systemctl kill --signal=KILL "$(unit_name "$1" serving)"; }

systemd_open() { alone systemctl start --quiet "$service.socket"; }

# What does not start at once is tried again by systemd, as anything that dies.
systemd_boot() { alone systemctl start --quiet --no-block "$service@$1.service"; }

# A timer of systemd's own, which runs without us.
systemd_arm() { # token seconds
  alone systemd-run --quiet --collect --unit="$service-undo-$1-$(date +%N)" \
    --on-active="$2" --timer-property=AccuracySec=100ms \
    --property=Type=oneshot --property=Restart=on-failure --property=RestartSec=2 --property=TimeoutStartSec=infinity \
    "$0" undo 0 - "$1" 2> /dev/null
}

systemd_undos() { alone systemctl list-units --plain --no-legend --full "$service-undo-$1" | awk '{ print $1 }'; }

systemd_disarm() { # but this token
  for timer in $(systemd_undos '*.timer'); do
    case $timer in
      "$service-undo-$1-"*) ;;
      *) alone systemctl stop --quiet "$timer" 2> /dev/null || true ;;
    esac
  done
}

# A timer that waits, or the undo itself, under way or about to be tried again.
systemd_is_armed() { [ -n "$(systemd_undos "$1-*")" ]; }

systemd_log() { # lines key
  lines=$1
  if [ -n "$2" ]; then
    set -- "$service@$2.service" "$service-trial@$2.service"
  else
    set -- "$service@*.service" "$service-trial@*.service" "$service.socket" "$service-boot.service" "$service-undo-*"
  fi
  for unit in "$@"; do
    shift
    set -- "$@" "--unit=$unit"
  done
  alone journalctl --quiet --no-pager --output=short-iso --lines="$lines" "$@"
}

# ---- the host process of the `local` driver ----

local_control() { alone "${control:?}" __host-call "$run" "$@"; }

local_list() { local_control list; }

local_start() {
  why=$(local_control start "$1" "$2" "$3") && return 0
  why="$why; its log ends: $(tail -n 5 "$base/log/$1.log" 2> /dev/null)"
  return 1
}

local_stop() {
  said=$(local_control stop "$1" "$2" "$3") || true
  if [ "$said" = cut ]; then cut=true; fi
}

local_crash() { why=$(local_control crash "$1"); }

local_open() { :; }

local_boot() { local_start "$1" serving 60; }

# The host process looks at the file `armed` by itself.
local_arm() { :; }
local_disarm() { :; }
local_is_armed() { :; }

# A file for each release, and one of the host process: those that were written last come last.
local_log() { # lines key
  find "$base/log" -name "${2:-*}.log" -printf '%T@ %f\n' | sort -n |
    while read -r _ log; do
      tail -n "$1" "$base/log/$log" | awk -v name="$(printf '%s' "${log%.log}" | tr : +)" '{ print name ": " $0 }'
    done | tail -n "$1"
}

unit_list() { "${flavour}_list"; }
unit_start() { "${flavour}_start" "$@"; }
unit_stop() { "${flavour}_stop" "$@"; }
unit_crash() { "${flavour}_crash" "$@"; }
unit_open() { "${flavour}_open"; }
unit_boot() { "${flavour}_boot" "$@"; }
undo_arm() { "${flavour}_arm" "$@"; }
undo_disarm() { "${flavour}_disarm" "$@"; }
undo_is_armed() { "${flavour}_is_armed" "$@"; }
unit_log() { "${flavour}_log" "$@"; }

# ---- what calls share ----

is_whole() { [ -f "$releases/$1/whole" ]; }

is_as_staged() { (cd "$releases/$1" && sha256sum --check --status --strict files 2> /dev/null); }

# Hashed again, here, before anything of it runs.
require_release() {
  is_whole "$1" || refuse "there is no whole folder of release $(id "$1") here"
  is_as_staged "$1" || refuse "the files of release $(id "$1") are not what was staged"
}

# Sets `listed`. Not to know what runs is not the same as nothing.
list() { listed=$(unit_list) || fail 'what runs cannot be asked'; }

# Ends every instance but the serving one of this key, in no more than so many seconds.
stop_others() { # key seconds
  list
  printf '%s\n' "$listed" | while read -r other door _; do
    if [ -n "$other" ] && [ "$other $door" != "$1 serving" ]; then echo "$other $door"; fi
  done > "$run/others"
  : > "$run/cut"
  while read -r other door; do
    (
      exec 7>&- 8>&-
      cut=false
      unit_stop "$other" "$door" "$2"
      if [ "$cut" = true ]; then echo "$other" >> "$run/cut"; fi
    ) &
  done < "$run/others"
  wait
}

# The selection is on the disk: the undo goes first, so that whoever dies in between leaves nothing that would undo it.
# Then the trial, then the timers that would find nothing to undo.
disarm() {
  rm -f "$run/armed"
  rm -f "$run/trial"
  undo_disarm -
}

# What is on the disk for good is what serves: a release, or nothing.
select_or_nothing() { # key
  if [ "$(read_word "$state/confirmed")" = "$1" ]; then return 0; fi
  if [ -n "$1" ]; then select_for_good "$1"; else rm -f "$state/confirmed" && sync "$state"; fi
}

# Serves a release again and ends all others. Locks and fence are the caller's.
serve_again() { # key seconds
  if [ -n "$1" ]; then
    unit_open
    unit_start "$1" serving "$2" || {
      again
      fail "$why"
    }
  fi
  stop_others "$1" 10
  again
  select_or_nothing "$1" || fail 'the selection cannot be written: is the disk full?'
  disarm
}

select_for_good() { put "$state/confirmed" "$1 $(now) $deployment"; }

# ---- words ----

do_stage() { # id digest program secrets environment; the archive on standard input
  parse "$1"
  begin "$key"
  unlock_state
  if [ "$(read_word "$releases/$key/whole")" = "$2" ] && is_as_staged "$key"; then
    lock_state
    finish
    done_so
    return
  fi
  for secret in $4; do
    case $secret in *[!A-Za-z0-9_]*) refuse "\`$secret\` is no name of a secret" ;; esac
    [ -f "$base/secrets/$secret" ] || refuse "there is no secret $base/secrets/$secret"
  done
  new=$releases/.new-$key
  rm -rf "$releases"/.new-* 2> /dev/null || true
  unpack "$new" "$@" || {
    rm -rf "$new"
    refuse "$why"
  }
  again
  rm -rf "${releases:?}/$key"
  mv "$new" "$releases/$key"
  sync "$releases"
  finish
  done_so
}

# Everything that can go wrong with an archive goes wrong here, in a folder that nobody looks at.
unpack() { # folder id digest program secrets environment
  why="the release cannot be written: is the disk full? $(stat -f -c '%a blocks of %S bytes are free' "$releases")"
  mkdir "$1" "$1/root" 2> /dev/null || return 1
  cat > "$1/archive" 2> /dev/null || return 1
  got=$(sha256sum < "$1/archive")
  if [ "${got%% *}" != "$3" ]; then
    why="the archive that arrived has sha256 ${got%% *}, not $3"
    return 1
  fi
  said=$(tar -xzf "$1/archive" -C "$1/root" --no-same-owner 2>&1) || {
    why="$why; tar says: $said"
    return 1
  }
  rm "$1/archive"
  # What the archive says about owners and rights is not believed: nobody becomes root by it.
  chmod -R u=rwX,go=rX "$1/root"
  if [ ! -f "$1/root/$4" ] || [ ! -x "$1/root/$4" ]; then
    why="there is no program $4 in the archive"
    return 1
  fi
  ln -s "root/$4" "$1/program"
  printf '%sXTASK_RELEASE="%s"\n' "$6" "$2" > "$1/environment" 2> /dev/null || return 1
  for secret in $5; do
    printf '%s_FILE="%s"\n' "$secret" "$base/secrets/$secret" >> "$1/environment" 2> /dev/null || return 1
  done
  (cd "$1" && find . -type f -exec sha256sum {} +) 2> /dev/null > "$state/files" || return 1
  mv "$state/files" "$1/files" || return 1
  printf '%s\n' "$3" > "$1/whole" 2> /dev/null || return 1
  find "$1" ! -type l -exec sync {} + || return 1
}

do_arm() { # to seconds
  parse "$1"
  to=$key
  seconds=$2
  if [ -n "$to" ]; then is_whole "$to" || refuse "the way back is gone: there is no release $(id "$to") here"; fi
  begin "${to:--}"
  token=$(date +%s%N)
  undo_arm "$token" "$seconds" || refuse 'the undo cannot be armed'
  printf '%s %s %s %s %s %s\n' "$token" "${to:--}" "$(($(now) + seconds))" "$(($(monotonic) + seconds))" \
    "$fence" "$deployment" > "$run/armed.new"
  mv "$run/armed.new" "$run/armed"
  undo_disarm "$token"
  finish
  done_so
}

do_start() { # id seconds
  parse "$1"
  require_release "$key"
  begin "$key"
  unlock_state
  unit_start "$key" private "$2" || {
    again
    fail "$why"
  }
  again
  finish
  done_so
}

do_switch() { # id seconds
  parse "$1"
  require_release "$key"
  begin "$key"
  if [ ! -f "$run/armed" ] && [ "$(read_word "$state/confirmed")" != "$key" ]; then
    refuse 'no undo is armed, or it has done its work'
  fi
  printf '%s\n' "$key" > "$run/trial"
  unlock_state
  unit_open
  unit_start "$key" serving "$2" || {
    again
    if [ "$(read_word "$run/trial")" = "$key" ]; then rm -f "$run/trial"; fi
    fail "$why"
  }
  unit_stop "$key" private 3
  again
  finish
  done_so
}

do_drain() { # id seconds
  parse "$1"
  begin "$key"
  selected=$(read_word "$run/trial")
  selected=${selected:-$(read_word "$state/confirmed")}
  [ "$selected" = "$key" ] || refuse "$(id "$key") is not what is selected, but $(id "$selected")"
  list
  printf '%s\n' "$listed" | grep -q "^$key serving active " || refuse "$(id "$key") does not serve"
  unlock_state
  stop_others "$key" "$2"
  again
  finish
  if [ -s "$run/cut" ]; then cut=true; else cut=false; fi
  printf '{"answer":"drained","cut":%s}\n' "$cut"
}

do_confirm() { # id
  parse "$1"
  begin "$key"
  if [ "$(read_word "$state/confirmed")" != "$key" ]; then
    [ "$(read_word "$run/trial")" = "$key" ] || refuse "$(id "$key") is not on trial: the undo came first"
    select_for_good "$key" || refuse 'the selection cannot be written: is the disk full?'
  elif [ -f "$run/trial" ] && [ "$(read_word "$run/trial")" != "$key" ]; then
    refuse "$(id "$(read_word "$run/trial")") is on trial"
  fi
  disarm
  finish
  done_so
}

do_revert() { # id seconds
  parse "$1"
  if [ -n "$key" ]; then require_release "$key"; fi
  begin "${key:--}"
  unlock_state
  serve_again "$key" "$2"
  finish
  done_so
}

# What the armed timer runs. Whoever disarmed or armed again took its token away.
do_undo() { # token
  lock_state
  read -r token to _ due fence deployment 2> /dev/null < "$run/armed" || exit 0
  if [ "$token" != "$1" ]; then exit 0; fi
  # Systemd runs a timer at once when somebody makes it load its units again.
  if [ "$(monotonic)" -lt "$due" ]; then
    undo_arm "$token" "$((due - $(monotonic)))"
    exit 0
  fi
  if [ "$to" = - ]; then to=; fi
  # A confirmation that died after its first write has won: the disk says what serves. It came after this arming, which
  # tells it from one of an earlier deployment of the same release. (The token begins with the seconds of the arming.)
  read -r kept at _ 2> /dev/null < "$state/confirmed" || kept=
  if [ -n "$kept" ] && [ "$kept" = "$(read_word "$run/trial")" ] && [ "$at" -gt "${token%?????????}" ]; then
    to=$kept
  fi
  rm -f "$run/trial"
  append intent "${to:--}" || true
  intended=${to:--}
  unlock_state
  # Its deployer had its time. What it began is ended, so that nothing begins behind our back.
  end_call_under_way
  if [ -n "$to" ]; then
    unit_open
    # What serves now stays until the other one does; the timer's unit tries again.
    unit_start "$to" serving 60 || {
      append failed "$intended" || true
      exit 1
    }
  fi
  stop_others "$to" 10
  lock_state
  # After a reboot the same serves, also where a deployer that was killed had confirmed another.
  select_or_nothing "$to" || true
  if [ "$(read_word "$run/armed")" = "$token" ]; then rm -f "$run/armed"; fi
  finish
}

do_prune() { # id...
  kept=
  for keep in "$@"; do
    parse "$keep"
    kept=$(printf '%s\n' "$kept" "$key")
  done
  begin "$#"
  armed=
  if [ -f "$run/armed" ]; then read -r _ armed _ < "$run/armed"; fi
  list
  kept=$(printf '%s\n' "$kept" "$armed" "$(read_word "$state/confirmed")" "$(read_word "$run/trial")" \
    "$(printf '%s\n' "$listed" | awk '{ print $1 }')")
  rm -rf "$releases"/.new-*
  for folder in "$releases"/*; do
    if [ -d "$folder" ] && ! printf '%s\n' "$kept" | grep -qxF "${folder##*/}"; then
      # First what says that it is whole: whoever dies in between leaves nothing that looks like a release.
      rm -f "$folder/whole"
      rm -rf "$folder"
    fi
  done
  finish
  done_so
}

do_note() { # kind labels
  lock_state
  check_fence
  append note '' "$1" "$2" || refuse 'the journal cannot be written: is the disk full?'
  done_so
}

# What whoever starts services there does not know before: a process that is gone. It is for drills.
do_crash() { # id
  parse "$1"
  begin "$key"
  [ "$(read_word "$state/confirmed")" = "$key" ] || refuse "$(id "$key") is not what is confirmed"
  if [ -f "$run/trial" ] || [ -f "$run/armed" ]; then refuse 'a deployment is half done'; fi
  unit_crash "$key" || fail "${why:-it cannot be ended}"
  finish
  done_so
}

do_hold() { # hold as JSON, or -
  begin "$service"
  if [ "$1" = - ]; then
    rm -f "$state/hold"
  else
    put "$state/hold" "$1" || refuse 'the hold cannot be written: is the disk full?'
  fi
  finish
  done_so
}

# The session that holds the lock: it lives as long as lines come in.
do_lock() { # who
  exec 9> "$state/lock"
  if ! flock -w 1 9; then
    printf '{"trouble":"busy","holder":%s}\n' "$(holder_json)"
    exit 0
  fi
  # A call that is still under way is that of a deployer which has lost its lock.
  end_call_under_way
  lock_state
  newest=$(read_word "$state/fence")
  fence=$((${newest:-0} + 1))
  put "$state/fence" "$fence" || refuse 'the fence cannot be written: is the disk full?'
  printf '{"who":%s,"deployment":%s,"since_seconds":%s' "$(json "$1")" "$(json "$deployment")" "$(now)" \
    > "$state/holder"
  unlock_state
  exec 7>&-
  printf '{"fence":%s}\n' "$fence"
  while beat=$(alone timeout 30 head -n 1) && [ -n "$beat" ]; do
    touch "$state/holder"
  done
  rm -f "$state/holder"
}

holder_json() {
  seen=$(stat -c %Y "$state/holder" 2> /dev/null || date +%s)
  if [ -s "$state/holder" ]; then
    cat "$state/holder"
  else
    printf '{"who":"?","deployment":"?","since_seconds":%s' "$seen"
  fi
  printf ',"seen_seconds":%s}' "$seen"
}

# What a host does when it comes up: what is confirmed serves.
do_boot() {
  unit_open
  confirmed=$(read_word "$state/confirmed")
  if [ -n "$confirmed" ]; then unit_boot "$confirmed" || fail "$why"; fi
  done_so
}

do_journal() {
  if [ -f "$journal" ]; then head -n "$(wc -l < "$journal")" "$journal"; fi
}

# What instances said, and what started them: text for people, and no answer.
do_log() { # lines id
  case $1 in '' | *[!0-9]*) refuse "\`$1\` is no number of lines" ;; esac
  parse "$2"
  unit_log "$1" "$key"
}

# Becomes the service, with the socket that came as standard input where the protocol of systemd wants it.
do_exec() { # key
  # Elsewhere the service has a user of its own, and this script has root's rights.
  [ "$flavour" = local ] || refuse 'only the host process of this machine asks for that'
  export STATE_DIRECTORY="$base/data" LISTEN_FDS=1 LISTEN_PID=$$
  set -a
  # shellcheck source=/dev/null
  . "$releases/$1/environment"
  set +a
  mkdir -p "$base/data"
  cd "$releases/$1/root"
  exec "$releases/$1/program" 3<&0 < /dev/null
}

do_observe() {
  # First what can fail: half an answer is none.
  list
  newest=$(read_word "$state/fence")
  printf '{"answer":"observed","fence":%s' "${newest:-0}"
  read -r confirmed confirmed_at confirmed_by 2> /dev/null < "$state/confirmed" || confirmed=
  printf ',"confirmed":%s,"trial":%s,"running":[' "$(id "$confirmed")" "$(id "$(read_word "$run/trial")")"
  printf '%s\n' "$listed" | awk 'NF { key = $1; gsub(":", "+", key)
    printf "%s{\"release\":\"%s\",\"serving\":%s,\"state\":\"%s\",\"restarts\":%d}",
      (shown++ ? "," : ""), key, ($2 == "serving" ? "true" : "false"), $3, $4 }'
  printf '],"armed":'
  token=
  if [ -f "$run/armed" ]; then read -r token to at _ < "$run/armed" || true; fi
  if [ -n "$token" ] && undo_is_armed "$token"; then
    printf '{"to":%s,"at_seconds":%s}' "$(id "$to")" "$at"
  else
    printf null
  fi
  printf ',"staged":['
  comma=
  for folder in "$releases"/*; do
    if [ -d "$folder" ]; then
      if [ -f "$folder/whole" ]; then whole=true; else whole=false; fi
      printf '%s{"release":%s,"whole":%s}' "$comma" "$(id "${folder##*/}")" "$whole"
      comma=,
    fi
  done
  printf '],"holder":'
  if [ -s "$state/holder" ] && ! flock -n -s "$state/lock" true; then holder_json; else printf null; fi
  printf ',"hold":'
  if [ -s "$state/hold" ]; then tr -d "\n" < "$state/hold"; else printf null; fi
  printf ',"free_bytes":%s,"clock_seconds":%s,"history":[' \
    "$(stat -f -c '%a %S' "$releases" | awk '{ printf "%.0f", $1 * $2 }')" "$(now)"
  history
  printf ']}\n'
}

# What was selected for good, one after the other: by `confirm`, by going back, by the undo.
history() {
  {
    if [ -f "$journal" ]; then
      # The strings of a line, one after the other; its numbers follow `:` and are no strings.
      awk -F'"' '($16 == "confirm" || $16 == "revert" || $16 == "undo") && $20 == "done" {
        at = $27; gsub(/[^0-9-]/, "", at)
        print $24, at, $10
      }' "$journal"
    fi
    # Who was killed before the journal said so has selected it nevertheless.
    if [ -n "$confirmed" ]; then echo "$(printf '%s' "$confirmed" | tr : +) $confirmed_at $confirmed_by"; fi
  } | awk '$1 != "-" && $1 != last { last = $1
    printf "%s{\"release\":\"%s\",\"at_seconds\":%s,\"deployment\":\"%s\"}",
      (shown++ ? "," : ""), $1, $2, $3 }'
}

mkdir -p "$releases" "$state" "$base/secrets" "$run"
case $fence$deployment in *[!A-Za-z0-9._+:@/-]*) refuse 'a deployment or a fence that is none' ;; esac
case $word in
  observe | stage | arm | start | switch | drain | confirm | revert | prune | note | crash | hold) ;;
  undo | lock | boot | journal | log | exec) ;;
  *) refuse "there is no call \`$word\`" ;;
esac
"do_$word" "$@"
