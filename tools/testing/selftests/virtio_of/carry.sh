#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Whatever the driver may ask for is carried: by adapters whose registrations are
# small, to a target that states no limits and serves 1 MiB, with max_sectors_kb at its
# maximum. Where less can be carried after a new link, the device waits. Scattered
# requests reach the depth of the queue.
# timeout: 240
# smp: 2
. "$(dirname "$0")/lib.sh"

pages=/sys/module/virtio_of_rdma/parameters/max_reg_pages

# Segments times their size: no request is larger.
largest()
{
	local q=/sys/block/${1#/dev/}/queue

	echo $(($(cat "$q/max_segments") * $(cat "$q/max_segment_size")))
}

# As large as the kernel lets it be.
raise()
{
	local q=/sys/block/${1#/dev/}/queue

	cat "$q/max_hw_sectors_kb" >"$q/max_sectors_kb"
}

start_target --blk tvqn=disk0,mem=64M \
	--blk tvqn=deep,mem=64M,delay=1500,queues=1
modprobe virtio_of_rdma

for cap in 0 256 128 64 16; do
	echo $cap >$pages
	check "$cap pages per registration: connect" vof_connect d0 tvqn=disk0
	disk=$(vof_disk d0)
	size=$(largest "$disk")
	case $cap in
	16)	want=520192 ;;	# 8 descriptors
	*)	want=2080768 ;;
	esac
	is "$cap pages: the largest request" "$size" $want
	check "$cap pages: max_sectors_kb is raised" raise "$disk"
	check "$cap pages: large requests of all shapes" vof-large "$disk"
	check "$cap pages: vectors at odd addresses" vof-vecio "$disk" 30
	is "$cap pages: no error" "$(vof_get d0 last_error)" ""
	[ $cap = 16 ] || check "$cap pages: disconnect" vof_disconnect d0
done

# What was told with 16 pages can be carried with more, but not the other way round.
echo 0 >$pages
check "a better adapter" vof_set d0 reconnect 1
check "it takes over" vof_wait_state d0 live 20
check "large requests on it" vof-large "$disk"
check "disconnect" vof_disconnect d0
check "connect for large requests" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)
echo 16 >$pages
check "a lesser adapter" vof_set d0 reconnect 1
for ((i = 0; i < 200; i++)); do
	[[ $(vof_get d0 last_error) =~ "driver was told of" ]] && break
	sleep 0.1
done
like "the cause" "$(vof_get d0 last_error)" "requests of 520192 bytes .* told of 2080768"
is "the device waits" "$(vof_get d0 state)" recovering
vof-large "$disk" &
large=$!
echo 0 >$pages
check "live with the better one" vof_wait_state d0 live 30
# Not by check: only this shell can wait for it.
if wait $large; then
	ok "what waited is done"
else
	not_ok "what waited is done"
fi
check "disconnect it" vof_disconnect d0

# 32 chains of more segments than are kept in a request, none of them answered yet.
check "connect to a slow disk" vof_connect d1 tvqn=deep
disk=$(vof_disk d1)
trace=/sys/kernel/tracing
[ -e $trace/events ] || mount -t tracefs none $trace
echo 1 >$trace/events/virtio_of/enable
check "32 scattered reads" vof-large "$disk" 32
echo 0 >$trace/events/virtio_of/enable
depth=$(awk '/vof_submit.* 34 segments, 16 bytes out, 131073 in/ { n++ }
	     /vof_done/ && n { exit }
	     END { print n }' $trace/trace)
# A busy machine may have an answer before the last one is out.
check "in flight before the first answer: $depth" [ "$depth" -ge 16 ]
check "disconnect it" vof_disconnect d1
stop_target

# An honest target that states nothing, and serves what it has to.
start_bad_target most=1m 7000
check "1 MiB: connect" vof_connect d2 trsvcid=7000 tvqn=disk2
disk=$(vof_disk d2)
is "1 MiB: the largest request" "$(largest "$disk")" 1048576
io=$(cat "/sys/block/${disk#/dev/}/queue/optimal_io_size")
check "1 MiB: the optimal size is not larger ($io)" [ "$io" -le 1048576 ]
check "1 MiB: max_sectors_kb is raised" raise "$disk"
check "1 MiB: large requests of all shapes" vof-large "$disk"
check "1 MiB: mkfs" mkfs.ext4 -q -F "$disk"
mkdir -p "$VOF_TMP/mnt"
dd if=/dev/urandom of="$VOF_TMP/random" bs=1M count=8 2>/dev/null
mount "$disk" "$VOF_TMP/mnt"
check "1 MiB: a file" cp "$VOF_TMP/random" "$VOF_TMP/mnt/file"
check "1 MiB: sync" sync -f "$VOF_TMP/mnt"
check "1 MiB: umount" umount "$VOF_TMP/mnt"
check "1 MiB: fsck" fsck.ext4 -f -n "$disk"
mount "$disk" "$VOF_TMP/mnt"
check "1 MiB: the same file" cmp "$VOF_TMP/random" "$VOF_TMP/mnt/file"
umount "$VOF_TMP/mnt"
is "1 MiB: no error" "$(vof_get d2 last_error)" ""
check "1 MiB: disconnect" vof_disconnect d2
stop_target || not_ok "the target ends well (got $?)"
finish
