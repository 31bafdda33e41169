#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What lies below an address: an interface that is made anew, under another number, is
# found again by its name; one that is down is named, and so is what soft-RoCE makes of it.
# A network namespace that is deleted lives as long as the device that was enabled there.
# transports: rdma tcp
# kernels: 6.1 6.12 debug
# ci: 6.12 6.12-tcp
. "$(dirname "$0")/lib.sh"

truncate -s 16M "$VOF_TMP/image"
serve_disk()
{
	start_target --listen "$(vof_url ::)" --listen "$(vof_url 0.0.0.0)" \
		--blk "tvqn=disk,file=$VOF_TMP/image,queues=1"
}
# Whatever becomes of a target whose adapter goes. TCP has none.
adapter_gone()
{
	kill_target
	over tcp || within 20 "$1" rdma link delete rxe0
}
adapter_back() { over tcp || rdma link add rxe0 type rxe netdev "$VOF_DEV"; }

check "an address of the link" ip -6 addr add fe80::f0/64 dev "$VOF_DEV" nodad
wait_for() { for ((i = 0; i < 100; i++)); do "$@" && return; sleep 0.1; done; return 1; }
# knows PATTERN N: the adapter learns of addresses in its own time.
gids() { [ "$(grep -lE "$1" /sys/class/infiniband/rxe0/ports/1/gids/* | wc -l)" = "$2" ]; }
knows() { over tcp || check "the adapter knows it" wait_for gids "$@"; }
v4=ffff:0a00:0001 v6=fd00:0000:0000:0000:0000:0000:0000:0001
knows 00f0 1
serve_disk
check "connect" vof_connect d0 tvqn=disk "traddr=fe80::f0%$VOF_DEV" \
	"host_traddr=fe80::f0%$VOF_DEV" reconnect_delay=1
disk=$(vof_disk d0)
before=$(cat "/sys/class/net/$VOF_DEV/ifindex")
adapter_gone "the adapter is removed"
ip link delete "$VOF_DEV"
check "recovering" vof_wait_state d0 recovering 30
no_interface() { [[ $(vof_get d0 last_error) = *"the interface of fe80::f0%"* ]]; }
check "it is said that there is no interface" wait_for no_interface ||
	note "$(vof_get d0 last_error)"
check "an interface of the same name" ip link add "$VOF_DEV" type dummy
echo 0 >"/proc/sys/net/ipv6/conf/$VOF_DEV/accept_dad"
ip link set "$VOF_DEV" up
check_not "is another one" [ "$(cat "/sys/class/net/$VOF_DEV/ifindex")" = "$before" ]
ip addr add "$VOF_ADDR/24" dev "$VOF_DEV"
ip -6 addr add fe80::f0/64 dev "$VOF_DEV" nodad
check "the adapter is back" adapter_back
knows 00f0 1
serve_disk
check "live again" vof_wait_state d0 live 30 || note "$(vof_get d0 last_error)"
check "and works" vof_fio filename="$disk" rw=randwrite bs=4k size=8m io_size=1m \
	iodepth=8 verify=crc32c
vof_make d1 tvqn=disk "traddr=fe80::f0%$VOF_DEV"
is "its address is taken still" "$(vof_set d1 enable 1)" EEXIST
vof_disconnect d1
vof_disconnect d0

if over rdma; then
	# A port without a carrier: nothing is sent, and nothing breaks by that.
	ip link set "$VOF_DEV" carrier off
	is "no carrier" "$(vof_connect d0 tvqn=disk)" "Network is down"
	is "is said so" "$(vof_get d0 last_error)" "the port of RDMA adapter rxe0 is down"
	ip link set "$VOF_DEV" carrier on
	check "with a carrier" vof_set d0 enable 1
	vof_set d0 enable 0

	# The interface is down while something is to be sent: see port.c. 6.1 may get over it.
	check "connect" vof_set d0 enable 1
	ip link set "$VOF_DEV" down
	kill_target
	sleep 1
	ip link set "$VOF_DEV" up
	serve_disk
	hint="no answer from the address; its interface was down.*make the adapter anew"
	told() { [ "$(vof_get d0 state)" = live ] || [[ $(vof_get d0 last_error) =~ $hint ]]; }
	wait_for wait_for told
	note "$(vof_get d0 state): $(vof_get d0 last_error)"
	check "it comes back, or it is said why not" told
	adapter_gone "the adapter is made anew"
	adapter_back
	serve_disk
	check "live then" vof_wait_state d0 live 30
	vof_disconnect d0
fi

# Several addresses of one target: the first that answers, and another one when that is
# gone, the last good one first.
check "a second address" ip -6 addr add "$VOF_ADDR6/64" dev "$VOF_DEV" nodad
knows $v6 1
# The address of the link that was made last.
at() { vof_log | sed -n 's,.* disk at [a-z]*://\(.*\):8549[:\,].*\(with\|again\).*,\1,p' | tail -n 1; }
# again_at ADDRESS: a new link is there, by that one.
again_at()
{
	local before
	before=$(vof_get d0 reconnects)
	check "$1: a new link is wanted" vof_set d0 reconnect 1
	more() { [ "$(vof_get d0 reconnects)" -gt "$before" ]; }
	check "$1: there is one" wait_for wait_for more || note "$(vof_get d0 last_error)"
	is "$1: by this address" "$(at)" "$1"
	check "$1: data comes back" vof_fio filename="$(vof_disk d0)" rw=randwrite bs=4k \
		size=8m io_size=256k iodepth=8 verify=crc32c
}
check "nobody at the first of two" vof_connect d0 tvqn=disk "traddr=10.0.0.99 $VOF_ADDR6" ||
	note "$(vof_get d0 last_error)"
is "the second is used" "$(at)" "[$VOF_ADDR6]"
like "why not the first" "$(vof_get d0 last_error)" "^[a-z]*://10.0.0.99:8549: no answer[^;]*$"
vof_make d1 tvqn=disk "traddr=10.0.0.98 fd00:0::1"
is "one of them is taken" "$(vof_set d1 enable 1)" EEXIST
vof_disconnect d1
vof_disconnect d0
is "nobody at two addresses" "$(vof_connect d0 tvqn=disk trsvcid=9 \
	"traddr=$VOF_ADDR $VOF_ADDR6")" ECONNREFUSED
like "both are named, each by its cause" "$(vof_get d0 last_error)" \
	"^[a-z]*://$VOF_ADDR:9: nothing listens there[^;]*; [a-z]*://\[$VOF_ADDR6\]:9: nothing listens there[^;]*$"
vof_disconnect d0
# As long as addresses can be.
long=fd00:1111:2222:3333:4444:5555:6666:777
check_not "nobody at four" vof_connect d0 tvqn=disk trsvcid=9 \
	"traddr=${long}1 ${long}2 ${long}3 ${long}4"
is "all of them are named" "$(vof_get d0 last_error | grep -o '://[^ ]*:9: ')" \
	"$(printf '://[%s]:9: \n' ${long}{1,2,3,4})"
vof_disconnect d0
check "two that answer" vof_connect d0 tvqn=disk "traddr=$VOF_ADDR $VOF_ADDR6" \
	reconnect_delay=1
is "the first is used" "$(at)" "$VOF_ADDR"
ip addr del "$VOF_ADDR/24" dev "$VOF_DEV"
knows $v4 0
again_at "[$VOF_ADDR6]"
ip addr add "$VOF_ADDR/24" dev "$VOF_DEV"
knows $v4 1
again_at "[$VOF_ADDR6]"
ip -6 addr del "$VOF_ADDR6/64" dev "$VOF_DEV"
knows $v6 0
again_at "$VOF_ADDR"
vof_disconnect d0

# What was enabled in a network namespace keeps it, whoever deletes its name; it ends with
# the device, and the interfaces that are in it.
if over tcp; then
	check "a namespace" ip netns add other
	ip link add vof_here type veth peer name vof_there netns other
	ip addr add 10.0.9.1/24 dev vof_here
	ip link set vof_here up
	ip -n other addr add 10.0.9.2/24 dev vof_there
	ip -n other link set vof_there up
	vof_make d0 tvqn=disk traddr=10.0.9.1 reconnect_delay=1
	check "connect there" nsenter --net=/run/netns/other \
		bash -c "echo 1 >$VOF_CONFIGFS/d0/enable" ||
		note "$(vof_get d0 last_error)"
	check "from there" wait_for test -n "$(ss -Htn state established 'dst 10.0.9.2')"
	check "it is deleted" ip netns del other
	works() { vof_fio filename="$(vof_disk d0)" rw=randwrite bs=4k size=8m io_size=256k \
		iodepth=8 verify=crc32c; }
	check "the device works" works
	kill_target
	check "its target is gone" vof_wait_state d0 recovering 30
	serve_disk
	check "and gets a new link from there" vof_wait_state d0 live 30 ||
		note "$(vof_get d0 last_error)"
	check "which works" works
	check "the device goes" vof_disconnect d0
	no_interface() { ! ip link show vof_here >/dev/null 2>&1; }
	check "and the namespace with it" wait_for no_interface
fi
finish
