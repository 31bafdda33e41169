#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the other tests rely on: the debug kernel notices what is wrong, and
# lib.sh finds it in the log. A module does one wrong thing after the other.
# kernels: debug
# ci: debug
# timeout: 90
. "$(dirname "$0")/lib.sh"

# provoke WHAT REGEX: there is a line about it among the bad ones.
provoke()
{
	local what=$1 regex=$2
	vof_mark "$what"
	check "$what: the module has done it" modprobe virtio_of_provoke "what=$what"
	sleep 0.5
	rmmod virtio_of_provoke
	like "$what is noticed" "$(vof_bad_lines)" "$regex"
}

# Lockdep comes first: it stops watching at the first finding of most others.
provoke rcu "suspicious RCU usage"
provoke locks "possible circular locking dependency"
is "lockdep has stopped watching" "$(sed -n 's/^ debug_locks: *//p' /proc/lockdep_stats)" 0
provoke bounds "KASAN: slab-out-of-bounds"
provoke freed "KASAN: slab-use-after-free"
provoke shift "UBSAN: shift-out-of-bounds"
provoke sleep "sleeping function called from invalid context"
provoke work "ODEBUG: free active"
provoke leak '^$'
like "leak is noticed" "$(vof_leaks)" "unreferenced object"
# All of that was the purpose.
vof_forgive
finish
