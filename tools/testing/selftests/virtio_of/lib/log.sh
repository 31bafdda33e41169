# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the kernel's log says of a test, and what of it is a fault.
# shellcheck disable=SC2034,SC2154 # what the other files of this directory have

vof_bad_log='WARNING:|BUG:|BUG |Oops|Call Trace|possible .*(deadlock|locking)|INFO: (task|rcu|lockdep)|inconsistent lock|refcount_t:|list_(add|del) corruption|use-after-free|scheduling while atomic|sleeping function|general protection|soft lockup|self-detected stall|blocked for more than|kmemleak|DMA-API|leaked|UBSAN|KASAN|KCSAN'
vof_expected_log=

# What this test provokes in the kernel's log, and what is not a fault of ours.
expect_log() { vof_expected_log="${vof_expected_log:+$vof_expected_log|}$1"; }

# vof_mark TEXT: what is in the log so far is none of this test.
vof_mark()
{
	vof_marker="vof-test: $VOF_NAME: $1"
	echo "$vof_marker" >/dev/kmsg
}

vof_log() { dmesg | sed -n "/$vof_marker/,\$p"; }

vof_bad_lines()
{
	vof_log | vof_not_of_siw | vof_not_of_rxe | grep -E "$vof_bad_log" |
		if [ -n "$vof_expected_log" ]; then
			grep -Ev "$vof_expected_log"
		else
			cat
		fi
}

# Show what may explain a failure.
vof_explain()
{
	local f
	note "kernel log:"
	vof_log | tail -n 25 | note
	for f in "$VOF_TMP"/target-*.log; do
		[ -e "$f" ] || continue
		note "${f##*/}:"
		tail -n 15 "$f" | note
	done
}

# What a file system or the block layer says when it was told of an error.
io_errors() { vof_log | grep -E 'I/O error|EXT4-fs (error|warning)|JBD2: '; }
