# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What a test reports: results in TAP, and how long something took.
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

tap_count=0
tap_failed=0
tap_done=

# shellcheck disable=SC2153 # VOF_NODE comes from scripts/guest-init
on_node() { [ "$VOF_NODE" = "$1" ]; }
tap_reporter() { [ "$VOF_NODE" = "${VOF_PEERS##* }" ]; }

# Comment lines, from the arguments or from standard input.
note()
{
	if [ $# -gt 0 ]; then
		echo "# $*"
	else
		sed 's/^/# /'
	fi
}

tap_line()
{
	local verdict=$1
	shift
	tap_count=$((tap_count + 1))
	if tap_reporter; then
		echo "$verdict $tap_count - $*"
	else
		echo "# $verdict - $*"
	fi
}

ok() { tap_line ok "$*"; }

not_ok()
{
	tap_failed=$((tap_failed + 1))
	tap_line "not ok" "$*"
}

skip() { tap_line ok "$1 # SKIP $2"; }

# check DESCRIPTION COMMAND...: the command succeeds. What it says is shown
# when it does not.
check()
{
	local what=$1 out
	shift
	if out=$("$@" 2>&1); then
		ok "$what"
	else
		not_ok "$what"
		note "failed: $*"
		[ -z "$out" ] || note <<<"$out"
		return 1
	fi
}

# check_not DESCRIPTION COMMAND...: the command fails, and by itself: one that timeout
# or another signal has ended, or that is not there, has told nothing.
check_not()
{
	local what=$1 status
	shift
	"$@" >/dev/null 2>&1
	status=$?
	if [ $status = 0 ] || [ $status -ge 124 ]; then
		not_ok "$what"
		note "exit status $status: $*"
		return 1
	fi
	ok "$what"
}

# The time that this guest was given, in milliseconds. A machine that has other work to
# do stops it now and then, which is no fault of what is measured. A process that sleeps
# for a moment, again and again and before all others, tells how long that was: what it
# oversleeps counts up to as much again.
vof_pulse()
{
	local before now took given=0
	trap - EXIT
	chrt -f -p 50 "$BASHPID" 2>/dev/null
	exec {pulse}<>"$VOF_TMP/pulse.wait"
	before=${EPOCHREALTIME/./}
	while :; do
		read -r -t 0.05 -u "$pulse"
		now=${EPOCHREALTIME/./}
		took=$((now - before))
		given=$((given + (took < 100000 ? took : 100000)))
		before=$now
		echo $((given / 1000)) >"$VOF_TMP/pulse"
	done
}

milliseconds()
{
	local ms=
	# It may be written just now.
	while [ -z "$ms" ]; do
		read -r ms <"$VOF_TMP/pulse"
	done
	echo "$ms"
}

# until_done SECONDS COMMAND...: again and again, until it succeeds.
until_done()
{
	local i n=$1
	shift
	for ((i = 0; i < n * 10 * slower; i++)); do
		! "$@" || return 0
		sleep 0.1
	done
	return 1
}

# within SECONDS DESCRIPTION COMMAND...: it succeeds, and takes no longer.
within()
{
	local limit=$(($1 * slower)) what=$2 start ms pid
	shift 2
	start=$(milliseconds)
	"$@" >"$VOF_TMP/within" 2>&1 &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		ms=$(($(milliseconds) - start))
		[ $ms -lt $((limit * 10000)) ] || break
		sleep 0.02
	done
	if [ $ms -ge $((limit * 1000)) ] || ! wait $pid; then
		not_ok "$what"
		note "took $ms ms, $limit s are allowed: $*"
		note <"$VOF_TMP/within"
		return 1
	fi
	ok "$what: within $limit s ($ms ms)"
}

# is DESCRIPTION GOT WANTED: two words are the same.
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		note "got:    $2"
		note "wanted: $3"
		return 1
	fi
}

# like DESCRIPTION GOT REGEX: a text matches an extended regular expression.
like()
{
	if [[ $2 =~ $3 ]]; then
		ok "$1"
	else
		not_ok "$1"
		note "got:    $2"
		note "wanted: something like $3"
		return 1
	fi
}

# The whole test cannot be run here.
skip_all()
{
	tap_done=yes
	tap_reporter && echo "1..0 # SKIP $*"
	exit 0
}

# Nothing that follows would make sense.
bail()
{
	tap_done=yes
	echo "Bail out! $*"
	vof_explain
	exit 1
}
