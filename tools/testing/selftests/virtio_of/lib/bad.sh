# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What targets that misbehave bring about: for tests that source this file, and have started
# a target that serves "good".

# shellcheck disable=SC2034 # what these tests use

port=7000
fails=0

# bad_target BEHAVIOUR: start one on a port of its own, and make device b for it.
bad_target()
{
	port=$((port + 1))
	start_bad_target "$1" "$port"
	# A second chance for such a target is what hostile.sh is about.
	vof_make "${2:-b}" "trsvcid=$port" "tvqn=bad-${2:-b}" ctrl_loss_tmo=0 ||
		not_ok "$1: can be configured"
}

# The device goes, and so does the target.
bad_end()
{
	within 30 "$1: is taken down" vof_disconnect "${2:-b}"
	# Not by check: only this shell can wait for it.
	stop_target "${3:-$TARGET}" || not_ok "$1: the target ends well (got $?)"
}

# A good target, after all that.
good_again()
{
	check "a good target after $1" vof_connect good tvqn=good
	check "reads from it" read_at "$(vof_disk good)" 4194304
	vof_disconnect good
}

# comes_back DESCRIPTION COMMAND...: within 30 s. Otherwise the target is killed,
# which should make it.
comes_back()
{
	local what=$1 pid i
	shift
	"$@" >"$VOF_TMP/back" 2>&1 &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 $pid 2>/dev/null; then
		not_ok "$what"
		kill_target
	else
		ok "$what"
	fi
	wait $pid
}

# Requests at TRIGGER of vof-bad-target are those that go wrong.
read_at()
{
	timeout 20 dd if="$1" of=/dev/null bs=4k count=1 skip=$(($2 / 4096)) \
		iflag=direct 2>"$VOF_TMP/dd"
}

# enable_fails BEHAVIOUR ERRNO WORDS
enable_fails()
{
	local got
	bad_target "$1"
	got=$(vof_set b enable 1)
	is "$1: enable fails with $2" "$got" "$2"
	like "$1: last_error says why" "$(vof_get b last_error)" "$3"
	[ "$(vof_get b state)" = disabled ] ||
		not_ok "$1: state is $(vof_get b state)"
	bad_end "$1"
	fails=$((fails + 1))
	[ $((fails % 8)) != 0 ] || good_again "$1"
}

# live BEHAVIOUR: enable succeeds; leaves the disk in DISK.
live()
{
	local got
	bad_target "$1"
	got=$(vof_set b enable 1)
	is "$1: is enabled" "$got" ""
	is "$1: state" "$(vof_get b state)" live
	DISK=$(vof_disk b)
}

# breaks BEHAVIOUR WORDS: the device fails when a certain sector is read.
breaks()
{
	live "$1"
	check "$1: an innocent read" read_at "$DISK" 65536
	case $1 in
	# The first of two answers is right.
	twice=*) read_at "$DISK" 4194304 ;;
	*) check_not "$1: the read fails" read_at "$DISK" 4194304 ;;
	esac
	check "$1: the device fails" vof_wait_state b failed 15
	like "$1: last_error says why" "$(vof_get b last_error)" "$2"
	check_not "$1: later reads fail" read_at "$DISK" 65536
	bad_end "$1"
}

# io_error BEHAVIOUR WORDS: reads and writes fail, the device stays.
io_error()
{
	live "$1"
	check_not "$1: the read fails" read_at "$DISK" 4194304
	like "$1: with an I/O error" "$(cat "$VOF_TMP/dd")" "Input/output error"
	check_not "$1: the write fails" timeout 20 dd if=/dev/zero of="$DISK" \
		bs=4k count=1 seek=1024 oflag=direct
	is "$1: state" "$(vof_get b state)" live
	like "$1: last_error says why" "$(vof_get b last_error)" "$2"
	[ "$1" = refuse ] ||
		check "$1: other reads succeed" read_at "$DISK" 65536
	bad_end "$1"
}

# fine BEHAVIOUR: nothing that matters.
fine()
{
	live "$1"
	check "$1: read" read_at "$DISK" 4194304
	check "$1: write" timeout 20 dd if=/dev/zero of="$DISK" bs=1M count=8 \
		oflag=direct
	is "$1: state afterwards" "$(vof_get b state)" live
	is "$1: no error" "$(vof_get b last_error)" ""
}
