# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# The end of a test: everything is taken down, and nothing is left behind.
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

vof_loaded() { [ -d "/sys/module/$1" ]; }

# Where the text of our modules is: the first address, and one behind the last. For the
# kernel's fault injection, which finds by that who allocates.
vof_text()
{
	local module size start end lo=0xffffffffffffffff hi=0x0000000000000000
	while read -r module size _; do
		[[ $module = virtio_of?(_rdma|_tcp) ]] || continue
		start=$(cat "/sys/module/$module/sections/.text")
		end=$(printf '0x%016x' $((start + size)))
		[[ $start > $lo ]] || lo=$start
		[[ $end < $hi ]] || hi=$end
	done </proc/modules
	echo "$lo $hi"
}

# What kmemleak, of the debug kernel, takes for leaked, with the backtraces of the
# allocations. It counts an object when it is 5 s old and two scans in a row have
# found no pointer to it.
vof_kmemleak=/sys/kernel/debug/kmemleak
vof_lockdep=/proc/lockdep_stats
vof_leaks()
{
	sleep 6
	echo scan >$vof_kmemleak
	echo scan >$vof_kmemleak
	cat $vof_kmemleak
}

# What the debug kernel has found so far was provoked.
vof_forgive()
{
	vof_mark forgiven
	echo clear >$vof_kmemleak
	vof_lockdep=
}

# What the debug kernel watches: whether it still does, and what it found.
vof_check_debug()
{
	local out
	# It stops watching when it has found something, or runs out of memory.
	[ ! -e "$vof_lockdep" ] || check "lockdep is still watching" \
		grep -q '^ debug_locks: *1$' "$vof_lockdep"
	[ -e $vof_kmemleak ] || return 0
	out=$(vof_leaks)
	is "nothing has leaked" "$out" "" || note <"$VOF_TMP/text"
}

# finish: take down what is there, look for leftovers, print the plan, exit.
finish()
{
	local d m out status=0 i before

	[ -z "$tap_done" ] || return 0
	for d in "$VOF_CONFIGFS"/*/; do
		[ -d "$d" ] || continue
		vof_disconnect "$(basename "$d")" || status=1
	done
	[ "$status" = 0 ] || not_ok "every device can be removed"
	while [ ${#vof_targets[@]} -gt 0 ]; do
		stop_target "${vof_targets[-1]}" ||
			not_ok "the target ends with status 0 on SIGTERM (got $?)"
	done
	[ -z "$AGENT" ] || stop_agent || not_ok "the agent for TLS ends well"
	status=0
	: >"$VOF_TMP/text"
	for m in virtio_of_{rdma,tcp} virtio_of; do
		vof_loaded "$m" || continue
		# Backtraces have but addresses when the module is gone.
		echo "$m was at $(cat "/sys/module/$m/sections/.text")" >>"$VOF_TMP/text"
		# A module whose last user has just gone may need a moment.
		out=$(timeout 60 rmmod "$m" 2>&1) || {
			status=1
			note "$out, users: $(cat "/sys/module/$m/refcnt")"
		}
	done
	[ "$status" = 0 ] || not_ok "the modules can be unloaded"

	before=$(cat "$VOF_TMP/census")
	for ((i = 0; i < 50; i++)); do
		[ "$(vof_census)" != "$before" ] || break
		sleep 0.1
	done
	is "nothing is left behind" "$(vof_census)" "$before"
	vof_check_debug
	out=$(vof_bad_lines)
	is "nothing bad in the kernel's log" "$out" ""

	[ "$tap_failed" = 0 ] || vof_explain
	tap_done=yes
	! tap_reporter || echo "1..$tap_count"
	[ "$tap_failed" = 0 ] && exit 0
	exit 1
}

vof_on_exit()
{
	local status=$?
	[ -z "$VOF_PULSE" ] || kill "$VOF_PULSE" 2>/dev/null
	if [ -z "$tap_done" ]; then
		echo "Bail out! the test ended early, status $status"
		vof_explain
		exit 1
	fi
	exit "$status"
}
