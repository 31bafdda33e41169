#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Several devices of one target at once, one of them no disk: virtio-entropy
# shows that the core is not a block driver.
# quick: yes
# timeout: 180
. "$(dirname "$0")/lib.sh"

start_target --blk tvqn=disk0,mem=16M --blk tvqn=disk1,mem=32M --rng tvqn=rng0
check "first disk" vof_connect d0 tvqn=disk0
check "second disk" vof_connect d1 tvqn=disk1
disk0=$(vof_disk d0)
disk1=$(vof_disk d1)
check "they are two" [ "$disk0" != "$disk1" ]
is "the first one's size" "$(blockdev --getsize64 "$disk0")" 16777216
is "the second one's size" "$(blockdev --getsize64 "$disk1")" 33554432
check_not "their serials differ" cmp -s "/sys/block/${disk0#/dev/}/serial" \
	"/sys/block/${disk1#/dev/}/serial"

check "entropy" vof_connect r0 tvqn=rng0
grep -q virtio_rng /sys/class/misc/hw_random/rng_available ||
	not_ok "a hardware random generator appears"
rng=$(grep -o 'virtio_rng[.0-9]*' /sys/class/misc/hw_random/rng_available | tail -n 1)
echo "$rng" >/sys/class/misc/hw_random/rng_current
is "it can be chosen" "$(cat /sys/class/misc/hw_random/rng_current)" "$rng"
check "it delivers" dd if=/dev/hwrng of="$VOF_TMP/random1" bs=64 count=64 iflag=fullblock
check "it delivers again" dd if=/dev/hwrng of="$VOF_TMP/random2" bs=64 count=64 iflag=fullblock
check_not "something else" cmp -s "$VOF_TMP/random1" "$VOF_TMP/random2"
check "nothing to compress in it" [ "$(gzip -c "$VOF_TMP/random1" | wc -c)" -gt 4000 ]

fio --name=second --filename="$disk1" --rw=randwrite --bs=4k --size=32m \
	--io_size=4m --iodepth=16 --ioengine=libaio --direct=1 --thread \
	--verify=crc32c >"$VOF_TMP/second" 2>&1 &
other=$!
check "both disks at the same time" vof_fio filename="$disk0" rw=randwrite \
	bs=4k size=16m io_size=4m iodepth=16 verify=crc32c
wait $other
is "the second one too" $? 0 || note <"$VOF_TMP/second"
check "one goes, the other stays" vof_disconnect d0
check "and works" vof_fio filename="$disk1" rw=randwrite bs=64k size=32m \
	io_size=4m iodepth=4 verify=crc32c
finish
