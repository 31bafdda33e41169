#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# In two guests: a device from Connect to Disconnect with every command that the protocol
# has, as tcpdump sees it, into /out/$VOF_TRANSPORT.pcap. The script record starts it.
. tools/testing/selftests/virtio_of/lib.sh

case $VOF_TRANSPORT in
rdma) filter='udp port 4791' ;;
tcp) filter='tcp port 8549' ;;
esac

if on_node target; then
	truncate -s 16M "$VOF_TMP/disk"
	printf '%s\n' '[target]' 'keepalive = 2' '[listen]' "url = $(vof_url "$VOF_ADDR")" \
		'[blk com.example/disk0]' "file = $VOF_TMP/disk" 'queues = 1' 'queue-size = 16' \
		'eager = 4K' 'eager-bufs = 2' >"$VOF_TMP/target.conf"
	start_target --config "$VOF_TMP/target.conf"
	barrier up
	barrier written
	truncate -s 17M "$VOF_TMP/disk"
	kill -HUP "$TARGET"
	barrier "done"
	finish
fi

barrier up
tcpdump -Z root -i "$VOF_DEV" -U -w "$VOF_TMP/pcap" "$filter" >"$VOF_TMP/tcpdump" 2>&1 9>&- &
dump=$!
for ((i = 0; i < 200; i++)); do
	! grep -q 'listening on' "$VOF_TMP/tcpdump" || break
	sleep 0.1
done
is "a name that nobody serves" "$(vof_connect d0 tvqn=com.example/disk1 ivqn=com.example/host)" ENOENT
vof_set d0 tvqn com.example/disk0
check "connect" vof_set d0 enable 1
disk=$(vof_disk d0)
name=${disk#/dev/}
check "write 512" dd if=/dev/urandom of="$disk" bs=512 count=1 oflag=direct status=none
check "read 512" dd if="$disk" of=/dev/null bs=512 count=1 iflag=direct status=none
# With its header across the border between the two eager buffers.
check "write 2560" dd if=/dev/urandom of="$disk" bs=2560 count=1 oflag=direct status=none
# More than is copied, and more than the eager buffers have: registered pages both times.
check "read 5k" dd if="$disk" of=/dev/null bs=5k count=1 iflag=direct status=none
check "write 4608" dd if=/dev/urandom of="$disk" bs=4608 count=1 oflag=direct status=none
check "several at a time" fio --name=job --filename="$disk" --rw=randwrite --bs=512 \
	--number_ios=8 --ioengine=libaio --direct=1 --iodepth=8 --iodepth_batch=8 --output="$VOF_TMP/fio"
check "flush" dd if=/dev/zero of="$disk" bs=512 count=1 conv=fsync oflag=direct status=none
check "without a cache" eval "echo 'write through' >/sys/block/$name/cache_type"
barrier written
for ((i = 0; i < 100; i++)); do
	[ "$(blockdev --getsize64 "$disk")" != $((17 << 20)) ] || break
	sleep 0.1
done
is "the size has changed" "$(blockdev --getsize64 "$disk")" $((17 << 20))
sleep 6		# two of the target's questions, one Keepalive
vof_disconnect d0
sleep 1
kill -INT $dump
wait $dump
cp "$VOF_TMP/pcap" "/out/$VOF_TRANSPORT.pcap"
barrier "done"
finish
