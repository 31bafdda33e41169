#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A lost link comes back: the target killed, frozen and restarted, the link
# broken, under load whose data is verified; what the waiting is limited by; what
# happens when the target comes back as something else.
# transports: rdma tcp tls
# idle: yes
# ci: 6.1 6.12 6.1-tcp 6.12-tcp
# timeout: 500
# smp: 2
. "$(dirname "$0")/lib.sh"

image=$VOF_TMP/image
truncate -s 64M "$image"

# The same file, whichever process serves it.
serve_image() { start_target --blk "tvqn=disk0,file=$image,queues=2"; }

serve_image
check "connect" vof_connect d0 tvqn=disk0 reconnect_delay=1
disk=$(vof_disk d0)
is "no reconnect yet" "$(vof_get d0 reconnects)" 0

for round in 1 2 3; do
	verified_load "$disk"
	sleep $((round - 1)).5
	kill_target
	check "killed $round: recovering" vof_wait_state d0 recovering 10
	like "killed $round: last_error" "$(vof_get d0 last_error)" "$(vof_closed)|connection broke|respond|remote|nothing listens"
	check "killed $round: the load waits" kill -0 "$LOAD"
	sleep $((round - 1))
	serve_image
	check "killed $round: live again" vof_wait_state d0 live 10
	verified_load_ends "killed $round"
done
# Soft-RoCE may break a link by itself when the machine is slow.
check "every loss is counted" [ "$(vof_get d0 reconnects)" -ge 3 ]
check "requests were sent again ($(vof_get d0 replayed))" [ "$(vof_get d0 replayed)" -gt 0 ]

verified_load "$disk"
for round in 1 2 3 4 5; do
	check "reconnect $round" vof_set d0 reconnect 1
	sleep 0.7
	check "reconnect $round: live again" vof_wait_state d0 live 10
done
verified_load_ends "reconnect"
check "reconnects are counted" [ "$(vof_get d0 reconnects)" -ge 8 ]

# Frozen for longer than keepalives allow.
verified_load "$disk"
kill -STOP "$TARGET"
check "frozen: recovering" vof_wait_state d0 recovering 25
# Another cause may come first, but no attempt to connect is answered.
for ((i = 0; i < 200; i++)); do
	error=$(vof_get d0 last_error)
	[[ ! $error =~ answer|respond ]] || break
	sleep 0.1
done
like "frozen: last_error" "$error" "answer|respond"
kill -CONT "$TARGET"
check "frozen: live again" vof_wait_state d0 live 20
verified_load_ends "frozen"

# What the driver has set is set again.
echo "write through" >"/sys/block/${disk#/dev/}/cache_type"
vof_set d0 reconnect 1
sleep 0.5
check "cache_type: live again" vof_wait_state d0 live 10
is "cache_type is as it was set" "$(cat "/sys/block/${disk#/dev/}/cache_type")" "write through"

# fast_io_fail_tmo: errors, but the device comes back.
kill_target
check "fast_io_fail_tmo: recovering" vof_wait_state d0 recovering 10
timeout 30 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null &
reader=$!
sleep 1
check "without a limit a read waits" kill -0 $reader
check "fast_io_fail_tmo can be set now" vof_set d0 fast_io_fail_tmo 1
for ((i = 0; i < 20; i++)); do
	kill -0 $reader 2>/dev/null || break
	sleep 0.1
done
check_not "and the read ends" kill -0 $reader
wait $reader
is "with an error" $? 1
check_not "a further read fails" timeout 5 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
is "still recovering" "$(vof_get d0 state)" recovering
serve_image
check "live again" vof_wait_state d0 live 10
check "reads succeed" timeout 5 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
vof_set d0 fast_io_fail_tmo -1

# ctrl_loss_tmo: given up, but not gone.
# A link that breaks within 10 s may continue the outage: it has to hold for longer.
sleep 11
vof_set d0 ctrl_loss_tmo 3
kill_target
check "ctrl_loss_tmo: recovering" vof_wait_state d0 recovering 10
timeout 30 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null &
reader=$!
check "ctrl_loss_tmo: failed" vof_wait_state d0 failed 14
wait $reader
is "the read has failed" $? 1
check "the disk is still there" [ -b "$disk" ]
like "the log says what to do" "$(vof_log)" "ctrl_loss_tmo allows: requests fail until the device is disabled or told to reconnect"
serve_image
sleep 2
is "a failed device does not come back by itself" "$(vof_get d0 state)" failed
# An attempt that was asked for has all the time that it takes.
vof_set d0 ctrl_loss_tmo 0
check "reconnect" vof_set d0 reconnect 1
check "live again" vof_wait_state d0 live 10
check "reads succeed" timeout 5 dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct
vof_set d0 ctrl_loss_tmo 600

# A target that has something else to offer.
kill_target
truncate -s 128M "$image"
serve_image
check "grown: live again" vof_wait_state d0 live 10
for ((i = 0; i < 50; i++)); do
	[ "$(blockdev --getsize64 "$disk")" != 134217728 ] || break
	sleep 0.1
done
is "grown: the disk has the new size" "$(blockdev --getsize64 "$disk")" 134217728
kill_target
truncate -s 64M "$image"
serve_image
# It may be that it only starts: no reason to give up.
check "shrunk: waited for" vof_wait_error d0 \
	"came back changed: capacity in sectors was 262144, is 131072"
is "shrunk: recovering" "$(vof_get d0 state)" recovering
kill_target
truncate -s 128M "$image"
serve_image
check "of its size again: live again" vof_wait_state d0 live 10
kill_target
start_target --rng tvqn=disk0
check "another type: failed" vof_wait_state d0 failed 10
like "another type: last_error" "$(vof_get d0 last_error)" "another device: device id was 2, is 4"
kill_target
start_target --blk tvqn=other,mem=16M
vof_set d0 reconnect 1
sleep 3
is "not there yet: recovering" "$(vof_get d0 state)" recovering
like "not there yet: last_error" "$(vof_get d0 last_error)" "no such target|not at all"
kill_target
truncate -s 128M "$image"
serve_image
check "there again: live" vof_wait_state d0 live 10

# Taken down in every state, with a load that waits.
kill_target
load "$disk"
check "recovering" vof_wait_state d0 recovering 10
within 5 "disable while recovering" vof_set d0 enable 2
load_ends "disable while recovering"
serve_image
check "enable again" vof_set d0 enable 1
load "$(vof_disk d0)"
kill_target
vof_wait_state d0 recovering 10
within 5 "disconnect while recovering" vof_disconnect d0
load_ends "disconnect while recovering"

# An entropy device waits as well.
start_target --rng tvqn=rng0
check "connect an entropy device" vof_connect r0 tvqn=rng0 reconnect_delay=1
timeout 60 dd if=/dev/hwrng of=/dev/null bs=64 count=20000 2>/dev/null &
reader=$!
sleep 1
kill_target
check "entropy: recovering" vof_wait_state r0 recovering 10
start_target --rng tvqn=rng0
check "entropy: live again" vof_wait_state r0 live 10
check "entropy: bytes flow" timeout 20 dd if=/dev/hwrng of=/dev/null bs=64 count=10
kill $reader 2>/dev/null
wait $reader
# Its driver never asks again once it was given nothing.
vof_set r0 fast_io_fail_tmo 1
kill_target
check "entropy: recovering, with a limit" vof_wait_state r0 recovering 10
sleep 2
start_target --rng tvqn=rng0
check "entropy: live after that" vof_wait_state r0 live 10
check "entropy: bytes flow again" timeout 20 dd if=/dev/hwrng of=/dev/null bs=64 count=10
kill_target
check "entropy: recovering" vof_wait_state r0 recovering 10
timeout -s KILL 60 dd if=/dev/hwrng of=/dev/null bs=64 count=1000 2>/dev/null &
reader=$!
sleep 1
within 5 "entropy: disable with a reader that waits" vof_set r0 enable 0
wait $reader
vof_disconnect r0
finish
