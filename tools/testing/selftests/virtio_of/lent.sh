#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Much data is not copied to TCP: packets refer to the driver's pages. They are not the
# driver's again while a packet is still to be sent, when the link is gone as well: what
# a process puts there after its write has failed never gets to the target.
# nodes: target initiator
# transports: tcp
# ci: 6.12-tcp
# idle: yes
# timeout: 240
. "$(dirname "$0")/lib.sh"

! on_node target || serve --blk tvqn=disk0,mem=64M

tracing=/sys/kernel/tracing
hold=800

barrier up
check "connect" vof_connect d0 tvqn=disk0 fast_io_fail_tmo=0 ||
	note "$(vof_get d0 last_error)"
disk=$(vof_disk d0)
echo "r:vof_lent vof_tcp_page_lend lent=\$retval:u8" >"$tracing/kprobe_events"
echo 1 >"$tracing/events/kprobes/vof_lent/enable"
check "verified writes" vof_fio filename="$disk" rw=randwrite bsrange=64k-1m \
	size=64m io_size=16m iodepth=4 verify=crc32c
lent() { grep -c 'lent=1' "$tracing/trace"; }
check "their pages are lent" [ "$(lent)" -ge 16 ]

# A probe for a larger MTU may refer to pages and is not counted: none are lent then, whether
# the host may begin with that, or the connection has.
probing=/proc/sys/net/ipv4/tcp_mtu_probing
# none_lent WHEN
none_lent()
{
	local before
	before=$(lent)
	check "verified writes $1" vof_fio filename="$disk" rw=randwrite bsrange=64k-1m \
		size=64m io_size=4m iodepth=4 verify=crc32c
	is "no page is lent $1" "$(lent)" "$before"
}
echo 1 >$probing
none_lent "where the host may probe"
echo 0 >$probing
before=$(lent)

# All packets of the next write are on their way, and lie in the interface's queue, when
# the link goes: TCP's window is open, and each waits for $hold ms.
dd if=/dev/zero of="$disk" bs=64k count=64 oflag=direct 2>/dev/null
netem delay ${hold}ms limit 10000
start=$(milliseconds)
mkfifo "$VOF_TMP/keep"
vof-reuse "$disk" 65536 <"$VOF_TMP/keep" >"$VOF_TMP/reuse" &
exec {keep}>"$VOF_TMP/keep"
for ((i = 0; i < 100; i++)); do
	[ "$(lent)" = "$before" ] || break
	sleep 0.01
done
# No new link before the driver was told: nothing is sent twice.
ip route add unreachable "$(target_addr)"
check "the link is given up" vof_set d0 reconnect 1
for ((i = 0; i < 100; i++)); do
	[ ! -s "$VOF_TMP/reuse" ] || break
	sleep 0.05
done
took=$(($(milliseconds) - start))
is "the write has failed" "$(cat "$VOF_TMP/reuse")" "Input/output error"
check "when no packet was left, after $took ms" [ $took -ge $((hold - 100)) ]
netem
# For the connections to come.
echo 2 >$probing
ip route del unreachable "$(target_addr)"
check "connected again" vof_wait_state d0 live 30
echo 0 >$probing
dd if="$disk" of="$VOF_TMP/found" bs=64k count=1 iflag=direct 2>/dev/null
note "the target has $(tr -d '\0' <"$VOF_TMP/found" | tr -d 'A' | wc -c) bytes of what came later," \
	"$(tr -cd 'A' <"$VOF_TMP/found" | wc -c) of what was written"
check_not "nothing of what came later was sent" grep -q B "$VOF_TMP/found"
exec {keep}>&-
wait
none_lent "on connections that probe"

# A queue that keeps packets for as long as it likes: the device waits, and says so, until
# the interface goes down.
check "a new link" vof_set d0 reconnect 1
check "live" vof_wait_state d0 live 30
before=$(lent)
netem delay 200s limit 10000
dd if=/dev/zero of="$disk" bs=64k count=1 oflag=direct 2>/dev/null &
writer=$!
for ((i = 0; i < 100; i++)); do
	[ "$(lent)" = "$before" ] || break
	sleep 0.01
done
vof_set d0 enable 2 >"$VOF_TMP/disable" &
disabler=$!
told() { [[ $(vof_get d0 last_error) = *"still being sent"* ]]; }
for ((i = 0; i < 300; i++)); do
	! told || break
	sleep 0.1
done
check "packets that stay are told of" told
check "and waited for" kill -0 $disabler
ip link set "$VOF_DEV" down
# Not by check: only this shell can wait for it.
wait $disabler
is "the device goes when they are dropped" $? 0
check_not "and what was to be written has failed" wait $writer
echo 0 >"$tracing/events/kprobes/vof_lent/enable"
echo >"$tracing/kprobe_events"
barrier "done"
finish
