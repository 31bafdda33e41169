#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What lies below an address: an interface that is made anew, under another number, is
# found again by its name; one that is down is named, and so is what soft-RoCE makes of it.
# kernels: 6.1 6.12 debug
# ci: 6.12
. "$(dirname "$0")/lib.sh"

truncate -s 16M "$VOF_TMP/image"
serve_disk()
{
	start_target --listen "rdma://[::]" --listen rdma://0.0.0.0 \
		--blk "tvqn=disk,file=$VOF_TMP/image,queues=1"
}
# Whatever becomes of a target whose adapter goes.
adapter_gone()
{
	kill_target
	within 20 "$1" rdma link delete rxe0
}
adapter_back() { rdma link add rxe0 type rxe netdev "$VOF_DEV"; }

check "an address of the link" ip -6 addr add fe80::f0/64 dev "$VOF_DEV" nodad
# The adapter learns of addresses in its own time.
gid() { grep -q 00f0 /sys/class/infiniband/rxe0/ports/1/gids/*; }
wait_for() { for ((i = 0; i < 100; i++)); do "$@" && return; sleep 0.1; done; return 1; }
check "which the adapter knows" wait_for gid
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
check "which knows the address" wait_for gid
serve_disk
check "live again" vof_wait_state d0 live 30 || note "$(vof_get d0 last_error)"
check "and works" vof_fio filename="$disk" rw=randwrite bs=4k size=8m io_size=1m \
	iodepth=8 verify=crc32c
vof_make d1 tvqn=disk "traddr=fe80::f0%$VOF_DEV"
is "its address is taken still" "$(vof_set d1 enable 1)" EEXIST
vof_disconnect d1
vof_disconnect d0

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
finish
