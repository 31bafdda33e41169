# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Targets, the real one and the bad one, and disks below them.
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

vof_targets=()		# process ids
vof_logs=0

# The address that targets listen on and initiators connect to.
target_addr()
{
	if [[ " $VOF_PEERS " = *" target "* && $VOF_PEERS = *" "* ]]; then
		node_addr target
	else
		echo "$VOF_ADDR"
	fi
}

# start_target ARGUMENTS...: start virtio-of-target and wait until it listens.
# Where it listens is added when the arguments name nothing else, and over TLS the keys of
# each device. Leaves its process id in TARGET and its log's path in TARGET_LOG.
start_target()
{
	local -a args=("$@")
	local i

	for ((i = 1; i < $#; i++)); do
		! over tls || [[ ${args[i - 1]} != --@(blk|rng|net|scsi) ]] ||
			args[i]+=,psk=$vof_keys
	done
	set -- ${args[@]+"${args[@]}"}
	[[ " $* " = *" --listen"* || " $* " = *" --config"* ]] ||
		set -- --listen "$(vof_url "$VOF_ADDR")" "$@"
	vof_listen virtio-of-target "$@"
}

# start_bad_target BEHAVIOUR PORT: vof-bad-target, otherwise like start_target.
start_bad_target()
{
	vof_listen vof-bad-target --listen "$(vof_url "$VOF_ADDR" "$2")" --behave "$1"
}

vof_listen()
{
	local i
	vof_logs=$((vof_logs + 1))
	TARGET_LOG=$VOF_TMP/target-$vof_logs.log
	"$@" >"$TARGET_LOG" 2>&1 9>&- &
	TARGET=$!
	vof_targets+=("$TARGET")
	for ((i = 0; i < 200; i++)); do
		grep -qi listening "$TARGET_LOG" && return 0
		kill -0 "$TARGET" 2>/dev/null || break
		sleep 0.1
	done
	bail "$* does not listen: $(tail -n 1 "$TARGET_LOG")"
}

# serve ARGUMENTS...: all that the target's guest does in a test whose other guest
# comes to the barriers "up", before it connects, and "done".
serve()
{
	start_target "$@"
	barrier up
	barrier "done"
	finish
}

# What happens to that target is no business of finish.
vof_forget_target()
{
	local rest=() p
	for p in ${vof_targets[@]+"${vof_targets[@]}"}; do
		[ "$p" = "$1" ] || rest+=("$p")
	done
	vof_targets=(${rest[@]+"${rest[@]}"})
}

# stop_target [PID]: SIGTERM, then its exit status; it has 20 seconds. Without
# PID: the one started last.
stop_target()
{
	local pid=${1:-$TARGET} i
	vof_forget_target "$pid"
	kill -TERM "$pid" 2>/dev/null
	for ((i = 0; i < 200; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	if kill -KILL "$pid" 2>/dev/null; then
		wait "$pid" 2>/dev/null
		note "the target did not end within 20 s of SIGTERM"
		return 137
	fi
	wait "$pid"
}

# kill_target [PID]: as a crash would.
kill_target()
{
	local pid=${1:-$TARGET}
	vof_forget_target "$pid"
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return 0
}

# target_ends: by itself, within 10 s; its exit status.
target_ends()
{
	local i
	vof_forget_target "$TARGET"
	for ((i = 0; i < 100; i++)); do
		kill -0 "$TARGET" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$TARGET" 2>/dev/null
	wait "$TARGET"
}

# target_says REGEX [SECONDS]: waits for a line in the log of the target.
target_says()
{
	local i
	for ((i = 0; i <= ${2:-10} * 10; i++)); do
		grep -qE "$1" "$TARGET_LOG" && return 0
		sleep 0.1
	done
	return 1
}

# ---- disks below a target ---------------------------------------------------

# vof_loop FILE: a loop device over it; prints its path.
vof_loop()
{
	[ -d /sys/module/loop ] || modprobe loop max_loop=4 || return 1
	losetup -f --show "$1"
}

# vof_dm NAME TABLE: a device-mapper device, or another table for it; it is
# /dev/mapper/NAME.
vof_dm()
{
	local -a no_udev=(--noudevrules --noudevsync)
	local n
	[ -d /sys/module/dm_mod ] || modprobe dm-mod || return 1
	if [ -e "/dev/mapper/$1" ]; then
		dmsetup suspend "${no_udev[@]}" "$1" &&
			dmsetup reload "$1" --table "$2" &&
			dmsetup resume "${no_udev[@]}" "$1"
	else
		dmsetup create "${no_udev[@]}" "$1" --table "$2" || return 1
		n=$(dmsetup info -c --noheadings -o minor "$1")
		[ -e "/dev/mapper/$1" ] || ln -s "../dm-$n" "/dev/mapper/$1"
	fi
}

# vof_no_disks: all of them go again; the target must have ended.
vof_no_disks()
{
	local f
	for f in /dev/mapper/*; do
		[ -b "$f" ] || continue
		dmsetup remove --noudevrules --noudevsync "${f##*/}" ||
			not_ok "${f##*/} can be removed"
		rm -f "$f"
	done
	losetup -D
}

# vof-act, see there, at the address of targets.
actor=(vof-act --addr "$(vof_url "$(target_addr)")")
! over tls || actor+=(--psk "$vof_key")

# act ARGUMENTS...: the same.
act() { "${actor[@]}" "$@"; }
