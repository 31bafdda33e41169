#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Several initiators on one target: each with a disk of its own, and all on one
# disk that they share by halves.
# nodes: target one two
# ci: 6.12
# timeout: 240
. "$(dirname "$0")/lib.sh"

if on_node target; then
	start_target --blk tvqn=shared,mem=32M --blk tvqn=for-one,mem=16M,allow=one \
		--blk tvqn=for-two,mem=16M,allow=two
	barrier up
	barrier written
	barrier read
	barrier "done"
	finish
fi

if on_node one; then half=0 other=16m; else half=16m other=0; fi
barrier up
check "a disk of its own" vof_connect own "tvqn=for-$VOF_NODE" "ivqn=$VOF_NODE"
is "not that of the other one" "$(vof_connect no tvqn=for-target "ivqn=$VOF_NODE")" ENOENT
vof_disconnect no
check "the shared disk" vof_connect shared tvqn=shared "ivqn=$VOF_NODE"
check "its own disk works" vof_fio filename="$(vof_disk own)" rw=randwrite bs=4k \
	size=16m io_size=2m iodepth=16 verify=crc32c
disk=$(vof_disk shared)
check "its half of the shared disk" vof_fio filename="$disk" rw=write bs=64k \
	offset=$half size=16m iodepth=4 verify=pattern "verify_pattern=\"$VOF_NODE\""
barrier written
on_node one && peer=two || peer=one
check "the other half has what the other one wrote" vof_fio filename="$disk" \
	rw=read bs=64k offset=$other size=16m iodepth=4 verify=pattern \
	"verify_pattern=\"$peer\""
barrier read
barrier "done"
finish
