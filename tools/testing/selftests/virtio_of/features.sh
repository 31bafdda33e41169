#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Works with whatever the target has: without eager buffers, without keyed
# descriptors beyond one, with eager buffers that are tiny, many, or odd.
# ci: 6.12
# timeout: 300
. "$(dirname "$0")/lib.sh"

try()
{
	local what=$1 disk bs
	start_target --blk "tvqn=disk0,mem=16M,$2"
	if check "$what: connects" vof_connect d0 tvqn=disk0; then
		disk=$(vof_disk d0)
		for bs in 512:128k 4k:512k 64k:2m 1m:4m; do
			check "$what: verified writes of ${bs%:*}" vof_fio \
				filename="$disk" rw=randwrite bs=${bs%:*} size=16m \
				io_size=${bs#*:} iodepth=8 verify=crc32c
		done
		check "$what: buffered, with read-ahead" \
			vof_fio filename="$disk" rw=write bs=64k size=2m \
			direct=0 end_fsync=1 verify=crc32c invalidate=1
		is "$what: still live" "$(vof_get d0 state)" live
		is "$what: no error" "$(vof_get d0 last_error)" ""
	else
		note "$(vof_get d0 last_error)"
	fi
	vof_disconnect d0
	stop_target
	is "$what: the target ends well" $? 0
}

try "defaults" queues=1
try "neither feature" eager=0,num-descs=0
try "no eager buffers" eager=0
try "1 descriptor" num-descs=1
try "1 descriptor, no eager buffers" num-descs=1,eager=0

# Whole requests are copied then, by a work. The link is lost meanwhile.
start_target --blk tvqn=disk0,mem=16M,num-descs=1,eager=0
check "copies: connect" vof_connect d0 tvqn=disk0 reconnect_delay=1
vof_fio filename="$(vof_disk d0)" rw=randwrite bs=1m size=16m io_size=48m iodepth=8 \
	verify=crc32c >"$VOF_TMP/copies" &
writer=$!
for ((i = 0; i < 4; i++)); do
	sleep 0.5
	vof_set d0 reconnect 1
	vof_wait_state d0 live 20
done
wait $writer
is "copies: verified writes while the link is replaced" "$?" 0 || note <"$VOF_TMP/copies"
check "copies: vectors at odd addresses" vof-vecio "$(vof_disk d0)" 20
vof_disconnect d0
stop_target

# What the driver was told may need more than this target takes: it is waited for.
start_target --blk tvqn=disk0,mem=16M,num-descs=2
check "fewer descriptors: connect" vof_connect d0 tvqn=disk0 reconnect_delay=1
kill_target
start_target --blk tvqn=disk0,mem=16M,num-descs=1
check "fewer descriptors: it is said so" vof_wait_error d0 \
	"came back changed: keyed descriptors per command was 2, is 1"
is "fewer descriptors: recovering" "$(vof_get d0 state)" recovering
kill_target
start_target --blk tvqn=disk0,mem=16M,num-descs=3
check "more of them: live again" vof_wait_state d0 live 10
vof_disconnect d0
stop_target

try "2 descriptors" num-descs=2
try "an eager buffer of 512 bytes" eager=512
try "an eager buffer of 8 KiB" eager=8K
try "64 eager buffers of 1 KiB" eager=64K,eager-bufs=64
try "7 eager buffers" eager=1M,eager-bufs=7
try "queues of 2" queue-size=2
finish
