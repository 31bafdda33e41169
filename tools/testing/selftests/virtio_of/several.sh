#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Several devices of one target at once, one of them no disk: virtio-entropy
# shows that the core is not a block driver. Which serials are one, and which are not.
# And several addresses, of which one is not the target's any more.
# transports: rdma tcp
# ci: 6.12 6.12-tcp
# quick: yes
# timeout: 180
. "$(dirname "$0")/lib.sh"

start_target --listen "$(vof_url "$VOF_ADDR")" --listen "$(vof_url "$VOF_ADDR6")" \
	--blk tvqn=disk0,mem=16M --blk tvqn=disk1,mem=32M --rng tvqn=rng0
check "first disk" vof_connect d0 tvqn=disk0
check "second disk" vof_connect d1 tvqn=disk1
disk0=$(vof_disk d0)
disk1=$(vof_disk d1)
check "they are two" [ "$disk0" != "$disk1" ]
is "the first one's size" "$(blockdev --getsize64 "$disk0")" 16777216
is "the second one's size" "$(blockdev --getsize64 "$disk1")" 33554432
serial() { cat "/sys/block/$(basename "$(vof_disk "$1")")/serial"; }
first=$(serial d0)
like "serials are made up" "$first" '^vof-[0-9a-f]{16}$'
check_not "and differ" [ "$first" = "$(serial d1)" ]
check "another way to the first" vof_connect d2 "traddr=$VOF_ADDR6" tvqn=disk0 ivqn=second
is "has its serial" "$(serial d2)" "$first"
vof_disconnect d2
id=$(cat /etc/machine-id)
echo "${id//[0-7]/9}" >/etc/machine-id
start_target --listen "$(vof_url "$VOF_ADDR" 8550)" --blk tvqn=disk0,mem=16M
check "another machine's disk of that name" vof_connect d2 trsvcid=8550 tvqn=disk0
check_not "has not" [ "$(serial d2)" = "$first" ]
vof_disconnect d2
stop_target
echo "$id" >/etc/machine-id
start_target --listen "$(vof_url "$VOF_ADDR" 8550)" --blk tvqn=disk0,mem=16M
check "started again on the first machine" vof_connect d2 trsvcid=8550 tvqn=disk0
is "it has, again" "$(serial d2)" "$first"
vof_disconnect d2
stop_target

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

# A way that the network forbids is not the last word; nor is what somebody says who has the
# address now.
ip route add prohibit 192.0.2.99
check "the first way is forbidden" vof_connect d2 ivqn=second tvqn=disk0 \
	"traddr=192.0.2.99 $VOF_ADDR" || note "$(vof_get d2 last_error)"
vof_disconnect d2
ip route del prohibit 192.0.2.99
start_target --listen "$(vof_url "$VOF_ADDR" 8550)" --listen "$(vof_url "$VOF_ADDR6" 8550)" \
	--rng tvqn=rng1
check "two ways" vof_connect d2 trsvcid=8550 tvqn=rng1 "traddr=$VOF_ADDR $VOF_ADDR6" \
	reconnect_delay=1
stop_target
start_target --listen "$(vof_url "$VOF_ADDR" 8550)" --rng tvqn=rng2
stranger=$TARGET
start_target --listen "$(vof_url "$VOF_ADDR6" 8550)" --rng tvqn=rng1
check "somebody else has the first: live by the second" vof_wait_state d2 live 30 ||
	note "$(vof_get d2 last_error)"
vof_disconnect d2
stop_target
stop_target "$stranger"

check "one goes, the other stays" vof_disconnect d0
check "and works" vof_fio filename="$disk1" rw=randwrite bs=64k size=32m \
	io_size=4m iodepth=4 verify=crc32c
finish
