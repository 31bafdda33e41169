#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Which disk it is: a target that comes back with another one under the same name gets
# none of the writes that wait, and says so; the right one gets them all. What counts is
# what the driver at hand has to do with, and a new one begins anew.
# timeout: 200
# smp: 2
# kernels: 6.1 6.12 debug
# ci: 6.12
. "$(dirname "$0")/lib.sh"

# serve FILE SERIAL
serve() { start_target --blk "tvqn=disk0,file=$1,serial=$2,queues=2"; }

# refusals COUNT: the device has been given up so often, within 20 s.
refusals()
{
	local i
	for ((i = 0; i < 200; i++)); do
		[ "$(vof_log | grep -c 'd0: .*serves another device now')" != "$1" ] ||
			return 0
		sleep 0.1
	done
	return 1
}

truncate -s 64M "$VOF_TMP/right"
dd if=/dev/urandom of="$VOF_TMP/wrong" bs=1M count=64 2>/dev/null
sum=$(sha256sum <"$VOF_TMP/wrong")

serve "$VOF_TMP/right" right-disk
check "connect" vof_connect d0 tvqn=disk0 reconnect_delay=1
disk=$(vof_disk d0)
verified_load "$disk"
kill_target
check "killed: recovering" vof_wait_state d0 recovering 20
serve "$VOF_TMP/right" right-disk
check "the same disk: live again" vof_wait_state d0 live 20
verified_load_ends "the same disk"

load "$disk"
kill_target
check "killed under load: recovering" vof_wait_state d0 recovering 20
serve "$VOF_TMP/wrong" wrong-disk
check "another disk: failed" vof_wait_state d0 failed 20
like "another disk: last_error has both serials" "$(vof_get d0 last_error)" \
	'another disk: its serial was "right-disk", is "wrong-disk"'
load_ends "another disk"
check "another disk: given up" refusals 1
is "another disk: nothing was written to it" "$(sha256sum <"$VOF_TMP/wrong")" "$sum"
vof_set d0 reconnect 1
check "another disk, told to reconnect: given up again" refusals 2
is "another disk, told to reconnect: state" "$(vof_get d0 state)" failed
is "another disk: nothing was written to it" "$(sha256sum <"$VOF_TMP/wrong")" "$sum"
check_not "another disk: reads fail" timeout 5 dd if="$disk" of=/dev/null bs=4k \
	count=1 iflag=direct

kill_target
serve "$VOF_TMP/right" right-disk
vof_set d0 reconnect 1
check "the first disk again: live" vof_wait_state d0 live 20
check "the first disk again: works" vof_fio filename="$disk" rw=randwrite bs=4k \
	size=16m io_size=1m verify=crc32c

# What a driver was told ends with it: a new one takes the disk that is there.
device=$(vof_get d0 device)
check "unbind" vof_bind unbind "$device"
kill_target
check "unbound, killed: recovering" vof_wait_state d0 recovering 20
truncate -s 32M "$VOF_TMP/wrong"
serve "$VOF_TMP/wrong" wrong-disk
check "unbound, a smaller disk: live" vof_wait_state d0 live 20
check "bind" vof_bind bind "$device"
disk=$(vof_disk d0)
is "bound: its size" "$(blockdev --getsize64 "$disk")" 33554432
is "bound: its serial" "$(cat "/sys/block/${disk#/dev/}/serial")" wrong-disk
kill_target
check "bound, killed: recovering" vof_wait_state d0 recovering 20
serve "$VOF_TMP/wrong" wrong-disk
check "bound, the same disk: live again" vof_wait_state d0 live 20
vof_disconnect d0
stop_target

# bad BEHAVIOUR: one with its own idea of a serial; the second instance is there.
port=7100
bad()
{
	port=$((port + 1))
	start_bad_target "$1" "$port"
	check "$1: connect" vof_connect b "trsvcid=$port" tvqn=bad reconnect_delay=1
	vof_set b reconnect 1
}

bad_ends()
{
	within 5 "$1: rmdir" vof_disconnect b
	stop_target
}

bad serial=odd
check "serial=odd: failed" vof_wait_state b failed 20
# shellcheck disable=SC2016 # not for the shell
is "serial=odd: nothing odd in last_error" "$(vof_get b last_error)" \
	'the target came back with another disk: its serial was "bad", is "\x0a\x1b[1m\x22odd\x5c%s%n\xff\xff\xff\xff\xff"'
bad_ends serial=odd

# Not shown to be another disk: to be tried again, but nothing is sent.
for s in goes comes; do
	bad serial=$s
	for ((i = 0; i < 200; i++)); do
		[[ ! $(vof_get b last_error) =~ serial ]] || break
		sleep 0.1
	done
	like "serial=$s: last_error" "$(vof_get b last_error)" \
		'came back changed: (the serial was "bad", now there is none|there was no serial, now it is "bad")'
	is "serial=$s: it is tried again" "$(vof_get b state)" recovering
	vof_set b ctrl_loss_tmo 0
	check "serial=$s: failed by the limit" vof_wait_state b failed 20
	bad_ends serial=$s
done
bad serial=none
for ((i = 0; i < 200; i++)); do
	[ "$(vof_get b reconnects)" = 0 ] || break
	sleep 0.1
done
check "serial=none: live again" vof_wait_state b live 20
bad_ends serial=none
finish
