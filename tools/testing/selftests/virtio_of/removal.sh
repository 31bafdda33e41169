#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Disconnect, target death and module unload under load: nothing hangs, nothing
# is reported as written that was not, nothing is left. And a disk that is in use
# stays, unless somebody insists.
# transports: rdma tcp tls
# timeout: 400
# with: dmsetup
# smp: 2
. "$(dirname "$0")/lib.sh"

disk0="--blk tvqn=disk0,mem=32M,queues=2"
# shellcheck disable=SC2086 # words
start_target $disk0
for round in 1 2 3; do
	check "round $round: connect" vof_connect d0 tvqn=disk0
	load "$(vof_disk d0)"
	is "round $round: disable under load" "$(vof_set d0 enable 0)" EBUSY
	check "round $round: disable under load, insisting" timeout 30 bash -c \
		"echo 2 >$VOF_CONFIGFS/d0/enable"
	load_ends "round $round"
	vof_disconnect d0
done

check "connect" vof_connect d0 tvqn=disk0
load "$(vof_disk d0)"
within 30 "disconnect under load" vof_disconnect d0
load_ends "disconnect"
check "rmmod at once" rmmod "$VOF_MODULE" virtio_of

# What can be wrong with a target, what the device is doing, how it is taken down:
# within 5 s, whatever they are.
remove()
{
	case $1 in
	disable) vof_set d0 enable 0 && rmdir "$VOF_CONFIGFS/d0" ;;
	insist) vof_disconnect d0 ;;
	esac
}

modprobe "$VOF_MODULE"
for fault in none dead frozen; do
	for how in disable insist; do
		for busy in idle load dirty; do
			[ $busy-$how != load-disable ] || continue
			what="$busy, target $fault, $how"
			check "$what: connect" vof_connect d0 tvqn=disk0 \
				reconnect_delay=1 || break 3
			disk=$(vof_disk d0)
			case $busy in
			load) load "$disk" ;;
			dirty) dd if=/dev/urandom of="$disk" bs=64k count=64 2>/dev/null ;;
			esac
			case $fault in
			dead) kill_target ;;
			frozen) kill -STOP "$TARGET" ;;
			esac
			within 5 "$what" remove $how
			[ $busy != load ] || load_ends "$what"
			# shellcheck disable=SC2086 # words
			case $fault in
			dead) start_target $disk0 ;;
			frozen) kill -CONT "$TARGET" ;;
			esac
		done
	done
done

# What has the disk open keeps it, whatever it is, and whatever the state.
in_use()
{
	is "$1: disable" "$(vof_set d0 enable 0)" EBUSY
	like "$1: says what to do" "$(vof_get d0 last_error)" \
		"^${2#/dev/} is in use: unmount it.* write 2 to enable"
	is "$1: rmdir" "$(vof_errno "$(rmdir "$VOF_CONFIGFS/d0" 2>&1)")" EBUSY
	check "$1: the disk is there" [ -b "$2" ]
}
check "connect" vof_connect d0 tvqn=disk0 ctrl_loss_tmo=0
disk=$(vof_disk d0)
mkdir "$VOF_TMP/mnt"
check "a file system is made" mkfs.ext4 -q "$disk"
check "and mounted" mount -t ext4 "$disk" "$VOF_TMP/mnt"
in_use "a file system" "$disk"
check "a file system: goes on" bash -c "echo x >$VOF_TMP/mnt/file && sync"
umount "$VOF_TMP/mnt"
vof_dm over "0 1024 linear $disk 0" || bail "no device mapper"
in_use "device mapper" "$disk"
dmsetup remove --noudevrules --noudevsync over && rm -f /dev/mapper/over
check "swap is made" mkswap "$disk"
check "and used" swapon "$disk"
in_use "swap" "$disk"
swapoff "$disk"
# One partition: Linux, from 2048 for 8192.
{
	head -c 446 /dev/zero
	printf '\0\0\0\0\203\0\0\0\0\10\0\0\0\40\0\0'
	head -c 48 /dev/zero
	printf '\125\252'
} | dd of="$disk" bs=512 conv=fsync 2>/dev/null
blockdev --rereadpt "$disk"
check "a partition" [ -b "${disk}1" ]
exec 7<"${disk}1"
in_use "a partition" "${disk}1"
exec 7<&-
(exec 7<"$disk"; sleep 0.5) &
check "who only has a look is waited for" vof_set d0 enable 0
wait $!
check "enable again" vof_set d0 enable 1
disk=$(vof_disk d0)
exec 7<"$disk"
kill_target
check "a failed device" vof_wait_state d0 failed 15
in_use "a failed device" "$disk"
within 5 "is taken by who insists" vof_disconnect d0
exec 7<&-
# shellcheck disable=SC2086 # words
start_target $disk0

# A limit of 0: no second link.
check "connect" vof_connect d0 tvqn=disk0
disk=$(vof_disk d0)
load "$disk"
vof_set d0 ctrl_loss_tmo 0
kill_target
load_ends "killed target"
is "state" "$(vof_get d0 state)" failed
like "last_error says what happened" "$(vof_get d0 last_error)" "$(vof_closed)|connection broke|respond|remote access"
check_not "reads fail" timeout 20 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
check_not "writes fail" timeout 20 dd if=/dev/zero of="$disk" bs=4k count=1 oflag=direct
within 5 "a failed device can be disabled" vof_set d0 enable 0
# shellcheck disable=SC2086 # words
start_target $disk0
check "and enabled again" vof_set d0 enable 1
check "and works" vof_fio filename="$(vof_disk d0)" rw=randwrite bs=4k size=16m \
	io_size=1m iodepth=16 verify=crc32c
vof_disconnect d0

finish
